/*
 * Once a process: libcurl copies tokens. Each POST is put together in a buffer of its own, and what
 * arrives passes through another. Both are freed without being overwritten, so libcurl gets an
 * allocator that does it. What it frees in a call is some kilobytes; that is the cost.
 *
 * For each client: libcurl's defaults suit an interactive tool. It follows the environment's
 * proxies and .netrc, tidies paths, and speaks whatever protocol a URL names. Here each of these is
 * set, so that nothing is left to a default. The options that take a number are a table; those that
 * take something of the client's are set below it. The URL is parsed once, into a CURLU that all
 * handles share; what differs between calls is the request target, which goes out byte for byte
 * (CURLOPT_REQUEST_TARGET).
 */
#include "upstream/handle.h"

#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "upstream/proxy.h"
#include "upstream/trust.h"

#define HANDLES_MAGIC 0xea5e0001u
/* Some kilobytes each; needed while a connection is being opened, and by one with TLS. */
#define IDLE_MAX 16
/* Seconds before the first probe of keep-alive, and between two, where there is much time. */
#define KEEP_IDLE INT64_C(30)
#define KEEP_NEXT INT64_C(10)

/*
 * An answer in doubt is asked for again this many times in AFRESH_PERIOD, and used meanwhile: where
 * the address stays and refuses, each lookup would else wait for the resolver. More than once, for
 * the first answer may be good, and its address fail soon after.
 */
#define AFRESH 2
#define AFRESH_PERIOD SECOND

/* ---- once a process ---- */

static void *realloc_wiped(void *old, size_t size)
{
    void *p = malloc(size > 0 ? size : 1);

    if (p == NULL || old == NULL)
        return p;
    size_t held = malloc_usable_size(old);
    memcpy(p, old, held < size ? held : size);
    wipe_free_block(old);
    return p;
}

enum err handle_global_start(void)
{
    const int needed = CURL_VERSION_ASYNCHDNS | CURL_VERSION_SSL;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free_block, realloc_wiped, strdup,
                             calloc) != CURLE_OK)
        return ERR_SYSTEM;
    if ((curl_version_info(CURLVERSION_NOW)->features & needed) != needed) {
        curl_global_cleanup();
        return ERR_SYSTEM;
    }
    /* With CURLOPT_NOSIGNAL libcurl leaves this to us. */
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR ? ERR_OK : ERR_SYSTEM;
}

void handle_global_stop(void)
{
    curl_global_cleanup();
}

/* ---- the handles of a client ---- */

