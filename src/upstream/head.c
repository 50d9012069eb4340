/*
 * A request's head is measured, then written, so that it takes one block and one send. Host is what
 * libcurl would send: without the port where the scheme implies it (RFC 9110, section 7.2).
 */
#include "upstream/head.h"

#include <curl/curl.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "upstream/outgoing.h"

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
            after =
                mem_printf(" HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: postcoded/%s\r\n", host,
                           port != NULL ? ":" : "", port != NULL ? port : "", POSTCODED_VERSION);
        curl_free(host);
        curl_free(port);
    }
    curl_url_cleanup(url);
    return after;
}

void head_frame_init(struct head_frame *frame, const struct client_settings *settings)
{
    bool absolute = settings->proxy != NULL && strncmp(settings->origin, "http:", 5) == 0;

    *frame = (struct head_frame){.after = after_target(settings->origin)};
    if (frame->after == NULL)
        return;
    frame->before = mem_printf("GET %s", absolute ? settings->origin : "");
    frame->before_len = strlen(frame->before);
    frame->after_len = strlen(frame->after);
}

void head_frame_fini(struct head_frame *frame)
{
    mem_free(frame->before);
    mem_free(frame->after);
}

static char *put_header(char *to, const struct client_header *header)
{
    size_t len = strlen(header->value);

    to = mempcpy(to, header->name, strlen(header->name));
    to = mempcpy(to, ": ", len > 0 ? 2 : 1);
    to = mempcpy(to, header->value, len);
    return mempcpy(to, "\r\n", 2);
}

static size_t length_of(const struct head_frame *frame, const struct client_request *request)
{
    size_t len = frame->before_len + strlen(request->target) + frame->after_len + strlen("\r\n");

    for (size_t i = 0; i < request->header_count; i++) {
        const struct client_header *header = &request->headers[i];

        if (header->value != NULL)
            len += strlen(header->name) + strlen(": ") + strlen(header->value) + strlen("\r\n");
    }
    return len;
}

void head_init(struct head *head, const struct head_frame *frame,
               const struct client_request *request)
{
    outgoing_must_be_clean(request);

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

void head_fini(struct head *head)
{
    wipe_free(head->bytes, head->len);
}
