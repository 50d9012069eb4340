/*
 * What libcurl does by default suits a tool for people: it follows the environment's proxies,
 * .netrc, tidies paths, speaks whatever protocol a URL names. Here each of these is said, so that
 * nothing is left to a default. The options that take a number are a table; those that take
 * something of the client's are set below it.
 *
 * The URL is parsed once, into a CURLU that all handles share; what differs between calls is the
 * request target, which goes out byte for byte (CURLOPT_REQUEST_TARGET).
 */
#include "upstream/handle.h"

#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#define HANDLES_MAGIC 0xea5e0001u

struct handles {
    unsigned magic;
    struct multi *multi;
    CURLU *origin;
    char *prefix; /* see handles_prefix */
    long connect_timeout_ms;
    long max_age_s;
    char *ca_file;
    char *certificate;
    struct secret *key;
    char *proxy;
    CURL **idle;
    size_t idle_count;
    size_t idle_max;
};

static const struct {
    CURLoption option;
    long value;
} fixed[] = {
    /* Removing a handle while its name resolves must not join the resolver's thread. */
    {CURLOPT_QUICK_EXIT, 1},
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_NOPROGRESS, 1},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_PATH_AS_IS, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_HTTP_CONTENT_DECODING, 0},
    {CURLOPT_PIPEWAIT, 0},
    {CURLOPT_TCP_NODELAY, 1},
    {CURLOPT_TCP_KEEPALIVE, 1},
    {CURLOPT_TCP_KEEPIDLE, 30},
    {CURLOPT_TCP_KEEPINTVL, 10},
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_PROXY_SSL_VERIFYPEER, 1},
    {CURLOPT_PROXY_SSL_VERIFYHOST, 2},
    {CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    /* Our headers are for the origin; a proxy that makes a tunnel gets none of them. */
    {CURLOPT_HEADEROPT, CURLHEADER_SEPARATE},
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
};

#define SET(easy, option, value) MUST(curl_easy_setopt(easy, option, value) == CURLE_OK)

static void set_proxy(const struct handles *handles, CURL *easy)
{
    /* Both are said in both cases: NULL would mean the environment's. */
    SET(easy, CURLOPT_PROXY, handles->proxy != NULL ? handles->proxy : "");
    SET(easy, CURLOPT_NOPROXY, handles->proxy != NULL ? "" : "*");
}

static bool system_has_bundle(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    return info->cainfo != NULL && access(info->cainfo, R_OK) == 0;
}

/*
 * With a file alone libcurl keeps the parsed certificates for the next connection; beside a
 * directory it reads the file anew each time, which takes many milliseconds for a system's bundle.
 */
static void set_tls(const struct handles *handles, CURL *easy)
{
    if (handles->ca_file != NULL)
        SET(easy, CURLOPT_CAINFO, handles->ca_file);
    if (handles->ca_file != NULL || system_has_bundle())
        SET(easy, CURLOPT_CAPATH, NULL);
    SET(easy, CURLOPT_CA_CACHE_TIMEOUT, handles->max_age_s);
    if (handles->certificate == NULL)
        return;
    struct curl_blob key = {.data = (void *)(uintptr_t)secret_bytes(handles->key),
                            .len = secret_len(handles->key),
                            .flags = CURL_BLOB_NOCOPY};
    SET(easy, CURLOPT_SSLCERT, handles->certificate);
    SET(easy, CURLOPT_SSLKEY_BLOB, &key);
}

static CURL *handle_make(const struct handles *handles)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        SET(easy, fixed[i].option, fixed[i].value);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_USERAGENT, "postcoded/" POSTCODED_VERSION);
    SET(easy, CURLOPT_CURLU, handles->origin);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, handles->connect_timeout_ms);
    SET(easy, CURLOPT_MAXLIFETIME_CONN, handles->max_age_s);
    SET(easy, CURLOPT_MAXAGE_CONN, handles->max_age_s);
    set_proxy(handles, easy);
    set_tls(handles, easy);
    multi_adopt(handles->multi, easy);
    return easy;
}

CURL *handles_take(struct handles *handles)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    if (handles->idle_count > 0)
        return handles->idle[--handles->idle_count];
    return handle_make(handles);
}

void handles_give_back(struct handles *handles, CURL *easy)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    MUST(handles->idle_count < handles->idle_max);
    /* What the call lent is about to go. */
    SET(easy, CURLOPT_HTTPHEADER, NULL);
    SET(easy, CURLOPT_POSTFIELDS, NULL);
    SET(easy, CURLOPT_ERRORBUFFER, NULL);
    handles->idle[handles->idle_count++] = easy;
}

const char *handles_prefix(const struct handles *handles)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    return handles->prefix;
}

static long in_unit(int64_t duration, int64_t unit)
{
    return duration < unit ? 1 : (long)(duration / unit);
}

static char *copy_or_null(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

static void take_settings(struct handles *handles, const struct client_settings *settings)
{
    bool absolute = settings->proxy != NULL && strncmp(settings->origin, "http:", 5) == 0;

    handles->prefix = mem_strdup(absolute ? settings->origin : "");
    handles->connect_timeout_ms = in_unit(settings->connect_timeout, MILLISECOND);
    handles->max_age_s = in_unit(settings->connection_max_age, SECOND);
    handles->ca_file = copy_or_null(settings->ca_file);
    handles->certificate = copy_or_null(settings->client_certificate);
    /* The counter of references is the one thing about a secret that changes. */
    if (settings->client_key != NULL)
        handles->key = secret_ref((struct secret *)(uintptr_t)settings->client_key);
    handles->proxy = copy_or_null(settings->proxy);
    handles->idle_max = settings->max_connections;
    handles->idle = mem_zalloc(handles->idle_max * sizeof(CURL *));
}

struct handles *handles_new(const struct client_settings *settings, struct multi *multi)
{
    struct handles *handles = mem_zalloc(sizeof(*handles));

    MAGIC_SET(handles, HANDLES_MAGIC);
    handles->multi = multi;
    take_settings(handles, settings);
    handles->origin = curl_url();
    if (handles->origin != NULL &&
        curl_url_set(handles->origin, CURLUPART_URL, settings->origin, 0) == CURLUE_OK)
        return handles;
    handles_free(handles);
    return NULL;
}

void handles_free(struct handles *handles)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    while (handles->idle_count > 0)
        curl_easy_cleanup(handles->idle[--handles->idle_count]);
    mem_free(handles->idle);
    curl_url_cleanup(handles->origin);
    mem_free(handles->prefix);
    mem_free(handles->ca_file);
    mem_free(handles->certificate);
    secret_unref(handles->key);
    mem_free(handles->proxy);
    MAGIC_CLEAR(handles);
    mem_free(handles);
}
