/*
 * Values collected so far are dropped when a header section begins, for the one before was that of
 * an interim response (1xx); what follows the final section (trailers) is ignored. All of it counts
 * towards one limit, so that neither a flood of 1xx responses nor one of trailers is free.
 *
 * A value that holds anything but visible ASCII, spaces, tabs and obs-text (RFC 9110 section 5.5)
 * is treated as absent, and so is one that continues in a folded line: these values reach callers,
 * and a proxy must not pass a fold on (RFC 9112 section 5.2).
 *
 * Chunks are framed too: their framing may take as many bytes as the smallest chunks need, and no
 * more.
 *
 * Each attempt is counted as a request, for each costs the upstream the same.
 */
#include "upstream/response.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/metrics.h"
#include "base/text.h"
#include "upstream/challenge.h"

/* "1\r\na\r\n" is one byte of body. */
#define FRAMING_PER_BYTE 5
/* The ids of Content-Length and Transfer-Encoding: they are read, and not kept. */
#define FRAMING_ID CLIENT_HEADER_COUNT

static void forget_headers(struct response *response)
{
    buf_reset(&response->fields);
    memset(response->at, 0, sizeof(response->at));
    response->seen = 0;
    response->last = -1;
    response->status = 0;
    framing_init(&response->framing);
}

/* All of it is zero but `text`, which is long: each lookup has a response. */
void response_init(struct response *response, size_t max_body, bool secret, struct mono_time now)
{
    memset(response, 0, offsetof(struct response, text));
    response->text[0] = '\0';
    response->last = -1;
    response->started = now;
    response->sent = now;
    response->ended = now;
    buf_init(&response->fields, RESPONSE_HEADERS_MAX);
    if (secret)
        buf_init_secret(&response->body, max_body);
    else
        buf_init(&response->body, max_body);
}

void response_fini(struct response *response)
{
    buf_fini(&response->fields);
    buf_fini(&response->body);
}

/* ---- attempts ---- */

void response_begin(struct response *response, struct mono_time now)
{
    forget_headers(response);
    buf_reset(&response->body);
    response->rejected = CLIENT_OK;
    response->begun = false;
    response->in_headers = false;
    response->headers_done = false;
    response->headers_len = 0;
    response->text[0] = '\0';
    response->started = now;
    response->sent = now;
}

void response_end(struct response *response, struct mono_time now, bool counted, size_t upstream,
                  int status)
{
    response->ended = now;
    if (!counted)
        return;
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, upstream, (size_t)status, 1);
    metric_upstream_observe(METRIC_UPSTREAM_DURATION, upstream, mono_diff(now, response->started));
}

static bool reject(struct response *response, enum client_error why)
{
    response->rejected = why;
    return false;
}

void response_explain(struct response *response)
{
    const char *fault =
        response->rejected == CLIENT_FRAMING ? framing_fault(&response->framing) : NULL;

    snprintf(response->text, sizeof(response->text), "%s", fault != NULL ? fault : "");
}

/* ---- piece by piece ---- */

void response_headers_begin(struct response *response)
{
    forget_headers(response);
    response->in_headers = true;
}

static int header_id(const char *name, size_t len)
{
    static const struct {
        const char *name;
        size_t len;
    } known[CLIENT_HEADER_COUNT] = {
#define HEADER_LEN(id, name) [id] = {(name), sizeof(name) - 1},
        CLIENT_HEADERS(HEADER_LEN)
#undef HEADER_LEN
    };

    for (int id = 0; id < CLIENT_HEADER_COUNT; id++)
        if (known[id].len == len && strncasecmp(known[id].name, name, len) == 0)
            return id;
    return -1;
}

/* Servers send a challenge of each scheme in a field of its own; one scheme is of interest here. */
static bool is_replaced(const struct response *response, int id)
{
    return id == CLIENT_WWW_AUTHENTICATE &&
           !challenge_is_bearer(response_header(response, CLIENT_WWW_AUTHENTICATE));
}

void response_field_begins(struct response *response, const char *name, size_t len)
{
    int id = response->headers_done ? -1 : header_id(name, len);
    enum framing_field field = response->headers_done || id >= 0
                                   ? FRAMING_FIELDS
                                   : framing_field_of(&response->framing, name, len);

    if (field != FRAMING_FIELDS) {
        response->last = FRAMING_ID + (int)field;
        response->value_at = response->fields.len;
        return;
    }
    if (id >= 0 && (response->seen & 1u << id) != 0 && !is_replaced(response, id))
        id = -1;
    response->last = id;
    response->value_at = response->fields.len;
    if (id >= 0)
        response->seen |= 1u << id;
}

