/*
 * There is no nbf: where the server's clock is behind, it would reject an assertion that is valid
 * by the next second. iat is the same moment, and servers allow for it.
 */
#include "jose/assertion.h"

#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/secret.h"
#include "runtime/trace.h"

/* Servers remember each jti until it expires, so it must never come twice: it is random. */
static json_t *make_claims(const struct jose_claims *claims, json_int_t iat)
{
    struct guid_source source = {.left = 0};
    char jti[GUID_UUID_TEXT];

    guid_make(&source, jti);
    return json_pack("{s:s, s:s, s:s, s:s*, s:I, s:I, s:s}", "iss", claims->iss, "sub", claims->sub,
                     "aud", claims->aud, "scope", claims->scope, "iat", iat, "exp",
                     iat + claims->lifetime, "jti", jti);
}

char *jose_assertion(const struct jose_signer *signer, const struct jose_claims *claims,
                     struct wall_time now)
{
    char *token = NULL;

    MUST(claims->lifetime > 0 && claims->lifetime < INT32_MAX);
    json_t *json = make_claims(claims, now.ns / SECOND);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text != NULL)
        token = jose_signer_sign(signer, text, strlen(text));
    wipe_free_text(text);
    json_decref(json);
    return token;
}
