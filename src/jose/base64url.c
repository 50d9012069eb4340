/*
 * A decoder of our own, because leniency here is a fault: libraries skip what they do not know
 * and drop spare bits, so that one signed token has many spellings, and a spelling rejected by one
 * reader passes another. It decodes secrets too, which is why its memory is overwritten. The
 * encoder is for what is signed here.
 */
#include "jose/base64url.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

/* Seen in each sum of sextets with one that is none. */
#define BAD 0x80000000u

/* The six bits a character stands for; all bits of a foreign one. */
static uint32_t sextet(char c)
{
    /* One more, so that what is not named is no character. */
    static const unsigned char sextets[256] = {
        ['-'] = 63, ['_'] = 64, ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['A'] = 1,
        2,          3,          4,          5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
        15,         16,         17,         18, 19, 20, 21, 22, 23, 24, 25, 26, ['a'] = 27,
        28,         29,         30,         31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
        41,         42,         43,         44, 45, 46, 47, 48, 49, 50, 51, 52,
    };

    return sextets[(unsigned char)c] - 1u;
}

/* Three bytes of four characters; false: one of them is foreign. */
static bool decode_four(const char *text, unsigned char *out)
{
    uint32_t a = sextet(text[0]), b = sextet(text[1]), c = sextet(text[2]), d = sextet(text[3]);
    uint32_t bits = a << 18 | b << 12 | c << 6 | d;

    out[0] = (unsigned char)(bits >> 16);
    out[1] = (unsigned char)(bits >> 8);
    out[2] = (unsigned char)bits;
    return ((a | b | c | d) & BAD) == 0;
}

/*
 * The bytes of what is behind the last four characters: of two or three characters, which leave
 * four or two bits that must be zero; -1 where it cannot be.
 */
static int decode_rest(const char *text, size_t len, unsigned char *out)
{
    char four[4] = {'A', 'A', 'A', 'A'};
    unsigned char bytes[3];

    if (len == 0)
        return 0;
    memcpy(four, text, len);
    if (len == 1 || !decode_four(four, bytes) || bytes[len - 1] != 0)
        return -1;
    memcpy(out, bytes, len - 1);
    return (int)len - 1;
}

bool base64url_decode(const char *text, size_t len, struct octets *out)
{
    size_t whole = len / 4;
    bool good = true;

    *out = (struct octets){.bytes = mem_alloc(whole * 3 + 3), .len = whole * 3};
    for (size_t i = 0; i < whole; i++)
        good &= decode_four(text + 4 * i, out->bytes + 3 * i);
    int rest = decode_rest(text + 4 * whole, len % 4, out->bytes + out->len);
    if (good && rest >= 0) {
        out->len += (size_t)rest;
        out->bytes[out->len] = 0;
        return true;
    }
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