struct handles {
    unsigned magic;
    CURLU *origin;
    CURLSH *share; /* resolved names, and TLS sessions */
    struct doubt *doubt;
    struct mono_time asked;          /* since when no answer of the resolver is older */
    struct mono_time afresh[AFRESH]; /* when that was because of a doubt, oldest first */
    long answer_age_s;
    int64_t connect_timeout;
    int64_t quiet;   /* ns; what the times of keep-alive are made of */
    bool raw;        /* no HTTP */
    char *unix_path; /* NULL: the origin's address */
    char *ca_file;
    struct trust *trust; /* NULL: with a proxy that has TLS of its own */
    char *certificate;
    struct secret *key;
    struct secret *key_password;     /* NULL: the key is not encrypted */
    char *proxy;                     /* without its user; "": none */
    char *proxy_authorization;       /* a header line; NULL: none */
    struct curl_slist proxy_headers; /* that line, which libcurl does not copy */
    CURL *idle[IDLE_MAX];
    size_t idle_count;
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

static long in_milliseconds(int64_t duration)
{
    return duration < MILLISECOND ? 1 : (long)(duration / MILLISECOND);
}

/*
 * How a path is found dead. Linux ends a connection when what was sent is without an
 * acknowledgement for TCP_USER_TIMEOUT, and an idle one at the first probe of keep-alive that is
 * due so long after the last sign of life, if one before it was not answered. So one lost probe
 * must not be enough: the time has room for two, and ends with a third. All of it is in whole
 * seconds, for so is keep-alive.
 */
struct path {
    int64_t idle, next; /* seconds, of keep-alive */
    int64_t user_timeout;
};

static int64_t within(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

static struct path path_of(const struct handles *handles)
{
    /* What a socket option can hold. */
    int64_t limit = within((handles->quiet + SECOND - 1) / SECOND, 1, HOUR / SECOND);
    struct path path = {.idle = within(limit / 2, 1, KEEP_IDLE),
                        .next = within(limit / 10, 1, KEEP_NEXT)};

    path.user_timeout = limit + path.next;
    if (path.user_timeout < path.idle + 2 * path.next)
        path.user_timeout = path.idle + 2 * path.next;
    return path;
}

static void set_proxy(struct handles *handles, CURL *easy)
{
    /* Both are always set: NULL would mean the environment's. */
    HANDLE_SET(easy, CURLOPT_PROXY, handles->proxy);
    HANDLE_SET(easy, CURLOPT_NOPROXY, handles->proxy[0] != '\0' ? "" : "*");
    if (handles->proxy_authorization != NULL)
        HANDLE_SET(easy, CURLOPT_PROXYHEADER, &handles->proxy_headers);
}

/*
 * The context function is called for a proxy's TLS too, which has authorities of its own: with such
 * a proxy libcurl reads the files by itself, for each connection.
 */
static void set_trust(const struct handles *handles, CURL *easy)
{
    if (handles->trust == NULL) {
        if (handles->ca_file != NULL)
            HANDLE_SET(easy, CURLOPT_CAINFO, handles->ca_file);
        return;
    }
    HANDLE_SET(easy, CURLOPT_CAINFO, NULL);
    HANDLE_SET(easy, CURLOPT_CAPATH, NULL);
    HANDLE_SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    HANDLE_SET(easy, CURLOPT_SSL_CTX_FUNCTION, trust_lend);
    HANDLE_SET(easy, CURLOPT_SSL_CTX_DATA, handles->trust);
}

static void set_certificate(const struct handles *handles, CURL *easy)
{
    if (handles->certificate == NULL)
        return;
    struct curl_blob key = {.data = (void *)(uintptr_t)secret_bytes(handles->key),
                            .len = secret_len(handles->key),
                            .flags = CURL_BLOB_NOCOPY};
    HANDLE_SET(easy, CURLOPT_SSLCERT, handles->certificate);
    HANDLE_SET(easy, CURLOPT_SSLKEY_BLOB, &key);
    if (handles->key_password != NULL)
        HANDLE_SET(easy, CURLOPT_KEYPASSWD, secret_text(handles->key_password));
}

static int bound_path(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    MAGIC_CAST(struct handles, handles, arg, HANDLES_MAGIC);
    unsigned limit = (unsigned)(path_of(handles).user_timeout * SECOND / MILLISECOND);

    (void)purpose;
    /* A kernel that does not know it has its own limits. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof(limit));
    return CURL_SOCKOPT_OK;
}

static void set_path(struct handles *handles, CURL *easy)
{
    struct path path = path_of(handles);

    HANDLE_SET(easy, CURLOPT_TCP_KEEPIDLE, (long)path.idle);
    HANDLE_SET(easy, CURLOPT_TCP_KEEPINTVL, (long)path.next);
    HANDLE_SET(easy, CURLOPT_SOCKOPTFUNCTION, bound_path);
    HANDLE_SET(easy, CURLOPT_SOCKOPTDATA, handles);
}

static void set_raw(const struct handles *handles, CURL *easy)
{
    if (!handles->raw)
        return;
    HANDLE_SET(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    if (handles->unix_path != NULL)
        HANDLE_SET(easy, CURLOPT_UNIX_SOCKET_PATH, handles->unix_path);
}

static CURL *handle_make(struct handles *handles)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        HANDLE_SET(easy, fixed[i].option, fixed[i].value);
    HANDLE_SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    HANDLE_SET(easy, CURLOPT_USERAGENT, "postcoded/" POSTCODED_VERSION);
    /* Without it a server may compress (RFC 9110, section 12.5.3); nothing is decoded here. */
    HANDLE_SET(easy, CURLOPT_ACCEPT_ENCODING, "identity");
    HANDLE_SET(easy, CURLOPT_CURLU, handles->origin);
    HANDLE_SET(easy, CURLOPT_SHARE, handles->share);
    set_path(handles, easy);
    set_proxy(handles, easy);
    set_trust(handles, easy);
    set_certificate(handles, easy);
    set_raw(handles, easy);
    return easy;
}

/* It may be asked at once, and AFRESH times. */
static void forget_afresh(struct handles *handles)
{
    for (size_t i = 0; i < AFRESH; i++)
        handles->afresh[i] = mono_add(mono_now(), -AFRESH_PERIOD);
}

/* 0 disables libcurl's cache for this handle: what is in it is neither used nor kept. */
static long answer_age(struct handles *handles)
{
    struct mono_time now = mono_now();

    if (!doubt_is_address(handles->doubt, handles->asked) ||
        mono_diff(now, handles->afresh[0]) < AFRESH_PERIOD)
        return handles->answer_age_s;
    handles->asked = now;
    memmove(handles->afresh, handles->afresh + 1, sizeof(handles->afresh[0]) * (AFRESH - 1));
    handles->afresh[AFRESH - 1] = now;
    return 0;
}

CURL *handles_take(struct handles *handles)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    CURL *easy =
        handles->idle_count > 0 ? handles->idle[--handles->idle_count] : handle_make(handles);

    if (easy == NULL)
        return NULL;
    HANDLE_SET(easy, CURLOPT_DNS_CACHE_TIMEOUT, answer_age(handles));
    HANDLE_SET(easy, CURLOPT_CONNECTTIMEOUT_MS, in_milliseconds(handles->connect_timeout));
    return easy;
}

void handles_resume(struct handles *handles, CURL *easy, int64_t waited)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    HANDLE_SET(easy, CURLOPT_DNS_CACHE_TIMEOUT,
               handles->answer_age_s > 0 ? handles->answer_age_s : 1L);
    HANDLE_SET(easy, CURLOPT_CONNECTTIMEOUT_MS, in_milliseconds(handles->connect_timeout - waited));
}

