/* Answers: what goes in comes out, in time; and what they take. */
#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "cached.h"
#include "suite.h"

static struct mono_time at(int64_t ns)
{
    return (struct mono_time){.ns = ns};
}

static struct answer_parts full(void)
{
    return (struct answer_parts){
        .fields = {"text/json", "public", "\"abc\"", "Thu, 01 Jan 2026 00:00:00 GMT"},
        .body = "{\"a\":1}",
        .body_len = 7,
        .terms = {.born = {.ns = 1000 * SECOND},
                  .lifetime = 60 * SECOND,
                  .stale_if_error = 7 * SECOND,
                  .stale_while_revalidate = 8 * SECOND},
    };
}

static void body_is(const struct answer *answer, const char *expected)
{
    size_t len;
    const char *body = answer_body(answer, &len);

    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_mem_eq(body, expected, len);
}

static void fields_are(const struct answer *answer, const char *const expected[])
{
    for (enum answer_field i = 0; i < ANSWER_FIELD_COUNT; i++)
        ck_assert_pstr_eq(answer_field(answer, i), expected[i]);
}

static void terms_are(const struct answer *answer, struct answer_terms expected)
{
    const struct answer_terms terms = answer_terms(answer);

    ck_assert_int_eq(terms.born.ns, expected.born.ns);
    ck_assert_int_eq(terms.lifetime, expected.lifetime);
    ck_assert_int_eq(terms.stale_if_error, expected.stale_if_error);
    ck_assert_int_eq(terms.stale_while_revalidate, expected.stale_while_revalidate);
}

START_TEST(test_all_of_it)
{
    const struct answer_parts parts = full();
    struct answer *answer = answer_new(&parts);

    fields_are(answer, parts.fields);
    body_is(answer, "{\"a\":1}");
    terms_are(answer, parts.terms);
    ck_assert(!answer_is_unknown(answer) && !answer_has_own_body(answer));
    answer_unref(answer);
}
END_TEST

/* Each field present or not, in all 16 ways. */
START_TEST(test_some_fields)
{
    struct answer_parts parts = full();

    for (int i = 0; i < ANSWER_FIELD_COUNT; i++)
        if ((_i >> i & 1) == 0)
            parts.fields[i] = NULL;
    struct answer *answer = answer_new(&parts);

    fields_are(answer, parts.fields);
    body_is(answer, "{\"a\":1}");
    ck_assert_int_eq(answer_has_validator(answer), (_i >> ANSWER_ETAG & 3) != 0);
    answer_unref(answer);
}
END_TEST

START_TEST(test_flags)
{
    struct answer_parts parts = {.unknown = true};
    struct answer *answer = answer_new(&parts);

    ck_assert(answer_is_unknown(answer) && !answer_has_own_body(answer));
    ck_assert(!answer_has_validator(answer));
    body_is(answer, "");
    answer_unref(answer);
    parts = (struct answer_parts){.own_body = true};
    answer = answer_new(&parts);
    ck_assert(!answer_is_unknown(answer) && answer_has_own_body(answer));
    answer_unref(answer);
}
END_TEST

/* A value for each field, and terms, that no answer had before: they find no place at some time. */
START_TEST(test_ever_new_values)
{
    for (int i = 0; i < 600; i++) {
        struct answer_parts parts = full();
        char texts[ANSWER_FIELD_COUNT][1024];

        for (int field = 0; field < ANSWER_FIELD_COUNT; field++) {
            (void)snprintf(texts[field], sizeof(texts[field]), "%d-%0*d", field, i, i);
            parts.fields[field] = texts[field];
        }
        parts.terms.lifetime += i * SECOND;
        struct answer *answer = answer_new(&parts);

        fields_are(answer, parts.fields);
        terms_are(answer, parts.terms);
        body_is(answer, "{\"a\":1}");
        answer_unref(answer);
    }
}
END_TEST

START_TEST(test_any_bytes)
{
    const struct answer_parts parts = {.body = "\0a\0", .body_len = 3};
    struct answer *answer = answer_new(&parts);
    size_t len;

    ck_assert_mem_eq(answer_body(answer, &len), "\0a\0", 3);
    ck_assert_uint_eq(len, 3);
    answer_unref(answer);
}
END_TEST

