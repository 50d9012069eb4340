/*
 * Somebody runs the probe because something does not work, or to be told that it will. So a failure
 * ends with the keys that can be its reason, the likeliest first, and what is odd is told though it
 * works: a lifetime that the quota does not bear, a margin that does not apply as configured, a
 * token that runs out before another can be had.
 */
#include "service/probe_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/duration.h"

/* Requests a day that a lifetime leads to, over which a person is told. */
#define MANY_A_DAY 1440
#define SLOW (1 * SECOND)
#define FLOW_MAX 256

/* "what           it is", one line. */
__attribute__((format(printf, 2, 3))) static void tell(const char *what, const char *format, ...)
{
    va_list args;
    printf("%-14s ", what);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* ---- the token ---- */

static const char *flow_word(int flow)
{
    static const char *const words[] = {"basic", "client_credentials", "jwt_bearer"};

    return words[flow];
}

static const char *client_word(int client)
{
    static const char *const words[] = {"basic", "post", "none", "tls", "private_key_jwt"};

    return words[client];
}

/* The keys that shape the request, but for those at their defaults that say nothing. */
static void put_flow(const struct config_upstream *upstream, struct buf *out)
{
    bool plain = upstream->auth_flow == AUTH_FLOW_BASIC && upstream->auth_body == NULL;
    bool alone = upstream->auth_flow == AUTH_FLOW_JWT_BEARER && !upstream->authenticates;

    buf_printf(out, "auth_flow = %s", flow_word(upstream->auth_flow));
    if (!plain && !alone)
        buf_printf(out, ", auth_client = %s", client_word(upstream->auth_client));
    if (upstream->auth_body != NULL)
        buf_puts(out, ", with auth_body");
    if (upstream->auth_method == AUTH_METHOD_GET)
        buf_puts(out, ", auth_method = get");
}

void probe_report_endpoint(const struct config_upstream *upstream)
{
    struct buf flow;

    if (upstream->auth_url != NULL)
        tell("token endpoint", "%s", upstream->auth_url);
    else
        tell("token endpoint", "%s%s", upstream->address, upstream->auth_path);
    buf_init(&flow, FLOW_MAX);
    put_flow(upstream, &flow);
    tell("asked as", "client \"%s\", %s", upstream->client_id, buf_text(&flow));
    buf_fini(&flow);
}

void probe_report_response(const struct config_upstream *upstream,
                           const struct token_fetch_report *report)
{
    char took[DURATION_TEXT];

    if (report->status != 0)
        tell("response", "%d in %s", report->status, duration_format_parts(report->duration, took));
    if (report->status != 0 && report->duration > SLOW)
        tell("odd", "it took over a second");
    if (report->requests > 1)
        tell("odd", "secret number %u was rejected, number %u was tried then", 3 - report->secret,
             report->secret);
    else if (upstream->client_secret_count > 1)
        tell("secret", "number %u of 2 was tried", report->secret);
}

/* When the next request comes, at the latest: what a token may be used for. */
static int64_t used_for(const struct token_fetch_report *report,
                        const struct token_margins *margins)
{
    int64_t early =
        margins->refresh_window > margins->unusable ? margins->refresh_window : margins->unusable;

    return report->lifetime - early;
}

static void tell_margins(const struct token_margins *least, const struct token_margins *most)
{
    char a[DURATION_TEXT], b[DURATION_TEXT], c[DURATION_TEXT];

    if (least->refresh_window > most->unusable)
        tell("early expiry", "replaced %s to %s before it expires; not used in its last %s",
             duration_format_parts(least->refresh_window, a),
             duration_format_parts(most->refresh_window, b),
             duration_format_parts(most->unusable, c));
    else
        tell("early expiry", "replaced when it is no longer used, in its last %s",
             duration_format_parts(most->unusable, c));
}

/* Whether a token can run out before another is there. */
static void tell_gaps(const struct token_fetch_report *report, const struct token_margins *least)
{
    char a[DURATION_TEXT], b[DURATION_TEXT];
    int64_t left = least->refresh_window - least->unusable;

    if (used_for(report, least) < KEEPER_PACE)
        tell("odd", "so short a lifetime that lookups will have to wait: tokens are asked for "
                    "once a second at most");
    else if (left <= 0)
        tell("odd", "with so small an auth_token_early_expiry lookups wait at each renewal");
    else if (left < 2 * report->duration)
        tell("odd",
             "lookups may have to wait now and then: a response took %s, and a renewal has %s "
             "before the token is no longer used",
             duration_format_parts(report->duration, a), duration_format_parts(left, b));
}

static void tell_margin_oddities(const struct config_upstream *upstream, int64_t renew,
                                 const struct token_fetch_report *report)
{
    const int64_t configured = upstream->auth_token_early_expiry;
    const struct token_renewal renewal = {.early = configured, .percent = renew};
    const struct token_margins most = token_margins(report->lifetime, &renewal, 0);
    const struct token_margins least = token_margins(report->lifetime, &renewal, UINT32_MAX);
    const int64_t a_day = 24 * HOUR / used_for(report, &most);
    char text[DURATION_TEXT];

    tell_margins(&least, &most);
    if (most.shrunk && renew == 0)
        tell("odd",
             "auth_token_early_expiry = %s is over 20 %% of the lifetime: 20 %% is used, as above",
             duration_format_parts(configured, text));
    if (a_day > MANY_A_DAY)
        tell("odd", "this is about %lld token requests a day: does the client's quota allow it?",
             (long long)a_day);
    tell_gaps(report, &least);
}

void probe_report_grant(const struct config_upstream *upstream, int64_t renew,
                        const struct token_fetch_report *report)
{
    char text[DURATION_TEXT];

    tell("token type", "%s", report->type);
    const char *member =
        upstream->auth_reply.second != NULL ? upstream->auth_reply.second : "expires_in";

    if (report->lifetime_from == LIFETIME_GIVEN)
        tell("lifetime", "%s (the endpoint's %s)", duration_format_parts(report->lifetime, text),
             member);
    else
        tell("lifetime", "%s (auth_token_default_lifetime)",
             duration_format_parts(report->lifetime, text));
    if (report->lifetime_from == LIFETIME_ABSENT)
        tell("odd", "the endpoint does not say how long a token lives: is "
                    "auth_token_default_lifetime right, or does auth_reply name another member?");
    if (report->lifetime_from == LIFETIME_USELESS)
        tell("odd",
             "the endpoint's %s is less than a second, or a time that has passed: is "
             "auth_token_default_lifetime right?",
             member);
    if (report->lifetime >= TOKEN_LIFETIME_MAX)
        tell("odd", "a longer lifetime than 24h is taken for 24h");
    if (strcmp(report->type, "Bearer") != 0 && upstream->auth_scheme == NULL)
        tell("odd", "the type is not Bearer: it goes before the token as it came; auth_scheme = "
                    "Bearer where the API wants that");
    tell_margin_oddities(upstream, renew, report);
    if (renew > 0)
        tell("fleet", "not asked: this token is apart from the fleet's; an issuer that keeps one "
                      "token for each client has ended that one");
}

/* ---- why there is none ---- */

void probe_report_no_grant(const struct config_upstream *upstream,
                           const struct keeper_result *result,
                           const struct token_fetch_report *report)
{
    tell("no token", "%s", result->reason);
    tell("verdict", "failed; look at %s", probe_advice_token(upstream, result, report));
}

/* ---- the lookup ---- */

void probe_report_lookup(const struct config_upstream *upstream, const struct postcode *postcode)
{
    const struct config_target *target = &upstream->lookup_target;

    if (target->text != NULL)
        tell("lookup", "%s%s%s%s", upstream->address, target->before, postcode->encoded,
             target->behind);
    else
        tell("lookup", "%s%s%s", upstream->address, upstream->lookup_path, postcode->encoded);
}

bool probe_report_result(const struct probe_lookup *lookup, const struct lookup_result *result)
{
    char took[DURATION_TEXT];

    if (result->kind == LOOKUP_FAILED)
        tell("no address", "the upstream %s", client_error_phrase(result->error));
    else if (result->status != 0)
        tell("response", "%d in %s", result->status,
             duration_format_parts(result->stats->upstream_duration, took));
    if (result->reason != NULL)
        tell("no address", "%s", result->reason);
    if (result->kind == LOOKUP_UNKNOWN && result->status == 200)
        tell("no address", "%s leads to nothing",
             json_pointer_text(lookup->upstream->lookup_found.pointer));
    if (result->kind == LOOKUP_ADDRESS) {
        tell("address", "%zu bytes of JSON", result->body_len);
        return true;
    }
    if (lookup->outline->len > 0)
        tell("the body", "%s", buf_text(lookup->outline));
    tell("verdict", "failed; look at %s", probe_advice_lookup(lookup, result));
    return false;
}

void probe_report_keys(const struct key_fetch *fetch, const struct key_fetch_result *result)
{
    const char *url = key_fetch_url(fetch);
    const char *note = result->keys != NULL ? jwt_keys_note(result->keys) : "";

    tell("identity keys", "%s: %s", url,
         result->keys != NULL ? jwt_keys_kind(result->keys) : result->reason);
    if (note[0] != '\0')
        tell("odd", "%s", note);
}

void probe_report_no_keys(void)
{
    tell("verdict",
         "failed; look at key_url in [identity]: the line \"identity keys\" says why; the "
         "rest succeeded");
}

void probe_report_success(bool looked_up)
{
    tell("verdict", "%s",
         looked_up ? "ok: token request and lookup succeeded"
                   : "ok: token request succeeded; with a postcode, a lookup is tried too");
}
