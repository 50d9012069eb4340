/*
 * Which reader a text is for, and which key of a set. A text that is no private key is named here,
 * because people put into a key file whatever their provider handed out: a secret, a public key,
 * the page behind a login.
 */
#include "jose/signer_text.h"

#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/json.h"
#include "jose/jwk.h"
#include "jose/key_fault.h"
#include "jose/key_text.h"
#include "jose/pem.h"

#define NEEDED "it should be a private key in PEM (BEGIN PRIVATE KEY) or a JWK"

/* A set. */

static bool has_kid(const struct jose_key *key, const char *kid)
{
    return key->kid != NULL && kid != NULL && strcmp(key->kid, kid) == 0;
}

/* The place of the only key that counts: with that kid, or of all where it is NULL; -1: none. */
static int only_one(const struct jose_key *keys, int count, const char *kid)
{
    int found = -1;

    for (int i = 0; i < count; i++) {
        if (kid != NULL && !has_kid(&keys[i], kid))
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found;
}

/* Those of a set that can sign; why the first cannot, where it cannot. */
static int read_all(const json_t *set, struct jose_key *keys, struct reason *first)
{
    struct reason why;
    int count = 0;

    for (size_t i = 0; i < json_array_size(set); i++) {
        if (jwk_read(json_array_get(set, i), JWK_ASSERTIONS, &keys[count], &why) == ERR_OK)
            count++;
        else if (i == 0)
            *first = why;
    }
    return count;
}

static enum err choose(struct jose_key *keys, int count, const char *kid, struct jose_key *key,
                       struct reason *reason)
{
    int chosen = kid != NULL ? only_one(keys, count, kid) : -1;

    /* A kid that no key has is meant to be sent in place of the key's own. */
    if (chosen < 0)
        chosen = only_one(keys, count, NULL);
    if (chosen < 0)
        return key_fault(reason,
                         "%d keys of the JWK set can sign; name one by its kid, or leave "
                         "only that one in the file",
                         count);
    *key = keys[chosen];
    keys[chosen] = (struct jose_key){0};
    return ERR_OK;
}

static enum err read_set(const json_t *set, const char *kid, struct jose_key *key,
                         struct reason *reason)
{
    struct jose_key *keys = mem_zalloc((json_array_size(set) + 1) * sizeof(*keys));
    struct reason first;
    int count = read_all(set, keys, &first);
    enum err err;

    if (json_array_size(set) == 0)
        err = key_fault(reason, "the JWK set is empty; it should hold a private key");
    else if (count > 0)
        err = choose(keys, count, kid, key, reason);
    else
        err = key_fault(reason, "no key of the JWK set can sign; the first: %.400s", first.text);
    for (int i = 0; i < count; i++)
        key_fini(&keys[i]);
    mem_free(keys);
    return err;
}

static enum err read_json(const char *bytes, size_t len, const char *kid, struct jose_key *key,
                          struct reason *reason)
{
    json_t *json = jwk_parse(bytes, len, reason);
    const json_t *set = json_object_get(json, "keys");
    enum err err = ERR_INVALID;

    if (json == NULL)
        return err;
    err = json_is_array(set) ? read_set(set, kid, key, reason)
                             : jwk_read(json, JWK_ASSERTIONS, key, reason);
    jose_json_free(json);
    return err;
}

/* What a text is. */

static bool is_space(char c)
{
    return text_is(c, TEXT_BLANK) || c == '\r' || c == '\n';
}

/* Without a byte-order mark and the white space at both ends. */
static void trim(const char **text, size_t *len)
{
    size_t mark = key_text_bom(*text, *len);

    *text += mark;
    *len -= mark;
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
        return key_fault(reason, "it is empty; " NEEDED);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (starts(text, len, others[i].prefix))
            return key_fault(reason, "%s", others[i].what);
    }
    return key_fault(reason, "it is neither PEM nor a JWK, and an HMAC secret cannot sign "
                             "here; " NEEDED);
}

enum err signer_text_read(const char *bytes, size_t len, const char *kid, struct jose_key *key,
                          struct reason *reason)
{
    trim(&bytes, &len);
    if (starts(bytes, len, "{") || starts(bytes, len, "["))
        return read_json(bytes, len, kid, key, reason);
    if (pem_begins(bytes, len))
        return pem_read_private(bytes, len, key, reason);
    return name_other(bytes, len, reason);
}
