/*
 * The keys that were obtained stay in use until others take their place: a server that is away, or
 * answers nonsense, locks nobody out. What it says is judged whole (key_fetch), so a set is taken
 * or left, and a withdrawn key goes with the first set that lacks it; with a set that has no usable
 * key, all of them go.
 *
 * A set with the same bytes is the same set: workers hear nothing of it, and go on with the
 * identities that they remember.
 *
 * Failures are logged when they begin, when their reason changes, and once a minute otherwise.
 */
#include "middleware/key_keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "middleware/key_fetch.h"
#include "middleware/key_schedule.h"

#define KEY_KEEPER_MAGIC 0x4b4b4550u
#define LOG_EVERY MINUTE

/* Cells of METRIC_KEY_FETCHES. */
enum { SUCCESS, FAILURE };

struct key_keeper {
    unsigned magic;
    struct key_keeper_ports ports;
    struct alarm *alarm;
    struct key_fetch *fetch;
    struct key_schedule schedule;
    bool started;
    struct key_view view;
    struct digest digest; /* of the set in the view */
    char *failure;        /* of the last fetch; NULL: it did not fail */
    struct mono_time logged;

    /* The fetch of key_keeper_try. */
    void (*tried)(void *arg, const char *reason); /* NULL: none is under way */
    void *tried_arg;
};

static void arm(struct key_keeper *keeper)
{
    if (keeper->started)
        alarm_set(keeper->alarm, key_schedule_next(&keeper->schedule));
}

static void fetch_now(struct key_keeper *keeper)
{
    if (!key_fetch_is_under_way(keeper->fetch))
        key_fetch_start(keeper->fetch);
}

static void wake(void *arg)
{
    MAGIC_CAST(struct key_keeper, keeper, arg, KEY_KEEPER_MAGIC);
    fetch_now(keeper);
}

/* ---- what a fetch brought ---- */

static void log_set(const struct key_keeper *keeper)
{
    const struct jwt_keys *keys = keeper->view.keys;
    const char *url = key_keeper_url(keeper);
    const char *note = jwt_keys_note(keys);

    log_notice(NULL, "identity keys of %s taken: %s", url, jwt_keys_kind(keys));
    if (note[0] != '\0')
        log_warning(NULL, "identity keys of %s: %s", url, note);
}

/* The same set again is nothing new to anybody. */
static void take_set(struct key_keeper *keeper, const struct key_fetch_result *result)
{
    const char *url = key_keeper_url(keeper);

    if (keeper->failure != NULL && keeper->started)
        log_notice(NULL, "identity keys of %s: fetched again", url);
    mem_free(keeper->failure);
    keeper->failure = NULL;
    if (keeper->view.keys != NULL && digest_same(&keeper->digest, &result->digest)) {
        log_debug(NULL, "identity keys of %s: unchanged", url);
        return;
    }
    key_view_fini(&keeper->view);
    keeper->view.keys = jwt_keys_ref(result->keys);
    keeper->digest = result->digest;
    if (!keeper->started)
        return;
    log_set(keeper);
    keeper->ports.publish(keeper->ports.arg, &keeper->view);
}

/* An answer that is no set is for somebody to mend; a server that is away comes back. */
static void log_failure(struct key_keeper *keeper, const struct key_fetch_result *result,
                        struct mono_time now)
{
    char wait[DURATION_TEXT];
    const bool detailed = result->detail[0] != '\0';
    const bool same = keeper->failure != NULL && strcmp(keeper->failure, result->reason) == 0;

    if (same && mono_diff(now, keeper->logged) < LOG_EVERY)
        return;
    keeper->logged = now;
    duration_format_rounded(mono_diff(key_schedule_next(&keeper->schedule), now), wait);
    log_write(result->unusable ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, NULL,
              "identity keys of %s could not be fetched: %s%s%s%s; %s, and the next attempt is in "
              "%s",
              key_keeper_url(keeper), result->reason, detailed ? " (" : "", result->detail,
              detailed ? ")" : "",
              keeper->view.keys != NULL ? "the last ones stay in use" : "there are none", wait);
}

