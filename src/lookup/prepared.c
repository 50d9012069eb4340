/* The header fields of a lookup and its target are made here and nowhere else. */
#include "lookup/prepared.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* Prefix, path, postcode, the rest of the target, and the caller's query. */
#define TARGET_PARTS 6

struct validators {
    const char *etag, *last_modified;
};

/* Where an answer is kept, the caller's are for whoever has that answer. */
static struct validators validators_of(const struct prepared_parts *parts,
                                       const struct config_upstream *upstream)
{
    const struct lookup_query *query = parts->query;
    const bool keeps = query->kept.etag != NULL || query->kept.last_modified != NULL;

    if (keeps ? !parts->kept || query->kept.upstream != upstream->index : !parts->validators)
        return (struct validators){NULL, NULL};
    if (keeps)
        return (struct validators){query->kept.etag, query->kept.last_modified};
    return (struct validators){query->if_none_match, query->if_modified_since};
}

/* The fields of ours, then those of header.NAME. */
void prepared_init(struct prepared *prepared, const struct lookup_way *way,
                   const struct token *token, const struct prepared_parts *parts)
{
    MUST(token_source_has(way->side->tokens, token));
    const struct config *config = parts->config;
    const struct config_upstream *upstream = way->upstream;
    const struct lookup_query *query = parts->query;
    const char *tracestate = ctx_tracestate(parts->ctx);
    const struct validators validators = validators_of(parts, upstream);
    const bool forward = config->identity_forward_header != NULL && query->user[0] != '\0';
    const struct client_header ours[] = {
        {"Authorization", token_authorization(token)},
        {"Accept", "application/json"},
        {config->tracker_header, ctx_guid(parts->ctx)},
        {"traceparent", ctx_traceparent(parts->ctx)},
        {"tracestate", tracestate[0] == '\0' ? NULL : tracestate},
        {"If-None-Match", validators.etag},
        {"If-Modified-Since", validators.last_modified},
        {config->identity_forward_header, query->user}, /* the last: not always sent */
    };

    prepared->way = way;
    prepared->target = parts->target;
    prepared->header_count = ARRAY_LEN(ours) - !forward;
    memcpy(prepared->headers, ours, prepared->header_count * sizeof(*ours));
    for (size_t i = 0; i < upstream->header_count; i++)
        prepared->headers[prepared->header_count++] =
            (struct client_header){upstream->headers[i].name, upstream->headers[i].value};
}

void prepared_send(const struct prepared *prepared, struct ctx *ctx,
                   const struct prepared_call *call)
{
    const struct client_request request = {
        .target = prepared->target,
        .headers = prepared->headers,
        .header_count = prepared->header_count,
        .max_response = (size_t)prepared->way->upstream->max_response_size,
        .queued = call->queued,
        .late = call->late,
        .answering = call->answering,
        .may_resend = call->may_resend,
        .resend_arg = call->arg,
    };

    client_call(prepared->way->client, ctx, &request, call->done, call->arg);
}

static char *join(const char *const parts[], size_t count)
{
    size_t lens[TARGET_PARTS];
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += lens[i] = strlen(parts[i]);
    char *target = mem_alloc(len + 1);
    char *to = target;
    for (size_t i = 0; i < count; i++)
        to = mempcpy(to, parts[i], lens[i]);
    *to = '\0';
    return target;
}

char *prepared_target(const struct config_upstream *upstream, const struct lookup_query *query)
{
    const struct config_target *target = &upstream->lookup_target;
    const bool whole = target->text != NULL;
    /* A reload may have brought a target with a query of its own since the request was accepted. */
    const char *own = target->has_query ? NULL : query->query;
    const char *const parts[TARGET_PARTS] = {
        origin_prefix(upstream->address), whole ? target->before : upstream->lookup_path,
        query->postcode.encoded,          whole ? target->behind : "",
        own != NULL ? "?" : "",           own != NULL ? own : "",
    };

    return join(parts, ARRAY_LEN(parts));
}
