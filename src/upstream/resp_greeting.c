/*
 * CLIENT SETNAME only helps operators, and an ACL may forbid it; so an error reply to it is passed
 * over, unless it says that nothing will be let in.
 *
 * A server's own text does not go into a log: where it does not know AUTH, it repeats the arguments
 * that it got, cut off where it likes, so that no search for the password would find all of it. So
 * there is a table of what servers are known to say: Redis from 5 on, Valkey, and Sentinels. Some
 * of it comes unasked, with the connection; then it seems to answer what was sent first.
 */
#include "upstream/resp_greeting.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define WORDS 3

static const struct {
    const char *begin; /* of the error's text */
    bool to_auth;      /* only where it is the reply to AUTH */
    struct resp_refusal refusal;
} refusals[] = {
    {"ERR max number of clients",
     false,
     {RESP_REFUSED, "it has as many clients as it allows (maxclients)"}},
    {"DENIED ",
     false,
     {RESP_REFUSED, "it is in protected mode: it serves its own machine alone while its user "
                    "default has no password"}},
    {"NOAUTH ", false, {RESP_AUTH, "it demands a password (NOAUTH)"}},
    {"WRONGPASS ",
     true,
     {RESP_AUTH, "the user or the password is wrong, or the user is disabled (WRONGPASS)"}},
    {"ERR invalid password", true, {RESP_AUTH, "the password is wrong"}},
    {"NOPERM ", true, {RESP_AUTH, "the user may not log in (NOPERM)"}},
    {"ERR Client sent AUTH", true, {RESP_AUTH, "it has no password, and was given one"}},
    {"ERR AUTH ", true, {RESP_AUTH, "its user \"default\" has no password, and was given one"}},
    {"ERR wrong number of arg", true, {RESP_AUTH, "it knows no users, only a password"}},
    {"ERR unknown command", true, {RESP_AUTH, "it knows no AUTH"}},
};

static char *copy_or_null(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

void resp_greeting_init(struct resp_greeting *greeting, const struct resp_settings *settings)
{
    greeting->user = copy_or_null(settings->user);
    greeting->name = copy_or_null(settings->name);
    greeting->password = NULL;
    /* Only its count of references changes. */
    if (settings->password != NULL)
        greeting->password = secret_ref((struct secret *)(uintptr_t)settings->password);
}

void resp_greeting_fini(struct resp_greeting *greeting)
{
    mem_free(greeting->user);
    mem_free(greeting->name);
    secret_unref(greeting->password);
}

/* What it says is short, and first: there is room. */
static void add(struct resp_output *output, struct resp_queue *queue, struct resp_waiting waiting,
                enum resp_kind kind, const char *const *words, const size_t *lengths, size_t count)
{
    MUST(resp_output_add(output, words, lengths, count));
    waiting.kind = kind;
    resp_queue_add(queue, waiting);
}

static void add_auth(const struct resp_greeting *greeting, struct resp_output *output,
                     struct resp_queue *queue, struct resp_waiting waiting)
{
    const char *words[WORDS] = {"AUTH", greeting->user};
    size_t lengths[WORDS] = {strlen("AUTH")}, count = 1;

    if (greeting->user != NULL)
        lengths[count++] = strlen(greeting->user);
    words[count] = secret_text(greeting->password);
    lengths[count++] = secret_len(greeting->password);
    add(output, queue, waiting, RESP_AUTHENTICATES, words, lengths, count);
}

void resp_greeting_say(const struct resp_greeting *greeting, struct resp_output *output,
                       struct resp_queue *queue, struct resp_waiting waiting)
{
    const char *const name[WORDS] = {"CLIENT", "SETNAME", greeting->name};

    if (greeting->password != NULL)
        add_auth(greeting, output, queue, waiting);
    if (greeting->name == NULL)
        return;
    const size_t lengths[WORDS] = {strlen(name[0]), strlen(name[1]), strlen(name[2])};
    add(output, queue, waiting, RESP_NAMES, name, lengths, WORDS);
}

static bool is_known(const struct resp_reply *reply, bool to_auth, struct resp_refusal *refusal)
{
    for (size_t i = 0; reply->type == RESP_ERROR && i < ARRAY_LEN(refusals); i++) {
        const char *begin = refusals[i].begin;

        if ((to_auth || !refusals[i].to_auth) && strncmp(reply->text, begin, strlen(begin)) == 0) {
            *refusal = refusals[i].refusal;
            return true;
        }
    }
    return false;
}

bool resp_greeting_is_accepted(enum resp_kind kind, const struct resp_reply *reply,
                               struct resp_refusal *refusal)
{
    bool to_auth = kind == RESP_AUTHENTICATES;

    if (reply->type == RESP_STATUS)
        return true;
    if (is_known(reply, to_auth, refusal))
        return false;
    if (reply->type != RESP_ERROR)
        *refusal = (struct resp_refusal){RESP_PROTOCOL, "its replies do not fit the commands"};
    else
        *refusal = (struct resp_refusal){RESP_REFUSED, "it answered AUTH with an unknown error"};
    return reply->type == RESP_ERROR && !to_auth;
}

struct resp_refusal resp_greeting_unasked(const struct resp_reply *reply)
{
    struct resp_refusal refusal;

    if (!is_known(reply, false, &refusal))
        refusal = (struct resp_refusal){RESP_PROTOCOL, "it sent what nothing asked for"};
    return refusal;
}