static void note_failure(struct key_keeper *keeper, const struct key_fetch_result *result,
                         struct mono_time now)
{
    if (result->withdrawn)
        key_view_fini(&keeper->view);
    if (keeper->started)
        log_failure(keeper, result, now);
    mem_free(keeper->failure);
    keeper->failure = mem_strdup(result->reason);
    if (keeper->view.keys != NULL)
        return;
    keeper->view.retry_at = key_schedule_next(&keeper->schedule);
    keeper->view.proxy_status = result->proxy_status;
    if (keeper->started)
        keeper->ports.publish(keeper->ports.arg, &keeper->view);
}

static void log_next(const struct key_keeper *keeper, struct mono_time now)
{
    char wait[DURATION_TEXT];

    log_debug(NULL, "identity keys of %s: the next fetch is due in %s", key_keeper_url(keeper),
              duration_format_parts(mono_diff(key_schedule_next(&keeper->schedule), now), wait));
}

static void fetched(void *arg, const struct key_fetch_result *result)
{
    MAGIC_CAST(struct key_keeper, keeper, arg, KEY_KEEPER_MAGIC);
    const struct mono_time now = mono_now();
    void (*tried)(void *tried_arg, const char *reason) = keeper->tried;

    metric_add(METRIC_KEY_FETCHES, result->keys != NULL ? SUCCESS : FAILURE, 1);
    if (result->keys != NULL) {
        key_schedule_succeeded(&keeper->schedule, now, result->max_age, arc4random());
        take_set(keeper, result);
        log_next(keeper, now);
    } else {
        key_schedule_failed(&keeper->schedule, now, arc4random());
        note_failure(keeper, result, now);
    }
    arm(keeper);
    keeper->tried = NULL;
    if (tried != NULL)
        tried(keeper->tried_arg, keeper->failure);
    else
        keeper->ports.changed(keeper->ports.arg);
}

/* ---- its life ---- */

enum err key_keeper_new(struct loop *loop, const struct config *config,
                        const struct key_keeper_ports *ports, struct key_keeper **out)
{
    struct key_keeper *keeper = mem_zalloc(sizeof(*keeper));
    enum err err = ERR_SYSTEM;

    MAGIC_SET(keeper, KEY_KEEPER_MAGIC);
    keeper->ports = *ports;
    key_schedule_refresh(&keeper->schedule, config->identity_key_refresh);
    keeper->alarm = alarm_new(loop, wake, keeper);
    if (keeper->alarm != NULL)
        err = key_fetch_new(loop, config, fetched, keeper, &keeper->fetch);
    if (err == ERR_OK)
        *out = keeper;
    else
        key_keeper_free(keeper);
    return err;
}

void key_keeper_free(struct key_keeper *keeper)
{
    if (keeper == NULL)
        return;
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    if (keeper->fetch != NULL)
        key_fetch_free(keeper->fetch);
    alarm_free(keeper->alarm);
    key_view_fini(&keeper->view);
    mem_free(keeper->failure);
    MAGIC_CLEAR(keeper);
    mem_free(keeper);
}

void key_keeper_try(struct key_keeper *keeper, void (*tried)(void *arg, const char *reason),
                    void *arg)
{
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    MUST(!keeper->started);
    keeper->tried = tried;
    keeper->tried_arg = arg;
    fetch_now(keeper);
}

void key_keeper_start(struct key_keeper *keeper)
{
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    keeper->started = true;
    if (keeper->view.keys != NULL)
        log_set(keeper);
    arm(keeper);
}

void key_keeper_refresh(struct key_keeper *keeper, int64_t refresh)
{
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    key_schedule_refresh(&keeper->schedule, refresh);
    arm(keeper);
}

void key_keeper_fetch(struct key_keeper *keeper)
{
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    MUST(keeper->started);
    fetch_now(keeper);
}

void key_keeper_unknown(struct key_keeper *keeper)
{
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    if (keeper->started && key_schedule_unknown(&keeper->schedule, mono_now())) {
        log_debug(NULL, "identity keys of %s: a token names another", key_keeper_url(keeper));
        fetch_now(keeper);
    }
}

const struct key_view *key_keeper_view(const struct key_keeper *keeper)
{
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    return &keeper->view;
}

const char *key_keeper_failure(const struct key_keeper *keeper)
{
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    return keeper->failure;
}

const char *key_keeper_url(const struct key_keeper *keeper)
{
    MAGIC_OK(keeper, KEY_KEEPER_MAGIC);
    return key_fetch_url(keeper->fetch);
}

struct digest key_keeper_digest(const struct config *config)
{
    return key_fetch_digest(config);
}
