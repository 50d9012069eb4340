/*
 * Values collected so far are dropped when a header section begins, for the one before was that of
 * an interim response (1xx); what follows the final section (trailers) is ignored. All of it counts
 * towards one limit, so that neither a flood of 1xx responses nor one of trailers is free.
 *
 * A value that holds anything but visible ASCII, spaces, tabs and obs-text (RFC 9110 section 5.5)
 * is treated as absent, and so is one that continues in a folded line: these values reach callers,
 * and a proxy must not pass a fold on (RFC 9112 section 5.2). Where it says how long the response
 * may be kept, that is noted: the other fields may then say less than the upstream meant.
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
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "upstream/challenge.h"

/* "1\r\na\r\n" is one byte of body. */
#define FRAMING_PER_BYTE 5
/* The ids of Content-Length and Transfer-Encoding: they are read, and not kept. */
#define FRAMING_ID CLIENT_HEADER_COUNT

/* Sets of ids, a bit for each. */
#define LISTS (1u << CLIENT_CACHE_CONTROL | 1u << CLIENT_VARY)
#define SINGLES (1u << CLIENT_AGE | 1u << CLIENT_DATE | 1u << CLIENT_EXPIRES)
#define CACHING (LISTS | SINGLES)

static bool is_one_of(int id, unsigned ids)
{
    return (ids & 1u << id) != 0;
}

static void forget_headers(struct response *response)
{
    buf_reset(&response->fields);
    memset(response->at, 0, sizeof(response->at));
    response->seen = 0;
    response->unreadable = false;
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
    if (response->answering != NULL)
        *response->answering = false;
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

void response_hear(struct response *response)
{
    response->begun = true;
    if (response->answering != NULL)
        *response->answering = true;
}

void response_headers_begin(struct response *response)
{
    forget_headers(response);
    response->in_headers = true;
}

/* The one that a name of this length and first letter, in lower case, can be; -1: none. */
static int candidate(size_t len, char first)
{
    switch (len) {
    case 3:
        return CLIENT_AGE;
    case 4:
        return first == 'd' ? CLIENT_DATE : first == 'e' ? CLIENT_ETAG : CLIENT_VARY;
    case 7:
        return CLIENT_EXPIRES;
    case 11:
        return CLIENT_RETRY_AFTER;
    case 12:
        return CLIENT_CONTENT_TYPE;
    case 13:
        return first == 'c' ? CLIENT_CACHE_CONTROL : CLIENT_LAST_MODIFIED;
    case 16:
        return first == 'c' ? CLIENT_CONTENT_ENCODING : CLIENT_WWW_AUTHENTICATE;
    default:
        return -1;
    }
}

/* Most names are none of them, and most of those differ in length or first letter. */
static int header_id(const char *name, size_t len)
{
    static const char *const names[CLIENT_HEADER_COUNT] = {
#define HEADER_NAME(id, name) [id] = (name),
        CLIENT_HEADERS(HEADER_NAME)
#undef HEADER_NAME
    };
    const char first = len > 0 ? (char)(*name | 0x20) : '\0';
    const int id = candidate(len, first);

    return id >= 0 && (*names[id] | 0x20) == first && strncasecmp(names[id], name, len) == 0 ? id
                                                                                             : -1;
}

/* Servers send a challenge of each scheme in a field of its own; one scheme is of interest here. */
static bool is_replaced(const struct response *response, int id)
{
    return id == CLIENT_WWW_AUTHENTICATE &&
           !challenge_is_bearer(response_header(response, CLIENT_WWW_AUTHENTICATE));
}

/* Another part of a list is read behind a copy of what there is of it. */
static void continue_list(struct response *response, int id)
{
    const char *before = response_header(response, (enum client_header_id)id);

    if (before == NULL)
        return;
    char *copy = mem_strdup(before); /* the buffer may move while it is written to */
    buf_puts(&response->fields, copy);
    buf_puts(&response->fields, ", ");
    mem_free(copy);
}

/* A second field of one name: is it read, too? */
static bool is_read_again(struct response *response, int id)
{
    if (is_one_of(id, CACHING))
        response->before = response->at[id];
    if (is_one_of(id, LISTS))
        continue_list(response, id);
    return is_one_of(id, CACHING) || is_replaced(response, id);
}

void response_field_begins(struct response *response, const char *name, size_t len)
{
    int id = response->headers_done ? -1 : header_id(name, len);
    enum framing_field field = response->headers_done || id >= 0
                                   ? FRAMING_FIELDS
                                   : framing_field_of(&response->framing, name, len);

    response->before = 0;
    response->value_at = response->fields.len;
    if (field != FRAMING_FIELDS)
        response->last = FRAMING_ID + (int)field;
    else if (id >= 0 && is_one_of(id, response->seen) && !is_read_again(response, id))
        response->last = -1;
    else
        response->last = id;
    response->piece_at = response->fields.len;
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

/* Few have a byte that is none: there is no look at each. */
static bool is_field_text(const char *text, size_t len)
{
    uint32_t kinds = 0;

    for (size_t i = 0; i < len; i++)
        kinds |= text_kinds[(unsigned char)text[i]];
    return (kinds & (TEXT_CONTROL & ~(uint32_t)TEXT_TAB)) == 0;
}

static bool differs(const struct response *response, int id, const char *value, size_t len)
{
    const char *first = response_header(response, (enum client_header_id)id);

    return strlen(first) != len || memcmp(first, value, len) != 0;
}

/* Takes the space around the last piece away. Its length. */
static size_t trim(struct response *response)
{
    struct buf *fields = &response->fields;
    const char *piece = buf_text(fields) + response->piece_at;
    size_t lead = 0;

    while (fields->len > response->piece_at && text_is(fields->data[fields->len - 1], TEXT_BLANK))
        fields->len--;
    size_t len = fields->len - response->piece_at;
    while (lead < len && text_is(piece[lead], TEXT_BLANK))
        lead++;
    if (lead > 0)
        memmove(fields->data + response->piece_at, piece + lead, len - lead);
    fields->len -= lead;
    return len - lead;
}

static bool take_value(struct response *response, const char *value, size_t len)
{
    const int id = response->last;
    const bool readable = is_field_text(value, len);
    const bool again = is_one_of(id, SINGLES) && response->before != 0;

    if (is_one_of(id, CACHING) &&
        (!readable || (again && len > 0 && differs(response, id, value, len))))
        response->unreadable = true;
    if (len == 0 || !readable || again) {
        response->fields.len = response->value_at;
        return true;
    }
    if (buf_putc(&response->fields, '\0') != ERR_OK)
        return reject(response, CLIENT_HEADERS_TOO_LARGE);
    response->at[id] = response->value_at + 1;
    return true;
}

bool response_field_ends(struct response *response)
{
    if (response->last < 0)
        return true;
    const size_t len = trim(response);
    const char *value = buf_text(&response->fields) + response->piece_at;

    if (response->last < FRAMING_ID)
        return take_value(response, value, len);
    framing_value(&response->framing, (enum framing_field)(response->last - FRAMING_ID), value,
                  len);
    response->fields.len = response->value_at;
    return true;
}

void response_field_is_folded(struct response *response)
{
    const int id = response->last;

    if (id >= FRAMING_ID) {
        framing_fold(&response->framing);
    } else if (id >= 0) {
        response->at[id] = response->before;
        response->unreadable |= is_one_of(id, CACHING);
    }
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
    return response_value(response, colon + 1, (size_t)(line + len - colon - 1)) &&
           response_field_ends(response);
}

bool response_line(struct response *response, const char *line, size_t len)
{
    response_hear(response);
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
