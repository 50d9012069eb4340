/* A token in the fleet's store: what comes back, and what must not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "suite.h"
#include "token/credentials.h"
#include "token/fleet_seal.h"

#define ID "0123456789abcdef0123456789abcdef"
#define OTHER_ID "0123456789abcdef0123456789abcdee"

static struct secret *key;
static struct sealed_token opened;

static void begin(void)
{
    key = secret_new("0123456789abcdef0123456789abcdef", CREDENTIALS_KEY);
    opened = (struct sealed_token){.type = NULL};
}

static void end(void)
{
    sealed_token_fini(&opened);
    secret_unref(key);
}

static struct secret *seal(const char *type, const char *value, uint64_t generation)
{
    const struct token_grant grant = {.type = type, .value = value, .lifetime = 10 * MINUTE};
    const struct token_renewal renewal = {.early = MINUTE};
    struct token *token = token_new(&grant, (struct mono_time){.ns = HOUR}, &renewal, 0, 1, 1);
    struct secret *sealed = fleet_seal(key, token, ID, generation);

    token_unref(token);
    return sealed;
}

static bool opens(const void *bytes, size_t len, const char *id, uint64_t generation)
{
    sealed_token_fini(&opened);
    return fleet_open(&opened, bytes, len, key, id, generation);
}

START_TEST(comes_back_as_it_was)
{
    static const char *const types[] = {"Bearer", "t"};
    static const uint64_t generations[] = {1, UINT64_MAX};
    char longest[TOKEN_VALUE_MAX + 1];

    memset(longest, 'x', TOKEN_VALUE_MAX);
    longest[TOKEN_VALUE_MAX] = '\0';
    const char *const values[] = {"abc", "v", longest};
    for (size_t i = 0; i < 12; i++) {
        const uint64_t generation = generations[i / 6];
        struct secret *sealed = seal(types[i % 2], values[i / 2 % 3], generation);

        ck_assert_uint_le(secret_len(sealed), FLEET_SEAL_MAX);
        ck_assert_uint_ge(secret_len(sealed), FLEET_SEAL_MIN);
        ck_assert_ptr_null(memmem(secret_bytes(sealed), secret_len(sealed), "Bearer", 6));
        ck_assert(opens(secret_bytes(sealed), secret_len(sealed), ID, generation));
        ck_assert_str_eq(opened.grant.type, types[i % 2]);
        ck_assert_str_eq(opened.grant.value, values[i / 2 % 3]);
        ck_assert_int_eq(opened.grant.lifetime, 10 * MINUTE);
        secret_unref(sealed);
    }
}
END_TEST

START_TEST(no_two_are_alike)
{
    struct secret *one = seal("Bearer", "abc", 1), *other = seal("Bearer", "abc", 1);
    const char *a = secret_bytes(one), *b = secret_bytes(other);

    ck_assert_mem_ne(a + 9, b + 9, 32);
    ck_assert_mem_ne(a + 41, b + 41, 12);
    ck_assert_mem_ne(a + SEAL_HEADER, b + SEAL_HEADER, 8);
    secret_unref(one);
    secret_unref(other);
}
END_TEST

/* Every bit counts, and every byte must be there. */
START_TEST(damage_is_seen)
{
    struct secret *sealed = seal("Bearer", "abc", 7);
    const size_t len = secret_len(sealed);
    unsigned char *bytes = mem_alloc(len + 1);

    for (size_t i = 0; i < len * 8; i++) {
        memcpy(bytes, secret_bytes(sealed), len);
        bytes[i / 8] ^= (unsigned char)(1u << i % 8);
        ck_assert(!opens(bytes, len, ID, 7));
        ck_assert_ptr_null(opened.value);
    }
    memcpy(bytes, secret_bytes(sealed), len);
    bytes[len] = 0;
    ck_assert(opens(bytes, len, ID, 7));
    ck_assert(!opens(bytes, len + 1, ID, 7));
    for (size_t i = 0; i < len; i++)
        ck_assert(!opens(bytes, i, ID, 7));
    ck_assert(!opens("", 0, ID, 7));
    mem_free(bytes);
    secret_unref(sealed);
}
END_TEST

