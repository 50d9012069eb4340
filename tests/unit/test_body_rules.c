/* What bodies of foreign APIs mean by the rules of an upstream, and the answers made of them. */
#include <check.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "lookup/body.h"
#include "suite.h"

/* A rule as it is configured; freed by rules_free. NULL: not set. */
static struct json_pointer *pointer(const char *text)
{
    struct json_pointer *pointer = NULL;
    struct reason reason;

    if (text != NULL)
        ck_assert_int_eq(json_pointer_new(text, &reason, &pointer), ERR_OK);
    return pointer;
}

/* ---- lookup_found and lookup_failed ---- */

static const struct {
    const char *found;
    const char *body;
    enum body_verdict verdict;
    const char *reason;
} founds[] = {
    {"/results/0", "{\"results\":[{\"postcode\":\"10115\"}]}", BODY_GOOD, NULL},
    {"/results/0", "{\"results\":[]}", BODY_UNKNOWN, NULL},
    {"/results/0", "{\"results\":[null]}", BODY_UNKNOWN, NULL},
    {"/results/0", "{\"results\":null}", BODY_UNKNOWN, NULL},
    {"/results/0", "{\"results\":false}", BODY_UNKNOWN, NULL},
    {"/results/0", "{\"results\":0}", BODY_UNKNOWN, NULL},
    {"/results/0", "{\"results\":\"\"}", BODY_UNKNOWN, NULL},
    {"/results/0/id", "{\"results\":[{\"id\":0}]}", BODY_UNKNOWN, NULL},
    {"/results/0/id", "{\"results\":[{\"id\":7}]}", BODY_GOOD, NULL},
    {"/results/name", "{\"results\":[]}", BODY_UNKNOWN, NULL},
    {"/results/0", "{\"message\":\"swordfish\"}", BODY_MALFORMED,
     "/results/0 leads nowhere: the object has no member \"results\""},
    {"/results/0", "{\"results\":{\"swordfish\":1}}", BODY_MALFORMED,
     "/results/0 leads nowhere: the object has no member \"0\""},
    {"/results/0/id", "{\"results\":[{\"swordfish\":7}]}", BODY_MALFORMED,
     "/results/0/id leads nowhere: the object has no member \"id\""},
    {"/results/0", "{\"results\":\"swordfish\"}", BODY_MALFORMED,
     "/results/0 leads nowhere: \"0\" is looked for in a string"},
    {"/results/0", "{\"results\":7}", BODY_MALFORMED,
     "/results/0 leads nowhere: \"0\" is looked for in a number"},
    {"/results/0", "{\"results\":true}", BODY_MALFORMED,
     "/results/0 leads nowhere: \"0\" is looked for in a boolean"},
    {"/results/name", "{\"results\":[1]}", BODY_MALFORMED,
     "/results/name leads nowhere: \"name\" is looked for in an array"},
    {"/a~1b", "{}", BODY_MALFORMED, "/a~1b leads nowhere: the object has no member \"a/b\""},
    {"/0", "[{\"postcode\":\"1012 JS\"}]", BODY_GOOD, NULL},
    {"/0", "[]", BODY_UNKNOWN, NULL},
    {"/0", "null", BODY_UNKNOWN, NULL},
    {"/0", "\"swordfish\"", BODY_MALFORMED, "/0 leads nowhere: \"0\" is looked for in a string"},
    {"/found", "{\"found\":true}", BODY_GOOD, NULL},
    {"/found", "{\"found\":false}", BODY_UNKNOWN, NULL},
    {"/count", "{\"count\":-0.0e5}", BODY_UNKNOWN, NULL},
    {"/zip", "{\"zip\":{}}", BODY_UNKNOWN, NULL},
    {"/zip", "{\"zip\":\"swordfish\"", BODY_MALFORMED, "ends too early, after byte 18"},
    {"/zip", "<html>swordfish</html>", BODY_MALFORMED, "HTML or XML, not JSON"},
};

START_TEST(test_found)
{
    struct json_pointer *found = pointer(founds[_i].found);
    const struct body_rules rules = {.found = found};
    struct body_answer answer;
    struct reason reason = {""};
    const char *body = founds[_i].body;

    ck_assert_int_eq(body_check(&rules, body, strlen(body), "M1", &answer, &reason),
                     founds[_i].verdict);
    ck_assert_str_eq(reason.text, founds[_i].reason != NULL ? founds[_i].reason : "");
    ck_assert_ptr_null(answer.text);
    json_pointer_free(found);
}
END_TEST

