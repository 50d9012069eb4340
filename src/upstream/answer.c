/*
 * libcurl hands over the lines of every head it reads: those of 1xx answers, the final one, and
 * trailers, all alike. So this keeps its own account of which head it is in. Values collected so
 * far are dropped at each status line; what follows the final head's empty line is ignored, but
 * all of it counts towards one bound, so that neither a flood of 1xx answers nor one of trailers
 * is free.
 *
 * A value that holds anything but visible ASCII, spaces, tabs and obs-text (RFC 9110 section 5.5)
 * is treated as absent, and so is one that goes on in a folded line: these values reach callers,
 * and a proxy must not pass a fold on (RFC 9112 section 5.2).
 */
#include "upstream/answer.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"

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

static bool refuse(struct answer *answer, enum client_error why)
{
    answer->refused = why;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* libcurl takes any "HTTP/" with three digits after it, and HTTP/2 without its frames. */
static bool status_line(struct answer *answer, const char *line, size_t len)
{
    forget_head(answer);
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ' ||
        !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]))
        return refuse(answer, CLIENT_PROTOCOL);
    answer->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    /* The range of RFC 9110 section 15; and 101 would end HTTP, which nobody asked for. */
    if (answer->status < 100 || answer->status > 599 || answer->status == 101)
        return refuse(answer, CLIENT_PROTOCOL);
    answer->in_head = true;
    return true;
}

static int header_id(const char *name, size_t len)
{
    for (int id = 0; id < CLIENT_HEADER_COUNT; id++) {
        const char *known = client_header_name((enum client_header_id)id);

        if (strlen(known) == len && strncasecmp(known, name, len) == 0)
            return id;
    }
    return -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_field_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static void keep_value(struct answer *answer, int id, const char *value, size_t len)
{
    while (len > 0 && is_blank(value[0])) {
        value++;
        len--;
    }
    while (len > 0 && is_blank(value[len - 1]))
        len--;
    if (len == 0 || !is_field_text(value, len))
        return;
    size_t at = answer->fields.len + 1;
    if (buf_append(&answer->fields, value, len) == ERR_OK &&
        buf_putc(&answer->fields, '\0') == ERR_OK)
        answer->at[id] = at;
}

static void field_line(struct answer *answer, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    int previous = answer->last;

    if (is_blank(line[0])) {
        if (previous >= 0)
            answer->at[previous] = 0;
        return;
    }
    answer->last = -1;
    if (colon == NULL)
        return;
    int id = header_id(line, (size_t)(colon - line));
    if (id < 0 || (answer->seen & 1u << id) != 0)
        return;
    answer->seen |= 1u << id;
    answer->last = id;
    keep_value(answer, id, colon + 1, (size_t)(line + len - colon - 1));
}

bool answer_line(struct answer *answer, const char *line, size_t len)
{
    answer->begun = true;
    answer->head_len += len;
    if (answer->head_len > ANSWER_HEAD_MAX)
        return refuse(answer, CLIENT_HEAD_TOO_LARGE);
    if (answer->head_done)
        return true;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (!answer->in_head)
        return status_line(answer, line, len);
    if (len > 0) {
        field_line(answer, line, len);
        return true;
    }
    answer->in_head = false;
    answer->head_done = answer->status >= 200;
    return true;
}

bool answer_body(struct answer *answer, const char *data, size_t len)
{
    if (buf_append(&answer->body, data, len) == ERR_OK)
        return true;
    /* A body for which there is no memory is too large as well. */
    return refuse(answer, CLIENT_BODY_TOO_LARGE);
}

const char *answer_header(const struct answer *answer, enum client_header_id id)
{
    MUST((size_t)id < CLIENT_HEADER_COUNT);
    return answer->at[id] > 0 ? answer->fields.data + answer->at[id] - 1 : NULL;
}

int answer_status(const struct answer *answer)
{
    return answer->head_done ? answer->status : 0;
}
