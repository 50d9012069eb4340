/*
 * How a lookup's result becomes a response: a table by kind of result, and the two kinds that have
 * an answer.
 */
#include "front/lookup_response.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "exchange/response.h"

static void respond_invalid(struct request *request, const struct lookup_result *result)
{
    response_plain_problem(request, PROBLEM_INVALID_POSTCODE,
                           "The upstream does not accept this as a postcode (status %d).",
                           result->status);
}

static void respond_unknown(struct request *request, const struct lookup_result *result)
{
    (void)result;
    response_plain_problem(request, PROBLEM_UNKNOWN_POSTCODE,
                           "The upstream knows no such postcode.");
}

/* Why it ends here although its route has more upstreams: a sentence with a space before it. */
static const char *why_no_other(const struct lookup_result *result)
{
    return result->over_budget ? " Another upstream was not asked, for its retry_budget is used up."
                               : "";
}

/* Its Retry-After is the caller's to heed. */
static void respond_later(struct request *request, const struct lookup_result *result,
                          enum problem_id id, const char *detail)
{
    char wait[RESPONSE_RETRY_AFTER];
    const char *said = result->headers[CLIENT_RETRY_AFTER];
    if (result->retry_after > 0) {
        response_retry_after(result->retry_after, wait);
        said = wait;
    }
    const struct response_header headers[] = {{"Retry-After", said}, {NULL, NULL}};
    response_problem(request, &(struct response_problem){.id = id, .headers = headers}, "%s%s",
                     detail, why_no_other(result));
}

static void respond_rate_limited(struct request *request, const struct lookup_result *result)
{
    const bool held = result->retry_after > 0; /* nobody was called */
    respond_later(request, result, PROBLEM_RATE_LIMITED,
                  held ? "The upstream has said when it allows lookups again, and was not asked "
                         "before that. Ask more slowly."
                       : "The upstream allows no more lookups for now. Ask more slowly.");
}

static void respond_busy(struct request *request, const struct lookup_result *result)
{
    respond_later(request, result, PROBLEM_UPSTREAM_UNAVAILABLE,
                  "The upstream says it is unavailable for now. Try again later.");
}

/* What a status means that a caller cannot know, and an operator should look at. */
static const char *advise_on_status(int status)
{
    switch (status) {
    case 402:
        return "Payment is due, or the quota is used up. The operator should check the account.";
    case 407:
        return "A proxy before it demands a user. Check [upstream] proxy and proxy_password_file.";
    default:
        return "Try again; if it persists, check [upstream] address, lookup_path and "
               "lookup_target.";
    }
}

static void respond_status(struct request *request, const struct lookup_result *result)
{
    response_plain_problem(request, PROBLEM_UPSTREAM_ERROR,
                           "The upstream responded with status %d.%s %s", result->status,
                           why_no_other(result), advise_on_status(result->status));
}

static void respond_malformed(struct request *request, const struct lookup_result *result)
{
    bool too_large = result->error == CLIENT_BODY_TOO_LARGE;
    const char *error = too_large ? client_error_proxy_status(result->error) : NULL;
    response_problem(request,
                     &(struct response_problem){.id = PROBLEM_MALFORMED, .proxy_error = error},
                     "The upstream's response is not an address: %s.",
                     too_large ? "it is larger than [upstream] max_response_size" : result->reason);
}

void lookup_respond_overload(struct request *request, const char *what, const char *key)
{
    const struct response_header headers[] = {{"Retry-After", "1"}, {NULL, NULL}};
    response_problem(request,
                     &(struct response_problem){.id = PROBLEM_OVERLOADED, .headers = headers},
                     "More lookups %s at once than %s allows. Try again in 1 s.", what, key);
}

static void respond_failed(struct request *request, const struct lookup_result *result)
{
    if (result->error == CLIENT_QUEUE_FULL) {
        lookup_respond_overload(request, "wait for the upstream", "[upstream] max_connections");
        return;
    }
    const struct response_problem problem = {
        .id = PROBLEM_UNREACHABLE, .proxy_error = client_error_proxy_status(result->error)};
    response_problem(request, &problem, "The upstream %s.%s Try again later.",
                     client_error_phrase(result->error), why_no_other(result));
}

static void respond_no_turn(struct request *request, const struct lookup_result *result)
{
    char wait[RESPONSE_RETRY_AFTER];
    response_retry_after(result->retry_after, wait);
    const struct response_header headers[] = {{"Retry-After", wait}, {NULL, NULL}};
    response_problem(
        request, &(struct response_problem){.id = PROBLEM_OVERLOADED, .headers = headers},
        "More lookups wait than [upstream] rate and queue allow within the time that a "
        "lookup has. Try again in %s s.",
        wait);
}

