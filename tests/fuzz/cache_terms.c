/*
 * What an upstream, and a caller, say about keeping: directives, Vary, dates and conditions, made
 * of any bytes. Whatever they say, durations are within their bounds, restrictions hold, and a
 * no-store that anybody could read is heeded.
 *
 * Lines: Cache-Control, Vary, Age, Date, Expires, If-None-Match, If-Modified-Since, ETag,
 * Last-Modified.
 */
#include "fuzz.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/http_date.h"
#include "cache/conditional.h"
#include "cache/directives.h"
#include "cache/terms.h"

#define LINES 9
#define MOST (INT64_C(1) << 31)
#define NOW ((struct wall_time){.ns = INT64_C(1795780800) * SECOND})

static void check_duration(int64_t seconds)
{
    MUST(seconds >= DIRECTIVE_NONE && seconds <= MOST);
}

static void check_directives(const char *value, const struct directives *directives)
{
    check_duration(directives->max_age);
    check_duration(directives->s_maxage);
    check_duration(directives->stale_if_error);
    check_duration(directives->stale_while_revalidate);
    MUST(!directives->no_store || strcasestr(value, "no-store") != NULL);
    MUST(!directives->is_public || strcasestr(value, "public") != NULL);
    MUST(directives->max_age <= 0 || strcasestr(value, "max-age") != NULL);
}

/* One more directive adds what it says, and takes nothing away. */
static void check_appended(const char *value, const struct directives *before)
{
    struct directives after;
    char *longer;
    MUST(asprintf(&longer, "%s, no-store", value) > 0);
    directives_parse(longer, &after);
    MUST(after.no_store || after.faulty);
    MUST(!before->is_private || after.is_private);
    MUST(!before->no_cache || after.no_cache);
    MUST(!before->faulty || after.faulty);
    free(longer);
}

static void check_terms(const struct config *config, const char *const *headers,
                        const struct directives *directives)
{
    const struct terms_question question = {.config = config,
                                            .headers = headers,
                                            .sent = {.ns = HOUR},
                                            .received = {.ns = HOUR + SECOND},
                                            .wall = NOW};
    const bool shared = config->cache_as == CACHE_AS_SHARED;
    struct answer_terms terms;
    if (!terms_judge(&question, &terms))
        return;
    MUST(!directives->faulty && (!directives->no_store || directives->must_understand));
    MUST(!shared || !directives->is_private);
    MUST(terms.born.ns <= HOUR && terms.born.ns >= HOUR - (MOST + 1) * SECOND);
    MUST(terms.lifetime >= 0 && terms.lifetime <= config->cache_ttl_max);
    MUST(!directives->no_cache || terms.lifetime == 0);
    MUST(terms.stale_if_error >= 0 && terms.stale_if_error <= config->cache_stale_if_error);
    MUST(terms.stale_while_revalidate >= 0 &&
         terms.stale_while_revalidate <= config->cache_stale_while_revalidate);
    MUST(!directives->must_revalidate || terms.stale_if_error == 0);
}

static void check_both(const char *const *headers, const struct directives *directives)
{
    struct config config = {.cache_honour = true,
                            .cache_ttl_max = HOUR,
                            .cache_stale_if_error = MINUTE,
                            .cache_stale_while_revalidate = SECOND,
                            .tracker_header = "X-GUID"};
    config.cache_as = CACHE_AS_SHARED;
    check_terms(&config, headers, directives);
    config.cache_as = CACHE_AS_SERVICE;
    check_terms(&config, headers, directives);
}

static void check_date(const char *text)
{
    struct wall_time first = {.ns = -7}, second = {.ns = -7};
    const bool is_date = http_date_parse(text, NOW, &first);
    MUST(is_date || first.ns == -7);
    MUST(http_date_parse(text, NOW, &second) == is_date && first.ns == second.ns);
}

/* Whoever has an answer with any tag or date has this one, too. */
static void check_conditions(const char *if_none_match, const char *since, const char *etag,
                             const char *modified)
{
    const bool holds = conditional_holds(if_none_match, since, etag, modified, NOW);
    MUST(conditional_holds(if_none_match, NULL, etag, NULL, NOW) == holds);
    (void)conditional_holds(NULL, since, etag, modified, NOW);
    struct wall_time date;
    if (http_date_parse(modified, NOW, &date))
        MUST(conditional_holds(NULL, modified, NULL, modified, NOW));
    if (*etag == '"' && strchr(etag + 1, '"') == etag + strlen(etag) - 1)
        MUST(conditional_holds(etag, NULL, etag, NULL, NOW));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct piece rest = {(const char *)data, size};
    char *lines[LINES];
    struct directives directives;
    for (size_t i = 0; i < LINES; i++)
        lines[i] = piece_text(piece_until(&rest, '\n'));
    const char *headers[CLIENT_HEADER_COUNT] = {
        [CLIENT_CACHE_CONTROL] = lines[0], [CLIENT_VARY] = lines[1],    [CLIENT_AGE] = lines[2],
        [CLIENT_DATE] = lines[3],          [CLIENT_EXPIRES] = lines[4], [CLIENT_ETAG] = lines[7]};
    directives_parse(lines[0], &directives);
    check_directives(lines[0], &directives);
    check_appended(lines[0], &directives);
    check_both(headers, &directives);
    check_date(lines[3]);
    check_date(lines[4]);
    check_conditions(lines[5], lines[6], lines[7], lines[8]);
    MUST(terms_caller_bypasses(lines[0]) == directives.no_store);
    for (size_t i = 0; i < LINES; i++)
        free(lines[i]);
    return 0;
}