START_TEST(test_largest_body)
{
    const size_t size = 64 * 1024 * 1024;
    char *body = malloc(size);

    ck_assert_ptr_nonnull(body);
    memset(body, 'x', size);
    struct answer *answer = answer_new(&(struct answer_parts){.body = body, .body_len = size});
    size_t len;

    ck_assert_int_eq(memcmp(answer_body(answer, &len), body, size), 0);
    ck_assert_uint_eq(len, size);
    ck_assert_uint_ge(answer_size(answer), size);
    answer_unref(answer);
    free(body);
}
END_TEST

START_TEST(test_renewed)
{
    const struct answer_parts parts = full();
    const struct answer_parts update = {
        .fields = {[ANSWER_CACHE_CONTROL] = "no-cache", [ANSWER_LAST_MODIFIED] = "later"},
        .body = "of a 304?",
        .body_len = 9,
        .terms = {.born = {.ns = 2000 * SECOND}, .lifetime = 5 * SECOND},
    };
    const char *const expected[] = {"text/json", "no-cache", "\"abc\"", "later"};
    struct answer *answer = answer_new(&parts);

    answer_set_failing(answer, true);
    struct answer *renewed = answer_renew(answer, &update);

    answer_unref(answer);
    fields_are(renewed, expected);
    body_is(renewed, "{\"a\":1}");
    terms_are(renewed, update.terms);
    ck_assert(!answer_is_failing(renewed));
    answer_unref(renewed);
}
END_TEST

START_TEST(test_renewed_keeps_what_it_is)
{
    struct answer *unknown = answer_new(&(struct answer_parts){.unknown = true});
    struct answer *own = answer_new(&(struct answer_parts){.own_body = true, .body_len = 0});
    const struct answer_parts update = {.terms.lifetime = SECOND};
    struct answer *renewed[] = {answer_renew(unknown, &update), answer_renew(own, &update)};

    ck_assert(answer_is_unknown(renewed[0]) && !answer_has_own_body(renewed[0]));
    ck_assert(!answer_is_unknown(renewed[1]) && answer_has_own_body(renewed[1]));
    for (int i = 0; i < 2; i++)
        answer_unref(renewed[i]);
    answer_unref(unknown);
    answer_unref(own);
}
END_TEST

START_TEST(test_age)
{
    const struct answer_parts parts = full();
    struct answer *answer = answer_new(&parts);

    ck_assert_int_eq(answer_age(answer, at(999 * SECOND)), 0);
    ck_assert_int_eq(answer_age(answer, at(1000 * SECOND)), 0);
    ck_assert_int_eq(answer_age(answer, at(1059 * SECOND + 1)), 59 * SECOND + 1);
    ck_assert_int_eq(answer_fresh_for(answer, at(999 * SECOND)), 60 * SECOND);
    ck_assert_int_eq(answer_fresh_for(answer, at(1060 * SECOND - 1)), 1);
    ck_assert_int_eq(answer_fresh_for(answer, at(1060 * SECOND)), 0);
    ck_assert_int_eq(answer_fresh_for(answer, at(1075 * SECOND)), -15 * SECOND);
    answer_unref(answer);
}
END_TEST

/* Kept in milliseconds, so that it is older by less than one, and never younger. */
START_TEST(test_born)
{
    static const int64_t born[] = {0,         1,           MILLISECOND - 1,      MILLISECOND,
                                   -1,        -SECOND,     -MILLISECOND - 1,     -366 * 24 * HOUR,
                                   24 * HOUR, 9999 * HOUR, 100 * 366 * 24 * HOUR};

    for (size_t i = 0; i < ARRAY_LEN(born); i++) {
        struct answer *answer = answer_new(&(struct answer_parts){.terms.born.ns = born[i]});
        const int64_t age = answer_age(answer, at(born[i] + 10 * SECOND));

        ck_assert_int_ge(age, 10 * SECOND);
        ck_assert_int_lt(age, 10 * SECOND + MILLISECOND);
        answer_unref(answer);
    }
}
END_TEST

START_TEST(test_references)
{
    struct answer *answer = cached_text("kept");

    ck_assert_ptr_eq(answer_ref(answer), answer);
    answer_unref(answer);
    body_is(answer, "kept");
    answer_unref(answer);
    answer_unref(NULL);
}
END_TEST

/* A block's size is the allocator's to say; sanitizers have another one, which says less. */
START_TEST(test_size)
{
    for (uint64_t len = 0; len < 300; len++) {
        struct answer *answer = cached_number(len, len);
        const size_t usable = malloc_usable_size(answer);

        ck_assert_uint_ge(answer_size(answer), usable + 8);
        ck_assert_uint_le(answer_size(answer), usable + 8 + 16);
        answer_unref(answer);
    }
}
END_TEST

