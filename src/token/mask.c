/*
 * Bytes are marked first and replaced then: a secret that is a part of another one, or overlaps it,
 * leaves nothing of either.
 */
#include "token/mask.h"

#include <string.h>

#include "base/json_value.h"
#include "base/mem.h"
#include "base/text.h"
#include "token/encoding.h"
#include "token/unescape.h"

/* How every JWT begins: {" in base64url. */
#define JWT_START "eyJ"

/* A server may have escaped what was escaped already, and put that into JSON. */
#define LAYERS 3

/* A server's text, and which of its bytes are not to be repeated. */
struct masked {
    const char *text;
    size_t len;
    bool *hidden;
    /* The same with some layers of escapes undone, and where in `text` each of its bytes begins. */
    char *plain;
    size_t plain_len;
    size_t *from;
};

/* A form has + for a space, whatever else it escapes. */
static bool is_same(const char *text, const char *form, size_t len)
{
    size_t i = 0;

    while (i < len && (text[i] == form[i] || (text[i] == '+' && form[i] == ' ')))
        i++;
    return i == len;
}

static void hide(struct masked *masked, const char *form, size_t form_len)
{
    for (size_t i = 0; form_len > 0 && i + form_len <= masked->plain_len; i++) {
        const size_t start = masked->from[i];
        if (is_same(masked->plain + i, form, form_len))
            memset(masked->hidden + start, true, masked->from[i + form_len] - start);
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

typedef void encoder(struct buf *out, const char *text, size_t len);

static void hide_encoded(struct masked *masked, const char *text, size_t len, encoder *encode)
{
    struct buf form;

    buf_init_secret(&form, ENCODING_MAX);
    encode(&form, text, len);
    MEM_MUST(form.err == ERR_OK);
    hide(masked, buf_text(&form), form.len);
    buf_fini(&form);
}

/* A secret may hold what looks like an escape, and that is undone with the others. */
static void hide_unescaped(struct masked *masked, const char *text, size_t len)
{
    char *plain = mem_strndup(text, len);
    size_t plain_len = len;

    for (int layer = 0; layer < LAYERS && unescape(plain, NULL, &plain_len); layer++)
        hide(masked, plain, plain_len);
    wipe(plain, len);
    mem_free(plain);
}

static void hide_text(struct masked *masked, const char *text, size_t len)
{
    hide(masked, text, len);
    hide_encoded(masked, text, len, encoding_form);
    hide_encoded(masked, text, len, json_value_escape);
    hide_unescaped(masked, text, len);
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
}

/* As it came, and with each layer of escapes undone. */
static void hide_layers(struct masked *masked, const struct config_upstream *upstream)
{
    bool escaped = true;

    for (int layer = 0; layer <= LAYERS && escaped; layer++) {
        hide_all(masked, upstream);
        escaped = unescape(masked->plain, masked->from, &masked->plain_len);
        masked->from[masked->plain_len] = masked->len;
    }
}

char *token_mask(const struct config_upstream *upstream, const char *text)
{
    const size_t len = strlen(text);
    struct masked masked = {.text = text,
                            .len = len,
                            .hidden = mem_zalloc(len + 1),
                            .plain = mem_strdup(text),
                            .plain_len = len,
                            .from = mem_alloc((len + 1) * sizeof(*masked.from))};
    struct buf out;

    for (size_t i = 0; i <= len; i++)
        masked.from[i] = i;
    hide_layers(&masked, upstream);
    hide_jwts(&masked);
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
    mem_free(masked.from);
    wipe(masked.plain, len);
    mem_free(masked.plain);
    return copy;
}
