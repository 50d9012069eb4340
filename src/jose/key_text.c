/*
 * A text is told by what it cannot be by chance. A random secret begins with any two or three bytes
 * now and then, so a prefix alone counts only where it is long; DER must fit its own lengths, JSON
 * must begin with a name and a colon. What is behind base64 or hexadecimal is looked at the same
 * way, for a public key stays public in any spelling.
 */
#include "jose/key_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "jose/json.h"
#include "jose/key_bytes.h"
#include "jose/key_pieces.h"

#define DEPTH_MAX 3 /* base64 of a PEM text whose body is base64, and one more */
#define SSH_NAME_MAX 64
#define NEEDED KEY_PIECES_NEEDED
#define NO_SECRET KEY_PIECES_NO_SECRET

struct text {
    const char *at;
    size_t len;
};

static bool is_space(char c)
{
    return text_is(c, TEXT_BLANK) || c == '\r' || c == '\n';
}

static struct text trimmed(struct text text)
{
    while (text.len > 0 && is_space(*text.at)) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.at[text.len - 1]))
        text.len--;
    return text;
}

static struct text rest(struct text text, size_t skip)
{
    return (struct text){text.at + skip, text.len - skip};
}

static bool starts(struct text text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static bool starts_ci(struct text text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && strncasecmp(text.at, prefix, len) == 0;
}

static bool ends(struct text text, const char *suffix)
{
    size_t len = strlen(suffix);

    return text.len >= len && memcmp(text.at + text.len - len, suffix, len) == 0;
}

static bool holds(struct text text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

/* How many bytes of the classes it begins with. */
static size_t span(struct text text, uint32_t classes)
{
    size_t n = 0;

    while (n < text.len && text_is(text.at[n], classes))
        n++;
    return n;
}

/* Texts in wider characters. */

/* Whether three of four characters of `width` bytes are ASCII, their one byte at `place`. */
static bool is_wide(struct text text, size_t width, size_t place)
{
    size_t units = text.len / width;
    size_t ascii = 0;

    for (size_t i = 0; i < units; i++) {
        const char *unit = text.at + i * width;
        unsigned others = 0;
        for (size_t j = 0; j < width; j++)
            others |= j == place ? 0u : (unsigned char)unit[j];
        ascii += others == 0 && (text_is(unit[place], TEXT_PRINTABLE) || is_space(unit[place]));
    }
    return units >= 8 && ascii >= units - units / 4;
}

static const char *wide(struct text text)
{
    static const char cure[] =
        "it is text in UTF-16 or UTF-32; it should be saved as UTF-8: " NEEDED;

    return is_wide(text, 2, 0) || is_wide(text, 2, 1) || is_wide(text, 4, 0) || is_wide(text, 4, 3)
               ? cure
               : NULL;
}

/* PEM and its relations. */

/* What random bytes do not hold, anywhere: the lines around a key, with dashes or without. */
static const struct {
    const char *part;
    const char *what;
} parts[] = {
    {"-----BEGIN ", "it is PEM that cannot be read as it stands; " NEEDED},
    {"---- BEGIN SSH2", "it is a public key of SSH; " NO_SECRET},
    {"PUBLIC KEY", "it is a public key with broken PEM lines; " NO_SECRET},
    {"PRIVATE KEY", "it is a private key with broken PEM lines; " NEEDED},
    {"BEGIN CERTIFICATE", "it is a certificate with broken PEM lines; " NO_SECRET},
    {"END CERTIFICATE", "it is a certificate with broken PEM lines; " NO_SECRET},
    {"-----END ", "it is PEM without its first line; " NEEDED},
    {"BEGIN PGP ", "it is a key of PGP; " NO_SECRET},
    {"PuTTY-User-Key-File", "it is a key of PuTTY; " NEEDED},
    {"openssh-key-v1", "it is a private key of OpenSSH; " NEEDED},
    {"AGE-SECRET-KEY-1", "it is a key of age; " NEEDED},
    {"Public-Key:", "it is a key in words, as openssl prints it; " NO_SECRET},
    {"/.well-known/", "it is a URL; it should be the keys that are there, or the URL in key_url"},
};

static const char *part_of_pem(struct text text)
{
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (holds(text, parts[i].part))
            return parts[i].what;
    }
    return NULL;
}

/* OpenSSH. */

static bool is_ssh_name(struct text name)
{
    return starts(name, "ssh-") || starts(name, "ecdsa-sha2-") || starts(name, "sk-ssh-") ||
           starts(name, "sk-ecdsa-") || starts(name, "rsa-sha2-");
}

/* The name of a key, then a key in base64: a line of id_rsa.pub, authorized_keys, known_hosts. */
static bool is_ssh_line(struct text text)
{
    bool has_key = holds(text, "AAAA");

    for (size_t i = 0; has_key && i < text.len; i++) {
        struct text word = rest(text, i);
        if (!is_ssh_name(word))
            continue;
        struct text name = {word.at, word.len < SSH_NAME_MAX ? word.len : SSH_NAME_MAX};
        if (starts(trimmed(rest(word, span(name, TEXT_VISIBLE))), "AAAA"))
            return true;
    }
    return false;
}

static const char *ssh(struct text text)
{
    return is_ssh_line(text) || key_bytes_are_ssh(text.at, text.len)
               ? "it is a public key of OpenSSH; " NO_SECRET
               : NULL;
}

/* Bytes. */

/* A newline may follow, or the last byte of DER itself may look like one: both are tried. */
static const char *der(struct text text)
{
    struct text inner = trimmed(text);

    if (key_bytes_are_der(text.at, text.len) ||
        (inner.len != text.len && key_bytes_are_der(inner.at, inner.len)))
        return "it is a key or certificate in DER; " NO_SECRET;
    return NULL;
}

/* JSON, tokens, markup. */

/* The first name of an object: quoted, and a colon behind it. */
static bool is_object_head(struct text text)
{
    if (text.len == 0 || *text.at != '{')
        return false;
    text = trimmed(rest(text, 1));
    if (text.len == 0 || (*text.at != '"' && *text.at != '\''))
        return false;
    char quote = *text.at;
    text = rest(text, 1);
    text = rest(text, span(text, TEXT_NAME | TEXT_COLON | TEXT_SLASH | TEXT_SPACE));
    if (text.len == 0 || *text.at != quote)
        return false;
    text = trimmed(rest(text, 1));
    return text.len > 0 && *text.at == ':';
}

static bool is_whole_json(struct text text)
{
    json_t *json = json_loadb(text.at, text.len, 0, NULL);
    bool is = json != NULL;

    jose_json_free(json);
    return is;
}

static const char *json(struct text text)
{
    static const char object[] = "it is JSON with something around it; " NEEDED " and nothing else";
    static const char array[] =
        "it is a JSON array; a JWK set should be an object with the array in \"keys\"";

    if (starts(text, "["))
        return is_object_head(trimmed(rest(text, 1))) || is_whole_json(text) ? array : NULL;
    return is_object_head(text) || (starts(text, "{") && is_whole_json(text)) ? object : NULL;
}

/* The header of a JWS or JWE up to its dot, decoded, is JSON. */
static const char *token(struct text text)
{
    struct octets header;
    bool is = false;

    if (starts_ci(text, "Bearer "))
        text = trimmed(rest(text, 7));
    size_t len = span(text, TEXT_LABEL);
    if (len == text.len || text.at[len] != '.')
        return NULL;
    if (base64url_decode(text.at, len, &header))
        is = is_object_head(trimmed((struct text){(const char *)header.bytes, header.len}));
    octets_fini(&header);
    return is ? "it is a token (JWT or JWE); it should be the key that verifies tokens" : NULL;
}

/* A known beginning, or a tag at the begin and the end of an element at the end. */
static const char *markup(struct text text)
{
    static const char what[] = "it is HTML or XML; " NEEDED;
    static const char *const heads[] = {"<!DOCTYPE", "<?xml", "<html", "<head>", "<body", "<!--"};

    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (starts_ci(text, heads[i]))
            return what;
    }
    if (text.len < 2 || text.at[0] != '<' || !text_is(text.at[1], TEXT_ALPHA))
        return NULL;
    const char *last = memrchr(text.at, '<', text.len);
    struct text end = rest(text, (size_t)(last - text.at) + 1);
    if (!starts(end, "/"))
        return NULL;
    end = rest(end, 1);
    size_t name = span(end, TEXT_NAME | TEXT_COLON);
    return name > 0 && name + 1 == end.len && end.at[name] == '>' ? what : NULL;
}

