/*
 * Responses are made here and nowhere else, so that what every response owes its caller (the GUID,
 * the closing of a connection, the form of a problem) is written once.
 */
#include "exchange/response.h"

#include <gnutls/gnutls.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"

/* No response: out of memory. */
static struct MHD_Response *response_new(char *body, size_t len)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        len, body, body == NULL ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    MEM_MUST(response != NULL);
    return response;
}

void response_content_release(const struct response_content *content)
{
    if (content->release != NULL)
        content->release(content->owner);
}

/* libmicrohttpd 0.9 does not say that it leaves the bytes as they are. */
static struct MHD_Response *response_new_content(const struct response_content *content)
{
    if (content->release == NULL)
        return response_new(NULL, 0);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        content->len, (void *)(uintptr_t)content->data, content->release, content->owner);
    MEM_MUST(response != NULL);
    return response;
}

static ssize_t nothing(void *arg, uint64_t pos, char *out, size_t max)
{
    (void)arg;
    (void)pos;
    (void)out;
    (void)max;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/*
 * A 304 has no body, and must not give the length of one unless it is that of the 200 (RFC 9110,
 * section 8.6), which is not known of an upstream's 304. libmicrohttpd leaves it out only where it
 * knows none either; it then writes the end of a chunked body behind the header section, where the
 * next response should begin, unless it may close the connection. So that is the price.
 */
static struct MHD_Response *response_new_unmodified(void)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, nothing, NULL, NULL);
    MEM_MUST(response != NULL);
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

/* A value libmicrohttpd will not send (a tab, say) is left out: none of ours has one. */
static void add(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL)
        MHD_add_response_header(response, name, value);
}

static void add_all(const struct request *request, struct MHD_Response *response,
                    const struct response_header *headers)
{
    size_t left = RESPONSE_VALUES_MAX;
    for (; headers != NULL && headers->name != NULL; headers++) {
        size_t len = headers->value == NULL ? 0 : strlen(headers->value);
        if (len <= left)
            add(response, headers->name, headers->value);
        else
            log_notice(request_guid(request), "%s is too long to be passed on: %zu bytes",
                       headers->name, len);
        left -= len <= left ? len : 0;
    }
}

static void add_cache(const struct request *request, struct MHD_Response *response)
{
    char age[24];

    if (request->age >= 0) {
        snprintf(age, sizeof(age), "%lld", (long long)(request->age / SECOND));
        add(response, "Age", age);
    }
    if (request->cache_status[0] != '\0')
        add(response, "Cache-Status", request->cache_status);
}

static void settle(struct request *request, enum problem_id ending, int status,
                   struct MHD_Response *response, size_t len)
{
    if (!request_is_settled(request)) {
        add_cache(request, response);
        if (request_guid(request)[0] != '\0')
            add(response, request->config->tracker_header, request_guid(request));
        request->body_len = len;
    }
    request_settle(request, ending, status, response);
}

static char *problem_json(const struct problem *problem, const char *detail, const char *guid)
{
    char *type = mem_printf("urn:postcoded:problem:%s", problem->code);
    json_t *object =
        json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", type, "title", problem->title, "status",
                  problem->status, "code", problem->code, "detail", detail, "guid", guid);
    MEM_MUST(object != NULL);
    char *text = json_dumps(object, JSON_COMPACT);
    MEM_MUST(text != NULL);
    char *line = mem_printf("%s\n", text);
    free(text);
    json_decref(object);
    mem_free(type);
    return line;
}

static void add_proxy_status(struct MHD_Response *response, const char *error)
{
    if (error[0] == '\0')
        return;
    char value[96];
    snprintf(value, sizeof(value), "postcoded; error=%s", error);
    add(response, "Proxy-Status", value);
}

/* The code is in front of the text for people, and a field for queries. */
static void log_problem(const struct request *request, const struct problem *problem,
                        const char *detail)
{
    const struct log_field fields[] = {LOG_TEXT("code", problem->code),
                                       LOG_INT("status", problem->status),
                                       LOG_TEXT("upstream", request->upstream)};

    log_write_fields(problem->level, request_guid(request), fields, ARRAY_LEN(fields), "%s: %s",
                     problem->code, detail);
}

void response_problem(struct request *request, const struct response_problem *what,
                      const char *detail, ...)
{
    if (request_is_settled(request))
        return;
    const struct problem *problem = problem_of(what->id);
    va_list args;
    va_start(args, detail);
    char *text = mem_vprintf(detail, args);
    va_end(args);
    if (problem->level > LOG_LEVEL_INFO)
        log_problem(request, problem, text);

    char *json = problem_json(problem, text, request_guid(request));
    size_t len = strlen(json);
    struct MHD_Response *response = response_new(json, len);
    add(response, "Content-Type", "application/problem+json");
    add(response, "Cache-Control", "no-store");
    add_proxy_status(response,
                     what->proxy_error != NULL ? what->proxy_error : problem->proxy_status);
    add_all(request, response, what->headers);
    settle(request, what->id, problem->status, response, len);
    mem_free(text);
}

