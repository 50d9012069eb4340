/*
 * Whether a request is what the API asks for: method, path and query byte for byte, headers,
 * content type, the exact fields of the body, and the credentials. The first difference is the
 * verdict; it goes to stderr with what is right and what came, for whoever looks for the cause.
 */
#include "emulator.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../standin/form.h"

#define POSTCODE "{postcode}"

struct judging {
    const struct api *api;
    struct call *call;
};

/* Sets the fault, says why; false, so that a chain of checks ends. */
static bool wrong(const struct judging *judging, enum fault fault, const char *right,
                  const char *came)
{
    static const char *const names[] = {
#define FAULT_NAME(id, name, status) [id] = (name),
        FAULT_TABLE(FAULT_NAME)
#undef FAULT_NAME
    };

    judging->call->fault = fault;
    fprintf(stderr, "emulator: %s: %s: %s is right; it was %s\n", judging->api->name, names[fault],
            right, came != NULL ? came : "not there");
    return false;
}

static const char *request_header(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

/* ---- targets ---- */

/* As RFC 3986 encodes a part: everything but unreserved characters. Free the result. */
static char *percent_encode(const char *text)
{
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char *out = must_calloc(3, strlen(text) + 1);
    size_t n = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (strchr(kept, *c) != NULL)
            out[n++] = *c;
        else
            n += (size_t)snprintf(out + n, 4, "%%%02X", (unsigned char)*c);
    }
    return out;
}

/* An encoded postcode, which must be encoded in the one way that is expected. */
static bool take_postcode(const struct judging *judging, const char *text, size_t len)
{
    char *came = must_copy(text, len);

    judging->call->postcode = form_decode(text, len);
    char *again = judging->call->postcode != NULL ? percent_encode(judging->call->postcode) : NULL;
    bool same = again != NULL && strcmp(again, came) == 0;
    free(came);
    free(again);
    return same;
}

/* One half of a target, before or behind its question mark, against the same half of the template.
 */
static bool half_fits(const struct judging *judging, const char *template, size_t template_len,
                      const char *came, size_t len)
{
    const char *mark = memmem(template, template_len, POSTCODE, strlen(POSTCODE));

    if (mark == NULL)
        return len == template_len && memcmp(template, came, len) == 0;
    size_t before = (size_t)(mark - template);
    size_t behind = template_len - before - strlen(POSTCODE);
    return len > before + behind && memcmp(template, came, before) == 0 &&
           memcmp(mark + strlen(POSTCODE), came + len - behind, behind) == 0 &&
           take_postcode(judging, came + before, len - before - behind);
}

static bool judge_target(const struct judging *judging, const char *template)
{
    const char *came = judging->call->target;
    size_t path = strcspn(template, "?"), came_path = strcspn(came, "?");

    if (!half_fits(judging, template, path, came, came_path))
        return wrong(judging, FAULT_PATH, template, came);
    const char *query = template + path, *came_query = came + came_path;
    if (!half_fits(judging, query, strlen(query), came_query, strlen(came_query)))
        return wrong(judging, FAULT_QUERY, template, came);
    return true;
}

static bool judge_headers(const struct judging *judging)
{
    const char *name;
    json_t *value;

    json_object_foreach(judging->api->headers[judging->call->kind], name, value)
    {
        const char *came = request_header(judging->call, name);
        char right[512];

        if (came == NULL || strcmp(came, json_string_value(value)) != 0) {
            snprintf(right, sizeof right, "%s: %s", name, json_string_value(value));
            return wrong(judging, FAULT_HEADER, right, came);
        }
    }
    return true;
}

/* ---- token requests ---- */

/* A credential where the description has {client_id} or {client_secret}; else NULL. */
static const char *credential(const struct api *api, const json_t *field)
{
    const char *text = json_string_value(field);

    if (text != NULL && strcmp(text, "{client_id}") == 0)
        return api->client_id;
    if (text != NULL && strcmp(text, "{client_secret}") == 0)
        return api->client_secret;
    return NULL;
}

/* The fields that came, against those of the description; credentials may still be wrong. */
static bool fields_fit(const struct api *api, json_t *right, json_t *came)
{
    const char *name;
    json_t *field;

    if (json_object_size(right) != json_object_size(came))
        return false;
    json_object_foreach(right, name, field)
    {
        const json_t *value = json_object_get(came, name);
        bool fits =
            credential(api, field) != NULL ? json_is_string(value) : json_equal(field, value);

        if (value == NULL || !fits)
            return false;
    }
    return true;
}

static bool credentials_fit(const struct api *api, json_t *right, json_t *came)
{
    const char *name;
    json_t *field;

    json_object_foreach(right, name, field)
    {
        const char *wanted = credential(api, field);

        if (wanted != NULL && strcmp(wanted, json_string_value(json_object_get(came, name))) != 0)
            return false;
    }
    return true;
}

