/* Keys: each part of a lookup makes another one, and postcodes have one of their own. */
#include <check.h>
#include <string.h>

#include "base/check.h"
#include "cache/key.h"
#include "suite.h"

static struct cache_hash hash;
static const struct digest shape = {{1, 2, 3}};

static void setup(void)
{
    hash = cache_hash_make();
}

static struct cache_key under(const struct cache_hash *secrets, const struct digest *digest,
                              const char *target, const char *user)
{
    const struct cache_shape_words words = cache_shape_words(secrets, digest);
    struct cache_key made = cache_key_make(secrets, &words, target, user);

    ck_assert_uint_eq(made.postcode, 0);
    made.postcode = cache_key_postcode(secrets, "SW1A 1AA");
    return made;
}

static struct cache_key key(const char *target, const char *user)
{
    return under(&hash, &shape, target, user);
}

START_TEST(test_same)
{
    const struct cache_key a = key("/lookup?q=SW1A1AA", "ann");
    const struct cache_key b = key("/lookup?q=SW1A1AA", "ann");

    ck_assert(cache_key_same(&a, &b));
    ck_assert(a.postcode == b.postcode);
}
END_TEST

/* Both words: one alone would be half a key. */
static void all_differ(const struct cache_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            ck_assert(!cache_key_same(&keys[i], &keys[k]));
            ck_assert(keys[i].words[0] != keys[k].words[0]);
            ck_assert(keys[i].words[1] != keys[k].words[1]);
        }
    }
}

START_TEST(test_each_part_counts)
{
    const struct digest other = {{1, 2, 4}};
    const struct cache_key keys[] = {
        key("/ab", NULL),
        key("/ab", ""),
        key("/ab", "c"),
        key("/ab", "d"),
        key("/ac", NULL),
        key("/ac", "c"),
        key("/abc", NULL),
        key("/abc", ""),
        key("/a", "bc"),
        key("", "/abc"),
        key("", "/ab"),
        key("", ""),
        key("c", "/ab"),
        under(&hash, &other, "/ab", NULL),
        under(&hash, &other, "/ab", "c"),
    };

    all_differ(keys, ARRAY_LEN(keys));
}
END_TEST

/* The target says which postcode is asked for; by this one it is only forgotten. */
START_TEST(test_postcode)
{
    const uint64_t a = cache_key_postcode(&hash, "SW1A 1AA");

    ck_assert(a == cache_key_postcode(&hash, "sw1a1aa"));
    ck_assert(a == cache_key_postcode(&hash, " S-W1A-1-A-A"));
    ck_assert(a != cache_key_postcode(&hash, "SW1A 1A"));
    ck_assert(a != cache_key_postcode(&hash, "SW1A 2AA"));
}
END_TEST

/* Under another cache's secrets nothing is the same, nor are the words of one key. */
START_TEST(test_secrets)
{
    const struct cache_hash other = cache_hash_make();
    const struct cache_key a = key("/a", "ann");
    const struct cache_key b = under(&other, &shape, "/a", "ann");
    const uint64_t words[] = {a.words[0], a.words[1], a.postcode,
                              b.words[0], b.words[1], b.postcode};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        for (size_t k = 0; k < i; k++)
            ck_assert(words[i] != words[k]);
}
END_TEST

START_TEST(test_long_parts)
{
    char text[10000], longer[10001];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    const struct cache_key keys[] = {key(text, NULL), key(longer, NULL), key("/", text),
                                     key("/", longer)};

    all_differ(keys, ARRAY_LEN(keys));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_key");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, test_same);
    tcase_add_test(tcase, test_each_part_counts);
    tcase_add_test(tcase, test_postcode);
    tcase_add_test(tcase, test_secrets);
    tcase_add_test(tcase, test_long_parts);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
