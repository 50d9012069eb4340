/*
 * A public key is copied out of a program, a page, a DNS record or a dump, and what stands around
 * it comes along: a key in quotes with a plus behind each line, offsets before each row of bytes.
 * There are too many of these to name, so the key itself is looked for. Its first line is enough,
 * for that is where the identifier of the algorithm stands.
 */
#include "jose/key_pieces.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "jose/key_bytes.h"

#define RUN_MIN                                                                                    \
    24 /* characters of base64; the shortest identifier needs no fewer in front of it              \
        */

#define KEY "it is text that holds a key; " KEY_PIECES_NO_SECRET
#define JWK "it is text that holds a JWK; " KEY_PIECES_NEEDED " and nothing else"
#define URL "it is text that holds a URL; " KEY_PIECES_NEEDED ", or the URL in key_url"
#define PRINT "it is the fingerprint of a key; " KEY_PIECES_NEEDED
#define PLACE "it is the name of where a secret or key is kept; it should be what is there"
#define PACKED "it is compressed; " KEY_PIECES_NEEDED

/* No secret has these by chance: the shortest stands in one of a million of 64 characters. */
static const struct {
    const char *text;
    const char *what;
} words[] = {
    {"Modulus=", KEY},
    {"untrusted comment: ", KEY},
    {"did:key:z", KEY},
    {"\"kty\"", JWK},
    {"'kty'", JWK},
    {"kty\\\"", JWK},
    {"kty%22", JWK},
    {"kty&quot;", JWK},
    {"kty: ", JWK},
    {"kty = ", JWK},
    {"kty=RSA", JWK},
    {"kty:RSA", JWK},
    {"https://", URL},
    {"http://", URL},
    {"https:\\/\\/", URL},
    {"https%3A%2F", URL},
    {"/openid-connect/", URL},
    {"/realms/", URL},
    {"/oauth2/", URL},
    {"/discovery/", URL},
    {"Fingerprint=", PRINT},
    {"SHA256:", PRINT},
    {"urn:ietf:params:", PRINT},
    {"/run/secrets/", PLACE},
    {"/etc/postcoded", PLACE},
    {"CREDENTIALS_DIRECTORY", PLACE},
    {"arn:aws:", PLACE},
    {"op://", PLACE},
    {"vault:secret", PLACE},
    {"$ANSIBLE_VAULT;", PLACE},
    {"ENC[AES256_GCM,", PLACE},
    {"\x1f\x8b\x08\x08", PACKED}, /* gzip of a file, which has its name in front */
    {"PK\x03\x04", PACKED},
};

static const char *find_word(const char *bytes, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (memmem(bytes, len, words[i].text, strlen(words[i].text)) != NULL)
            return words[i].what;
    }
    return NULL;
}

static bool is_base64(char c)
{
    return text_is(c, TEXT_LABEL | TEXT_SLASH) || c == '+';
}

/* Characters of base64 or base64url; those behind the last four may be missing. */
static bool run_is_key(const char *text, size_t len)
{
    size_t whole = len - len % 4;
    char *flat = mem_alloc(whole + 1);
    struct octets octets;
    bool is = false;

    for (size_t i = 0; i < whole; i++)
        flat[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    if (base64url_decode(flat, whole, &octets))
        is = key_bytes_are_der((const char *)octets.bytes, octets.len) ||
             key_bytes_are_ssh((const char *)octets.bytes, octets.len);
    octets_fini(&octets);
    wipe_free(flat, whole + 1);
    return is;
}

static bool base64_holds_key(const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t run = 0;
        while (at + run < len && is_base64(bytes[at + run]))
            run++;
        if (run >= RUN_MIN && run_is_key(bytes + at, run))
            return true;
        at += run + 1;
    }
    return false;
}

/* The digits alone: without 0x, and without all that is no digit. How many there are. */
static size_t take_digits(const char *bytes, size_t len, unsigned char *digits)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '0' && i + 1 < len && bytes[i + 1] == 'x')
            continue;
        int value = text_hex_value(bytes[i]);
        if (value >= 0)
            digits[count++] = (unsigned char)value;
    }
    return count;
}

/* Offsets and letters of words may come to an odd number of digits, so both halves are tried. */
static bool hex_holds_key(const char *bytes, size_t len)
{
    unsigned char *digits = mem_alloc(len + 1);
    unsigned char *octets = mem_alloc(len + 1);
    size_t count = take_digits(bytes, len, digits);
    bool is = false;

    for (size_t odd = 0; odd < 2 && !is && count > odd; odd++) {
        size_t pairs = (count - odd) / 2;
        for (size_t i = 0; i < pairs; i++)
            octets[i] = (unsigned char)(digits[odd + 2 * i] << 4 | digits[odd + 2 * i + 1]);
        is = key_bytes_are_der((const char *)octets, pairs);
    }
    wipe_free(digits, len + 1);
    wipe_free(octets, len + 1);
    return is;
}

const char *key_pieces_mistaken(const char *bytes, size_t len)
{
    if (base64_holds_key(bytes, len) || hex_holds_key(bytes, len))
        return KEY;
    return find_word(bytes, len);
}
