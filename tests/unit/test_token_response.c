/* The token endpoint's answer: what is taken, and all that is not. */
#include "token/response.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "suite.h"

#define DEFAULT (5 * MINUTE)
#define SECRET "s3cr3t-t0ken"
#define AT "\"access_token\":\"" SECRET "\""

/* 2026-01-01T00:00:00Z */
#define SENT INT64_C(1767225600)

static const struct token_response_rules rules = {.token = "access_token",
                                                  .lifetime = "expires_in",
                                                  .default_lifetime = DEFAULT,
                                                  .sent = {SENT * SECOND}};

static const struct {
    const char *body;
    const char *type;
    int64_t lifetime;
    enum token_response_lifetime from;
} good[] = {
    {"{" AT "}", "Bearer", DEFAULT, LIFETIME_ABSENT},
    {" \r\n{" AT "}\n ", "Bearer", DEFAULT, LIFETIME_ABSENT},
    {"{" AT ",\"token_type\":\"bearer\",\"expires_in\":3600}", "Bearer", 3600 * SECOND,
     LIFETIME_GIVEN},
    {"{" AT ",\"token_type\":\"BEARER\",\"expires_in\":1}", "Bearer", SECOND, LIFETIME_GIVEN},
    {"{" AT ",\"token_type\":\"bEaReR\"}", "Bearer", DEFAULT, LIFETIME_ABSENT},
    {"{" AT ",\"token_type\":\"MAC\"}", "MAC", DEFAULT, LIFETIME_ABSENT},
    {"{" AT ",\"token_type\":\"dpop~1\"}", "dpop~1", DEFAULT, LIFETIME_ABSENT},
    {"{" AT ",\"expires_in\":\"299\"}", "Bearer", 299 * SECOND, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"0000299\"}", "Bearer", 299 * SECOND, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":3600.0}", "Bearer", 3600 * SECOND, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":59.999}", "Bearer", 59 * SECOND, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":6e1}", "Bearer", 60 * SECOND, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":86399}", "Bearer", 86399 * SECOND, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":86400}", "Bearer", 24 * HOUR, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":86401}", "Bearer", 24 * HOUR, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":1e300}", "Bearer", 24 * HOUR, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":9223372036854775807}", "Bearer", 24 * HOUR, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":123456789012345678901234567890}", "Bearer", 24 * HOUR, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"123456789012345678901234567890\"}", "Bearer", 24 * HOUR,
     LIFETIME_GIVEN},
    /* Ignored, whatever they are. */
    {"{" AT ",\"refresh_token\":17,\"scope\":null,\"x\":{\"y\":[1,\"\\n\"]}}", "Bearer", DEFAULT,
     LIFETIME_ABSENT},
    {"{" AT ",\"refresh_token\":\"a b\\r\\n\",\"n\":123456789012345678901234567890}", "Bearer",
     DEFAULT, LIFETIME_ABSENT},
    /* What servers send in the place of what RFC 6749 has. */
    {"\xef\xbb\xbf{" AT "}", "Bearer", DEFAULT, LIFETIME_ABSENT},
    {"\xef\xbb\xbf \f\v{" AT "} \v\f", "Bearer", DEFAULT, LIFETIME_ABSENT},
    {"{" AT ",\"token_type\":null,\"expires_in\":null}", "Bearer", DEFAULT, LIFETIME_ABSENT},
    {"{" AT ",\"token_type\":\"\"}", "Bearer", DEFAULT, LIFETIME_ABSENT},
    {"{" AT ",\"token_type\":\"BearerToken\",\"expires_in\":\"3600.0\"}", "Bearer", HOUR,
     LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"3600 \"}", "Bearer", HOUR, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"\\t60\"}", "Bearer", MINUTE, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"60.5\"}", "Bearer", MINUTE, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":0}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":-0}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":-1}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":\"\"}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":\" \"}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":\"0\"}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":\"-1\"}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":0.999}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":-1e300}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":1e-300}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"error\":null}", "Bearer", DEFAULT, LIFETIME_ABSENT},
    {"{" AT ",\"error\":\"\",\"error_description\":\"\"}", "Bearer", DEFAULT, LIFETIME_ABSENT},
    /* Numbers that no double holds. */
    {"{" AT ",\"expires_in\":1e999}", "Bearer", 24 * HOUR, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":-1e999}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{\"x\":[1E400,-2.5e+400],\"1e999\":\"\\\"1e999\"," AT ",\"expires_in\":60}", "Bearer", MINUTE,
     LIFETIME_GIVEN},
    /* A point in time. */
    {"{" AT ",\"expires_in\":1000000000}", "Bearer", 24 * HOUR, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":1000000001}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":1767225660000}", "Bearer", MINUTE, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"1767225600999\"}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":1767225660}", "Bearer", MINUTE, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"1767225660\"}", "Bearer", MINUTE, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":1767225600}", "Bearer", DEFAULT, LIFETIME_USELESS},
    {"{" AT ",\"expires_in\":\"2026-01-01T00:01:00\"}", "Bearer", MINUTE, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"2026-01-01T00:01:00.9Z\"}", "Bearer", MINUTE, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"2025-12-31T21:01:00-03:00\"}", "Bearer", MINUTE, LIFETIME_GIVEN},
    {"{" AT ",\"expires_in\":\"2025-12-31 00:00:00\"}", "Bearer", DEFAULT, LIFETIME_USELESS},
};

