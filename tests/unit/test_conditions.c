/* front/conditions.h: hand-made overviews in false time; each condition, and its absence. */
#include "front/conditions.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fleet_stub.h"
#include "front/history_internal.h"
#include "suite.h"

#define NOW ((struct mono_time){.ns = 100000 * SECOND})
#define NOON ((struct wall_time){.ns = INT64_C(1790942400) * SECOND}) /* 2026-10-02T12:00:00Z */

static struct overview *overview;
static struct overview_upstream *upstream;
static struct history *history;

static struct mono_time ago(int64_t duration)
{
    return mono_add(NOW, -duration);
}

/* All is well: two hours of 10 calls in each sample, most of 10 to 25 ms. */
static void setup(void)
{
    history = history_new(ago(HISTORY_SPAN));
    history_begin(history, 0, "u");
    history->taken = HISTORY_SAMPLES;
    for (size_t age = 0; age < HISTORY_SAMPLES; age++) {
        struct history_sample *sample = &history->samples[HISTORY_SAMPLES - 1 - age];
        struct history_upstream_sample *own =
            &history->upstreams[0]->samples[HISTORY_SAMPLES - 1 - age];

        sample->at = ago((int64_t)age * HISTORY_INTERVAL);
        sample->length = HISTORY_INTERVAL;
        sample->busy_permille = 40;
        sample->codes[ENDED_OK] = 10;
        own->classes[HISTORY_GOOD] = 10;
        own->calls.cells[8] = 10;
    }
    overview = calloc(1, sizeof(*overview));
    ck_assert_ptr_nonnull(overview);
    overview->now = NOW;
    overview->wall = NOON;
    overview->ready = true;
    overview->history = history;
    overview->request_timeout = 5 * SECOND;
    overview->workers = 2;
    overview->connections = 3;
    overview->max_connections = 1024;
    overview->max_in_flight = 512;
    overview->tls_expiry.ns = NOON.ns + 15 * 24 * HOUR;
    overview->upstream_count = 1;
    upstream = &overview->upstreams[0];
    *upstream = (struct overview_upstream){
        .name = "u",
        .token = {.state = KEEPER_VALID,
                  .state_name = "valid",
                  .ready = true,
                  .generation = 3,
                  .fingerprint = "01234567",
                  .expires_in = 30 * MINUTE + 10 * SECOND,
                  .usable_for = 30 * MINUTE,
                  .next_request_in = 25 * MINUTE},
        .budget = 60,
    };
}

static void teardown(void)
{
    free(overview);
    history_free(history);
}

static struct history_sample *sample_at(size_t age)
{
    return &history->samples[HISTORY_SAMPLES - 1 - age];
}

static struct history_upstream_sample *own_at(size_t age)
{
    return &history->upstreams[0]->samples[HISTORY_SAMPLES - 1 - age];
}

static void event(enum history_event_kind kind, int64_t before)
{
    struct history_upstream *own = history->upstreams[0];

    own->events[own->events_noted++] = (struct history_event){.at = ago(before), .kind = kind};
}

static void has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in \"%s\"", part, text);
}

static void fill(size_t count)
{
    conditions_fill(overview);
    for (size_t i = 0; i < overview->condition_count; i++)
        if (overview->condition_count != count)
            printf("    %s: %s: %s\n", overview->conditions[i].what, overview->conditions[i].why,
                   overview->conditions[i].action);
    ck_assert_uint_eq(overview->condition_count, count);
}

/* There is exactly this one. */
static const struct condition *only(enum condition_level level, const char *what)
{
    fill(1);
    const struct condition *found = &overview->conditions[0];

    ck_assert_int_eq(found->level, level);
    ck_assert_str_eq(found->what, what);
    return found;
}

static void none(void)
{
    fill(0);
}

START_TEST(all_is_well)
{
    none();
    history->taken = 0; /* just started */
    none();
}
END_TEST

static size_t bucket_of(double bound)
{
    static const double bounds[METRIC_BUCKET_COUNT] = METRIC_BUCKETS;
    size_t i = 0;

    while (i < METRIC_BUCKET_COUNT && bounds[i] < bound)
        i++;
    ck_assert_uint_lt(i, METRIC_BUCKET_COUNT);
    return i;
}

/* Bucket of durations, for so many samples; `of` its 10 calls. */
static void slow_down(size_t samples, size_t bucket, uint32_t of)
{
    for (size_t age = 0; age < samples; age++) {
        own_at(age)->calls.cells[8] = 10 - of;
        own_at(age)->calls.cells[bucket] = of;
    }
}

/* ---- the token endpoint ---- */

static void endpoint_fails(enum token_cause_kind kind, const char *error)
{
    upstream->token.cause = (struct token_cause){.kind = kind, .status = 503};
    upstream->token.last_error = error;
    upstream->token.last_error_age = 2 * SECOND;
    upstream->token.next_request_in = 3 * SECOND;
    event(HISTORY_REQUEST_FAILED, HOUR);
    event(HISTORY_OBTAINED, 50 * MINUTE);
    event(HISTORY_REQUEST_FAILED, 90 * SECOND);
    event(HISTORY_REQUEST_FAILED, 2 * SECOND);
}

