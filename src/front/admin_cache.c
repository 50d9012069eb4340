/*
 * An answer that is wrong, or may be kept no longer, is taken away here: of one postcode, or of
 * all. What is under way at that moment is not stored either (cache/table.h).
 */
#include "front/admin_cache.h"

#include <stdio.h>

#include "base/log.h"
#include "cache/cache.h"
#include "exchange/response.h"
#include "front/admin_respond.h"
#include "lookup/postcode.h"

/* False: there is none, and the request is settled. */
static bool has_cache(const struct admin_app *admin, struct request *request)
{
    if (admin->sources.cache == NULL)
        response_plain_problem(request, PROBLEM_NOT_FOUND,
                               "The configuration has no [cache]: no answer is kept.");
    return admin->sources.cache != NULL;
}

/* `postcode`: what a log line may show of it; NULL: all. */
static void tell(struct request *request, size_t answers, const char *postcode)
{
    const struct log_field fields[] = {
        LOG_INT("answers", (int64_t)answers),
        LOG_TEXT("postcode", postcode),
    };
    char text[64];

    log_fields(LOG_LEVEL_NOTICE, request_guid(request), "cached answers forgotten by hand", fields,
               ARRAY_LEN(fields));
    snprintf(text, sizeof(text), "%zu %s forgotten\n", answers,
             answers == 1 ? "answer" : "answers");
    admin_respond_text(request, 200, text);
}

void admin_cache_forget(struct server_app *app, struct request *request, const char *rest,
                        size_t len)
{
    const struct admin_app *admin = admin_of(app);

    (void)rest;
    (void)len;
    if (has_cache(admin, request))
        tell(request, cache_forget(admin->sources.cache, NULL), NULL);
}

void admin_cache_forget_one(struct server_app *app, struct request *request, const char *rest,
                            size_t len)
{
    const struct admin_app *admin = admin_of(app);
    const struct config *config = app->config;
    struct postcode postcode;
    struct reason reason;
    char shown[POSTCODE_LOG_TEXT];

    if (!has_cache(admin, request))
        return;
    if (postcode_parse(rest, len, config->lookup_normalise, &postcode, &reason) != ERR_OK) {
        response_plain_problem(request, PROBLEM_INVALID_POSTCODE, "%s.", reason.text);
        return;
    }
    postcode_for_log(rest, len, (enum config_postcodes)config->log_postcodes, shown, sizeof(shown));
    tell(request, cache_forget(admin->sources.cache, postcode.text), shown);
}
