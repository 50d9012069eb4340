/*
 * What a request has of Basic, form and body is decided in config/auth.h; here it is written.
 *
 * A parameter must not be sent twice (RFC 6749, section 3.2): the configuration has rejected an
 * auth_param by the name of one of ours.
 *
 * Everything is built in memory that is wiped.
 */
#include "token/request.h"

#include <string.h>

#include "base/check.h"
#include "base/json_value.h"
#include "base/mem.h"
#include "base/secret.h"
#include "config/auth.h"
#include "token/encoding.h"

#define GRANT_JWT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define ASSERTION_JWT "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static void put_grant(struct buf *out, const struct config_upstream *upstream,
                      const struct token_assertions *assertions)
{
    const bool jwt = auth_signs_grant(upstream);

    encoding_text(out, "grant_type", jwt ? GRANT_JWT : "client_credentials");
    encoding_text(out, "assertion", jwt ? assertions->grant : NULL);
    /* In jwt_bearer they are inside the assertion. */
    encoding_text(out, "scope", jwt ? NULL : upstream->auth_scope);
    encoding_text(out, "audience", jwt ? NULL : upstream->auth_audience);
}

static void put_client(struct buf *out, const struct config_upstream *upstream,
                       const struct secret *secret, const struct token_assertions *assertions)
{
    if (auth_sends_id(upstream))
        encoding_text(out, "client_id", upstream->client_id);
    if (auth_sends_secret(upstream) && !auth_sends_basic(upstream))
        encoding_pair(out, "client_secret", secret_text(secret), secret_len(secret));
    if (auth_signs_client(upstream)) {
        encoding_text(out, "client_assertion_type", ASSERTION_JWT);
        encoding_text(out, "client_assertion", assertions->client);
    }
}

static void put_form(struct buf *out, const struct config_upstream *upstream,
                     const struct secret *secret, const struct token_assertions *assertions)
{
    const struct config_params *params = &upstream->auth_param;

    put_grant(out, upstream, assertions);
    for (size_t i = 0; i < params->count; i++)
        encoding_text(out, params->items[i].name, params->items[i].value);
    put_client(out, upstream, secret, assertions);
}

/* auth_body with id and secret in their places; other braces are its own. */
static void put_body(struct buf *out, const struct config_upstream *upstream,
                     const struct secret *secret)
{
    const char *text = upstream->auth_body;
    void (*encode)(struct buf *, const char *, size_t) =
        auth_body_is_json(upstream) ? json_value_escape : encoding_form;

    while (*text != '\0') {
        if (strncmp(text, AUTH_BODY_ID, strlen(AUTH_BODY_ID)) == 0) {
            encode(out, upstream->client_id, strlen(upstream->client_id));
            text += strlen(AUTH_BODY_ID);
        } else if (strncmp(text, AUTH_BODY_SECRET, strlen(AUTH_BODY_SECRET)) == 0) {
            encode(out, secret_text(secret), secret_len(secret));
            text += strlen(AUTH_BODY_SECRET);
        } else {
            buf_putc(out, *text++);
        }
    }
}

void token_request_init(struct token_request *request, const struct config_upstream *upstream,
                        size_t secret, const struct token_assertions *assertions)
{
    const bool get = upstream->auth_method == AUTH_METHOD_GET;

    MUST(secret < upstream->client_secret_count);
    const struct secret *mine = upstream->client_secrets[secret];

    *request = (struct token_request){.authorization = NULL};
    buf_init_secret(&request->body, ENCODING_MAX);
    buf_init_secret(&request->query, ENCODING_MAX);
    if (upstream->auth_body != NULL) {
        request->content_type =
            auth_body_is_json(upstream) ? TOKEN_REQUEST_JSON : TOKEN_REQUEST_FORM;
        put_body(&request->body, upstream, mine);
    } else if (auth_sends_form(upstream)) {
        request->content_type = get ? NULL : TOKEN_REQUEST_FORM;
        put_form(get ? &request->query : &request->body, upstream, mine, assertions);
    }
    MUST(request->body.err == ERR_OK && request->query.err == ERR_OK);
    if (auth_sends_basic(upstream))
        request->authorization =
            encoding_basic(upstream, mine, upstream->auth_flow != AUTH_FLOW_BASIC);
}

void token_request_fini(struct token_request *request)
{
    wipe_free_text(request->authorization);
    buf_fini(&request->body);
    buf_fini(&request->query);
}
