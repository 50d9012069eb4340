/*
 * GET {lookup_path}{postcode}. The answer is decided when the lookup comes, with the token and the
 * faults as they are then; a delay or a hold only keeps it back.
 */
#include "standin.h"

#include <ctype.h>
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

static uint64_t add_to_hash(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

/* The field of the request that an address repeats; NULL: none. */
static const char *echoed(const struct call *call)
{
    const char *field = call->standin->knobs.text[TEXT_ECHO];
    const char *value = *field != '\0' ? call_request_header(call, field) : NULL;
    return *field != '\0' && value == NULL ? "" : value;
}

/* FNV-1a: an address changes its tag when its text changes, and that is all that is asked. `out` is
 * without the W/ of a weak one. */
static void make_etag(const struct call *call, char *out, size_t size, const char *text)
{
    const double version = call->standin->knobs.value[KNOB_VERSION];
    const char *echo = echoed(call);
    char number[24] = "";
    if (version > 0)
        snprintf(number, sizeof number, "/%.0f/", version);
    uint64_t hash = add_to_hash(add_to_hash(14695981039346656037u, text), number);
    if (echo != NULL)
        hash = add_to_hash(hash, echo);
    snprintf(out, size, "\"%016llx\"", (unsigned long long)hash);
}

/* RFC 9110, section 13.1.2: "*", or one of the tags; weak and strong count as the same. */
static bool none_match_fails(const char *header, const char *etag)
{
    return strcmp(header, "*") == 0 || strstr(header, etag) != NULL;
}

/* RFC 9110, section 13.2.2: a tag counts before a date. Dates are texts here. */
static bool is_unchanged(struct call *call, const char *etag)
{
    const struct knobs *knobs = &call->standin->knobs;
    const char *tags = call_request_header(call, MHD_HTTP_HEADER_IF_NONE_MATCH);
    const char *since = call_request_header(call, MHD_HTTP_HEADER_IF_MODIFIED_SINCE);
    if (tags != NULL || since != NULL)
        call->standin->counters[COUNTER_LOOKUPS_CONDITIONAL]++;
    if (tags != NULL)
        return knobs_on(knobs, KNOB_ETAG) && none_match_fails(tags, etag);
    return since != NULL && strcmp(since, knobs->text[TEXT_LAST_MODIFIED]) == 0;
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

static json_t *make_address(const struct call *call, const struct postcode *postcode)
{
    const struct area *area = postcode->area;
    const struct knobs *knobs = &call->standin->knobs;
    const double size = knobs->value[KNOB_BODY_SIZE];
    const char *echo = echoed(call);
    json_t *address = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "postcode", postcode->text,
                                "country", area->country, "region", area->region, "town",
                                area->town, "district", postcode->outward, "area", area->letters);
    if (knobs_on(knobs, KNOB_VERSION))
        json_object_set_new(address, "version",
                            json_integer((json_int_t)knobs->value[KNOB_VERSION]));
    if (echo != NULL)
        json_object_set_new(address, "echo", json_string(echo));
    if (size > 0)
        json_object_set_new(address, "results", make_results((size_t)size));
    return address;
}

static void add_field(struct call *call, const char *name, enum text_knob knob)
{
    const char *value = call->standin->knobs.text[knob];
    if (*value != '\0')
        call_header(call, name, value);
}

/* What a cache between here and the caller reads. */
static void add_cache_fields(struct call *call)
{
    add_field(call, MHD_HTTP_HEADER_CACHE_CONTROL, TEXT_CACHE_CONTROL);
    add_field(call, MHD_HTTP_HEADER_EXPIRES, TEXT_EXPIRES);
    add_field(call, MHD_HTTP_HEADER_AGE, TEXT_AGE);
    add_field(call, MHD_HTTP_HEADER_VARY, TEXT_VARY);
}

/* One byte, and the rest when the knob is turned off. The first call begins at 0. */
static ssize_t trickle(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct call *call = call_cast(cls);
    const struct knobs *knobs = &call->standin->knobs;
    size_t len = strlen(call->text + pos);
    if (call->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (pos > 0 && knobs_on(knobs, KNOB_TRICKLE)) {
        call->trickling = true;
        parking_add(&call->standin->parking, call, TIME_NEVER);
        return 0;
    }
    if (pos == 0)
        len = 1;
    memcpy(buf, call->text + pos, len < max ? len : max);
    return (ssize_t)(len < max ? len : max);
}

static void respond_address(struct call *call, const struct postcode *postcode)
{
    const struct knobs *knobs = &call->standin->knobs;
    char etag[24], field[32];
    make_etag(call, etag, sizeof etag, postcode->text);
    if (is_unchanged(call, etag)) {
        call->standin->counters[COUNTER_LOOKUPS_NOT_MODIFIED]++;
        call_answer_empty(call, MHD_HTTP_NOT_MODIFIED);
    } else if (knobs_on(knobs, KNOB_TRICKLE)) {
        call_answer_read(call, MHD_HTTP_OK, make_address(call, postcode), trickle);
    } else {
        call_answer(call, MHD_HTTP_OK, make_address(call, postcode));
    }
    snprintf(field, sizeof field, "%s%s", knobs->value[KNOB_ETAG] > 1 ? "W/" : "", etag);
    if (knobs_on(knobs, KNOB_ETAG))
        call_header(call, MHD_HTTP_HEADER_ETAG, field);
    add_field(call, MHD_HTTP_HEADER_LAST_MODIFIED, TEXT_LAST_MODIFIED);
    add_cache_fields(call);
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

/* The status that is asked for; 0: none. The postcode of the request may have a blank. */
static unsigned forced_status(const struct knobs *knobs, const char *text)
{
    const char *only = knobs->text[TEXT_STATUS_POSTCODE];
    if (*only != '\0') {
        for (; *text != '\0'; text++) {
            if (*text != ' ' && toupper((unsigned char)*text) != toupper((unsigned char)*only++))
                return 0;
        }
        if (*only != '\0')
            return 0;
    }
    return (unsigned)knobs->value[KNOB_LOOKUP_STATUS];
}

static void decide(struct call *call, const char *text)
{
    struct standin *standin = call->standin;
    const unsigned status = forced_status(&standin->knobs, text);
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
    if (call->status >= 400 && knobs_on(&standin->knobs, KNOB_ERROR_FIELDS))
        add_cache_fields(call);
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
