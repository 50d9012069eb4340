/* JSON Pointers of a configuration: what they are split into, and what is said of other texts. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/json_pointer.h"
#include "base/mem.h"
#include "suite.h"

/* RFC 6901, section 5, but for the empty pointer. */
static const struct {
    const char *text;
    const char *name;
} examples[] = {
    {"/foo", "foo"},   {"/", ""},
    {"/a~1b", "a/b"},  {"/c%d", "c%d"},
    {"/e^f", "e^f"},   {"/g|h", "g|h"},
    {"/i\\j", "i\\j"}, {"/k\"l", "k\"l"},
    {"/ ", " "},       {"/m~0n", "m~n"},
    {"/~01", "~1"},    {"/~10", "/0"},
    {"/--", "--"},     {"/\xc3\xa9", "\xc3\xa9"},
};

static struct json_pointer *make(const char *text)
{
    struct json_pointer *pointer = NULL;
    struct reason reason = {""};
    enum err err = json_pointer_new(text, &reason, &pointer);

    ck_assert_msg(err == ERR_OK, "%s: %s", text, reason.text);
    return pointer;
}

START_TEST(test_examples)
{
    struct json_pointer *pointer = make(examples[_i].text);

    ck_assert_str_eq(json_pointer_text(pointer), examples[_i].text);
    ck_assert_uint_eq(pointer->count, 1);
    ck_assert_str_eq(pointer->tokens[0].name, examples[_i].name);
    ck_assert_uint_eq(pointer->tokens[0].len, strlen(examples[_i].name));
    ck_assert(pointer->tokens[0].index == JSON_POINTER_NO_INDEX);
    json_pointer_free(pointer);
}
END_TEST

START_TEST(test_tokens)
{
    struct json_pointer *pointer = make("/foo/0//10/01/~1");
    static const char *const names[] = {"foo", "0", "", "10", "01", "/"};
    static const size_t indexes[] = {JSON_POINTER_NO_INDEX, 0,
                                     JSON_POINTER_NO_INDEX, 10,
                                     JSON_POINTER_NO_INDEX, JSON_POINTER_NO_INDEX};

    ck_assert_uint_eq(pointer->count, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert_str_eq(pointer->tokens[i].name, names[i]);
        ck_assert_uint_eq(pointer->tokens[i].index, indexes[i]);
    }
    json_pointer_free(pointer);
    json_pointer_free(NULL);
}
END_TEST

static const struct {
    const char *token;
    size_t index;
} indexes[] = {
    {"/0", 0},
    {"/9", 9},
    {"/4294967296", (size_t)4294967296},
    {"/00", JSON_POINTER_NO_INDEX},
    {"/-1", JSON_POINTER_NO_INDEX},
    {"/+1", JSON_POINTER_NO_INDEX},
    {"/1e0", JSON_POINTER_NO_INDEX},
    {"/ 1", JSON_POINTER_NO_INDEX},
    {"/18446744073709551615", JSON_POINTER_NO_INDEX},
    {"/99999999999999999999", JSON_POINTER_NO_INDEX},
};

START_TEST(test_index)
{
    struct json_pointer *pointer = make(indexes[_i].token);

    ck_assert_uint_eq(pointer->tokens[0].index, indexes[_i].index);
    json_pointer_free(pointer);
}
END_TEST