START_TEST(good_replies)
{
    struct token_response reply;

    ck_assert_int_eq(token_response_parse(&reply, good[_i].body, strlen(good[_i].body), &rules),
                     ERR_OK);
    ck_assert_str_eq(reply.grant.value, SECRET);
    ck_assert_str_eq(reply.grant.type, good[_i].type);
    ck_assert_int_eq(reply.grant.lifetime, good[_i].lifetime);
    ck_assert_int_eq(reply.lifetime, good[_i].from);
    ck_assert_str_eq(reply.reason.text, "");
    token_response_fini(&reply);
}
END_TEST

#define BODY(text) text, sizeof(text) - 1

static const struct {
    const char *body;
    size_t len;
    const char *reason; /* its beginning */
} bad[] = {
    {BODY(""), "the response is empty"},
    {BODY(" "), "the response is empty"},
    {BODY("\xef\xbb\xbf"), "the response is empty"},
    {BODY("<html><body>" SECRET "</body></html>"), "the response is not JSON"},
    {BODY("access_token=" SECRET "&token_type=bearer"), "the response is not JSON"},
    {BODY("[{" AT "}]"), "the response is not a JSON object"},
    {BODY("\"" SECRET "\""), "the response is not JSON"},
    {BODY("null"), "the response is not JSON"},
    {BODY("{" AT), "the response is not JSON"},
    {BODY("{" AT "}{}"), "the response continues"},
    {BODY("{" AT "} x"), "the response continues"},
    {BODY("{" AT "}\0"), "the response"},
    {BODY("{" AT ",\"expires_in\":3600\0}"), "the response has a NUL"},
    {BODY("{" AT ",\"nul_behind_a_literal\":true\0}"), "the response has a NUL"},
    {BODY("{" AT ",}"), "the response is not JSON"},
    {BODY("{'access_token':'" SECRET "'}"), "the response is not JSON"},
    {BODY("{" AT "," AT "}"), "access_token: present twice"},
    {BODY("{\"token_type\":\"a\"," AT ",\"token_type\":\"a\"}"), "token_type: present twice"},
    {BODY("{" AT ",\"expires_in\":1,\"expires_in\":1}"), "expires_in: present twice"},
    {BODY("{" AT ",\"refresh_token\":1,\"refresh_token\":1}"), "the response has a name twice"},
    {BODY("{" AT ",\"access_\\u0074oken\":\"x\"}"), "the response has a name twice"},
    {BODY("{" AT ",\"x\":{\"y\":1,\"y\":2}}"), "the response has a name twice"},
    {BODY("{" AT ",\"x\":\"\xff\xfe\"}"), "the response is not UTF-8"},
    {BODY("{" AT ",\"x\":\"\xc0\xaf\"}"), "the response is not UTF-8"},
    {BODY("{" AT ",\"x\":\"\xed\xa0\x80\"}"), "the response is not UTF-8"},
    {BODY("{\"access_token\":\"a\xc3\"}"), "the response is not UTF-8"},
    {BODY("{}"), "access_token: missing"},
    {BODY("{\"access_token\":null}"), "access_token: null"},
    {BODY("{\"token\":\"" SECRET "\",\"ttl\":60,\"a b\":1}"),
     "access_token: missing; the response has token, ttl; auth_reply names the member"},
    {BODY("{" AT ",\"error\":\"invalid_client\"}"), "the response has an error"},
    {BODY("{\"error\":{\"code\":1}}"), "the response has an error"},
    {BODY("{" AT ",\"expires_in\":\"2026-13-01T00:00:00\"}"), "expires_in: neither a number of"},
    {BODY("{" AT ",\"expires_in\":\"tomorrow\"}"), "expires_in: neither a number of seconds nor"},
    {BODY("{" AT ",\"expires_in\":\"6-0\"}"), "expires_in: neither a number of seconds nor"},
    {BODY("{" AT ",\"expires_in\":\"1e3\"}"), "expires_in: neither a number of seconds nor"},
    {BODY("{\"Access_Token\":\"" SECRET "\"}"), "access_token: missing"},
    {BODY("{\"access_token\":17}"), "access_token: not a string"},
    {BODY("{\"access_token\":[\"" SECRET "\"]}"), "access_token: not a string"},
    {BODY("{\"access_token\":{}}"), "access_token: not a string"},
    {BODY("{\"access_token\":true}"), "access_token: not a string"},
    {BODY("{\"access_token\":\"\"}"), "access_token: empty"},
    {BODY("{\"access_token\":\"a b\"}"), "access_token: has characters"},
    {BODY("{\"access_token\":\" ab\"}"), "access_token: has characters"},
    {BODY("{\"access_token\":\"a\\tb\"}"), "access_token: has characters"},
    {BODY("{\"access_token\":\"a\\r\\nX-Evil: 1\"}"), "access_token: has characters"},
    {BODY("{\"access_token\":\"a\\u000ab\"}"), "access_token: has characters"},
    {BODY("{\"access_token\":\"a\\u0000b\"}"), "the response has a NUL"},
    {BODY("{\"access_token\":\"a\nb\"}"), "the response is not JSON"},
    {BODY("{\"access_token\":\"a\\u007f\"}"), "access_token: has characters"},
    {BODY("{\"access_token\":\"\xc3\xa9\"}"), "access_token: has characters"},
    {BODY("{" AT ",\"token_type\":1}"), "token_type: not a string"},
    {BODY("{" AT ",\"token_type\":\"Bearer \"}"), "token_type: not a token"},
    {BODY("{" AT ",\"token_type\":\"Bea rer\"}"), "token_type: not a token"},
    {BODY("{" AT ",\"token_type\":\"Bearer\\r\\nX: y\"}"), "token_type: not a token"},
    {BODY("{" AT ",\"token_type\":\"Bearer\\u0000\"}"), "the response has a NUL"},
    {BODY("{" AT ",\"token_type\":\"a:b\"}"), "token_type: not a token"},
    {BODY("{" AT ",\"token_type\":\"\xc3\xa9\"}"), "token_type: not a token"},
    {BODY("{" AT ",\"token_type\":"
          "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"),
     "token_type: too long"},
    {BODY("{" AT ",\"expires_in\":1e999.5}"), "the response is not JSON"},
    {BODY("{" AT ",\"expires_in\":1e999,\"x\":0x1p9999}"), "the response is not JSON"},
    {BODY("{" AT ",\"expires_in\":NaN}"), "the response is not JSON"},
    {BODY("{" AT ",\"expires_in\":Infinity}"), "the response is not JSON"},
    {BODY("{" AT ",\"expires_in\":0x10}"), "the response is not JSON"},
    {BODY("{" AT ",\"expires_in\":\"60s\"}"), "expires_in: neither a number of seconds nor"},
    {BODY("{" AT ",\"expires_in\":\"+60\"}"), "expires_in: neither a number of seconds nor"},
    {BODY("{" AT ",\"expires_in\":true}"), "expires_in: neither"},
    {BODY("{" AT ",\"expires_in\":[60]}"), "expires_in: neither"},
};