static void lose_token(void)
{
    upstream->token.fingerprint[0] = '\0';
    upstream->token.ready = false;
    upstream->token.state = KEEPER_BACKOFF;
    upstream->token.state_name = "backing_off";
    upstream->token.lacking_since = ago(10 * SECOND);
}

START_TEST(endpoint_down_with_a_token)
{
    endpoint_fails(TOKEN_CAUSE_FAILED, "the token endpoint responded with 503");
    const struct condition *found =
        only(CONDITION_WARNING, "The token endpoint answers with errors");
    ck_assert_str_eq(found->upstream, "u");
    ck_assert_int_eq(found->since.ns, ago(90 * SECOND).ns);
    ck_assert_str_eq(found->why,
                     "the token endpoint responded with 503; lookups fail from 12:30:00 UTC on "
                     "unless it recovers; the next request is due at 12:00:03 UTC");
    ck_assert_int_eq(found->until.ns, NOW.ns + 30 * MINUTE);
    has(found->action, "asks again by itself");
}
END_TEST

START_TEST(endpoint_down_without_a_token)
{
    endpoint_fails(TOKEN_CAUSE_NO_RESPONSE, "the token endpoint refused the connection");
    lose_token();
    const struct condition *found = only(CONDITION_DOWN, "The token endpoint cannot be reached");
    has(found->why, "there is no token, and lookups fail; the next request is due at 12:00:03");
    ck_assert_int_eq(found->until.ns, 0);
}
END_TEST

static const struct {
    enum token_cause_kind kind;
    const char *what, *action;
} endpoint_causes[] = {
    {TOKEN_CAUSE_TIMED_OUT, "The token endpoint does not answer in time", "network"},
    {TOKEN_CAUSE_CREDENTIALS, "The token endpoint refuses the client's id or secret",
     "client_secret_file"},
    {TOKEN_CAUSE_REJECTED, "The token endpoint refuses the token request", "auth_scope"},
    {TOKEN_CAUSE_UNUSABLE, "The token endpoint's answers hold no usable token", "--probe"},
    {TOKEN_CAUSE_EXPIRED, "The token endpoint gives tokens that have expired", "clock"},
    {TOKEN_CAUSE_UNSIGNED, "Token requests cannot be signed", "auth_key_file"},
    {TOKEN_CAUSE_FLEET_WAIT, "Another member of the fleet gets no token", "Its log"},
    {TOKEN_CAUSE_FLEET_UNOPENED, "The token in the fleet's store cannot be opened here",
     "key_file"},
    {TOKEN_CAUSE_FLEET_ALONE, "The fleet's store cannot be reached", "[fleet] alone"},
};

START_TEST(each_cause_of_the_endpoint)
{
    endpoint_fails(endpoint_causes[_i].kind, "as it was");
    const struct condition *found = only(CONDITION_WARNING, endpoint_causes[_i].what);
    has(found->why, "as it was; ");
    has(found->action, endpoint_causes[_i].action);
}
END_TEST

/* A server's long words leave room for what becomes of lookups, and no half of a character. */
START_TEST(a_long_error)
{
    char error[1024] = "the token endpoint responded with 400: ";

    for (size_t i = strlen(error); i + 2 < 900; i += 2)
        memcpy(error + i, "\xc3\xa9", 3);
    endpoint_fails(TOKEN_CAUSE_REJECTED, error);
    const struct condition *found =
        only(CONDITION_WARNING, "The token endpoint refuses the token request");
    has(found->why, "\xc3\xa9...; lookups fail from 12:30:00 UTC on unless it recovers");
}
END_TEST

START_TEST(no_token_yet)
{
    lose_token();
    upstream->token.state = KEEPER_FETCHING;
    const struct condition *found = only(CONDITION_DOWN, "There is no token yet");
    ck_assert_int_eq(found->since.ns, ago(10 * SECOND).ns);
    upstream->token.ready = true; /* with prefetch off */
    none();
}
END_TEST

/* ---- the upstream rejects it ---- */

static void lookups_fail(struct health_failure failure, bool down)
{
    upstream->health = (struct health_state){.failing = true,
                                             .down = down,
                                             .since = ago(40 * SECOND),
                                             .last = ago(SECOND),
                                             .failure = failure};
}

START_TEST(a_fresh_token_rejected_too)
{
    upstream->token.state = KEEPER_SUSPECT;
    event(HISTORY_REJECTED, 20 * SECOND);
    const struct condition *found = only(CONDITION_WARNING, "The upstream rejects the token");
    ck_assert_int_eq(found->since.ns, ago(20 * SECOND).ns);
    has(found->why, "rejected the one before too");
    has(found->action, "its rights, scope or subscription");

    lookups_fail((struct health_failure){.reason = HEALTH_REJECTED, .status = 401}, true);
    found = only(CONDITION_DOWN, "The upstream rejects the token");
    ck_assert_int_eq(found->since.ns, ago(40 * SECOND).ns);
}
END_TEST

/* Two causes: the one that has to be fixed first says both. */
START_TEST(revoked_while_the_endpoint_is_down)
{
    endpoint_fails(TOKEN_CAUSE_FAILED, "the token endpoint responded with 503");
    upstream->token.state = KEEPER_SUSPECT;
    lookups_fail((struct health_failure){.reason = HEALTH_REJECTED, .status = 401}, true);
    const struct condition *found = only(CONDITION_DOWN, "The token endpoint answers with errors");
    has(found->why, "503; the upstream rejects the present token; the next request");
    ck_assert_int_eq(found->until.ns, 0); /* it is as bad already */
}
END_TEST

