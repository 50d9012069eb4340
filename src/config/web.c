/*
 * Values in the grammars of the web: URLs, header names, paths. URLs are left to libcurl's parser,
 * for libcurl is what will use them: two parsers that read one URL differently are how requests go
 * to the wrong host. It is lenient, so what it gives back is kept, not what was written.
 *
 * A fault quotes a URL only when it can hold no password: without @, ? and #.
 */
#include "config/web.h"

#include <curl/curl.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/address.h"
#include "config/hint.h"

/* A part of a URL; NULL when it has none. curl_free() it. */
static char *part_of(CURLU *url, CURLUPart part)
{
    char *text = NULL;

    return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = part_of(url, part);
    bool has = text != NULL;

    curl_free(text);
    return has;
}

static bool part_is(CURLU *url, CURLUPart part, const char *wanted)
{
    char *text = part_of(url, part);
    bool same = text != NULL && text_equal_ci(text, wanted);

    curl_free(text);
    return same;
}

/* NULL when there is none, or when a byte of it is a control character. curl_free() it. */
static char *user_of(CURLU *url)
{
    char *user = NULL;

    return curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE) == CURLUE_OK ? user : NULL;
}

/* RFC 7617, section 2: what HTTP Basic cannot carry. */
static const char *wrong_user(CURLU *url)
{
    const char *wrong = NULL;

    if (has_part(url, CURLUPART_PASSWORD))
        return "a password in a URL is shown to operators; write http://USER@HOST:PORT, and the "
               "password into the file that proxy_password_file names";
    if (!has_part(url, CURLUPART_USER))
        return NULL;
    char *user = user_of(url);
    if (user == NULL || user[0] == '\0')
        wrong = "the user before the @ is empty or holds a control character; write "
                "http://USER@HOST:PORT";
    else if (strchr(user, ':') != NULL)
        wrong = "the user before the @ holds a colon, which HTTP Basic cannot carry";
    curl_free(user);
    return wrong;
}

/* What is wrong with it; NULL when nothing is. */
static const char *wrong_url(CURLU *url, bool has_user)
{
    if (!part_is(url, CURLUPART_SCHEME, "http") && !part_is(url, CURLUPART_SCHEME, "https"))
        return "the scheme is not known; write http:// or https://";
    if (!has_user && (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)))
        return "a user in a URL is not supported; remove what precedes the @";
    if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        return "a query or fragment has no place here; end the URL before ? and #";
    if (part_is(url, CURLUPART_PORT, "0"))
        return "port 0 cannot be called; write one from 1 to 65535";
    return has_user ? wrong_user(url) : NULL;
}

/* The URL as libcurl reads it, without slashes at its end. */
static char *plain_url(CURLU *url)
{
    char *text = part_of(url, CURLUPART_URL);
    size_t len;

    if (text == NULL)
        mem_exhausted();
    len = strlen(text);
    while (len > 0 && text[len - 1] == '/')
        len--;
    char *plain = mem_strndup(text, len);
    curl_free(text);
    return plain;
}

static CURLU *parse_url(const char *text, CURLUcode *code)
{
    CURLU *url = curl_url();

    if (url == NULL)
        mem_exhausted();
    /* Other schemes are accepted here, to be named in the fault. */
    *code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    return url;
}

/* It can hold no password. */
static bool is_open(const char *text)
{
    return strpbrk(text, "@?#") == NULL;
}

/* `"location.example" is no URL (Bad scheme); write https://location.example`. */
static void no_url(const struct input *in, const char *reason)
{
    bool guess = is_open(in->text) && strstr(in->text, "://") == NULL && in->text[0] != '/' &&
                 !hint_is_quoted(in->text);
    struct buf out;

    buf_init(&out, 4096);
    if (is_open(in->text)) {
        hint_put_value(in->text, &out);
        buf_putc(&out, ' ');
    }
    buf_printf(&out, "is not a URL (%s); write https://%s", reason,
               guess ? in->text : "HOST[:PORT][/PATH]");
    input_wrong(in, "%s", buf_text(&out));
    buf_fini(&out);
}

static void wrong_part(const struct input *in, const char *wrong)
{
    if (is_open(in->text))
        input_wrong(in, "\"%s\": %s", in->text, wrong);
    else
        input_wrong(in, "%s", wrong);
}