static const struct {
    const char *found;
    const char *failed;
    const char *body;
    enum body_verdict verdict;
} faileds[] = {
    {"/r/0", "/error", "{\"error\":\"expired\",\"r\":[1]}", BODY_REJECTED},
    {"/r/0", "/error", "{\"error\":\"expired\"}", BODY_REJECTED},
    {"/r/0", "/error", "{\"error\":null,\"r\":[1]}", BODY_GOOD},
    {"/r/0", "/error", "{\"error\":\"\",\"r\":[]}", BODY_UNKNOWN},
    {"/r/0", "/error", "{\"r\":[1]}", BODY_GOOD},
    {"/r/0", "/error/code", "{\"error\":\"other\",\"r\":[1]}", BODY_GOOD},
    {"/r/0", "/errors/0", "{\"errors\":[],\"r\":[1]}", BODY_GOOD},
    {"/r/0", "/error", "{\"error\":1,\"r\":[1]", BODY_MALFORMED},
    {NULL, "/error", "{\"error\":1}", BODY_REJECTED},
    {NULL, "/error", "{\"error\":0,\"postcode\":\"M1\"}", BODY_GOOD},
    {NULL, "/error", "{\"error\":0}", BODY_MALFORMED},
    {NULL, "/0", "[1]", BODY_REJECTED},
};

START_TEST(test_failed)
{
    struct json_pointer *found = pointer(faileds[_i].found);
    struct json_pointer *failed = pointer(faileds[_i].failed);
    const struct body_rules rules = {.found = found, .failed = failed};
    struct body_answer answer;
    struct reason reason;
    const char *body = faileds[_i].body;

    ck_assert_int_eq(body_check(&rules, body, strlen(body), "M1", &answer, &reason),
                     faileds[_i].verdict);
    json_pointer_free(found);
    json_pointer_free(failed);
}
END_TEST

/* ---- answer = address ---- */

static const struct {
    const char *postcode;
    const char *country;
    const char *constant;
    const char *body;
    const char *answer;
} answers[] = {
    {NULL, NULL, NULL, "{\"postcode\":\"M1 1AE\",\"country\":\"England\",\"x\":1}",
     "{\"postcode\":\"M1 1AE\",\"country\":\"England\"}"},
    {NULL, NULL, NULL, "{\"x\":1}", "{\"postcode\":\"SW1A 1AA\",\"country\":null}"},
    {NULL, NULL, NULL, "{\"postcode\":\"\",\"country\":\"\",\"x\":1}",
     "{\"postcode\":\"SW1A 1AA\",\"country\":null}"},
    {NULL, NULL, NULL, "{\"postcode\":null,\"country\":null,\"x\":1}",
     "{\"postcode\":\"SW1A 1AA\",\"country\":null}"},
    {NULL, NULL, NULL, "{\"postcode\":10115,\"country\":826,\"x\":1}",
     "{\"postcode\":\"10115\",\"country\":\"826\"}"},
    {NULL, NULL, NULL, "{\"postcode\":[\"M1\"],\"country\":true,\"x\":1}",
     "{\"postcode\":\"SW1A 1AA\",\"country\":null}"},
    {"/x/0/zip", "/x/0/c", NULL, "{\"x\":[{\"zip\":\"10115\",\"c\":\"DE\"}]}",
     "{\"postcode\":\"10115\",\"country\":\"DE\"}"},
    {"/x/1/zip", "/x/0/c/d", NULL, "{\"x\":[{\"zip\":\"10115\",\"c\":\"DE\"}]}",
     "{\"postcode\":\"SW1A 1AA\",\"country\":null}"},
    {"/x", NULL, "GB", "{\"x\":\"M1\",\"country\":\"England\"}",
     "{\"postcode\":\"M1\",\"country\":\"GB\"}"},
    {"/x", NULL, "a \"b\"\\\x01\xc3\xa9", "{\"x\":\"M1\"}",
     "{\"postcode\":\"M1\",\"country\":\"a \\\"b\\\"\\\\\\u0001\xc3\xa9\"}"},
    {"/x", "/y", NULL, "{\"x\":\"a\\\"\\u00e9\",\"y\":\"\xc3\xa9\\/\"}",
     "{\"postcode\":\"a\\\"\\u00e9\",\"country\":\"\xc3\xa9\\/\"}"},
};

