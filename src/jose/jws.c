/*
 * Signatures. The mathematics is cjose's and OpenSSL's; who may verify what is decided here, before
 * cjose sees the token, since cjose takes a token's own word for too much: an unknown crit, an
 * algorithm the key was not made for, a signature of odd length, loose base64url. So the header is
 * read here first, with duplicate members rejected (the reader that takes the first and the reader
 * that takes the last would otherwise see two tokens), and cjose is asked only whether these bytes
 * were signed with that algorithm under a key whose type and purpose already fit.
 *
 * jwk, jku, x5u and x5c in a header are never looked at: a token does not bring its own key.
 *
 * Threads: cjose_jws_verify and cjose_jws_sign only read the key (they take no reference, which
 * would be a counter without a lock), and OpenSSL's RSA and EC keys lock what they cache. cjose is
 * never given a place for its error, here and in jwk.c: it would have OpenSSL write the words for
 * it into one static buffer, whichever thread asks.
 */
#include "jose/jws.h"

#include <string.h>

#include <openssl/err.h>

#include "base/check.h"
#include "base/mem.h"

static const struct {
    unsigned alg;
    const char *name;
    const char *kty;
} algs_known[] = {
#define JWS_ALG_ROW(name, bit, text, kty) {name, text, kty},
    JWS_ALG_TABLE(JWS_ALG_ROW)
#undef JWS_ALG_ROW
};

unsigned jws_alg_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(algs_known); i++) {
        if (strcmp(name, algs_known[i].name) == 0)
            return algs_known[i].alg;
    }
    return 0;
}

unsigned jws_algs_for(const char *kty)
{
    unsigned algs = 0;

    for (size_t i = 0; i < ARRAY_LEN(algs_known); i++) {
        if (strcmp(kty, algs_known[i].kty) == 0)
            algs |= algs_known[i].alg;
    }
    return algs;
}

const char *jws_alg_name(unsigned algs)
{
    size_t i = 0;

    while ((algs & algs_known[i].alg) == 0)
        MUST(++i < ARRAY_LEN(algs_known));
    return algs_known[i].name;
}

/* The three parts of a compact serialization, decoded. */
struct parts {
    struct octets header;
    struct octets payload;
    struct octets signature;
};

static void parts_fini(struct parts *parts)
{
    octets_fini(&parts->header);
    octets_fini(&parts->payload);
    octets_fini(&parts->signature);
}

/* The last part must reach to the end: base64url_decode rejects a third dot in it. */
static bool parts_split(const char *token, size_t len, struct parts *parts)
{
    *parts = (struct parts){0};
    if (len == 0 || len > JWT_TOKEN_MAX)
        return false;

    const char *end = token + len;
    const char *dot = memchr(token, '.', len);
    if (dot == NULL)
        return false;
    const char *body = dot + 1;
    const char *dot2 = memchr(body, '.', (size_t)(end - body));
    if (dot2 == NULL)
        return false;
    const char *tail = dot2 + 1;

    if (base64url_decode(token, (size_t)(dot - token), &parts->header) &&
        base64url_decode(body, (size_t)(dot2 - body), &parts->payload) &&
        base64url_decode(tail, (size_t)(end - tail), &parts->signature))
        return true;
    parts_fini(parts);
    return false;
}

/* What a protected header says, as far as it concerns us; kid is borrowed from it. */
struct header {
    unsigned alg;
    const char *kid; /* NULL: none */
};

static enum jwt_result header_read(const json_t *json, struct header *header)
{
    const json_t *alg = json_object_get(json, "alg");
    const json_t *kid = json_object_get(json, "kid");
    const json_t *b64 = json_object_get(json, "b64");

    if (!json_is_object(json) || !json_is_string(alg))
        return JWT_MALFORMED;
    if (json_object_get(json, "crit") != NULL)
        return JWT_CRITICAL;
    /* RFC 7797: a payload that is not base64url. Meaningless without crit, and never meant well. */
    if (b64 != NULL && !json_is_true(b64))
        return JWT_MALFORMED;
    if (kid != NULL && !json_is_string(kid))
        return JWT_MALFORMED;
    header->alg = jws_alg_named(json_string_value(alg));
    header->kid = json_string_value(kid);
    return header->alg == 0 ? JWT_ALGORITHM : JWT_OK;
}

