/*
 * Public text is told by a few characters in it, whatever stands around them. They are looked for
 * anywhere, so they must not be in a secret by chance: each has five characters or more, one of
 * them no letter or digit, or seven. A random password of 64 characters has one of those of five in
 * one of a hundred million; all marks together stay under one in a million. Base64 and hexadecimal
 * have none of the punctuation.
 */
#include "jose/key_text_parts.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"

#define NAME_MAX_LEN 32 /* of a member: longer than any that JOSE has */
#define APART_MAX 8     /* between a name and its value */
#define NUMBER_MIN 16   /* characters of a key's number in base64url, at the least */

#define PEM "it is PEM that cannot be read as it stands; " KEY_NEEDED
#define LINES "it is a public key with broken PEM lines; " KEY_NO_SECRET
#define CERTIFICATE "it is a certificate with broken PEM lines; " KEY_NO_SECRET
#define PRINTED "it is a key in words, as openssl prints it; " KEY_NO_SECRET
#define JWK "it is text with a JWK in it; " KEY_NEEDED " and nothing else"
#define PRINT "it is the fingerprint of a key; " KEY_NEEDED
#define KEPT                                                                                       \
    "it is the name of where a secret is kept, or an encrypted one; it should be the secret"

static const struct {
    const char *text;
    bool any_case;
    const char *what;
} marks[] = {
    {"-----BEGIN ", true, PEM},
    {"---- BEGIN SSH2", true, "it is a public key of SSH; " KEY_NO_SECRET},
    {"PUBLIC KEY", false, LINES},
    {"PRIVATE KEY", false, "it is a private key with broken PEM lines; " KEY_NEEDED},
    {"BEGIN CERTIFICATE", false, CERTIFICATE},
    {"END CERTIFICATE", false, CERTIFICATE},
    {"-----END ", true, "it is PEM without its first line; " KEY_NEEDED},
    {"BEGIN PGP ", true, "it is a key of PGP; " KEY_NO_SECRET},
    {"--BEGIN ", true, LINES},
    {"--END ", true, LINES},
    {"PuTTY-User-Key-File", false, "it is a key of PuTTY; " KEY_NEEDED},
    {"openssh-key-v1", false, "it is a private key of OpenSSH; " KEY_NEEDED},
    {"AGE-SECRET-KEY-1", false, "it is a key of age; " KEY_NEEDED},
    {"Public-Key:", false, PRINTED},
    {"Public Key Algorithm", true, PRINTED},
    {"Modulus=", true, PRINTED},
    {"Modulus:", true, PRINTED},
    {"<Modulus>", true, "it is a key in XML; " KEY_NO_SECRET},
    {"untrusted comment:", true, "it is a key of minisign or signify; " KEY_NO_SECRET},
    {"Fingerprint=", true, PRINT},
    {"SHA256:", false, PRINT},
    {"urn:ietf:params:", true, PRINT},
    {"&quot;", true, "it is HTML or XML; " KEY_NEEDED},
    {"\\u0022", true, JWK},
    {"op://", false, KEPT},
    {"arn:aws:", false, KEPT},
    {"CREDENTIALS_DIRECTORY", false, KEPT},
    {"vault:secret", false, KEPT},
    {"$ANSIBLE_VAULT;", false, KEPT},
    {"ENC[AES256_GCM,", false, KEPT},
};

static const char *mark_of(struct key_part text)
{
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (marks[i].any_case ? key_part_holds_ci(text, marks[i].text)
                              : key_part_holds(text, marks[i].text))
            return marks[i].what;
    }
    return NULL;
}

/* Members of an object. */

/* A name in quotes of either kind, which may be escaped, up to its colon. Empty: there is none. */
static struct key_part member_at(struct key_part *text)
{
    char quote = *text->at;
    struct key_part name = key_part_rest(*text, 1);

    if (quote != '"' && quote != '\'')
        return (struct key_part){0};
    name.len = key_part_span(name, TEXT_NAME);
    struct key_part behind = key_part_rest(*text, 1 + name.len);
    if (key_part_starts(behind, "\\"))
        behind = key_part_rest(behind, 1);
    if (name.len == 0 || name.len > NAME_MAX_LEN || behind.len == 0 || *behind.at != quote)
        return (struct key_part){0};
    behind = key_part_trim(key_part_rest(behind, 1));
    if (!key_part_starts(behind, ":"))
        return (struct key_part){0};
    *text = key_part_trim(key_part_rest(behind, 1));
    return name;
}

/* A number of a key: a quote, which may be escaped, and base64url. */
static bool is_number(struct key_part value)
{
    if (key_part_starts(value, "\\"))
        value = key_part_rest(value, 1);
    return value.len > 0 && (*value.at == '"' || *value.at == '\'') &&
           key_part_span(key_part_rest(value, 1), TEXT_LABEL) >= NUMBER_MIN;
}

/* A password has "n": now and then, so a name of one letter counts with its value. */
static bool is_known(struct key_part name, struct key_part value)
{
    static const char *const names[] = {"kty", "keys", "kid", "crv", "alg", "use",      "x5c",
                                        "x5t", "n",    "x",   "k",   "d",   "jwks_uri", "issuer"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (name.len == strlen(names[i]) && key_part_starts(name, names[i]))
            return name.len > 1 || is_number(value);
    }
    return false;
}

/* As JSON and programs have it: a name, and a value that begins as one. */
static bool is_likely(struct key_part name, struct key_part value)
{
    return text_is(*name.at, TEXT_ALPHA) && value.len > 0 &&
           (text_is(*value.at, TEXT_DIGIT | TEXT_QUOTE | TEXT_BACKSLASH) ||
            memchr("'[{-tfn", *value.at, 7) != NULL);
}

/* One that JOSE has, or two of any name. */
static bool has_members(struct key_part text)
{
    unsigned others = 0;

    for (size_t i = 0; i < text.len; i++) {
        struct key_part value = key_part_rest(text, i);
        struct key_part name = member_at(&value);
        if (name.len == 0)
            continue;
        others += is_likely(name, value);
        if (others == 2 || is_known(name, value))
            return true;
    }
    return false;
}

/* kty and its value, in any notation: kty = "RSA", kty: EC, kty:'OKP'. */
static bool has_kty(struct key_part text)
{
    static const char *const values[] = {"RSA", "EC", "OKP", "oct"};

    while (text.len > 0) {
        const char *at = memmem(text.at, text.len, "kty", 3);
        if (at == NULL)
            return false;
        text = key_part_rest(text, (size_t)(at - text.at) + 3);
        size_t apart = key_part_span(text, TEXT_NOT(TEXT_ALNUM));
        for (size_t i = 0; apart > 0 && apart <= APART_MAX && i < ARRAY_LEN(values); i++) {
            if (key_part_starts(key_part_rest(text, apart), values[i]))
                return true;
        }
    }
    return false;
}

const char *key_text_marks(struct key_part text)
{
    const char *what = mark_of(text);

    return what == NULL && (has_members(text) || has_kty(text)) ? JWK : what;
}
