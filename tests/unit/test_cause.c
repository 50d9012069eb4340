/* token/cause.h: what callers are told of the token endpoint, and what they are not. */
#include "token/cause.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

static const struct {
    struct token_cause cause;
    const char *text;
} texts[] = {
    {{.kind = TOKEN_CAUSE_NONE}, "the token endpoint has not given one"},
    {{.kind = TOKEN_CAUSE_NONE, .budget = true},
     "[upstream] auth_budget of token requests is used up"},
    {{.kind = TOKEN_CAUSE_FAILED, .status = 503}, "the token endpoint answered 503"},
    {{.kind = TOKEN_CAUSE_FAILED, .status = 400, .code = "server_error"},
     "the token endpoint answered 400 (server_error)"},
    {{.kind = TOKEN_CAUSE_FAILED, .status = 500, .budget = true},
     "the token endpoint answered 500, and [upstream] auth_budget is used up"},
    {{.kind = TOKEN_CAUSE_FAILED}, "the token endpoint gave no token"},
    {{.kind = TOKEN_CAUSE_NO_RESPONSE, .error = CLIENT_REFUSED},
     "the token endpoint refused the connection"},
    {{.kind = TOKEN_CAUSE_NO_RESPONSE, .error = CLIENT_DNS},
     "the token endpoint has a name that does not resolve"},
    {{.kind = TOKEN_CAUSE_TIMED_OUT}, "the token endpoint did not answer in time"},
    {{.kind = TOKEN_CAUSE_CREDENTIALS, .status = 401, .code = "invalid_client"},
     "the token endpoint refused the client's credentials (invalid_client)"},
    {{.kind = TOKEN_CAUSE_CREDENTIALS, .status = 401},
     "the token endpoint refused the client's credentials (status 401)"},
    {{.kind = TOKEN_CAUSE_REJECTED, .status = 400, .code = "invalid_scope"},
     "the token endpoint refused the token request (invalid_scope)"},
    {{.kind = TOKEN_CAUSE_UNUSABLE},
     "the token endpoint gave an answer in which there is no usable token"},
    {{.kind = TOKEN_CAUSE_EXPIRED}, "the token endpoint gave only a token that has expired"},
    {{.kind = TOKEN_CAUSE_STALLED},
     "the token endpoint gave no token that lasts longer than the one before"},
    {{.kind = TOKEN_CAUSE_PACED},
     "the token endpoint is asked for a replacement every 30 s at most"},
    {{.kind = TOKEN_CAUSE_SAME}, "the token endpoint gave the same token again"},
    {{.kind = TOKEN_CAUSE_UNSIGNED},
     "the token endpoint was not asked: the request's assertion could not be signed"},
    {{.kind = TOKEN_CAUSE_WAITERS},
     "the token endpoint has not answered yet, and no more lookups may wait for it"},
    {{.kind = TOKEN_CAUSE_FLEET_WAIT},
     "the token endpoint gave none to another member of the fleet, and is asked again after a "
     "wait"},
    {{.kind = TOKEN_CAUSE_FLEET_UNOPENED},
     "the token endpoint gave one to another member of the fleet, which this one cannot open"},
    {{.kind = TOKEN_CAUSE_FLEET_ALONE},
     "the token endpoint is not asked: the fleet's store is out of reach, and [fleet] alone allows "
     "this member no request"},
};

START_TEST(each_text)
{
    char text[TOKEN_CAUSE_TEXT];

    token_cause_text(&texts[_i].cause, text);
    ck_assert_str_eq(text, texts[_i].text);
}
END_TEST

/* With the longest code, phrase and budget no sentence is cut. */
START_TEST(nothing_is_cut)
{
    struct token_cause cause = {.kind = TOKEN_CAUSE_FAILED, .status = 599, .budget = true};
    char text[TOKEN_CAUSE_TEXT], code[TOKEN_CAUSE_CODE + 1];

    memset(code, 'x', TOKEN_CAUSE_CODE);
    code[TOKEN_CAUSE_CODE] = '\0';
    token_cause_set_code(&cause, code);
    ck_assert_str_eq(cause.code, code);
    token_cause_text(&cause, text);
    ck_assert_ptr_nonnull(strstr(text, "auth_budget is used up"));
    cause = (struct token_cause){
        .kind = TOKEN_CAUSE_NO_RESPONSE, .error = CLIENT_PROXY_AUTH, .budget = true};
    token_cause_text(&cause, text);
    ck_assert_ptr_nonnull(strstr(text, "auth_budget is used up"));
}
END_TEST

/* What a server writes in the place of a code: a sentence, a host, a masked secret, too much. */
static const char *const foreign[] = {
    "no such client",
    "idp.example.com",
    "***",
    "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
    "a\"b",
    "a_code_of_more_than_forty_characters_is_left_out",
    "caf\xc3\xa9",
};

START_TEST(only_what_looks_like_a_code)
{
    struct token_cause cause = {.kind = TOKEN_CAUSE_REJECTED, .code = "before"};

    token_cause_set_code(&cause, foreign[_i]);
    ck_assert_str_eq(cause.code, "");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cause");
    TCase *tc = tcase_create("cause");

    tcase_add_loop_test(tc, each_text, 0, ARRAY_LEN(texts));
    tcase_add_test(tc, nothing_is_cut);
    tcase_add_loop_test(tc, only_what_looks_like_a_code, 0, ARRAY_LEN(foreign));
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