/* A record that was put back in another's place. */
START_TEST(belongs_where_it_was_put)
{
    struct secret *sealed = seal("Bearer", "abc", 7);
    const void *bytes = secret_bytes(sealed);

    ck_assert(!opens(bytes, secret_len(sealed), ID, 8));
    ck_assert(!opens(bytes, secret_len(sealed), ID, 77));
    ck_assert(!opens(bytes, secret_len(sealed), ID, 0));
    ck_assert(!opens(bytes, secret_len(sealed), OTHER_ID, 7));
    ck_assert(opens(bytes, secret_len(sealed), ID, 7));
    secret_unref(sealed);
}
END_TEST

/* What is kept across a restart is under another label, whatever its mark says. */
START_TEST(a_kept_token_is_none)
{
    const struct token_grant grant = {.type = "Bearer", .value = "abc", .lifetime = MINUTE};
    const struct sealed_token_owner owner = {.key = key, .name = ID "7"};
    const struct sealed_token_moment moment = {.requested = {.ns = 1}};
    struct secret *sealed = sealed_token_seal(&owner, &grant, &moment);
    const size_t len = secret_len(sealed);
    unsigned char *bytes = mem_alloc(len);

    memcpy(bytes, secret_bytes(sealed), len);
    ck_assert(!opens(bytes, len, ID, 7));
    memcpy(bytes, "postcodF\x01", 9);
    ck_assert(!opens(bytes, len, ID, 7));
    mem_free(bytes);
    secret_unref(sealed);
}
END_TEST

/* Text that the tag vouches for is looked at all the same: another program may seal, too. */
static const struct {
    const char *text;
    size_t len;
    bool good;
} texts[] = {
    {"\0\0\0\0\x3b\x9a\xca\x00\0\x06"
     "Bearerabc",
     19, true},
    {"\0\0\0\0\x3b\x9a\xca\x00\0\x07"
     "Bearerabc",
     19, true}, /* "Bearera" */
    {"\0\0\0\0\x3b\x9a\xca\x00\0\x09"
     "Bearerabc",
     19, false}, /* no value */
    {"\0\0\0\0\x3b\x9a\xca\x00\0\x0a"
     "Bearerabc",
     19, false},
    {"\0\0\0\0\x3b\x9a\xca\x00\0\x00"
     "Bearerabc",
     19, false},
    {"\0\0\0\0\x3b\x9a\xca\x00\xff\xff"
     "Bearerabc",
     19, false},
    {"\0\0\0\0\0\0\0\0\0\x06"
     "Bearerabc",
     19, false}, /* no lifetime */
    {"\x80\0\0\0\0\0\0\0\0\x06"
     "Bearerabc",
     19, false}, /* a negative one */
    {"\x7f\0\0\0\0\0\0\0\0\x06"
     "Bearerabc",
     19, false}, /* too long a one */
    {"\0\0\0\0\x3b\x9a\xca\x00\0\x06"
     "Bea erabc",
     19, false},
    {"\0\0\0\0\x3b\x9a\xca\x00\0\x06"
     "Bearera\nc",
     19, false},
    {"\0\0\0\0\x3b\x9a\xca\x00\0\x01", 10, false},
    {"\0\0\0\0\x3b\x9a\xca\x00\0", 9, false},
    {"", 0, false},
};

START_TEST(text_is_looked_at)
{
    const struct seal as_ours = {.mark = "postcodF",
                                 .version = 1,
                                 .label = "postcoded fleet token 1",
                                 .key = key,
                                 .bound = ID "7"};
    struct secret *sealed = seal_close(&as_ours, texts[_i].text, texts[_i].len);

    ck_assert(opens(secret_bytes(sealed), secret_len(sealed), ID, 7) == texts[_i].good);
    secret_unref(sealed);
}
END_TEST

/* A later version may mean another text. */
START_TEST(another_version_is_none)
{
    const struct seal later = {.mark = "postcodF",
                               .version = 2,
                               .label = "postcoded fleet token 1",
                               .key = key,
                               .bound = ID "7"};
    struct secret *sealed = seal_close(&later, texts[0].text, texts[0].len);

    ck_assert(!opens(secret_bytes(sealed), secret_len(sealed), ID, 7));
    secret_unref(sealed);
}
END_TEST