START_TEST(test_answer)
{
    static const struct json_pointer whole = {.text = ""};
    struct json_pointer *postcode = pointer(answers[_i].postcode);
    struct json_pointer *country = pointer(answers[_i].country);
    const struct body_rules rules = {
        .found = &whole,
        .postcode = postcode,
        .country = country,
        .country_constant = answers[_i].constant,
        .address = true,
    };
    struct body_answer answer;
    struct reason reason;
    const char *body = answers[_i].body;

    ck_assert_int_eq(body_check(&rules, body, strlen(body), "SW1A 1AA", &answer, &reason),
                     BODY_GOOD);
    ck_assert_uint_eq(answer.len, strlen(answers[_i].answer));
    ck_assert_mem_eq(answer.text, answers[_i].answer, answer.len);
    mem_free(answer.text);
    json_pointer_free(postcode);
    json_pointer_free(country);
}
END_TEST

/* The postcode asked for is escaped like the rest. */
START_TEST(test_asked_is_escaped)
{
    static const char body[] = "{\"postcode\":\"\"}";
    const struct body_rules rules = {.address = true};
    struct body_answer answer;
    struct reason reason;

    ck_assert_int_eq(body_check(&rules, body, sizeof(body) - 1, "a\"b", &answer, &reason),
                     BODY_GOOD);
    static const char wanted[] = "{\"postcode\":\"a\\\"b\",\"country\":null}";
    ck_assert_uint_eq(answer.len, strlen(wanted));
    ck_assert_int_eq(memcmp(answer.text, wanted, answer.len), 0);
    mem_free(answer.text);
}
END_TEST

START_TEST(test_no_answer_but_for_good_bodies)
{
    static const char *const bodies[] = {"{}", "{\"postcode\":1}", "{\"error\":1}", "{", ""};
    struct json_pointer *failed = pointer("/error");
    const struct body_rules rules = {.failed = failed, .address = true};
    struct body_answer answer;
    struct reason reason;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        ck_assert_int_ne(body_check(&rules, bodies[i], strlen(bodies[i]), "M1", &answer, &reason),
                         BODY_GOOD);
        ck_assert_ptr_null(answer.text);
    }
    json_pointer_free(failed);
}
END_TEST

/* ---- real shapes, broken ---- */

static const struct shape {
    const char *found;
    const char *failed;
    const char *postcode;
    const char *country;
    const char *body;
} shapes[] = {
    {NULL, NULL, NULL, NULL,
     "{\"postcode\":\"SW1A 1AA\",\"country\":\"England\",\"region\":\"London\",\"lat\":51.5}"},
    {"/results/0", "/error", "/results/0/postcode", "/results/0/country",
     "{\"status\":200,\"error\":null,\"results\":[{\"postcode\":\"M1 1AE\",\"country\":"
     "\"England\",\"codes\":{\"district\":\"E08000003\",\"parish\":null},\"quality\":1},{}]}"},
    {"/features/0", NULL, "/features/0/properties/postcode", NULL,
     "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"geometry\":{\"type\":"
     "\"Point\",\"coordinates\":[4.8952,-52.3702]},\"properties\":{\"postcode\":\"1012 JS\","
     "\"stra\\u00dfe\":\"Dam\\n\"}}],\"total\":1e0}"},
    {"/zips", "/error_code", "/zips/0/zip_code", "/zips/0/country",
     "{\"zips\":[{\"zip_code\":10115,\"city\":\"Berlin\",\"country\":\"DE\",\"pobox\":false}]}"},
    {"/0", "/message", "/0/Post Code", "/0/Land",
     "[{\"Post Code\":\"K1A 0B1\",\"Land\":\"Canada\",\"places\":[],\"more\":{\"a~b\":[[1]]}}]"},
    {"/data/address/postalCode", "/errors/0", "/data/address/postalCode",
     "/data/address/country/iso",
     "{\"header\":{\"id\":\"7f\",\"ms\":12},\"data\":{\"address\":{\"postalCode\":\"75001\","
     "\"country\":{\"iso\":\"FR\"}}},\"errors\":[]}"},
};

