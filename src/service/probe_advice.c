/*
 * A stranger sets up a foreign API with this: each failure names the key that most often is its
 * reason, the likeliest first. Where a key is set already, it is not proposed to set it.
 */
#include "service/probe_advice.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "config/auth.h"

static const char *on_silence(enum client_error failure)
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
    case CLIENT_FRAMING:
        return "address or auth_url: the server there, or a proxy before it, is at fault";
    default:
        return "address or auth_url, auth_timeout, proxy, and the network between";
    }
}

/* ---- the token ---- */

/* HTTP Basic and nothing else: what an OAuth 2.0 endpoint does not take. */
static bool is_plain(const struct config_upstream *upstream)
{
    return upstream->auth_flow == AUTH_FLOW_BASIC && upstream->auth_body == NULL;
}

static const char *on_client(const struct config_upstream *upstream)
{
    if (auth_signs(upstream))
        return "client_id, auth_key_file and auth_key_id: does the provider know the public half "
               "of this key; and, for jwt_bearer, auth_subject and auth_audience";
    if (is_plain(upstream))
        return "client_id and the client's secret; and whether the endpoint requires auth_flow = "
               "client_credentials, or a body of its own (auth_body)";
    if (upstream->auth_client == AUTH_CLIENT_TLS)
        return "client_id and client_certificate: does the provider know this certificate";
    if (upstream->auth_body != NULL)
        return "client_id, the client's secret, and auth_body: has it the names that the endpoint "
               "expects";
    if (upstream->auth_client == AUTH_CLIENT_BASIC)
        return "client_id and the client's secret; and whether the endpoint requires auth_client = "
               "post";
    return "client_id and the client's secret; and whether the endpoint requires auth_client = "
           "basic";
}

/* By the server's code (RFC 6749, section 5.2, RFC 8707, section 2). */
static const char *on_code(const struct config_upstream *upstream, int status, const char *code)
{
    bool no_grant = text_equal_ci(code, "unsupported_grant_type");

    if (is_plain(upstream) && (text_equal_ci(code, "invalid_request") || no_grant))
        return "auth_flow: this is an OAuth 2.0 endpoint, which requires client_credentials";
    if (text_equal_ci(code, "unauthorized_client") || no_grant)
        return "the client's registration with the provider: it must allow the grant that "
               "auth_flow asks for";
    if (text_equal_ci(code, "invalid_grant"))
        return "auth_key_file, auth_subject and auth_audience: the endpoint does not accept the "
               "assertion";
    if (text_equal_ci(code, "invalid_scope"))
        return "auth_scope";
    if (text_equal_ci(code, "invalid_target"))
        return "auth_audience, or the auth_param that names the resource";
    if (text_equal_ci(code, "invalid_request") || (code[0] == '\0' && status == 400))
        return "auth_client, and what else the endpoint requires as auth_scope, auth_audience, "
               "auth_param, auth_body or header.NAME; or client_id and the client's secret";
    return on_client(upstream);
}

/* Of a 200 or 201 that is no grant. */
static const char *on_grant(const struct token_fetch_report *report)
{
    if (report->key == NULL)
        return "auth_path or auth_url: this responds, but not as a token endpoint does";
    if (strcmp(report->key, "auth_scheme") == 0)
        return "auth_scheme: set it to what the API wants before the token, most often Bearer";
    return "auth_reply: the names of the members that hold the token and its lifetime, which must "
           "stand at the top of the response";
}

static const char *on_media_type(const struct config_upstream *upstream)
{
    if (upstream->auth_body != NULL)
        return "auth_body: the endpoint does not take this type; JSON begins with { or [, and a "
               "form with neither";
    if (upstream->auth_method == AUTH_METHOD_GET || is_plain(upstream))
        return "auth_flow, which as client_credentials sends a form, or auth_body, which sends "
               "JSON: auth_body = {\"client_id\":\"{client_id}\",\"client_secret\":"
               "\"{client_secret}\"} and auth_client = post, with the names of the API";
    return "auth_body: the endpoint takes no form, most likely JSON: auth_body = {\"grant_type\":"
           "\"client_credentials\",\"client_id\":\"{client_id}\",\"client_secret\":"
           "\"{client_secret}\"} and auth_client = post, with the names of the API";
}

static const char *on_status(const struct config_upstream *upstream, int status)
{
    if (status == 405)
        return "auth_method: the endpoint takes another method; and auth_path or auth_url";
    if (status == 404 || status / 100 == 3)
        return "auth_path or auth_url: this is not a token endpoint";
    if (status == 407)
        return on_silence(CLIENT_PROXY_AUTH);
    if (status == 412)
        return "auth_client, and header.NAME: the endpoint expects another header field";
    if (status == 415 || status == 406)
        return on_media_type(upstream);
    if (status == 422)
        return "auth_body, or auth_param: the endpoint understands the request, and misses "
               "something in it";
    if (status == 429 || status / 100 == 5)
        return "the endpoint itself, which fails or asks to be called later; the daemon "
               "would continue asking";
    return "address or auth_url, and auth_path";
}