/* It was good, and the next one is asked for soon: nobody's rights. */
START_TEST(a_good_token_revoked)
{
    upstream->token.state = KEEPER_SUSPECT;
    upstream->token.cause.kind = TOKEN_CAUSE_PACED;
    upstream->token.next_request_in = 14 * SECOND;
    const struct condition *found = only(CONDITION_WARNING, "The upstream rejects the token");
    ck_assert_str_eq(found->why,
                     "it accepted this token before; replacements are 30 s apart, so the "
                     "next is requested at 12:00:14 UTC if lookups go on");
    has(found->action, "Wait until then.");
}
END_TEST

/* The last one is over, and the next was not given yet. */
START_TEST(a_token_that_gains_nothing)
{
    lose_token();
    upstream->token.cause.kind = TOKEN_CAUSE_STALLED;
    upstream->token.next_request_in = 2 * SECOND;
    const struct condition *found =
        only(CONDITION_DOWN, "The token endpoint gives the same token until it has expired");
    ck_assert_str_eq(found->why, "the last one is over; the next request is due at 12:00:02 UTC");
    has(found->action, "Nothing has to be done");
}
END_TEST

/* With prefetch off and the wait over it is the next lookup that asks. */
START_TEST(endpoint_down_and_nobody_asks)
{
    endpoint_fails(TOKEN_CAUSE_FAILED, "the token endpoint responded with 503");
    lose_token();
    upstream->token.ready = true;
    upstream->token.next_request_in = -1;
    const struct condition *found =
        only(CONDITION_WARNING, "The token endpoint answers with errors");
    has(found->why, "503; there is no token, and the next lookup asks for one");
    has(found->action, "The daemon asks again with the next lookup.");
}
END_TEST

static const struct {
    enum client_error error;
    const char *what, *action;
} unreached[] = {
    {CLIENT_DNS, "The token endpoint's name is not found", "DNS"},
    {CLIENT_CERTIFICATE, "The token endpoint's certificate is not accepted", "ca_file"},
    {CLIENT_PROXY_AUTH, "The proxy before the token endpoint refuses (407)", "proxy"},
    {CLIENT_INTERNAL, "Token requests cannot be made", "this machine"},
    {CLIENT_REFUSED, "The token endpoint cannot be reached", "network"},
};

START_TEST(each_way_not_to_reach_the_endpoint)
{
    endpoint_fails(TOKEN_CAUSE_NO_RESPONSE, "as it was");
    upstream->token.cause.error = unreached[_i].error;
    const struct condition *found = only(CONDITION_WARNING, unreached[_i].what);
    has(found->action, unreached[_i].action);
}
END_TEST

START_TEST(the_same_token_again)
{
    upstream->token.state = KEEPER_SUSPECT;
    upstream->token.cause.kind = TOKEN_CAUSE_SAME;
    const struct condition *found = only(CONDITION_WARNING, "The upstream rejects the token");
    has(found->why, "the token endpoint gave the same token again");
}
END_TEST

START_TEST(budget_used_up)
{
    upstream->token.cause.budget = true;
    upstream->token.charged_last_hour = 60;
    upstream->token.exhausted_since = ago(4 * MINUTE);
    const struct condition *found =
        only(CONDITION_WARNING, "The budget of token requests is used up");
    has(found->why, "auth_budget allows 60 an hour, and 60 were charged; ");
    upstream->token.fleet_exhausted = true; /* by others, too */
    found = only(CONDITION_WARNING, "The budget of token requests is used up");
    has(found->why, "allows all members of the fleet together 60 an hour; ");
    upstream->token.fleet_exhausted = false;
    has(found->why, "lookups go on with the present token");
    ck_assert_int_eq(found->since.ns, ago(4 * MINUTE).ns);
    /* A setting, and nothing that anybody used up. */
    upstream->budget = 0;
    found = only(CONDITION_WARNING, "auth_budget is 0");
    has(found->action, "60 is the default");
    /* It keeps the daemon from replacing a token that is rejected. */
    upstream->token.state = KEEPER_SUSPECT;
    found = only(CONDITION_WARNING, "auth_budget is 0");
    has(found->why, "the upstream rejects the present token");
    upstream->token.state = KEEPER_VALID;
    /* Where requests fail too, that is the cause, and the budget a part of it. */
    endpoint_fails(TOKEN_CAUSE_FAILED, "the token endpoint responded with 503");
    upstream->token.cause.budget = true;
    lose_token();
    found = only(CONDITION_DOWN, "The token endpoint answers with errors");
    has(found->why, "; auth_budget is used up");
}
END_TEST

/* ---- the upstream's answers ---- */

