/*
 * HTTP Basic (RFC 7617) takes id and secret as they are. RFC 6749, section 2.3.1, wants both
 * form-encoded before they go into Basic; a server that does not know this sees no difference while
 * they are letters and digits, and rejects the rest.
 */
#include "token/encoding.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* What the encoding of forms leaves as it is. */
#define FORM_CLASSES (TEXT_NAME | TEXT_ASTERISK)

static const char hex[] = "0123456789ABCDEF";

void encoding_form(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[] = {'%', hex[c >> 4], hex[c & 15]};

        if (text_is(text[i], FORM_CLASSES))
            buf_putc(out, text[i]);
        else if (c == ' ')
            buf_putc(out, '+');
        else
            buf_append(out, escape, sizeof(escape));
    }
}

void encoding_pair(struct buf *out, const char *name, const char *value, size_t value_len)
{
    if (out->len > 0)
        buf_putc(out, '&');
    encoding_form(out, name, strlen(name));
    buf_putc(out, '=');
    encoding_form(out, value, value_len);
}

void encoding_text(struct buf *out, const char *name, const char *value)
{
    if (value != NULL)
        encoding_pair(out, name, value, strlen(value));
}

/* `id:secret`. */
static void put_pair(struct buf *out, const char *id, const struct secret *secret, bool encoded)
{
    if (encoded) {
        encoding_form(out, id, strlen(id));
        buf_putc(out, ':');
        encoding_form(out, secret_text(secret), secret_len(secret));
    } else {
        buf_puts(out, id);
        buf_putc(out, ':');
        buf_append(out, secret_text(secret), secret_len(secret));
    }
}

char *encoding_basic(const struct config_upstream *upstream, const struct secret *secret,
                     bool encoded)
{
    const size_t before = strlen(ENCODING_BASIC);
    struct buf pair;

    buf_init_secret(&pair, ENCODING_MAX);
    put_pair(&pair, upstream->client_id, secret, encoded);
    MEM_MUST(pair.err == ERR_OK); /* its bound is the configuration's */
    char *value = mem_alloc(before + (pair.len + 2) / 3 * 4 + 1);
    memcpy(value, ENCODING_BASIC, before);
    EVP_EncodeBlock((unsigned char *)value + before, (const unsigned char *)pair.data,
                    (int)pair.len);
    buf_fini(&pair);
    return value;
}
