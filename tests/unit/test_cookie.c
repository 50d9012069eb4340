/* Cookies in the text of a Cookie field. */
#include "exchange/cookie.h"

#include <string.h>

#include "suite.h"

static const struct {
    const char *text;
    size_t count;
    const char *value; /* NULL: none */
} samples[] = {
    {"", 0, NULL},
    {"id=a", 1, "a"},
    {"id=", 0, NULL},
    {"id", 0, NULL},
    {"x=1; id=a; y=2", 1, "a"},
    {"x=1;id=a;y=2", 1, "a"},
    {" id = a b ", 1, "a b"},
    {"id=a b; x=1", 1, "a b"},
    {"id=\"a b\"", 1, "a b"},
    {"id=\"", 1, "\""},
    {"id=\"\"", 0, NULL},
    {"id= \t", 0, NULL},
    {"id=a; id=", 1, "a"},
    {"id=\"\"; id=a", 1, "a"},
    {"id=a \t", 1, "a"},
    {"id=\"a\" ; x=1", 1, "a"},
    {"id=a=b==", 1, "a=b=="},
    {"id=a,b", 1, "a,b"},
    {"ID=a", 0, NULL},
    {"xid=a; idx=b", 0, NULL},
    {"id=a; id=b", 2, "a"},
    {"id=; id=b; id=c", 2, "b"},
    {";;id=a;;", 1, "a"},
    {"x=\"; id=a; \"", 1, "a"},
    {"=; id=a", 1, "a"},
    {"\tid=\ta\t", 1, "a"},
};

START_TEST(test_samples)
{
    const char *value;
    size_t len;

    ck_assert_uint_eq(cookie_find(samples[_i].text, "id", &value, &len), samples[_i].count);
    if (samples[_i].value == NULL) {
        ck_assert_ptr_null(value);
        ck_assert_uint_eq(len, 0);
    } else {
        ck_assert_uint_eq(len, strlen(samples[_i].value));
        ck_assert_int_eq(memcmp(value, samples[_i].value, len), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cookie");
    TCase *tests = tcase_create("cookie");

    tcase_add_loop_test(tests, test_samples, 0, (int)(sizeof(samples) / sizeof(samples[0])));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