/* What follows "status 200". */
static const char *where_rejected(const struct lookup_result *result)
{
    return result->status == 200 ? ", with an error where lookup_failed leads" : "";
}

/* It is the token endpoint's affair, and not the client's rights. */
static void respond_unreplaced(struct request *request, const struct lookup_result *result)
{
    char cause[TOKEN_CAUSE_TEXT];
    token_cause_text(result->cause, cause);
    response_plain_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
                           "The upstream rejected the token (status %d%s), and no other was "
                           "obtained: %s. Try again later; the log tells more.",
                           result->status, where_rejected(result), cause);
}

/* Revoked, and not yet replaced: it was the token after all. */
static void respond_paced(struct request *request, const struct lookup_result *result)
{
    char wait[RESPONSE_RETRY_AFTER];
    response_retry_after(result->retry_after, wait);
    response_plain_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
                           "The upstream rejected the token (status %d%s), which it had accepted. "
                           "Another one is requested in %s s if it is still rejected then.",
                           result->status, where_rejected(result), wait);
}

static void respond_rejected(struct request *request, const struct lookup_result *result)
{
    if (result->cause != NULL && result->cause->kind == TOKEN_CAUSE_PACED)
        respond_paced(request, result);
    else if (result->cause != NULL)
        respond_unreplaced(request, result);
    else if (result->status == 403)
        response_plain_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
                               "The upstream responded with 403: the client has no right to this, "
                               "its quota is used up, or the token is not accepted. The operator "
                               "should check these.");
    else
        response_plain_problem(request, PROBLEM_UPSTREAM_UNAUTHORIZED,
                               "The upstream rejected the token%s (status %d%s). The operator "
                               "should check the client's rights.",
                               result->alone ? ", which it accepts for other lookups"
                                             : ", and the one that replaced it",
                               result->status, where_rejected(result));
}

static void respond_no_token(struct request *request, const struct lookup_result *result)
{
    const bool rejected = result->status != 0; /* there was a token */
    char wait[RESPONSE_RETRY_AFTER], cause[TOKEN_CAUSE_TEXT];
    /* The budget of another upstream has room again long before there is a token. */
    response_retry_after(result->over_budget ? SECOND : result->retry_after, wait);
    token_cause_text(result->cause, cause);
    const struct response_header headers[] = {{"Retry-After", wait}, {NULL, NULL}};
    response_problem(
        request, &(struct response_problem){.id = PROBLEM_TOKEN_UNAVAILABLE, .headers = headers},
        "%s available: %s.%s Try again in %s s; the log tells more.",
        rejected ? "The upstream rejected the token, and no other is" : "No token is", cause,
        why_no_other(result), wait);
}

static void (*const responses[])(struct request *, const struct lookup_result *) = {
    [LOOKUP_INVALID] = respond_invalid,
    [LOOKUP_UNKNOWN] = respond_unknown,
    [LOOKUP_RATE_LIMITED] = respond_rate_limited,
    [LOOKUP_BUSY] = respond_busy,
    [LOOKUP_UPSTREAM_STATUS] = respond_status,
    [LOOKUP_MALFORMED] = respond_malformed,
    [LOOKUP_FAILED] = respond_failed,
    [LOOKUP_REJECTED] = respond_rejected,
    [LOOKUP_NO_TOKEN] = respond_no_token,
    [LOOKUP_NO_TURN] = respond_no_turn,
};

static void give_back(void *answer)
{
    answer_unref(answer);
}

/* A 304 whose body is not known has no content. */
static struct response_content content_of(const struct lookup_result *result, struct answer *answer)
{
    struct response_content content = {.data = result->body, .len = result->body_len};

    if (answer != NULL) {
        content.data = answer_body(answer, &content.len);
        content.release = give_back;
        content.owner = answer_ref(answer);
    } else if (result->body != NULL) {
        content.release = free;
        content.owner = result->body;
    }
    return content;
}

static void respond_answer(struct request *request, const struct lookup_result *result,
                           struct answer *answer)
{
    const struct response_header headers[] = {
        {"Content-Type", result->headers[CLIENT_CONTENT_TYPE]},
        {"Cache-Control", result->headers[CLIENT_CACHE_CONTROL]},
        {"ETag", result->headers[CLIENT_ETAG]},
        {"Last-Modified", result->headers[CLIENT_LAST_MODIFIED]},
        {NULL, NULL}};
    const struct response_content content = content_of(result, answer);

    response_body(request, result->kind == LOOKUP_ADDRESS ? ENDED_OK : ENDED_NOT_MODIFIED, &content,
                  headers);
}

void lookup_respond(struct request *request, const struct lookup_result *result,
                    struct answer *answer)
{
    if (result->kind == LOOKUP_ADDRESS || result->kind == LOOKUP_NOT_MODIFIED)
        respond_answer(request, result, answer);
    else
        responses[result->kind](request, result);
}
