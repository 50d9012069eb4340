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

static const char *flow_name(const struct config_upstream *upstream)
{
    if (upstream->auth_flow == AUTH_FLOW_BASIC)
        return "auth_flow = basic";
    return upstream->auth_client == AUTH_CLIENT_POST
               ? "auth_flow = client_credentials, auth_client = post"
               : "auth_flow = client_credentials, auth_client = basic";
}

void probe_report_endpoint(const struct config_upstream *upstream)
{
    if (upstream->auth_url != NULL)
        tell("token endpoint", "%s", upstream->auth_url);
    else
        tell("token endpoint", "%s%s", upstream->address, upstream->auth_path);
    tell("asked as", "client \"%s\", %s", upstream->client_id, flow_name(upstream));
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

static void tell_margin_oddities(const struct config_upstream *upstream,
                                 const struct token_fetch_report *report)
{
    const int64_t configured = upstream->auth_token_early_expiry;
    const struct token_margins most = token_margins(report->lifetime, configured, 0);
    const struct token_margins least = token_margins(report->lifetime, configured, UINT32_MAX);
    const int64_t a_day = 24 * HOUR / used_for(report, &most);
    char text[DURATION_TEXT];

    tell_margins(&least, &most);
    if (most.shrunk)
        tell("odd",
             "auth_token_early_expiry = %s is over 20 %% of the lifetime: 20 %% is used, as above",
             duration_format_parts(configured, text));
    if (a_day > MANY_A_DAY)
        tell("odd", "this is about %lld token requests a day: does the client's quota allow it?",
             (long long)a_day);
    tell_gaps(report, &least);
}

void probe_report_grant(const struct config_upstream *upstream,
                        const struct token_fetch_report *report)
{
    char text[DURATION_TEXT];

    tell("token type", "%s", report->type);
    tell("lifetime", "%s (%s)", duration_format_parts(report->lifetime, text),
         report->lifetime_from == LIFETIME_GIVEN ? "the endpoint's expires_in"
                                                 : "auth_token_default_lifetime");
    if (report->lifetime_from == LIFETIME_ABSENT)
        tell("odd", "the endpoint does not say how long a token lives: is "
                    "auth_token_default_lifetime right?");
    if (report->lifetime >= TOKEN_LIFETIME_MAX)
        tell("odd", "a longer lifetime than 24h is taken for 24h");
    if (strcmp(report->type, "Bearer") != 0)
        tell("odd", "the type is not Bearer: it goes before the token as it came");
    tell_margin_oddities(upstream, report);
}

/* ---- why there is none ---- */

static const char *advise_on_client(const struct config_upstream *upstream)
{
    if (upstream->auth_flow == AUTH_FLOW_BASIC)
        return "client_id and the client's secret; and whether the endpoint requires auth_flow = "
               "client_credentials";
    if (upstream->auth_client == AUTH_CLIENT_BASIC)
        return "client_id and the client's secret; and whether the endpoint requires auth_client = "
               "post";
    return "client_id and the client's secret; and whether the endpoint requires auth_client = "
           "basic";
}

/* By the server's error (RFC 6749 section 5.2, RFC 8707 section 2). */
static const char *advise_on_error(const struct config_upstream *upstream, const char *error)
{
    bool basic = upstream->auth_flow == AUTH_FLOW_BASIC;

    if (basic &&
        (strcmp(error, "invalid_request") == 0 || strcmp(error, "unsupported_grant_type") == 0))
        return "auth_flow: this is an OAuth 2.0 endpoint, which requires client_credentials";
    if (strcmp(error, "unauthorized_client") == 0 || strcmp(error, "unsupported_grant_type") == 0)
        return "the client's registration with the provider: it must allow the "
               "client_credentials grant";
    if (strcmp(error, "invalid_scope") == 0)
        return "auth_scope";
    if (strcmp(error, "invalid_target") == 0)
        return "auth_audience, or the auth_param that names the resource";
    if (strcmp(error, "invalid_request") == 0)
        return "auth_client, and what else the endpoint requires as auth_scope, auth_audience or "
               "auth_param";
    return advise_on_client(upstream);
}

static const char *advise_on_silence(enum client_error failure)
{
    switch (failure) {
    case CLIENT_DNS:
    case CLIENT_REFUSED:
        return "the host and port in address or auth_url";
    case CLIENT_TLS:
        return "http or https in address or auth_url; client_certificate and client_key, where the "
               "endpoint requires them";
    case CLIENT_CLOSED: /* in TLS 1.3, also where a certificate of ours is missing or rejected */
        return "the port in address or auth_url; client_certificate and client_key, where the "
               "endpoint requires them";
    case CLIENT_PROXY_AUTH:
        return "the user in proxy, and proxy_password_file";
    case CLIENT_CERTIFICATE:
        return "the host in address or auth_url, and ca_file";
    case CLIENT_INTERNAL:
        return "proxy";
    case CLIENT_PROTOCOL:
        return "the port, and http or https, in address or auth_url";
    default:
        return "address or auth_url, auth_timeout, proxy, and the network between";
    }
}

static const char *advise_on_token(const struct config_upstream *upstream,
                                   const struct keeper_result *result,
                                   const struct token_fetch_report *report)
{
    if (report->status == 407)
        return advise_on_silence(CLIENT_PROXY_AUTH);
    if (report->status == 0)
        return advise_on_silence(report->failure);
    if (result->kind == KEEPER_REJECTED)
        return advise_on_error(upstream, report->error);
    if (report->status == 404 || report->status == 405 || report->status / 100 == 3)
        return "auth_path or auth_url: this is not a token endpoint";
    if (report->status / 100 == 2)
        return "auth_path or auth_url: this responds, but not as a token endpoint does";
    if (report->status == 415)
        return "auth_flow: an OAuth 2.0 endpoint requires client_credentials";
    if (report->status == 429 || report->status / 100 == 5)
        return "the endpoint itself, which fails or asks to be called later; the daemon "
               "would continue asking";
    return "address or auth_url, and auth_path";
}

void probe_report_no_grant(const struct config_upstream *upstream,
                           const struct keeper_result *result,
                           const struct token_fetch_report *report)
{
    tell("no token", "%s", result->reason);
    tell("verdict", "failed; look at %s", advise_on_token(upstream, result, report));
}

/* ---- the lookup ---- */

void probe_report_lookup(const struct config_upstream *upstream, const struct postcode *postcode)
{
    tell("lookup", "%s%s%s", upstream->address, upstream->lookup_path, postcode->encoded);
}

static const char *advise_on_lookup(const struct lookup_result *result)
{
    switch (result->kind) {
    case LOOKUP_ADDRESS:
    case LOOKUP_NOT_MODIFIED:
        break;
    case LOOKUP_UNKNOWN:
        return "lookup_path, unless the upstream just does not know this postcode: try another";
    case LOOKUP_INVALID:
        return "the postcode: the upstream does not accept it as one";
    case LOOKUP_REJECTED:
        return "what the token is good for: auth_scope, auth_audience, the client's rights; and "
               "whether address and token endpoint belong together";
    case LOOKUP_RATE_LIMITED:
    case LOOKUP_BUSY:
        return "the upstream, which asks to be called later; everything else is right";
    case LOOKUP_MALFORMED:
        return "lookup_path, and max_response_size: this is not an address";
    case LOOKUP_UPSTREAM_STATUS:
        if (result->status == 407)
            return advise_on_silence(CLIENT_PROXY_AUTH);
        return "address and lookup_path, or the upstream itself";
    case LOOKUP_FAILED:
        return advise_on_silence(result->error);
    case LOOKUP_NO_TOKEN:
        return "the lifetime above: the token could not be used";
    }
    return "nothing";
}

bool probe_report_result(const struct lookup_result *result)
{
    char took[DURATION_TEXT];

    if (result->kind == LOOKUP_FAILED)
        tell("no address", "the upstream %s", client_error_phrase(result->error));
    else if (result->status != 0)
        tell("response", "%d in %s", result->status,
             duration_format_parts(result->stats->upstream_duration, took));
    if (result->reason != NULL)
        tell("no address", "%s", result->reason);
    if (result->kind == LOOKUP_ADDRESS) {
        tell("address", "%zu bytes of JSON", result->body_len);
        return true;
    }
    tell("verdict", "failed; look at %s", advise_on_lookup(result));
    return false;
}

void probe_report_success(bool looked_up)
{
    tell("verdict", "%s",
         looked_up ? "ok: token request and lookup succeeded"
                   : "ok: token request succeeded; with a postcode, a lookup is tried too");
}
