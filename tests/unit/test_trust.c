/* The trust store in false time: when a CA file is read, and what one that cannot be read changes.
 */
#include "upstream/trust.h"

#include <openssl/ssl.h>

#include "base/check.h"
#include "certificates.h"
#include "suite.h"

#define MAX_AGE (10 * MINUTE)

static const struct mono_time start = {.ns = 1000 * SECOND};
static char *ca_file;
static struct trust *trust;

static void setup(void)
{
    scratch_make();
    ca_file = scratch_path("ca.pem");
    trust = trust_new(ca_file, MAX_AGE);
}

static void teardown(void)
{
    trust_free(trust);
    mem_free(ca_file);
    scratch_remove();
}

/* The CA file now holds the certificate of this name alone. */
static void install(const char *name)
{
    struct files files = make_files(name, "DNS:upstream.example", 1, NULL);

    ck_assert_int_eq(rename(files.certificate, ca_file), 0);
    free_files(&files);
}

static X509_STORE *store_at(int64_t after)
{
    return trust_store(trust, mono_add(start, after));
}

static void ck_trusts(const X509_STORE *store, const char *name)
{
    char text[64];

    ck_assert_ptr_nonnull(store);
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    ck_assert_int_eq(sk_X509_OBJECT_num(objects), 1);
    X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, 0));
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                              sizeof(text));
    ck_assert_str_eq(text, name);
}

START_TEST(test_changed_file_is_read_again)
{
    install("old");
    ck_trusts(store_at(0), "old");
    install("new");
    ck_trusts(store_at(MAX_AGE - 1), "old");
    ck_trusts(store_at(MAX_AGE), "new");
    install("newest");
    ck_trusts(store_at(2 * MAX_AGE - 1), "new");
    ck_trusts(store_at(2 * MAX_AGE), "newest");
}
END_TEST

START_TEST(test_file_is_not_read_before_its_time)
{
    install("old");
    X509_STORE *store = store_at(0);
    ck_assert_int_eq(unlink(ca_file), 0);
    ck_assert_ptr_eq(store_at(MAX_AGE - 1), store);
}
END_TEST

START_TEST(test_bad_file_leaves_the_store_in_use)
{
    install("old");
    ck_trusts(store_at(0), "old");
    scratch_write("ca.pem", "nothing", 7, 0600);
    ck_trusts(store_at(MAX_AGE), "old");
    ck_assert_int_eq(unlink(ca_file), 0);
    ck_trusts(store_at(2 * MAX_AGE), "old");
    install("new"); /* read by the next use, for the last attempts failed */
    ck_trusts(store_at(2 * MAX_AGE + 1), "new");
}
END_TEST

START_TEST(test_missing_file_is_read_once_it_is_there)
{
    ck_assert_ptr_null(store_at(0));
    install("late");
    ck_trusts(store_at(1), "late");
}
END_TEST

START_TEST(test_connection_gets_the_store)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    ck_assert_int_eq(trust_lend(NULL, context, trust), CURLE_SSL_CACERT_BADFILE);
    install("lent");
    ck_assert_int_eq(trust_lend(NULL, context, trust), CURLE_OK);
    ck_trusts(SSL_CTX_get_cert_store(context), "lent");
    SSL_CTX_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trust");
    TCase *tcase = tcase_create("trust");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_changed_file_is_read_again);
    tcase_add_test(tcase, test_file_is_not_read_before_its_time);
    tcase_add_test(tcase, test_bad_file_leaves_the_store_in_use);
    tcase_add_test(tcase, test_missing_file_is_read_once_it_is_there);
    tcase_add_test(tcase, test_connection_gets_the_store);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
