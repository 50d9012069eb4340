/*
 * Overviews by hand for the status page and its JSON: a daemon that has run for some time, with
 * tokens that were renewed, and with whatever a test adds.
 */
#ifndef TESTS_OVERVIEW_FIXTURE_H
#define TESTS_OVERVIEW_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "front/history_internal.h"
#include "front/overview.h"

#define FIXTURE_LIFE (1 * HOUR)
#define FIXTURE_WINDOW (5 * MINUTE)

/* 2026-03-04 14:03:10 UTC, and a machine that has run for eleven days. */
#define FIXTURE_WALL INT64_C(1772632990)
#define FIXTURE_NOW (INT64_C(11) * 24 * HOUR + 7 * SECOND)

static inline struct overview *overview_make(size_t upstreams, int64_t ran)
{
    struct overview *overview = mem_zalloc(sizeof(*overview));

    overview->now.ns = FIXTURE_NOW;
    overview->wall.ns = FIXTURE_WALL * SECOND;
    overview->started.ns = overview->wall.ns - ran;
    overview->began.ns = FIXTURE_NOW - ran;
    overview->version = "1.2.3";
    overview->ready = true;
    overview->max_connections = 4096;
    overview->max_in_flight = 1024;
    overview->workers = 4;
    overview->reload.at = overview->started;
    overview->reload.tried_at = overview->started;
    overview->upstream_count = upstreams;
    for (size_t i = 0; i < upstreams; i++)
        overview->upstreams[i] = (struct overview_upstream){
            .name = i == 0 ? "location" : "second",
            .index = i,
            .address = "https://api.example",
            .token_endpoint = "https://login.example:8443",
            .budget = 20,
            .token = {.state = KEEPER_NONE, .state_name = "none", .next_request_in = -1}};
    struct history *history = history_new((struct mono_time){FIXTURE_NOW - ran});
    for (size_t i = 0; i < upstreams; i++)
        history_begin(history, i, overview->upstreams[i].name);
    overview->history = history;
    return overview;
}

static inline void overview_unmake(struct overview *overview)
{
    history_free((struct history *)(uintptr_t)overview->history);
    mem_free(overview);
}

/* The fixture's own: in production only the sampling writes it. */
static inline struct history *fixture_history(struct overview *overview)
{
    return (struct history *)(uintptr_t)overview->history;
}

static inline void fixture_observe(struct history_durations *durations, size_t middle,
                                   uint32_t count)
{
    durations->cells[middle] += count - count / 10 - count / 50;
    durations->cells[middle + 1] += count / 10;
    durations->cells[middle + 3] += count / 50;
}

/* All that was counted is in samples. */
static inline void fixture_counted(struct overview *overview)
{
    struct history *history = fixture_history(overview);

    memcpy(history->totals.codes, overview->codes, sizeof(overview->codes));
    history->sampled.ns = FIXTURE_NOW - 3 * SECOND;
}

/* A sample each ten seconds of the time that it ran, with `lookups` lookups in each. */
static inline void fixture_samples(struct overview *overview, int64_t ran, uint32_t lookups)
{
    struct history *history = fixture_history(overview);
    const int64_t count = ran / HISTORY_INTERVAL;

    for (int64_t i = 0; i < count; i++) {
        struct history_sample *sample = &history->samples[history->taken % HISTORY_SAMPLES];
        const uint32_t some = lookups + lookups * (uint32_t)(i * 7 % 13) / 20;

        *sample = (struct history_sample){
            .at = {FIXTURE_NOW - (count - 1 - i) * HISTORY_INTERVAL - 3 * SECOND},
            .length = HISTORY_INTERVAL,
            .connections = 40 + (uint32_t)(i * 5 % 11),
            .in_flight = (uint32_t)(i * 3 % 7),
            .busy_permille = (uint16_t)(120 + i * 31 % 90)};
        sample->codes[ENDED_OK] = some;
        sample->codes[PROBLEM_UNKNOWN_POSTCODE] = some / 40;
        fixture_observe(&sample->lookups, 4 + (size_t)(i % 17 == 0), some);
        for (size_t u = 0; u < overview->upstream_count; u++) {
            struct history_upstream_sample *own =
                &history->upstreams[u]->samples[history->taken % HISTORY_SAMPLES];
            *own = (struct history_upstream_sample){.state = KEEPER_VALID};
            own->classes[HISTORY_GOOD] = some;
            fixture_observe(&own->calls, 3 + (size_t)(i % 17 == 0), some);
        }
        overview->codes[ENDED_OK] += some;
        overview->codes[PROBLEM_UNKNOWN_POSTCODE] += some / 40;
        history->taken++;
    }
    fixture_counted(overview);
}

