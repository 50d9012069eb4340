/*
 * Random secrets are taken, whatever form people keep them in: a few thousand of each, the same
 * every time. What the marks of key_text come to by chance was measured with millions; a form that
 * is refused once in ten thousand fails here.
 */
#include <string.h>

#include <check.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "jose/key_text.h"
#include "suite.h"

static void may_be_secret(const char *name, const char *bytes, size_t len)
{
    const char *what = key_text_mistaken(bytes, len);

    ck_assert_msg(what == NULL, "%s: %.*s: %s", name, (int)len, bytes, what);
}

enum { SECRETS = 1500, WORDS = 4 };

static uint64_t state;

/* The same numbers every time (xorshift, by Marsaglia). */
static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dULL;
}

static void random_bytes(unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(next() >> 56);
}

static size_t secret_bytes_of(char *out)
{
    size_t len = 32 + (size_t)(next() >> 59);

    random_bytes((unsigned char *)out, len);
    return len;
}

static size_t secret_base64(char *out, int bytes)
{
    unsigned char random[64];

    random_bytes(random, (size_t)bytes);
    return (size_t)EVP_EncodeBlock((unsigned char *)out, random, bytes);
}

static size_t secret_base64_32(char *out)
{
    size_t len = secret_base64(out, 32);

    out[len] = '\n';
    return len + 1;
}

static size_t secret_base64_48(char *out)
{
    return secret_base64(out, 48);
}

static size_t secret_base64url(char *out)
{
    size_t len = secret_base64(out, 33);

    for (size_t i = 0; i < len; i++)
        out[i] = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
    return len;
}

static size_t secret_hex(char *out)
{
    size_t at = 0;

    for (int i = 0; i < 4; i++)
        at += (size_t)snprintf(out + at, 17, "%016llx", (unsigned long long)next());
    return at;
}

static size_t secret_uuids(char *out)
{
    size_t at = 0;

    for (int i = 0; i < 3; i++) {
        uint64_t a = next();
        uint64_t b = next();
        at += (size_t)snprintf(out + at, 38, "%08x-%04x-4%03x-%04x-%012llx\n", (unsigned)(a >> 32),
                               (unsigned)(a & 0xffff), (unsigned)(a >> 16 & 0xfff),
                               (unsigned)(b >> 50 | 0x8000) & 0xffff,
                               (unsigned long long)(b & 0xffffffffffffULL));
    }
    return at;
}

static size_t secret_words(char *out)
{
    static const char *const words[] = {
        "abacus", "correct", "horse",  "battery", "staple", "key",    "begin", "public", "private",
        "secret", "certify", "orange", "ssh",     "token",  "bearer", "https", "of",     "PEM",
    };
    size_t at = 0;

    for (int i = 0; i < 9; i++)
        at += (size_t)snprintf(out + at, 10, "%s%c", words[(next() >> 32) % ARRAY_LEN(words)],
                               " -_.:"[(next() >> 32) % 5]);
    return at;
}

static size_t secret_password(char *out)
{
    size_t len = 32 + (size_t)(next() >> 60);

    for (size_t i = 0; i < len; i++)
        out[i] = (char)('!' + (next() >> 32) % ('~' - '!' + 1));
    return len;
}

START_TEST(test_secrets)
{
    static const struct {
        const char *name;
        size_t (*make)(char *out);
    } forms[] = {
        {"bytes", secret_bytes_of},
        {"base64 of 32", secret_base64_32},
        {"base64 of 48", secret_base64_48},
        {"base64url", secret_base64url},
        {"hex", secret_hex},
        {"uuids", secret_uuids},
        {"words", secret_words},
        {"password", secret_password},
    };
    char secret[256];

    state = 0x9e3779b97f4a7c15U + (unsigned)_i;
    for (int i = 0; i < SECRETS; i++) {
        size_t len = forms[_i].make(secret);
        may_be_secret(forms[_i].name, secret, len);
    }
}
END_TEST

/* What begins as something else does, and is not it. */
START_TEST(test_near_secrets)
{
    static const char *const secrets[] = {
        "/9j4AAQSkZJRgABAQAAAQABAAD2wBDAAUDBA==",
        "MIIabcdefghijklmnopqrstuvwxyz0123456789",
        "MII0123456789012345678901234567890123456789",
        "eyJ0123456789012345678901234567890123456",
        "ssh-0123456789012345678901234567890123456",
        "[0123456789abcdef0123456789abcdef",
        "\"0123456789abcdef0123456789abcdef\"",
        "<0123456789abcdef0123456789abcdef>",
        "{0123456789abcdef0123456789abcdef}",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s",
        "secret: correct horse battery staple",
        "BEGIN 0123456789abcdef0123456789abcdef",
        "AAAA0123456789abcdef0123456789abcdef01234567",
        "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s",
        "F5J://zx<3H^yKQ?+6t:v}%HBViM[ZK?nehJQ08A>",
        "u8-5</)_ti*gWac0|5W)+_/I_%cA[%*Ncg.p8",
        "",
        "\n",
    };
    /* A SEQUENCE of 48 bytes that is one INTEGER of 46. */
    char short_sequence[50] = {0x30, 48, 0x02, 46};
    char zeros[64] = {0};

    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        may_be_secret("near", secrets[i], strlen(secrets[i]));
    may_be_secret("zeros", zeros, sizeof(zeros));
    may_be_secret("short", short_sequence, sizeof(short_sequence));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("key_text_secrets");
    TCase *tcase = tcase_create("key_text_secrets");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_secrets, 0, 8);
    tcase_add_test(tcase, test_near_secrets);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
