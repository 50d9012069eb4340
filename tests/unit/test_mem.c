/* base/mem.h */
#include "base/mem.h"

#include <check.h>
#include <malloc.h>
#include <stdint.h>

#include "suite.h"

#define EXIT_NO_MEMORY 3

START_TEST(test_grow)
{
    uint32_t *items = NULL;

    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t *before = items;

        items = mem_grow(items, i, sizeof(*items));
        ck_assert_uint_ge(malloc_usable_size(items), (i + 1) * sizeof(*items));
        /* It moves at powers of two alone: 3 items already have space for a fourth. */
        if (i > 2 && (i & (i - 1)) != 0)
            ck_assert_ptr_eq(items, before);
        items[i] = i * i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(items[i], i * i);
    mem_free(items);
}
END_TEST

/* An array may lose items between two growths. */
START_TEST(test_grow_after_shrinking)
{
    int *items = NULL;

    for (size_t i = 0; i < 9; i++) {
        items = mem_grow(items, i, sizeof(*items));
        items[i] = (int)i;
    }
    for (size_t i = 2; i < 5; i++) {
        items = mem_grow(items, i, sizeof(*items));
        ck_assert_uint_ge(malloc_usable_size(items), (i + 1) * sizeof(*items));
        items[i] = (int)i * 10;
    }
    ck_assert_int_eq(items[1], 1);
    ck_assert_int_eq(items[4], 40);
    mem_free(items);
}
END_TEST

START_TEST(test_grow_too_far)
{
    static const struct {
        size_t count, size;
    } cases[] = {
        {(size_t)1 << 62, 4},
        {(size_t)1 << 63, 1},
    };

    (void)mem_grow(NULL, cases[_i].count, cases[_i].size);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mem");
    TCase *tcase = tcase_create("mem");

    tcase_add_test(tcase, test_grow);
    tcase_add_test(tcase, test_grow_after_shrinking);
    tcase_add_loop_exit_test(tcase, test_grow_too_far, EXIT_NO_MEMORY, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
