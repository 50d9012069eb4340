/*
 * A decoder of our own, because leniency here is a fault: libraries skip what they do not know
 * and drop spare bits, so that one signed token has many spellings, and a spelling rejected by one
 * reader passes another. It decodes secrets too, which is why its memory is overwritten. The
 * encoder is for what is signed here.
 */
#include "jose/base64url.h"

#include <stdint.h>

#include "base/mem.h"
#include "base/secret.h"

/* The six bits a character stands for, or -1. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool base64url_decode(const char *text, size_t len, struct octets *out)
{
    uint32_t bits = 0;
    unsigned have = 0;

    *out = (struct octets){.bytes = mem_alloc(len / 4 * 3 + 3)};
    for (size_t i = 0; i < len; i++) {
        int six = sextet(text[i]);
        if (six < 0)
            goto bad;
        bits = bits << 6 | (uint32_t)six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out->bytes[out->len++] = (unsigned char)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    /* Six bits left: a lone character. Others left: they must be zero. */
    if (have == 6 || bits != 0)
        goto bad;
    out->bytes[out->len] = 0;
    return true;

bad:
    octets_fini(out);
    return false;
}

char *base64url_encode(const void *bytes, size_t len)
{
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = bytes;
    char *text = mem_alloc(len / 3 * 4 + 5);
    size_t at = 0;
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | from[i];
        for (have += 8; have >= 6; have -= 6)
            text[at++] = characters[bits >> (have - 6) & 0x3f];
    }
    if (have > 0)
        text[at++] = characters[bits << (6 - have) & 0x3f];
    text[at] = '\0';
    return text;
}

void octets_fini(struct octets *octets)
{
    wipe_free(octets->bytes, octets->len);
    *octets = (struct octets){0};
}
