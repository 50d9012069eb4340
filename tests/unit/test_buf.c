/* base/buf.h, and base/mem.h with it. */
#include "base/buf.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "suite.h"

/* In a sanitizer build, its allocator is to refuse as the system's does. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

START_TEST(test_appends)
{
    struct buf buf;

    buf_init(&buf, 1000);
    ck_assert_str_eq(buf_text(&buf), "");
    ck_assert_int_eq(buf_append(&buf, NULL, 0), ERR_OK);
    ck_assert_int_eq(buf_puts(&buf, "one"), ERR_OK);
    ck_assert_int_eq(buf_putc(&buf, ' '), ERR_OK);
    ck_assert_int_eq(buf_printf(&buf, "%d%%", 2), ERR_OK);
    ck_assert_int_eq(buf_append(&buf, "\0x", 2), ERR_OK);
    ck_assert_uint_eq(buf.len, 8);
    ck_assert_mem_eq(buf.data, "one 2%\0x", 9);
    buf_fini(&buf);
    ck_assert_ptr_null(buf.data);
}
END_TEST

START_TEST(test_grows_to_its_maximum)
{
    static const size_t maxima[] = {0, 1, 63, 64, 65, 127, 128, 129, 1000, 100000};

    for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
        struct buf buf;

        buf_init(&buf, maxima[i]);
        for (size_t n = 0; n < maxima[i]; n++)
            ck_assert_int_eq(buf_putc(&buf, (char)('a' + n % 26)), ERR_OK);
        ck_assert_uint_eq(buf.len, maxima[i]);
        ck_assert_uint_le(buf.cap, maxima[i] + 64);
        ck_assert_int_eq(buf_putc(&buf, 'x'), ERR_TOO_LARGE);
        ck_assert_uint_eq(buf.len, maxima[i]);
        ck_assert_uint_eq(strlen(buf_text(&buf)), maxima[i]);
        buf_fini(&buf);
    }
}
END_TEST

START_TEST(test_failure_sticks)
{
    struct buf buf;

    buf_init(&buf, 4);
    ck_assert_int_eq(buf_puts(&buf, "abc"), ERR_OK);
    ck_assert_int_eq(buf_puts(&buf, "de"), ERR_TOO_LARGE);
    ck_assert_int_eq(buf_putc(&buf, 'd'), ERR_TOO_LARGE);
    ck_assert_int_eq(buf_printf(&buf, "%s", ""), ERR_TOO_LARGE);
    ck_assert_str_eq(buf_text(&buf), "abc");
    buf_reset(&buf);
    ck_assert_int_eq(buf.err, ERR_OK);
    ck_assert_str_eq(buf_text(&buf), "");
    ck_assert_int_eq(buf_puts(&buf, "four"), ERR_OK);
    ck_assert_int_eq(buf_append(&buf, "x", SIZE_MAX), ERR_TOO_LARGE);
    buf_fini(&buf);
}
END_TEST

START_TEST(test_refused_memory)
{
    struct buf buf;

    /* More than any address space holds; nothing is read from the source before that is known. */
    buf_init(&buf, SIZE_MAX / 2);
    ck_assert_int_eq(buf_puts(&buf, "kept"), ERR_OK);
    ck_assert_int_eq(buf_append(&buf, "x", SIZE_MAX / 2 - 100), ERR_SYSTEM);
    ck_assert_str_eq(buf_text(&buf), "kept");
    ck_assert_int_eq(buf_puts(&buf, "x"), ERR_SYSTEM);
    buf_fini(&buf);
}
END_TEST

START_TEST(test_take)
{
    struct buf buf;
    size_t len = 99;

    buf_init(&buf, 100);
    ck_assert_ptr_null(buf_take(&buf, &len));
    ck_assert_uint_eq(len, 0);
    buf_puts(&buf, "taken");
    char *text = buf_take(&buf, &len);
    ck_assert_uint_eq(len, 5);
    ck_assert_str_eq(text, "taken");
    ck_assert_str_eq(buf_text(&buf), "");
    ck_assert_int_eq(buf_puts(&buf, "again"), ERR_OK);
    free(text);
    buf_fini(&buf);
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(buf.len, 0);
}
END_TEST

START_TEST(test_secret_is_overwritten)
{
    struct buf buf;

    buf_init_secret(&buf, 1000);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(buf_puts(&buf, "secret"), ERR_OK);
    ck_assert_uint_eq(buf.len, 600);
    ck_assert_str_eq(buf_text(&buf) + 594, "secret");
    buf_reset(&buf);
    for (size_t i = 0; i < 600; i++)
        ck_assert_int_eq(buf.data[i], 0);
    ck_assert_int_eq(buf_printf(&buf, "%s", "again"), ERR_OK);
    ck_assert_str_eq(buf_text(&buf), "again");
    buf_fini(&buf);
    ck_assert(buf.secret);
}
END_TEST

START_TEST(test_mem)
{
    char *text = mem_printf("%s-%d", "a", 7);

    ck_assert_str_eq(text, "a-7");
    mem_free(text);
    text = mem_strndup("abcdef", 3);
    ck_assert_str_eq(text, "abc");
    mem_free(text);
    unsigned char *zeroes = mem_zalloc(1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(zeroes[i], 0);
    mem_free(zeroes);
    void *nothing = mem_alloc(0);
    ck_assert_ptr_nonnull(nothing);
    mem_free(nothing);
    ck_assert_ptr_null(mem_try_realloc(NULL, SIZE_MAX / 2 - 100));
}
END_TEST

START_TEST(test_out_of_memory_ends_with_3)
{
    volatile size_t impossible = SIZE_MAX / 2 - 100;

    mem_alloc(impossible);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("buf");
    TCase *tcase = tcase_create("buf");

    tcase_add_test(tcase, test_appends);
    tcase_add_test(tcase, test_grows_to_its_maximum);
    tcase_add_test(tcase, test_failure_sticks);
    tcase_add_test(tcase, test_refused_memory);
    tcase_add_test(tcase, test_take);
    tcase_add_test(tcase, test_secret_is_overwritten);
    tcase_add_test(tcase, test_mem);
    tcase_add_exit_test(tcase, test_out_of_memory_ends_with_3, 3);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