static const struct {
    const char *text;
    const char *reason;
} faults[] = {
    {"", "not a JSON Pointer; write it as in \"/results/0\""},
    {"#", "not a JSON Pointer; write it as in \"/results/0\""},
    {"$", "not a JSON Pointer; write it as in \"/results/0\""},
    {"#/a/b", "a JSON Pointer begins with \"/\"; write \"/a/b\""},
    {"$.a.b", "a JSON Pointer begins with \"/\"; write \"/a/b\""},
    {"$['a'][0].b", "a JSON Pointer begins with \"/\"; write \"/a/0/b\""},
    {"$[0]", "a JSON Pointer begins with \"/\"; write \"/0\""},
    {"a", "a JSON Pointer begins with \"/\"; write \"/a\""},
    {"a.b", "a JSON Pointer begins with \"/\"; write \"/a/b\""},
    {"a[0]", "a JSON Pointer begins with \"/\"; write \"/a/0\""},
    {"a[0].b", "a JSON Pointer begins with \"/\"; write \"/a/0/b\""},
    {".a", "a JSON Pointer begins with \"/\"; write \"/a\""},
    {"a/b.c", "a JSON Pointer begins with \"/\"; write \"/a/b.c\""},
    {"\"/a\"", "a JSON Pointer begins with \"/\"; write \"/a\""},
    {"'/a/b'", "a JSON Pointer begins with \"/\"; write \"/a/b\""},
    {" /a", "a JSON Pointer begins with \"/\"; write \"/a\""},
    {"/a~", "\"~\" at byte 3: write \"~0\" for \"~\", \"~1\" for \"/\" in a name"},
    {"/a~2", "\"~\" at byte 3: write \"~0\" for \"~\", \"~1\" for \"/\" in a name"},
    {"/a~0/~/b", "\"~\" at byte 6: write \"~0\" for \"~\", \"~1\" for \"/\" in a name"},
    {"/-", "\"-\" is the element behind an array's end, which is never there; write an index "
           "such as 0"},
    {"/a/-/b", "\"-\" is the element behind an array's end, which is never there; write an index "
               "such as 0"},
    {"/a\tb", "a control character, at byte 3"},
    {"/\x7f", "a control character, at byte 2"},
    {"/\xc3", "not UTF-8"},
    {"/\xed\xa0\x80", "not UTF-8"},
};

START_TEST(test_faults)
{
    struct json_pointer *pointer = NULL;
    struct reason reason;

    ck_assert_int_eq(json_pointer_new(faults[_i].text, &reason, &pointer), ERR_INVALID);
    ck_assert_str_eq(reason.text, faults[_i].reason);
    ck_assert_ptr_null(pointer);
}
END_TEST

/* "/a/a" and so on, or one long name. */
static enum err make_long(size_t tokens, size_t name, struct reason *reason)
{
    struct json_pointer *pointer = NULL;
    char *text = mem_alloc(tokens * (name + 1) + 1);

    for (size_t i = 0; i < tokens; i++) {
        memset(text + i * (name + 1), 'a', name + 1);
        text[i * (name + 1)] = '/';
    }
    text[tokens * (name + 1)] = '\0';
    enum err err = json_pointer_new(text, reason, &pointer);
    ck_assert(err != ERR_OK || pointer->count == tokens);
    json_pointer_free(pointer);
    mem_free(text);
    return err;
}

START_TEST(test_bounds)
{
    struct reason reason;

    ck_assert_int_eq(make_long(JSON_POINTER_TOKENS_MAX, 1, &reason), ERR_OK);
    ck_assert_int_eq(make_long(JSON_POINTER_TOKENS_MAX + 1, 1, &reason), ERR_INVALID);
    ck_assert_str_eq(reason.text, "more than 32 steps");
    ck_assert_int_eq(make_long(1, JSON_POINTER_LEN_MAX - 1, &reason), ERR_OK);
    ck_assert_int_eq(make_long(1, JSON_POINTER_LEN_MAX, &reason), ERR_INVALID);
    ck_assert_str_eq(reason.text, "longer than 1024 bytes");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_pointer");
    TCase *tcase = tcase_create("json_pointer");

    tcase_add_loop_test(tcase, test_examples, 0, ARRAY_LEN(examples));
    tcase_add_test(tcase, test_tokens);
    tcase_add_loop_test(tcase, test_index, 0, ARRAY_LEN(indexes));
    tcase_add_loop_test(tcase, test_faults, 0, ARRAY_LEN(faults));
    tcase_add_test(tcase, test_bounds);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
