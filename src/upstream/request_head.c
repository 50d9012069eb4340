/*
 * The bytes of a GET are measured, then written, so that they take one block and one send. Host is
 * what libcurl would send: without the port where the scheme implies it (RFC 9110, section 7.2).
 *
 * A POST is libcurl's to write. It copies most strings it is given, but not a header list and not a
 * body: both must live as long as the transfer, which outlives the function that made the request.
 * So they are copied here, and since a curl_slist is a plain public struct, nodes and lines go into
 * one block: one allocation instead of two for each header, and one wipe.
 */
#include "upstream/request_head.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "upstream/proxy.h"

/* ---- what could end a line ---- */

static bool is_target(const char *target)
{
    return target[0] == '/' && text_is_visible(target, strlen(target));
}

/* A token may be long, and strpbrk is slow: it looks at each byte by itself. */
static bool is_one_line(const char *value)
{
    size_t len = strlen(value);

    return memchr(value, '\r', len) == NULL && memchr(value, '\n', len) == NULL;
}

static void must_be_clean(const struct client_request *request)
{
    MUST(is_target(request->target));
    for (size_t i = 0; i < request->header_count; i++) {
        const struct client_header *header = &request->headers[i];

        COSTLY(text_is_token(header->name, strlen(header->name)));
        MUST(header->value == NULL || is_one_line(header->value));
    }
}

/* ---- what is the same in all requests ---- */