/* Where the keys are, in place of the keys. */

static const char *url(struct text text)
{
    size_t scheme = span(text, TEXT_LOWER);

    if (starts_ci(text, "https://") || starts_ci(text, "http://"))
        return "it is a URL; it should be the keys that are there, or the URL in key_url";
    if (scheme < 3 || !starts(rest(text, scheme), "://") ||
        span(text, TEXT_QUERY | TEXT_TCHAR_ONLY) < text.len)
        return NULL;
    return "it is a URL; it should be the keys that are there";
}

static const char *path(struct text text)
{
    static const char *const suffixes[] = {
        ".json", ".jwk", ".jwks", ".pem", ".key", ".pub", ".crt",
        ".cer",  ".der", ".p12",  ".pfx", ".p8",  ".txt", ".secret",
    };

    if (starts(text, "credential:"))
        return "it is the name of a credential; it should be the key itself";
    for (size_t i = 0; i < text.len; i++) {
        if (!text_is(text.at[i],
                     TEXT_NAME | TEXT_SLASH | TEXT_BACKSLASH | TEXT_COLON | TEXT_TILDE) &&
            memchr("%${} ", text.at[i], 5) == NULL)
            return NULL;
    }
    if (!holds(text, "/") && !holds(text, "\\"))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (ends(text, suffixes[i]))
            return "it is a path; it should be what is in the file of that name";
    }
    return NULL;
}

