/*
 * Commands as words: verb, script, keys, arguments, in the order that token/fleet_scripts.c unpacks
 * them in. Numbers and keys are printed into the words' own text; what a command brings as bytes is
 * pointed to.
 */
#include "token/fleet_store.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

/* Which keys each script is given. */
static const char *const key_names[FLEET_VERBS] = {
    [FLEET_LOOK] = "tlgw",
    [FLEET_ASK] = "tlgrwfb",
    [FLEET_PUT] = "tlgwf",
    [FLEET_FAIL] = "lwf",
};

static const char *const wish_words[] = {
    [TOKEN_WISH_FIRST] = "first",         [TOKEN_WISH_SCHEDULE] = "schedule",
    [TOKEN_WISH_REFUSED] = "refused",     [TOKEN_WISH_HAND] = "hand",
    [TOKEN_WISH_FORGOTTEN] = "forgotten",
};

static const char *const failure_words[] = {
    [FLEET_FAILED] = "failed",
    [FLEET_CREDENTIALS] = "credentials",
    [FLEET_STALLED] = "stalled",
};

/* Words being made; `used` of their text. */
struct maker {
    struct fleet_words *words;
    size_t used;
};

static void add(struct maker *maker, const void *bytes, size_t len)
{
    struct fleet_words *words = maker->words;

    MUST(words->count < FLEET_WORDS);
    words->words[words->count] = bytes;
    words->lengths[words->count++] = len;
}

static void add_text(struct maker *maker, const char *text)
{
    add(maker, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void add_printed(struct maker *maker,
                                                              const char *format, ...)
{
    char *out = maker->words->text + maker->used;
    const size_t room = sizeof(maker->words->text) - maker->used;
    va_list args;

    va_start(args, format);
    const int len = vsnprintf(out, room, format, args);
    va_end(args);
    MUST(len >= 0 && (size_t)len < room);
    maker->used += (size_t)len + 1;
    add(maker, out, (size_t)len);
}

static void add_number(struct maker *maker, uint64_t number)
{
    MUST(number <= INT64_MAX);
    add_printed(maker, "%" PRIu64, number);
}

/* Rounded up: a lease must not end before its holder thinks so, nor a wait before it is over. */
static void add_ms(struct maker *maker, int64_t ns)
{
    MUST(ns >= 0);
    add_number(maker, (uint64_t)(ns / MILLISECOND + (ns % MILLISECOND != 0)));
}

static void add_script(struct maker *maker, enum fleet_verb verb, bool whole)
{
    add_text(maker, whole ? "EVAL" : "EVALSHA");
    add_text(maker, whole ? fleet_script_text(verb) : fleet_script_name(verb));
}

static void add_keys(struct maker *maker, const char *prefix, const struct fleet_command *command)
{
    const char *names = key_names[command->verb];

    add_number(maker, strlen(names));
    for (; *names != '\0'; names++)
        add_printed(maker, "%s:{%s}:%c", prefix, command->id, *names);
}

static void add_ask(struct maker *maker, const struct fleet_command *command)
{
    add_number(maker, command->have);
    add_text(maker, command->member);
    add_ms(maker, command->lease);
    add_text(maker, wish_words[command->wish]);
    add_number(maker, (uint64_t)command->limit);
    add_ms(maker, FLEET_GUARD);
}

static void add_put(struct maker *maker, const struct fleet_command *command)
{
    add_text(maker, command->member);
    add_number(maker, command->fence);
    add(maker, command->sealed, command->sealed_len);
    add_number(maker, (uint64_t)command->expire_at);
}

static void add_fail(struct maker *maker, const struct fleet_command *command)
{
    add_text(maker, command->member);
    add_number(maker, command->fence);
    add_text(maker, failure_words[command->failure]);
    add_ms(maker, command->floor);
    add_number(maker, command->random);
}

void fleet_words_make(struct fleet_words *out, const char *prefix,
                      const struct fleet_command *command, bool whole)
{
    struct maker maker = {.words = out};

    out->count = 0;
    add_script(&maker, command->verb, whole);
    add_keys(&maker, prefix, command);
    add_printed(&maker, "%s:{%s}:c", prefix, command->id);
    switch (command->verb) {
    case FLEET_LOOK:
        add_number(&maker, command->have);
        break;
    case FLEET_ASK:
        add_ask(&maker, command);
        break;
    case FLEET_PUT:
        add_put(&maker, command);
        break;
    case FLEET_FAIL:
        add_fail(&maker, command);
        break;
    }
}

void fleet_channel(const char *prefix, const char *id, char out[FLEET_CHANNEL])
{
    const int len = snprintf(out, FLEET_CHANNEL, "%s:{%s}:c", prefix, id);

    MUST(len > 0 && len < FLEET_CHANNEL);
}