static const struct {
    struct health_failure failure;
    const char *what, *why, *action;
} failures[] = {
    {{.reason = HEALTH_NO_RESPONSE, .error = CLIENT_REFUSED},
     "The upstream cannot be reached",
     "every lookup has failed: the upstream refused the connection",
     "network"},
    {{.reason = HEALTH_NO_RESPONSE, .error = CLIENT_DNS},
     "The upstream's name is not found",
     "every lookup has failed: the upstream has a name that does not resolve",
     "spelling"},
    {{.reason = HEALTH_NO_RESPONSE, .error = CLIENT_CERTIFICATE},
     "The upstream's certificate is not accepted",
     "every lookup has failed: the upstream has a certificate that does not verify",
     "ca_file"},
    {{.reason = HEALTH_STATUS, .status = 407},
     "The proxy before the upstream refuses (407)",
     "every lookup has failed: the upstream responded with 407",
     "proxy"},
    {{.reason = HEALTH_TIMED_OUT},
     "The upstream does not answer in time",
     "every lookup has failed: the upstream did not respond within request_timeout",
     "request_timeout"},
    {{.reason = HEALTH_QUEUED},
     "Lookups wait too long for a connection to the upstream",
     "every lookup has failed: no connection to the upstream was free within request_timeout",
     "max_connections"},
    {{.reason = HEALTH_STATUS, .status = 503},
     "The upstream answers with errors",
     "every lookup has failed: the upstream responded with 503",
     "provider"},
    {{.reason = HEALTH_STATUS, .status = 402},
     "The upstream asks for payment (402)",
     "every lookup has failed: the upstream responded with 402",
     "account"},
    {{.reason = HEALTH_STATUS, .status = 302},
     "The upstream does not know what is asked of it",
     "every lookup has failed: the upstream responded with 302",
     "lookup_path"},
    {{.reason = HEALTH_RATE_LIMITED, .status = 429},
     "The upstream limits the rate (429): its quota may be used up",
     "every lookup has failed: the upstream responded with 429",
     "quota"},
    {{.reason = HEALTH_MALFORMED, .status = 200},
     "The upstream's answers hold no address",
     "every lookup has failed: the upstream's response is not an address",
     "--probe"},
    {{.reason = HEALTH_REJECTED, .status = 403},
     "The upstream forbids the lookups (403)",
     "every lookup has failed: the upstream responded with 403",
     "rights"},
};

START_TEST(every_lookup_fails)
{
    lookups_fail(failures[_i].failure, true);
    /* The history has it as well; it is told once. */
    for (size_t age = 0; age < 4; age++) {
        sample_at(age)->codes[PROBLEM_UNREACHABLE] = 10;
        sample_at(age)->codes[PROBLEM_MALFORMED] = 10;
        own_at(age)->classes[HISTORY_NONE] = 10;
        own_at(age)->classes[HISTORY_SERVER_ERROR] = 10;
        own_at(age)->classes[HISTORY_LIMITED] = 10;
    }
    const struct condition *found = only(CONDITION_DOWN, failures[_i].what);
    ck_assert_int_eq(found->since.ns, ago(40 * SECOND).ns);
    ck_assert_str_eq(found->why, failures[_i].why);
    has(found->action, failures[_i].action);
    lookups_fail(failures[_i].failure, false);
    fill(4);
}
END_TEST

static const struct {
    enum history_class class;
    enum problem_id code;
    const char *what, *why;
} partly[] = {
    {HISTORY_NONE, PROBLEM_UNREACHABLE, "The upstream cannot be reached, for some lookups",
     "4 of 62 calls in the last minute had no response"},
    {HISTORY_NONE, PROBLEM_DEADLINE, "The upstream does not answer in time, for some lookups",
     "4 of 62 calls in the last minute had no response before their deadline"},
    {HISTORY_SERVER_ERROR, PROBLEM_UPSTREAM_ERROR,
     "The upstream answers with errors, for some lookups",
     "4 of 62 calls in the last minute were answered with 500 or more"},
    {HISTORY_REFUSED, PROBLEM_UPSTREAM_UNAUTHORIZED,
     "The upstream forbids the lookups (403), for some lookups",
     "4 of 62 calls in the last minute were answered with 403"},
    {HISTORY_CLIENT_ERROR, PROBLEM_UPSTREAM_ERROR,
     "The upstream does not know what is asked of it, for some lookups",
     "4 of 62 calls in the last minute were answered with 3xx or 4xx "
     "(postcoded_upstream_requests_total in /metrics says which)"},
    {HISTORY_LIMITED, PROBLEM_RATE_LIMITED,
     "The upstream limits the rate (429): its quota may be used up, for some lookups",
     "4 of 62 calls in the last minute were answered with 429"},
};

START_TEST(some_lookups_fail)
{
    const size_t ages[] = {0, 3, 9, 20}; /* a gap over a minute ends it */

    for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
        own_at(ages[i])->classes[partly[_i].class] = 2;
        sample_at(ages[i])->codes[partly[_i].code] = 2;
    }
    own_at(0)->classes[HISTORY_GOOD] = 8;
    const struct condition *found = only(CONDITION_WARNING, partly[_i].what);
    ck_assert_str_eq(found->why, partly[_i].why);
    ck_assert_int_eq(found->since.ns, ago(10 * HISTORY_INTERVAL).ns);
    own_at(0)->classes[partly[_i].class] = 0;
    none();
}
END_TEST

/* Nobody is told in the present tense of what ended 20 s ago. */
START_TEST(some_lookups_failed)
{
    own_at(2)->classes[HISTORY_SERVER_ERROR] = 8;
    const struct condition *found =
        only(CONDITION_WARNING, "The upstream answered with errors, until 11:59:40 UTC");
    has(found->why, "8 of 68 calls in the last minute were answered with 500 or more");
}
END_TEST

