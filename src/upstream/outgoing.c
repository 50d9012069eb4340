/*
 * libcurl copies most strings it is given, but not a header list and not a POST's body: both must
 * live as long as the transfer, which outlives whoever made the request. So they are copied here,
 * and since a curl_slist is a plain public struct, nodes and lines go into one block: one
 * allocation instead of two a header, and one wipe.
 *
 * A line with nothing after its colon tells libcurl not to send a header that it would add by
 * itself; one that is meant to be empty is written with a semicolon (CURLOPT_HTTPHEADER).
 */
#include "upstream/outgoing.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

/* Added by libcurl unless we send them ourselves. */
static const char *const unwanted[] = {"Accept", "Expect", "Content-Type"};

struct block {
    struct curl_slist *node; /* the next free one */
    char *text;              /* the next free byte */
};

static bool is_target(const char *target)
{
    return target[0] == '/' && text_is_visible(target, strlen(target));
}

/* A token may be long, and strpbrk looks at each byte by itself. */
static bool is_one_line(const char *value)
{
    size_t len = strlen(value);

    return memchr(value, '\r', len) == NULL && memchr(value, '\n', len) == NULL;
}

void outgoing_must_be_clean(const struct client_request *request)
{
    MUST(is_target(request->target));
    for (size_t i = 0; i < request->header_count; i++) {
        const struct client_header *header = &request->headers[i];

        COSTLY(text_is_token(header->name, strlen(header->name)));
        MUST(header->value == NULL || is_one_line(header->value));
    }
}

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

void outgoing_init(struct outgoing *outgoing, const struct client_request *request,
                   const char *prefix)
{
    size_t nodes = request->header_count + ARRAY_LEN(unwanted);
    size_t len = nodes * sizeof(struct curl_slist) + text_needed(request, prefix);

    outgoing_must_be_clean(request);
    struct curl_slist *first = mem_zalloc(len);
    struct block block = {.node = first, .text = (char *)(first + nodes)};

    *outgoing = (struct outgoing){
        .body_len = request->body_len, .headers = first, .block = first, .block_len = len};
    outgoing->target = put(&block, prefix, strlen(prefix));
    put(&block, request->target, strlen(request->target) + 1);
    outgoing->body = put(&block, request->body, request->body_len);
    put(&block, "", 1);
    put_headers(&block, request);
    block.node[-1].next = NULL; /* there is always one: nobody sends Expect */
}

void outgoing_fini(struct outgoing *outgoing)
{
    wipe_free(outgoing->block, outgoing->block_len);
}
