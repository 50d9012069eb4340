/* WWW-Authenticate, as it should be and as servers write it. */
#include <check.h>

#include "base/check.h"
#include "suite.h"
#include "upstream/challenge.h"

static const struct {
    const char *value;
    bool bearer;
    bool invalid;
} fields[] = {
    {NULL, false, false},
    {"", false, false},
    {"Bearer", true, false},
    {"Bearer error=\"invalid_token\"", true, true},
    {"bearer ERROR=invalid_token", true, true},
    {"BEARER error = \"invalid_token\"", true, true},
    {"Bearer\terror\t=\tinvalid_token", true, true},
    {"Bearer realm=\"a\", error=\"invalid_token\", error_description=\"expired\"", true, true},
    {"Bearer realm=\"a\",error=\"invalid_token\"", true, true},
    {"Bearer , ,, error=\"invalid_token\"", true, true},
    {"Bearer, error=\"invalid_token\"", true, true},
    {", Bearer error=\"invalid_token\"", true, true},
    /* quoted pairs, commas and other challenges in quotes */
    {"Bearer error=\"invalid\\_token\"", true, true},
    {"Bearer realm=\"a, b\", error=\"invalid_token\"", true, true},
    {"Bearer realm=\"a\\\", error=x\", error=\"invalid_token\"", true, true},
    {"Bearer realm=\"x, error=invalid_token\"", true, false},
    {"Bearer realm=\"\\\", error=invalid_token\"", true, false},
    {"Basic realm=\"x, Bearer error=invalid_token\"", false, false},
    {"Basic realm=\"x\\\", Bearer error=invalid_token\"", false, false},
    {"Bearer realm=\"x, error=invalid_token", true, false},
    {"Bearer error=\"invalid_token", true, true},
    {"Bearer error=\"invalid_token\\", true, false},
    /* other values, other parameters */
    {"Bearer error=\"invalid_request\"", true, false},
    {"Bearer error=\"Invalid_Token\"", true, false},
    {"Bearer error=\"invalid_tokens\"", true, false},
    {"Bearer error=\"invalid_toke\"", true, false},
    {"Bearer error=\"\"", true, false},
    {"Bearer error=", true, false},
    {"Bearer error", true, false},
    {"Bearer error_description=\"invalid_token\"", true, false},
    {"Bearer xerror=invalid_token", true, false},
    {"Bearer error=insufficient_scope, error=invalid_token", true, false},
    {"Bearer error=invalid_token, error=insufficient_scope", true, true},
    {"Bearer error*=invalid_token", true, false},
    /* other schemes, before it and behind it */
    {"Basic realm=\"x\"", false, false},
    {"Basic error=invalid_token", false, false},
    {"DPoP error=\"invalid_token\"", false, false},
    {"Bearerx error=invalid_token", false, false},
    {"Basic realm=\"x\", Bearer error=\"invalid_token\"", true, true},
    {"Bearer realm=\"x\", Basic error=\"invalid_token\"", true, false},
    {"Bearer error=invalid_token, Basic realm=\"x\"", true, true},
    {"Bearer realm=\"a\", Bearer realm=\"b\", error=invalid_token", true, true},
    {"Bearer error=x, Bearer error=invalid_token", true, true},
    {"Negotiate, Bearer error=invalid_token", true, true},
    {"Negotiate YWJj==, Bearer error=invalid_token", true, true},
    {"Negotiate YWJj=, Bearer error=invalid_token", true, true},
    {"Negotiate a/b+c=, Bearer error=invalid_token", true, true},
    {"Negotiate a/Bearer error=invalid_token", false, false},
    {"Negotiate Bearer error=invalid_token", false, false},
    {"Bearer YWJj==, error=invalid_token", true, true},
    /* written by hand */
    {"Bearer realm=\"x\" error=\"invalid_token\"", true, true},
    {"Bearer error=invalid_token; error_description=x", true, true},
    {"Bearer: error=invalid_token", false, false},
    {"Bearer error:invalid_token", true, false},
    {"error=invalid_token", false, false},
    {"error=invalid_token, Bearer", true, false},
    {"\"Bearer error=invalid_token\"", false, false},
    {"=, Bearer error=invalid_token", true, true},
    {"(x), Bearer error=invalid_token", true, true},
    {"\xc3\xa4, Bearer error=invalid_token", true, true},
};

START_TEST(test_challenges)
{
    const char *value = fields[_i].value;

    ck_assert_msg(challenge_is_bearer(value) == fields[_i].bearer, "bearer: %s", value);
    ck_assert_msg(challenge_says_invalid_token(value) == fields[_i].invalid, "invalid: %s", value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("challenge");
    TCase *tcase = tcase_create("challenge");

    tcase_add_loop_test(tcase, test_challenges, 0, (int)ARRAY_LEN(fields));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
