/*
 * Replies of a store, split in three ways (whole, byte by byte, in pieces of a size that the input
 * chooses), and beside them a reader that has all bytes at hand and knows nothing but the grammar
 * of RESP2 and our bounds. All four must find the same replies, and the same end: more is needed,
 * or the bytes are bad.
 */
#include "fuzz.h"

#include <limits.h>

#include "base/buf.h"
#include "upstream/resp_reader.h"

/* Each byte of the input takes a few in the account of it. */
#define INPUT_MAX ((size_t)3 * RESP_REPLY_MAX)
#define ACCOUNT_MAX ((size_t)64 * 1024 * 1024)

static void add_bytes(struct buf *out, char type, const char *bytes, size_t len)
{
    buf_printf(out, "%c%zu ", type, len);
    buf_append(out, bytes, len);
}

/* ---- what our reader finds ---- */

static void add_reply(struct buf *out, const struct resp_reply *reply, size_t level)
{
    static const char marks[] = {[RESP_STATUS] = '+', [RESP_ERROR] = '-', [RESP_STRING] = '$'};

    switch (reply->type) {
    case RESP_INTEGER:
        buf_printf(out, ":%lld ", (long long)reply->integer);
        break;
    case RESP_NIL:
        buf_puts(out, "nil ");
        break;
    case RESP_ARRAY:
        MUST(level < RESP_DEPTH && reply->count <= RESP_ELEMENTS);
        buf_printf(out, "*%zu ", reply->count);
        for (size_t i = 0; i < reply->count; i++)
            add_reply(out, &reply->items[i], level + 1);
        break;
    default:
        MUST(reply->text != NULL && reply->text[reply->len] == '\0');
        add_bytes(out, marks[reply->type], reply->text, reply->len);
    }
}

static enum resp_read read_all(struct resp_reader *reader, struct buf *out)
{
    const struct resp_reply *reply;
    enum resp_read read;

    while ((read = resp_reader_next(reader, &reply)) == RESP_READ_REPLY)
        add_reply(out, reply, 0);
    MUST((resp_reader_fault(reader) != NULL) == (read == RESP_READ_BAD));
    return read;
}

static void add_end(struct buf *out, char end)
{
    buf_putc(out, end);
    MUST(out->err == ERR_OK);
}

static void find(const char *data, size_t size, size_t piece, struct buf *out)
{
    struct resp_reader *reader = resp_reader_new();
    enum resp_read read = RESP_READ_MORE;

    MUST(reader != NULL);
    for (size_t at = 0; at < size; at += piece) {
        struct piece next = {data + at, size - at < piece ? size - at : piece};
        char *exact = piece_exact(next);

        resp_reader_feed(reader, exact, next.len);
        free(exact);
        read = read_all(reader, out);
    }
    add_end(out, read == RESP_READ_BAD ? 'b' : 'm');
    resp_reader_free(reader);
}

/* ---- what the grammar says ---- */

struct grammar {
    const char *at, *end;
    size_t elements; /* left */
    struct buf *out;
};

/* UNKNOWN: a type of RESP3, which is bad at once, or, with hiredis 1.x, when all of it has come. */
enum verdict { COMPLETE, MORE, BAD, UNKNOWN };

/* The line from here on, which ends with CR LF; the first CR LF ends it. */
static bool take_line(struct grammar *grammar, struct piece *line)
{
    size_t left = (size_t)(grammar->end - grammar->at);
    const char *end = left > 0 ? memmem(grammar->at, left, "\r\n", 2) : NULL;

    if (end == NULL)
        return false;
    *line = (struct piece){grammar->at, (size_t)(end - grammar->at)};
    grammar->at = end + 2;
    return true;
}

/* No sign but a minus, no leading zero. */
static bool to_number(struct piece line, long long *out)
{
    char text[32], again[32];

    if (line.len == 0 || line.len >= sizeof(text) || memchr(line.data, '\0', line.len) != NULL)
        return false;
    memcpy(text, line.data, line.len);
    text[line.len] = '\0';
    *out = strtoll(text, NULL, 10);
    snprintf(again, sizeof(again), "%lld", *out);
    return strcmp(again, text) == 0;
}

