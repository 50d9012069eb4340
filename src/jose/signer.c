/*
 * Which reader a text is for, and the token around a signature. A text that is no private key is
 * named here, because people put into a key file whatever their provider handed out: a secret, a
 * public key, the page behind a login.
 */
#include "jose/signer.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/err.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "jose/signer_jwk.h"
#include "jose/signer_key.h"
#include "jose/signer_pem.h"

#define SIGNER_MAGIC 0x51673e72u
#define NEEDED "it should be a private key in PEM (BEGIN PRIVATE KEY) or a JWK"

struct jose_signer {
    unsigned magic;
    struct signer_key key;
};

/* What a text is. */

static bool is_space(char c)
{
    return text_is(c, TEXT_BLANK) || c == '\r' || c == '\n';
}

/* Without a byte-order mark and the white space at both ends. */
static void trim(const char **text, size_t *len)
{
    if (*len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
        *text += 3;
        *len -= 3;
    }
    while (*len > 0 && is_space(**text)) {
        ++*text;
        --*len;
    }
    while (*len > 0 && is_space((*text)[*len - 1]))
        --*len;
}

static bool starts(const char *text, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

/* Prefixes of what is taken for a key, in this order. */
static const struct {
    const char *prefix;
    const char *what;
} others[] = {
    {"\xff\xfe", "it is text in UTF-16; it should be saved as UTF-8"},
    {"\xfe\xff", "it is text in UTF-16; it should be saved as UTF-8"},
    {"\x30\x82", "it is binary (DER, or PKCS#12); " NEEDED ": openssl pkey -inform DER -in FILE "
                 "-out NEW_FILE converts DER"},
    {"\x30\x81", "it is binary (DER); " NEEDED ": openssl pkey -inform DER -in FILE -out NEW_FILE "
                 "converts it"},
    {"MII", "it is base64 without the lines around it; " NEEDED},
    {"<", "it is HTML or XML; " NEEDED},
    {"ssh-", "it is a public key of OpenSSH; " NEEDED},
    {"ecdsa-sha2-", "it is a public key of OpenSSH; " NEEDED},
    {"PuTTY-User-Key-File", "it is a key of PuTTY; " NEEDED ": puttygen exports one"},
    {"eyJ", "it is a token (JWT or JWE), or a key in base64; " NEEDED},
    {"https://", "it is a URL; " NEEDED},
    {"http://", "it is a URL; " NEEDED},
    {"file:", "it is a URL; " NEEDED},
    {"/", "it is a path; " NEEDED " itself"},
    {"./", "it is a path; " NEEDED " itself"},
    {"../", "it is a path; " NEEDED " itself"},
    {"~/", "it is a path; " NEEDED " itself"},
};

static enum err name_other(const char *text, size_t len, struct reason *reason)
{
    if (len == 0)
        return signer_key_invalid(reason, "it is empty; " NEEDED);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (starts(text, len, others[i].prefix))
            return signer_key_invalid(reason, "%s", others[i].what);
    }
    return signer_key_invalid(reason, "it is neither PEM nor a JWK, and an HMAC secret cannot sign "
                                      "here; " NEEDED);
}

static enum err read_key(const char *bytes, size_t len, const char *kid, struct signer_key *key,
                         struct reason *reason)
{
    static const char begin[] = "-----BEGIN ";

    if (len > JOSE_SIGNER_TEXT_MAX)
        return signer_key_invalid(reason, "it has %zu bytes; a private key should have at most %d",
                                  len, JOSE_SIGNER_TEXT_MAX);
    trim(&bytes, &len);
    if (starts(bytes, len, "{") || starts(bytes, len, "["))
        return signer_jwk_read(bytes, len, kid, key, reason);
    if (memmem(bytes, len, begin, sizeof(begin) - 1) != NULL)
        return signer_pem_read(bytes, len, key, reason);
    return name_other(bytes, len, reason);
}

/* The signer. */

enum err jose_signer_new(const char *bytes, size_t len, const char *kid, struct reason *reason,
                         struct jose_signer **out)
{
    struct signer_key key = {0};
    enum err err;

    *out = NULL;
    if (kid != NULL && (kid[0] == '\0' || !text_is_utf8(kid, strlen(kid))))
        return signer_key_invalid(reason, "the key's id is empty or not UTF-8; it should be the "
                                          "kid under which the server knows the key");
    err = read_key(bytes, len, kid, &key, reason);
    ERR_clear_error();
    if (err != ERR_OK)
        return err;
    if (kid != NULL) {
        mem_free(key.kid);
        key.kid = mem_strdup(kid);
    }
    *out = mem_zalloc(sizeof(**out));
    MAGIC_SET(*out, SIGNER_MAGIC);
    (*out)->key = key;
    return ERR_OK;
}

void jose_signer_free(struct jose_signer *signer)
{
    if (signer == NULL)
        return;
    MAGIC_OK(signer, SIGNER_MAGIC);
    signer_key_fini(&signer->key);
    MAGIC_CLEAR(signer);
    mem_free(signer);
}

const char *jose_signer_alg(const struct jose_signer *signer)
{
    MAGIC_OK(signer, SIGNER_MAGIC);
    return signer_key_alg(&signer->key);
}

const char *jose_signer_kid(const struct jose_signer *signer)
{
    MAGIC_OK(signer, SIGNER_MAGIC);
    return signer->key.kid;
}

/* The protected header in base64url. */
static char *encode_header(const struct signer_key *key)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s*}", "alg", signer_key_alg(key), "typ", "JWT", "kid", key->kid);
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

char *jose_signer_sign(const struct jose_signer *signer, const char *payload, size_t len)
{
    struct octets signature;
    char *token = NULL;

    MAGIC_OK(signer, SIGNER_MAGIC);
    char *header = encode_header(&signer->key);
    char *body = base64url_encode(payload, len);
    char *input = join(header, body);
    if (signer_key_sign(&signer->key, input, strlen(input), &signature)) {
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