/* With a NUL it is not HTTP (RFC 9110, section 5.5), whichever value it is in. */
bool response_value(struct response *response, const char *piece, size_t len)
{
    if (memchr(piece, '\0', len) != NULL)
        return reject(response, CLIENT_PROTOCOL);
    if (response->last >= 0 && buf_append(&response->fields, piece, len) != ERR_OK)
        return reject(response, CLIENT_HEADERS_TOO_LARGE);
    return true;
}

static bool is_field_text(const char *text, size_t len)
{
    return text_is_all(text, len, TEXT_NOT(TEXT_CONTROL) | TEXT_TAB);
}

void response_field_ends(struct response *response)
{
    struct buf *fields = &response->fields;
    const char *value = buf_text(fields) + response->value_at;

    if (response->last < 0)
        return;
    while (fields->len > response->value_at && text_is(fields->data[fields->len - 1], TEXT_BLANK))
        fields->len--;
    size_t len = fields->len - response->value_at;
    size_t lead = 0;
    while (lead < len && text_is(value[lead], TEXT_BLANK))
        lead++;
    if (response->last >= FRAMING_ID) {
        framing_value(&response->framing, (enum framing_field)(response->last - FRAMING_ID),
                      value + lead, len - lead);
        fields->len = response->value_at;
        return;
    }
    if (lead < len && is_field_text(value, len) && buf_putc(fields, '\0') == ERR_OK)
        response->at[response->last] = response->value_at + lead + 1;
}

void response_field_is_folded(struct response *response)
{
    if (response->last >= FRAMING_ID)
        framing_fold(&response->framing);
    else if (response->last >= 0)
        response->at[response->last] = 0;
}

bool response_is_bodiless(int status)
{
    return status == 204 || status == 304;
}

bool response_headers_end(struct response *response, int status)
{
    response->in_headers = false;
    response->status = status;
    /* The range of RFC 9110 section 15; and 101 would end HTTP, which is never requested. */
    if (status < 100 || status > 599 || status == 101)
        return reject(response, CLIENT_PROTOCOL);
    /* Another section follows an interim one: there framing matters, though it has no body. */
    if (!response_is_bodiless(status) && framing_fault(&response->framing) != NULL)
        return reject(response, CLIENT_FRAMING);
    response->headers_done = status >= 200;
    return true;
}

bool response_count_framing(struct response *response, size_t len)
{
    response->headers_len += len;
    if (response->headers_len > RESPONSE_HEADERS_MAX + FRAMING_PER_BYTE * response->body.len)
        return reject(response, CLIENT_HEADERS_TOO_LARGE);
    return true;
}

bool response_add_body(struct response *response, const char *data, size_t len)
{
    if (buf_append(&response->body, data, len) == ERR_OK)
        return true;
    /* A body for which there is no memory is too large as well. */
    return reject(response, CLIENT_BODY_TOO_LARGE);
}

/* ---- line by line ---- */

/* libcurl accepts any "HTTP/" with three digits after it, and HTTP/2 without its frames. */
static bool status_line(struct response *response, const char *line, size_t len)
{
    response_headers_begin(response);
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !text_is(line[7], TEXT_DIGIT) ||
        line[8] != ' ' || !text_is(line[9], TEXT_DIGIT) || !text_is(line[10], TEXT_DIGIT) ||
        !text_is(line[11], TEXT_DIGIT))
        return reject(response, CLIENT_PROTOCOL);
    response->framing.old = line[7] == '0';
    response->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    return true;
}

static bool field_line(struct response *response, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);

    if (text_is(line[0], TEXT_BLANK)) {
        response_field_is_folded(response);
        return true;
    }
    response->last = -1;
    if (colon == NULL)
        return true;
    response_field_begins(response, line, (size_t)(colon - line));
    if (!response_value(response, colon + 1, (size_t)(line + len - colon - 1)))
        return false;
    response_field_ends(response);
    return true;
}

bool response_line(struct response *response, const char *line, size_t len)
{
    response->begun = true;
    if (!response_count_framing(response, len))
        return false;
    if (response->headers_done)
        return true;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (!response->in_headers)
        return status_line(response, line, len);
    if (len > 0)
        return field_line(response, line, len);
    return response_headers_end(response, response->status);
}

/* ---- results ---- */

const char *response_header(const struct response *response, enum client_header_id id)
{
    MUST((size_t)id < CLIENT_HEADER_COUNT);
    return response->at[id] > 0 ? response->fields.data + response->at[id] - 1 : NULL;
}

int response_status(const struct response *response)
{
    return response->headers_done ? response->status : 0;
}
