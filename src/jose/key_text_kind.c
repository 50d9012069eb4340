/*
 * A text that is one thing as a whole. A random secret begins with any two or three bytes now and
 * then, so a beginning alone counts only where it is long, and JSON must begin with a name and a
 * colon.
 */
#include "jose/key_text_parts.h"

#include <string.h>

#include <jansson.h>

#include "base/check.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "jose/json.h"
#include "jose/key_bytes.h"

#define AGE_LEN 62
#define SSH_NAME_MAX 64
#define JSON_MIN 16 /* {} alone comes by chance */

/* OpenSSH. */

static bool is_ssh_name(struct key_part name)
{
    return key_part_starts(name, "ssh-") || key_part_starts(name, "ecdsa-sha2-") ||
           key_part_starts(name, "sk-ssh-") || key_part_starts(name, "sk-ecdsa-") ||
           key_part_starts(name, "rsa-sha2-");
}

/* The name of a key, then a key in base64: a line of id_rsa.pub, authorized_keys, known_hosts. */
static bool is_ssh_line(struct key_part text)
{
    bool has_key = key_part_holds(text, "AAAA");

    for (size_t i = 0; has_key && i < text.len; i++) {
        struct key_part word = key_part_rest(text, i);
        if (!is_ssh_name(word))
            continue;
        struct key_part name = {word.at, word.len < SSH_NAME_MAX ? word.len : SSH_NAME_MAX};
        if (key_part_starts(key_part_trim(key_part_rest(word, key_part_span(name, TEXT_VISIBLE))),
                            "AAAA"))
            return true;
    }
    return false;
}

static const char *ssh(struct key_part text)
{
    return is_ssh_line(text) || key_bytes_are_ssh(text.at, text.len)
               ? "it is a public key of OpenSSH; " KEY_NO_SECRET
               : NULL;
}

/* JSON, tokens, markup. */

/* The first name of an object: quoted, and a colon behind it. */
static bool is_object_head(struct key_part text)
{
    if (text.len == 0 || *text.at != '{')
        return false;
    text = key_part_trim(key_part_rest(text, 1));
    if (text.len == 0 || (*text.at != '"' && *text.at != '\''))
        return false;
    char quote = *text.at;
    text = key_part_rest(text, 1);
    text =
        key_part_rest(text, key_part_span(text, TEXT_NAME | TEXT_COLON | TEXT_SLASH | TEXT_SPACE));
    if (text.len == 0 || *text.at != quote)
        return false;
    text = key_part_trim(key_part_rest(text, 1));
    return text.len > 0 && *text.at == ':';
}

static bool is_whole_json(struct key_part text)
{
    json_t *json = text.len >= JSON_MIN ? json_loadb(text.at, text.len, 0, NULL) : NULL;
    bool is = json != NULL;

    jose_json_free(json);
    return is;
}

static const char *json(struct key_part text)
{
    static const char object[] =
        "it is JSON with something around it; " KEY_NEEDED " and nothing else";
    static const char array[] =
        "it is a JSON array; a JWK set should be an object with the array in \"keys\"";

    if (key_part_starts(text, "["))
        return is_object_head(key_part_trim(key_part_rest(text, 1))) || is_whole_json(text) ? array
                                                                                            : NULL;
    return is_object_head(text) || (key_part_starts(text, "{") && is_whole_json(text)) ? object
                                                                                       : NULL;
}

/* The header of a JWS or JWE up to its dot, decoded, is JSON. */
static const char *token(struct key_part text)
{
    struct octets header;
    bool is = false;

    if (key_part_starts_ci(text, "Bearer "))
        text = key_part_trim(key_part_rest(text, 7));
    size_t len = key_part_span(text, TEXT_LABEL);
    if (len == text.len || text.at[len] != '.')
        return NULL;
    if (base64url_decode(text.at, len, &header))
        is = is_object_head(
            key_part_trim((struct key_part){(const char *)header.bytes, header.len}));
    octets_fini(&header);
    return is ? "it is a token (JWT or JWE); it should be the key that verifies tokens" : NULL;
}

/* A known beginning, or a tag at the begin and the end of an element at the end. */
static const char *markup(struct key_part text)
{
    static const char what[] = "it is HTML or XML; " KEY_NEEDED;
    static const char *const heads[] = {"<!DOCTYPE", "<?xml", "<html", "<head>", "<body", "<!--"};

    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (key_part_starts_ci(text, heads[i]))
            return what;
    }
    if (text.len < 2 || text.at[0] != '<' || !text_is(text.at[1], TEXT_ALPHA))
        return NULL;
    const char *last = memrchr(text.at, '<', text.len);
    struct key_part end = key_part_rest(text, (size_t)(last - text.at) + 1);
    if (!key_part_starts(end, "/"))
        return NULL;
    end = key_part_rest(end, 1);
    size_t name = key_part_span(end, TEXT_NAME | TEXT_COLON);
    return name > 0 && name + 1 == end.len && end.at[name] == '>' ? what : NULL;
}

/* Beginnings of configuration, and of secrets that everybody knows from examples. */
static const struct {
    const char *prefix;
    const char *what;
} heads[] = {
    {"[identity]", "it is configuration; " KEY_NEEDED},
    {"key_file", "it is a line of configuration; " KEY_NEEDED},
    {"key_url", "it is a line of configuration; " KEY_NEEDED},
    {"jwks_uri", "it is a line of configuration; " KEY_NEEDED},
    {"keys:\n", "it is YAML; " KEY_NEEDED " in JSON"},
    {"keys:\r\n", "it is YAML; " KEY_NEEDED " in JSON"},
    {"kty: ", "it is YAML; " KEY_NEEDED " in JSON"},
    {"CHANGE ME", "it is a placeholder; " KEY_NEEDED},
    {"CHANGEME", "it is a placeholder; " KEY_NEEDED},
    {"CHANGE-ME", "it is a placeholder; " KEY_NEEDED},
    {"CHANGE_ME", "it is a placeholder; " KEY_NEEDED},
    {"REPLACE ME", "it is a placeholder; " KEY_NEEDED},
    {"your-256-bit-secret", "it is a well-known example; " KEY_NEEDED},
    {"a-string-secret-at-least-256-bits-long", "it is a well-known example; " KEY_NEEDED},
};

static const char *known_head(struct key_part text)
{
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (key_part_starts_ci(text, heads[i].prefix))
            return heads[i].what;
    }
    return NULL;
}

/* A public key of age: age1, and 58 characters of Bech32. */
static const char *age(struct key_part text)
{
    return text.len == AGE_LEN && key_part_starts(text, "age1") &&
                   key_part_span(text, TEXT_LOWER | TEXT_DIGIT) == AGE_LEN
               ? "it is a public key of age; " KEY_NO_SECRET
               : NULL;
}

const char *key_text_kind(struct key_part text)
{
    static const char *(*const kinds[])(struct key_part text) = {ssh,   age,    json,
                                                                 token, markup, known_head};
    const char *what = NULL;

    for (size_t i = 0; what == NULL && i < ARRAY_LEN(kinds); i++)
        what = kinds[i](text);
    return what;
}
