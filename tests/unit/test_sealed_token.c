/* A token that was sealed for another process: what comes back, and what must not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "token/credentials.h"
#include "token/sealed_token.h"
#include "suite.h"

static const unsigned char boot[SEALED_TOKEN_BOOT] = "the boot of now";
static const struct mono_time now = {.ns = HOUR};
static const struct mono_time asked = {.ns = HOUR - MINUTE};
static struct secret *key;
static struct sealed_token_owner owner;
static struct sealed_token keep;

static void begin(void)
{
    unsigned char bytes[CREDENTIALS_KEY];
    memset(bytes, 7, sizeof(bytes));
    key = secret_new(bytes, sizeof(bytes));
    owner = (struct sealed_token_owner){.key = key, .name = "a"};
    keep = (struct sealed_token){.type = NULL};
}

static void end(void)
{
    sealed_token_fini(&keep);
    secret_unref(key);
}

static struct secret *seal(const char *type, const char *value)
{
    const struct token_grant grant = {.type = type, .value = value, .lifetime = 10 * MINUTE};
    struct sealed_token_moment moment = {.requested = asked};
    memcpy(moment.boot, boot, SEALED_TOKEN_BOOT);
    return sealed_token_seal(&owner, &grant, &moment);
}

static const char *open_bytes(const void *bytes, size_t len)
{
    sealed_token_fini(&keep);
    return sealed_token_open(&keep, bytes, len, &owner, boot, now);
}

START_TEST(comes_back_as_it_was)
{
    char longest[TOKEN_VALUE_MAX + 1];
    memset(longest, 'x', TOKEN_VALUE_MAX);
    longest[TOKEN_VALUE_MAX] = '\0';
    static const char *const types[] = {"Bearer", "t"};
    const char *const values[] = {"abc", "v", longest};

    for (size_t i = 0; i < 6; i++) {
        struct secret *sealed = seal(types[i % 2], values[i / 2]);
        ck_assert_uint_le(secret_len(sealed), SEALED_TOKEN_MAX);
        ck_assert_uint_ge(secret_len(sealed), SEALED_TOKEN_MIN);
        ck_assert_ptr_null(memmem(secret_bytes(sealed), secret_len(sealed), "Bearer", 6));
        ck_assert_ptr_null(open_bytes(secret_bytes(sealed), secret_len(sealed)));
        ck_assert_str_eq(keep.grant.type, types[i % 2]);
        ck_assert_str_eq(keep.grant.value, values[i / 2]);
        ck_assert_int_eq(keep.grant.lifetime, 10 * MINUTE);
        ck_assert_int_eq(keep.requested.ns, asked.ns);
        secret_unref(sealed);
    }
}
END_TEST

START_TEST(no_two_are_alike)
{
    struct secret *one = seal("Bearer", "abc"), *other = seal("Bearer", "abc");
    /* Neither salt nor nonce nor what is encrypted. */
    const char *a = secret_bytes(one), *b = secret_bytes(other);
    ck_assert_mem_ne(a + 9, b + 9, 32);
    ck_assert_mem_ne(a + 41, b + 41, 12);
    ck_assert_mem_ne(a + SEAL_HEADER, b + SEAL_HEADER, 16);
    secret_unref(one);
    secret_unref(other);
}
END_TEST

/* Every bit counts, and every byte must be there. */
START_TEST(damage_is_seen)
{
    struct secret *sealed = seal("Bearer", "abc");
    size_t len = secret_len(sealed);
    unsigned char *bytes = mem_alloc(len + 1);

    for (size_t i = 0; i < len * 8; i++) {
        memcpy(bytes, secret_bytes(sealed), len);
        bytes[i / 8] ^= (unsigned char)(1u << i % 8);
        ck_assert_ptr_nonnull(open_bytes(bytes, len));
    }
    memcpy(bytes, secret_bytes(sealed), len);
    bytes[len] = 0;
    ck_assert_ptr_null(open_bytes(bytes, len));
    ck_assert_ptr_nonnull(open_bytes(bytes, len + 1));
    for (size_t i = 0; i < len; i++)
        ck_assert_ptr_nonnull(open_bytes(bytes, i));
    mem_free(bytes);
    secret_unref(sealed);
}
END_TEST

START_TEST(another_key_opens_nothing)
{
    struct secret *sealed = seal("Bearer", "abc");
    secret_unref(key);
    owner.key = key = secret_new("0123456789abcdef0123456789abcdef", CREDENTIALS_KEY);
    ck_assert_str_eq(open_bytes(secret_bytes(sealed), secret_len(sealed)),
                     "it is damaged, or belongs to other credentials");
    ck_assert_ptr_null(keep.value);
    secret_unref(sealed);
}
END_TEST