/* A 422 is an answer about a postcode. */
START_TEST(postcodes_that_are_none)
{
    own_at(0)->classes[HISTORY_CLIENT_ERROR] = 30;
    sample_at(0)->codes[PROBLEM_INVALID_POSTCODE] = 30;
    none();
}
END_TEST

/* Rejected, suspect, good and rejected again: the lookups are told, and not the token. */
START_TEST(half_are_rejected)
{
    for (size_t age = 0; age < 4; age++) {
        own_at(age)->classes[HISTORY_REFUSED] = 10;
        own_at(age)->rejected = 10;
        sample_at(age)->codes[PROBLEM_UPSTREAM_UNAUTHORIZED] = 5;
    }
    for (int i = 0; i < 2; i++) {
        const struct condition *found =
            only(CONDITION_WARNING,
                 "The upstream rejects some lookups (401), though it accepts the token for others");
        has(found->why, "20 of 100 calls in the last minute were answered with 401");
        upstream->token.state = KEEPER_SUSPECT;
        lookups_fail((struct health_failure){.reason = HEALTH_REJECTED, .status = 401}, false);
    }
    /* All of them, for long: it is the token. */
    upstream->health.down = true;
    only(CONDITION_DOWN, "The upstream rejects the token");
}
END_TEST

/* Revoked and replaced, twice in a minute. */
START_TEST(a_revocation_is_no_rejection_of_lookups)
{
    for (size_t age = 0; age < 4; age += 3) {
        own_at(age)->classes[HISTORY_REFUSED] = 10;
        own_at(age)->rejected = 10;
        sample_at(age)->codes[PROBLEM_UPSTREAM_UNAUTHORIZED] = 5;
    }
    none();
}
END_TEST

/* One lookup failed for a 401, and the token is fine. */
START_TEST(one_is_rejected)
{
    lookups_fail((struct health_failure){.reason = HEALTH_ALONE, .status = 401}, false);
    none();
    lookups_fail((struct health_failure){.reason = HEALTH_REJECTED, .status = 401}, false);
    none();
    /* Accepted before, and now for no lookup. */
    lookups_fail((struct health_failure){.reason = HEALTH_ALONE, .status = 401}, true);
    only(CONDITION_DOWN, "The upstream rejects the token");
}
END_TEST

/* A lookup every minute: never down, and yet none succeeds. */
START_TEST(a_sparse_run)
{
    upstream->health = (struct health_state){.run = 5,
                                             .run_since = ago(5 * MINUTE),
                                             .last = ago(MINUTE),
                                             .failure = {HEALTH_STATUS, .status = 503}};
    const struct condition *found = only(CONDITION_WARNING, "The last 5 lookups all failed");
    ck_assert_int_eq(found->since.ns, ago(5 * MINUTE).ns);
    ck_assert_str_eq(found->why, "the last one at 11:59:00 UTC: the upstream responded with 503");
    has(found->action, "provider");
    upstream->health.run = 2;
    none();
    upstream->health.run = 5;
    upstream->health.run_since = ago(70 * SECOND);
    none();
}
END_TEST

/* What the history has of the upstream before a reload is not told of the next. */
START_TEST(before_a_reload)
{
    for (size_t age = 2; age < 6; age++)
        own_at(age)->classes[HISTORY_SERVER_ERROR] = 10;
    fill(1);
    upstream->health.began = ago(2 * HISTORY_INTERVAL);
    none();
    own_at(1)->classes[HISTORY_SERVER_ERROR] = 10;
    own_at(0)->classes[HISTORY_SERVER_ERROR] = 10;
    const struct condition *found =
        only(CONDITION_WARNING, "The upstream answers with errors, for some lookups");
    ck_assert_int_eq(found->since.ns, ago(2 * HISTORY_INTERVAL).ns);
    has(found->why, "20 of 40 calls");
}
END_TEST

/* Late answers that are none any more: that is said once. */
START_TEST(silent_and_not_slow_as_well)
{
    slow_down(12, bucket_of(0.5), 10);
    own_at(0)->classes[HISTORY_NONE] = 5;
    sample_at(0)->codes[PROBLEM_DEADLINE] = 5;
    only(CONDITION_WARNING, "The upstream does not answer in time, for some lookups");
}
END_TEST

/* Callers that leave, as those of a slow page do, are no trouble of the upstream. */
START_TEST(callers_that_leave)
{
    own_at(0)->classes[HISTORY_NONE] = 30;
    sample_at(0)->codes[ENDED_CANCELLED] = 30;
    none();
}
END_TEST

/* Their deadline passed in the queue: the upstream answers what it is asked, in time. */
START_TEST(some_wait_too_long)
{
    upstream->max_connections = 4;
    sample_at(2)->codes[PROBLEM_DEADLINE] = 12;
    own_at(2)->queued.cells[bucket_of(5)] = 12;
    const struct condition *found =
        only(CONDITION_WARNING, "Lookups wait too long for a connection to the upstream");
    ck_assert_str_eq(found->why, "12 of 72 lookups in the last minute waited for one of "
                                 "max_connections (4) until request_timeout");
    ck_assert_int_eq(found->since.ns, ago(3 * HISTORY_INTERVAL).ns);
    /* Longer than is usual, and yet answered. */
    sample_at(2)->codes[PROBLEM_DEADLINE] = 0;
    none();
}
END_TEST