static enum verdict take_string(struct grammar *grammar, long long len)
{
    if (len < 0) {
        buf_puts(grammar->out, "nil ");
        return len == -1 ? COMPLETE : BAD;
    }
    if (len > LLONG_MAX - 2 || grammar->end - grammar->at < len + 2)
        return MORE;
    if (memcmp(grammar->at + len, "\r\n", 2) != 0)
        return BAD;
    add_bytes(grammar->out, '$', grammar->at, (size_t)len);
    grammar->at += len + 2;
    return COMPLETE;
}

static enum verdict take_value(struct grammar *grammar, size_t level);

static enum verdict take_array(struct grammar *grammar, long long count, size_t level)
{
    if (count == -1) {
        buf_puts(grammar->out, "nil ");
        return COMPLETE;
    }
    if (count < 0 || level == RESP_DEPTH || (unsigned long long)count > grammar->elements)
        return BAD;
    grammar->elements -= (size_t)count;
    buf_printf(grammar->out, "*%lld ", count);
    for (long long i = 0; i < count; i++) {
        enum verdict verdict = take_value(grammar, level + 1);

        if (verdict != COMPLETE)
            return verdict;
    }
    return COMPLETE;
}

static enum verdict take_typed(struct grammar *grammar, char type, struct piece line, size_t level)
{
    long long number;

    if (type == '+' || type == '-') {
        add_bytes(grammar->out, type, line.data, line.len);
        return memchr(line.data, '\r', line.len) == NULL &&
                       memchr(line.data, '\n', line.len) == NULL
                   ? COMPLETE
                   : BAD;
    }
    if (!to_number(line, &number))
        return BAD;
    if (type == '$')
        return take_string(grammar, number);
    if (type == '*')
        return take_array(grammar, number, level);
    buf_printf(grammar->out, ":%lld ", number);
    return COMPLETE;
}

static enum verdict take_value(struct grammar *grammar, size_t level)
{
    struct piece line;

    if (grammar->at == grammar->end)
        return MORE;
    const char type = *grammar->at++;
    if (type == '\0' || strchr("+-:$*", type) == NULL)
        return type != '\0' && strchr("_#,(=%~|>", type) != NULL ? UNKNOWN : BAD;
    return take_line(grammar, &line) ? take_typed(grammar, type, line, level) : MORE;
}

/* Takes complete replies alone into account, and none that is too large. */
static void expect(const char *data, size_t size, struct buf *out)
{
    struct buf reply;
    struct grammar grammar = {.at = data, .end = data + size, .out = &reply};
    enum verdict verdict = COMPLETE;

    buf_init(&reply, ACCOUNT_MAX);
    while (verdict == COMPLETE) {
        const char *start = grammar.at;

        buf_reset(&reply);
        grammar.elements = RESP_ELEMENTS;
        verdict = take_value(&grammar, 0);
        size_t taken = (size_t)((verdict == COMPLETE ? grammar.at : grammar.end) - start);
        if (taken > RESP_REPLY_MAX)
            verdict = BAD;
        if (verdict == COMPLETE)
            buf_append(out, reply.data, reply.len);
    }
    buf_fini(&reply);
    add_end(out, verdict == UNKNOWN ? '?' : verdict == BAD ? 'b' : 'm');
}

/* ---- one run ---- */

static void compare(const char *data, size_t size, size_t piece, const struct buf *expected)
{
    struct buf found;

    buf_init(&found, ACCOUNT_MAX);
    find(data, size, piece, &found);
    MUST(found.len == expected->len && memcmp(found.data, expected->data, found.len - 1) == 0);
    char end = expected->data[found.len - 1];
    MUST(end == '?' || end == found.data[found.len - 1]);
    buf_fini(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf expected;

    if (size < 1 || size > INPUT_MAX)
        return 0;
    const char *bytes = (const char *)data + 1;
    buf_init(&expected, ACCOUNT_MAX);
    expect(bytes, size - 1, &expected);
    compare(bytes, size - 1, size, &expected);
    /* hiredis 0.14 looks for the end of a line anew in all of it, for each piece. */
    compare(bytes, size - 1, (size_t)data[0] + 1 + size / 64, &expected);
    if (size < 2000)
        compare(bytes, size - 1, 1, &expected);
    buf_fini(&expected);
    return 0;
}
