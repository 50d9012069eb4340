/*
 * Compact serialization, with every leniency taken for a fault: the header is read with duplicate
 * members rejected (the reader that takes the first and the reader that takes the last would
 * otherwise see two tokens), base64url is strict, and a signature has the one length that its
 * algorithm has under the key. A key is asked only for an algorithm that is its own.
 *
 * jwk, jku, x5u and x5c in a header are never looked at: a token does not bring its own key.
 */
#include "jose/jws.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/err.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "base/secret.h"

/* The three parts of a compact serialization, decoded. */
struct parts {
    size_t signed_len; /* bytes of the token that are signed: all before the second dot */
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

    parts->signed_len = (size_t)(dot2 - token);
    if (base64url_decode(token, (size_t)(dot - token), &parts->header) &&
        base64url_decode(body, (size_t)(dot2 - body), &parts->payload) &&
        base64url_decode(tail, (size_t)(end - tail), &parts->signature))
        return true;
    parts_fini(parts);
    return false;
}

/* What a protected header says, as far as it concerns us. */
struct header {
    unsigned alg; /* its bit */
    char *kid;    /* NULL: none */
};

/* The members that are looked at. A scan finds them without a tree, which costs a fifth of one. */
enum { MEMBER_ALG, MEMBER_KID, MEMBER_CRIT, MEMBER_B64, MEMBERS };

#define MEMBER_TOKEN(name)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, JSON_POINTER_NO_INDEX                                              \
    }

static const struct json_pointer_token member_tokens[MEMBERS] = {
    [MEMBER_ALG] = MEMBER_TOKEN("alg"),
    [MEMBER_KID] = MEMBER_TOKEN("kid"),
    [MEMBER_CRIT] = MEMBER_TOKEN("crit"),
    [MEMBER_B64] = MEMBER_TOKEN("b64"),
};

static const struct json_pointer members[MEMBERS] = {
    [MEMBER_ALG] = {"/alg", 1, &member_tokens[MEMBER_ALG]},
    [MEMBER_KID] = {"/kid", 1, &member_tokens[MEMBER_KID]},
    [MEMBER_CRIT] = {"/crit", 1, &member_tokens[MEMBER_CRIT]},
    [MEMBER_B64] = {"/b64", 1, &member_tokens[MEMBER_B64]},
};

static bool is_there(const struct json_scan_result *result)
{
    return result->kind == JSON_SCAN_VALUE;
}

/* A copy of a string without a NUL in it; NULL: it is something else. */
static char *string_of(const struct json_scan_result *result)
{
    struct buf text;
    char *copy = NULL;

    if (!is_there(result) || result->value.type != JSON_VALUE_STRING)
        return NULL;
    buf_init(&text, JWT_TOKEN_MAX);
    MEM_MUST(json_value_string(&result->value, &text) == ERR_OK);
    if (strlen(buf_text(&text)) == text.len)
        copy = mem_strdup(buf_text(&text));
    buf_fini(&text);
    return copy;
}

static enum jwt_result judge_header(const struct json_scan_result *found, struct header *header)
{
    const struct json_scan_result *b64 = &found[MEMBER_B64];
    char *alg = string_of(&found[MEMBER_ALG]);

    header->alg = alg != NULL ? jws_alg_named(alg) : 0;
    header->kid = string_of(&found[MEMBER_KID]);
    mem_free(alg);
    if (alg == NULL)
        return JWT_MALFORMED;
    if (is_there(&found[MEMBER_CRIT]))
        return JWT_CRITICAL;
    /* RFC 7797: a payload that is not base64url. Meaningless without crit, and never meant well. */
    if (is_there(b64) && b64->value.type != JSON_VALUE_TRUE)
        return JWT_MALFORMED;
    if (is_there(&found[MEMBER_KID]) && header->kid == NULL)
        return JWT_MALFORMED;
    return header->alg == 0 ? JWT_ALGORITHM : JWT_OK;
}

/* Whatever the result, header->kid is to be freed. */
static enum jwt_result header_read(const struct octets *json, struct header *header)
{
    const struct json_pointer *pointers[MEMBERS];
    struct json_scan_result found[MEMBERS];
    struct reason reason;