/* Beginnings of configuration, and of secrets that everybody knows from examples. */
static const struct {
    const char *prefix;
    const char *what;
} heads[] = {
    {"[identity]", "it is configuration; " NEEDED},
    {"key_file", "it is a line of configuration; " NEEDED},
    {"key_url", "it is a line of configuration; " NEEDED},
    {"jwks_uri", "it is a line of configuration; " NEEDED},
    {"keys:\n", "it is YAML; " NEEDED " in JSON"},
    {"keys:\r\n", "it is YAML; " NEEDED " in JSON"},
    {"kty: ", "it is YAML; " NEEDED " in JSON"},
    {"CHANGE ME", "it is a placeholder; " NEEDED},
    {"CHANGEME", "it is a placeholder; " NEEDED},
    {"CHANGE-ME", "it is a placeholder; " NEEDED},
    {"CHANGE_ME", "it is a placeholder; " NEEDED},
    {"REPLACE ME", "it is a placeholder; " NEEDED},
    {"your-256-bit-secret", "it is a well-known example; " NEEDED},
    {"a-string-secret-at-least-256-bits-long", "it is a well-known example; " NEEDED},
};

static const char *known_head(struct text text)
{
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (starts_ci(text, heads[i].prefix))
            return heads[i].what;
    }
    return NULL;
}

/* Behind an encoding. */

static const char *look(struct text text, int depth);

static const char *look_decoded(unsigned char *bytes, size_t len, int depth)
{
    const char *what = look((struct text){(const char *)bytes, len}, depth - 1);

    wipe_free(bytes, len);
    return what;
}

/* White space, and what a text that went through a quoted string has for it: \n, \r, and \/. */
static size_t gap(struct text text)
{
    if (is_space(*text.at))
        return 1;
    if (text.len < 2 || *text.at != '\\')
        return 0;
    if (text.at[1] == '/')
        return 1;
    return text.at[1] == 'n' || text.at[1] == 'r' ? 2 : 0;
}

/*
 * The characters of base64 or base64url in base64url, without white space, up to padding. 0 where
 * there is anything else.
 */
