/* What a fleet's channel says: what is believed, and what is not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"
#include "token/fleet_store.h"

static bool hint(const char *text, size_t len, struct fleet_hint *out)
{
    char *exact = malloc(len > 0 ? len : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text, len);
    bool known = fleet_hint_read(exact, len, out);
    free(exact);
    return known;
}

START_TEST(good_hints)
{
    static const struct {
        const char *text;
        struct fleet_hint expected;
    } hints[] = {
        {"new 1", {.kind = FLEET_HINT_NEW, .generation = 1}},
        {"gone 4611686018427387903", {.kind = FLEET_HINT_GONE, .generation = FLEET_GENERATION_MAX}},
        {"leaked 70", {.kind = FLEET_HINT_LEAKED, .generation = 70}},
        {"wait 60000", {.kind = FLEET_HINT_WAIT, .wait = MINUTE}},
        {"wait 3600000", {.kind = FLEET_HINT_WAIT, .wait = FLEET_LONGEST_WAIT}},
    };

    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        struct fleet_hint out;
        ck_assert(hint(hints[i].text, strlen(hints[i].text), &out));
        ck_assert_int_eq(out.kind, hints[i].expected.kind);
        ck_assert_uint_eq(out.generation, hints[i].expected.generation);
        ck_assert_int_eq(out.wait, hints[i].expected.wait);
    }
}
END_TEST

START_TEST(what_is_no_hint)
{
    static const char *const texts[] = {
        "",
        "new",
        "new ",
        "new 0",
        "new -1",
        "new 01",
        "new 1 ",
        "new  1",
        "New 1",
        "news 1",
        "gone",
        "gone x",
        "leaked0",
        "wait 0",
        "wait 1.5",
        "wait",
        "new 1\n",
        "n",
        "old 1",
        "wait +1",
        "new 0x1",
        "1",
        "wait 3600001",
        "wait 9223372036855",
        "gone 4611686018427387904",
        "gone 9223372036854775808",
        "new 18446744073709551617",
    };
    struct fleet_hint out;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_msg(!hint(texts[i], strlen(texts[i]), &out), "%s", texts[i]);
    ck_assert(!hint("new 1\0", 6, &out));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet_hints");
    TCase *tcase = tcase_create("hints");

    tcase_add_test(tcase, good_hints);
    tcase_add_test(tcase, what_is_no_hint);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
