/*
 * The path in an access line is the only place where a postcode gets into the log, so what
 * [log] postcodes allows is applied here, to lookups and, without "full", to any other path too:
 * a mistyped one holds a postcode as well.
 */
#include "front/access.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "config/route.h"
#include "front/endpoint.h"
#include "front/problem_log.h"
#include "lookup/postcode.h"

static void peer_text(const struct request *request, char out[ENDPOINT_TEXT])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    endpoint_text(info == NULL ? NULL : info->client_addr, out);
}

/* One rejected before its path was found shows its target as it came. */
void access_path(const struct request *request, char out[ACCESS_PATH])
{
    const enum config_postcodes policy = (enum config_postcodes)request->config->log_postcodes;
    const char *path = request->path != NULL ? request->path : request->target;
    const size_t len = strcspn(path, "?");
    const size_t prefix = route_find_prefix(request->config, path, len);
    if (prefix > 0 && len > prefix && prefix < ACCESS_PATH - POSTCODE_LOG_TEXT) {
        memcpy(out, path, prefix);
        postcode_for_log(path + prefix, len - prefix, policy, out + prefix, ACCESS_PATH - prefix);
    } else if (policy == POSTCODES_FULL) {
        snprintf(out, ACCESS_PATH, "%.*s", (int)len, path);
    } else {
        snprintf(out, ACCESS_PATH, "%s", "***");
    }
}

static int64_t bytes_sent(const struct request *request)
{
    bool none = request->ending == ENDED_CANCELLED || strcmp(request->method, "HEAD") == 0;
    return none ? 0 : (int64_t)request->body_len;
}

static void write_line(const struct request *request, int64_t duration)
{
    char peer[ENDPOINT_TEXT];
    char path[ACCESS_PATH];
    char failovers[16];
    peer_text(request, peer);
    access_path(request, path);
    snprintf(failovers, sizeof(failovers), "%u", request->stats.failovers);
    const struct log_field fields[] = {
        LOG_TEXT("client", peer),
        LOG_TEXT("method", request->method),
        LOG_TEXT("path", path),
        LOG_INT("status", request->status),
        LOG_TEXT("code", problem_of(request->ending)->code),
        LOG_TEXT("reason", request->rejected),
        LOG_TEXT("user", request->user[0] == '\0' ? NULL : request->user),
        LOG_INT("bytes", bytes_sent(request)),
        LOG_MS("duration_ms", duration),
        LOG_BOOL("waited_for_token", request->stats.waited_for_token),
        LOG_INT("retries", request->stats.retries),
        LOG_TEXT("upstream", request->upstream),
        LOG_TEXT("cache", request->cached),
        LOG_TEXT("flight", request->flight),
        LOG_TEXT("failovers", request->stats.failovers > 0 ? failovers : NULL),
        LOG_MS("upstream_ms", request->stats.upstream_duration), /* the last: left out if none */
    };
    size_t count = ARRAY_LEN(fields) - (request->stats.upstream_duration < 0);
    log_fields(LOG_LEVEL_INFO, request_guid(request), "request", fields, count);
}

static void note_problem(const struct request *request, int64_t duration)
{
    char path[ACCESS_PATH];

    access_path(request, path);
    problem_log_add(request, path, duration);
}

void access_account(const struct request *request)
{
    int64_t duration = mono_diff(loop_look(ctx_loop(request->ctx)), request->began);
    metric_add(METRIC_REQUESTS, request->ending, 1);
    metric_observe(METRIC_REQUEST_DURATION, duration);
    if (request->ending == ENDED_CANCELLED)
        metric_add(METRIC_CANCELLED, 0, 1);
    if (problem_log_wants(request->ending))
        note_problem(request, duration);
    if (request->config->log_access && log_enabled(LOG_LEVEL_INFO))
        write_line(request, duration);
}