START_TEST(some_are_malformed)
{
    sample_at(0)->codes[PROBLEM_MALFORMED] = 1;
    const struct condition *found =
        only(CONDITION_WARNING, "The upstream's answers hold no address, for some lookups");
    has(found->why, "1 of 60 calls");
    ck_assert_int_eq(found->since.ns, ago(HISTORY_INTERVAL).ns);
}
END_TEST

/* ---- slow ---- */

START_TEST(slow_by_half)
{
    slow_down(12, bucket_of(0.5), 10);
    const struct condition *found = only(CONDITION_WARNING, "The upstream is slow");
    ck_assert_int_eq(found->since.ns, ago(12 * HISTORY_INTERVAL).ns);
    ck_assert_str_eq(found->why,
                     "half of its answers took 380 ms or longer in the last minute; before it "
                     "began, 18 ms; a lookup that takes longer than request_timeout (5s) fails");
}
END_TEST

/* For an hour and a half: it is not yet what it always was. */
START_TEST(slow_for_long)
{
    slow_down(9 * 60, bucket_of(0.5), 10);
    const struct condition *found = only(CONDITION_WARNING, "The upstream is slow");
    ck_assert_int_eq(found->since.ns, ago(90 * MINUTE).ns);
}
END_TEST

/* Always as slow as now, and far from the deadline: nothing is wrong with that. */
START_TEST(slow_as_always)
{
    slow_down(HISTORY_SAMPLES, bucket_of(0.5), 10);
    none();
}
END_TEST

START_TEST(slow_for_one_in_a_hundred)
{
    slow_down(3, bucket_of(1), 1);
    const struct condition *found = only(CONDITION_WARNING, "The upstream is slow");
    has(found->why, "one in a hundred of its answers took 900 ms or longer in the last minute; ");
    ck_assert_ptr_null(strstr(found->why, "half"));
    slow_down(3, bucket_of(0.1), 1); /* slower than it was, and yet fast */
    own_at(0)->calls.cells[bucket_of(1)] = 0;
    own_at(1)->calls.cells[bucket_of(1)] = 0;
    own_at(2)->calls.cells[bucket_of(1)] = 0;
    none();
}
END_TEST

START_TEST(slow_and_near_the_deadline)
{
    slow_down(HISTORY_SAMPLES, bucket_of(5), 1);
    const struct condition *found = only(CONDITION_WARNING, "The upstream is slow");
    ck_assert_int_eq(found->since.ns, ago(HISTORY_SPAN).ns);
    overview->request_timeout = 4 * SECOND; /* none takes longer, though its bucket ends behind */
    found = only(CONDITION_WARNING, "The upstream is slow");
    has(found->why, "took 4.0 s or longer");
    overview->request_timeout = 30 * SECOND;
    none();
}
END_TEST

START_TEST(too_few_to_say)
{
    for (size_t age = 0; age < 6; age++)
        memset(&own_at(age)->calls, 0, sizeof(own_at(age)->calls));
    own_at(0)->calls.cells[bucket_of(5)] = 4;
    none();
}
END_TEST

/* ---- the process ---- */

START_TEST(overloaded)
{
    sample_at(1)->codes[PROBLEM_OVERLOADED] = 7;
    const struct condition *found =
        only(CONDITION_WARNING, "More lookups come than may be under way at once");
    has(found->why, "7 lookups were refused in the last minute");
    has(found->action, "[server] max_in_flight (512)");
    ck_assert_ptr_null(found->upstream);
    /* One failed lookup is no reason for it. */
    lookups_fail((struct health_failure){.reason = HEALTH_MALFORMED, .status = 200}, false);
    only(CONDITION_WARNING, "More lookups come than may be under way at once");
    /* They pile up because the upstream is slow. */
    slow_down(12, bucket_of(0.5), 10);
    only(CONDITION_WARNING, "The upstream is slow");
}
END_TEST

START_TEST(connections_refused)
{
    overview->refused = (struct lately){.count = 9, .since = ago(MINUTE), .last = ago(SECOND)};
    const struct condition *found =
        only(CONDITION_WARNING, "Connections are refused: too many are open");
    has(found->why, "9 were closed at once; now 3 callers are connected, and 1024 may be");
    ck_assert_int_eq(found->since.ns, ago(MINUTE).ns);
    overview->refused.last = ago(20 * SECOND);
    only(CONDITION_WARNING, "Connections were refused, last at 11:59:40 UTC");
    overview->refused.last = ago(HOUR);
    none();
}
END_TEST

START_TEST(log_lines_dropped)
{
    overview->log_dropped = (struct lately){.count = 5, .since = ago(MINUTE), .last = ago(SECOND)};
    const struct condition *found = only(CONDITION_NOTE, "Log lines are lost");
    has(found->why, "5 were dropped");
}
END_TEST

static void unready(enum readiness_cause cause, const char *what)
{
    struct readiness_reason *reason = &overview->readiness.reasons[overview->readiness.count++];

    *reason = (struct readiness_reason){.cause = cause};
    snprintf(reason->what, sizeof(reason->what), "%s", what);
}

