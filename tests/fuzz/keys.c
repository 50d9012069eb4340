/*
 * Key files and fetched sets. The first byte chooses what the rest is: a file as it stands ('f'), a
 * fetched set ('s'), or the DER of a key or certificate ('p', 'r', 'c'), which gets its PEM here.
 *
 * What is taken must hold a key that verifies, and one that signs must verify what it signed. What
 * is not must have a reason of one line. No text holds a piece of a secret. What key_text calls
 * something else never becomes an HMAC secret, and it knows each key in DER that OpenSSL takes.
 */
#include "fuzz.h"

#include <stdio.h>

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "base/reason.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "jose/json.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "jose/key_text.h"

#define PIECE 8 /* bytes of a secret that nobody may see in a row */
#define SLOW_BITS 4096

/* Secrets in texts. */

/*
 * Whether a piece is like those of keys in base64: the words of a reason are not, for none of them
 * has a digit among letters of both cases.
 */
static bool is_telling(const char *piece)
{
    bool upper = false, lower = false, digit = false;

    for (size_t i = 0; i < PIECE; i++) {
        if (!text_is(piece[i], TEXT_LABEL | TEXT_SLASH) && piece[i] != '+')
            return false;
        upper = upper || text_is(piece[i], TEXT_UPPER);
        lower = lower || text_is(piece[i], TEXT_LOWER);
        digit = digit || text_is(piece[i], TEXT_DIGIT);
    }
    return upper && lower && digit;
}

static bool holds(const char *text, const char *piece)
{
    return text != NULL && memmem(text, strlen(text), piece, PIECE) != NULL;
}

static bool is_secret_member(const char *name)
{
    static const char *const names[] = {"k", "d", "p", "q", "dp", "dq", "qi"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* Whether a kid has the piece too: that one may be told. */
static bool is_told_kid(const json_t *json, const char *piece)
{
    const char *name;
    json_t *value;

    for (size_t i = 0; i < json_array_size(json); i++) {
        if (is_told_kid(json_array_get(json, i), piece))
            return true;
    }
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        if (strcmp(name, "kid") == 0 ? holds(json_string_value(value), piece)
                                     : is_told_kid(value, piece))
            return true;
    }
    return false;
}

static void check_pieces(const char *secret, size_t len, const json_t *all, const char *told)
{
    for (size_t i = 0; i + PIECE <= len; i++) {
        if (is_telling(secret + i) && holds(told, secret + i))
            MUST(is_told_kid(all, secret + i));
    }
}

static void check_members(const json_t *json, const json_t *all, const char *told)
{
    const char *name;
    json_t *value;

    for (size_t i = 0; i < json_array_size(json); i++)
        check_members(json_array_get(json, i), all, told);
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        if (is_secret_member(name) && json_is_string(value))
            check_pieces(json_string_value(value), json_string_length(value), all, told);
        check_members(value, all, told);
    }
}

/* Of JSON its secret members count, of another text everything. */
static void check_told(struct piece text, const char *told)
{
    size_t bom = key_text_bom(text.data, text.len);
    json_t *json = json_loadb(text.data + bom, text.len - bom, JSON_REJECT_DUPLICATES, NULL);

    MUST(text_is_all(told, strlen(told), TEXT_NOT(TEXT_CONTROL)));
    if (json != NULL)
        check_members(json, json, told);
    else
        check_pieces(text.data, text.len, NULL, told);
    jose_json_free(json);
}

/* Keys. */

static void check_key(const struct jose_key *key)
{
    struct octets signature = {.bytes = (unsigned char *)"", .len = 0};

    MUST(key->algs != 0 && (key->verifies || key->signs));
    MUST(!key_verify(key, jws_alg_first(key->algs), "text", 4, &signature));
    if (!key->signs || (key->kind == KEY_RSA && key->size > SLOW_BITS))
        return;
    MUST(key_sign(key, "text", 4, &signature));
    MUST(signature.len == key_signature_len(key, jws_alg_first(key->algs)));
    MUST(key_verify(key, jws_alg_first(key->algs), "text", 4, &signature));
    MUST(!key_verify(key, jws_alg_first(key->algs), "texts", 5, &signature));
    octets_fini(&signature);
}