/* With 16 bytes more each, a cache of 64 MB would hold 300,000 of them only just. */
START_TEST(test_usual_size)
{
    struct answer *answer = cached_usual(1);

    ck_assert_uint_eq(answer_size(answer), 160);
    answer_unref(answer);
}
END_TEST

START_TEST(test_claim)
{
    const struct answer_parts parts = full();
    struct answer *answer = answer_new(&parts);
    const int64_t t = 1100 * SECOND;

    ck_assert(answer_claim(answer, SECOND, at(t)));
    ck_assert(!answer_claim(answer, SECOND, at(t)));
    ck_assert(!answer_claim(answer, SECOND, at(t + SECOND - MILLISECOND)));
    ck_assert(answer_claim(answer, SECOND, at(t + SECOND)));
    /* A thread whose clock was read a little earlier. */
    ck_assert(!answer_claim(answer, SECOND, at(t + SECOND / 2)));
    /* After two months nobody waits for anything. */
    ck_assert(answer_claim(answer, SECOND, at(t + 60 * 24 * HOUR)));
    ck_assert(!answer_claim(answer, SECOND, at(t + 60 * 24 * HOUR)));
    answer_unref(answer);
}
END_TEST

/* At the moment it is born, and before: the first is the one. */
START_TEST(test_claim_at_once)
{
    const struct answer_parts parts = full();
    struct answer *answer = answer_new(&parts);

    ck_assert(answer_claim(answer, SECOND, parts.terms.born));
    ck_assert(!answer_claim(answer, SECOND, parts.terms.born));
    ck_assert(!answer_claim(answer, SECOND, at(0)));
    answer_unref(answer);
}
END_TEST

START_TEST(test_failing)
{
    const struct answer_parts parts = full();
    struct answer *answer = answer_new(&parts);

    ck_assert(!answer_is_failing(answer));
    answer_set_failing(answer, true);
    ck_assert(answer_is_failing(answer));
    ck_assert(answer_claim(answer, SECOND, at(1100 * SECOND)));
    ck_assert(answer_is_failing(answer));
    answer_set_failing(answer, false);
    ck_assert(!answer_is_failing(answer));
    ck_assert(!answer_claim(answer, SECOND, at(1100 * SECOND)));
    answer_unref(answer);
}
END_TEST

enum { THREADS = 4, SECONDS = 2000 };

static pthread_barrier_t each_second;

/* How many of the seconds were this one's. */
static void *claim_each_second(void *p)
{
    struct answer *answer = p;
    size_t *claimed = malloc(sizeof(*claimed));

    *claimed = 0;
    for (int64_t i = 1; i <= SECONDS; i++) {
        pthread_barrier_wait(&each_second);
        *claimed += answer_claim(answer, SECOND, at(i * SECOND));
        answer_set_failing(answer, i % 2 == 0);
    }
    answer_unref(answer);
    return claimed;
}

/* Each second is one thread's, and no more than one's. */
START_TEST(test_claim_by_many)
{
    struct answer *answer = cached_text("stale");
    pthread_t threads[THREADS];
    size_t sum = 0;

    ck_assert_int_eq(pthread_barrier_init(&each_second, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, claim_each_second, answer_ref(answer)),
                         0);
    answer_unref(answer);
    for (int i = 0; i < THREADS; i++) {
        void *claimed;

        ck_assert_int_eq(pthread_join(threads[i], &claimed), 0);
        sum += *(size_t *)claimed;
        free(claimed);
    }
    ck_assert_uint_eq(sum, SECONDS);
    pthread_barrier_destroy(&each_second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_answer");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_all_of_it);
    tcase_add_loop_test(tcase, test_some_fields, 0, 16);
    tcase_add_test(tcase, test_flags);
    tcase_add_test(tcase, test_ever_new_values);
    tcase_add_test(tcase, test_any_bytes);
    tcase_add_test(tcase, test_largest_body);
    tcase_add_test(tcase, test_renewed);
    tcase_add_test(tcase, test_renewed_keeps_what_it_is);
    tcase_add_test(tcase, test_age);
    tcase_add_test(tcase, test_born);
    tcase_add_test(tcase, test_references);
    tcase_add_test(tcase, test_size);
    tcase_add_test(tcase, test_usual_size);
    tcase_add_test(tcase, test_claim);
    tcase_add_test(tcase, test_claim_at_once);
    tcase_add_test(tcase, test_failing);
    tcase_add_test(tcase, test_claim_by_many);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