START_TEST(worker_blocked)
{
    overview->blocked_since = ago(7 * SECOND);
    unready(READINESS_BLOCKED, "worker: its event loop is blocked");
    const struct condition *found = only(CONDITION_DOWN, "A worker's event loop is blocked");
    ck_assert_int_eq(found->since.ns, ago(7 * SECOND).ns);
}
END_TEST

START_TEST(worker_busy)
{
    for (size_t age = 0; age < 6; age++)
        sample_at(age)->busy_permille = 980;
    const struct condition *found = only(CONDITION_WARNING, "A worker is busy all the time");
    has(found->why, "98 %");
    sample_at(3)->busy_permille = 500;
    none();
}
END_TEST

static void put_fleet(void)
{
    overview->has_store = upstream->in_fleet = true;
    overview->fleet_alone = 60;
    overview->store = stub_store;
    upstream->member = stub_member;
}

START_TEST(a_fleet_that_is_well)
{
    stub_follow(NOW);
    put_fleet();
    none();
    /* It begins. */
    stub_member.state = FLEET_JOINING;
    stub_store.connected = false;
    stub_store.error = "no connection was opened yet";
    put_fleet();
    none();
}
END_TEST

START_TEST(the_store_is_out)
{
    stub_be_alone(NOW);
    put_fleet();
    overview->store.failed = ago(SECOND); /* the last attempt */
    const struct condition *found = only(CONDITION_WARNING, "The fleet's store is out of reach");
    has(found->why, "redis.example:6379 cannot be reached (Connection refused); ");
    has(found->why, "60 tokens an hour");
    has(found->why, "lookups go on with the token that there is");
    ck_assert_int_eq(found->since.ns, ago(MINUTE).ns);
    ck_assert_ptr_null(found->upstream);
    overview->store.connected = true;
    overview->store.error = "redis.example:6379 failed to run a script (OOM)";
    found = only(CONDITION_WARNING, "The fleet's store is out of reach");
    has(found->why, "redis.example:6379 failed to run a script (OOM); ");
    overview->store.error = NULL;
    found = only(CONDITION_WARNING, "The fleet's store is out of reach");
    has(found->why, "it answers with errors, which are in the log; ");
}
END_TEST

/* The lot fell: when the token ends there is none. Not told twice. */
START_TEST(the_store_is_out_and_no_successor_is_requested)
{
    stub_be_alone(NOW);
    put_fleet();
    upstream->token.cause.kind = TOKEN_CAUSE_FLEET_ALONE;
    upstream->token.last_error = "the fleet's store is out of reach, and [fleet] alone allows none";
    const struct condition *found = only(CONDITION_WARNING, "The fleet's store is out of reach");
    has(found->why, "and this one none: lookups fail from 12:30:00 UTC");
    ck_assert_int_eq(found->until.ns, mono_add(NOW, 30 * MINUTE).ns);
    upstream->covered = true;
    found = only(CONDITION_WARNING, "The fleet's store is out of reach");
    ck_assert_int_eq(found->until.ns, 0);
    upstream->covered = false;
    upstream->token.ready = false;
    upstream->token.state = KEEPER_NONE;
    upstream->token.fingerprint[0] = '\0';
    found = only(CONDITION_DOWN, "The fleet's store is out of reach, and this member has no token");
    ck_assert_int_eq(found->until.ns, 0);
}
END_TEST

/* Told once, as what lookups fail for; where another upstream stands in they do not. */
START_TEST(the_store_is_out_and_there_is_no_token)
{
    stub_be_alone(NOW);
    put_fleet();
    upstream->token.ready = false;
    upstream->token.state = KEEPER_NONE;
    upstream->token.fingerprint[0] = '\0';
    const struct condition *found =
        only(CONDITION_DOWN, "The fleet's store is out of reach, and this member has no token");
    has(found->why, "60 tokens an hour meanwhile ([fleet] alone), and this one none now");
    upstream->covered = true;
    only(CONDITION_WARNING, "The fleet's store is out of reach");
    upstream->covered = false;
    /* It was asked, and did not give one: that is the cause. */
    upstream->token.state = KEEPER_BACKOFF;
    upstream->token.cause.kind = TOKEN_CAUSE_FAILED;
    upstream->token.last_error = "the token endpoint responded with 503";
    fill(2);
    ck_assert_str_eq(overview->conditions[0].what, "The token endpoint answers with errors");
    ck_assert_str_eq(overview->conditions[1].what, "The fleet's store is out of reach");
    ck_assert_int_eq(overview->conditions[1].level, CONDITION_WARNING);
}
END_TEST

START_TEST(certificate)
{
    overview->tls_expiry.ns = NOON.ns + 14 * 24 * HOUR;
    const struct condition *found =
        only(CONDITION_WARNING, "The certificate that callers see expires in 14 days");
    has(found->why, "until 2026-10-16 12:00:00 UTC");
    overview->tls_expiry.ns = NOON.ns - HOUR;
    found = only(CONDITION_DOWN, "The certificate that callers see has expired");
    has(found->why, "it was good until 11:00:00 UTC");
    ck_assert_int_eq(found->since.ns, ago(HOUR).ns);
    overview->tls_expiry.ns = 0; /* none */
    none();
}
END_TEST

