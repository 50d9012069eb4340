/*
 * What the store says is believed only in the very form that the scripts give it: a store that
 * somebody else writes to, or a proxy in front of it, must not be able to make a member wait for
 * ever, count a generation past its end, or read a name that no member has.
 */
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "token/fleet_store.h"

/* The longest duration, and the latest time, in ms: in ns they still fit. */
#define MS_MAX (INT64_MAX / MILLISECOND)

/* A decimal number as Redis prints it. */
static bool read_decimal(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    return text_parse_u64(text, len, out) && (text[0] != '0' || len == 1) && *out <= max;
}

static bool read_generation(const struct resp_reply *item, uint64_t *out)
{
    return item->type == RESP_STRING &&
           read_decimal(item->text, item->len, FLEET_GENERATION_MAX, out);
}

/* Not below `least` ms; as ns. */
static bool read_duration(const struct resp_reply *item, int64_t least, int64_t *out)
{
    if (item->type != RESP_INTEGER || item->integer < least || item->integer > MS_MAX)
        return false;
    *out = item->integer * MILLISECOND;
    return true;
}

static bool read_now(const struct resp_reply *item, int64_t *out)
{
    if (item->type != RESP_INTEGER || item->integer <= 0 || item->integer > MS_MAX)
        return false;
    *out = item->integer;
    return true;
}

static bool read_name(const struct resp_reply *item, const char **out)
{
    if (item->type != RESP_STRING || item->len >= FLEET_MEMBER ||
        !text_is_all(item->text, item->len, TEXT_NAME))
        return false;
    *out = item->text;
    return true;
}

static bool read_sealed(const struct resp_reply *item, struct fleet_reply *out)
{
    if (item->type != RESP_STRING || item->len == 0)
        return false;
    out->sealed = item->text;
    out->sealed_len = item->len;
    return true;
}

static bool read_members(const struct resp_reply *item, int64_t *out)
{
    if (item->type != RESP_INTEGER || item->integer < 0)
        return false;
    *out = item->integer;
    return true;
}

static bool read_nothing(const struct resp_reply *items, struct fleet_reply *out)
{
    (void)items;
    (void)out;
    return true;
}

/* Generation, duration, sealed token: there is one. */
static bool read_token(const struct resp_reply *items, struct fleet_reply *out)
{
    return read_generation(&items[0], &out->generation) && out->generation > 0 &&
           read_duration(&items[1], 1, &out->lasts) && read_sealed(&items[2], out);
}

/* The same of a look: none, or one that the member may have. */
static bool read_present(const struct resp_reply *items, struct fleet_reply *out)
{
    if (!read_generation(&items[0], &out->generation) ||
        !read_duration(&items[1], 0, &out->lasts) || (out->generation == 0) != (out->lasts == 0))
        return false;
    return items[2].type == RESP_NIL || (out->generation > 0 && read_sealed(&items[2], out));
}

static bool read_looked(const struct resp_reply *items, struct fleet_reply *out)
{
    return read_now(&items[0], &out->now) && read_present(&items[1], out) &&
           read_generation(&items[4], &out->counter) && read_duration(&items[5], 0, &out->lease) &&
           read_name(&items[6], &out->leader) && (out->lease == 0) == (out->leader[0] == '\0') &&
           read_duration(&items[7], 0, &out->wait) && read_members(&items[8], &out->members);
}

static bool read_wait(const struct resp_reply *items, struct fleet_reply *out)
{
    if (!read_duration(&items[0], 1, &out->wait))
        return false;
    if (out->wait > FLEET_LONGEST_WAIT)
        out->wait = FLEET_LONGEST_WAIT;
    return true;
}

static bool read_held(const struct resp_reply *items, struct fleet_reply *out)
{
    return read_wait(items, out) && read_name(&items[1], &out->leader) && out->leader[0] != '\0';
}

static bool read_yours(const struct resp_reply *items, struct fleet_reply *out)
{
    return read_now(&items[0], &out->now) && read_generation(&items[1], &out->fence) &&
           out->fence > 0;
}

/* The forms of the replies: a word, and so many items behind it. */
static const struct form {
    enum fleet_verb verb;
    enum fleet_answer answer;
    const char *word;
    size_t items;
    bool (*read)(const struct resp_reply *items, struct fleet_reply *out);
} forms[] = {
    {FLEET_LOOK, FLEET_LOOKED, "looked", 9, read_looked},
    {FLEET_ASK, FLEET_NEWER, "newer", 3, read_token},
    {FLEET_ASK, FLEET_HELD, "held", 2, read_held},
    {FLEET_ASK, FLEET_RECENT, "recent", 1, read_wait},
    {FLEET_ASK, FLEET_WAIT, "wait", 1, read_wait},
    {FLEET_ASK, FLEET_BUDGET, "budget", 1, read_wait},
    {FLEET_ASK, FLEET_YOURS, "yours", 2, read_yours},
    {FLEET_PUT, FLEET_STORED, "stored", 0, read_nothing},
    {FLEET_PUT, FLEET_LATE, "late", 3, read_token},
    {FLEET_FAIL, FLEET_LATE, "late", 0, read_nothing},
    {FLEET_FAIL, FLEET_NOTED, "noted", 1, read_wait},
};

static const struct form *find_form(enum fleet_verb verb, const struct resp_reply *in)
{
    if (in->type != RESP_ARRAY || in->count == 0 || in->items[0].type != RESP_STRING)
        return NULL;
    const struct resp_reply *word = &in->items[0];
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (forms[i].verb == verb && forms[i].items == in->count - 1 &&
            strlen(forms[i].word) == word->len && memcmp(forms[i].word, word->text, word->len) == 0)
            return &forms[i];
    }
    return NULL;
}

bool fleet_reply_read(enum fleet_verb verb, const struct resp_reply *in, struct fleet_reply *out)
{
    const struct form *form = find_form(verb, in);

    *out = (struct fleet_reply){.leader = ""};
    if (form == NULL || !form->read(in->items + 1, out))
        return false;
    out->answer = form->answer;
    return true;
}

/* ---- hints ---- */

/* In ms. */
#define WAIT_MAX (FLEET_LONGEST_WAIT / MILLISECOND)

static const struct hint_form {
    enum fleet_hint_kind kind;
    const char *word; /* with the space behind it */
} hint_forms[] = {
    {FLEET_HINT_NEW, "new "},
    {FLEET_HINT_GONE, "gone "},
    {FLEET_HINT_LEAKED, "leaked "},
    {FLEET_HINT_WAIT, "wait "},
};

bool fleet_hint_read(const char *text, size_t len, struct fleet_hint *out)
{
    *out = (struct fleet_hint){.kind = FLEET_HINT_NEW};
    for (size_t i = 0; i < ARRAY_LEN(hint_forms); i++) {
        const size_t word = strlen(hint_forms[i].word);
        const bool wait = hint_forms[i].kind == FLEET_HINT_WAIT;
        uint64_t number;

        if (len < word || memcmp(text, hint_forms[i].word, word) != 0)
            continue;
        if (!read_decimal(text + word, len - word, wait ? (uint64_t)WAIT_MAX : FLEET_GENERATION_MAX,
                          &number) ||
            number == 0)
            return false;
        out->kind = hint_forms[i].kind;
        out->generation = wait ? 0 : number;
        out->wait = wait ? (int64_t)number * MILLISECOND : 0;
        return true;
    }
    return false;
}