const char *probe_advice_token(const struct config_upstream *upstream,
                               const struct keeper_result *result,
                               const struct token_fetch_report *report)
{
    if (report->status == 0)
        return on_silence(report->failure);
    if (result->kind == KEEPER_REJECTED)
        return on_code(upstream, report->status, report->error);
    if (report->status / 100 == 2)
        return on_grant(report);
    return on_status(upstream, report->status);
}

/* ---- the lookup ---- */

static bool outline_is(const struct probe_lookup *lookup, const char *text)
{
    return strstr(buf_text(lookup->outline), text) != NULL;
}

#define REPORTS_ERROR                                                                              \
    "lookup_failed: the body has a member error; where it reports a dead token, set "              \
    "lookup_failed = /error; and lookup_found"

static bool reports_error(const struct probe_lookup *lookup)
{
    const char *outline = buf_text(lookup->outline);
    bool has = strncmp(outline, "error (", 7) == 0 || strstr(outline, " error (") != NULL;

    return has && lookup->upstream->lookup_failed.pointer == NULL;
}

static const char *on_unknown(const struct probe_lookup *lookup, int status)
{
    bool target = lookup->upstream->lookup_target.text != NULL;

    if (status == 200 && reports_error(lookup))
        return REPORTS_ERROR;
    if (status == 200)
        return "lookup_found, unless the upstream just does not know this postcode: try one that "
               "it must know";
    if (status == 204)
        return "the postcode: the upstream says that there is nothing; try one that it must know";
    return target
               ? "lookup_target, unless the upstream just does not know this postcode: try one "
                 "that it must know"
               : "lookup_path, or lookup_target where the postcode belongs elsewhere, unless the "
                 "upstream just does not know this postcode: try one that it must know";
}

static const char *on_rejected(const struct probe_lookup *lookup, int status)
{
    if (status == 403)
        return "the client's rights and quota at the provider; and whether the API wants a header "
               "field of its own, such as the key of a subscription (header_file.NAME)";
    if (status == 200)
        return "lookup_failed, which leads to an error in the body; what the token is good for: "
               "auth_scope, auth_audience; and auth_scheme";
    if (!text_equal_ci(lookup->token_type, "Bearer") && lookup->upstream->auth_scheme == NULL)
        return "auth_scheme: the token was sent with the type that the endpoint named; most APIs "
               "want auth_scheme = Bearer";
    return "what the token is good for: auth_scope, auth_audience, the client's rights; and "
           "whether address and token endpoint belong together";
}

static const char *on_malformed(const struct probe_lookup *lookup,
                                const struct lookup_result *result)
{
    if (result->error == CLIENT_BODY_TOO_LARGE)
        return "max_response_size";
    if (result->headers[CLIENT_CONTENT_ENCODING] != NULL || outline_is(lookup, "compressed ("))
        return "address: this server compresses although identity is asked for; another host or "
               "path of the API may not";
    if (outline_is(lookup, "an HTML page"))
        return "address and lookup_target: this is a page for people, not the API";
    if (reports_error(lookup))
        return REPORTS_ERROR;
    if (lookup->upstream->lookup_found.pointer != NULL)
        return "lookup_found: write a pointer to what is there for each known postcode, from the "
               "members above; and lookup_target";
    return "lookup_found: write a pointer to what is there for a known postcode, from the members "
           "above, such as /results/0 for the first of an array; or lookup_path, where this should "
           "be an address";
}

static const char *on_lookup_status(int status)
{
    switch (status) {
    case 402:
        return "the account at the provider: payment is due, or the quota is used up";
    case 405:
        return "lookup_target: the upstream takes no GET there";
    case 406:
    case 415:
        return "lookup_target: the upstream has no JSON there; some APIs want f=json or the like";
    case 407:
        return on_silence(CLIENT_PROXY_AUTH);
    case 412:
        return "header.NAME: the upstream expects another header field";
    default:
        return "address, lookup_path and lookup_target, or the upstream itself";
    }
}

const char *probe_advice_lookup(const struct probe_lookup *lookup,
                                const struct lookup_result *result)
{
    switch (result->kind) {
    case LOOKUP_ADDRESS:
    case LOOKUP_NOT_MODIFIED:
    case LOOKUP_NO_TURN: /* a probe is not bound by rate */
        break;
    case LOOKUP_UNKNOWN:
        return on_unknown(lookup, result->status);
    case LOOKUP_INVALID:
        return "the postcode: the upstream does not accept it as one; or lookup_target or "
               "header.NAME, where it misses something else";
    case LOOKUP_REJECTED:
        return on_rejected(lookup, result->status);
    case LOOKUP_RATE_LIMITED:
    case LOOKUP_BUSY:
        return "the upstream, which asks to be called later; everything else is right";
    case LOOKUP_MALFORMED:
        return on_malformed(lookup, result);
    case LOOKUP_UPSTREAM_STATUS:
        return on_lookup_status(result->status);
    case LOOKUP_FAILED:
        return on_silence(result->error);
    case LOOKUP_NO_TOKEN:
        return "the lifetime above: the token could not be used";
    }
    return "nothing";
}
