/*
 * libcurl tells what it noticed, Proxy-Status (RFC 9209) wants to be told what it means; the two
 * cut the world differently. A table takes the codes that mean one thing; the functions look
 * further where libcurl has one code for several (CURLE_COULDNT_CONNECT, timeouts, a CONNECT that
 * a proxy refused, and a broken chunk, which it reports as a receive error and tells apart only by
 * its text).
 *
 * What remains is our own fault or libcurl's: CLIENT_INTERNAL.
 */
#include "upstream/errors.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static const struct {
    const char *proxy_status;
    const char *phrase;
} errors[] = {
#define ERROR_ROW(id, proxy_status, phrase) [id] = {proxy_status, phrase},
    CLIENT_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

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
    /* The only memory whose size an upstream chooses in libcurl is that of one header line. */
    {CURLE_OUT_OF_MEMORY, CLIENT_HEAD_TOO_LARGE},
};

const char *client_error_proxy_status(enum client_error error)
{
    MUST((size_t)error < ARRAY_LEN(errors));
    return errors[error].proxy_status;
}

const char *client_error_phrase(enum client_error error)
{
    MUST((size_t)error < ARRAY_LEN(errors));
    return errors[error].phrase;
}

static enum client_error no_connection(CURL *easy)
{
    long number = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    switch (number) {
    case ECONNREFUSED:
        return CLIENT_REFUSED;
    case ETIMEDOUT:
        return CLIENT_CONNECT_TIMEOUT;
    case 0: /* no socket was to be had */
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

/* The only time that libcurl keeps is that of connecting; the name belongs to it. */
static enum client_error out_of_time(CURL *easy)
{
    curl_off_t resolved = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
    return resolved > 0 ? CLIENT_CONNECT_TIMEOUT : CLIENT_DNS;
}

static enum client_error lost(CURL *easy, const char *text)
{
    long connect_status = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (connect_status >= 300)
        return CLIENT_UNREACHABLE;
    return strstr(text, "chunk") != NULL ? CLIENT_PROTOCOL : CLIENT_CLOSED;
}

enum client_error error_from_curl(CURL *easy, CURLcode code, const char *text)
{
    if (code == CURLE_COULDNT_CONNECT)
        return no_connection(easy);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return out_of_time(easy);
    if (code == CURLE_RECV_ERROR)
        return lost(easy, text);
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (meanings[i].code == code)
            return meanings[i].error;
    return CLIENT_INTERNAL;
}

bool error_worth_retry(enum client_error error)
{
    switch (error) {
    case CLIENT_REFUSED:
    case CLIENT_CONNECT_TIMEOUT:
    case CLIENT_UNREACHABLE:
    case CLIENT_TLS:
    case CLIENT_CLOSED:
        return true;
    default:
        return false;
    }
}