static bool has_kid(const struct jwt_key *key, const char *kid)
{
    return key->kid != NULL && strcmp(key->kid, kid) == 0;
}

/* Whether any key has this kid, whatever the key is for. */
static bool kid_is_known(const struct jwt_keys *keys, const char *kid)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (has_kid(&keys->items[i], kid))
            return true;
    }
    return false;
}

/*
 * A failed check leaves its reason in OpenSSL's queue for this thread, where a TLS connection on
 * the same thread would take it for its own.
 */
static bool verifies_under(cjose_jws_t *jws, const struct jwt_key *key)
{
    bool fits = cjose_jws_verify(jws, key->jwk, NULL);

    ERR_clear_error();
    return fits;
}

/* The keys that could have made it, eight at most, in the order of the file. */
static enum jwt_result try_keys(const struct jwt_keys *keys, const struct header *header,
                                size_t signature_len, cjose_jws_t *jws)
{
    bool named = header->kid != NULL && kid_is_known(keys, header->kid);
    unsigned tried = 0;

    for (size_t i = 0; i < keys->count && tried < JWT_KEYS_TRIED; i++) {
        const struct jwt_key *key = &keys->items[i];
        if (!key->verifies || (key->algs & header->alg) == 0)
            continue;
        if (named ? !has_kid(key, header->kid) : header->kid != NULL && key->kid != NULL)
            continue;
        tried++;
        if (signature_len == key->signature_len && verifies_under(jws, key))
            return JWT_OK;
    }
    return tried == 0 ? JWT_NO_KEY : JWT_SIGNATURE;
}

enum jwt_result jws_open(const struct jwt_keys *keys, const char *token, size_t len,
                         struct octets *payload)
{
    struct parts parts;
    struct header header = {0};
    json_t *json = NULL;
    cjose_jws_t *jws = NULL;
    enum jwt_result result = JWT_MALFORMED;

    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    *payload = (struct octets){0};
    if (!parts_split(token, len, &parts))
        return JWT_MALFORMED;
    json = json_loadb((const char *)parts.header.bytes, parts.header.len, JSON_REJECT_DUPLICATES,
                      NULL);
    result = header_read(json, &header);
    if (result != JWT_OK)
        goto out;
    jws = cjose_jws_import(token, len, NULL);
    result = jws == NULL ? JWT_MALFORMED : try_keys(keys, &header, parts.signature.len, jws);
    if (result == JWT_OK) {
        *payload = parts.payload;
        parts.payload = (struct octets){0};
    }

out:
    cjose_jws_release(jws);
    json_decref(json);
    parts_fini(&parts);
    return result;
}

char *jws_sign(const struct jwt_key *key, const char *payload, size_t len)
{
    cjose_jws_t *jws = NULL;
    const char *text = NULL;
    char *token = NULL;
    cjose_header_t *header = cjose_header_new(NULL);

    if (header == NULL || !cjose_header_set(header, CJOSE_HDR_ALG, jws_alg_name(key->algs), NULL) ||
        !cjose_header_set(header, "typ", "JWT", NULL) ||
        (key->kid != NULL && !cjose_header_set(header, CJOSE_HDR_KID, key->kid, NULL)))
        goto out;
    jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)payload, len, NULL);
    if (jws != NULL && cjose_jws_export(jws, &text, NULL))
        token = mem_strdup(text);

out:
    cjose_jws_release(jws);
    if (header != NULL)
        cjose_header_release(header);
    ERR_clear_error();
    return token;
}

bool jws_signed_by(const struct jwt_key *key, const char *token)
{
    cjose_jws_t *jws = cjose_jws_import(token, strlen(token), NULL);
    bool fits = jws != NULL && verifies_under(jws, key);

    cjose_jws_release(jws);
    return fits;
}
