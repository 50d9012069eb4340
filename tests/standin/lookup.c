/*
 * GET {lookup_path}{postcode}. The answer is decided when the lookup comes, with the token and the
 * faults as they are then; a delay or a hold only keeps it back.
 */
#include "standin.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "areas.h"

static bool authorised(struct call *call)
{
    struct standin *standin = call->standin;
    if (standin->knobs.value[KNOB_UNAUTHORIZED] > 0) {
        standin->knobs.value[KNOB_UNAUTHORIZED] -= 1;
        return false;
    }
    static const char scheme[] = "Bearer ";
    const char *value = call_request_header(call, MHD_HTTP_HEADER_AUTHORIZATION);
    return value != NULL && strncasecmp(value, scheme, sizeof scheme - 1) == 0 &&
           tokens_valid(&standin->tokens, value + sizeof scheme - 1, now_ns());
}

/* Spread evenly and not by chance, so that a test knows how many there will be. */
static bool fails_now(struct standin *standin)
{
    standin->error_debt += standin->knobs.value[KNOB_ERROR_SHARE];
    if (standin->error_debt < 100)
        return false;
    standin->error_debt -= 100;
    return true;
}

/* FNV-1a: an address changes its tag when its text changes, and that is all that is asked. */
static void make_etag(char *out, size_t size, const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    snprintf(out, size, "\"%016llx\"", (unsigned long long)hash);
}

/* RFC 9110, section 13.1.2: "*", or one of the tags; weak and strong count as the same. */
static bool none_match_fails(const char *header, const char *etag)
{
    if (header == NULL)
        return false;
    return strcmp(header, "*") == 0 || strstr(header, etag) != NULL;
}

/* As an API with many members for each place has them. */
static json_t *make_results(size_t bytes)
{
    json_t *results = json_array();
    const size_t place = strlen("{\"name\":\"Example Street 0000\",\"kind\":\"street\",\"x\":0.5,"
                                "\"y\":51.5,\"open\":true,\"note\":null},");
    char name[32];
    for (size_t i = 0; i * place < bytes; i++) {
        snprintf(name, sizeof name, "Example Street %04zu", i);
        json_array_append_new(results,
                              json_pack("{s:s, s:s, s:f, s:f, s:b, s:n}", "name", name, "kind",
                                        "street", "x", 0.5, "y", 51.5, "open", 1, "note"));
    }
    return results;
}

static json_t *make_address(const struct standin *standin, const struct postcode *postcode)
{
    const struct area *area = postcode->area;
    const double size = standin->knobs.value[KNOB_BODY_SIZE];
    json_t *address = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "postcode", postcode->text,
                                "country", area->country, "region", area->region, "town",
                                area->town, "district", postcode->outward, "area", area->letters);
    if (size > 0)
        json_object_set_new(address, "results", make_results((size_t)size));
    return address;
}

static void respond_address(struct call *call, const struct postcode *postcode)
{
    char etag[24];
    make_etag(etag, sizeof etag, postcode->text);
    if (none_match_fails(call_request_header(call, MHD_HTTP_HEADER_IF_NONE_MATCH), etag))
        call_answer_empty(call, MHD_HTTP_NOT_MODIFIED);
    else
        call_answer(call, MHD_HTTP_OK, make_address(call->standin, postcode));
    call_header(call, MHD_HTTP_HEADER_ETAG, etag);
    call_header(call, MHD_HTTP_HEADER_CACHE_CONTROL, "private, max-age=86400");
}

/* As an API whose quota is used up, or one that is out of order. */
static void respond_status(struct call *call, unsigned status)
{
    const struct knobs *knobs = &call->standin->knobs;
    char seconds[16];

    call_answer_error(call, status, status == 429 ? "quota_exceeded" : "server_error",
                      status == 429 ? "the quota of this client is used up"
                                    : "the service is not available");
    if (status == 429 && knobs_on(knobs, KNOB_RETRY_AFTER)) {
        snprintf(seconds, sizeof seconds, "%.0f", knobs->value[KNOB_RETRY_AFTER]);
        call_header(call, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
}

static void decide(struct call *call, const char *text)
{
    struct standin *standin = call->standin;
    const unsigned status = (unsigned)standin->knobs.value[KNOB_LOOKUP_STATUS];
    struct postcode postcode;
    if (!authorised(call)) {
        standin->counters[COUNTER_LOOKUPS_UNAUTHORIZED]++;
        call_answer_error(call, MHD_HTTP_UNAUTHORIZED, "invalid_token",
                          "no token, or one that has expired or was revoked");
        call_header(call, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"");
    } else if (status != 0) {
        respond_status(call, status);
    } else if (fails_now(standin)) {
        call_answer_error(call, MHD_HTTP_INTERNAL_SERVER_ERROR, "server_error",
                          "a fault, as asked for by error_share");
    } else if (!postcode_parse(&postcode, text)) {
        call_answer_error(call, MHD_HTTP_BAD_REQUEST, "invalid_postcode", "not a postcode");
    } else if (postcode.area == NULL) {
        call_answer_error(call, MHD_HTTP_NOT_FOUND, "unknown_postcode", "no such postcode area");
    } else {
        respond_address(call, &postcode);
    }
}

void lookup_serve(struct call *call, const char *rest)
{
    struct standin *standin = call->standin;
    long long *counters = standin->counters;
    counters[COUNTER_LOOKUPS]++;
    counters[COUNTER_CONCURRENT_NOW]++;
    if (counters[COUNTER_CONCURRENT_MAX] < counters[COUNTER_CONCURRENT_NOW])
        counters[COUNTER_CONCURRENT_MAX] = counters[COUNTER_CONCURRENT_NOW];
    decide(call, rest);
}
