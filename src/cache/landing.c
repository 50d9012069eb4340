/*
 * An answer is shared with the callers who wait for it whether or not it may be kept: it was asked
 * for all of them.
 */
#include "cache/landing.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cache/terms.h"

static int64_t stale_for(const struct answer *answer, struct mono_time now)
{
    return -answer_fresh_for(answer, now);
}

bool landing_covers_failure(const struct answer *stale, struct mono_time now)
{
    return stale != NULL && stale_for(stale, now) < answer_terms(stale).stale_if_error;
}

/* The place in the route of the upstream with this index. */
static size_t place_of(const struct landing_call *call, size_t index)
{
    for (size_t i = 0; i < call->route->upstream_count; i++)
        if (call->config->upstreams[call->route->upstreams[i]].index == index)
            return i;
    return call->route->upstream_count;
}

/* Of what it brought; none of the places where a reload has put another upstream there. */
static size_t place_of_result(const struct landing_call *call, const struct lookup_result *result)
{
    return result->moved ? call->route->upstream_count : place_of(call, result->stats->upstream);
}

const char *landing_upstream(const struct landing_call *call, size_t index)
{
    const size_t place = place_of(call, index);

    return place < call->route->upstream_count
               ? call->config->upstreams[call->route->upstreams[place]].name
               : NULL;
}

/* ---- what is kept ---- */

/* What was at hand is not true any more. */
static void drop_stale(const struct landing_call *call)
{
    if (call->stale != NULL)
        table_remove(cache_table(call->cache), &call->keys[call->stale_place], call->stale);
}

static bool keep(const struct landing_call *call, size_t place, struct answer *answer, bool allowed)
{
    if (allowed && place < call->route->upstream_count &&
        table_put(cache_table(call->cache), &call->keys[place], answer, call->since))
        return true;
    if (place == call->stale_place)
        drop_stale(call);
    return false;
}

static struct terms_question question_of(const struct landing_call *call,
                                         const struct lookup_result *result, struct mono_time now,
                                         struct wall_time wall)
{
    return (struct terms_question){
        .config = call->config,
        .unknown = result->kind == LOOKUP_UNKNOWN,
        .unreadable = result->unreadable,
        .has_validator = result->etag != NULL || result->last_modified != NULL ||
                         (result->kind == LOOKUP_NOT_MODIFIED && answer_has_validator(call->stale)),
        .headers = result->headers,
        .sent = result->sent,
        .received = now,
        .wall = wall,
    };
}

static void fill_outcome(struct landing *landing, const struct lookup_result *result, bool kept,
                         struct mono_time now)
{
    const bool is_news = result->headers[CLIENT_AGE] == NULL;

    landing->outcome.stored = kept;
    landing->outcome.has_answer = kept;
    landing->outcome.age = is_news ? -1 : answer_age(landing->answer, now);
    landing->outcome.fresh_for = answer_fresh_for(landing->answer, now);
}

/* ---- by kind of result ---- */

/* A 304 with another entity tag updates nothing (RFC 9111, section 4.3.4). */
static bool is_of_another(const struct answer *stale, const char *etag)
{
    const char *ours = answer_field(stale, ANSWER_ETAG);

    if (etag == NULL || ours == NULL || strcmp(etag, ours) == 0)
        return false;
    return strncmp(etag, "W/", 2) != 0 || strcmp(etag + 2, ours) != 0;
}

/* The upstream has said that it is good, this once: who asks next gets another. */
static void land_unchanged(const struct landing_call *call, struct mono_time now,
                           struct landing *landing)
{
    landing->answer = answer_ref(call->stale);
    landing->outcome.result = CACHE_REVALIDATED;
    landing->outcome.age = answer_age(call->stale, now);
    drop_stale(call);
}

/* A 304 updates what is stored. */
static void land_renewal(const struct landing_call *call, struct lookup_result *result,
                         struct mono_time now, struct wall_time wall, struct landing *landing)
{
    const bool own_body = answer_has_own_body(call->stale);
    struct answer_parts parts = {
        .fields = {[ANSWER_CONTENT_TYPE] = own_body ? NULL : result->headers[CLIENT_CONTENT_TYPE],
                   [ANSWER_CACHE_CONTROL] = result->headers[CLIENT_CACHE_CONTROL],
                   [ANSWER_ETAG] = result->etag,
                   [ANSWER_LAST_MODIFIED] = result->last_modified},
    };

    if (is_of_another(call->stale, result->etag)) {
        land_unchanged(call, now, landing);
        return;
    }
    if (result->headers[CLIENT_CACHE_CONTROL] == NULL)
        result->headers[CLIENT_CACHE_CONTROL] = answer_field(call->stale, ANSWER_CACHE_CONTROL);
    const struct terms_question question = question_of(call, result, now, wall);
    const bool allowed = terms_judge(&question, &parts.terms);

