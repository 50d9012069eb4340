/*
 * Key files: an HMAC secret as it stands, a public key or certificate in PEM, a JWK, or a JWK set.
 * Faults are told with their place, and never with a byte of what was read.
 *
 * Any text could be a secret, and a text that is public makes a secret with which everybody signs.
 * So a text counts as one only when it is plainly nothing else.
 */
#include "jose/jwt.h"

#include <string.h>

#include <jansson.h>
#include <openssl/err.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/json.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "jose/key_fault.h"
#include "jose/key_set.h"
#include "jose/key_text.h"
#include "jose/pem.h"

/* A text as it is read: without its byte-order mark. */
struct text {
    const char *bytes;
    size_t len;
};

static struct text text_of(const char *bytes, size_t len)
{
    size_t mark = key_text_bom(bytes, len);

    return (struct text){bytes + mark, len - mark};
}

/* Keys in the making. */

static struct jwt_keys *keys_make(size_t room)
{
    struct jwt_keys *keys = mem_zalloc(sizeof(*keys));

    MAGIC_SET(keys, JWT_KEYS_MAGIC);
    atomic_init(&keys->refs, 1);
    keys->items = mem_zalloc((room > 0 ? room : 1) * sizeof(*keys->items));
    return keys;
}

/* Keys of one that was read; `what` says from what. */
static struct jwt_keys *keys_of_one(const struct jose_key *key, const char *what)
{
    struct jwt_keys *keys = keys_make(1);
    char *text = key_describe(key);

    keys->items[0] = *key;
    keys->count = 1;
    keys->kind = mem_printf("%s (%s)", what, text);
    mem_free(text);
    return keys;
}

/* JSON. */

static void name_set(struct jwt_keys *keys)
{
    unsigned algs = 0;

    for (size_t i = 0; i < keys->count; i++)
        algs |= keys->items[i].verifies ? keys->items[i].algs : 0;
    char *text = jws_algs_text(algs);
    keys->kind =
        mem_printf("a JWK set of %zu key%s (%s)", keys->count, keys->count == 1 ? "" : "s", text);
    mem_free(text);
}

static enum err read_set(const json_t *set, bool secrets, struct jwt_keys **out,
                         struct reason *reason)
{
    size_t count = json_array_size(set);

    if (count > JWT_KEYS_MAX)
        return key_fault(reason, "the set has %zu keys; it should have at most %d", count,
                         JWT_KEYS_MAX);
    struct jwt_keys *keys = keys_make(count);
    enum err err = key_set_read(set, secrets, keys, reason);
    if (err == ERR_OK) {
        name_set(keys);
        *out = keys;
    } else {
        jwt_keys_unref(keys);
    }
    return err;
}

static enum err read_jwk(const json_t *json, struct jwt_keys **out, struct reason *reason)
{
    struct jose_key key = {0};

    if (jwk_read(json, JWK_IDENTITIES, &key, reason) != ERR_OK)
        return ERR_INVALID;
    if (key.verifies) {
        *out = keys_of_one(&key, "a JWK");
        return ERR_OK;
    }
    key_fini(&key);
    return key_fault(reason, "its key_ops do not allow to verify; they should hold \"verify\"");
}

/* Half of JSON is public, too, so a text that begins with { is no secret as it stands. */
static enum err not_json(struct reason *reason)
{
    struct reason where = *reason;

    reason_set(reason, "%s; a secret that begins with { should be the k of a JWK, in base64url",
               where.text);
    return ERR_INVALID;
}

static enum err no_array(struct reason *reason)
{
    return key_fault(reason, "keys is not an array; a JWK set should have an array of JWKs");
}

static enum err keys_from_json(struct text text, struct jwt_keys **out, struct reason *reason)
{
    json_t *json = jwk_parse(text.bytes, text.len, reason);
    const json_t *set = json_object_get(json, "keys");
    enum err err = ERR_INVALID;

    if (json == NULL)
        return not_json(reason);
    if (set == NULL)
        err = read_jwk(json, out, reason);
    else if (json_is_array(set))
        err = read_set(set, true, out, reason);
    else
        err = no_array(reason);
    jose_json_free(json);
    return err;
}

/* PEM. */

static enum err keys_from_pem(struct text text, struct jwt_keys **out, struct reason *reason)
{
    struct jose_key key = {0};
    bool is_certificate;

    if (pem_read_public(text.bytes, text.len, &key, &is_certificate, reason) != ERR_OK)
        return ERR_INVALID;
    *out = keys_of_one(&key, is_certificate ? "a certificate in PEM" : "a public key in PEM");
    return ERR_OK;
}

/* Secrets. */

/* Whole; half of one may be a secret by chance. */
static bool is_json_string(struct text text)
{
    json_t *json = json_loadb(text.bytes, text.len, JSON_DECODE_ANY, NULL);
    bool is = json_is_string(json);

    jose_json_free(json);
    return is;
}

