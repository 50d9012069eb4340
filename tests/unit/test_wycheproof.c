/*
 * Signatures against Project Wycheproof's vectors (json_web_signature_test.json), which live
 * outside the repository: in the folder that POSTCODED_WYCHEPROOF names, else in
 * ../shared/data/wycheproof. Without them the test is skipped, visibly, with status 77.
 *
 * Every vector is run. What Wycheproof calls invalid must be refused. What it calls valid must
 * verify, unless a reason below says why it is left out: then it must be refused all the same, for
 * these are tokens that we mean to refuse. A vector called invalid that is, byte for byte, one
 * called valid under the same key says nothing, and is left out too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "base/mem.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "suite.h"

#define SKIPPED 77
#define FILE_NAME "json_web_signature_test.json"

static json_t *vectors;

/* Why a valid vector does not verify here; NULL: it must. */
static const char *left_out(const json_t *key, const json_t *test)
{
    const char *alg = json_string_value(json_object_get(key, "alg"));
    const char *jws = json_string_value(json_object_get(test, "jws"));

    if (alg == NULL || jws_alg_named(alg) == 0)
        return "an algorithm that is not used here";
    if (strchr(jws, '?') != NULL)
        return "a character outside base64url, which the vectors' author tolerates";
    if (strncmp(jws, "eyJhbGciOiJQUzM4NCIs", 20) == 0 && strcmp(alg, "PS384") != 0)
        return "PS384 under a key that is for another algorithm";
    return NULL;
}

static bool called_valid(const json_t *test)
{
    return strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
}

/* Whether a group calls the same token both valid and invalid. */
static bool contradicted(const json_t *tests, const json_t *test)
{
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *other = json_array_get(tests, i);
        if (called_valid(other) != called_valid(test) &&
            json_equal(json_object_get(other, "jws"), json_object_get(test, "jws")))
            return true;
    }
    return false;
}

/* Whether the token verifies under the key; a key we refuse verifies nothing. */
static bool verifies(const json_t *key, const char *jws)
{
    struct reason reason;
    struct jwt_keys *keys;
    struct octets payload;
    char *file = json_dumps(key, JSON_COMPACT);
    bool taken = jwt_keys_new(file, strlen(file), &reason, &keys) == ERR_OK;
    bool good = taken && jws_open(keys, jws, strlen(jws), &payload) == JWT_OK;

    if (good)
        octets_fini(&payload);
    jwt_keys_unref(keys);
    free(file);
    return good;
}

struct counts {
    int run;
    int valid;
    int left_out;
    int wrong;
};

static void run_test(const json_t *key, const json_t *tests, const json_t *test,
                     struct counts *counts)
{
    const char *jws = json_string_value(json_object_get(test, "jws"));
    const char *comment = json_string_value(json_object_get(test, "comment"));
    long long id = (long long)json_integer_value(json_object_get(test, "tcId"));
    bool valid = called_valid(test);
    const char *why = valid ? left_out(key, test) : NULL;

    counts->run++;
    if (!valid && contradicted(tests, test)) {
        counts->left_out++;
        printf("left out: vector %lld (%s): called invalid, but is one called valid\n", id,
               comment);
        return;
    }
    if (why != NULL) {
        counts->left_out++;
        printf("left out: vector %lld (%s): %s\n", id, comment, why);
        valid = false;
    }
    counts->valid += valid;
    if (verifies(key, jws) == valid)
        return;
    counts->wrong++;
    printf("wrong: vector %lld (%s): %s\n", id, comment, valid ? "refused" : "taken");
}

START_TEST(test_vectors)
{
    struct counts counts = {0};
    const json_t *groups = json_object_get(vectors, "testGroups");

    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i);
        const json_t *tests = json_object_get(group, "tests");
        const json_t *key = json_object_get(group, "public");
        if (key == NULL)
            key = json_object_get(group, "private");
        for (size_t j = 0; j < json_array_size(tests); j++)
            run_test(key, tests, json_array_get(tests, j), &counts);
    }
    printf("%d vectors: %d verify, %d left out, %d invalid and refused\n", counts.run, counts.valid,
           counts.left_out, counts.run - counts.valid - counts.left_out);
    ck_assert_int_eq(counts.run,
                     (int)json_integer_value(json_object_get(vectors, "numberOfTests")));
    ck_assert_int_gt(counts.valid, 20);
    ck_assert_int_eq(counts.wrong, 0);
}
END_TEST

int main(void)
{
    const char *folder = getenv("POSTCODED_WYCHEPROOF");
    char *path = mem_printf("%s/" FILE_NAME, folder != NULL ? folder : "../shared/data/wycheproof");

    setvbuf(stdout, NULL, _IOLBF, 0); /* the test runs in a process of its own */
    vectors = json_load_file(path, 0, NULL);
    if (vectors == NULL) {
        printf("SKIP: no Wycheproof vectors at %s (set POSTCODED_WYCHEPROOF to their folder)\n",
               path);
        mem_free(path);
        return SKIPPED;
    }
    mem_free(path);
    Suite *suite = suite_create("wycheproof");
    TCase *tcase = tcase_create("signatures");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_vectors);
    suite_add_tcase(suite, tcase);
    int failed = run_suite(suite);
    json_decref(vectors);
    return failed;
}
