/* base/secret.h */
#include "base/secret.h"

#include <check.h>
#include <malloc.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "watch_munmap.h"
#include "suite.h"

START_TEST(test_holds_a_copy)
{
    char bytes[] = "pass\0word";
    struct secret *secret = secret_new(bytes, 9);

    memset(bytes, 'x', sizeof(bytes));
    ck_assert_uint_eq(secret_len(secret), 9);
    ck_assert_mem_eq(secret_bytes(secret), "pass\0word", 10);
    ck_assert_str_eq(secret_text(secret), "pass");
    ck_assert_uint_eq((uintptr_t)secret_bytes(secret) % _Alignof(max_align_t), 0);
    secret_unref(secret);
}
END_TEST

START_TEST(test_sizes)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *bytes = malloc(sizes[i] + 1);

        memset(bytes, 'b', sizes[i]);
        struct secret *secret = secret_new(bytes, sizes[i]);
        ck_assert_uint_eq(secret_len(secret), sizes[i]);
        ck_assert(memcmp(secret_bytes(secret), bytes, sizes[i]) == 0);
        ck_assert_int_eq(secret_text(secret)[sizes[i]], '\0');
        secret_unref(secret);
        free(bytes);
    }
    struct secret *empty = secret_new(NULL, 0);
    ck_assert_str_eq(secret_text(empty), "");
    secret_unref(empty);
    secret_unref(NULL);
}
END_TEST

START_TEST(test_last_reference_wipes)
{
    struct secret *secret = secret_new("topsecret", 9);

    watch_munmap(secret_bytes(secret));
    ck_assert_ptr_eq(secret_ref(secret), secret);
    secret_unref(secret);
    ck_assert(!atomic_load(&watched_unmapped));
    ck_assert_str_eq(secret_text(secret), "topsecret");
    secret_unref(secret);
    ck_assert(atomic_load(&watched_unmapped));
    ck_assert(atomic_load(&watched_wiped));
}
END_TEST

/* The flags of the mapping that holds `address`, from the kernel's own list. */
static void mapping_flags(const void *address, char *flags, size_t size)
{
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false;

    flags[0] = '\0';
    ck_assert_ptr_nonnull(smaps);
    while (fgets(line, sizeof(line), smaps) != NULL) {
        uintptr_t from, to;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            here = from <= (uintptr_t)address && (uintptr_t)address < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, size, "%s", line + 8);
    }
    fclose(smaps);
}

START_TEST(test_is_outside_core_dumps)
{
    struct secret *secret = secret_new("x", 1);
    char flags[512];

    mapping_flags(secret_bytes(secret), flags, sizeof(flags));
    ck_assert_msg(strstr(flags, " dd") != NULL, "flags of the mapping:%s", flags);
    secret_unref(secret);
}
END_TEST

START_TEST(test_equal)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"abc", "abc", true}, {"abc", "abd", false}, {"abc", "xbc", false}, {"abc", "ab", false},
        {"ab", "abc", false}, {"", "", true},        {"", "a", false},      {NULL, NULL, true},
        {"a", NULL, false},   {NULL, "a", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *a = cases[i].a, *b = cases[i].b;
        struct secret *left = a != NULL ? secret_new(a, strlen(a)) : NULL;
        struct secret *right = b != NULL ? secret_new(b, strlen(b)) : NULL;

        ck_assert_msg(secret_equal(left, right) == cases[i].equal, "case %zu", i);
        secret_unref(left);
        secret_unref(right);
    }
}
END_TEST

START_TEST(test_wipe)
{
    char bytes[8] = "abcdefg";

    wipe(bytes + 1, 3);
    ck_assert_mem_eq(bytes, "a\0\0\0efg", 8);
    wipe(NULL, 0);
}
END_TEST

static void *last_wiped;
static size_t last_wiped_len;

static void zero(void *p, size_t len)
{
    volatile unsigned char *bytes = p;

    for (size_t i = 0; i < len; i++)
        bytes[i] = 0;
    last_wiped = p;
    last_wiped_len = len;
}

/*
 * In front of the C library's, to see what is overwritten before it is freed: the function, and
 * what _FORTIFY_SOURCE makes of a call to it.
 */
void explicit_bzero(void *p, size_t len)
{
    zero(p, len);
}

void __explicit_bzero_chk(void *p, size_t len, size_t size);
void __explicit_bzero_chk(void *p, size_t len, size_t size)
{
    (void)size;
    zero(p, len);
}

static void expect_wiped(const void *p, size_t len)
{
    ck_assert_ptr_eq(last_wiped, p);
    ck_assert_uint_eq(last_wiped_len, len);
    last_wiped = NULL;
}

START_TEST(test_wipe_free)
{
    char *p = strdup("0123456789");
    const uintptr_t first = (uintptr_t)p;
    wipe_free(p, 5);
    expect_wiped((void *)first, 5);

    p = strdup("gone");
    const uintptr_t second = (uintptr_t)p;
    wipe_free_text(p);
    expect_wiped((void *)second, 4);

    p = malloc(100);
    const uintptr_t third = (uintptr_t)p;
    const size_t usable = malloc_usable_size(p);
    wipe_free_block(p);
    expect_wiped((void *)third, usable);

    wipe_free(NULL, 5);
    wipe_free_text(NULL);
    wipe_free_block(NULL);
    ck_assert_ptr_null(last_wiped);
}
END_TEST

static void *use_and_drop(void *arg)
{
    struct secret *secret = arg;

    for (int i = 0; i < 10000; i++) {
        struct secret *again = secret_ref(secret);

        if (secret_text(again)[0] != 's')
            abort();
        secret_unref(again);
    }
    secret_unref(secret);
    return NULL;
}

START_TEST(test_many_threads)
{
    struct secret *secret = secret_new("shared", 6);
    pthread_t threads[4];

    watch_munmap(secret_bytes(secret));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_and_drop, secret_ref(secret)), 0);
    secret_unref(secret);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert(atomic_load(&watched_unmapped));
    ck_assert(atomic_load(&watched_wiped));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secret");
    TCase *tcase = tcase_create("secret");

    tcase_add_test(tcase, test_holds_a_copy);
    tcase_add_test(tcase, test_sizes);
    tcase_add_test(tcase, test_last_reference_wipes);
    tcase_add_test(tcase, test_is_outside_core_dumps);
    tcase_add_test(tcase, test_equal);
    tcase_add_test(tcase, test_wipe);
    tcase_add_test(tcase, test_wipe_free);
    tcase_add_test(tcase, test_many_threads);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
