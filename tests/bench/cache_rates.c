/*
 * How many lookups a cache saves: the daemon's own table in false time, over lookups drawn at
 * random. The rows are how unevenly postcodes are asked for, the columns sizes and lifetimes. An
 * answer is stored when it was missing or had expired, and counts as saved when it is found fresh.
 *
 * usage: cache_rates [--lookups N] [--rate N] [--postcodes N] [--seed N]
 *
 * Each cell begins with an empty cache; the rate is that of the second half of the lookups, which
 * are two weeks. It takes some ten minutes.
 * About 215 bytes are one answer of 110 bytes with its fields.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "cache/table.h"

static uint64_t lookups = 24000000, rate = 20, postcodes = 1750000, seed = 1;

static uint64_t random_at;

/* splitmix64 */
static uint64_t mix(uint64_t n)
{
    n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

static double uniform(void)
{
    return (double)(mix(random_at++) >> 11) / (double)(UINT64_C(1) << 53);
}

static uint64_t below(uint64_t bound)
{
    return (uint64_t)(uniform() * (double)bound);
}

static double normal(void)
{
    return sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform());
}

/* ---- which postcode is asked for ---- */

struct popularity {
    const char *name;
    double zipf;    /* the exponent; 0: by households, lognormal with sigma 0.7 */
    double repeats; /* the share of lookups that repeat one of the last ten minutes */
};

static const struct popularity rows[] = {
    {"by households", 0, 0}, {"the same, 30 % repeated", 0, 0.3},
    {"Zipf 0.7", 0.7, 0},    {"Zipf 0.9", 0.9, 0},
    {"Zipf 1.0", 1.0, 0},
};

/* The alias method: a postcode in two draws, whatever the weights. */
struct alias {
    double *keep;
    uint32_t *other;
};

static void alias_pair(struct alias *alias, uint32_t *few, uint32_t *many, uint64_t few_count,
                       uint64_t many_count)
{
    while (few_count > 0 && many_count > 0) {
        const uint32_t small = few[--few_count], large = many[many_count - 1];

        alias->other[small] = large;
        alias->keep[large] -= 1 - alias->keep[small];
        if (alias->keep[large] < 1) {
            many_count--;
            few[few_count++] = large;
        }
    }
    /* What is left is 1 but for rounding. */
    while (many_count > 0)
        alias->keep[many[--many_count]] = 1;
    while (few_count > 0)
        alias->keep[few[--few_count]] = 1;
}

static struct alias alias_make(const struct popularity *row)
{
    struct alias alias = {.keep = calloc(postcodes, sizeof(double)),
                          .other = calloc(postcodes, sizeof(uint32_t))};
    uint32_t *few = calloc(postcodes, sizeof(*few)), *many = calloc(postcodes, sizeof(*many));
    uint64_t few_count = 0, many_count = 0;
    double sum = 0;

    MUST(alias.keep != NULL && alias.other != NULL && few != NULL && many != NULL);
    for (uint64_t i = 0; i < postcodes; i++)
        sum += alias.keep[i] = row->zipf > 0 ? pow((double)i + 1, -row->zipf) : exp(0.7 * normal());
    for (uint64_t i = 0; i < postcodes; i++) {
        alias.keep[i] *= (double)postcodes / sum;
        if (alias.keep[i] < 1)
            few[few_count++] = (uint32_t)i;
        else
            many[many_count++] = (uint32_t)i;
    }
    alias_pair(&alias, few, many, few_count, many_count);
    free(few);
    free(many);
    return alias;
}

static uint32_t alias_draw(const struct alias *alias)
{
    const uint32_t i = (uint32_t)below(postcodes);

    return uniform() < alias->keep[i] ? i : alias->other[i];
}

/* ---- one cell ---- */

struct size {
    size_t max_size;
    int64_t lifetime;
    const char *name;
};

