/* front/status_page.h: what it says of a daemon's state, and what it never becomes. */
#include "front/status_page.h"

#include <check.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "fleet_stub.h"
#include "overview_fixture.h"
#include "suite.h"

#define MOST_BYTES 60000
#define MOST_BYTES_OF_20 160000
#define HOSTILE "<script>\"'&\x01\xff\xe2\x80\xae"

static struct overview *overview;
static struct buf page;

static void begin(size_t upstreams, int64_t ran)
{
    overview = overview_make(upstreams, ran);
    buf_init(&page, STATUS_PAGE_MAX);
}

static void teardown(void)
{
    buf_fini(&page);
    overview_unmake(overview);
}

static void draw(void)
{
    buf_reset(&page);
    status_page_write(overview, &page);
    ck_assert_int_eq(page.err, ERR_OK);
    ck_assert(text_is_utf8(page.data, page.len));
    ck_assert_ptr_null(strstr(buf_text(&page), " style="));
    ck_assert_ptr_null(strstr(buf_text(&page), "nan"));
}

static void shows(const char *text)
{
    ck_assert_msg(strstr(buf_text(&page), text) != NULL, "no %s", text);
}

static void lacks(const char *text)
{
    ck_assert_msg(strstr(buf_text(&page), text) == NULL, "%s", text);
}

