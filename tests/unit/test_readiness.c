/* front/readiness.h: routes that share upstreams, some of which have a token. */
#include "front/readiness.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fleet_stub.h"
#include "front/admin_ports.h"
#include "suite.h"

#define UPSTREAMS 4

static const char *const names[UPSTREAMS] = {"main", "spare", "islands", "other"};

static struct store *store;
static struct keeper *keepers[UPSTREAMS];
static struct exposition sources;
static struct config config;
static struct config_upstream upstreams[UPSTREAMS];
static struct config_route routes[3];
static struct readiness readiness;
static bool draining;
static const char *others;

static uint32_t port_random(void *arg)
{
    (void)arg;
    return 0;
}

static bool port_draining(void *arg)
{
    (void)arg;
    return draining;
}

static void port_unready(void *arg, struct buf *reasons)
{
    (void)arg;
    buf_puts(reasons, others);
}

static const struct admin_ports ports = {.draining = port_draining, .unready = port_unready};

static void route(size_t at, const char *name, size_t first, size_t count)
{
    routes[at] = (struct config_route){.name = (char *)(uintptr_t)name, .upstream_count = count};
    for (size_t i = 0; i < count; i++)
        routes[at].upstreams[i] = first + i;
}

/* In the metrics, and so in the sources, they are in another order. */
static void setup(void)
{
    static const struct keeper_ports none = {.random = port_random};

    store = store_new(UPSTREAMS);
    sources = (struct exposition){.upstream_count = UPSTREAMS, .config = &config};
    for (size_t i = 0; i < UPSTREAMS; i++) {
        const struct keeper_settings settings = {.upstream = names[i],
                                                 .index = 9 - i,
                                                 .store_key = names[i],
                                                 .workers = 1,
                                                 .prefetch = true};

        keepers[i] = keeper_new(&settings, &none, store);
        upstreams[i].name = (char *)(uintptr_t)names[i];
        upstreams[i].index = 9 - i;
        sources.upstreams[UPSTREAMS - 1 - i] =
            (struct exposition_upstream){.name = names[i], .index = 9 - i, .keeper = keepers[i]};
    }
    route(0, "uk", 0, 2);
    route(1, "islands", 2, 1);
    route(2, "", 0, 1);
    config = (struct config){
        .upstreams = upstreams, .upstream_count = UPSTREAMS, .routes = routes, .route_count = 2};
    draining = false;
    others = "";
}

static void teardown(void)
{
    for (size_t i = 0; i < UPSTREAMS; i++)
        keeper_free(keepers[i]);
    store_free(store);
}

static void give_token(size_t upstream)
{
    const struct token_grant grant = {.type = "Bearer", .value = "v", .lifetime = HOUR};
    const struct mono_time now = mono_now();

    ck_assert(keeper_restore(keepers[upstream], &grant, now, now));
}

/* The lines are exactly these; a since is not among them, for nothing has failed yet. */
static void lines_are(bool ready, const struct config_route *of, const char *want)
{
    struct buf lines;

    readiness_gather(&sources, &ports, mono_now(), &readiness);
    buf_init(&lines, READINESS_LINES_MAX);
    readiness_write(&readiness, of, mono_now(), &lines);
    ck_assert_str_eq(buf_text(&lines), want);
    buf_fini(&lines);
    if (of == NULL)
        ck_assert_int_eq(readiness.ready, ready);
    else
        ck_assert_int_eq(readiness_serves(&readiness, of), ready);
}

#define NO_TOKEN(name) "upstream " name ": no usable token (none)\n"

START_TEST(ready_while_one_route_is)
{
    give_token(1);
    lines_are(true, NULL, "route islands: no upstream is ready (islands)\n" NO_TOKEN("islands"));
    lines_are(true, &routes[0], "");
    lines_are(false, &routes[1],
              "route islands: no upstream is ready (islands)\n" NO_TOKEN("islands"));
    give_token(2);
    lines_are(true, NULL, "");
}
END_TEST

