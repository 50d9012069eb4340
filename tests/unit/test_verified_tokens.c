/* Identities that were verified: found again until they expire, each its own, and not too many. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "middleware/verified_tokens.h"
#include "suite.h"

static struct verified_tokens *verified;

static void setup(void)
{
    verified = verified_tokens_new();
}

static void teardown(void)
{
    verified_tokens_free(verified);
}

static struct wall_time at(int64_t seconds)
{
    return (struct wall_time){.ns = seconds * SECOND};
}

static struct token_digest digest_of(const char *token)
{
    struct token_digest digest;

    ck_assert(verified_tokens_digest(verified, token, strlen(token), &digest));
    return digest;
}

static void add(const char *token, const char *user, int64_t until)
{
    struct token_digest digest = digest_of(token);

    verified_tokens_add(verified, &digest, user, at(until));
}

/* Its user at that time, or "" when it is not remembered. */
static const char *find(const char *token, int64_t when)
{
    static char user[JWT_USER_MAX + 1];
    struct token_digest digest = digest_of(token);

    return verified_tokens_find(verified, &digest, at(when), user) ? user : "";
}

START_TEST(test_digest)
{
    /* FIPS 180-2, appendix B.1 */
    static const unsigned char abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
    struct token_digest digest = digest_of("abc");

    ck_assert_mem_eq(digest.bytes, abc, sizeof(abc));
}
END_TEST

START_TEST(test_until_it_expires)
{
    ck_assert_str_eq(find("a.b.c", 0), "");
    add("a.b.c", "ann", 100);
    ck_assert_str_eq(find("a.b.c", 99), "ann");
    ck_assert_str_eq(find("a.b.c", 100), "");
    ck_assert_str_eq(find("a.b.d", 99), "");
    ck_assert_str_eq(find("a.b.", 99), "");
}
END_TEST

START_TEST(test_longest_user)
{
    char longest[JWT_USER_MAX + 1];

    memset(longest, 'u', JWT_USER_MAX);
    longest[JWT_USER_MAX] = '\0';
    add("long", longest, 100);
    add("short", "u", 100);
    ck_assert_str_eq(find("long", 1), longest);
    ck_assert_str_eq(find("short", 1), "u");
}
END_TEST

START_TEST(test_clear)
{
    add("a.b.c", "ann", 100);
    verified_tokens_clear(verified);
    ck_assert_str_eq(find("a.b.c", 1), "");
}
END_TEST

/* Far more than fit: none is taken for another, and the newest, which expires last, is there. */
START_TEST(test_bounded)
{
    char token[32], user[32];
    unsigned found = 0;

    for (int i = 1; i <= 4 * VERIFIED_TOKENS_MAX; i++) {
        snprintf(token, sizeof(token), "token-%d", i);
        snprintf(user, sizeof(user), "user-%d", i);
        add(token, user, 1000 + i);
        ck_assert_str_eq(find(token, 1000), user);
    }
    for (int i = 1; i <= 4 * VERIFIED_TOKENS_MAX; i++) {
        snprintf(token, sizeof(token), "token-%d", i);
        snprintf(user, sizeof(user), "user-%d", i);
        const char *known = find(token, 1000);
        found += known[0] != '\0';
        ck_assert(known[0] == '\0' || strcmp(known, user) == 0);
    }
    ck_assert_uint_le(found, VERIFIED_TOKENS_MAX);
    ck_assert_uint_gt(found, VERIFIED_TOKENS_MAX / 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verified_tokens");
    TCase *tcase = tcase_create("verified_tokens");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_digest);
    tcase_add_test(tcase, test_until_it_expires);
    tcase_add_test(tcase, test_longest_user);
    tcase_add_test(tcase, test_clear);
    tcase_add_test(tcase, test_bounded);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