START_TEST(bad_replies)
{
    struct token_response reply;

    ck_assert_int_eq(token_response_parse(&reply, bad[_i].body, bad[_i].len, &rules), ERR_INVALID);
    ck_assert_msg(strncmp(reply.reason.text, bad[_i].reason, strlen(bad[_i].reason)) == 0,
                  "\"%s\" is not \"%s\"", reply.reason.text, bad[_i].reason);
    ck_assert_ptr_null(strstr(reply.reason.text, SECRET));
    token_response_fini(&reply);
}
END_TEST

START_TEST(nothing_at_all)
{
    struct token_response reply;

    ck_assert_int_eq(token_response_parse(&reply, NULL, 0, &rules), ERR_INVALID);
    token_response_fini(&reply);
}
END_TEST

/* {"access_token":"aaa..."} with a value of so many characters. */
static char *reply_with_value(size_t len)
{
    char *value = mem_alloc(len + 1);

    memset(value, 'a', len);
    value[len] = '\0';
    char *body = mem_printf("{\"access_token\":\"%s\"}", value);
    mem_free(value);
    return body;
}

static enum err parse_value_of(size_t len, struct reason *reason)
{
    struct token_response reply;
    char *body = reply_with_value(len);
    enum err err = token_response_parse(&reply, body, strlen(body), &rules);

    *reason = reply.reason;
    token_response_fini(&reply);
    mem_free(body);
    return err;
}