static size_t flatten(struct text text, char *out)
{
    size_t len = 0;
    size_t skip = 0;
    bool padded = false;

    for (size_t i = 0; i<text.len; i += skip> 0 ? skip : 1) {
        char c = text.at[i];
        skip = gap(rest(text, i));
        if (skip > 0)
            continue;
        padded = padded || c == '=';
        if (!text_is(c, TEXT_ALNUM | TEXT_HYPHEN | TEXT_UNDERSCORE | TEXT_SLASH | TEXT_EQUALS) &&
            c != '+')
            return 0;
        if (!padded)
            out[len++] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
    }
    return len;
}

static const char *base64(struct text text, int depth)
{
    char *flat = mem_alloc(text.len + 1);
    size_t len = flatten(text, flat);
    struct octets octets = {0};
    const char *what = NULL;

    /* Bits left over, or a character lost at the end, do not matter here. */
    if (len > 0 && !base64url_decode(flat, len, &octets))
        (void)base64url_decode(flat, len - len % 4, &octets);
    if (octets.len > 0)
        what = look_decoded(octets.bytes, octets.len, depth);
    else
        octets_fini(&octets);
    wipe_free(flat, text.len + 1);
    return what;
}

/* With colons or without; 0x is allowed in front. */
static const char *hex(struct text text, int depth)
{
    unsigned char *bytes = mem_alloc(text.len + 1);
    size_t digits = 0;

    if (starts_ci(text, "0x"))
        text = rest(text, 2);
    memset(bytes, 0, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        int value = text_hex_value(text.at[i]);
        if (value < 0 && text.at[i] != ':' && !is_space(text.at[i])) {
            wipe_free(bytes, text.len + 1);
            return NULL;
        }
        if (value >= 0) {
            bytes[digits / 2] = (unsigned char)(bytes[digits / 2] << 4 | value);
            digits++;
        }
    }
    return look_decoded(bytes, digits / 2, depth);
}

static const char *quoted(struct text text, int depth)
{
    if (text.len < 2 || (*text.at != '"' && *text.at != '\'') || text.at[text.len - 1] != *text.at)
        return NULL;
    return look((struct text){text.at + 1, text.len - 2}, depth - 1);
}

/* The value of NAME = VALUE or NAME: VALUE. */
static const char *named(struct text text, int depth)
{
    size_t name = span(text, TEXT_LABEL | TEXT_BLANK);

    if (name == 0 || name == text.len || (text.at[name] != '=' && text.at[name] != ':'))
        return NULL;
    return look(rest(text, name + 1), depth - 1);
}

/* One line of several: a key may stand below a comment. */
static const char *lines(struct text text, int depth)
{
    const char *what = NULL;

    if (memchr(text.at, '\n', text.len) == NULL)
        return NULL;
    while (what == NULL && text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;
        what = look((struct text){text.at, len}, depth - 1);
        text = rest(text, end != NULL ? len + 1 : len);
    }
    return what;
}

static const char *look(struct text bytes, int depth)
{
    static const char *(*const looks[])(struct text text) = {
        part_of_pem, ssh, json, token, markup, url, path, known_head,
    };
    static const char *(*const behind[])(struct text text, int depth) = {
        quoted, base64, hex, named, lines,
    };
    struct text text = trimmed(rest(bytes, key_text_bom(bytes.at, bytes.len)));
    const char *what = der(bytes);

    if (what == NULL)
        what = wide(bytes);
    for (size_t i = 0; what == NULL && text.len > 0 && i < ARRAY_LEN(looks); i++)
        what = looks[i](text);
    for (size_t i = 0; what == NULL && text.len > 0 && depth > 0 && i < ARRAY_LEN(behind); i++)
        what = behind[i](text, depth);
    return what;
}

size_t key_text_bom(const char *bytes, size_t len)
{
    return len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

const char *key_text_mistaken(const char *bytes, size_t len)
{
    const char *what = look((struct text){bytes, len}, DEPTH_MAX);

    return what != NULL ? what : key_pieces_mistaken(bytes, len);
}
