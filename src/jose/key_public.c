/*
 * The text is judged, and not the keys that were read from it: keys that are left out of a set, or
 * that may not sign, leave no trace there. In doubt a text is secret.
 */
#include "jose/key_public.h"

#include <string.h>

#include "base/check.h"
#include "base/reason.h"
#include "jose/json.h"
#include "jose/jwk.h"
#include "jose/key_text.h"
#include "jose/pem.h"

/* RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1; priv is that of keys for ML-DSA. */
static bool holds_secret_member(const json_t *object)
{
    static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"};

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (json_object_get(object, members[i]) != NULL)
            return true;
    }
    return false;
}

static bool holds_secret(json_t *json)
{
    const char *name;
    json_t *value;

    if (holds_secret_member(json))
        return true;
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (holds_secret(json_array_get(json, i)))
            return true;
    }
    json_object_foreach(json, name, value)
    {
        if (holds_secret(value))
            return true;
    }
    return false;
}

static bool is_public_json(const char *bytes, size_t len)
{
    struct reason ignored;
    json_t *json = jwk_parse(bytes, len, &ignored);
    bool is = json != NULL && !holds_secret(json);

    jose_json_free(json);
    return is;
}

/* "PUBLIC KEY-----" and the like. */
static bool is_public_label(const char *label, size_t len)
{
    static const char *const labels[] = {
        "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE",
    };
    const char *end = memmem(label, len, "-----", 5);

    for (size_t i = 0; end != NULL && i < ARRAY_LEN(labels); i++) {
        if (strlen(labels[i]) == (size_t)(end - label) &&
            memcmp(label, labels[i], strlen(labels[i])) == 0)
            return true;
    }
    return false;
}

static bool is_public_pem(const char *bytes, size_t len)
{
    static const char begin[] = "-----BEGIN ";
    const char *end = bytes + len;
    const char *block = bytes;

    /* A block with broken lines, too. */
    if (memmem(bytes, len, "PRIVATE", 7) != NULL)
        return false;
    while ((block = memmem(block, (size_t)(end - block), begin, sizeof(begin) - 1)) != NULL) {
        block += sizeof(begin) - 1;
        if (!is_public_label(block, (size_t)(end - block)))
            return false;
    }
    return true;
}

bool key_public_only(const char *bytes, size_t len)
{
    size_t start = key_text_bom(bytes, len);

    while (start < len && memchr(" \t\r\n", bytes[start], 4) != NULL)
        start++;
    if (start < len && bytes[start] == '{')
        return is_public_json(bytes + start, len - start);
    return pem_begins(bytes, len) && is_public_pem(bytes, len);
}
