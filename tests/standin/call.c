/*
 * The life of a call, and the one place where its answer is made. Answers are JSON throughout, as
 * the API's are; only 304 and the control requests that say nothing are empty.
 */
#include "call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *must_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL) {
        fputs("location-standin: out of memory\n", stderr);
        exit(3);
    }
    return p;
}

long long now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return ts.tv_sec * NS_PER_SECOND + ts.tv_nsec;
}

struct call *call_new(struct standin *standin, struct MHD_Connection *connection)
{
    struct call *call = must_calloc(1, sizeof *call);
    call->magic = CALL_MAGIC;
    call->standin = standin;
    call->connection = connection;
    return call;
}

void call_free(struct call *call)
{
    assert(!call->parked);
    if (call->response != NULL)
        MHD_destroy_response(call->response);
    call->magic = 0;
    free(call->body);
    free(call->text);
    free(call);
}

struct call *call_cast(void *p)
{
    struct call *call = p;
    assert(call->magic == CALL_MAGIC);
    return call;
}

void call_collect(struct call *call, const char *data, size_t len)
{
    if (call->body == NULL)
        call->body = must_calloc(1, CALL_BODY_MAX + 1);
    if (len > CALL_BODY_MAX - call->body_len) {
        call->body_too_large = true;
        return;
    }
    memcpy(call->body + call->body_len, data, len);
    call->body_len += len;
}

static void decide(struct call *call, unsigned status, struct MHD_Response *response)
{
    if (response == NULL)
        abort();
    if (call->response != NULL)
        MHD_destroy_response(call->response);
    call->response = response;
    call->status = status;
}

static char *dump(json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL)
        abort();
    return text;
}

void call_answer_read(struct call *call, unsigned status, json_t *body,
                      MHD_ContentReaderCallback reader)
{
    free(call->text);
    call->text = dump(body);
    decide(call, status,
           MHD_create_response_from_callback(strlen(call->text), 4096, reader, call, NULL));
    call_header(call, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
}

void call_answer(struct call *call, unsigned status, json_t *body)
{
    char *text = dump(body);
    decide(call, status,
           MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
    call_header(call, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
}

void call_answer_error(struct call *call, unsigned status, const char *code, const char *text)
{
    call_answer(call, status, json_pack("{s:s, s:s}", "error", code, "error_description", text));
}

void call_answer_empty(struct call *call, unsigned status)
{
    decide(call, status, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

void call_header(struct call *call, const char *name, const char *value)
{
    if (MHD_add_response_header(call->response, name, value) != MHD_YES)
        abort();
}

const char *call_request_header(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const char *call_query(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
}
