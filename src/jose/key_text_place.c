/*
 * Where keys are is public, or soon guessed, and a person writes it down in place of the keys. A
 * URL with a well-known scheme is told anywhere; what looks like a host or a path only when it is
 * the whole text, for a random password has any three characters in a row now and then.
 */
#include "jose/key_text_parts.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"

#define CURE "it should be the keys that are there"
/* Not all that a URL may have, or random passwords would be hosts and paths. */
#define IN_PATH (TEXT_UNRESERVED | TEXT_SLASH | TEXT_QUESTION | TEXT_EQUALS)
#define URL "it is a URL; " CURE
#define URL_OF_KEYS "it is a URL; " CURE ", or the URL in key_url"

/* What URLs of keys have in them, in any spelling that a program gives them. */
static const char *const in_urls[] = {
    "https://",      "http://",  "https:\\/\\/", "http:\\/\\/", "https%3a%2f",      "http%3a%2f",
    "/.well-known/", "/realms/", "/oauth2/",     "/discovery/", "/openid-connect/",
};

static bool holds_url(struct key_part text)
{
    for (size_t i = 0; i < ARRAY_LEN(in_urls); i++) {
        if (key_part_holds_ci(text, in_urls[i]))
            return true;
    }
    return false;
}

/* The whole text, of any other scheme. */
static bool is_url(struct key_part text)
{
    static const char *const schemes[] = {"data:application/", "data:text/", "data:;",
                                          "did:key:",          "did:web:",   "did:jwk:",
                                          "urn:ietf:",         "urn:uuid:",  "file:/"};
    size_t scheme = key_part_span(text, TEXT_LOWER);

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (key_part_starts_ci(text, schemes[i]) &&
            key_part_span(text, TEXT_QUERY | TEXT_TCHAR_ONLY) == text.len)
            return true;
    }
    return scheme >= 3 && key_part_starts(key_part_rest(text, scheme), "://") &&
           key_part_span(text, TEXT_QUERY | TEXT_TCHAR_ONLY) == text.len;
}

/* Two labels or more in lower case, the last of letters: how long the name is; 0 where there is
 * none. */
static size_t host_len(struct key_part text)
{
    size_t len = 0;
    size_t labels = 0;

    for (;;) {
        struct key_part left = key_part_rest(text, len);
        size_t label = key_part_span(left, TEXT_LOWER | TEXT_DIGIT | TEXT_HYPHEN);
        if (label == 0)
            return 0;
        labels++;
        len += label;
        if (label < left.len && left.at[label] == '.') {
            len++;
            continue;
        }
        return labels >= 2 && label >= 2 && key_part_span(left, TEXT_LOWER) == label ? len : 0;
    }
}

/* HOST/PATH or HOST:PORT; a name alone may be words with dots between, unless everybody knows it.
 */
static bool is_host(struct key_part text)
{
    static const char *const tops[] = {".com",   ".net", ".org",   ".io",       ".dev",
                                       ".cloud", ".app", ".local", ".internal", ".example"};

    if (key_part_starts(text, "//"))
        text = key_part_rest(text, 2);
    size_t len = host_len(text);
    if (len == 0)
        return false;
    struct key_part behind = key_part_rest(text, len);
    for (size_t i = 0; behind.len == 0 && i < ARRAY_LEN(tops); i++) {
        if (key_part_ends(text, tops[i]))
            return true;
    }
    if (behind.len > 1 && *behind.at == ':') {
        size_t port = key_part_span(key_part_rest(behind, 1), TEXT_DIGIT);
        behind = key_part_rest(behind, 1 + port);
        if (port == 0 || port > 5)
            return false;
        if (behind.len == 0)
            return true;
    }
    return behind.len > 0 && *behind.at == '/' && key_part_span(behind, IN_PATH) == behind.len;
}

/* NAME@HOST; it may stand behind mailto: or the name of its owner, in angle brackets. */
static bool is_address(struct key_part text)
{
    size_t name = key_part_span(text, TEXT_NAME);

    if (name == 0 || name == text.len || text.at[name] != '@')
        return false;
    struct key_part host = key_part_rest(text, name + 1);
    return host.len > 0 && host_len(host) == host.len;
}

/* What is in angle brackets at the end, as in an address with its owner's name. */
static struct key_part in_brackets(struct key_part text)
{
    const char *open = text.len > 0 ? memrchr(text.at, '<', text.len) : NULL;

    if (open == NULL || text.at[text.len - 1] != '>')
        return text;
    return (struct key_part){open + 1, (size_t)(text.at + text.len - open) - 2};
}

static bool is_path(struct key_part text)
{
    static const char *const suffixes[] = {
        ".json", ".jwk", ".jwks", ".pem", ".key", ".pub", ".crt",
        ".cer",  ".der", ".p12",  ".pfx", ".p8",  ".txt", ".secret",
    };
    static const char *const folders[] = {
        "/run/secrets/", "/etc/", "/var/", "/home/", "/usr/", "/opt/", "/run/credentials/"};

    for (size_t i = 0; i < text.len; i++) {
        if (!text_is(text.at[i],
                     TEXT_NAME | TEXT_SLASH | TEXT_BACKSLASH | TEXT_COLON | TEXT_TILDE) &&
            memchr("%${} ", text.at[i], 5) == NULL)
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (key_part_starts(text, folders[i]))
            return true;
    }
    if (!key_part_holds(text, "/") && !key_part_holds(text, "\\"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (key_part_ends(text, suffixes[i]))
            return true;
    }
    return false;
}

const char *key_text_place(struct key_part text)
{
    struct key_part inner = in_brackets(text);
    bool is_whole = inner.at <= text.at + 1; /* an address may have its owner's name before it */

    if (holds_url(text))
        return URL_OF_KEYS;
    if (is_whole && (is_url(inner) || is_host(inner)))
        return URL;
    if (is_address(inner))
        return "it is an address; " KEY_NEEDED;
    if (key_part_starts(text, "credential:"))
        return "it is the name of a credential; it should be the key itself";
    if (is_path(text))
        return "it is a path; it should be what is in the file of that name";
    return NULL;
}
