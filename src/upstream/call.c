/*
 * The functions that belong to the types of call.h: the texts of an error, the settings that a
 * configuration implies, the two parts of a configured URL, the owner of a response's body and its
 * coding.
 */
#include "upstream/call.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"

static const struct {
    const char *proxy_status;
    const char *phrase;
} errors[] = {
#define ERROR_ROW(id, proxy_status, phrase) [id] = {proxy_status, phrase},
    CLIENT_ERRORS(ERROR_ROW)
#undef ERROR_ROW
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

struct client_settings client_settings_from(const struct config_upstream *upstream)
{
    return (struct client_settings){
        .upstream = upstream->index,
        .connect_timeout = upstream->connect_timeout,
        .connection_max_age = upstream->connection_max_age,
        .retries = (unsigned)upstream->retries,
        .ca_file = upstream->ca_file,
        .client_certificate = upstream->client_certificate,
        .client_key = upstream->client_key.bytes,
        .client_key_password = upstream->client_key_password_file.bytes,
        .proxy = upstream->proxy,
        .proxy_password = upstream->proxy_password_file.bytes,
    };
}

void client_settings_digest(EVP_MD_CTX *digest, const struct client_settings *settings)
{
    digest_add_text(digest, settings->origin);
    digest_add_number(digest, settings->connect_timeout);
    digest_add_number(digest, settings->connection_max_age);
    digest_add_number(digest, (int64_t)settings->max_connections);
    digest_add_number(digest, (int64_t)settings->max_queue);
    digest_add_number(digest, settings->retries);
    digest_add_file(digest, settings->ca_file);
    digest_add_file(digest, settings->client_certificate);
    digest_add_secret(digest, settings->client_key);
    digest_add_secret(digest, settings->client_key_password);
    digest_add_text(digest, settings->proxy);
    digest_add_secret(digest, settings->proxy_password);
}

/* The configuration has checked the URL with libcurl's parser: here it is only cut in two. */
const char *origin_prefix(const char *url)
{
    const char *host = strstr(url, "://");

    MUST(host != NULL);
    host += strlen("://");
    return host + strcspn(host, "/");
}

char *origin_of(const char *url)
{
    return mem_strndup(url, (size_t)(origin_prefix(url) - url));
}

char *upstream_response_take_body(struct upstream_response *response)
{
    char *body = response->body;

    response->body = NULL;
    return body;
}

const char *upstream_response_coding(const struct upstream_response *response)
{
    static const char *const known[] = {"gzip", "x-gzip", "deflate", "br", "zstd", "compress"};
    const char *given = response->headers[CLIENT_CONTENT_ENCODING];

    if (given == NULL || text_equal_ci(given, "identity"))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (text_equal_ci(known[i], given))
            return known[i];
    }
    return "unknown coding";
}