START_TEST(a_grant_cut_short)
{
    for (size_t len = 0; len < texts[0].len; len++) {
        char *text = mem_alloc(len + 1); /* not a byte more is read */

        memcpy(text, texts[0].text, len);
        const char *fault = sealed_grant_read(&opened, text, len);
        ck_assert_msg((fault == NULL) == (len > SEALED_GRANT_FACTS + 6), "length %zu", len);
        if (len < SEALED_GRANT_FACTS)
            ck_assert_str_eq(fault, "it is cut short or too long");
        sealed_token_fini(&opened);
        mem_free(text);
    }
}
END_TEST

/* ---- id and key ---- */

static struct config_upstream upstream_of(const char *secret, const char *other)
{
    static char address[] = "https://a", path[] = "/auth", client[] = "me";

    return (struct config_upstream){
        .address = address,
        .auth_path = path,
        .client_id = client,
        .client_secrets = {secret_new(secret, strlen(secret)), secret_new(other, strlen(other))},
        .client_secret_count = 2};
}

static void drop(struct config_upstream *upstream)
{
    secret_unref(upstream->client_secrets[0]);
    secret_unref(upstream->client_secrets[1]);
}

START_TEST(ids_are_of_the_credentials)
{
    static char other[] = "https://b";
    struct config_upstream one = upstream_of("secret", "second"),
                           swapped = upstream_of("second", "secret");
    char a[FLEET_ID], b[FLEET_ID];

    /* It stays what it is for as long as members of different versions meet. */
    fleet_seal_id(&one, 0, a);
    ck_assert_str_eq(a, "afeb03d74330f1248660ebace2edd9a9");
    ck_assert_uint_eq(strspn(a, "0123456789abcdef"), FLEET_ID - 1);
    fleet_seal_id(&one, 1, b);
    ck_assert_str_ne(a, b);
    fleet_seal_id(&swapped, 1, b); /* whichever of two it is, and whatever else is set */
    ck_assert_str_eq(a, b);
    one.name = other;
    one.auth_timeout = SECOND;
    fleet_seal_id(&one, 0, b);
    ck_assert_str_eq(a, b);
    one.address = other;
    fleet_seal_id(&one, 0, b);
    ck_assert_str_ne(a, b);
    drop(&one);
    drop(&swapped);
}
END_TEST

static bool same_key(struct secret *one, struct secret *other)
{
    const bool same = secret_equal(one, other);

    ck_assert_uint_eq(secret_len(one), CREDENTIALS_KEY);
    secret_unref(one);
    secret_unref(other);
    return same;
}

START_TEST(key_file_is_mixed_in)
{
    struct config_upstream upstream = upstream_of("secret", "second");
    struct secret *file = secret_new("abcdefghijklmnopqrstuvwxyz012345", 32),
                  *other = secret_new("abcdefghijklmnopqrstuvwxyz012346", 32);

    ck_assert(same_key(fleet_seal_key(&upstream, 0, file), fleet_seal_key(&upstream, 0, file)));
    ck_assert(!same_key(fleet_seal_key(&upstream, 0, file), fleet_seal_key(&upstream, 0, other)));
    ck_assert(!same_key(fleet_seal_key(&upstream, 0, file), fleet_seal_key(&upstream, 0, NULL)));
    ck_assert(!same_key(fleet_seal_key(&upstream, 0, file), fleet_seal_key(&upstream, 1, file)));
    /* The file alone is not the key. */
    ck_assert(!same_key(fleet_seal_key(&upstream, 0, file), secret_ref(file)));
    secret_unref(key);
    key = fleet_seal_key(&upstream, 0, file);
    struct secret *sealed = seal("Bearer", "abc", 7);
    secret_unref(key);
    key = fleet_seal_key(&upstream, 0, other);
    ck_assert(!opens(secret_bytes(sealed), secret_len(sealed), ID, 7));
    secret_unref(sealed);
    secret_unref(file);
    secret_unref(other);
    drop(&upstream);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet_seal");
    TCase *tcase = tcase_create("fleet_seal");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, comes_back_as_it_was);
    tcase_add_test(tcase, no_two_are_alike);
    tcase_add_test(tcase, damage_is_seen);
    tcase_add_test(tcase, belongs_where_it_was_put);
    tcase_add_test(tcase, a_kept_token_is_none);
    tcase_add_loop_test(tcase, text_is_looked_at, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tcase, another_version_is_none);
    tcase_add_test(tcase, a_grant_cut_short);
    tcase_add_test(tcase, ids_are_of_the_credentials);
    tcase_add_test(tcase, key_file_is_mixed_in);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
