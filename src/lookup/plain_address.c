/*
 * Without this check, parsing each body into a tree and freeing the tree makes a lookup 10 % dearer
 * in CPU time at 64 callers (docs/decisions/plain-address.md).
 *
 * Most upstreams send plain bodies: a few members, text without \u escapes. One pass recognises
 * these. It allocates nothing; it only keeps a list of the names in the open objects. Whatever is
 * unusual (a \u escape, an exponent, deep nesting, many names) goes to the parser, which also says
 * what is wrong with a body. The result here is only "certainly an address" or "not certain".
 *
 * So the only possible fault is to be certain of a body that the parser rejects. The unit test and
 * the fuzz target look for that.
 */
#include "lookup/plain_address.h"

#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "lookup/address_members.h"

#define DEPTH_MAX 8
#define NAMES_MAX 48
#define NUMBER_MAX 20

struct name {
    const char *text;
    size_t len;
};

struct scan {
    const char *at;
    const char *end;
    size_t depth;
    struct name names[NAMES_MAX]; /* of the open objects, outermost first */
    size_t name_count;
    size_t missing; /* required members that the outermost object has not had so far */
    bool wrong;     /* a checked member of it is no string */
};

/* What in a string is ASCII, stands for itself and does not end it. JSON allows DEL. */
#define PLAIN_CLASSES ((TEXT_PRINTABLE | TEXT_DEL) & TEXT_NOT(TEXT_QUOTE | TEXT_BACKSLASH))

static bool value(struct scan *scan);

/* The next byte; 0 at the end, which equals no byte that is looked for. */
static char peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static void skip_space(struct scan *scan)
{
    while (peek(scan) == ' ' || peek(scan) == '\n' || peek(scan) == '\r' || peek(scan) == '\t')
        scan->at++;
}

static bool take(struct scan *scan, char wanted)
{
    if (peek(scan) != wanted)
        return false;
    scan->at++;
    return true;
}

static bool is_simple_escape(char c)
{
    return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' ||
           c == 't';
}

/* One character that is not plain ASCII. */
static bool unusual(struct scan *scan)
{
    uint32_t code;
    size_t len;

    if (take(scan, '\\')) {
        if (!is_simple_escape(peek(scan)))
            return false;
        scan->at++;
        return true;
    }
    len = text_utf8_next(scan->at, (size_t)(scan->end - scan->at), &code);
    if (len < 2) /* a control character, or no UTF-8 */
        return false;
    scan->at += len;
    return true;
}

static void skip_plain(struct scan *scan)
{
    const char *at = scan->at;

    while (at < scan->end && text_is(*at, PLAIN_CLASSES))
        at++;
    scan->at = at;
}

/* After the opening quote. */
static bool string(struct scan *scan)
{
    for (skip_plain(scan); !take(scan, '"'); skip_plain(scan))
        if (!unusual(scan))
            return false;
    return true;
}

static bool digits(struct scan *scan)
{
    const char *begin = scan->at;

    while (text_is(peek(scan), TEXT_DIGIT))
        scan->at++;
    return scan->at > begin;
}

static bool number(struct scan *scan)
{
    const char *begin = scan->at;

    take(scan, '-');
    bool zero = peek(scan) == '0';
    const char *whole = scan->at;
    if (!digits(scan) || (zero && scan->at - whole > 1))
        return false;
    if (take(scan, '.') && !digits(scan))
        return false;
    return scan->at - begin <= NUMBER_MAX;
}

static bool word(struct scan *scan, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, text, len) != 0)
        return false;
    scan->at += len;
    return true;
}

/*
 * A name in the object whose names begin at `first`. A name with an escape is not certain: it could
 * equal another one.
 */
static bool name(struct scan *scan, size_t first)
{
    const char *begin = scan->at + 1;

    if (scan->name_count == NAMES_MAX || !take(scan, '"') || !string(scan))
        return false;
    struct name this = {begin, (size_t)(scan->at - 1 - begin)};
    if (memchr(this.text, '\\', this.len) != NULL)
        return false;
    for (size_t i = first; i < scan->name_count; i++)
        if (scan->names[i].len == this.len && memcmp(scan->names[i].text, this.text, this.len) == 0)
            return false;
    scan->names[scan->name_count++] = this;
    return true;
}

/* The outermost object has a member of this name. */
static void note_member(struct scan *scan, const struct name *name, bool is_string)
{
    for (size_t i = 0; i < ARRAY_LEN(address_members); i++) {
        const struct address_member *member = &address_members[i];

        if (name->len != member->len || memcmp(name->text, member->name, member->len) != 0)
            continue;
        scan->missing -= member->required;
        scan->wrong = scan->wrong || !is_string;
    }
}

static bool member(struct scan *scan, size_t first)
{
    if (!name(scan, first))
        return false;
    const struct name *this = &scan->names[scan->name_count - 1];
    skip_space(scan);
    if (!take(scan, ':'))
        return false;
    skip_space(scan);
    if (scan->depth == 1)
        note_member(scan, this, peek(scan) == '"');
    return value(scan);
}

/* After the opening brace. */
static bool object(struct scan *scan)
{
    size_t first = scan->name_count;

    skip_space(scan);
    if (take(scan, '}'))
        return true;
    do {
        skip_space(scan);
        if (!member(scan, first))
            return false;
        skip_space(scan);
    } while (take(scan, ','));
    scan->name_count = first;
    return take(scan, '}');
}

/* After the opening bracket. */
static bool array(struct scan *scan)
{
    skip_space(scan);
    if (take(scan, ']'))
        return true;
    do {
        skip_space(scan);
        if (!value(scan))
            return false;
        skip_space(scan);
    } while (take(scan, ','));
    return take(scan, ']');
}

static bool nested(struct scan *scan, bool (*scan_inside)(struct scan *scan))
{
    scan->at++;
    if (++scan->depth > DEPTH_MAX || !scan_inside(scan))
        return false;
    scan->depth--;
    return true;
}

static bool value(struct scan *scan)
{
    switch (peek(scan)) {
    case '"':
        scan->at++;
        return string(scan);
    case '{':
        return nested(scan, object);
    case '[':
        return nested(scan, array);
    case 't':
        return word(scan, "true");
    case 'f':
        return word(scan, "false");
    case 'n':
        return word(scan, "null");
    default:
        return number(scan);
    }
}

bool plain_address(const char *body, size_t len)
{
    struct scan scan; /* its list of names need not be cleared */

    scan.at = body;
    scan.end = body + len;
    scan.depth = 0;
    scan.name_count = 0;
    scan.missing = 0;
    for (size_t i = 0; i < ARRAY_LEN(address_members); i++)
        scan.missing += address_members[i].required;
    scan.wrong = false;
    if (len == 0)
        return false;
    skip_space(&scan);
    if (peek(&scan) != '{' || !value(&scan))
        return false;
    skip_space(&scan);
    return scan.at == scan.end && scan.missing == 0 && !scan.wrong;
}
