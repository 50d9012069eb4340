/*
 * A set belongs to an issuer, who puts into it what others may need: keys for encryption, of
 * algorithms to come, and now and then a broken one. None of these may cost the keys beside it
 * (RFC 7517, section 5), and none may be lost without a word.
 */
#include "jose/key_set.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "jose/jwk.h"
#include "jose/key_fault.h"

#define KID_SHOWN 64 /* bytes of a kid in a note */

/* Why keys are not used, while a set is read. */
struct skipped {
    struct buf text;
    size_t count;
    size_t untold; /* of them, those that the text has no space for */
    struct reason first;
};

/* A kid that a line of a log can hold as it is. */
static bool is_shown(const char *kid)
{
    return kid != NULL && kid[0] != '\0' && strlen(kid) <= KID_SHOWN &&
           text_is_all(kid, strlen(kid), TEXT_PRINTABLE & TEXT_NOT(TEXT_QUOTE | TEXT_BACKSLASH));
}

/* What is wrong; a note has no space for what would be right. */
static int wrong_len(const struct reason *why)
{
    return (int)strcspn(why->text, ";");
}

static void skip(struct skipped *skipped, size_t place, const json_t *json,
                 const struct reason *why)
{
    const char *kid = json_string_value(json_object_get(json, "kid"));
    const char *between = skipped->text.len > 0 ? "; " : "";
    enum err err;

    if (skipped->count++ == 0)
        reason_set(&skipped->first, "key %zu: %.400s", place, why->text);
    if (is_shown(kid))
        err = buf_printf(&skipped->text, "%skey %zu (kid \"%s\"): %.*s", between, place, kid,
                         wrong_len(why), why->text);
    else
        err = buf_printf(&skipped->text, "%skey %zu: %.*s", between, place, wrong_len(why),
                         why->text);
    skipped->untold += err != ERR_OK;
}

static void note(const struct skipped *skipped, size_t total, struct reason *out)
{
    const char *are = skipped->count == 1 ? "is" : "are";

    if (skipped->count == 0)
        out->text[0] = '\0';
    else if (skipped->untold == 0)
        reason_set(out, "%zu of %zu keys of the set %s not used: %s", skipped->count, total, are,
                   buf_text(&skipped->text));
    else
        reason_set(out, "%zu of %zu keys of the set %s not used: %s; and %zu more", skipped->count,
                   total, are, buf_text(&skipped->text), skipped->untold);
}

static enum err read_one(const json_t *json, bool secrets, struct jose_key *key,
                         struct reason *reason)
{
    const char *kty = json_string_value(json_object_get(json, "kty"));

    if (!secrets && kty != NULL && strcmp(kty, "oct") == 0)
        return key_fault(reason, "it is an HMAC secret, and was fetched from where others can "
                                 "read it too; it should be a public key");
    if (!secrets && json_object_get(json, "d") != NULL)
        return key_fault(reason, "it has its private half, and was fetched from where others can "
                                 "read it too; it should be a public key");
    return jwk_read(json, JWK_IDENTITIES, key, reason);
}

static bool any_verifies(const struct jwt_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->items[i].verifies)
            return true;
    }
    return false;
}

static enum err none_verifies(const struct skipped *skipped, size_t total, struct reason *reason)
{
    if (total == 0)
        reason_set(reason, "the JWK set is empty; it should hold a key to verify with");
    else if (skipped->count == 0)
        reason_set(reason, "no key of the JWK set can verify; the key_ops of one should hold "
                           "\"verify\"");
    else
        reason_set(reason, "no key of the JWK set can verify; %.400s", skipped->first.text);
    return ERR_NOT_FOUND;
}

enum err key_set_read(const json_t *set, bool secrets, struct jwt_keys *keys, struct reason *reason)
{
    struct skipped skipped = {.count = 0};
    size_t total = json_array_size(set);
    enum err err = ERR_OK;

    buf_init(&skipped.text, REASON_MAX - 100);
    for (size_t i = 0; i < total; i++) {
        struct reason why;
        const json_t *json = json_array_get(set, i);
        if (read_one(json, secrets, &keys->items[keys->count], &why) == ERR_OK)
            keys->count++;
        else
            skip(&skipped, i + 1, json, &why);
    }
    note(&skipped, total, &keys->note);
    if (!any_verifies(keys))
        err = none_verifies(&skipped, total, reason);
    buf_fini(&skipped.text);
    return err;
}