/* The same credentials at the same endpoint. */
START_TEST(another_name_opens_nothing)
{
    struct secret *sealed = seal("Bearer", "abc");
    owner.name = "b";
    owner.first = true;
    ck_assert_str_eq(open_bytes(secret_bytes(sealed), secret_len(sealed)),
                     "it is damaged, or belongs to other credentials");
    owner.name = "a";
    ck_assert_ptr_null(open_bytes(secret_bytes(sealed), secret_len(sealed)));
    secret_unref(sealed);
}
END_TEST

/* Version 1, with this key, of the token "Bearer abc". */
static const unsigned char nameless[] = {
    0x70, 0x6f, 0x73, 0x74, 0x63, 0x6f, 0x64, 0x54, 0x01, 0x40, 0x45, 0xf1, 0x39, 0x6b, 0xe9, 0xac,
    0x81, 0xe1, 0x67, 0x67, 0x09, 0x97, 0x90, 0xdb, 0x87, 0x1f, 0x10, 0x9b, 0xa0, 0xbb, 0x9e, 0x73,
    0x00, 0xd4, 0x7f, 0x95, 0x9a, 0xc0, 0x8b, 0x27, 0xe2, 0x51, 0x36, 0xac, 0x02, 0x6a, 0xa1, 0x4b,
    0x4e, 0xad, 0xa3, 0x5c, 0x40, 0x70, 0x20, 0x6f, 0xae, 0x9f, 0x91, 0xf4, 0x5e, 0x14, 0x30, 0x2d,
    0x0d, 0xe3, 0xe0, 0x78, 0xb9, 0x52, 0x57, 0xf5, 0x72, 0x53, 0xb6, 0xa0, 0xda, 0x11, 0x81, 0xfb,
    0xa4, 0x93, 0xd6, 0x41, 0x1b, 0xcc, 0x32, 0xdc, 0x04, 0xc7, 0x57, 0x54, 0x2a, 0xbf, 0x4c, 0xef,
    0xad, 0xa9, 0x94, 0xc4, 0x12, 0xbd, 0x33, 0x4c, 0x0b, 0xcc, 0x7f, 0x69, 0x31, 0x72, 0x34, 0x8c,
};

START_TEST(nameless_one_is_the_first_upstreams)
{
    ck_assert_str_eq(open_bytes(nameless, sizeof(nameless)),
                     "it is of before there were several upstreams, and the first one's");
    owner.first = true;
    owner.name = "any";
    ck_assert_ptr_null(open_bytes(nameless, sizeof(nameless)));
    ck_assert_str_eq(keep.grant.value, "abc");
}
END_TEST

START_TEST(another_boot_has_another_clock)
{
    struct secret *sealed = seal("Bearer", "abc");
    static const unsigned char other[SEALED_TOKEN_BOOT] = "the boot before";
    ck_assert_str_eq(
        sealed_token_open(&keep, secret_bytes(sealed), secret_len(sealed), &owner, other, now),
        "it is from before the machine was started");
    secret_unref(sealed);
}
END_TEST

/* The text behind the tag, as somebody else might have written it. */
struct text {
    int64_t requested, lifetime;
    unsigned type_len;
    const char *words;
    const char *problem; /* NULL: it is well */
};

static const struct text texts[] = {
    {0, SECOND, 6, "Bearerabc", NULL},
    {HOUR, TOKEN_LIFETIME_MAX, 1, "ab", NULL},
    {HOUR + 1, SECOND, 6, "Bearerabc", "it is of a time that is not possible"},
    {-1, SECOND, 6, "Bearerabc", "it is of a time that is not possible"},
    {INT64_MIN, SECOND, 6, "Bearerabc", "it is of a time that is not possible"},
    {0, 0, 6, "Bearerabc", "it is of a time that is not possible"},
    {0, -SECOND, 6, "Bearerabc", "it is of a time that is not possible"},
    {0, TOKEN_LIFETIME_MAX + 1, 6, "Bearerabc", "it is of a time that is not possible"},
    {0, SECOND, 0, "abc", "it is of a token type that is not valid"},
    {0, SECOND, 4, "abc", "it is of a token type that is not valid"},
    {0, SECOND, 65535, "abc", "it is of a token type that is not valid"},
    {0, SECOND, 2, "a\nbc", "it is of a token type that is not valid"},
    {0, SECOND, 3, "a bc", "it is of a token type that is not valid"},
    {0, SECOND, 3, "abc", "it is not a token that a header can carry"},
    {0, SECOND, 3, "abcd e", "it is not a token that a header can carry"},
    {0, SECOND, 3, "abcd\r\nX: y", "it is not a token that a header can carry"},
};

static void put(unsigned char *out, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
}