static void check_keys(struct piece text, bool is_set, const struct jwt_keys *keys)
{
    size_t bom = key_text_bom(text.data, text.len);
    bool verifies = false, secret = false;

    MUST(keys->count > 0);
    for (size_t i = 0; i < keys->count; i++) {
        check_key(&keys->items[i]);
        verifies = verifies || keys->items[i].verifies;
        secret = secret || keys->items[i].kind == KEY_HMAC;
    }
    MUST(verifies && !(is_set && secret));
    if (strncmp(jwt_keys_kind(keys), "an HMAC secret", 14) == 0)
        MUST(key_text_mistaken(text.data + bom, text.len - bom) == NULL);
    check_told(text, jwt_keys_kind(keys));
    check_told(text, jwt_keys_note(keys));
}

static struct jwt_keys *read_keys(struct piece text, bool is_set, struct reason *reason)
{
    struct jwt_keys *keys = NULL;
    enum err err = is_set ? jwt_keys_new_set(text.data, text.len, reason, &keys)
                          : jwt_keys_new(text.data, text.len, reason, &keys);

    MUST((err == ERR_OK) == (keys != NULL));
    return keys;
}

static bool read_text(struct piece text, bool is_set)
{
    struct reason reason = {.text = ""}, again = {.text = ""};
    struct jwt_keys *keys = read_keys(text, is_set, &reason);
    struct jwt_keys *same = read_keys(text, is_set, &again);
    bool taken = keys != NULL;

    MUST(taken == (same != NULL) && strcmp(reason.text, again.text) == 0);
    if (taken) {
        MUST(keys->count == same->count);
        MUST(strcmp(jwt_keys_kind(keys), jwt_keys_kind(same)) == 0);
        MUST(strcmp(jwt_keys_note(keys), jwt_keys_note(same)) == 0);
        check_keys(text, is_set, keys);
    } else {
        MUST(reason.text[0] != '\0');
        check_told(text, reason.text);
    }
    jwt_keys_unref(keys);
    jwt_keys_unref(same);
    return taken;
}

/* DER. */

static void must_know(const char *text, size_t len)
{
    MUST(key_text_mistaken(text, len) != NULL);
}

/* A key that OpenSSL takes is known by key_text, in each of its spellings. */
static void check_spellings(struct piece der)
{
    char *base64 = mem_alloc(der.len / 3 * 4 + 5);
    char *base64url = base64url_encode(der.data, der.len);
    char *hex = mem_alloc(2 * der.len + 1);

    EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)der.data, (int)der.len);
    for (size_t i = 0; i < der.len; i++)
        MUST(snprintf(hex + 2 * i, 3, "%02x", (unsigned char)der.data[i]) == 2);
    must_know(der.data, der.len);
    must_know(base64, strlen(base64));
    must_know(base64url, strlen(base64url));
    must_know(hex, strlen(hex));
    mem_free(base64);
    mem_free(base64url);
    mem_free(hex);
}

static void read_der(const char *label, struct piece der)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct piece text = {NULL, 0};

    MUST(bio != NULL &&
         PEM_write_bio(bio, label, "", (const unsigned char *)der.data, (long)der.len) >= 0);
    char *bytes;
    text.len = (size_t)BIO_get_mem_data(bio, &bytes);
    text.data = bytes;
    if (read_text(text, false))
        check_spellings(der);
    BIO_free(bio);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct piece rest = {(const char *)data + 1, size - 1};
    char *copy = piece_exact(rest);

    rest.data = copy;
    if (data[0] == 'p')
        read_der("PUBLIC KEY", rest);
    else if (data[0] == 'r')
        read_der("RSA PUBLIC KEY", rest);
    else if (data[0] == 'c')
        read_der("CERTIFICATE", rest);
    else
        (void)read_text(rest, data[0] == 's');
    free(copy);
    return 0;
}
