/* base/keyed_hash.h: the authors' example, and OpenSSL's results for every length up to 128. */
#include "base/keyed_hash.h"

#include <check.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static unsigned char bytes[128];

/* The key 00 01 .. 0f. */
static const struct hash_key key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

static void setup(void)
{
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
}

START_TEST(the_example)
{
    ck_assert_uint_eq(keyed_hash(&key, bytes, 15), UINT64_C(0xa129ca6149be45e5));
}
END_TEST

static uint64_t by_openssl(EVP_MAC_CTX *mac, size_t len)
{
    size_t size = 8;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};
    unsigned char out[8];
    uint64_t word = 0;

    ck_assert_int_eq(EVP_MAC_init(mac, bytes, 16, params), 1);
    ck_assert_int_eq(EVP_MAC_update(mac, bytes, len), 1);
    ck_assert_int_eq(EVP_MAC_final(mac, out, &size, sizeof(out)), 1);
    for (size_t i = 0; i < 8; i++)
        word |= (uint64_t)out[i] << (8 * i);
    return word;
}

START_TEST(as_openssl_does)
{
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    ck_assert_ptr_nonnull(algorithm);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(algorithm);

    for (size_t len = 0; len <= sizeof(bytes); len++)
        ck_assert_uint_eq(keyed_hash(&key, bytes, len), by_openssl(mac, len));
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(algorithm);
}
END_TEST

START_TEST(keys_differ)
{
    const struct hash_key one = hash_key_make(), other = hash_key_make();

    ck_assert_mem_ne(&one, &other, sizeof(one));
    ck_assert_uint_ne(keyed_hash(&one, "alice", 5), keyed_hash(&other, "alice", 5));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("keyed_hash");
    TCase *tc = tcase_create("keyed_hash");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, the_example);
    tcase_add_test(tc, as_openssl_does);
    tcase_add_test(tc, keys_differ);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