START_TEST(text_is_looked_at)
{
    const struct text *text = &texts[_i];
    unsigned char bytes[SEALED_TOKEN_FACTS + 64];
    size_t words = strlen(text->words);

    memcpy(bytes, boot, SEALED_TOKEN_BOOT);
    put(bytes + SEALED_TOKEN_BOOT, (uint64_t)text->requested, 8);
    put(bytes + SEALED_TOKEN_BOOT + 8, (uint64_t)text->lifetime, 8);
    put(bytes + SEALED_TOKEN_BOOT + 16, text->type_len, 2);
    memcpy(bytes + SEALED_TOKEN_FACTS, text->words, words);
    const char *problem = sealed_token_read(&keep, bytes, SEALED_TOKEN_FACTS + words, boot, now);
    if (text->problem == NULL)
        ck_assert_ptr_null(problem);
    else
        ck_assert_str_eq(problem, text->problem);
}
END_TEST

/* ---- the key ---- */

static struct config_upstream config_of(const char *secret)
{
    static char address[] = "https://a", path[] = "/auth", client[] = "me";
    return (struct config_upstream){.address = address,
                                    .auth_path = path,
                                    .client_id = client,
                                    .client_secrets = {secret_new(secret, strlen(secret))},
                                    .client_secret_count = 1};
}

static bool same_key(const struct config_upstream *a, const struct config_upstream *b)
{
    struct secret *one = credentials_key(a, 0), *other = credentials_key(b, 0);
    bool same = secret_equal(one, other);
    ck_assert_uint_eq(secret_len(one), CREDENTIALS_KEY);
    secret_unref(one);
    secret_unref(other);
    return same;
}

START_TEST(key_is_of_the_credentials)
{
    static char other[] = "other", empty[] = "";
    struct config_param param = {.name = other, .value = other};
    struct config_upstream before = config_of("secret"), after = before;

    ck_assert(same_key(&before, &after));
    after.auth_timeout = SECOND;
    after.auth_client = AUTH_CLIENT_POST;
    ck_assert(same_key(&before, &after));

    char **const texts_of[] = {&after.address,   &after.auth_path,  &after.auth_url,
                               &after.client_id, &after.auth_scope, &after.auth_audience};
    for (size_t i = 0; i < sizeof(texts_of) / sizeof(texts_of[0]); i++) {
        char *old = *texts_of[i];
        *texts_of[i] = other;
        ck_assert_msg(!same_key(&before, &after), "text %zu", i);
        *texts_of[i] = old == NULL ? empty : old;
        ck_assert_msg(same_key(&before, &after) == (old != NULL), "text %zu", i);
        *texts_of[i] = old;
    }
    after.auth_flow = AUTH_FLOW_CLIENT_CREDENTIALS;
    ck_assert(!same_key(&before, &after));
    after.auth_flow = before.auth_flow;
    after.auth_param = (struct config_params){.items = &param, .count = 1};
    ck_assert(!same_key(&before, &after));
    secret_unref(before.client_secrets[0]);
}
END_TEST

START_TEST(key_is_of_the_secret)
{
    struct config_upstream before = config_of("secret"), after = config_of("secret2");
    ck_assert(!same_key(&before, &after));
    secret_unref(before.client_secrets[0]);
    secret_unref(after.client_secrets[0]);
}
END_TEST

/* RFC 5869, appendix A.1 and A.3, first 32 bytes. */
START_TEST(hkdf_is_that_of_the_rfc)
{
    static const unsigned char salt[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const unsigned char label[] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4,
                                          0xf5, 0xf6, 0xf7, 0xf8, 0xf9};
    static const unsigned char with[] = {0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a,
                                         0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36, 0x2f, 0x2a,
                                         0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c,
                                         0x5d, 0xb0, 0x2d, 0x56, 0xec, 0xc4, 0xc5, 0xbf};
    static const unsigned char without[] = {0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f,
                                            0x71, 0x5f, 0x80, 0x2a, 0x06, 0x3c, 0x5a, 0x31,
                                            0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1, 0x87, 0x9e,
                                            0xc3, 0x45, 0x4e, 0x5f, 0x3c, 0x73, 0x8d, 0x2d};
    unsigned char secret[22], out[CREDENTIALS_KEY];

    memset(secret, 0x0b, sizeof(secret));
    credentials_derive(secret, sizeof(secret), salt, sizeof(salt), label, sizeof(label), out);
    ck_assert_mem_eq(out, with, sizeof(out));
    credentials_derive(secret, sizeof(secret), NULL, 0, "", 0, out);
    ck_assert_mem_eq(out, without, sizeof(out));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sealed_token");
    TCase *tcase = tcase_create("sealed_token");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, comes_back_as_it_was);
    tcase_add_test(tcase, no_two_are_alike);
    tcase_add_test(tcase, damage_is_seen);
    tcase_add_test(tcase, another_key_opens_nothing);
    tcase_add_test(tcase, another_name_opens_nothing);
    tcase_add_test(tcase, nameless_one_is_the_first_upstreams);
    tcase_add_test(tcase, another_boot_has_another_clock);
    tcase_add_loop_test(tcase, text_is_looked_at, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tcase, key_is_of_the_credentials);
    tcase_add_test(tcase, key_is_of_the_secret);
    tcase_add_test(tcase, hkdf_is_that_of_the_rfc);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
