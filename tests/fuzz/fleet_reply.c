/*
 * Replies and hints of a fleet's store. The first byte says to which verb, or that it is a hint; a
 * reply follows in lines, an item each: "$text", ":number", "_" for nil, and "+", "-", "*" for
 * types that no item has. What is believed of a reply is within its bounds, and a hint that is
 * believed can be printed again as it came.
 */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "token/fleet_store.h"

#define ITEMS 16

static void take_item(struct piece line, struct resp_reply *item)
{
    const struct piece rest = {line.data + (line.len > 0), line.len - (line.len > 0)};
    uint64_t number = 0;

    *item = (struct resp_reply){.text = piece_text(rest)};
    item->len = strlen(item->text);
    switch (line.len > 0 ? line.data[0] : '_') {
    case '$':
        item->type = RESP_STRING;
        break;
    case ':':
        item->type = RESP_INTEGER;
        (void)text_parse_u64(item->text, item->len, &number);
        item->integer = (int64_t)number;
        break;
    case '+':
        item->type = RESP_STATUS;
        break;
    case '-':
        item->type = RESP_ERROR;
        break;
    case '*':
        item->type = RESP_ARRAY;
        break;
    default:
        item->type = RESP_NIL;
    }
}

static void check_duration(int64_t ns)
{
    MUST(ns >= 0 && ns % MILLISECOND == 0);
}

static void check_token(const struct fleet_reply *out)
{
    MUST((out->generation == 0) == (out->lasts == 0));
    MUST((out->sealed == NULL) == (out->sealed_len == 0));
    MUST(out->sealed == NULL || out->generation > 0);
    MUST(out->sealed != NULL || (out->answer != FLEET_NEWER));
}

static void check_reply(enum fleet_verb verb, const struct fleet_reply *out)
{
    MUST(strlen(out->leader) < FLEET_MEMBER);
    MUST(text_is_all(out->leader, strlen(out->leader), TEXT_NAME));
    MUST(out->generation <= FLEET_GENERATION_MAX && out->counter <= FLEET_GENERATION_MAX &&
         out->fence <= FLEET_GENERATION_MAX);
    MUST(out->now >= 0 && out->now <= INT64_MAX / MILLISECOND && out->members >= 0);
    check_duration(out->lasts);
    check_duration(out->lease);
    check_duration(out->wait);
    MUST(out->answer == FLEET_LOOKED || out->wait <= FLEET_LONGEST_WAIT);
    check_token(out);
    MUST((out->answer == FLEET_YOURS) == (out->fence > 0));
    MUST((out->answer == FLEET_LOOKED) == (verb == FLEET_LOOK));
    MUST((out->now > 0) == (out->answer == FLEET_YOURS || out->answer == FLEET_LOOKED));
}

static void play_reply(enum fleet_verb verb, struct piece rest)
{
    struct resp_reply items[ITEMS];
    struct resp_reply in = {.type = RESP_ARRAY, .items = items};
    struct fleet_reply out;

    while (rest.len > 0 && in.count < ITEMS)
        take_item(piece_until(&rest, '\n'), &items[in.count++]);
    if (fleet_reply_read(verb, &in, &out))
        check_reply(verb, &out);
    for (size_t i = 0; i < in.count; i++)
        free((void *)(uintptr_t)items[i].text);
}

static void play_hint(struct piece input)
{
    static const char *const words[] = {"new", "gone", "leaked", "wait"};
    char *text = piece_exact(input), again[64];
    struct fleet_hint out;

    if (fleet_hint_read(text, input.len, &out)) {
        const uint64_t number =
            out.kind == FLEET_HINT_WAIT ? (uint64_t)(out.wait / MILLISECOND) : out.generation;
        const int len = snprintf(again, sizeof(again), "%s %" PRIu64, words[out.kind], number);
        MUST((size_t)len == input.len && memcmp(again, text, input.len) == 0);
        MUST(number > 0 && out.generation <= FLEET_GENERATION_MAX && out.wait >= 0 &&
             out.wait <= FLEET_LONGEST_WAIT);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct piece rest = {(const char *)data + 1, size - 1};
    if (data[0] == 'h')
        play_hint(rest);
    else
        play_reply((enum fleet_verb)(data[0] % FLEET_VERBS), rest);
    return 0;
}