/* A form as an object, by the names that are expected; NULL when it is none, or has others. */
static json_t *form_fields(const char *form, json_t *right)
{
    const char *name;
    json_t *field;
    size_t pairs = 1;

    if (!form_is_valid(form))
        return NULL;
    for (const char *c = form; *c != '\0'; c++)
        pairs += *c == '&';
    json_t *fields = json_object();
    json_object_foreach(right, name, field)
    {
        char *value = form_get(form, name);

        if (value != NULL)
            json_object_set_new(fields, name, json_string(value));
        free(value);
    }
    if (pairs == json_object_size(fields))
        return fields;
    json_decref(fields);
    return NULL;
}

static bool judge_body(const struct judging *judging)
{
    const struct api *api = judging->api;
    const struct call *call = judging->call;
    json_t *json = json_object_get(api->token, "json");
    json_t *right = json != NULL ? json : json_object_get(api->token, "form");
    json_t *came = json != NULL
                       ? json_loadb(call->body, call->body_len, JSON_REJECT_DUPLICATES, NULL)
                       : form_fields(call->body, right);
    char *pattern = json_dumps(right, JSON_COMPACT);
    bool fits = came != NULL && fields_fit(api, right, came);

    if (!fits)
        wrong(judging, FAULT_BODY, pattern, call->body);
    else if (!credentials_fit(api, right, came)) {
        fits = false;
        wrong(judging, FAULT_CLIENT, pattern, call->body);
    }
    free(pattern);
    json_decref(came);
    return fits;
}

/* Credentials in the header, where they belong there; and no such header where they do not. */
static bool judge_basic(const struct judging *judging)
{
    const struct api *api = judging->api;
    const char *came = request_header(judging->call, MHD_HTTP_HEADER_AUTHORIZATION);
    char pair[512], right[1024] = "Basic ";

    if (strcmp(api->token_client, "basic") != 0)
        return came == NULL || wrong(judging, FAULT_HEADER, "no Authorization", came);
    int len = snprintf(pair, sizeof pair, "%s:%s", api->client_id, api->client_secret);
    EVP_EncodeBlock((unsigned char *)right + strlen(right), (const unsigned char *)pair, len);
    return (came != NULL && strcmp(came, right) == 0) || wrong(judging, FAULT_CLIENT, right, came);
}

static void judge_token(const struct judging *judging)
{
    const struct api *api = judging->api;
    struct call *call = judging->call;
    const char *type = request_header(call, MHD_HTTP_HEADER_CONTENT_TYPE);

    if (!judge_target(judging, api->token_target))
        return;
    if (strcmp(call->method, api->token_method) != 0)
        wrong(judging, FAULT_METHOD, api->token_method, call->method);
    else if (!judge_headers(judging))
        return;
    else if (type == NULL || strcasecmp(type, api->token_type) != 0)
        wrong(judging, FAULT_CONTENT_TYPE, api->token_type, type);
    else if (judge_basic(judging))
        judge_body(judging);
}

/* ---- lookups ---- */

/* The number of the token in the header; false when it was never issued. */
static bool judge_bearer(const struct judging *judging, unsigned long issued)
{
    const char *scheme = judging->api->scheme;
    const char *came = request_header(judging->call, MHD_HTTP_HEADER_AUTHORIZATION);
    size_t len = strlen(scheme);
    char text[TOKEN_TEXT];

    if (came == NULL || strncmp(came, scheme, len) != 0 || came[len] != ' ')
        return wrong(judging, FAULT_TOKEN, scheme, came);
    for (unsigned long n = issued; n > 0; n--) {
        play_token_text(text, n);
        if (strcmp(came + len + 1, text) == 0) {
            judging->call->token = n;
            return true;
        }
    }
    return wrong(judging, FAULT_TOKEN, "a token that was issued", came);
}

static void judge_lookup(const struct judging *judging, unsigned long issued)
{
    const struct call *call = judging->call;

    if (!judge_target(judging, judging->api->lookup_target))
        return;
    if (strcmp(call->method, MHD_HTTP_METHOD_GET) != 0)
        wrong(judging, FAULT_METHOD, MHD_HTTP_METHOD_GET, call->method);
    else if (!judge_headers(judging))
        return;
    else if (call->body_len > 0)
        wrong(judging, FAULT_BODY, "none", call->body);
    else
        judge_bearer(judging, issued);
}

/* By the path; a path that nobody knows, by the method. */
static enum kind kind_of(const struct api *api, const struct call *call)
{
    size_t len = strcspn(api->token_target, "?");

    if (strcspn(call->target, "?") == len && strncmp(call->target, api->token_target, len) == 0)
        return KIND_TOKEN;
    return strcmp(call->method, MHD_HTTP_METHOD_GET) == 0 ? KIND_LOOKUP : KIND_TOKEN;
}

void judge(const struct emulator *emulator, struct call *call)
{
    const struct judging judging = {&emulator->api, call};

    call->kind = kind_of(judging.api, call);
    if (call->kind == KIND_TOKEN)
        judge_token(&judging);
    else
        judge_lookup(&judging, (unsigned long)emulator->counters[COUNTER_TOKENS_ISSUED]);
}