static size_t count_of(const char *text)
{
    size_t count = 0;

    for (const char *at = buf_text(&page); (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void add_reason(const char *upstream, const char *what, const char *why, int64_t ago)
{
    fixture_reason(overview, READINESS_KEYS, upstream, what, why, ago);
}

/* A daemon that has just started: no token, no sample. */
START_TEST(test_empty)
{
    begin(1, 0);
    overview->ready = false;
    add_reason("location", "no usable token (none)", "none was asked for", 0);
    add_reason(NULL, "identity", "no keys", MINUTE);
    draw();
    shows("<title>Not ready: postcoded on ");
    shows("data-value=\"not-ready\"");
    shows("<li>upstream <code>location</code>: no usable token (none): none was asked for</li>"
          "<li>identity since <time datetime=\"2026-03-04T14:02:10Z\">14:02:10</time> UTC: "
          "no keys</li>");
    shows("There is no token, and none has been asked for.");
    shows("Nothing is wrong.");
    shows("No token request is planned");
    shows("No lookup has failed since the start.");
    shows("none yet");
    lacks(" data-until=");
}
END_TEST

START_TEST(test_calm)
{
    begin(1, 3 * HOUR);
    fixture_samples(overview, 2 * HOUR, 500);
    fixture_token(overview, 0, 61 * MINUTE, FIXTURE_LIFE, FIXTURE_WINDOW);
    fixture_token(overview, 0, 6 * MINUTE, FIXTURE_LIFE, FIXTURE_WINDOW);
    draw();
    shows("<title>Ready: postcoded on ");
    shows("data-value=\"ready\"><svg");
    shows("class=\"good\"");
    shows("Lookups are answered.</p>");
    shows(" on <b>");
    shows("</b>, up <span data-since=\"1772622190000\">3 h</span></span>");
    shows("Token #2 is valid.");
    shows("data-state=\"valid\" data-generation=\"2\"");
    shows(
        "<div class=\"count\"><p>Next token request in <b><span data-until=\"1772635930000\">49 min"
        "</span></b> at <time datetime=\"2026-03-04T14:52:10Z\">14:52:10</time> UTC</p>");
    shows("Token expires in <b><span data-until=\"1772636230000\">54 min</span></b>");
    shows("<small>upstream</small> <code>location</code></h2>");
    shows("<dt>Address</dt><dd><code>https://api.example</code>");
    shows("<dt>Token endpoint</dt><dd><code>https://login.example:8443</code>");
    shows("<small>0 of 20 an hour used (auth_budget)</small>");
    shows("14:03:10 UTC");
    ck_assert_uint_eq(count_of("class=\"mark\""), 4); /* two obtained, next request, expiry */
    ck_assert_uint_eq(count_of("rect class=\"none\" x"), 1); /* before the first one of them */
    shows("<title>13:57:10: token #2 obtained; renewed from 14:52:10, expires 14:57:10</title>");
    shows("data-code=\"unknown_postcode\"");
    lacks("data-code=\"deadline_exceeded\"");
    lacks("id=\"plot-errors\"");
    lacks("id=\"plot-queue-location\"");
    shows(">2 h</th>");
    shows("No lookup has failed since the start.");
}
END_TEST

/* Who leads, how many there are, and what is wrong with the store. */
START_TEST(test_fleet)
{
    const struct mono_time now = {FIXTURE_NOW};

    begin(1, HOUR);
    fixture_token(overview, 0, 6 * MINUTE, FIXTURE_LIFE, FIXTURE_WINDOW);
    draw();
    lacks("<dt>Fleet</dt>");
    stub_follow(now);
    overview->upstreams[0].in_fleet = overview->has_store = true;
    overview->upstreams[0].member = stub_member;
    overview->upstreams[0].rate = SECOND / 10;
    overview->store = stub_store;
    draw();
    shows("<dt>Fleet</dt><dd>follows <small>as <code>a.1</code>, of 5 members; <code>b.2</code> "
          "asked last</small></dd>");
    shows("rate allows 10.0/s to 5 members together</small>");
    lacks("redis.example");
    overview->upstreams[0].member.state = FLEET_LEADING;
    overview->upstreams[0].member.members = 1;
    draw();
    shows("<dd>leads: it requests the token <small>as <code>a.1</code>, of 1 member</small></dd>");
    lacks("to 1 members");
    stub_be_alone(now);
    stub_member.leader = HOSTILE;
    stub_store.error = HOSTILE;
    overview->upstreams[0].member = stub_member;
    overview->store = stub_store;
    draw();
    shows("<dd>alone since <time datetime=\"2026-03-04T14:02:10Z\">14:02:10</time> UTC <small>as "
          "<code>a.1</code>, of 5 members; <code>&lt;script&gt;");
    shows(" asked last</small> <small>store: &lt;script&gt;");
    lacks("when the fleet's store is back");
    overview->upstreams[0].token.cause.kind = TOKEN_CAUSE_FLEET_ALONE;
    overview->upstreams[0].token.last_error = "none";
    draw();
    shows("<p>Next token request when the fleet's store is back, at the latest in <b>");
    lacks("<script>\"");
}
END_TEST

START_TEST(test_draining)
{
    begin(1, HOUR);
    overview->draining = true;
    overview->ready = false;
    add_reason(NULL, "draining", "the daemon is about to end", 0);
    draw();
    shows("<li>draining: the daemon is about to end</li>");
    shows("<h1>Draining</h1>");
    shows("data-value=\"draining\"");
}
END_TEST

/* What was wrong is told in words, with a time and a remedy. */
START_TEST(test_conditions)
{
    begin(1, HOUR);
    overview->ready = false;
    struct condition *condition = fixture_condition(overview, CONDITION_DOWN, 4 * MINUTE,
                                                    "location", "The endpoint is down.");
    snprintf(condition->why, sizeof(condition->why), "503");
    snprintf(condition->action, sizeof(condition->action), "Wait.");
    fixture_condition(overview, CONDITION_NOTE, 0, NULL, "The reload failed.");
    overview->reload.failed = true;
    draw();
    shows("<ul data-value=\"2\">");
    shows("data-level=\"down\" data-upstream=\"location\"><h3><span class=\"tag\">Lookups fail, "
          "upstream <code>location</code></span> The endpoint is down.</h3>");
    shows("Since <time datetime=\"2026-03-04T13:59:10Z\">13:59:10</time> UTC, for "
          "<span data-since=\"1772632750000\">4 min</span>.</p>");
    shows("<p class=\"where\">Upstream <code>https://api.example</code>, token endpoint "
          "<code>https://login.example:8443</code></p>");
    shows("<p class=\"why\">503</p>");
    shows("<b>What to do:</b> Wait.</p>");
    shows("data-level=\"note\" data-upstream=\"\"");
    ck_assert_uint_eq(count_of("class=\"since\""), 1);
    lacks("Nothing is wrong.");
    shows("<h1>Not ready</h1><p>Lookups fail.</p>");
    shows("id=\"reload\" data-value=\"failed\"");
    /* Some callers only: a certificate of theirs, say. */
    overview->ready = true;
    draw();
    shows("<span class=\"tag\">Callers are affected, upstream");
    shows("Lookups are answered, but something is wrong.");
}
END_TEST

/* Failures, a rejection and the end of a token: on the timeline and in its table. */
START_TEST(test_events)
{
    begin(1, 3 * HOUR);
    fixture_samples(overview, 2 * HOUR, 10);
    fixture_token(overview, 0, 70 * MINUTE, FIXTURE_LIFE, FIXTURE_WINDOW);
    fixture_event(overview, 0, HISTORY_REJECTED, 40 * MINUTE, "");
    fixture_event(overview, 0, HISTORY_REQUEST_FAILED, 30 * MINUTE, "it responded with 503");
    fixture_event(overview, 0, HISTORY_REQUEST_FAILED, 20 * MINUTE, "it responded with 504");
    fixture_event(overview, 0, HISTORY_REQUEST_FAILED, 20 * MINUTE - SECOND, "refused");
    fixture_event(overview, 0, HISTORY_GONE, 10 * MINUTE, "expired");
    struct keeper_status *token = &overview->upstreams[0].token;
    token->fingerprint[0] = '\0';
    token->state = KEEPER_BACKOFF;
    token->state_name = "backing_off";
    token->last_error = "it responded with 503";
    token->last_error_age = 20 * MINUTE;
    token->next_request_in = 42 * SECOND;
    draw();
    shows("There is no token: the last request failed.");
    shows("<div class=\"count grave\">");
    shows(
        "Last error, at <time datetime=\"2026-03-04T13:43:10Z\">13:43:10</time> UTC: it responded "
        "with 503");
    shows("13:23:10: the upstream rejected token #1</title>");
    shows("13:33:10: token request failed: it responded with 503</title>");
    shows("data-count=\"2\"><title>13:43:10 to 13:43:11: 2 times; the last: token request failed: "
          "refused</title>");
    shows("13:53:10: token #1 out of use: expired</title>");
    shows("<th scope=\"row\">13:43:11</th><td>3 times since 13:33:10: token request failed: "
          "refused</td>");
    shows("planned: next token request");
    lacks("planned: the token expires");
    lacks("data-kind=\"expiry\"");
    ck_assert_uint_eq(count_of("rect class=\"none\" x"), 2);
}
END_TEST

/* Which numbers a bar has, which marks are one, what the legend tells, and where lengths stand. */
START_TEST(test_timeline)
{
    begin(1, 8 * MINUTE);
    fixture_samples(overview, 8 * MINUTE, 10);
    fixture_token(overview, 0, 8 * MINUTE, 10 * MINUTE, MINUTE);
    fixture_token(overview, 0, 4 * MINUTE, 10 * MINUTE, MINUTE);
    fixture_token(overview, 0, SECOND, 10 * MINUTE, MINUTE);
    fixture_event(overview, 0, HISTORY_REQUEST_FAILED, 5 * MINUTE, "503");
    fixture_event(overview, 0, HISTORY_REQUEST_FAILED, 5 * MINUTE - SECOND, "503");
    draw();
    shows("<rect class=\"use\" x=\"12.40%\" width=\"24.80%\"/>");
    shows("<rect class=\"use\" x=\"37.20%\" width=\"24.70%\"/>");
    shows("<rect class=\"use ahead\" x=\"62.00%\" width=\"33.36%\"/>");
    shows("<rect class=\"window\" x=\"95.36%\" width=\"3.71%\"/>");
    shows(">#1</text>");
    shows(">#2</text>");
    shows("x=\"62.00%\">#3</text>");
    shows("y=\"83\">\xc3\x97"
          "2</text>");
    shows("<text y=\"10\">last 10 min</text>");
    shows(">next 10 min 13 s<tspan");
    shows("</i>until renewal</span>");
    shows("</i>refresh window, still valid</span>");
    lacks("</i>no token</span>");
    lacks("</i>rejected");
    lacks("rect class=\"doubt\"");
}
END_TEST

/* A token of which no event is kept, and one that expires beyond the right end. */
START_TEST(test_present)
{
    begin(1, 8 * MINUTE);
    fixture_token(overview, 0, 5 * MINUTE, 5 * HOUR, MINUTE);
    fixture_history(overview)->upstreams[0]->events_noted = 0;
    draw();
    shows("<rect class=\"use\" x=\"31.00%\" width=\"31.00%\"/>");
    shows("<rect class=\"use ahead\" x=\"62.00%\" width=\"38.00%\"/>");
    shows("dx=\"-6\" y=\"39\">expires 18:58:10 \xe2\x86\x92</text>");
    lacks("data-kind=\"expiry\"");
    shows("<rect class=\"none\" x=\"12.40%\" width=\"18.60%\"/>"); /* since the start */
}
END_TEST

/* A token that the upstream rejects does not look like one that is well. */
START_TEST(test_rejected)
{
    begin(1, 8 * MINUTE);
    fixture_samples(overview, 8 * MINUTE, 10);
    fixture_token(overview, 0, 8 * MINUTE, 10 * MINUTE, MINUTE);
    overview->upstreams[0].health =
        (struct health_state){.failing = true,
                              .since = {FIXTURE_NOW - 4 * MINUTE},
                              .failure = {.reason = HEALTH_REJECTED, .status = 401}};
    draw();
    ck_assert_uint_ge(count_of("rect class=\"doubt\" x=\"62.00%\""), 1);
    shows("rect class=\"doubt\" x=\"37.20%\" width=\"24.80%\"");
    shows("</i>rejected, still tried</span>");
    lacks("rect class=\"use ahead\"");
    lacks("rect class=\"window\"");
}
END_TEST

/* A token that cannot be renewed: until when lookups are answered is what is told first. */
START_TEST(test_until)
{
    begin(1, HOUR);
    overview->wall.ns += 900 * MILLISECOND; /* clocks are shown in whole seconds */
    fixture_token(overview, 0, 55 * MINUTE, FIXTURE_LIFE, FIXTURE_WINDOW);
    overview->upstreams[0].token.last_error = "it responded with 503";
    struct condition *condition = fixture_condition(overview, CONDITION_WARNING, MINUTE, "location",
                                                    "The token endpoint answers with errors");
    condition->until.ns = FIXTURE_NOW + 114100 * MILLISECOND;
    draw();
    shows("<title>Ready until 14:05:05 UTC: postcoded on ");
    shows("class=\"warn\" data-value=\"ready\"");
    shows(
        "<h1>Ready until 14:05:05 UTC</h1><p>Lookups are answered, but something is wrong. They "
        "fail in <b><span data-until=\"1772633105000\">1 min 55 s</span></b>, unless what is wrong "
        "ends before.</p>");
    shows("Token #1 is valid, but cannot be renewed.");
    lacks("Last error"); /* the condition has it */
    shows("<div class=\"count grave\">");
}
END_TEST

/* Slow, and some fail: that is told where "ready" is. */
START_TEST(test_slow)
{
    begin(1, HOUR);
    fixture_samples(overview, HOUR, 100);
    fixture_token(overview, 0, MINUTE, FIXTURE_LIFE, FIXTURE_WINDOW);
    fixture_condition(overview, CONDITION_WARNING, MINUTE, "location", "The upstream is slow");
    overview->upstreams[0].slow = true;
    draw();
    shows("<h1>Ready</h1><p>Lookups are answered, but slowly.</p>");
    shows("<small>peak 1");
    for (size_t i = 0; i < HISTORY_SAMPLES; i++)
        fixture_history(overview)->samples[i].codes[PROBLEM_DEADLINE] = 3;
    draw();
    shows("Lookups are answered, but slowly, and 2.");
    shows(" % of requests failed in the last minute.</p>");
}
END_TEST

/* A reason stands above the conditions only where none of them tells it. */
START_TEST(test_reasons)
{
    begin(2, HOUR);
    overview->ready = false;
    add_reason("location", "every lookup has failed", "503", MINUTE);
    add_reason("second", "no usable token (backing_off)", "504", MINUTE);
    fixture_condition(overview, CONDITION_DOWN, MINUTE, "location", "The upstream is down");
    fixture_condition(overview, CONDITION_WARNING, MINUTE, "second", "Something else");
    draw();
    shows("<p>Lookups fail.</p><ul><li>upstream <code>second</code>: no usable token");
    lacks("every lookup has failed");
}
END_TEST

/* Waits for a connection: drawn where there were any. */
START_TEST(test_queue)
{
    begin(1, 30 * MINUTE);
    fixture_samples(overview, 20 * MINUTE, 100);
    struct history *history = fixture_history(overview);
    struct history_upstream_sample *newest = &history->upstreams[0]->samples[history->taken - 1];
    fixture_observe(&newest->queued, 9, 50);
    newest->queue_refused = 7;
    newest->classes[HISTORY_LIMITED] = 5;
    draw();
    shows("id=\"plot-queue-location\"");
    shows("<small>99 of 100 within ");
    shows("<small>7 turned away in the last minute</small>");
    shows("<path class=\"l2\" data-name=\"429, other 4xx\"");
    lacks("data-name=\"401, 403\"");
}
END_TEST

/* The figures under the verdict, and the plots, follow from the samples. */
START_TEST(test_errors)
{
    begin(1, 30 * MINUTE);
    fixture_samples(overview, 20 * MINUTE, 100);
    struct history *history = fixture_history(overview);
    for (size_t i = 0; i < 6; i++)
        history->samples[history->taken - 1 - i].codes[PROBLEM_DEADLINE] = 900;
    overview->codes[PROBLEM_DEADLINE] = 5400;
    fixture_counted(overview);
    draw();
    shows("id=\"plot-errors\"");
    shows("<path class=\"e0\" data-name=\"deadline_exceeded\"");
    shows(
        "<tr data-code=\"deadline_exceeded\"><th scope=\"row\"><i class=\"k e0\"></i>"
        "deadline_<wbr>exceeded <small>504 Deadline exceeded</small></th><td class=\"n\">5,400</td>"
        "<td class=\"n\">5,400</td></tr>"); /* two hours are since the start */
    lacks(">2 h</th>");
    lacks("No lookup failed");
    shows("data-step=\"10\" data-columns=\"180\""); /* half an hour, at ten seconds */
    const char *share = strstr(buf_text(&page), "<dd id=\"failed-share\">");
    ck_assert_ptr_nonnull(share);
    ck_assert_int_gt(strtol(strchr(share, '>') + 1, NULL, 10), 80);
}
END_TEST

/* What came since the newest sample is counted, too. */
START_TEST(test_pending)
{
    begin(1, 30 * MINUTE);
    fixture_samples(overview, 20 * MINUTE, 100);
    overview->codes[PROBLEM_DEADLINE] += 80;
    draw();
    shows("<wbr>exceeded <small>504 Deadline exceeded</small></th><td class=\"n\">80</td>"
          "<td class=\"n\">80</td></tr>");
    shows("of requests failed in the last minute.</p>");
    lacks("No lookup");
}
END_TEST

START_TEST(test_problems)
{
    begin(1, HOUR);
    fixture_problem(overview, PROBLEM_OF_SERVICE, PROBLEM_TOKEN_UNAVAILABLE, SECOND, "guid-1",
                    "/api/v1/addresses/SW1A***");
    fixture_problem(overview, PROBLEM_OF_CALLER, PROBLEM_INVALID_POSTCODE, SECOND, "guid-2",
                    "/api/v1/addresses/***");
    draw();
    shows("<table id=\"problems\"");
    shows("<tr><th scope=\"row\"><time datetime=\"2026-03-04T14:03:09Z\">"
          "14:03:09</time></th><td>token_unavailable <small>503</small></td><td class=\"n\">"
          "12.3 ms</td><td>/api/v1/addresses/SW1A***</td>"
          "<td>guid-1</td></tr>");
    shows("<details><summary>Mistakes of callers (1)</summary><table id=\"caller-problems\"");
    shows("guid-2</td>");
    lacks("\xc3\x97");
}
END_TEST

/* Those that are alike and follow each other are one row, with the newest one's GUID. */
START_TEST(test_problems_alike)
{
    begin(1, HOUR);
    fixture_samples(overview, 10 * MINUTE, 100);
    struct history *history = fixture_history(overview);
    history->samples[history->taken - 1].codes[PROBLEM_DEADLINE] = 900;
    for (size_t i = 0; i < PROBLEM_LOG_ENTRIES; i++)
        fixture_problem(overview, PROBLEM_OF_SERVICE, PROBLEM_DEADLINE, SECOND,
                        i == 5   ? "newest"
                        : i == 3 ? "other"
                                 : "guid",
                        i == 3 ? "/b" : "/a");
    draw();
    shows("<caption>The newest 20 of 900 in five minutes. What happened is in the log: "
          "<code>journalctl -u postcoded -g GUID</code></caption>");
    shows("deadline_exceeded <small>504</small> <b>\xc3\x97"
          "3</b></td>");
    shows("deadline_exceeded <small>504</small> <b>\xc3\x97"
          "16</b></td>");
    shows("<td>other</td>");
    ck_assert_uint_eq(count_of("<td>guid</td>"), 2);
    lacks("<td>newest</td>");
}
END_TEST

/* Whatever others choose is text. */
START_TEST(test_hostile)
{
    begin(1, HOUR);
    overview->version = HOSTILE;
    overview->ready = false;
    add_reason(HOSTILE, HOSTILE, HOSTILE, SECOND);
    overview->upstreams[0].name = HOSTILE;
    snprintf(overview->upstreams[0].address, OVERVIEW_ORIGIN, "%s", HOSTILE);
    snprintf(overview->upstreams[0].token_endpoint, OVERVIEW_ORIGIN, "%s", HOSTILE);
    fixture_token(overview, 0, MINUTE, FIXTURE_LIFE, FIXTURE_WINDOW);
    fixture_event(overview, 0, HISTORY_REQUEST_FAILED, MINUTE, HOSTILE);
    fixture_event(overview, 0, HISTORY_GONE, MINUTE, HOSTILE);
    overview->upstreams[0].token.last_error = HOSTILE;
    snprintf(overview->upstreams[0].token.fingerprint, TOKEN_FINGERPRINT, "%s", "<\"'&");
    fixture_problem(overview, PROBLEM_OF_SERVICE, PROBLEM_DEADLINE, SECOND, HOSTILE, HOSTILE);
    fixture_problem(overview, PROBLEM_OF_CALLER, PROBLEM_NOT_FOUND, SECOND, HOSTILE, HOSTILE);
    struct condition *condition =
        fixture_condition(overview, CONDITION_WARNING, MINUTE, HOSTILE, HOSTILE);
    snprintf(condition->why, sizeof(condition->why), "%s", HOSTILE);
    snprintf(condition->action, sizeof(condition->action), "%s", HOSTILE);
    draw();
    ck_assert_uint_eq(count_of("<script>"), 1); /* the page's own */
    lacks("\x01");
    lacks("\xe2\x80\xae");
    ck_assert_uint_eq(
        count_of("&lt;script&gt;&quot;&#39;&amp;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
        count_of("&lt;script&gt;"));
    ck_assert_uint_ge(count_of("&lt;script&gt;"), 20);
}
END_TEST

static void fill(size_t upstream, int64_t life)
{
    for (int64_t i = 127; i >= 0; i--) {
        fixture_event(overview, upstream, HISTORY_REQUEST_FAILED, i * life + life / 2,
                      "the token endpoint refuses the client's secret (401 invalid_client): Client "
                      "authentication failed; see the provider's pages, and then mend it");
        fixture_token(overview, upstream, i * life, life, life / 6);
    }
}

static void fill_problems(enum problem_side side, enum problem_id ending)
{
    char path[PROBLEM_LOG_PATH], guid[GUID_MAX + 1];

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    memset(guid, 'g', 36);
    guid[36] = '\0';
    for (size_t i = 0; i < PROBLEM_LOG_ENTRIES; i++)
        fixture_problem(overview, side, ending, SECOND, guid, path);
}

/* Two hours in which the codes from `first` on failed in turns, and every list is full. */
static void fill_all(const char *name, enum problem_id first)
{
    fixture_samples(overview, 2 * HOUR, 12345);
    struct history *history = fixture_history(overview);

    for (size_t i = 0; i < HISTORY_SAMPLES; i++)
        for (size_t id = first; id < PROBLEM_COUNT; id++)
            history->samples[i].codes[id] = (uint32_t)(i * 7919 % (97 + id));
    for (size_t id = first; id < PROBLEM_COUNT; id++)
        overview->codes[id] = 1234567890;
    fixture_counted(overview);
    for (size_t i = 0; i < overview->upstream_count; i++) {
        overview->upstreams[i].name = name;
        fill(i, (MINUTE << i % 4));
    }
    fill_problems(PROBLEM_OF_SERVICE, PROBLEM_UPSTREAM_UNAUTHORIZED);
    fill_problems(PROBLEM_OF_CALLER, PROBLEM_METHOD_NOT_ALLOWED);
}

/* Three codes in turns, and tokens that fail as often as they are obtained. */
START_TEST(test_size)
{
    char name[33];

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    begin((size_t)_i, 3 * HOUR);
    fill_all(name, PROBLEM_COUNT - 3);
    draw();
    ck_assert_msg(page.len < MOST_BYTES, "%d upstreams: %zu bytes", _i, page.len);
}
END_TEST

/* Every code there is, beside two upstreams that fail. */
START_TEST(test_size_codes)
{
    begin(2, 3 * HOUR);
    fill_all("location", ENDED_OK + 1);
    draw();
    ck_assert_msg(page.len < MOST_BYTES, "%zu bytes", page.len);
    shows(" more codes</th><td class=\"n\">");
}
END_TEST

/* More upstreams, of which nothing bad is to be told. */
START_TEST(test_size_calm)
{
    begin(4, 3 * HOUR);
    fixture_samples(overview, 2 * HOUR, 12345);
    for (size_t i = 0; i < overview->upstream_count; i++)
        for (int64_t k = 12; k >= 0; k--)
            fixture_token(overview, i, k * 10 * MINUTE + MINUTE, 11 * MINUTE, MINUTE);
    draw();
    ck_assert_msg(page.len < MOST_BYTES, "%zu bytes", page.len);
}
END_TEST

/* Routes for an overview: the first `count` upstreams, each in two of them. */
static struct config config;
static struct config_upstream config_upstreams[CONFIG_UPSTREAMS_MAX];
static struct config_route config_routes[200];
static char names[CONFIG_UPSTREAMS_MAX][32], route_names[200][32];

static void add_routes(size_t count)
{
    for (size_t i = 0; i < overview->upstream_count; i++) {
        snprintf(names[i], sizeof(names[i]), "upstream%zu", i);
        overview->upstreams[i].name = names[i];
        config_upstreams[i] =
            (struct config_upstream){.name = names[i], .index = overview->upstreams[i].index};
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(route_names[i], sizeof(route_names[i]), "route%zu", i);
        config_routes[i] = (struct config_route){
            .name = route_names[i],
            .prefix = (char *)(uintptr_t) "/api/v1/addresses/",
            .upstreams = {i % overview->upstream_count, (i + 1) % overview->upstream_count},
            .upstream_count = 2};
    }
    config = (struct config){.upstreams = config_upstreams,
                             .upstream_count = overview->upstream_count,
                             .routes = config_routes,
                             .route_count = count};
    overview->readiness.config = &config;
    overview->readiness.ready = true;
}

/* The routes, and a line for each upstream: one of three is ejected, one held. */
START_TEST(test_several)
{
    begin(3, HOUR);
    add_routes(3);
    fixture_samples(overview, HOUR, 100);
    overview->upstreams[0].breaker = (struct breaker_state){.ejected = true,
                                                            .since = {FIXTURE_NOW - 40 * SECOND},
                                                            .until = {FIXTURE_NOW + 20 * SECOND}};
    overview->upstreams[1].hold =
        (struct hold_state){.held = true, .until = {FIXTURE_NOW + 5 * SECOND}};
    overview->upstreams[1].rate = SECOND / 10;
    overview->upstreams[1].rate_waiting = 7;
    overview->upstreams[1].rate_queue = 100;
    draw();
    /* Both of the first one are passed over: the last of the list is asked all the same. */
    shows("<tr data-route=\"route0\" data-value=\"stood-in\"><th scope=\"row\">route0</th><td>"
          "<code>/api/v1/addresses/</code></td><td><code>upstream0</code>, "
          "<code><b>upstream1</b></code>");
    shows("<tr data-route=\"route1\" data-value=\"stood-in\"");
    shows("<code>upstream1</code>, <code><b>upstream2</b></code> "
          "<small>lookups go to upstream2</small>");
    shows("<tr data-route=\"route2\" data-value=\"ready\"");
    shows("<tr data-upstream=\"upstream0\" data-way=\"ejected\"><th scope=\"row\"><a "
          "href=\"#upstream-upstream0\"><code>upstream0</code></a></th><td>ejected <small>since "
          "<time datetime=\"2026-03-04T14:02:30Z\">14:02:30</time> UTC, next trial from ");
    shows("data-upstream=\"upstream1\" data-way=\"held\"");
    shows("data-upstream=\"upstream2\" data-way=\"open\"");
    shows("7 <small>of 100; rate allows 10.0/s</small>");
}
END_TEST

START_TEST(test_one_needs_no_table)
{
    begin(1, HOUR);
    draw();
    lacks("id=\"routes\"");
    lacks("id=\"upstreams\"");
    lacks("Taken by routes");
    lacks("their turn");
}
END_TEST

/* Of two hundred routes the ones that are not ready are shown. */
START_TEST(test_many_routes)
{
    begin(3, HOUR);
    add_routes(200);
    overview->readiness.count = 1;
    overview->readiness.reason_of[2] = 1;
    overview->upstreams[2].unready = true;
    config_routes[199].upstreams[0] = config_routes[199].upstreams[1] = 2;
    draw();
    ck_assert_uint_eq(count_of("<tr data-route="), 40);
    shows("data-route=\"route199\" data-value=\"not-ready\"");
    shows("Lookups are answered, but not those of every route.");
    shows("<p class=\"calm\">And 160 more, which are no worse");
}
END_TEST

/* Twenty upstreams that are well, and two hundred routes. */
START_TEST(test_size_many)
{
    begin(20, 3 * HOUR);
    add_routes(200);
    fixture_samples(overview, 2 * HOUR, 12345);
    for (size_t i = 0; i < overview->upstream_count; i++)
        for (int64_t k = 12; k >= 0; k--)
            fixture_token(overview, i, k * 10 * MINUTE + MINUTE, 11 * MINUTE, MINUTE);
    draw();
    ck_assert_msg(page.len < MOST_BYTES_OF_20, "%zu bytes", page.len);
}
END_TEST

/* As many upstreams as there can be, with names that are escaped: it is written whole. */
START_TEST(test_largest)
{
    char name[65];

    memset(name, '"', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    begin(CONFIG_UPSTREAMS_MAX, 3 * HOUR);
    fill_all(name, PROBLEM_INVALID_POSTCODE);
    overview->cache.on = true;
    overview->ready = false;
    add_routes(200);
    for (size_t i = 0; i < overview->upstream_count; i++) {
        overview->upstreams[i].name = config_upstreams[i].name = name;
        overview->upstreams[i].breaker.ejected = true;
        overview->upstreams[i].rate = 1;
    }
    for (size_t i = 0; i < 200; i++) {
        config_routes[i].name = name;
        config_routes[i].upstream_count = CONFIG_UPSTREAMS_MAX;
    }
    for (size_t i = 0; i < READINESS_REASONS; i++) {
        add_reason(name, "", "", MINUTE);
        memset(overview->readiness.reasons[i].what, '"', READINESS_WHAT - 1);
        memset(overview->readiness.reasons[i].why, '"', READINESS_WHY - 1);
    }
    for (size_t i = 0; i < CONDITIONS_MAX; i++) {
        struct condition *condition =
            fixture_condition(overview, CONDITION_WARNING, MINUTE, name, name);
        memset(condition->why, '"', sizeof(condition->why) - 1);
        memset(condition->action, '"', sizeof(condition->action) - 1);
    }
    draw();
}
END_TEST

/* The policy allows this very style and this very script. */
static void is_allowed(const char *open, const char *close, const char *directive)
{
    unsigned char digest[32];
    char encoded[64];
    const char *begins = strstr(buf_text(&page), open);

    ck_assert_ptr_nonnull(begins);
    begins += strlen(open);
    const char *ends = strstr(begins, close);
    ck_assert_ptr_nonnull(ends);
    EVP_Digest(begins, (size_t)(ends - begins), digest, NULL, EVP_sha256(), NULL);
    EVP_EncodeBlock((unsigned char *)encoded, digest, sizeof(digest));
    char *want = mem_printf("%s 'sha256-%s'", directive, encoded);
    ck_assert_msg(strstr(status_page_policy(), want) != NULL, "no %s", want);
    mem_free(want);
}

START_TEST(test_policy)
{
    begin(1, HOUR);
    draw();
    is_allowed("<style>", "</style>", "style-src");
    is_allowed("<script>", "</script>", "script-src");
    ck_assert_ptr_nonnull(strstr(status_page_policy(), "default-src 'none';"));
    ck_assert_ptr_null(strstr(status_page_policy(), "unsafe"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status_page");
    TCase *all = tcase_create("status_page");

    tcase_add_checked_fixture(all, NULL, teardown);
    tcase_add_test(all, test_empty);
    tcase_add_test(all, test_calm);
    tcase_add_test(all, test_fleet);
    tcase_add_test(all, test_draining);
    tcase_add_test(all, test_conditions);
    tcase_add_test(all, test_events);
    tcase_add_test(all, test_timeline);
    tcase_add_test(all, test_present);
    tcase_add_test(all, test_rejected);
    tcase_add_test(all, test_until);
    tcase_add_test(all, test_slow);
    tcase_add_test(all, test_reasons);
    tcase_add_test(all, test_queue);
    tcase_add_test(all, test_errors);
    tcase_add_test(all, test_pending);
    tcase_add_test(all, test_problems);
    tcase_add_test(all, test_problems_alike);
    tcase_add_test(all, test_hostile);
    tcase_add_loop_test(all, test_size, 1, 3);
    tcase_add_test(all, test_size_codes);
    tcase_add_test(all, test_size_calm);
    tcase_add_test(all, test_several);
    tcase_add_test(all, test_one_needs_no_table);
    tcase_add_test(all, test_many_routes);
    tcase_add_test(all, test_size_many);
    tcase_add_test(all, test_largest);
    tcase_add_test(all, test_policy);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
