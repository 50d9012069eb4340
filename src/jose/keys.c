/*
 * Key files: an HMAC secret as it stands, a JWK, or a JWK set. Faults are told with their place,
 * and never with a byte of what was read.
 */
#include "jose/jwt.h"

#include <stdarg.h>
#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/mem.h"
#include "jose/json.h"
#include "jose/jws.h"
#include "jose/key_text.h"

__attribute__((format(printf, 2, 3))) static enum err fault(struct reason *reason,
                                                            const char *format, ...)
{
    va_list args;

    va_start(args, format);
    reason_vset(reason, format, args);
    va_end(args);
    return ERR_INVALID;
}

static struct jwt_keys *keys_make(size_t room)
{
    struct jwt_keys *keys = mem_zalloc(sizeof(*keys));

    MAGIC_SET(keys, JWT_KEYS_MAGIC);
    atomic_init(&keys->refs, 1);
    keys->items = mem_zalloc((room > 0 ? room : 1) * sizeof(*keys->items));
    return keys;
}

static bool any_verifies(const struct jwt_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->items[i].verifies)
            return true;
    }
    return false;
}

static enum err one_read(const json_t *json, struct jwt_keys *keys, struct reason *reason)
{
    if (jwk_read(json, &keys->items[0], reason) != JWK_USABLE)
        return ERR_INVALID;
    keys->count = 1;
    if (any_verifies(keys))
        return ERR_OK;
    return fault(reason, "its key_ops do not allow to verify; they should hold \"verify\"");
}

static enum err set_read(const json_t *set, struct jwt_keys *keys, struct reason *reason)
{
    struct reason key_reason;

    for (size_t i = 0; i < json_array_size(set); i++) {
        enum jwk_verdict verdict =
            jwk_read(json_array_get(set, i), &keys->items[keys->count], &key_reason);
        if (verdict == JWK_USABLE)
            keys->count++;
        if (verdict != JWK_BROKEN)
            continue;
        return fault(reason, "key %zu of the set: %s", i + 1, key_reason.text);
    }
    if (any_verifies(keys))
        return ERR_OK;
    return fault(
        reason,
        "no key of the set can verify; one should be for signatures with HS256, RS256, PS256 or "
        "ES256");
}

static enum err json_read(const json_t *json, struct jwt_keys **out, struct reason *reason)
{
    const json_t *set = json_object_get(json, "keys");
    enum err err = ERR_INVALID;

    if (set != NULL && !json_is_array(set))
        return fault(reason, "keys is not an array; a JWK set should have an array of JWKs");
    struct jwt_keys *keys = keys_make(set != NULL ? json_array_size(set) : 1);
    keys->kind = set != NULL ? "a JWK set" : "a JWK";
    err = set != NULL ? set_read(set, keys, reason) : one_read(json, keys, reason);
    if (err == ERR_OK)
        *out = keys;
    else
        jwt_keys_unref(keys);
    return err;
}

static enum err keys_from_json(const char *bytes, size_t len, struct jwt_keys **out,
                               struct reason *reason)
{
    json_error_t where;
    json_t *json = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &where);

    /* Not jansson's own words: they quote what it read. */
    if (json == NULL)
        return fault(
            reason,
            "line %d, column %d: not valid JSON, or a name twice; it should be a JWK or a JWK set",
            where.line, where.column);
    enum err err = json_read(json, out, reason);
    jose_json_free(json);
    return err;
}

static enum err keys_from_secret(const char *bytes, size_t len, struct jwt_keys **out,
                                 struct reason *reason)
{
    const char *mistaken = key_text_mistaken(bytes, len);

    if (mistaken != NULL)
        return fault(reason, "%s", mistaken);
    struct jwt_keys *keys = keys_make(1);
    struct jwt_key *key = &keys->items[0];

    if (len > 0 && bytes[len - 1] == '\n')
        len--;
    *key = (struct jwt_key){.algs = JWS_HS256, .verifies = true, .signs = true};
    keys->count = 1;
    keys->kind = "an HMAC secret";
    if (jwk_from_secret(key, bytes, len, reason) == JWK_USABLE) {
        *out = keys;
        return ERR_OK;
    }
    jwt_keys_unref(keys);
    return ERR_INVALID;
}

static bool looks_like_json(const char *bytes, size_t len)
{
    size_t i = 0;

    while (i < len && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r' || bytes[i] == '\n'))
        i++;
    return i < len && bytes[i] == '{';
}

enum err jwt_keys_new(const char *bytes, size_t len, struct reason *reason, struct jwt_keys **out)
{
    size_t bom = key_text_bom(bytes, len);

    *out = NULL;
    reason->text[0] = '\0';
    bytes += bom;
    len -= bom;
    return looks_like_json(bytes, len) ? keys_from_json(bytes, len, out, reason)
                                       : keys_from_secret(bytes, len, out, reason);
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
        jwk_fini(&keys->items[i]);
    mem_free(keys->items);
    MAGIC_CLEAR(keys);
    mem_free(keys);
}
