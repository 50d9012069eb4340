/*
 * What is not understood makes an answer less storable. Each reason to keep nothing stands in one
 * place (may_keep), each duration in one function, and the last question is whether what is left is
 * of any use.
 *
 * The daemon sends credentials with every call, so a shared cache needs leave to keep an answer:
 * public, s-maxage or must-revalidate (RFC 9111, section 3.5).
 *
 * `ttl` counts from when the answer was received, whatever its age is by then; all else counts from
 * when it was born. That age is rounded down, so that answers have few different lifetimes: what
 * many have in common takes no room in each (cache/answer.c).
 */
#include "cache/terms.h"

#include <stddef.h>

#include "base/http_date.h"
#include "base/text.h"
#include "cache/directives.h"
#include "cache/vary.h"

/* RFC 9111, section 1.2.2. It fits in ns, twice. */
#define SECONDS_MOST (INT64_C(1) << 31)

/* By so much, at most, an answer is fresh for less than `ttl`. */
#define TTL_STEP (100 * MILLISECOND)

/* A question, with what is read for each part of its answer. */
struct judgement {
    const struct terms_question *question;
    const struct config *config;
    bool shared;
    struct directives directives; /* none where they are not honoured */
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static const char *field(const struct judgement *judgement, enum client_header_id id)
{
    return judgement->config->cache_honour ? judgement->question->headers[id] : NULL;
}

/* ---- may it be kept ---- */

/* Of all status codes that are asked about here we know what they mean (RFC 9111, 5.2.2.3). */
static bool forbids_store(const struct directives *directives)
{
    return directives->no_store && !directives->must_understand;
}

static bool permits_sharing(const struct judgement *judgement)
{
    const struct directives *directives = &judgement->directives;

    return judgement->question->unknown || judgement->config->cache_ttl > 0 ||
           directives->is_public || directives->must_revalidate ||
           (directives->s_maxage != DIRECTIVE_NONE && !directives->garbled);
}

static bool may_keep(const struct judgement *judgement)
{
    const struct directives *directives = &judgement->directives;

    if (!judgement->config->cache_honour)
        return true;
    if (judgement->question->unreadable || directives->faulty || forbids_store(directives) ||
        !vary_is_satisfied(field(judgement, CLIENT_VARY), judgement->config))
        return false;
    return !judgement->shared || (!directives->is_private && permits_sharing(judgement));
}

/* ---- times, in seconds ---- */

static bool date_of(const struct judgement *judgement, enum client_header_id id, int64_t *seconds)
{
    const char *value = field(judgement, id);
    struct wall_time wall;

    if (value == NULL || !http_date_parse(value, judgement->question->wall, &wall))
        return false;
    *seconds = wall.ns / SECOND;
    return true;
}

/* Date, or else when it was received. */
static int64_t made_at(const struct judgement *judgement)
{
    int64_t seconds;

    return date_of(judgement, CLIENT_DATE, &seconds) ? seconds
                                                     : judgement->question->wall.ns / SECOND;
}

static int64_t limited(int64_t seconds)
{
    return smaller(larger(seconds, 0), SECONDS_MOST);
}

/* The first of a list counts, and what is no number is ignored (RFC 9111, section 5.1). */
static int64_t age_field(const struct judgement *judgement)
{
    const char *value = field(judgement, CLIENT_AGE);
    int64_t age = 0;

    if (value == NULL)
        return 0;
    for (; text_is(*value, TEXT_DIGIT); value++)
        age = limited(age * 10 + (*value - '0'));
    value += text_span(value, TEXT_BLANK);
    return *value == '\0' || *value == ',' ? age : 0;
}

/* ---- durations, in ns ---- */

/* Its age when it was received (RFC 9111, section 4.2.3). */
static int64_t initial_age(const struct judgement *judgement)
{
    const struct terms_question *question = judgement->question;
    const int64_t delay = larger(mono_diff(question->received, question->sent), 0);
    const int64_t apparent = limited(question->wall.ns / SECOND - made_at(judgement));

    return larger(apparent * SECOND, age_field(judgement) * SECOND + delay);
}

/* What the upstream says (RFC 9111, section 4.2.1); DIRECTIVE_NONE: nothing. */
static int64_t stated_lifetime(const struct judgement *judgement)
{
    const struct directives *directives = &judgement->directives;
    int64_t expires;

    if (directives->no_cache)
        return 0;
    if (judgement->shared && directives->s_maxage != DIRECTIVE_NONE)
        return directives->s_maxage * SECOND;
    if (directives->max_age != DIRECTIVE_NONE)
        return directives->max_age * SECOND;
    if (field(judgement, CLIENT_EXPIRES) == NULL)
        return DIRECTIVE_NONE;
    if (!date_of(judgement, CLIENT_EXPIRES, &expires))
        return 0;
    return limited(expires - made_at(judgement)) * SECOND;
}

static int64_t lifetime(const struct judgement *judgement, int64_t age)
{
    const struct config *config = judgement->config;
    const int64_t stated = stated_lifetime(judgement);

    if (judgement->question->unknown) {
        const int64_t most = smaller(config->cache_negative_ttl, config->cache_ttl_max);
        return stated == DIRECTIVE_NONE ? most : smaller(stated, most);
    }
    if (config->cache_ttl > 0 && !judgement->directives.no_cache)
        return age / TTL_STEP * TTL_STEP + config->cache_ttl;
    return smaller(larger(stated, 0), config->cache_ttl_max);
}

/* RFC 9111, section 4.2.4: who asks for revalidation in these words gets it. */
static bool forbids_stale(const struct judgement *judgement)
{
    const struct directives *directives = &judgement->directives;

    return directives->must_revalidate || directives->no_cache ||
           (judgement->shared &&
            (directives->proxy_revalidate || directives->s_maxage != DIRECTIVE_NONE));
}

/* `stated`: seconds. The operator's word opens the window, the upstream's can only narrow it. */
static int64_t window(const struct judgement *judgement, int64_t configured, int64_t stated)
{
    if (judgement->question->unknown || forbids_stale(judgement))
        return 0;
    return stated == DIRECTIVE_NONE ? configured : smaller(configured, stated * SECOND);
}

static bool is_of_use(const struct judgement *judgement, const struct answer_terms *terms,
                      int64_t age)
{
    const struct terms_question *question = judgement->question;
    const int64_t left = terms->lifetime - age;

    if (left > 0)
        return true;
    if (question->unknown)
        return false;
    return question->has_validator || question->headers[CLIENT_ETAG] != NULL ||
           question->headers[CLIENT_LAST_MODIFIED] != NULL ||
           left + larger(terms->stale_if_error, terms->stale_while_revalidate) > 0;
}

/* ---- all of it ---- */

bool terms_judge(const struct terms_question *question, struct answer_terms *out)
{
    const struct config *config = question->config;
    struct judgement judgement = {
        .question = question, .config = config, .shared = config->cache_as == CACHE_AS_SHARED};
    const struct directives *directives = &judgement.directives;
    const int64_t age = initial_age(&judgement);

    *out = (struct answer_terms){.born = mono_add(question->received, -age)};

    directives_parse(field(&judgement, CLIENT_CACHE_CONTROL), &judgement.directives);
    if (!may_keep(&judgement))
        return false;
    out->lifetime = lifetime(&judgement, age);
    out->stale_if_error =
        window(&judgement, config->cache_stale_if_error, directives->stale_if_error);
    out->stale_while_revalidate = window(&judgement, config->cache_stale_while_revalidate,
                                         directives->stale_while_revalidate);
    return is_of_use(&judgement, out, age);
}

bool terms_caller_bypasses(const char *cache_control)
{
    struct directives directives;

    directives_parse(cache_control, &directives);
    return directives.no_store;
}