struct set {
    struct json_pointer *pointers[4];
    struct body_rules rules;
};

static void set_init(struct set *set, const struct shape *shape)
{
    const char *const texts[] = {shape->found, shape->failed, shape->postcode, shape->country};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        set->pointers[i] = pointer(texts[i]);
    set->rules = (struct body_rules){.found = set->pointers[0],
                                     .failed = set->pointers[1],
                                     .postcode = set->pointers[2],
                                     .country = set->pointers[3],
                                     .address = true};
}

static void set_fini(struct set *set)
{
    for (size_t i = 0; i < ARRAY_LEN(set->pointers); i++)
        json_pointer_free(set->pointers[i]);
}

/* The verdict; an answer must be the small object. The body is of its very size on the heap. */
static enum body_verdict check_exact(const struct body_rules *rules, const char *body, size_t len)
{
    struct body_answer answer;
    struct reason reason = {""};
    char *exact = malloc(len);

    memcpy(exact, body, len);
    enum body_verdict verdict = body_check(rules, exact, len, "M1", &answer, &reason);
    free(exact);
    ck_assert_int_eq(verdict == BODY_GOOD, answer.text != NULL);
    ck_assert_int_eq(verdict == BODY_MALFORMED, reason.text[0] != '\0');
    if (answer.text == NULL)
        return verdict;
    json_t *json = json_loadb(answer.text, answer.len, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_uint_eq(json_object_size(json), 2);
    ck_assert(json_is_string(json_object_get(json, "postcode")));
    json_decref(json);
    mem_free(answer.text);
    return verdict;
}

START_TEST(test_shapes_cut_anywhere)
{
    const char *body = shapes[_i].body;

    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct set set;

        set_init(&set, &shapes[i]);
        if (i == (size_t)_i)
            ck_assert_int_eq(check_exact(&set.rules, body, strlen(body)), BODY_GOOD);
        for (size_t len = 0; len < strlen(body); len++)
            ck_assert_int_eq(check_exact(&set.rules, body, len), BODY_MALFORMED);
        set_fini(&set);
    }
}
END_TEST

static const char *const types[] = {"null",  "false", "true",    "0",  "7.5e1",    "\"\"",
                                    "\"x\"", "[]",    "[\"x\"]", "{}", "{\"x\":1}"};

static void check_all_rules(const json_t *json)
{
    char *body = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct set set;

        set_init(&set, &shapes[i]);
        (void)check_exact(&set.rules, body, strlen(body));
        set_fini(&set);
    }
    free(body);
}

/* Puts a value of each type in the place of each value in `json`, which is a part of `whole`. */
static void replace_each(json_t *whole, json_t *json, const char *type)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(json, next, name, value)
    {
        json_incref(value);
        json_object_set_new(json, name, json_loads(type, JSON_DECODE_ANY, NULL));
        check_all_rules(whole);
        json_object_set_new(json, name, value);
        replace_each(whole, value, type);
    }
    for (size_t i = 0; i < json_array_size(json); i++) {
        value = json_incref(json_array_get(json, i));
        json_array_set_new(json, i, json_loads(type, JSON_DECODE_ANY, NULL));
        check_all_rules(whole);
        json_array_set_new(json, i, value);
        replace_each(whole, value, type);
    }
}

START_TEST(test_shapes_with_other_types)
{
    json_t *whole = json_loads(shapes[_i].body, 0, NULL);

    ck_assert_ptr_nonnull(whole);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        json_t *alone = json_loads(types[i], JSON_DECODE_ANY, NULL);

        check_all_rules(alone);
        json_decref(alone);
        replace_each(whole, whole, types[i]);
    }
    json_decref(whole);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_rules");
    TCase *tcase = tcase_create("body_rules");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_found, 0, ARRAY_LEN(founds));
    tcase_add_loop_test(tcase, test_failed, 0, ARRAY_LEN(faileds));
    tcase_add_loop_test(tcase, test_answer, 0, ARRAY_LEN(answers));
    tcase_add_test(tcase, test_asked_is_escaped);
    tcase_add_test(tcase, test_no_answer_but_for_good_bodies);
    tcase_add_loop_test(tcase, test_shapes_cut_anywhere, 0, ARRAY_LEN(shapes));
    tcase_add_loop_test(tcase, test_shapes_with_other_types, 0, ARRAY_LEN(shapes));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
