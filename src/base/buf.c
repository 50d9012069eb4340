/*
 * A buffer doubles while it grows, so appending costs a constant time on average, and stops at the
 * maximum its owner named. Its failure sticks until the owner looks: code that puts a text
 * together from ten pieces reads as ten lines and one check.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"

#define FIRST_CAP 64

void buf_init(struct buf *buf, size_t max)
{
    MUST(max < SIZE_MAX); /* there is a NUL to be had behind it */
    *buf = (struct buf){.max = max};
}

void buf_init_secret(struct buf *buf, size_t max)
{
    buf_init(buf, max);
    buf->secret = true;
}

static void forget(struct buf *buf)
{
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    buf->err = ERR_OK;
}

void buf_fini(struct buf *buf)
{
    wipe_free(buf->data, buf->secret ? buf->cap : 0);
    forget(buf);
}

/* As realloc, but leaves no copy behind. */
static char *move_secret(struct buf *buf, size_t cap)
{
    char *data = mem_try_realloc(NULL, cap);

    if (data != NULL && buf->data != NULL) {
        memcpy(data, buf->data, buf->len);
        wipe_free(buf->data, buf->cap);
    }
    return data;
}

/* Room for `len` more bytes and the NUL; the caller has checked that they are within max. */
static enum err make_room(struct buf *buf, size_t len)
{
    size_t need = buf->len + len + 1;
    size_t cap = buf->cap > 0 ? buf->cap : FIRST_CAP;

    if (need <= buf->cap)
        return ERR_OK;
    while (cap < need)
        cap = cap > buf->max / 2 ? buf->max + 1 : cap * 2;
    char *data = buf->secret ? move_secret(buf, cap) : mem_try_realloc(buf->data, cap);
    if (data == NULL)
        return ERR_SYSTEM;
    buf->data = data;
    buf->cap = cap;
    return ERR_OK;
}

enum err buf_append(struct buf *buf, const void *data, size_t len)
{
    if (buf->err != ERR_OK)
        return buf->err;
    if (len > buf->max - buf->len)
        return buf->err = ERR_TOO_LARGE;
    buf->err = make_room(buf, len);
    if (buf->err != ERR_OK)
        return buf->err;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return ERR_OK;
}

enum err buf_puts(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

enum err buf_putc(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

enum err buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    enum err err = buf_puts(buf, text);
    wipe_free(text, buf->secret ? strlen(text) : 0);
    return err;
}

const char *buf_text(const struct buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

void buf_reset(struct buf *buf)
{
    if (buf->data != NULL) {
        if (buf->secret)
            wipe(buf->data, buf->cap);
        buf->data[0] = '\0';
    }
    buf->len = 0;
    buf->err = ERR_OK;
}

char *buf_take(struct buf *buf, size_t *len)
{
    char *data = buf->data;

    if (len != NULL)
        *len = buf->len;
    forget(buf);
    return data;
}