    landing->answer = answer_renew(call->stale, &parts);
    if (landing->answer == NULL) {
        land_unchanged(call, now, landing);
        return;
    }
    landing->outcome.result = CACHE_REVALIDATED;
    const bool kept = keep(call, call->stale_place, landing->answer, allowed);
    fill_outcome(landing, result, kept, now);
    landing->outcome.age = answer_age(landing->answer, now);
}

/* Whether another try, or an answer of before, is what a caller should get (RFC 5861, section 4).
 */
static bool is_failure(const struct landing_call *call, const struct lookup_result *result)
{
    switch (result->kind) {
    case LOOKUP_UPSTREAM_STATUS:
        return result->status != 410 && result->status != 451; /* gone, and not allowed */
    case LOOKUP_REJECTED: /* an upstream that is told who asks may mean the user */
        return result->status != 403 || call->config->identity_forward_header == NULL;
    case LOOKUP_ADDRESS:
    case LOOKUP_NOT_MODIFIED:
    case LOOKUP_UNKNOWN:
    case LOOKUP_INVALID:
        return false;
    default:
        return true;
    }
}

bool landing_note_failure(const struct landing_call *call, struct mono_time now)
{
    if (!landing_covers_failure(call->stale, now))
        return false;
    answer_set_failing(call->stale, true);
    (void)answer_claim(call->stale, 0, now);
    return true;
}

/* True: there is one that may be given. */
static bool take_stale(const struct landing_call *call, struct mono_time now,
                       struct landing *landing)
{
    struct answer *stale = call->stale;

    if (!landing_note_failure(call, now))
        return false;
    landing->answer = answer_ref(stale);
    landing->outcome.result = CACHE_STALE;
    landing->outcome.failed = true;
    landing->outcome.has_answer = true;
    landing->outcome.age = answer_age(stale, now);
    landing->outcome.fresh_for = answer_fresh_for(stale, now);
    return true;
}

static void land_no_answer(const struct landing_call *call, const struct lookup_result *result,
                           struct mono_time now, struct landing *landing)
{
    landing->failure = is_failure(call, result);
    if (landing->failure) {
        (void)take_stale(call, now, landing);
    } else if (place_of_result(call, result) == call->stale_place) {
        drop_stale(call);
    }
}

/* For a body for which there is no memory; as the upstream's client says it of one that is too
 * large. */
static void land_too_large(const struct landing_call *call, struct lookup_result *result,
                           struct mono_time now, struct landing *landing)
{
    result->kind = LOOKUP_MALFORMED;
    result->error = CLIENT_BODY_TOO_LARGE;
    land_no_answer(call, result, now, landing);
}

/* An address, or that there is none. */
static void land_answer(const struct landing_call *call, struct lookup_result *result,
                        struct mono_time now, struct wall_time wall, struct landing *landing)
{
    const struct terms_question question = question_of(call, result, now, wall);
    struct answer_parts parts = {
        .unknown = question.unknown,
        .own_body = result->made,
        .fields = {[ANSWER_CONTENT_TYPE] = result->headers[CLIENT_CONTENT_TYPE],
                   [ANSWER_CACHE_CONTROL] = result->headers[CLIENT_CACHE_CONTROL],
                   [ANSWER_ETAG] = result->etag,
                   [ANSWER_LAST_MODIFIED] = result->last_modified},
        .body = question.unknown ? NULL : result->body,
        .body_len = question.unknown ? 0 : result->body_len,
    };
    const bool allowed = terms_judge(&question, &parts.terms);

    landing->answer = answer_new(&parts);
    if (landing->answer == NULL) {
        land_too_large(call, result, now, landing);
        return;
    }
    const bool kept = keep(call, place_of_result(call, result), landing->answer, allowed);
    fill_outcome(landing, result, kept, now);
}

/* Ours was sent, and by the upstream that it is of. */
static bool is_renewal(const struct landing_call *call, const struct lookup_result *result)
{
    return result->kind == LOOKUP_NOT_MODIFIED && call->stale != NULL &&
           answer_has_validator(call->stale) && place_of_result(call, result) == call->stale_place;
}

void landing_judge(const struct landing_call *call, struct lookup_result *result,
                   struct mono_time now, struct wall_time wall, struct landing *landing)
{
    char *body = result->body;

    *landing = (struct landing){
        .outcome = {.result = CACHE_MISS,
                    .was_stale = call->stale != NULL,
                    .age = -1,
                    .status = result->status},
    };
    if (result->kind == LOOKUP_ADDRESS || result->kind == LOOKUP_UNKNOWN) {
        land_answer(call, result, now, wall, landing);
    } else if (is_renewal(call, result)) {
        land_renewal(call, result, now, wall, landing);
    } else {
        if (result->kind == LOOKUP_NOT_MODIFIED)
            result->kind = LOOKUP_UPSTREAM_STATUS; /* nobody asked for it */
        land_no_answer(call, result, now, landing);
    }
    result->body = NULL;
    landing->result = *result;
    free(body);
}

bool landing_give_stale(const struct landing_call *call, struct mono_time now,
                        struct landing *landing)
{
    *landing = (struct landing){.outcome = {.was_stale = true}, .failure = true};
    return take_stale(call, now, landing);
}