int64_t handles_connect_timeout(const struct handles *handles)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    return handles->connect_timeout;
}

void handles_doubt_address(struct handles *handles, struct mono_time since)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    doubt_addresses(handles->doubt, since);
}

void handles_doubt_no_answer(struct handles *handles, struct mono_time since)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    forget_afresh(handles);
    doubt_addresses(handles->doubt, since);
}

void handles_discard(struct handles *handles, CURL *easy)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    curl_easy_cleanup(easy);
}

void handles_give_back(struct handles *handles, CURL *easy)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    /* A proxy may have answered a CONNECT with a header section. */
    if (handles->idle_count == IDLE_MAX || handles->proxy[0] != '\0') {
        handles_discard(handles, easy);
        return;
    }
    /* What the call lent is about to be freed. */
    HANDLE_SET(easy, CURLOPT_HTTPHEADER, NULL);
    HANDLE_SET(easy, CURLOPT_POSTFIELDS, NULL);
    HANDLE_SET(easy, CURLOPT_REQUEST_TARGET, NULL); /* of a GET: it may hold a secret */
    HANDLE_SET(easy, CURLOPT_ERRORBUFFER, NULL);
    HANDLE_SET(easy, CURLOPT_HEADERFUNCTION, NULL);
    HANDLE_SET(easy, CURLOPT_HEADERDATA, NULL);
    HANDLE_SET(easy, CURLOPT_PREREQFUNCTION, NULL);
    HANDLE_SET(easy, CURLOPT_PREREQDATA, NULL);
    handles->idle[handles->idle_count++] = easy;
}

/*
 * A tenth of a connection's age: then connections grow old at different times, though each of them
 * ends when its answer is as old as a connection may be. libcurl counts in whole seconds.
 */
int64_t handle_answer_age(int64_t connection_max_age)
{
    int64_t tenth = connection_max_age / 10 / SECOND * SECOND;

    if (tenth == 0 && connection_max_age >= 2 * SECOND)
        return SECOND;
    return tenth;
}

static char *copy_or_null(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

/* Only the reference count of a secret changes. */
static struct secret *ref_or_null(const struct secret *secret)
{
    return secret != NULL ? secret_ref((struct secret *)(uintptr_t)secret) : NULL;
}

static void take_settings(struct handles *handles, const struct client_settings *settings)
{
    handles->connect_timeout = settings->connect_timeout;
    handles->quiet = settings->connect_timeout;
    handles->answer_age_s = (long)(handle_answer_age(settings->connection_max_age) / SECOND);
    handles->ca_file = copy_or_null(settings->ca_file);
    if (settings->proxy == NULL || strncmp(settings->proxy, "https:", 6) != 0)
        handles->trust = trust_new(settings->ca_file, settings->connection_max_age);
    handles->certificate = copy_or_null(settings->client_certificate);
    handles->key = ref_or_null(settings->client_key);
    handles->key_password = ref_or_null(settings->client_key_password);
    handles->proxy = proxy_url(settings);
    handles->proxy_authorization = proxy_authorization(settings);
    handles->proxy_headers.data = handles->proxy_authorization;
}

/* For one thread, so it needs no locks. */
static CURLSH *share_new(void)
{
    CURLSH *share = curl_share_init();

    if (share == NULL)
        return NULL;
    MUST(curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK);
    MUST(curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK);
    return share;
}

struct handles *handles_new(const struct client_settings *settings, struct doubt *doubt)
{
    struct handles *handles = mem_zalloc(sizeof(*handles));

    MAGIC_SET(handles, HANDLES_MAGIC);
    take_settings(handles, settings);
    handles->doubt = doubt;
    handles->asked = mono_now();
    forget_afresh(handles);
    handles->origin = curl_url();
    handles->share = share_new();
    if (handles->origin != NULL && handles->share != NULL &&
        curl_url_set(handles->origin, CURLUPART_URL, settings->origin, 0) == CURLUE_OK)
        return handles;
    handles_free(handles);
    return NULL;
}

void handles_set_raw(struct handles *handles, const char *unix_path, int64_t quiet)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    handles->raw = true;
    handles->unix_path = copy_or_null(unix_path);
    handles->quiet = quiet;
}

void handles_free(struct handles *handles)
{
    MAGIC_OK(handles, HANDLES_MAGIC);
    while (handles->idle_count > 0)
        curl_easy_cleanup(handles->idle[--handles->idle_count]);
    curl_share_cleanup(handles->share);
    curl_url_cleanup(handles->origin);
    mem_free(handles->unix_path);
    mem_free(handles->ca_file);
    trust_free(handles->trust);
    mem_free(handles->certificate);
    secret_unref(handles->key);
    secret_unref(handles->key_password);
    mem_free(handles->proxy);
    wipe_free_text(handles->proxy_authorization);
    MAGIC_CLEAR(handles);
    mem_free(handles);
}