/* NULL where there is none; curl_free() it. */
static char *part_of(CURLU *url, CURLUPart part)
{
    char *text = NULL;

    return curl_url_get(url, part, &text, CURLU_NO_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

static char *after_target(const char *origin)
{
    char *after = NULL;
    CURLU *url = curl_url();

    if (url == NULL)
        mem_exhausted();
    if (curl_url_set(url, CURLUPART_URL, origin, 0) == CURLUE_OK) {
        char *host = part_of(url, CURLUPART_HOST);
        char *port = part_of(url, CURLUPART_PORT);

        if (host != NULL)
            after = mem_printf(" HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: postcoded/%s\r\n"
                               "Accept-Encoding: identity\r\n",
                               host, port != NULL ? ":" : "", port != NULL ? port : "",
                               POSTCODED_VERSION);
        curl_free(host);
        curl_free(port);
    }
    curl_url_cleanup(url);
    return after;
}

/* In memory of its own: printf would leave copies. */
static char *with_line(char *text, const char *line)
{
    size_t len = strlen(text) + strlen(line) + strlen("\r\n");
    char *longer = mem_alloc(len + 1);
    char *to = mempcpy(longer, text, strlen(text));

    to = mempcpy(to, line, strlen(line));
    memcpy(to, "\r\n", sizeof("\r\n"));
    mem_free(text);
    return longer;
}

void request_frame_init(struct request_frame *frame, const struct client_settings *settings)
{
    bool absolute = proxy_is_asked(settings);
    char *authorization = absolute ? proxy_authorization(settings) : NULL;

    *frame = (struct request_frame){.after = after_target(settings->origin)};
    if (frame->after != NULL && authorization != NULL)
        frame->after = with_line(frame->after, authorization);
    wipe_free_text(authorization);
    if (frame->after == NULL)
        return;
    frame->before = mem_printf("GET %s", absolute ? settings->origin : "");
    frame->before_len = strlen(frame->before);
    frame->prefix = frame->before + strlen("GET ");
    frame->after_len = strlen(frame->after);
}

void request_frame_fini(struct request_frame *frame)
{
    mem_free(frame->before);
    wipe_free_text(frame->after);
}

enum client_error request_frame_judge(const struct request_frame *frame, int status)
{
    bool absolute = frame->prefix[0] != '\0';

    return absolute && status == 407 ? CLIENT_PROXY_AUTH : CLIENT_OK;
}

/* ---- a GET ---- */

static char *put_header(char *to, const struct client_header *header)
{
    size_t len = strlen(header->value);

    to = mempcpy(to, header->name, strlen(header->name));
    to = mempcpy(to, ": ", len > 0 ? 2 : 1);
    to = mempcpy(to, header->value, len);
    return mempcpy(to, "\r\n", 2);
}

static size_t length_of(const struct request_frame *frame, const struct client_request *request)
{
    size_t len = frame->before_len + strlen(request->target) + frame->after_len + strlen("\r\n");

    for (size_t i = 0; i < request->header_count; i++) {
        const struct client_header *header = &request->headers[i];

        if (header->value != NULL)
            len += strlen(header->name) + strlen(": ") + strlen(header->value) + strlen("\r\n");
    }
    return len;
}

void request_head_init(struct request_head *head, const struct request_frame *frame,
                       const struct client_request *request)
{
    must_be_clean(request);

    head->bytes = mem_alloc(length_of(frame, request));
    char *to = mempcpy(head->bytes, frame->before, frame->before_len);
    to = mempcpy(to, request->target, strlen(request->target));
    to = mempcpy(to, frame->after, frame->after_len);
    for (size_t i = 0; i < request->header_count; i++)
        if (request->headers[i].value != NULL)
            to = put_header(to, &request->headers[i]);
    to = mempcpy(to, "\r\n", 2);
    head->len = (size_t)(to - head->bytes);
}

void request_head_fini(struct request_head *head)
{
    wipe_free(head->bytes, head->len);
}

/* ---- a POST ---- */

/* libcurl adds these unless they are given, or suppressed. */
static const char *const unwanted[] = {"Accept", "Expect", "Content-Type"};

struct block {
    struct curl_slist *node; /* the next free one */
    char *text;              /* the next free byte */
};

static size_t text_needed(const struct client_request *request, const char *prefix)
{
    size_t need = strlen(prefix) + strlen(request->target) + 1 + request->body_len + 1;

    for (size_t i = 0; i < request->header_count; i++)
        if (request->headers[i].value != NULL)
            need += strlen(request->headers[i].name) + strlen(request->headers[i].value) + 3;
    for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
        need += strlen(unwanted[i]) + 2;
    return need;
}

static char *put(struct block *block, const char *text, size_t len)
{
    char *start = block->text;

    if (len > 0)
        memcpy(start, text, len);
    block->text += len;
    return start;
}

static void put_line(struct block *block, const char *name, const char *between, const char *value)
{
    struct curl_slist *node = block->node++;

    node->data = put(block, name, strlen(name));
    put(block, between, strlen(between));
    put(block, value, strlen(value) + 1);
    node->next = block->node;
}

static bool is_given(const struct client_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (request->headers[i].value != NULL && text_equal_ci(request->headers[i].name, name))
            return true;
    return false;
}

/*
 * A line with nothing after its colon tells libcurl not to send a header that it would add by
 * itself; a header that is meant to be empty is written with a semicolon (CURLOPT_HTTPHEADER).
 */
static void put_headers(struct block *block, const struct client_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const struct client_header *header = &request->headers[i];

        if (header->value != NULL && header->value[0] != '\0')
            put_line(block, header->name, ": ", header->value);
        else if (header->value != NULL)
            put_line(block, header->name, ";", "");
    }
    for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
        if (!is_given(request, unwanted[i]))
            put_line(block, unwanted[i], ":", "");
}

void request_copy_init(struct request_copy *copy, const struct request_frame *frame,
                       const struct client_request *request)
{
    size_t nodes = request->header_count + ARRAY_LEN(unwanted);
    size_t len = nodes * sizeof(struct curl_slist) + text_needed(request, frame->prefix);

    must_be_clean(request);
    struct curl_slist *first = mem_zalloc(len);
    struct block block = {.node = first, .text = (char *)(first + nodes)};

    *copy = (struct request_copy){.post = request->post,
                                  .body_len = request->body_len,
                                  .headers = first,
                                  .block = first,
                                  .block_len = len};
    copy->target = put(&block, frame->prefix, strlen(frame->prefix));
    put(&block, request->target, strlen(request->target) + 1);
    copy->body = put(&block, request->body, request->body_len);
    put(&block, "", 1);
    put_headers(&block, request);
    block.node[-1].next = NULL; /* there is always one: Expect is never given */
}

void request_copy_fini(struct request_copy *copy)
{
    wipe_free(copy->block, copy->block_len);
}