    for (size_t i = 0; i < MEMBERS; i++)
        pointers[i] = &members[i];
    if (json_scan((const char *)json->bytes, json->len, pointers, MEMBERS, found, &reason) !=
        ERR_OK)
        return JWT_MALFORMED;
    return judge_header(found, header);
}

static bool has_kid(const struct jose_key *key, const char *kid)
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

/* A kid chooses; a key without one is silent about it, and counts where nobody has that kid. */
static bool is_meant(const struct jose_key *key, const char *kid, bool known)
{
    return known ? has_kid(key, kid) : kid == NULL || key->kid == NULL;
}

/* Tries the keys that are meant and whose algorithms fit, eight at most, in their order. */
static enum jwt_result try_keys(const struct jwt_keys *keys, const struct header *header,
                                const struct parts *parts, const char *token)
{
    bool known = header->kid != NULL && kid_is_known(keys, header->kid);
    enum jws_alg alg = jws_alg_first(header->alg);
    enum jwt_result untried = JWT_NO_KEY;
    unsigned tried = 0;
    bool fits = false;

    for (size_t i = 0; i < keys->count && tried < JWT_KEYS_TRIED && !fits; i++) {
        const struct jose_key *key = &keys->items[i];
        if (!key->verifies || !is_meant(key, header->kid, known))
            continue;
        if ((key->algs & header->alg) != 0) {
            tried++;
            fits = key_verify(key, alg, token, parts->signed_len, &parts->signature);
        } else if ((jws_algs_for(key->kind) & header->alg) != 0) {
            untried = JWT_ALGORITHM; /* a key of this kind, but for another algorithm */
        }
    }
    /* Else a TLS connection on this thread would take the reason of a failure for its own. */
    ERR_clear_error();
    if (fits)
        return JWT_OK;
    return tried > 0 ? JWT_SIGNATURE : untried;
}

enum jwt_result jws_open(const struct jwt_keys *keys, const char *token, size_t len,
                         struct octets *payload)
{
    struct parts parts;
    struct header header = {0};

    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    *payload = (struct octets){0};
    if (!parts_split(token, len, &parts))
        return JWT_MALFORMED;
    enum jwt_result result = header_read(&parts.header, &header);
    if (result == JWT_OK)
        result = try_keys(keys, &header, &parts, token);
    if (result == JWT_OK) {
        *payload = parts.payload;
        parts.payload = (struct octets){0};
    }
    mem_free(header.kid);
    parts_fini(&parts);
    return result;
}

bool jws_key_is_unknown(const struct jwt_keys *keys, const char *token, size_t len)
{
    struct parts parts;
    struct header header = {0};

    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    if (!parts_split(token, len, &parts))
        return false;
    bool unknown = header_read(&parts.header, &header) == JWT_OK &&
                   (header.kid == NULL || !kid_is_known(keys, header.kid));
    mem_free(header.kid);
    parts_fini(&parts);
    return unknown;
}

/* Signing. */

/* The protected header in base64url. */
static char *encode_header(const struct jose_key *key)
{
    const char *alg = jws_alg_facts(jws_alg_first(key->algs))->name;
    json_t *json = json_pack("{s:s, s:s, s:s*}", "alg", alg, "typ", "JWT", "kid", key->kid);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

    MEM_MUST(text != NULL); /* the kid is UTF-8 */
    char *encoded = base64url_encode(text, strlen(text));
    free(text);
    json_decref(json);
    return encoded;
}

/* Both with a dot between. Not by printf, which would leave copies behind. */
static char *join(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    char *text = mem_alloc(a_len + 1 + b_len + 1);

    memcpy(text, a, a_len);
    text[a_len] = '.';
    memcpy(text + a_len + 1, b, b_len + 1);
    return text;
}

char *jws_sign(const struct jose_key *key, const char *payload, size_t len)
{
    struct octets signature;
    char *token = NULL;
    char *header = encode_header(key);
    char *body = base64url_encode(payload, len);
    char *input = join(header, body);

    if (key_sign(key, input, strlen(input), &signature)) {
        char *tail = base64url_encode(signature.bytes, signature.len);
        token = join(input, tail);
        mem_free(tail);
        octets_fini(&signature);
    }
    wipe_free_text(input);
    wipe_free_text(body);
    mem_free(header);
    ERR_clear_error();
    return token;
}
