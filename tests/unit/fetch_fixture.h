/*
 * A token request to a scripted endpoint, for the tests of it: the configuration is made of lines,
 * and what came of the request stands in variables.
 */
#ifndef FETCH_FIXTURE_H
#define FETCH_FIXTURE_H

#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/mem.h"
#include "endpoint.h"
#include "upstream/client.h"
#include "scratch.h"
#include "suite.h"

/* The odd characters of a secret: all that has a meaning in a form, in Basic, or in UTF-8. */
#define ODD "p w:&=+%*-._~/\xc3\xa9"
#define ODD_ENCODED "p+w%3A%26%3D%2B%25*-._%7E%2F%C3%A9"

static struct loop *loop;
static struct token_fetch *fetch;
static struct config *config;
static struct peer peer;
static bool (*may_repeat)(void *arg, const char *guid); /* NULL: always */

/* What `done` told. */
static unsigned ended;
static enum keeper_result_kind kind;
static int64_t retry_after;
static char problem[1024];
static char cause[TOKEN_CAUSE_TEXT];
static char value[64];
static int64_t lifetime;
static struct mono_time sent;

static void write_file(const char *name, const char *text)
{
    scratch_write(name, text, strlen(text), 0600);
}

static void setup(void)
{
    scratch_make();
    ck_assert_int_eq(client_global_start(), ERR_OK);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    memset(heard, 0, sizeof(heard));
    ended = 0;
    may_repeat = NULL;
    write_file("one", ODD "\n");
    write_file("two", "second");
}

static void teardown(void)
{
    if (fetch != NULL)
        token_fetch_free(fetch);
    fetch = NULL;
    config_unref(config);
    loop_drain(loop);
    loop_free(loop);
    client_global_stop();
    scratch_remove();
}

static void on_done(void *arg, const struct keeper_result *result, struct mono_time when)
{
    ck_assert_ptr_eq(arg, &ended);
    ended++;
    kind = result->kind;
    retry_after = result->retry_after;
    snprintf(problem, sizeof(problem), "%s", result->reason != NULL ? result->reason : "");
    token_cause_text(&result->cause, cause);
    snprintf(value, sizeof(value), "%s %s", kind == KEEPER_GRANTED ? result->grant.type : "",
             kind == KEEPER_GRANTED ? result->grant.value : "");
    lifetime = result->grant.lifetime;
    sent = when;
    loop_stop(loop);
}

/* keys: lines of [upstream u] besides address and client_id; %s stands for the endpoint's origin.
 */
static void make_fetch_with(const char *keys, void (*script)(struct peer *peer), void *arg)
{
    struct config_faults faults = {.items = NULL};
    char *path = scratch_path("x.ini");
    char lines[1024];

    peer_start(&peer, script, arg);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(lines, sizeof(lines), keys, peer.origin);
#pragma GCC diagnostic pop
    char *text =
        mem_printf("[identity]\nmode = off\n[upstream u]\nclient_id = the id\n%s\n", lines);
    write_file("x.ini", text);
    config = config_load(NULL, path, false, NULL, NULL, &faults);
    ck_assert_msg(config != NULL, "%s", faults.count > 0 ? faults.items[0].text : "?");
    config_faults_fini(&faults);
    const struct token_fetch_ports ports = {
        .arg = &ended, .done = on_done, .may_repeat = may_repeat};
    ck_assert_int_eq(token_fetch_new(loop, config, config->upstreams, &ports, &fetch), ERR_OK);
    mem_free(text);
    mem_free(path);
}

static void make_fetch(const char *keys, const char *const *answers)
{
    make_fetch_with(keys, answer_in_turn, (void *)(uintptr_t)answers);
}

static void run(const char *guid)
{
    unsigned before = ended;

    token_fetch_start(fetch, guid);
    ck_assert_uint_eq(ended, before);
    loop_run(loop);
    ck_assert_uint_eq(ended, before + 1);
}

#define ONE_SECRET "address = %s\nclient_secret_file = one\n"
#define ONE_QUOTED "address = %s\nclient_secret = q\"\\&\n"
#define TWO_SECRETS "address = %s\nclient_secret_file = one, two\n"

/* Cuts the value of a header out of a request that was heard. */
static inline void header_of(const char *request, const char *name, char *out, size_t size)
{
    char *line = mem_printf("\r\n%s: ", name);
    const char *start = strstr(request, line);

    ck_assert_msg(start != NULL, "no %s in:\n%s", name, request);
    start += strlen(line);
    snprintf(out, size, "%.*s", (int)strcspn(start, "\r"), start);
    mem_free(line);
}

#endif