/* A file that lost its bytes in a crash has as many as before, all of them zero. */
static bool is_one_byte_over(struct text text)
{
    return text.len > 1 && memcmp(text.bytes, text.bytes + 1, text.len - 1) == 0;
}

static enum err keys_from_secret(struct text text, struct jwt_keys **out, struct reason *reason)
{
    const char *mistaken = key_text_mistaken(text.bytes, text.len);
    struct jose_key key = {0};

    if (mistaken != NULL)
        return key_fault(reason, "%s", mistaken);
    if (is_json_string(text))
        return key_fault(reason, "it is a string in JSON; it should be a JWK, a JWK set, or a "
                                 "secret without quotes");
    if (text.len > 0 && text.bytes[text.len - 1] == '\n')
        text.len--;
    if (is_one_byte_over(text))
        return key_fault(reason, "it is the same byte %zu times; it should be random bytes",
                         text.len);
    if (key_from_secret(text.bytes, text.len, "HS256", &key, reason) != ERR_OK)
        return ERR_INVALID;
    *out = keys_make(1);
    (*out)->items[0] = key;
    (*out)->count = 1;
    (*out)->kind = mem_printf("an HMAC secret of %zu bytes (HS256)", key.size);
    return ERR_OK;
}

/* Texts. */

static char first_character(struct text text)
{
    size_t i = 0;

    while (i < text.len &&
           (text_is(text.bytes[i], TEXT_BLANK) || text.bytes[i] == '\r' || text.bytes[i] == '\n'))
        i++;
    return i < text.len ? text.bytes[i] : '\0';
}

enum err jwt_keys_new(const char *bytes, size_t len, struct reason *reason, struct jwt_keys **out)
{
    struct text text = text_of(bytes, len);
    enum err err;

    *out = NULL;
    reason->text[0] = '\0';
    /* JSON is UTF-8; other bytes may be a secret, whatever they begin with. */
    if (first_character(text) == '{' && text_is_utf8(text.bytes, text.len))
        err = keys_from_json(text, out, reason);
    else if (pem_begins(text.bytes, text.len))
        err = keys_from_pem(text, out, reason);
    else
        err = keys_from_secret(text, out, reason);
    ERR_clear_error();
    return err == ERR_OK ? ERR_OK : ERR_INVALID;
}

static enum err is_no_set(struct text text, struct reason *reason)
{
    char first = first_character(text);

    if (first == '\0')
        return key_fault(reason, "it is empty; it should be a JWK set");
    if (first == '<')
        return key_fault(reason, "it is HTML or XML; it should be a JWK set");
    return key_fault(reason, "it is not JSON; it should be a JWK set");
}

/* JSON that is no set. */
static enum err name_other(const json_t *json, struct reason *reason)
{
    if (json_object_get(json, "keys") != NULL)
        return no_array(reason);
    if (json_object_get(json, "jwks_uri") != NULL)
        return key_fault(reason, "it is an issuer's discovery document; it should be the JWK set "
                                 "that its jwks_uri names");
    if (json_object_get(json, "kty") != NULL)
        return key_fault(reason, "it is a single JWK; it should be a JWK set: {\"keys\": [...]}");
    return key_fault(reason, "it is JSON without keys; it should be a JWK set");
}

enum err jwt_keys_new_set(const char *bytes, size_t len, struct reason *reason,
                          struct jwt_keys **out)
{
    struct text text = text_of(bytes, len);
    char first = first_character(text);

    *out = NULL;
    reason->text[0] = '\0';
    if (first != '{' && first != '[')
        return is_no_set(text, reason);
    json_t *json = jwk_parse(text.bytes, text.len, reason);
    if (json == NULL)
        return ERR_INVALID;
    const json_t *set = json_object_get(json, "keys");
    enum err err =
        json_is_array(set) ? read_set(set, false, out, reason) : name_other(json, reason);
    jose_json_free(json);
    ERR_clear_error();
    return err;
}

const char *jwt_keys_kind(const struct jwt_keys *keys)
{
    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    return keys->kind;
}

const char *jwt_keys_note(const struct jwt_keys *keys)
{
    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    return keys->note.text;
}

size_t jwt_keys_count(const struct jwt_keys *keys)
{
    size_t count = 0;

    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    for (size_t i = 0; i < keys->count; i++)
        count += keys->items[i].verifies;
    return count;
}

struct jwt_keys *jwt_keys_ref(struct jwt_keys *keys)
{
    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
    return keys;
}

void jwt_keys_unref(struct jwt_keys *keys)
{
    if (keys == NULL)
        return;
    MAGIC_OK(keys, JWT_KEYS_MAGIC);
    if (atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < keys->count; i++)
        key_fini(&keys->items[i]);
    mem_free(keys->items);
    mem_free(keys->kind);
    MAGIC_CLEAR(keys);
    mem_free(keys);
}
