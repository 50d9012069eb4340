/*
 * Identifiers of requests. They are made for each lookup, so the random bytes come from the kernel
 * in blocks: a system call each cost more than all the rest of making a UUID.
 *
 * What a caller sent as its trace is data from outside: only its identifiers and the flags that
 * have a meaning go on, put together afresh, and never its bytes.
 */
#include "runtime/trace.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <uuid/uuid.h>

#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"

#define TRACE_ID_LEN 16
#define PARENT_ID_LEN 8
/* Where the fields of a traceparent begin: 00-TRACEID-PARENTID-FLAGS, and where it ends. */
#define TRACE_ID_AT 3
#define PARENT_ID_AT (TRACE_ID_AT + 2 * TRACE_ID_LEN + 1)
#define FLAGS_AT (PARENT_ID_AT + 2 * PARENT_ID_LEN + 1)
/* Flags with a meaning: sampled (Level 1), random trace id (Level 2). Others must not be sent. */
#define FLAG_SAMPLED 0x01u
#define FLAG_RANDOM 0x02u

#define TRACESTATE_MEMBERS 32

bool guid_is_valid(const char *text, size_t len)
{
    return len >= 1 && len <= GUID_MAX && text_is_all(text, len, TEXT_NAME | TEXT_COLON);
}

static void refill(struct guid_source *source)
{
    size_t have = 0;

    while (have < GUID_BLOCK) {
        ssize_t n = getrandom(source->bytes + have, GUID_BLOCK - have, 0);
        MUST(n > 0 || errno == EINTR);
        have += n > 0 ? (size_t)n : 0;
    }
    source->left = GUID_BLOCK;
}

/* Each byte is given out once, and not kept. */
static void take(struct guid_source *source, unsigned char *out, size_t len)
{
    if (source->left < len)
        refill(source);
    unsigned char *from = source->bytes + GUID_BLOCK - source->left;
    memcpy(out, from, len);
    wipe(from, len);
    source->left -= len;
}

void guid_make(struct guid_source *source, char out[GUID_UUID_TEXT])
{
    uuid_t uuid;

    take(source, uuid, sizeof(uuid));
    uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40); /* version 4 */
    uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
    uuid_unparse_lower(uuid, out);
}

static bool is_zero(const unsigned char *bytes, size_t len)
{
    unsigned any = 0;

    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    return any == 0;
}

/* A random id as lower-case hexadecimal, without a NUL; all zero is no id (section 3.2.2). */
static void put_fresh_id(struct guid_source *source, char *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char id[TRACE_ID_LEN];

    do {
        take(source, id, len);
    } while (is_zero(id, len));
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 0xf];
    }
}

/* `len` lower-case digits, and not all of them zero unless that is allowed. */
static bool is_hex(const char *text, size_t len, bool zero_allowed)
{
    bool zero = true;

    for (size_t i = 0; i < len; i++)
        zero = zero && text[i] == '0';
    return text_is_all(text, len, TEXT_LOWER_HEX) && (!zero || zero_allowed);
}

/*
 * Section 3.2.2. A version above 00 may go on behind the fields that version 00 has, after another
 * dash (section 4.3, "Versioning of traceparent").
 */
static bool is_traceparent(const char *text, size_t len)
{
    if (len < TRACEPARENT_LEN || !is_hex(text, 2, true) || memcmp(text, "ff", 2) == 0)
        return false;
    if (len > TRACEPARENT_LEN && (memcmp(text, "00", 2) == 0 || text[TRACEPARENT_LEN] != '-'))
        return false;
    return text[TRACE_ID_AT - 1] == '-' && is_hex(text + TRACE_ID_AT, 2 * TRACE_ID_LEN, false) &&
           text[PARENT_ID_AT - 1] == '-' && is_hex(text + PARENT_ID_AT, 2 * PARENT_ID_LEN, false) &&
           text[FLAGS_AT - 1] == '-' && is_hex(text + FLAGS_AT, 2, true);
}

bool trace_continue(struct guid_source *source, const char *incoming, size_t len,
                    char out[TRACEPARENT_TEXT])
{
    unsigned flags = FLAG_SAMPLED;

    text_trim(&incoming, &len);
    bool child = is_traceparent(incoming, len);
    memcpy(out, "00-", 3);
    if (child) {
        memcpy(out + TRACE_ID_AT, incoming + TRACE_ID_AT, 2 * TRACE_ID_LEN);
        flags = (unsigned)text_hex_value(incoming[FLAGS_AT + 1]) & (FLAG_SAMPLED | FLAG_RANDOM);
    } else {
        put_fresh_id(source, out + TRACE_ID_AT, TRACE_ID_LEN);
    }
    out[PARENT_ID_AT - 1] = '-';
    put_fresh_id(source, out + PARENT_ID_AT, PARENT_ID_LEN);
    out[FLAGS_AT - 1] = '-';
    out[FLAGS_AT] = '0';
    out[FLAGS_AT + 1] = (char)('0' + flags);
    out[TRACEPARENT_LEN] = '\0';
    return child;
}

/* KEY=VALUE, neither of them empty. */
static bool is_member(const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);

    return equals != NULL && equals != text && equals != text + len - 1;
}

bool tracestate_is_valid(const char *text, size_t len)
{
    size_t members = 0;

    if (len > TRACESTATE_MAX || !text_is_all(text, len, TEXT_PRINTABLE | TEXT_TAB))
        return false;
    for (size_t at = 0; at < len;) {
        const char *comma = memchr(text + at, ',', len - at);
        const char *member = text + at;
        size_t member_len = comma != NULL ? (size_t)(comma - member) : len - at;
        at += member_len + 1;
        text_trim(&member, &member_len);
        if (member_len == 0)
            continue;
        if (!is_member(member, member_len))
            return false;
        members++;
    }
    return members >= 1 && members <= TRACESTATE_MEMBERS;
}
