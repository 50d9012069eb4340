/*
 * Values collected so far are dropped when a head begins, for it may be the one after an interim
 * answer (1xx); what follows the final head (trailers) is ignored. All of it counts towards one
 * bound, so that neither a flood of 1xx answers nor one of trailers is free.
 *
 * A value that holds anything but visible ASCII, spaces, tabs and obs-text (RFC 9110 section 5.5)
 * is treated as absent, and so is one that goes on in a folded line: these values reach callers,
 * and a proxy must not pass a fold on (RFC 9112 section 5.2).
 *
 * Chunks have a frame too: it may take as many bytes as the smallest chunks need, and no more.
 */
#include "upstream/answer.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/text.h"

/* "1\r\na\r\n" is one byte of body. */
#define FRAME_A_BYTE 5

void answer_init(struct answer *answer, size_t max_body, bool secret)
{
    *answer = (struct answer){.last = -1};
    buf_init(&answer->fields, ANSWER_HEAD_MAX);
    if (secret)
        buf_init_secret(&answer->body, max_body);
    else
        buf_init(&answer->body, max_body);
}

void answer_fini(struct answer *answer)
{
    buf_fini(&answer->fields);
    buf_fini(&answer->body);
}

static void forget_head(struct answer *answer)
{
    buf_reset(&answer->fields);
    memset(answer->at, 0, sizeof(answer->at));
    answer->seen = 0;
    answer->last = -1;
    answer->status = 0;
}

void answer_reset(struct answer *answer)
{
    forget_head(answer);
    buf_reset(&answer->body);
    answer->refused = CLIENT_OK;
    answer->begun = false;
    answer->in_head = false;
    answer->head_done = false;
    answer->head_len = 0;
}

static bool reject(struct answer *answer, enum client_error why)
{
    answer->refused = why;
    return false;
}

/* ---- piece by piece ---- */

void answer_head_begins(struct answer *answer)
{
    forget_head(answer);
    answer->in_head = true;
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

void answer_field_begins(struct answer *answer, const char *name, size_t len)
{
    int id = answer->head_done ? -1 : header_id(name, len);

    if (id >= 0 && (answer->seen & 1u << id) != 0)
        id = -1;
    answer->last = id;
    answer->value_at = answer->fields.len;
    if (id >= 0)
        answer->seen |= 1u << id;
}

/* A NUL makes it no HTTP (RFC 9110, section 5.5), whoever's value it stands in. */
bool answer_value(struct answer *answer, const char *piece, size_t len)
{
    if (memchr(piece, '\0', len) != NULL)
        return reject(answer, CLIENT_PROTOCOL);
    if (answer->last >= 0 && buf_append(&answer->fields, piece, len) != ERR_OK)
        return reject(answer, CLIENT_HEAD_TOO_LARGE);
    return true;
}

static bool is_field_text(const char *text, size_t len)
{
    return text_is_all(text, len, TEXT_NOT(TEXT_CONTROL) | TEXT_TAB);
}

void answer_field_ends(struct answer *answer)
{
    struct buf *fields = &answer->fields;
    const char *value = buf_text(fields) + answer->value_at;

    if (answer->last < 0)
        return;
    while (fields->len > answer->value_at && text_is(fields->data[fields->len - 1], TEXT_BLANK))
        fields->len--;
    size_t len = fields->len - answer->value_at;
    size_t lead = 0;
    while (lead < len && text_is(value[lead], TEXT_BLANK))
        lead++;
    if (lead < len && is_field_text(value, len) && buf_putc(fields, '\0') == ERR_OK)
        answer->at[answer->last] = answer->value_at + lead + 1;
}

void answer_field_is_folded(struct answer *answer)
{
    if (answer->last >= 0)
        answer->at[answer->last] = 0;
}

bool answer_head_ends(struct answer *answer, int status)
{
    answer->in_head = false;
    answer->status = status;
    /* The range of RFC 9110 section 15; and 101 would end HTTP, which nobody asked for. */
    if (status < 100 || status > 599 || status == 101)
        return reject(answer, CLIENT_PROTOCOL);
    answer->head_done = status >= 200;
    return true;
}

bool answer_count_head(struct answer *answer, size_t len)
{
    answer->head_len += len;
    if (answer->head_len > ANSWER_HEAD_MAX + FRAME_A_BYTE * answer->body.len)
        return reject(answer, CLIENT_HEAD_TOO_LARGE);
    return true;
}

bool answer_body(struct answer *answer, const char *data, size_t len)
{
    if (buf_append(&answer->body, data, len) == ERR_OK)
        return true;
    /* A body for which there is no memory is too large as well. */
    return reject(answer, CLIENT_BODY_TOO_LARGE);
}

/* ---- line by line ---- */

/* libcurl takes any "HTTP/" with three digits after it, and HTTP/2 without its frames. */
static bool status_line(struct answer *answer, const char *line, size_t len)
{
    answer_head_begins(answer);
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !text_is(line[7], TEXT_DIGIT) ||
        line[8] != ' ' || !text_is(line[9], TEXT_DIGIT) || !text_is(line[10], TEXT_DIGIT) ||
        !text_is(line[11], TEXT_DIGIT))
        return reject(answer, CLIENT_PROTOCOL);
    answer->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    return true;
}

static bool field_line(struct answer *answer, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);

    if (text_is(line[0], TEXT_BLANK)) {
        answer_field_is_folded(answer);
        return true;
    }
    answer->last = -1;
    if (colon == NULL)
        return true;
    answer_field_begins(answer, line, (size_t)(colon - line));
    if (!answer_value(answer, colon + 1, (size_t)(line + len - colon - 1)))
        return false;
    answer_field_ends(answer);
    return true;
}

bool answer_line(struct answer *answer, const char *line, size_t len)
{
    answer->begun = true;
    if (!answer_count_head(answer, len))
        return false;
    if (answer->head_done)
        return true;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (!answer->in_head)
        return status_line(answer, line, len);
    if (len > 0)
        return field_line(answer, line, len);
    return answer_head_ends(answer, answer->status);
}

/* ---- what came of it ---- */

const char *answer_header(const struct answer *answer, enum client_header_id id)
{
    MUST((size_t)id < CLIENT_HEADER_COUNT);
    return answer->at[id] > 0 ? answer->fields.data + answer->at[id] - 1 : NULL;
}

int respond_status(const struct answer *answer)
{
    return answer->head_done ? answer->status : 0;
}
