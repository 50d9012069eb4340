/*
 * What a failure of libcurl's means. libcurl says what it noticed, Proxy-Status (RFC 9209) wants to
 * know what it means, and the two are divided differently. A table has the codes that mean one
 * thing; functions look further where libcurl has one code for several (CURLE_COULDNT_CONNECT,
 * timeouts, a CONNECT that a proxy rejected, and a broken chunk, which it reports as a receive
 * error and distinguishes only by its text). What remains is our own fault or libcurl's:
 * CLIENT_INTERNAL.
 */
#include "upstream/handle.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static const struct {
    CURLcode code;
    enum client_error error;
} meanings[] = {
    {CURLE_OK, CLIENT_OK},
    {CURLE_COULDNT_RESOLVE_HOST, CLIENT_DNS},
    {CURLE_COULDNT_RESOLVE_PROXY, CLIENT_DNS},
    {CURLE_PROXY, CLIENT_UNREACHABLE},
    {CURLE_SSL_CONNECT_ERROR, CLIENT_TLS},
    {CURLE_SSL_CIPHER, CLIENT_TLS},
    {CURLE_USE_SSL_FAILED, CLIENT_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, CLIENT_CERTIFICATE},
    {CURLE_SSL_ISSUER_ERROR, CLIENT_CERTIFICATE},
    {CURLE_GOT_NOTHING, CLIENT_CLOSED},
    {CURLE_SEND_ERROR, CLIENT_CLOSED},
    {CURLE_RECV_ERROR, CLIENT_CLOSED},
    {CURLE_PARTIAL_FILE, CLIENT_CLOSED},
    {CURLE_WEIRD_SERVER_REPLY, CLIENT_PROTOCOL},
    {CURLE_UNSUPPORTED_PROTOCOL, CLIENT_PROTOCOL},
    {CURLE_BAD_CONTENT_ENCODING, CLIENT_PROTOCOL},
    {CURLE_HTTP2, CLIENT_PROTOCOL},
    {CURLE_BAD_FUNCTION_ARGUMENT, CLIENT_PROTOCOL}, /* the first field is a folded line */
    /* The only memory whose size an upstream chooses in libcurl is that of one header line. */
    {CURLE_OUT_OF_MEMORY, CLIENT_HEADERS_TOO_LARGE},
};

int handle_errno(CURL *easy)
{
    long number = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    return (int)number;
}

static enum client_error no_connection(CURL *easy)
{
    switch (handle_errno(easy)) {
    case ECONNREFUSED:
        return CLIENT_REFUSED;
    case ETIMEDOUT:
        return CLIENT_CONNECT_TIMEOUT;
    case 0: /* no socket could be opened */
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL: /* no local port was left */
        return CLIENT_INTERNAL;
    default:
        return CLIENT_UNREACHABLE;
    }
}

/* The only timeout that libcurl keeps is that of connecting, with name resolution in it. */
static enum client_error timed_out(CURL *easy)
{
    curl_off_t resolved = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
    return resolved > 0 ? CLIENT_CONNECT_TIMEOUT : CLIENT_DNS;
}

static enum client_error failed_to_read(CURL *easy, const char *text)
{
    long connect_status = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (connect_status == 407)
        return CLIENT_PROXY_AUTH;
    if (connect_status >= 300)
        return CLIENT_UNREACHABLE;
    return strstr(text, "chunk") != NULL ? CLIENT_PROTOCOL : CLIENT_CLOSED;
}

enum client_error handle_error(CURL *easy, CURLcode code, const char *text)
{
    if (code == CURLE_COULDNT_CONNECT)
        return no_connection(easy);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return timed_out(easy);
    if (code == CURLE_RECV_ERROR)
        return failed_to_read(easy, text);
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (meanings[i].code == code)
            return meanings[i].error;
    return CLIENT_INTERNAL;
}