START_TEST(long_values)
{
    struct reason reason;

    ck_assert_int_eq(parse_value_of(TOKEN_VALUE_MAX, &reason), ERR_OK);
    ck_assert_int_eq(parse_value_of(TOKEN_VALUE_MAX + 1, &reason), ERR_INVALID);
    ck_assert_str_eq(reason.text, "access_token: too long for a header");
    ck_assert_int_eq(parse_value_of(TOKEN_RESPONSE_MAX, &reason), ERR_TOO_LARGE);
    ck_assert_str_eq(reason.text, "the response is over 64K");
    ck_assert_int_eq(parse_value_of(5 * 1024 * 1024, &reason), ERR_TOO_LARGE);
}
END_TEST

START_TEST(border_of_the_size)
{
    struct token_response reply;
    static char body[TOKEN_RESPONSE_MAX + 1];

    memset(body, ' ', sizeof(body));
    memcpy(body, "{" AT "}", strlen("{" AT "}"));
    ck_assert_int_eq(token_response_parse(&reply, body, TOKEN_RESPONSE_MAX, &rules), ERR_OK);
    token_response_fini(&reply);
    ck_assert_int_eq(token_response_parse(&reply, body, TOKEN_RESPONSE_MAX + 1, &rules),
                     ERR_TOO_LARGE);
    token_response_fini(&reply);
}
END_TEST

START_TEST(deep_nesting)
{
    struct token_response reply;
    char body[30000];
    size_t half = sizeof(body) / 2;

    snprintf(body, sizeof(body), "{" AT ",\"x\":");
    memset(body + strlen(body), '[', half);
    memset(body + half, ']', sizeof(body) - half);
    body[sizeof(body) - 1] = '}';
    ck_assert_int_eq(token_response_parse(&reply, body, sizeof(body), &rules), ERR_INVALID);
    ck_assert_str_eq(reply.reason.text, "the response is nested too deep");
    token_response_fini(&reply);
}
END_TEST

/* Names and scheme of the configuration. */
START_TEST(other_names)
{
    static const char body[] = "{\"token\":\"" SECRET "\",\"token_type\":\"a b\",\"until\":60}";
    const struct config_upstream upstream = {
        .auth_reply = {(char *)(uintptr_t) "token", (char *)(uintptr_t) "until"},
        .auth_scheme = (char *)(uintptr_t) "Bearer",
        .auth_token_default_lifetime = DEFAULT};
    const struct token_response_rules named =
        token_response_rules(&upstream, (struct wall_time){SENT * SECOND});
    struct token_response reply;

    ck_assert_int_eq(token_response_parse(&reply, body, strlen(body), &named), ERR_OK);
    ck_assert_str_eq(reply.grant.value, SECRET);
    ck_assert_str_eq(reply.grant.type, "Bearer");
    ck_assert_int_eq(reply.grant.lifetime, MINUTE);
    token_response_fini(&reply);
}
END_TEST

/* Only the first name is configured. */
START_TEST(one_name)
{
    const struct config_upstream upstream = {.auth_reply = {(char *)(uintptr_t) "token", NULL}};

    ck_assert_str_eq(token_response_rules(&upstream, (struct wall_time){0}).lifetime, "expires_in");
}
END_TEST

/* The functions that jansson was given: what they free is overwritten, and free(3) takes it too. */
START_TEST(setup_wipes_what_jansson_frees)
{
    json_malloc_t json_malloc;
    json_free_t json_free;

    token_response_setup();
    json_get_alloc_funcs(&json_malloc, &json_free);
    ck_assert_ptr_eq((void *)(uintptr_t)json_malloc, (void *)(uintptr_t)mem_alloc);
    ck_assert_ptr_ne((void *)(uintptr_t)json_free, (void *)(uintptr_t)free);
    json_free(NULL);
    json_free(json_malloc(100));
    json_t *object = json_pack("{s:s}", "a", "b");
    free(json_dumps(object, 0));
    json_decref(object);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("token_response");
    TCase *tc = tcase_create("token_response");

    tcase_add_loop_test(tc, good_replies, 0, (int)ARRAY_LEN(good));
    tcase_add_loop_test(tc, bad_replies, 0, (int)ARRAY_LEN(bad));
    tcase_add_test(tc, nothing_at_all);
    tcase_add_test(tc, long_values);
    tcase_add_test(tc, border_of_the_size);
    tcase_add_test(tc, deep_nesting);
    tcase_add_test(tc, other_names);
    tcase_add_test(tc, one_name);
    tcase_add_test(tc, setup_wipes_what_jansson_frees);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    token_response_setup();
    return run_suite(suite());
}
