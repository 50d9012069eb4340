/* A member of a fleet and its store as operators' endpoints see them: what a test puts in here. */
#ifndef FLEET_STUB_H
#define FLEET_STUB_H

#include "front/exposition_sources.h"

static bool stub_has_member;
static struct fleet_status stub_member;
static struct fleet_link_status stub_store;

static inline bool stub_ask_member(const struct token_service *tokens, struct mono_time now,
                                   struct fleet_status *out)
{
    (void)tokens;
    (void)now;
    *out = stub_member;
    return stub_has_member;
}

static inline void stub_ask_store(const struct fleet_link *link, struct fleet_link_status *out)
{
    (void)link;
    *out = stub_store;
}

static const struct exposition_fleet stub_fleet = {.store = stub_ask_store,
                                                   .member = stub_ask_member};

/* One of five, which follows; b.2 asked last. */
static inline void stub_follow(struct mono_time now)
{
    stub_has_member = true;
    stub_member = (struct fleet_status){.state = FLEET_FOLLOWING,
                                        .since = mono_add(now, -MINUTE),
                                        .generation = 7,
                                        .member = "a.1",
                                        .leader = "b.2",
                                        .members = 5,
                                        .reached = now};
    stub_store = (struct fleet_link_status){.connected = true, .server = "redis.example:6379"};
}

/* The same, for which the store is out of reach since a minute ago. */
static inline void stub_be_alone(struct mono_time now)
{
    stub_follow(now);
    stub_member.state = FLEET_ALONE;
    stub_store.connected = false;
    stub_store.error = "redis.example:6379 cannot be reached (Connection refused)";
    stub_store.failed = mono_add(now, -MINUTE);
}

#endif