START_TEST(reload_failed)
{
    overview->reload = (struct reload_status){.tried_at = {NOON.ns - 3 * MINUTE}, .failed = true};
    const struct condition *found = only(CONDITION_WARNING, "The last reload failed");
    ck_assert_int_eq(found->since.ns, ago(3 * MINUTE).ns);
    has(found->action, "--check");
}
END_TEST

START_TEST(no_keys)
{
    unready(READINESS_KEYS, "identity: no keys of https://id.example/jwks: refused");
    const struct condition *found =
        only(CONDITION_DOWN, "There are no keys to verify callers' identities with");
    has(found->why, "no keys of https://id.example/jwks: refused");
}
END_TEST

START_TEST(draining)
{
    unready(READINESS_DRAINING, "draining");
    only(CONDITION_NOTE,
         "The daemon is about to end: it still answers lookups, until drain_delay is over "
         "and those under way are done");
}
END_TEST

/* An unready line of an upstream is not told beside the condition that it comes from. */
START_TEST(unready_for_a_cause_that_is_told)
{
    unready(READINESS_LOOKUPS, "every lookup has failed");
    lookups_fail(failures[0].failure, true);
    only(CONDITION_DOWN, failures[0].what);
}
END_TEST

START_TEST(the_worst_first_and_never_too_many)
{
    overview->upstream_count = CONFIG_UPSTREAMS_MAX;
    history_free(history);
    history = history_new(ago(HOUR));
    history_begin(history, 0, "u");
    overview->history = history;
    overview->log_dropped = (struct lately){.count = 5, .last = ago(SECOND)};
    overview->blocked_since = ago(7 * SECOND);
    endpoint_fails(TOKEN_CAUSE_FAILED, "the token endpoint responded with 503");
    for (size_t i = 1; i < CONFIG_UPSTREAMS_MAX; i++)
        overview->upstreams[i] = *upstream;
    fill(CONDITIONS_MAX);
    ck_assert_str_eq(overview->conditions[0].what, "A worker's event loop is blocked");
    ck_assert_int_eq(overview->conditions[1].level, CONDITION_WARNING);
    overview->upstream_count = 2;
    fill(4);
    ck_assert_int_eq(overview->conditions[3].level, CONDITION_NOTE);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("conditions");
    TCase *tc = tcase_create("conditions");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_is_well);
    tcase_add_test(tc, endpoint_down_with_a_token);
    tcase_add_test(tc, endpoint_down_without_a_token);
    tcase_add_loop_test(tc, each_cause_of_the_endpoint, 0, ARRAY_LEN(endpoint_causes));
    tcase_add_test(tc, a_long_error);
    tcase_add_test(tc, no_token_yet);
    tcase_add_test(tc, a_fresh_token_rejected_too);
    tcase_add_test(tc, revoked_while_the_endpoint_is_down);
    tcase_add_test(tc, a_good_token_revoked);
    tcase_add_test(tc, a_token_that_gains_nothing);
    tcase_add_test(tc, endpoint_down_and_nobody_asks);
    tcase_add_loop_test(tc, each_way_not_to_reach_the_endpoint, 0, ARRAY_LEN(unreached));
    tcase_add_test(tc, the_same_token_again);
    tcase_add_test(tc, budget_used_up);
    tcase_add_loop_test(tc, every_lookup_fails, 0, ARRAY_LEN(failures));
    tcase_add_loop_test(tc, some_lookups_fail, 0, ARRAY_LEN(partly));
    tcase_add_test(tc, some_lookups_failed);
    tcase_add_test(tc, postcodes_that_are_none);
    tcase_add_test(tc, half_are_rejected);
    tcase_add_test(tc, a_revocation_is_no_rejection_of_lookups);
    tcase_add_test(tc, one_is_rejected);
    tcase_add_test(tc, a_sparse_run);
    tcase_add_test(tc, before_a_reload);
    tcase_add_test(tc, silent_and_not_slow_as_well);
    tcase_add_test(tc, callers_that_leave);
    tcase_add_test(tc, some_wait_too_long);
    tcase_add_test(tc, some_are_malformed);
    tcase_add_test(tc, slow_by_half);
    tcase_add_test(tc, slow_for_long);
    tcase_add_test(tc, slow_as_always);
    tcase_add_test(tc, slow_for_one_in_a_hundred);
    tcase_add_test(tc, slow_and_near_the_deadline);
    tcase_add_test(tc, too_few_to_say);
    tcase_add_test(tc, overloaded);
    tcase_add_test(tc, connections_refused);
    tcase_add_test(tc, log_lines_dropped);
    tcase_add_test(tc, worker_blocked);
    tcase_add_test(tc, worker_busy);
    tcase_add_test(tc, a_fleet_that_is_well);
    tcase_add_test(tc, the_store_is_out);
    tcase_add_test(tc, the_store_is_out_and_no_successor_is_requested);
    tcase_add_test(tc, the_store_is_out_and_there_is_no_token);
    tcase_add_test(tc, certificate);
    tcase_add_test(tc, reload_failed);
    tcase_add_test(tc, no_keys);
    tcase_add_test(tc, draining);
    tcase_add_test(tc, unready_for_a_cause_that_is_told);
    tcase_add_test(tc, the_worst_first_and_never_too_many);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
