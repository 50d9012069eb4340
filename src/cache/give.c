/* The caller's conditionals are judged here, by the answer that it would get. */
#include "cache/give.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "cache/conditional.h"

/* An ETag of another body than this one is of no use to a caller. */
static void fill_headers(const struct answer *answer, struct lookup_result *result)
{
    const bool own = answer_has_own_body(answer);

    result->headers[CLIENT_CONTENT_TYPE] = answer_field(answer, ANSWER_CONTENT_TYPE);
    result->headers[CLIENT_CACHE_CONTROL] = answer_field(answer, ANSWER_CACHE_CONTROL);
    result->headers[CLIENT_ETAG] = own ? NULL : answer_field(answer, ANSWER_ETAG);
    result->headers[CLIENT_LAST_MODIFIED] = own ? NULL : answer_field(answer, ANSWER_LAST_MODIFIED);
}

static bool has_it_already(const struct give_to *to, const struct lookup_result *result)
{
    return (to->if_none_match != NULL || to->if_modified_since != NULL) &&
           conditional_holds(to->if_none_match, to->if_modified_since, result->headers[CLIENT_ETAG],
                             result->headers[CLIENT_LAST_MODIFIED], wall_now());
}

void give(const struct give_to *to, const struct lookup_result *result, struct answer *answer,
          const struct cache_outcome *outcome)
{
    struct lookup_result given = answer == NULL ? *result : (struct lookup_result){.kind = 0};

    given.stats = to->stats;
    metric_add(METRIC_CACHE, outcome->result, 1);
    if (outcome->failed)
        metric_add(METRIC_CACHE_STALE_IF_ERROR, 0, 1);
    if (answer == NULL || answer_is_unknown(answer)) {
        given.kind = answer == NULL ? result->kind : LOOKUP_UNKNOWN;
        to->done(to->arg, &given, NULL, outcome);
        return;
    }
    fill_headers(answer, &given);
    given.kind = has_it_already(to, &given) ? LOOKUP_NOT_MODIFIED : LOOKUP_ADDRESS;
    if (given.kind == LOOKUP_NOT_MODIFIED)
        given.headers[CLIENT_CONTENT_TYPE] = NULL; /* RFC 9110, section 15.4.5 */
    to->done(to->arg, &given, answer, outcome);
}
