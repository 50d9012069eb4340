/*
 * What a server repeats of the secrets is masked, however it has encoded the request once more: the
 * secret here has all that JSON, forms, URLs and HTML escape, so that each form is another text.
 */
#include "token/mask.h"

#include <check.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "suite.h"

/* p"w\ <&/+%41é */
#define RAW "p\"w\\ <&/+%41\xc3\xa9"
#define VALUE "k y;\"v\""

static struct config_header_file item = {.name = (char *)(uintptr_t) "X-Key"};
static struct config_upstream upstream = {.client_id = (char *)(uintptr_t) "the id"};

static void setup(void)
{
    upstream.client_secrets[0] = secret_new(RAW, strlen(RAW));
    upstream.client_secret_count = 1;
    item.file.bytes = secret_new(VALUE, strlen(VALUE));
    upstream.header_file.items = &item;
    upstream.header_file.count = 1;
}

static void teardown(void)
{
    secret_unref(upstream.client_secrets[0]);
    secret_unref(item.file.bytes);
}

static const struct {
    const char *said;
    const char *kept;
} echoes[] = {
    {"nothing of it", "nothing of it"},
    {"", ""},
    {"100% of \\, %zz, %, %4, \\u12, \\", "100% of \\, %zz, %, %4, \\u12, \\"},
    {"<" RAW ">", "<***>"},
    {RAW RAW, "***"},
    /* As a form, a URL, JSON, HTML. */
    {"s=p%22w%5C+%3C%26%2F%2B%2541%C3%A9&x=1", "s=***&x=1"},
    {"s=p%22w%5c+%3c%26%2f%2b%2541%c3%a9&x=1", "s=***&x=1"},
    {"s=p%22w%5C%20%3C%26%2F%2B%2541%C3%A9&x=1", "s=***&x=1"},
    {"s=p%22w%5C%20%3C&/+%2541%C3%A9&x=1", "s=***&x=1"},
    {"{\"s\":\"p\\\"w\\\\ <&/+%41\xc3\xa9\"}", "{\"s\":\"***\"}"},
    {"{\"s\":\"p\\\"w\\\\ \\u003c\\u0026\\/+%41\\u00e9\"}", "{\"s\":\"***\"}"},
    {"p&quot;w\\ &lt;&amp;/+%41\xc3\xa9!", "***!"},
    /* JSON in a form, a form in a form, JSON in JSON. */
    {"b=%7B%22s%22%3A%22p%5C%22w%5C%5C+%3C%26%2F%2B%2541%C3%A9%22%7D",
     "b=%7B%22s%22%3A%22***%22%7D"},
    {"b=s%3Dp%2522w%255C%2B%253C%2526%252F%252B%252541%25C3%25A9", "b=s%3D***"},
    {"\"{\\\"s\\\":\\\"p\\\\\\\"w\\\\\\\\ <&/+%41\xc3\xa9\\\"}\"", "\"{\\\"s\\\":\\\"***\\\"}\""},
    /* With the id, as HTTP Basic has it; padding percent-encoded. */
    {"Basic dGhlIGlkOnAid1wgPCYvKyU0McOp, no", "Basic ***, no"},
    {"a=Basic%20dGhlK2lkOnAlMjJ3JTVDKyUzQyUyNiUyRiUyQiUyNTQxJUMzJUE5", "a=Basic%20***"},
    /* A header from a file. */
    {"X-Key: " VALUE ".", "X-Key: ***."},
    {"X-Key: k%20y%3B%22v%22.", "X-Key: ***."},
    {"{\"X-Key\":\"k y;\\\"v\\\"\"}", "{\"X-Key\":\"***\"}"},
    /* A JWT. */
    {"assertion=eyJhbGciOiJ4In0.eyJzdWIiOiJ5In0.c2ln&x=1", "assertion=***&x=1"},
};

START_TEST(masked)
{
    char *kept = token_mask(&upstream, echoes[_i].said);

    ck_assert_str_eq(kept, echoes[_i].kept);
    mem_free(kept);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mask");
    TCase *tcase = tcase_create("mask");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, masked, 0, ARRAY_LEN(echoes));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
