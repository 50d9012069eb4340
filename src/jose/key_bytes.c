/*
 * DER is told by its lengths, which fit the bytes exactly, all the way down, or by the identifier
 * of an algorithm. The short form of a length would take one random secret of some 100,000 for a
 * key, and no key is that short without an identifier.
 */
#include "jose/key_bytes.h"

#include <string.h>

#include "base/check.h"

#define DEPTH_MAX 8      /* a certificate has 5 or so */
#define LONG_MIN_LEN 128 /* the first length that takes more than a byte */

struct bytes {
    const unsigned char *at;
    size_t len;
};

static struct bytes rest(struct bytes bytes, size_t skip)
{
    return (struct bytes){bytes.at + skip, bytes.len - skip};
}

static bool starts(struct bytes bytes, const char *prefix, size_t len)
{
    return bytes.len >= len && memcmp(bytes.at, prefix, len) == 0;
}

/* The length of an element's head; its content is the `*len` bytes behind it. 0: there is none. */
static size_t der_head(struct bytes der, size_t *len)
{
    size_t more = der.len >= 2 ? der.at[1] & 0x7fu : 0;

    *len = 0;
    if (der.len < 2)
        return 0;
    if (der.at[1] < 0x80) {
        *len = der.at[1];
        return *len <= der.len - 2 ? 2 : 0;
    }
    if (more == 0 || more > 3 || der.len < 2 + more)
        return 0;
    for (size_t i = 0; i < more; i++)
        *len = *len << 8 | der.at[2 + i];
    return *len <= der.len - 2 - more ? 2 + more : 0;
}

/* Elements, one behind the other, that fill the bytes; one or more. */
static bool der_fits(struct bytes der, int depth)
{
    if (der.len == 0 || depth == 0)
        return false;
    while (der.len > 0) {
        bool constructed = (*der.at & 0x20) != 0;
        size_t len;
        size_t head = der_head(der, &len);
        if (head == 0)
            return false;
        if (constructed && len > 0 && !der_fits((struct bytes){der.at + head, len}, depth - 1))
            return false;
        der = rest(der, head + len);
    }
    return true;
}

/*
 * A SEQUENCE that begins with a SEQUENCE, an INTEGER or an object identifier, as keys and
 * certificates and what they travel in do, and spans all bytes; several of them, for a chain. Each
 * is longer than a random secret, whose first two bytes may well be a SEQUENCE and its length.
 */
static bool is_der(struct bytes der)
{
    static const char firsts[] = {0x30, 0x02, 0x06};

    if (der.len == 0)
        return false;
    for (struct bytes left = der; left.len > 0;) {
        size_t len = 0;
        size_t head = *left.at == 0x30 ? der_head(left, &len) : 0;
        if (head == 0 || len < LONG_MIN_LEN ||
            memchr(firsts, left.at[head], sizeof(firsts)) == NULL)
            return false;
        left = rest(left, head + len);
    }
    return der_fits(der, DEPTH_MAX);
}

/* What tells a key even where a piece of it is missing, or the lengths are those of BER. */
static const struct {
    const char *bytes;
    size_t len;
} parts[] = {
    {"\x2a\x86\x48\x86\xf7\x0d\x01", 7}, /* RSA and PKCS */
    {"\x2a\x86\x48\xce\x3d", 5},         /* EC */
    {"\x06\x03\x2b\x65\x6e", 5},         /* X25519 */
    {"\x06\x03\x2b\x65\x6f", 5},         /* X448 */
    {"\x06\x03\x2b\x65\x70", 5},         /* Ed25519 */
    {"\x06\x03\x2b\x65\x71", 5},         /* Ed448 */
    {"\x06\x05\x2b\x81\x04\x00", 6},     /* P-384, P-521 */
    {"\x02\x01\x00\x02\x82", 5},         /* a private key of RSA */
    {"\x02\x01\x01\x04\x20", 5},         /* a private key of P-256 */
    {"\x02\x01\x01\x04\x30", 5},         /* of P-384 */
    {"\x02\x01\x01\x04\x42", 5},         /* of P-521 */
    {"\x02\x03\x01\x00\x01", 5},         /* the exponent of RSA */
    {"\xfe\xed\xfe\xed\x00\x00\x00", 7}, /* a key store of Java */
};

/* RSAPublicKey has no identifier: a SEQUENCE and its first INTEGER, both long. */
static bool is_rsa_head(struct bytes bytes)
{
    return bytes.len >= 9 && starts(bytes, "\x30\x82", 2) &&
           memcmp(bytes.at + 4, "\x02\x82", 2) == 0 && bytes.at[8] == 0;
}

bool key_bytes_are_der(const char *bytes, size_t len)
{
    struct bytes all = {(const unsigned char *)bytes, len};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (memmem(bytes, len, parts[i].bytes, parts[i].len) != NULL)
            return true;
    }
    return is_der(all) || is_rsa_head(all);
}

/* The length of the key's name in four bytes, then the name. */
bool key_bytes_are_ssh(const char *bytes, size_t len)
{
    static const char *const names[] = {"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-"};
    struct bytes blob = {(const unsigned char *)bytes, len};

    if (!starts(blob, "\0\0\0", 3) || len < 5 || blob.at[3] < 7 || blob.at[3] > 64)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (starts(rest(blob, 4), names[i], strlen(names[i])))
            return true;
    }
    return false;
}

/* Three bytes of gzip come in one of 17 million secrets; the fourth, its flags, is small. */
static bool is_gzip(struct bytes bytes)
{
    return starts(bytes, "\x1f\x8b\x08", 3) && bytes.len > 10 && bytes.at[3] < 0x20;
}

bool key_bytes_are_packed(const char *bytes, size_t len)
{
    static const struct {
        const char *bytes;
        size_t len;
    } heads[] = {
        {"PK\x03\x04", 4},
        {"BZh91AY&SY", 10},
        {"\xfd"
         "7zXZ",
         5},
        {"\x28\xb5\x2f\xfd", 4},
        {"7z\xbc\xaf\x27\x1c", 6},
        {"%PDF-", 5},
        {"\x89PNG", 4},
    };
    struct bytes all = {(const unsigned char *)bytes, len};

    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (starts(all, heads[i].bytes, heads[i].len))
            return true;
    }
    return is_gzip(all);
}
