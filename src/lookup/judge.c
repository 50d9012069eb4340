/*
 * By status first; the body counts for a 200 alone. A token that is no longer valid is reported by
 * a 401, by a challenge in another rejection (RFC 6750, section 3.1), or by an error in a 200 where
 * lookup_failed says so.
 */
#include "lookup/judge.h"

#include "upstream/challenge.h"

bool judge_has_status(const struct upstream_response *response)
{
    return response->error == CLIENT_OK || response->error == CLIENT_BODY_TOO_LARGE;
}

static enum lookup_result_kind by_status(int status)
{
    switch (status) {
    case 304:
        return LOOKUP_NOT_MODIFIED;
    case 400:
    case 422:
        return LOOKUP_INVALID;
    case 401:
    case 403:
        return LOOKUP_REJECTED;
    case 204:
    case 404:
        return LOOKUP_UNKNOWN;
    case 429:
        return LOOKUP_RATE_LIMITED;
    case 503:
        return LOOKUP_BUSY;
    default:
        return LOOKUP_UPSTREAM_STATUS;
    }
}

struct body_rules judge_body_rules(const struct config_upstream *upstream)
{
    return (struct body_rules){
        .found = upstream->lookup_found.pointer,
        .failed = upstream->lookup_failed.pointer,
        .postcode = upstream->address_postcode.pointer,
        .country = upstream->address_country.pointer,
        .country_constant = upstream->address_country.constant,
        .address = upstream->answer == ANSWER_ADDRESS,
    };
}

/* identity was asked for. */
static bool is_compressed(const struct upstream_response *response, struct reason *reason)
{
    const char *coding = upstream_response_coding(response);

    if (coding != NULL)
        reason_set(reason, "it is compressed (%s), although identity was asked for", coding);
    return coding != NULL;
}

static void take_body(struct upstream_response *response, struct body_answer *answer,
                      struct lookup_result *result)
{
    result->kind = LOOKUP_ADDRESS;
    if (answer->text != NULL) {
        result->body = answer->text;
        result->body_len = answer->len;
        result->made = true;
        result->headers[CLIENT_CONTENT_TYPE] = "application/json";
        /* They are of the upstream's body, not of this one. */
        result->headers[CLIENT_ETAG] = NULL;
        result->headers[CLIENT_LAST_MODIFIED] = NULL;
    } else {
        result->body_len = response->body_len;
        result->body = upstream_response_take_body(response);
    }
}

static void malformed(struct lookup_result *result, const struct reason *reason)
{
    result->kind = LOOKUP_MALFORMED;
    result->reason = reason->text;
}

/* A 200. True: its body says that the token is not valid. */
static bool judge_body(const struct judge_question *question, struct upstream_response *response,
                       struct lookup_result *result, struct reason *reason)
{
    const struct body_rules rules = judge_body_rules(question->upstream);
    struct body_answer answer;

    if (question->outline != NULL)
        body_outline(response->body, response->body_len, question->outline);
    if (is_compressed(response, reason)) {
        malformed(result, reason);
        return false;
    }
    switch (body_check(&rules, response->body, response->body_len, question->postcode, &answer,
                       reason)) {
    case BODY_GOOD:
        take_body(response, &answer, result);
        break;
    case BODY_UNKNOWN:
        result->kind = LOOKUP_UNKNOWN;
        break;
    case BODY_REJECTED:
        result->kind = LOOKUP_REJECTED;
        return true;
    case BODY_MALFORMED:
        malformed(result, reason);
        break;
    }
    return false;
}

static bool is_challenge(const struct upstream_response *response)
{
    return (response->status == 400 || response->status == 403) &&
           challenge_says_invalid_token(response->headers[CLIENT_WWW_AUTHENTICATE]);
}

bool judge_response(const struct judge_question *question, struct upstream_response *response,
                    struct lookup_result *result, struct reason *reason)
{
    if (!judge_has_status(response)) {
        result->kind = LOOKUP_FAILED;
        return false;
    }
    if (response->status == 200 && response->error == CLIENT_BODY_TOO_LARGE) {
        result->kind = LOOKUP_MALFORMED;
        return false;
    }
    if (response->status == 200)
        return judge_body(question, response, result, reason);
    const bool challenged = is_challenge(response);
    result->kind = challenged ? LOOKUP_REJECTED : by_status(response->status);
    return challenged || response->status == 401;
}