static inline struct history_event *fixture_event(struct overview *overview, size_t upstream,
                                                  enum history_event_kind kind, int64_t ago,
                                                  const char *reason)
{
    struct history_upstream *own = fixture_history(overview)->upstreams[upstream];
    struct history_event *event = &own->events[own->events_noted++ % HISTORY_EVENTS];

    *event = (struct history_event){.at = {FIXTURE_NOW - ago}, .kind = kind};
    event->generation = own->seen.generation;
    snprintf(event->reason, sizeof(event->reason), "%s", reason);
    return event;
}

/* A token obtained `ago`, which is the present one until the next call. */
static inline void fixture_token(struct overview *overview, size_t upstream, int64_t ago,
                                 int64_t life, int64_t window)
{
    struct history_upstream *own = fixture_history(overview)->upstreams[upstream];
    struct keeper_status *token = &overview->upstreams[upstream].token;

    own->seen.generation++;
    struct history_event *event = fixture_event(overview, upstream, HISTORY_OBTAINED, ago, "");
    event->expires_at.ns = event->at.ns + life;
    event->renew_at.ns = event->expires_at.ns - window;
    token->state = KEEPER_VALID;
    token->state_name = "valid";
    token->ready = true;
    token->generation = own->seen.generation;
    snprintf(token->fingerprint, sizeof(token->fingerprint), "%s", "1f3a9c07");
    token->age = ago;
    token->lifetime = life;
    token->refresh_window = window;
    token->expires_in = life - ago;
    token->next_request_in = life - window - ago;
    token->requests_last_hour = 1;
}

static inline void fixture_problem(struct overview *overview, enum problem_side side,
                                   enum problem_id ending, int64_t ago, const char *guid,
                                   const char *path)
{
    struct problem_entry *entry = &overview->problems[side][overview->problem_count[side]++];

    *entry = (struct problem_entry){.at = {overview->wall.ns - ago},
                                    .ending = ending,
                                    .status = problem_of(ending)->status,
                                    .duration = 12345 * MICROSECOND};
    snprintf(entry->guid, sizeof(entry->guid), "%s", guid);
    snprintf(entry->path, sizeof(entry->path), "%s", path);
}

static inline void fixture_reason(struct overview *overview, enum readiness_cause cause,
                                  const char *upstream, const char *what, const char *why,
                                  int64_t ago)
{
    struct readiness_reason *reason = &overview->readiness.reasons[overview->readiness.count++];

    *reason = (struct readiness_reason){.cause = cause, .upstream = upstream};
    if (ago > 0)
        reason->since.ns = FIXTURE_NOW - ago;
    snprintf(reason->what, sizeof(reason->what), "%s", what);
    snprintf(reason->why, sizeof(reason->why), "%s", why);
}

static inline struct condition *fixture_condition(struct overview *overview,
                                                  enum condition_level level, int64_t ago,
                                                  const char *upstream, const char *what)
{
    struct condition *condition = &overview->conditions[overview->condition_count++];

    *condition = (struct condition){.level = level, .upstream = upstream};
    if (ago > 0)
        condition->since.ns = FIXTURE_NOW - ago;
    snprintf(condition->what, sizeof(condition->what), "%s", what);
    return condition;
}

#endif
