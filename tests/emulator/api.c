/*
 * api.json, as tests/apis/README.md describes it, and the files beside it. It is read once, with a
 * strict pattern: a member that is misspelt is a fault here and not a check that never happens.
 */
#include "emulator.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool give_up(const char *folder, const char *what, const char *why)
{
    fprintf(stderr, "emulator: %s: %s: %s\n", folder, what, why);
    return false;
}

static char *read_file(const char *folder, const char *name, size_t *len)
{
    char path[PATH_MAX];
    char *text = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);

        rewind(file);
        text = must_calloc(1, (size_t)(size > 0 ? size : 0) + 1);
        *len = fread(text, 1, (size_t)(size > 0 ? size : 0), file);
    }
    fclose(file);
    return text;
}

static bool take_reply(struct api *api, const char *folder, const char *name, json_t *value)
{
    struct reply *reply = &api->replies[api->reply_count];
    json_error_t error;
    const char *kind, *evidence, *note;
    int status;

    if (api->reply_count == REPLIES_MAX)
        return give_up(folder, name, "too many replies");
    if (json_unpack_ex(value, &error, JSON_STRICT, "{s:s, s:i, s:s, s?s, s?o}", "kind", &kind,
                       "status", &status, "evidence", &evidence, "note", &note, "headers",
                       &reply->headers) != 0)
        return give_up(folder, name, error.text);
    if (strcmp(kind, "token") != 0 && strcmp(kind, "lookup") != 0)
        return give_up(folder, name, "kind is token or lookup");
    reply->name = name;
    reply->kind = strcmp(kind, "token") == 0 ? KIND_TOKEN : KIND_LOOKUP;
    reply->status = (unsigned)status;
    reply->text = read_file(folder, name, &reply->len);
    if (reply->text == NULL)
        return give_up(folder, name, "cannot be read");
    api->reply_count++;
    return true;
}

static bool take_replies(struct api *api, const char *folder, json_t *replies)
{
    const char *name;
    json_t *value;

    json_object_foreach(replies, name, value)
    {
        if (!take_reply(api, folder, name, value))
            return false;
    }
    return true;
}

/* What the emulator sends without being told to. */
static bool has_replies(const struct api *api, const char *folder)
{
    static const struct {
        const char *name;
        enum kind kind;
    } needed[] = {
        {"token.json", KIND_TOKEN},    {"token-refused.json", KIND_TOKEN},
        {"found.json", KIND_LOOKUP},   {"unknown.json", KIND_LOOKUP},
        {"expired.json", KIND_LOOKUP},
    };

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (api_reply(api, needed[i].name, needed[i].kind) == NULL)
            return give_up(folder, needed[i].name, "is missing among the replies");
    }
    return true;
}

static bool take_token(struct api *api, const char *folder)
{
    json_error_t error;
    json_t *form = NULL, *json = NULL;

    if (json_unpack_ex(api->token, &error, JSON_STRICT,
                       "{s:s, s:s, s:s, s:s, s?o, s?o, s?o, s:s, s?o}", "method",
                       &api->token_method, "target", &api->token_target, "client",
                       &api->token_client, "content_type", &api->token_type, "form", &form, "json",
                       &json, "headers", &api->headers[KIND_TOKEN], "member", &api->token_member,
                       "times", &api->token_times) != 0)
        return give_up(folder, "token", error.text);
    if (strcmp(api->token_client, "basic") != 0 && strcmp(api->token_client, "body") != 0)
        return give_up(folder, "token", "client is basic or body");
    if ((form == NULL) == (json == NULL))
        return give_up(folder, "token", "either form or json");
    return true;
}

bool api_load(struct api *api, const char *folder)
{
    char path[PATH_MAX];
    json_error_t error;
    json_t *lookup, *replies;
    const char *documented;

    snprintf(path, sizeof path, "%s/api.json", folder);
    api->description = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (api->description == NULL)
        return give_up(folder, "api.json", error.text);
    if (json_unpack_ex(api->description, &error, JSON_STRICT,
                       "{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:o, s:o, s:o}", "name", &api->name,
                       "requests", &documented, "client", "id", &api->client_id, "secret",
                       &api->client_secret, "postcodes", "known", &api->known, "unknown",
                       &api->unknown, "token", &api->token, "lookup", &lookup, "replies",
                       &replies) != 0 ||
        json_unpack_ex(lookup, &error, JSON_STRICT, "{s:s, s:s, s?o}", "target",
                       &api->lookup_target, "scheme", &api->scheme, "headers",
                       &api->headers[KIND_LOOKUP]) != 0)
        return give_up(folder, "api.json", error.text);
    if (strstr(api->lookup_target, "{postcode}") == NULL)
        return give_up(folder, "lookup", "the target has no {postcode}");
    return take_token(api, folder) && take_replies(api, folder, replies) &&
           has_replies(api, folder);
}

void api_free(struct api *api)
{
    for (size_t i = 0; i < api->reply_count; i++)
        free(api->replies[i].text);
    json_decref(api->description);
}

const struct reply *api_reply(const struct api *api, const char *name, enum kind kind)
{
    for (size_t i = 0; i < api->reply_count; i++) {
        if (api->replies[i].kind == kind && strcmp(api->replies[i].name, name) == 0)
            return &api->replies[i];
    }
    return NULL;
}
