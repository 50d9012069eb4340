/*
 * The scenarios as a table: what this code does, beside what the design expects.
 *
 * usage: simulate [--members N] [--seed N] [--seeds N] [NAME...]
 *
 * With more than one seed each figure is the least and the most of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "scenarios.h"

#define FAILURES 0.1

struct options {
    uint64_t members, seed, seeds;
};

/* The least and the most. */
struct range {
    double least, most;
};

static void extend(struct range *range, double value, bool first)
{
    if (first || value < range->least)
        range->least = value;
    if (first || value > range->most)
        range->most = value;
}

/* "12.34", "6,673", "17.9 M". */
static void format_figure(double value, int decimals, char out[32])
{
    const long whole = (long)value;

    if (value >= 1e6)
        snprintf(out, 32, "%.1f M", value / 1e6);
    else if (value >= 1e4 || (value >= 1e3 && decimals == 0))
        snprintf(out, 32, "%ld,%03ld", whole / 1000, whole % 1000);
    else
        snprintf(out, 32, "%.*f", decimals, value);
}

static void print_range(const struct range *range, int decimals)
{
    char least[32], most[32];

    format_figure(range->least, decimals, least);
    format_figure(range->most, decimals, most);
    if (range->most < 0)
        printf(" |");
    else if (strcmp(least, most) == 0)
        printf(" %s |", most);
    else
        printf(" %s to %s |", least, most);
}

enum column { REQUESTS, CONCURRENT, MINUTE_MOST, LACKING, REFUSED, CURED, HALF, COMMANDS, COLUMNS };

static void take(struct range ranges[COLUMNS], const struct figures *figures, bool first)
{
    const double values[COLUMNS] = {
        [REQUESTS] = (double)figures->requests,
        [CONCURRENT] = (double)figures->concurrent,
        [MINUTE_MOST] = (double)figures->minute,
        [LACKING] = figures->lacking,
        [REFUSED] = (double)figures->refused,
        [CURED] = figures->cured,
        [HALF] = figures->half,
        [COMMANDS] = figures->commands,
    };

    for (size_t i = 0; i < COLUMNS; i++)
        extend(&ranges[i], values[i], first);
}

static void print_scenario(const struct scenario *scenario, const struct options *options)
{
    static const int decimals[COLUMNS] = {[CURED] = 2, [HALF] = 2, [COMMANDS] = 1};
    struct range ranges[COLUMNS] = {{0}};

    for (uint64_t i = 0; i < options->seeds; i++) {
        struct figures figures;
        scenario_run(scenario, options->members, FAILURES, options->seed + i, &figures);
        take(ranges, &figures, i == 0);
    }
    printf("| %s |", scenario->title);
    for (size_t i = 0; i < COLUMNS; i++)
        print_range(&ranges[i], decimals[i]);
    printf(" %s |\n", scenario->design != NULL ? scenario->design : "");
    fflush(stdout);
}

static bool wants(const struct scenario *scenario, char *const *names)
{
    if (*names == NULL)
        return true;
    for (; *names != NULL; names++) {
        if (strcmp(*names, scenario->name) == 0)
            return true;
    }
    return false;
}

static void print_usage(void)
{
    puts("usage: simulate [--members N] [--seed N] [--seeds N] [NAME...]\n");
    for (size_t i = 0; i < scenario_count; i++)
        printf("%-18s %s\n", scenarios[i].name, scenarios[i].title);
}

static bool read_number(const char *text, uint64_t *out)
{
    return text != NULL && text_parse_u64(text, strlen(text), out) && *out > 0 && *out <= 1000000;
}

/* Where the names begin; NULL: it is not understood. */
static char *const *read_options(char *const *argv, struct options *options)
{
    const struct {
        const char *name;
        uint64_t *value;
    } known[] = {
        {"--members", &options->members}, {"--seed", &options->seed}, {"--seeds", &options->seeds}};

    for (argv++; *argv != NULL && (*argv)[0] == '-'; argv += 2) {
        size_t i = 0;
        while (i < ARRAY_LEN(known) && strcmp(known[i].name, *argv) != 0)
            i++;
        if (i == ARRAY_LEN(known) || !read_number(argv[1], known[i].value))
            return NULL;
    }
    for (char *const *name = argv; *name != NULL; name++) {
        if (scenario_find(*name) == NULL)
            return NULL;
    }
    return argv;
}

int main(int argc, char **argv)
{
    struct options options = {.members = 1000, .seed = 1, .seeds = 1};
    char *const *names = read_options(argv, &options);

    (void)argc;
    if (names == NULL) {
        print_usage();
        return 2;
    }
    puts("| scenario | requests | concurrent | in a minute | lookups without a token | 401s | "
         "last cured, s | half cured, s | store commands/s | design |\n"
         "|---|---|---|---|---|---|---|---|---|---|");
    for (size_t i = 0; i < scenario_count; i++) {
        if (wants(&scenarios[i], names))
            print_scenario(&scenarios[i], &options);
    }
    return 0;
}
