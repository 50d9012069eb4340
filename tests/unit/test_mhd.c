/* Versions of libmicrohttpd and what each is taken for; the lines of its log that tell a rejection.
 */
#include "front/mhd.h"

#include <string.h>

#include "suite.h"

static const struct {
    const char *version;
    enum mhd_generation generation;
} versions[] = {
    {"0.9.75", MHD_GENERATION_0_9},      {"0.9.77", MHD_GENERATION_0_9},
    {"0.9.77.1", MHD_GENERATION_0_9},    {"0.9.100", MHD_GENERATION_0_9},
    {"0.9.74", MHD_GENERATION_UNKNOWN},  {"0.9.7", MHD_GENERATION_UNKNOWN},
    {"0.10.0", MHD_GENERATION_UNKNOWN},  {"0.8.99", MHD_GENERATION_UNKNOWN},
    {"1.0.0", MHD_GENERATION_1},         {"1.0.1", MHD_GENERATION_1},
    {"1.0.10", MHD_GENERATION_1},        {"1.0.1-dfsg", MHD_GENERATION_1},
    {"1.2.3", MHD_GENERATION_1},         {"2.0.0", MHD_GENERATION_UNKNOWN},
    {"10.0.1", MHD_GENERATION_UNKNOWN},  {"1.0", MHD_GENERATION_UNKNOWN},
    {"1.0.1x", MHD_GENERATION_UNKNOWN},  {"", MHD_GENERATION_UNKNOWN},
    {"unknown", MHD_GENERATION_UNKNOWN}, {"-1.0.1", MHD_GENERATION_UNKNOWN},
    {NULL, MHD_GENERATION_UNKNOWN},
};

START_TEST(test_versions)
{
    ck_assert_int_eq(mhd_generation_of(versions[_i].version), versions[_i].generation);
}
END_TEST

START_TEST(test_this_library)
{
    ck_assert_int_ne(mhd_generation(), MHD_GENERATION_UNKNOWN);
    ck_assert_int_eq(mhd_generation(), mhd_generation_of(MHD_get_version()));
}
END_TEST

START_TEST(test_refusals)
{
    ck_assert_uint_eq(mhd_rejection_status("Error processing request (HTTP response code is 431 "
                                           "('<html>')). Closing connection.\n"),
                      431);
    ck_assert_uint_eq(mhd_rejection_status("The request line is malformed.\n"), 400);
    ck_assert_uint_eq(mhd_rejection_status("Invalid character is in the request line.\n"), 400);
    ck_assert_uint_eq(mhd_rejection_status("Failed to parse `Content-Length' header.\n"), 0);
    ck_assert_uint_eq(mhd_rejection_status("Error processing request"), 0);
    ck_assert_uint_eq(mhd_rejection_status(""), 0);
}
END_TEST

START_TEST(test_lost_responses)
{
    ck_assert(mhd_response_is_lost("Closing connection (failed to create response header).\n"));
    ck_assert(!mhd_response_is_lost("Closing connection (out of memory).\n"));
    ck_assert(!mhd_response_is_lost(""));
}
END_TEST

/* A request line at an offset from a boundary of 16 bytes, with the byte before it. */
static const struct {
    size_t offset;
    char before;
    const char *method;
    const char *seen;
} lines[] = {
    {0, 'x', "GET", "GET"},  {0, 'x', "HEAD", "HEAD"}, {2, '\0', "HEAD", "HEAD"},
    {2, '\n', "GET", "GET"}, {0, 'x', "XGET", "-"},    {0, 'x', "POST", "-"},
    {0, 'x', "D", "-"},      {0, 'x', "EAD", "-"},     {0, 'x', "", "-"},
    {2, 'x', "HEAD", "-"},   {13, '\0', "HEAD", "-"},  {11, '\0', "HEAD", "HEAD"},
    {0, 'x', "get", "-"},
};

START_TEST(test_method_before)
{
    _Alignas(16) char memory[64];
    char *const line = memory + 16 + lines[_i].offset;

    memset(memory, 'E', sizeof(memory));
    line[-1] = lines[_i].before;
    memcpy(line, lines[_i].method, strlen(lines[_i].method) + 1);
    ck_assert_str_eq(mhd_method_before(line + strlen(lines[_i].method) + 1), lines[_i].seen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mhd");
    TCase *tests = tcase_create("mhd");

    tcase_add_loop_test(tests, test_versions, 0, (int)(sizeof(versions) / sizeof(versions[0])));
    tcase_add_test(tests, test_this_library);
    tcase_add_test(tests, test_refusals);
    tcase_add_test(tests, test_lost_responses);
    tcase_add_loop_test(tests, test_method_before, 0, (int)(sizeof(lines) / sizeof(lines[0])));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