void response_timed_out(struct request *request)
{
    char limit[DURATION_TEXT];

    duration_format(request->config->server_request_timeout, limit);
    if (request->stats.queued)
        response_problem(
            request,
            &(struct response_problem){.id = PROBLEM_DEADLINE,
                                       .proxy_error = "connection_limit_reached"},
            "No connection to the upstream was free within %s ([server] request_timeout): all "
            "those of [upstream] max_connections were in use. Try again.",
            limit);
    else
        response_plain_problem(
            request, PROBLEM_DEADLINE,
            "The lookup did not end within %s ([server] request_timeout). Try again.", limit);
}

/* A header section is a few hundred bytes; a GUID and its header's name are bounded. */
#define HEADER_TEXT 1024

/*
 * libmicrohttpd finds the end of the stream then, and closes. With TLS it goes on reading instead,
 * until the header section is whole or it cannot write, for what comes to a socket that reads no
 * more is answered with a reset, and callers send a large header section in many pieces.
 */
static void send_at_once(const struct request *request, struct iovec *parts, size_t count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (tls == NULL) {
        (void)sendmsg(request->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(request->fd, SHUT_RDWR);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (parts[i].iov_len > 0)
            (void)gnutls_record_send(tls->tls_session, parts[i].iov_base, parts[i].iov_len);
    (void)gnutls_bye(tls->tls_session, GNUTLS_SHUT_WR);
    shutdown(request->fd, SHUT_WR);
}

/*
 * What a socket does not take at once is lost: its buffer is empty, for the response to any earlier
 * request has gone out. Only then is the connection shut down, so that the response comes before
 * the end of the stream.
 */
static void write_at_once(struct request *request, enum problem_id id, const char *detail)
{
    const struct problem *problem = problem_of(id);
    const char *guid = request_guid(request);
    char *json = problem_json(problem, detail, guid);
    size_t len = strlen(json);
    bool bare = strcmp(request->method, "HEAD") == 0;
    char head[HEADER_TEXT];
    int head_len =
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
                 "Cache-Control: no-store\r\n%s: %s\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\n\r\n",
                 problem->status, problem->title, request->config->tracker_header, guid, len);
    MUST(head_len > 0 && (size_t)head_len < sizeof(head));
    struct iovec parts[] = {{head, (size_t)head_len}, {json, bare ? 0 : len}};
    send_at_once(request, parts, ARRAY_LEN(parts));
    request->written_at_once = true;
    request->body_len = len;
    free(json);
}

void response_problem_at_once(struct request *request, enum problem_id id, const char *detail)
{
    if (request_is_settled(request))
        return;
    write_at_once(request, id, detail);
    request_settle(request, id, problem_of(id)->status, NULL);
}

void response_problem_instead(struct request *request, enum problem_id id, const char *detail)
{
    write_at_once(request, id, detail);
    request_replace_ending(request, id, problem_of(id)->status);
}

void response_body(struct request *request, enum problem_id ending,
                   const struct response_content *content, const struct response_header *headers)
{
    if (request_is_settled(request)) {
        response_content_release(content);
        return;
    }
    struct MHD_Response *response = ending == ENDED_NOT_MODIFIED && content->release == NULL
                                        ? response_new_unmodified()
                                        : response_new_content(content);
    add_all(request, response, headers);
    settle(request, ending, problem_of(ending)->status, response,
           ending == ENDED_NOT_MODIFIED ? 0 : content->len);
}

void response_operator(struct request *request, int status, const char *content_type,
                       const struct response_header *headers, const char *body, size_t len)
{
    if (request_is_settled(request))
        return;
    struct MHD_Response *response = response_new(len > 0 ? mem_strndup(body, len) : NULL, len);
    add(response, "Content-Type", content_type);
    add(response, "Cache-Control", "no-store");
    add_all(request, response, headers);
    settle(request, ENDED_OK, status, response, len);
}

void response_retry_after(int64_t wait_ns, char out[RESPONSE_RETRY_AFTER])
{
    int64_t seconds = wait_ns <= SECOND ? 1 : (wait_ns + SECOND - 1) / SECOND;
    snprintf(out, RESPONSE_RETRY_AFTER, "%lld", (long long)seconds);
}
