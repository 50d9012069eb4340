/*
 * The audience of a client's assertion is the token endpoint's URL (RFC 7523, section 3), without
 * the query that a request may have.
 */
#include "token/assertions.h"

#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "config/auth.h"
#include "jose/assertion.h"
#include "jose/signer.h"

struct assertions {
    const struct config_upstream *upstream;
    struct jose_signer *signer; /* NULL: the request has no assertion */
    char *endpoint;
};

static enum err make_signer(const struct config_upstream *upstream, struct reason *reason,
                            struct jose_signer **out)
{
    const struct secret *key = upstream->auth_key_file.bytes;

    *out = NULL;
    if (!auth_signs(upstream) || key == NULL)
        return ERR_OK;
    return jose_signer_new(secret_text(key), secret_len(key), upstream->auth_key_id, reason, out);
}

bool assertions_check(const struct config_upstream *upstream, struct reason *reason)
{
    struct jose_signer *signer;
    const enum err err = make_signer(upstream, reason, &signer);

    if (err == ERR_OK)
        jose_signer_free(signer);
    return err == ERR_OK;
}

static char *endpoint_of(const struct config_upstream *upstream)
{
    const char *path = upstream->auth_path;

    if (upstream->auth_url != NULL)
        return mem_strndup(upstream->auth_url, strcspn(upstream->auth_url, "?"));
    return mem_printf("%s%.*s", upstream->address, (int)strcspn(path, "?"), path);
}

enum err assertions_new(const struct config_upstream *upstream, struct assertions **out)
{
    struct jose_signer *signer;
    struct reason reason;
    const enum err err = make_signer(upstream, &reason, &signer);

    if (err != ERR_OK)
        return err;
    *out = mem_zalloc(sizeof(**out));
    (*out)->upstream = upstream;
    (*out)->signer = signer;
    (*out)->endpoint = endpoint_of(upstream);
    return ERR_OK;
}

void assertions_free(struct assertions *assertions)
{
    if (assertions == NULL)
        return;
    jose_signer_free(assertions->signer);
    mem_free(assertions->endpoint);
    mem_free(assertions);
}

static char *sign_client(const struct assertions *assertions, struct wall_time now)
{
    const char *id = assertions->upstream->client_id;
    const struct jose_claims claims = {
        .iss = id, .sub = id, .aud = assertions->endpoint, .lifetime = JOSE_ASSERTION_LIFETIME};

    return jose_assertion(assertions->signer, &claims, now);
}

static char *sign_grant(const struct assertions *assertions, struct wall_time now)
{
    const struct config_upstream *upstream = assertions->upstream;
    const char *subject = upstream->auth_subject;
    const char *audience = upstream->auth_audience;
    const struct jose_claims claims = {
        .iss = upstream->client_id,
        .sub = subject != NULL ? subject : upstream->client_id,
        .aud = audience != NULL ? audience : assertions->endpoint,
        .scope = upstream->auth_scope,
        .lifetime = JOSE_ASSERTION_LIFETIME,
    };

    return jose_assertion(assertions->signer, &claims, now);
}

bool assertions_sign(const struct assertions *assertions, struct wall_time now,
                     struct token_assertions *out)
{
    const struct config_upstream *upstream = assertions->upstream;
    const bool client = auth_signs_client(upstream);
    const bool grant = auth_signs_grant(upstream);

    *out = (struct token_assertions){.client = NULL};
    if (assertions->signer == NULL)
        return !client && !grant;
    if (client)
        out->client = sign_client(assertions, now);
    if (grant)
        out->grant = sign_grant(assertions, now);
    return (out->client != NULL || !client) && (out->grant != NULL || !grant);
}

void assertions_wipe(struct token_assertions *made)
{
    wipe_free_text(made->client);
    wipe_free_text(made->grant);
    *made = (struct token_assertions){.client = NULL};
}
