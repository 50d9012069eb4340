/*
 * What --probe says: each step of it in a line of two columns, and at the end a verdict that names
 * the key to look at. Nothing secret, and of what the upstream sends names, types and lengths
 * alone.
 *
 * All of them write to standard output.
 */
#ifndef SERVICE_PROBE_REPORT_H
#define SERVICE_PROBE_REPORT_H

#include "config/config.h"
#include "lookup/lookup.h"
#include "middleware/key_fetch.h"
#include "service/probe_advice.h"
#include "token/fetch.h"
#include "token/keeper.h"

/* Before the token request: where it goes, and as whom. */
void probe_report_endpoint(const struct config_upstream *upstream);
/* The endpoint's response, whatever it was. */
void probe_report_response(const struct config_upstream *upstream,
                           const struct token_fetch_report *report);
/* The token that it granted, and what is odd about it. `renew`: [fleet] renew; 0: no fleet. */
void probe_report_grant(const struct config_upstream *upstream, int64_t renew,
                        const struct token_fetch_report *report);
/* Why there is none. */
void probe_report_no_grant(const struct config_upstream *upstream,
                           const struct keeper_result *result,
                           const struct token_fetch_report *report);

/* Before the lookup. */
void probe_report_lookup(const struct config_upstream *upstream, const struct postcode *postcode);

/* Its result. Whether that is well. */
bool probe_report_result(const struct probe_lookup *lookup, const struct lookup_result *result);

/* The set of [identity] key_url: its kind and what is not used of it, or why there is none. */
void probe_report_keys(const struct key_fetch *fetch, const struct key_fetch_result *result);

/* The end, when all went well; and when all did but the keys. */
void probe_report_success(bool looked_up);
void probe_report_no_keys(void);

#endif
