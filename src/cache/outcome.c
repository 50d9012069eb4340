/*
 * `hit` and `fwd` exclude each other (RFC 9211, section 2.1): a stale answer is a hit where no call
 * was made for it, and `fwd=stale` where one was, and was of no use.
 */
#include "cache/outcome.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"

const char *cache_result_word(enum cache_result result)
{
    static const char *const words[CACHE_RESULT_COUNT] = {
#define CACHE_RESULT_WORD(id, word) [id] = (word),
        CACHE_RESULTS(CACHE_RESULT_WORD)
#undef CACHE_RESULT_WORD
    };

    MUST((size_t)result < CACHE_RESULT_COUNT);
    return words[result];
}

/* No call was made for it, not even in vain (RFC 9211, section 2.1). */
static bool is_hit(const struct cache_outcome *outcome)
{
    return outcome->result == CACHE_HIT || (outcome->result == CACHE_STALE && !outcome->was_stale);
}

/* No key is the same for two variants, so what is not there was never asked for: uri-miss. */
static const char *forwarded_for(const struct cache_outcome *outcome)
{
    if (outcome->result == CACHE_BYPASS)
        return "bypass";
    return outcome->was_stale || outcome->result == CACHE_REVALIDATED ? "stale" : "uri-miss";
}

/* Whole seconds, rounded away from 0: what is fresh is above it, and what is stale below. */
static int64_t seconds_of(int64_t ns)
{
    return ns / SECOND + (ns % SECOND > 0) - (ns % SECOND < 0);
}

/* Where it is written, and the room that is left. It is done by hand: there is one for every hit.
 */
struct line {
    char *at;
    size_t room; /* without the NUL */
};

static void put(struct line *line, const char *text)
{
    const size_t len = strlen(text);

    MUST(len <= line->room);
    line->at = mempcpy(line->at, text, len);
    line->room -= len;
    *line->at = '\0';
}

static void put_number(struct line *line, int64_t n)
{
    char digits[sizeof("-9223372036854775808")];
    char *at = digits + sizeof(digits) - 1;
    uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;

    *at = '\0';
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (n < 0)
        *--at = '-';
    put(line, at);
}

static void put_forward(struct line *line, const struct cache_outcome *outcome)
{
    put(line, "; fwd=");
    put(line, forwarded_for(outcome));
    if (outcome->status != 0) {
        put(line, "; fwd-status=");
        put_number(line, outcome->status);
    }
    if (outcome->result == CACHE_JOINED)
        put(line, "; collapsed");
    if (outcome->stored)
        put(line, "; stored");
}

void cache_status_write(const struct cache_outcome *outcome, char out[CACHE_STATUS_TEXT])
{
    struct line line = {.at = out, .room = CACHE_STATUS_TEXT - 1};

    put(&line, "postcoded");
    if (is_hit(outcome))
        put(&line, "; hit");
    else
        put_forward(&line, outcome);
    if (outcome->has_answer) {
        put(&line, "; ttl=");
        put_number(&line, seconds_of(outcome->fresh_for));
    }
}