START_TEST(not_ready_when_no_route_is)
{
    give_token(3); /* of no route */
    lines_are(false, NULL,
              "route uk: no upstream is ready (main, spare)\n"
              "route islands: no upstream is ready (islands)\n" NO_TOKEN("islands")
                  NO_TOKEN("spare") NO_TOKEN("main"));
    lines_are(false, &routes[0],
              "route uk: no upstream is ready (main, spare)\n" NO_TOKEN("spare") NO_TOKEN("main"));
}
END_TEST

START_TEST(nothing_is_ready_where_the_process_is_not)
{
    for (size_t i = 0; i < UPSTREAMS; i++)
        give_token(i);
    others = "identity: no keys of x\n";
    lines_are(false, NULL, "identity: no keys of x\n");
    lines_are(false, &routes[0], "identity: no keys of x\n");
    others = "";
    draining = true;
    lines_are(false, &routes[1], "draining: the daemon is about to end\n");
}
END_TEST

START_TEST(without_a_named_route_each_upstream_counts)
{
    config.routes = &routes[2];
    config.route_count = 1;
    config.upstream_count = sources.upstream_count = 1;
    sources.upstreams[0] = sources.upstreams[UPSTREAMS - 1];
    lines_are(false, NULL, NO_TOKEN("main"));
    sources.config = NULL;
    lines_are(false, NULL, NO_TOKEN("main"));
}
END_TEST

/* Why there is none is more than that the store is out; with a token it is no reason. */
START_TEST(a_member_without_a_token)
{
    struct mono_time now = mono_now();
    char since[CLOCK_TEXT];
    struct exposition_upstream *own = &sources.upstreams[0];

    config.routes = &routes[2];
    config.route_count = 1;
    config.upstream_count = sources.upstream_count = 1;
    *own = sources.upstreams[UPSTREAMS - 1];
    own->fleet = &stub_fleet;
    stub_follow(now);
    lines_are(false, NULL, NO_TOKEN("main"));
    stub_be_alone(now);
    wall_format_seconds((struct wall_time){wall_now().ns - MINUTE}, since);
    struct readiness_reason reason;
    ck_assert(!readiness_of_upstream(own, now, &reason));
    const char *end = "the fleet's store is out of reach since ";
    ck_assert_int_eq(strncmp(reason.why, end, strlen(end)), 0);
    ck_assert_int_eq(strncmp(reason.why + strlen(end), since, strlen("2026-01-31T23")), 0);
    ck_assert_ptr_nonnull(
        strstr(reason.why, "Z: redis.example:6379 cannot be reached (Connection refused)"));
    /* More than there is room for. */
    static char error[4 * READINESS_WHY];
    memset(error, 'x', sizeof(error) - 1);
    stub_store.error = error;
    ck_assert(!readiness_of_upstream(own, now, &reason));
    ck_assert_uint_lt(strlen(reason.why), sizeof(reason.why));
    give_token(0);
    lines_are(true, NULL, "");
}
END_TEST

/* When the last of a route's upstreams ceased to be ready. */
START_TEST(a_route_is_not_ready_since_its_last_upstream_is_not)
{
    struct mono_time since;

    readiness_gather(&sources, &ports, mono_now(), &readiness);
    ck_assert_uint_eq(readiness.count, UPSTREAMS);
    for (size_t i = 0; i < UPSTREAMS; i++)
        readiness.reasons[i].since.ns = (int64_t)(i + 1) * SECOND;
    ck_assert(!readiness_of_route(&readiness, &routes[0], &since));
    ck_assert_int_eq(since.ns, 4 * SECOND);
    ck_assert(!readiness_of_route(&readiness, &routes[1], &since));
    ck_assert_int_eq(since.ns, 2 * SECOND);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("readiness");
    TCase *tcase = tcase_create("readiness");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, ready_while_one_route_is);
    tcase_add_test(tcase, not_ready_when_no_route_is);
    tcase_add_test(tcase, nothing_is_ready_where_the_process_is_not);
    tcase_add_test(tcase, without_a_named_route_each_upstream_counts);
    tcase_add_test(tcase, a_member_without_a_token);
    tcase_add_test(tcase, a_route_is_not_ready_since_its_last_upstream_is_not);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
