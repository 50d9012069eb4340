/*
 * Bytes are marked first and replaced then: a secret that is a part of another one, or overlaps it,
 * leaves nothing of either.
 */
#include "token/mask.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "token/encoding.h"

/* How every JWT begins: {" in base64url. */
#define JWT_START "eyJ"

/* A server's text, and which of its bytes are not to be repeated. */
struct masked {
    const char *text;
    size_t len;
    bool *hidden;
};

static void hide(struct masked *masked, const char *form, size_t form_len)
{
    const char *end = masked->text + masked->len;
    const char *hit = masked->text;

    while (form_len > 0 && (hit = memmem(hit, (size_t)(end - hit), form, form_len)) != NULL) {
        memset(masked->hidden + (hit - masked->text), true, form_len);
        hit++;
    }
}

static void hide_basic(struct masked *masked, const struct config_upstream *upstream,
                       const struct secret *secret, bool encoded)
{
    char *value = encoding_basic(upstream, secret, encoded);
    const char *pair = value + strlen(ENCODING_BASIC);

    hide(masked, pair, strlen(pair));
    hide(masked, pair, strcspn(pair, "="));
    wipe_free_text(value);
}

/* ---- in any spelling ---- */

/* What one unit of the text stands for. */
struct unit {
    char bytes[4];
    size_t len;   /* of those */
    size_t taken; /* of the text */
};

/* \uXXXX, but for surrogates; false where it is none. */
static bool read_code(const char *text, struct unit *unit)
{
    uint32_t code = 0;

    for (size_t i = 2; i < 6; i++) {
        if (!text_is(text[i], TEXT_HEX))
            return false;
        code = code * 16 + (uint32_t)text_hex_value(text[i]);
    }
    unit->taken = 6;
    if (code < 0x80) {
        unit->bytes[unit->len++] = (char)code;
    } else if (code < 0x800) {
        unit->bytes[unit->len++] = (char)(0xc0 | code >> 6);
        unit->bytes[unit->len++] = (char)(0x80 | (code & 0x3f));
    } else {
        unit->bytes[unit->len++] = (char)(0xe0 | code >> 12);
        unit->bytes[unit->len++] = (char)(0x80 | (code >> 6 & 0x3f));
        unit->bytes[unit->len++] = (char)(0x80 | (code & 0x3f));
    }
    return true;
}

/* A percent triplet, a plus, or an escape of JSON. False: the byte stands for itself alone. */
static bool read_spelling(const char *text, struct unit *unit)
{
    *unit = (struct unit){.len = 0};
    if (*text == '%' && text_is(text[1], TEXT_HEX) && text_is(text[2], TEXT_HEX)) {
        unit->bytes[0] = (char)(text_hex_value(text[1]) * 16 + text_hex_value(text[2]));
        unit->len = 1;
        unit->taken = 3;
        return true;
    }
    if (*text == '\\' && text[1] == 'u')
        return read_code(text, unit);
    if (*text != '+' && !(*text == '\\' && text[1] != '\0'))
        return false;
    unit->bytes[0] = *text == '+' ? ' ' : text[1];
    unit->len = 1;
    unit->taken = *text == '+' ? 1 : 2;
    return true;
}

/*
 * How much of the text spells the secret, each byte in whatever way; 0 where it does not. What a
 * spelling stands for is tried first, then the bytes as they are.
 */
static size_t spelt_len(const char *text, const char *secret, size_t len)
{
    const char *at = text;
    struct unit unit;

    while (len > 0) {
        bool spelt = read_spelling(at, &unit) && unit.len <= len &&
                     memcmp(unit.bytes, secret, unit.len) == 0;
        if (!spelt && *at != *secret)
            return 0;
        at += spelt ? unit.taken : 1;
        secret += spelt ? unit.len : 1;
        len -= spelt ? unit.len : 1;
    }
    return (size_t)(at - text);
}

static void hide_spelt(struct masked *masked, const char *secret, size_t len)
{
    for (size_t i = 0; i < masked->len; i++) {
        size_t spelt = spelt_len(masked->text + i, secret, len);
        memset(masked->hidden + i, true, spelt);
    }
}

static void hide_text(struct masked *masked, const char *text, size_t len)
{
    if (len == 0)
        return;
    hide(masked, text, len);
    hide_spelt(masked, text, len);
}

static void hide_secret(struct masked *masked, const struct config_upstream *upstream,
                        const struct secret *secret)
{
    if (secret_len(secret) == 0)
        return;
    hide_text(masked, secret_text(secret), secret_len(secret));
    hide_basic(masked, upstream, secret, false);
    hide_basic(masked, upstream, secret, true);
}

/* The length of a JWT that begins here; 0 where none does. */
static size_t jwt_len(const char *text)
{
    size_t header = text_span(text, TEXT_LABEL);
    size_t payload = text[header] == '.' ? text_span(text + header + 1, TEXT_LABEL) : 0;
    size_t len = header + 1 + payload;

    if (payload == 0)
        return 0;
    return text[len] == '.' ? len + 1 + text_span(text + len + 1, TEXT_LABEL) : len;
}

static void hide_jwts(struct masked *masked)
{
    const char *hit = masked->text;

    while ((hit = strstr(hit, JWT_START)) != NULL) {
        memset(masked->hidden + (hit - masked->text), true, jwt_len(hit));
        hit += strlen(JWT_START);
    }
}

static void hide_all(struct masked *masked, const struct config_upstream *upstream)
{
    for (size_t i = 0; i < upstream->client_secret_count; i++)
        hide_secret(masked, upstream, upstream->client_secrets[i]);
    for (size_t i = 0; i < upstream->header_file.count; i++) {
        const struct secret *value = upstream->header_file.items[i].file.bytes;
        if (value != NULL)
            hide_text(masked, secret_text(value), secret_len(value));
    }
    hide_jwts(masked);
}

char *token_mask(const struct config_upstream *upstream, const char *text)
{
    const size_t len = strlen(text);
    struct masked masked = {.text = text, .len = len, .hidden = mem_zalloc(len + 1)};
    struct buf out;

    hide_all(&masked, upstream);
    buf_init(&out, ENCODING_MAX);
    for (size_t i = 0; i < len; i++) {
        if (!masked.hidden[i])
            buf_putc(&out, text[i]);
        else if (i == 0 || !masked.hidden[i - 1])
            buf_puts(&out, "***");
    }
    MEM_MUST(out.err == ERR_OK);
    char *copy = mem_strdup(buf_text(&out));
    buf_fini(&out);
    mem_free(masked.hidden);
    return copy;
}
