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

static bool takes_query(const struct input *in)
{
    return strcmp(in->key->choices, "query") == 0;
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
static const char *wrong_url(CURLU *url, bool query, bool has_user)
{
    if (!part_is(url, CURLUPART_SCHEME, "http") && !part_is(url, CURLUPART_SCHEME, "https"))
        return "the scheme is not known; write http:// or https://";
    if (!has_user && (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)))
        return "a user in a URL is not supported; remove what precedes the @";
    if (query && has_part(url, CURLUPART_FRAGMENT))
        return "a fragment has no place here; end the URL before #";
    if (!query && (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT)))
        return "a query or fragment has no place here; end the URL before ? and #";
    if (part_is(url, CURLUPART_PORT, "0"))
        return "port 0 cannot be called; write one from 1 to 65535";
    return has_user ? wrong_user(url) : NULL;
}

static size_t len_without_slashes(const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && text[len - 1] == '/')
        len--;
    return len;
}

/*
 * The URL as libcurl reads it. One that a path is appended to has no slash at its end; an endpoint
 * is used as it was written, but for the slash that libcurl adds where there is no path.
 */
static char *plain_url(CURLU *url, bool endpoint)
{
    char *text = part_of(url, CURLUPART_URL);

    if (text == NULL)
        mem_exhausted();
    bool whole = endpoint && (!part_is(url, CURLUPART_PATH, "/") || has_part(url, CURLUPART_QUERY));
    char *plain = mem_strndup(text, whole ? strlen(text) : len_without_slashes(text));
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
    const char *wrong = code == CURLUE_OK ? wrong_url(url, takes_query(in), has_user) : NULL;
    if (code != CURLUE_OK)
        no_url(in, curl_url_strerror(code));
    else if (wrong != NULL)
        wrong_part(in, wrong);
    else
        *out = plain_url(url, takes_query(in));
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
    char *plain = plain_url(url, false);
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

bool web_is_free_header(const struct input *in, const char *name)
{
    if (input_find_word(CONFIG_FORBIDDEN_HEADERS, name) == NULL)
        return true;
    return input_wrong(in, "%s is reserved; name another header, X-... for one", name);
}

bool web_parse_header(const struct input *in, void *field, struct buf *shown)
{
    char **out = field;
    size_t len = strlen(in->text);

    if ((int64_t)len > in->key->max || !text_is_token(in->text, len))
        return input_not_allowed(in);
    if (!web_is_free_header(in, in->text))
        return false;
    *out = mem_strdup(in->text);
    buf_puts(shown, in->text);
    return true;
}

/*
 * One character of the class, or a triplet (RFC 3986, section 2.1); `text` ends with a NUL, so
 * looking ahead is safe.
 */
static bool is_char_of(const char *text, uint32_t classes)
{
    if (*text == '%')
        return text_is(text[1], TEXT_HEX) && text_is(text[2], TEXT_HEX);
    return text_is(*text, classes);
}

/* A segment . or .. in the path, which an HTTP library would take out. */
static bool has_dots(const char *path)
{
    const char *end = path + strcspn(path, "?");

    for (const char *p = path; p < end; p++) {
        size_t len = strcspn(p + 1, "/?");
        if (*p == '/' && ((len == 1 && p[1] == '.') || (len == 2 && p[1] == '.' && p[2] == '.')))
            return true;
    }
    return false;
}

/* The place of the postcode counts as a character of either part. */
static const char *skip_char(const char *text, uint32_t classes, bool postcode)
{
    if (postcode && text_starts_ci(text, CONFIG_POSTCODE))
        return text + strlen(CONFIG_POSTCODE);
    return is_char_of(text, classes) ? text + 1 : NULL;
}

/* At `at` of the text, in a part that has these characters. */
static bool wrong_char(const struct input *in, const char *at, uint32_t classes, bool postcode)
{
    const char *text = in->text;
    const int before = (int)(at - text);

    if (postcode && (*at == '{' || *at == '}'))
        return input_wrong(in,
                           "\"%s\" holds a brace that is no part of " CONFIG_POSTCODE
                           ", behind \"%.*s\"; percent-encode it, as %%7B or %%7D",
                           text, before, text);
    if (in->key == &config_keys[KEY_upstream_lookup_path] && text_starts_ci(at, CONFIG_POSTCODE))
        return input_wrong(in,
                           "\"%s\" holds " CONFIG_POSTCODE
                           ", which lookup_target takes; write lookup_target = %s",
                           text, text);
    if (in->key == &config_keys[KEY_upstream_lookup_path] && *at == '?')
        return input_wrong(in,
                           "\"%s\" has a query, which lookup_target takes; write lookup_target = "
                           "%s" CONFIG_POSTCODE,
                           text, text);
    if (in->key == &config_keys[KEY_route_prefix] && *at == '?')
        return input_wrong(in, "\"%s\" has a query, which no prefix has; end it before the ?",
                           text);
    return input_wrong(in,
                       "\"%s\" holds a character that a %s cannot hold, behind \"%.*s\"; "
                       "percent-encode it, a space as %%20",
                       text, classes == TEXT_PATH ? "path" : "query", before, text);
}

/*
 * A path (RFC 3986, section 3.3), with `query` also what may follow it (section 3.4), with
 * `postcode` with CONFIG_POSTCODE anywhere. False with a fault made.
 */
static bool is_target(const struct input *in, bool query, bool postcode)
{
    const char *text = in->text;
    uint32_t classes = TEXT_PATH;

    if (*text != '/')
        return input_not_allowed(in);
    if ((int64_t)strlen(text) > in->key->max)
        return input_wrong(in, "is too long with %zu bytes; at most %lld are allowed", strlen(text),
                           (long long)in->key->max);
    for (const char *p = text, *next; *p != '\0'; p = next) {
        bool begins_query = query && *p == '?' && classes == TEXT_PATH;
        if (begins_query)
            classes = TEXT_QUERY;
        next = begins_query ? p + 1 : skip_char(p, classes, postcode);
        if (next == NULL)
            return wrong_char(in, p, classes, postcode);
    }
    if (!has_dots(text))
        return true;
    return input_wrong(in,
                       "\"%s\" has a segment . or .., which would be taken out; write the path "
                       "without it",
                       text);
}

/* What a postcode follows. */
static bool is_prefix(const struct input *in)
{
    if (in->text[strlen(in->text) - 1] == '/')
        return true;
    return input_wrong(in, "\"%s\" ends without a slash; write %s/", in->text, in->text);
}

bool web_parse_path(const struct input *in, void *field, struct buf *shown)
{
    char **out = field;

    if (!is_target(in, takes_query(in), false))
        return false;
    if (strcmp(in->key->choices, "prefix") == 0 && !is_prefix(in))
        return false;
    *out = mem_strdup(in->text);
    buf_puts(shown, in->text);
    return true;
}

bool web_parse_target(const struct input *in, void *field, struct buf *shown)
{
    struct config_target *out = field;
    const char *postcode = strcasestr(in->text, CONFIG_POSTCODE);

    if (!is_target(in, true, true))
        return false;
    if (postcode == NULL)
        return input_wrong(
            in, "the postcode has no place in \"%s\"; write " CONFIG_POSTCODE " where it belongs",
            in->text);
    if (strcasestr(postcode + 1, CONFIG_POSTCODE) != NULL)
        return input_wrong(in, CONFIG_POSTCODE " stands twice in \"%s\"; write it once", in->text);
    *out = (struct config_target){
        .text = mem_strdup(in->text),
        .before = mem_strndup(in->text, (size_t)(postcode - in->text)),
        .has_query = strchr(in->text, '?') != NULL,
    };
    out->behind = out->text + (postcode - in->text) + strlen(CONFIG_POSTCODE);
    buf_puts(shown, in->text);
    return true;
}
