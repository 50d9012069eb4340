/*
 * `hit` and `fwd` exclude each other (RFC 9211, section 2.1): a stale answer is a hit where the
 * upstream was not asked or did not respond, and `fwd=stale` where it responded and was of no use.
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

/* Digits are put by hand: this is written for every hit. Where to go on. */
static char *put_number(char *out, int64_t n)
{
    char digits[20];
    size_t count = 0;
    uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;

    do
        digits[count++] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (n < 0)
        *out++ = '-';
    while (count > 0)
        *out++ = digits[--count];
    *out = '\0';
    return out;
}

static char *put_forward(char *out, const struct cache_outcome *outcome)
{
    out = stpcpy(stpcpy(out, "; fwd="), forwarded_for(outcome));
    if (outcome->status != 0)
        out = put_number(stpcpy(out, "; fwd-status="), outcome->status);
    if (outcome->result == CACHE_JOINED)
        out = stpcpy(out, "; collapsed");
    return outcome->stored ? stpcpy(out, "; stored") : out;
}

void cache_status_write(const struct cache_outcome *outcome, char out[CACHE_STATUS_TEXT])
{
    out = stpcpy(out, "postcoded");
    out = is_hit(outcome) ? stpcpy(out, "; hit") : put_forward(out, outcome);
    if (outcome->has_answer)
        put_number(stpcpy(out, "; ttl="), seconds_of(outcome->fresh_for));
}