#define DAY (24 * HOUR)
static const struct size columns[] = {
    {2 << 20, HOUR, "2M, 1 h"},           {22 << 20, HOUR, "22M, 1 h"},
    {22 << 20, DAY, "22M, 1 day"},        {64 << 20, DAY, "64M, 1 day"},
    {64 << 20, 7 * DAY, "64M, 7 days"},   {256 << 20, DAY, "256M, 1 day"},
    {256 << 20, 7 * DAY, "256M, 7 days"},
};

static struct answer *answer_at(struct mono_time now, int64_t lifetime)
{
    static const char body[110];
    const struct answer_parts parts = {
        .fields = {[ANSWER_CONTENT_TYPE] = "application/json",
                   [ANSWER_CACHE_CONTROL] = "public, max-age=86400",
                   [ANSWER_ETAG] = "\"0123456789abcdef\""},
        .body = body,
        .body_len = sizeof(body),
        .terms = {.born = now, .lifetime = lifetime},
    };

    return answer_new(&parts);
}

static bool look_up(struct table *table, uint32_t postcode, int64_t lifetime, struct mono_time now)
{
    const struct cache_key key = {.words = {mix(postcode), mix(postcode + (UINT64_C(1) << 40))}};
    struct answer *answer = table_get(table, &key);
    const bool fresh = answer != NULL && answer_fresh_for(answer, now) > 0;

    answer_unref(answer);
    if (fresh)
        return true;
    answer = answer_at(now, lifetime);
    (void)table_put(table, &key, answer, table_now(table));
    answer_unref(answer);
    return false;
}

static uint32_t draw(const struct popularity *row, const struct alias *alias, uint32_t *lately,
                     uint64_t window, uint64_t i)
{
    const bool repeats = row->repeats > 0 && i > 0 && uniform() < row->repeats;
    const uint32_t postcode = repeats ? lately[below(i < window ? i : window)] : alias_draw(alias);

    lately[i % window] = postcode;
    return postcode;
}

static double cell(const struct popularity *row, const struct alias *alias,
                   const struct size *column, struct table_totals *totals)
{
    const uint64_t window = rate * 600;
    uint32_t *lately = calloc(window, sizeof(*lately));
    struct table *table = table_new(column->max_size);
    uint64_t hits = 0;

    MUST(lately != NULL);
    random_at = mix(seed);
    for (uint64_t i = 0; i < lookups; i++) {
        const struct mono_time now = {.ns = (int64_t)(i * (uint64_t)SECOND / rate)};
        const uint32_t postcode = draw(row, alias, lately, window, i);

        if (look_up(table, postcode, column->lifetime, now) && i >= lookups / 2)
            hits++;
    }
    *totals = table_totals(table);
    table_free(table);
    free(lately);
    return (double)hits / (double)(lookups - lookups / 2);
}

static void run(void)
{
    struct table_totals totals[ARRAY_LEN(columns)] = {{0}};

    printf("%-24s", "");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        printf(" %13s", columns[i].name);
    printf("\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        random_at = mix(seed + 1000);
        struct alias alias = alias_make(&rows[i]);

        printf("%-24s", rows[i].name);
        for (size_t k = 0; k < ARRAY_LEN(columns); k++) {
            printf(" %11.1f %%", 100 * cell(&rows[i], &alias, &columns[k], &totals[k]));
            (void)fflush(stdout);
        }
        printf("\n");
        free(alias.keep);
        free(alias.other);
    }
    printf("%-24s", "answers at the end");
    for (size_t k = 0; k < ARRAY_LEN(columns); k++)
        printf(" %13zu", totals[k].items);
    printf("\n");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"lookups", required_argument, NULL, 'l'},
                                            {"rate", required_argument, NULL, 'r'},
                                            {"postcodes", required_argument, NULL, 'p'},
                                            {"seed", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        uint64_t *number = c == 'l'   ? &lookups
                           : c == 'r' ? &rate
                           : c == 'p' ? &postcodes
                           : c == 's' ? &seed
                                      : NULL;

        if (number == NULL || (*number = strtoull(optarg, NULL, 10)) == 0) {
            (void)fprintf(stderr, "usage: cache_rates [--lookups N] [--rate N] [--postcodes N] "
                                  "[--seed N]\n");
            return 2;
        }
    }
    run();
    return 0;
}
