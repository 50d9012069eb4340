/*
 * Where two readers may find different ends of a response, what follows it on the connection is one
 * reader's body and the other's next response. RFC 9112, section 6.3, calls this an error, and so
 * is it here, for lookups and for what libcurl reads: libcurl takes the last of two lengths or none
 * of them, drops codings that it was not asked to undo, and reads on where a length is too large.
 *
 * A length that is said twice, in two fields or in a list, is no error by itself when both say the
 * same; llhttp is stricter, so a lookup does not take it.
 *
 * The one coding is chunked: no TE is sent, so a server may use no other (RFC 9112, section 7.4).
 */
#include "upstream/framing.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

void framing_init(struct framing *framing)
{
    *framing = (struct framing){.length = -1};
}

static void note(struct framing *framing, const char *fault)
{
    if (framing->fault == NULL)
        framing->fault = fault;
}

static bool is_name(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

enum framing_field framing_field_of(struct framing *framing, const char *name, size_t len)
{
    size_t bare = len;
    enum framing_field field = FRAMING_FIELDS;

    while (bare > 0 && text_is(name[bare - 1], TEXT_BLANK))
        bare--;
    if (is_name(name, bare, "Content-Length"))
        field = FRAMING_LENGTH;
    else if (is_name(name, bare, "Transfer-Encoding"))
        field = FRAMING_CODING;
    if (field != FRAMING_FIELDS && bare < len)
        note(framing, "a blank before a colon");
    return field;
}

/* -1: it is no number, or too large. */
static int64_t read_length(const char *text, size_t len)
{
    int64_t length = 0;

    if (len == 0 || !text_is_all(text, len, TEXT_DIGIT))
        return -1;
    for (size_t i = 0; i < len; i++) {
        int digit = text[i] - '0';

        if (length > (INT64_MAX - digit) / 10)
            return -1;
        length = 10 * length + digit;
    }
    return length;
}

static void add_length(struct framing *framing, const char *text, size_t len)
{
    int64_t length = read_length(text, len);

    if (length < 0)
        note(framing, "Content-Length is no number of bytes");
    else if (framing->length >= 0 && framing->length != length)
        note(framing, "two different values of Content-Length");
    else
        framing->length = length;
}

static void add_lengths(struct framing *framing, const char *value, size_t len)
{
    for (size_t at = 0; at <= len;) {
        const char *comma = len > at ? memchr(value + at, ',', len - at) : NULL;
        size_t end = comma != NULL ? (size_t)(comma - value) : len;
        size_t next = end + 1;

        while (at < end && text_is(value[at], TEXT_BLANK))
            at++;
        while (end > at && text_is(value[end - 1], TEXT_BLANK))
            end--;
        add_length(framing, value + at, end - at);
        at = next;
    }
}

void framing_value(struct framing *framing, enum framing_field field, const char *value, size_t len)
{
    if (field == FRAMING_LENGTH) {
        add_lengths(framing, value, len);
        return;
    }
    if (framing->chunked || !is_name(value, len, "chunked"))
        note(framing, "Transfer-Encoding is not chunked, once");
    framing->chunked = true;
}

void framing_fold(struct framing *framing)
{
    note(framing, "Content-Length or Transfer-Encoding in more than one line");
}

const char *framing_fault(const struct framing *framing)
{
    if (framing->fault != NULL)
        return framing->fault;
    /* RFC 9112, section 6.1. */
    if (framing->chunked && framing->old)
        return "Transfer-Encoding in HTTP/1.0";
    return framing->chunked && framing->length >= 0 ? "Content-Length beside Transfer-Encoding"
                                                    : NULL;
}

bool framing_has_body(const struct framing *framing)
{
    return framing->fault != NULL || framing->chunked || framing->length > 0;
}