static bool parse(const struct input *in, bool has_user, void *field, struct buf *shown)
{
    char **out = field;
    size_t len = strlen(in->text);
    CURLUcode code;

    if ((int64_t)len > in->key->max)
        return input_wrong(in, "is too long with %zu bytes; must be a URL of at most %lld bytes",
                           len, (long long)in->key->max);
    if (!text_is_visible(in->text, len))
        return input_wrong(in, "a URL is ASCII without spaces; percent-encode what is not");
    CURLU *url = parse_url(in->text, &code);
    const char *wrong = code == CURLUE_OK ? wrong_url(url, has_user) : NULL;
    if (code != CURLUE_OK)
        no_url(in, curl_url_strerror(code));
    else if (wrong != NULL)
        wrong_part(in, wrong);
    else
        *out = plain_url(url);
    curl_url_cleanup(url);
    if (*out == NULL)
        return false;
    buf_puts(shown, *out);
    return true;
}

bool web_parse_url(const struct input *in, void *field, struct buf *shown)
{
    return parse(in, false, field, shown);
}

bool web_parse_proxy(const struct input *in, void *field, struct buf *shown)
{
    return parse(in, true, field, shown);
}

static CURLU *parse_good(const char *text)
{
    CURLUcode code;
    CURLU *url = parse_url(text, &code);

    MUST(code == CURLUE_OK);
    return url;
}

char *web_url_user(const char *text)
{
    CURLU *url = parse_good(text);
    char *user = user_of(url);
    char *copy = user != NULL ? mem_strdup(user) : NULL;

    curl_free(user);
    curl_url_cleanup(url);
    return copy;
}

char *web_url_without_user(const char *text)
{
    CURLU *url = parse_good(text);

    MEM_MUST(curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK);
    char *plain = plain_url(url);
    curl_url_cleanup(url);
    return plain;
}

bool web_url_is_plaintext(const char *url)
{
    return text_starts_ci(url, "http://");
}

bool web_url_is_loopback(const char *text)
{
    CURLUcode code;
    CURLU *url = parse_url(text, &code);
    char *host = part_of(url, CURLUPART_HOST);

    MUST(code == CURLUE_OK && host != NULL);
    /* libcurl leaves the brackets on. */
    size_t len = strlen(host);
    bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
    char *bare = brackets ? mem_strndup(host + 1, len - 2) : mem_strdup(host);
    bool loopback = address_host_is_loopback(bare);
    mem_free(bare);
    curl_free(host);
    curl_url_cleanup(url);
    return loopback;
}

bool web_parse_header(const struct input *in, void *field, struct buf *shown)
{
    char **out = field;
    size_t len = strlen(in->text);

    if ((int64_t)len > in->key->max || !text_is_token(in->text, len))
        return input_not_allowed(in);
    if (input_find_word(CONFIG_FORBIDDEN_HEADERS, in->text) != NULL)
        return input_wrong(in, "%s is reserved; name another header, X-... for one", in->text);
    *out = mem_strdup(in->text);
    buf_puts(shown, in->text);
    return true;
}

/* pchar or slash (RFC 3986, section 3.3); `text` ends with a NUL, so looking ahead is safe. */
static bool is_path_char(const char *text)
{
    if (*text == '%')
        return text_is(text[1], TEXT_HEX) && text_is(text[2], TEXT_HEX);
    return text_is(*text, TEXT_PATH);
}

/* A segment . or .., which an HTTP library would take out. */
static bool has_dots(const char *path)
{
    for (const char *p = path; (p = strchr(p, '/')) != NULL; p++) {
        size_t len = strcspn(p + 1, "/");
        if ((len == 1 && p[1] == '.') || (len == 2 && p[1] == '.' && p[2] == '.'))
            return true;
    }
    return false;
}

bool web_parse_path(const struct input *in, void *field, struct buf *shown)
{
    char **out = field;
    const char *text = in->text;

    if ((int64_t)strlen(text) > in->key->max || *text != '/')
        return input_not_allowed(in);
    for (const char *p = text; *p != '\0'; p++) {
        if (!is_path_char(p))
            return input_wrong(in,
                               "\"%s\" holds a character that a path cannot hold, behind \"%.*s\"; "
                               "percent-encode it, a space as %%20",
                               text, (int)(p - text), text);
    }
    if (has_dots(text))
        return input_wrong(in,
                           "\"%s\" has a segment . or .., which would be taken out; write the path "
                           "without it",
                           text);
    *out = mem_strdup(text);
    buf_puts(shown, text);
    return true;
}
