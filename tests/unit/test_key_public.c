/* Key files that others may read, and those that they may not. */
#include "jose/key_public.h"

#include <string.h>

#include <check.h>

#include "base/check.h"
#include "jose_examples.h"
#include "suite.h"

#define MARK "\xef\xbb\xbf"
#define BLOCK(label) "-----BEGIN " label "-----\nMA==\n-----END " label "-----\n"
#define SET(keys) "{\"keys\":[" keys "]}"
#define OCT "{\"kty\":\"oct\",\"k\":\"" HS256_K "\"}"

static const char *const public[] = {
    BLOCK("PUBLIC KEY"),
    BLOCK("RSA PUBLIC KEY"),
    BLOCK("CERTIFICATE"),
    BLOCK("X509 CERTIFICATE"),
    BLOCK("TRUSTED CERTIFICATE"),
    BLOCK("CERTIFICATE") BLOCK("CERTIFICATE"),
    MARK BLOCK("PUBLIC KEY"),
    "Certificate:\n    Data:\n" BLOCK("CERTIFICATE"),
    "{" RSA_PUBLIC "}",
    "{" EC_PUBLIC "}",
    "{" ED_PUBLIC ",\"kid\":\"d\",\"use\":\"sig\"}",
    MARK " \r\n\t{" ED_PUBLIC "}",
    SET("{" RSA_PUBLIC "},{" EC_PUBLIC "}"),
    SET("{\"kty\":\"k\"}"),
};

START_TEST(others_may_read)
{
    ck_assert_msg(key_public_only(public[_i], strlen(public[_i])), "%s", public[_i]);
}
END_TEST

static const char *const secret[] = {
    "",
    "0123456789abcdef0123456789abcdef",
    BLOCK("PRIVATE KEY"),
    BLOCK("PUBLIC KEY") BLOCK("EC PRIVATE KEY"),
    BLOCK("PUBLIC KEY") BLOCK("MESSAGE"),
    BLOCK("PUBLIC KEY") "--BEGIN PRIVATE KEY--\nMA==\n",
    "-----BEGIN PUBLIC KEY",
    OCT,
    "{" RSA_PRIVATE "}",
    "{" EC_PRIVATE "}",
    "{" EC_PUBLIC ",\"\\u0064\":\"" A3_D "\"}",
    /* Left out of the set, or not for signing: a secret still. */
    SET("{" RSA_PUBLIC "}," OCT),
    SET("{" RSA_PUBLIC "},{\"kty\":\"EC\",\"d\":7}"),
    SET("{" RSA_PUBLIC "},{\"kty\":\"AKP\",\"priv\":\"AA\"}"),
    "{" EC_PRIVATE ",\"key_ops\":[\"verify\"]}",
    "{" RSA_PUBLIC ",\"more\":[[{\"oth\":[]}]]}",
    /* Not to be read. */
    "{" RSA_PUBLIC,
    "{" RSA_PUBLIC "} " OCT,
    "{\"kty\":\"RSA\",\"kty\":\"RSA\"}",
    "[{" RSA_PUBLIC "}]",
};

START_TEST(others_may_not_read)
{
    ck_assert_msg(!key_public_only(secret[_i], strlen(secret[_i])), "%s", secret[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("key_public");
    TCase *tcase = tcase_create("key_public");

    tcase_add_loop_test(tcase, others_may_read, 0, (int)ARRAY_LEN(public));
    tcase_add_loop_test(tcase, others_may_not_read, 0, (int)ARRAY_LEN(secret));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
