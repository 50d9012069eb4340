/* token/service.h against a scripted endpoint: what it publishes, keeps, restores and reloads. */
#include "token/service.h"

#include <check.h>
#include <string.h>

#include "base/mem.h"
#include "endpoint.h"
#include "scratch.h"
#include "suite.h"
#include "token/service_internal.h"
#include "upstream/client.h"

#define TOKEN_OF(name)                                                                             \
    JSON_200 "{\"access_token\":\"" name "\",\"token_type\":\"Bearer\",\"expires_in\":600}"
#define REJECTED_401 "HTTP/1.1 401 No\r\nContent-Type: application/json\r\n\r\n{}"

#define ONE_SECRET "client_secret_file = one\n"
#define TWO_SECRETS "client_secret_file = one, two\n"

static struct loop *loop;
static struct peer peer;
static struct config *config;
static struct token_service *service;
static bool one_shot;
static struct fleet_link *fleet_link;
static unsigned char boot[SEALED_TOKEN_BOOT];

/* What the ports heard. */
static unsigned views, kept, removed, responses, changes;
static char value[64]; /* of the last view */
static unsigned char sealed[SEALED_TOKEN_MAX];
static size_t sealed_len;
static enum keeper_result_kind kind;

static void setup(void)
{
    scratch_make();
    ck_assert_int_eq(client_global_start(), ERR_OK);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    scratch_write("one", "first", 5, 0600);
    scratch_write("two", "second", 6, 0600);
    views = kept = removed = responses = changes = 0;
    sealed_len = 0;
    one_shot = false;
    memset(boot, 1, sizeof(boot));
    value[0] = '\0';
}

static void stop_service(void)
{
    if (service == NULL)
        return;
    token_service_stop(service);
    loop_drain(loop);
    token_service_free(service);
    service = NULL;
}

static void teardown(void)
{
    stop_service();
    fleet_link_free(fleet_link);
    fleet_link = NULL;
    loop_drain(loop);
    config_unref(config);
    config = NULL;
    loop_drain(loop);
    loop_free(loop);
    client_global_stop();
    scratch_remove();
}

/* ---- ports ---- */

static void publish(void *arg, struct token_view *view)
{
    ck_assert_ptr_eq(arg, &views);
    views++;
    snprintf(value, sizeof(value), "%s",
             view->token != NULL ? token_authorization(view->token) : "");
}

static void keep(void *arg, const void *bytes, size_t len)
{
    ck_assert_ptr_eq(arg, &views);
    ck_assert_uint_le(len, sizeof(sealed));
    if (bytes == NULL) {
        removed++;
        return;
    }
    kept++;
    memcpy(sealed, bytes, len);
    sealed_len = len;
}

static void responded(void *arg, const struct keeper_result *result,
                      const struct token_fetch_report *report)
{
    ck_assert_ptr_eq(arg, &views);
    ck_assert_uint_ge(report->requests, 1);
    responses++;
    kind = result->kind;
}

static void changed(void *arg)
{
    ck_assert_ptr_eq(arg, &views);
    changes++;
    if (responses > 0)
        loop_stop(loop);
}

/* ---- steps ---- */

static void load(const char *keys)
{
    struct config_faults faults = {.items = NULL};
    char *path = scratch_path("x.ini");
    char *text =
        mem_printf("[identity]\nmode = off\n[upstream u]\naddress = %s\nclient_id = id\n%s",
                   peer.origin, keys);
    scratch_write("x.ini", text, strlen(text), 0600);
    struct config *before = config;
    config = config_load(NULL, path, false, NULL, NULL, &faults);
    ck_assert_msg(config != NULL, "%s", faults.count > 0 ? faults.items[0].text : "?");
    config_faults_fini(&faults);
    config_unref(before);
    mem_free(text);
    mem_free(path);
}

static void make(const char *keys)
{
    const struct token_service_ports ports = {.arg = &views,
                                              .publish = publish,
                                              .keep = keep,
                                              .responded = responded,
                                              .changed = changed};
    struct token_service_settings settings = {.loop = loop, .workers = 1, .one_shot = one_shot};
    memcpy(settings.boot, boot, sizeof(boot));
    load(keys);
    settings.config = config;
    settings.upstream = config->upstreams;
    settings.member = "here.1";
    if (config->fleet_servers.count > 0)
        ck_assert_int_eq(fleet_link_new(loop, config, &fleet_link), ERR_OK);
    settings.link = fleet_link;
    ck_assert_int_eq(token_service_new(&settings, &ports, &service), ERR_OK);
    ck_assert_uint_eq(views, 0);
}

static void begin(const char *keys, const char *const *answers)
{
    peer_start(&peer, answer_in_turn, (void *)(uintptr_t)answers);
    make(keys);
}

/* Until a token request has ended. */
static void run(void)
{
    responses = 0;
    loop_run(loop);
    ck_assert_uint_eq(responses, 1);
}

static void reload(const char *keys)
{
    struct token_service_change *change = NULL;
    load(keys);
    ck_assert_int_eq(token_service_prepare(service, config, config->upstreams, NULL, &change),
                     ERR_OK);
    token_service_commit(service, change);
}

static enum keeper_state state(void)
{
    struct keeper_status status;
    keeper_status(token_service_keeper(service), mono_now(), &status);
    return status.state;
}

/* ---- a token's way ---- */

START_TEST(publishes_and_keeps_a_token_once)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    begin(ONE_SECRET, answers);
    token_service_start(service);
    unsigned before = views;
    ck_assert_str_eq(value, "");
    ck_assert_uint_eq(kept + removed, 0);
    run();
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    ck_assert_uint_eq(views, before + 1);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_uint_eq(kept, 1);
    ck_assert_uint_eq(changes, 1);
    ck_assert_int_eq(state(), KEEPER_VALID);
    ck_assert_uint_eq(store_count(token_service_store(service)), 1);
    ck_assert_ptr_null(memmem(sealed, sealed_len, "abc", 3));
    keeper_forget(token_service_keeper(service), mono_now());
    ck_assert_str_eq(value, "");
    ck_assert_uint_eq(removed, 1);
    ck_assert_uint_eq(kept, 1);
}
END_TEST

START_TEST(a_failure_keeps_nothing)
{
    static const char *const answers[] = {"HTTP/1.1 500 No\r\nRetry-After: 60\r\n\r\n", NULL};
    begin(ONE_SECRET, answers);
    token_service_start(service);
    run();
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_FAILED);
    ck_assert_uint_eq(kept + removed, 0);
    ck_assert_int_eq(state(), KEEPER_BACKOFF);
}
END_TEST

/* The budget counts a second secret; a probe has none to count it. */
START_TEST(one_shot_tries_both_secrets)
{
    static const char *const answers[] = {REJECTED_401, TOKEN_OF("abc"), NULL};
    one_shot = true;
    begin(TWO_SECRETS "auth_budget = 0\nauth_prefetch = off\n", answers);
    token_service_start(service);
    run();
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

/* The keeper would ask again for a token that is as good as gone. */
START_TEST(one_shot_asks_once)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    one_shot = true;
    begin(ONE_SECRET, answers);
    token_service_start(service);
    run();
    keeper_tick(token_service_keeper(service), mono_add(mono_now(), 9 * MINUTE));
    ck_assert_int_eq(state(), KEEPER_RENEWING);
    ck_assert_int_eq(token_fetch_report(service->request.fetch)->status,
                     200); /* still of the first */
    peer_stop(&peer);
}
END_TEST

START_TEST(a_budget_of_none_tries_one_secret)
{
    static const char *const answers[] = {REJECTED_401, NULL};
    begin(TWO_SECRETS "auth_budget = 0\n", answers);
    token_service_start(service);
    run();
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_REJECTED);
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

START_TEST(asks_for_nothing_once_stopped)
{
    static const char *const answers[] = {NULL};
    begin(ONE_SECRET "auth_prefetch = off\n", answers);
    token_service_start(service);
    token_service_stop(service);
    keeper_wanted(token_service_keeper(service), 1, "g", mono_now());
    loop_drain(loop);
    peer_stop(&peer);
    ck_assert_int_eq(peer.accepted, 0);
    ck_assert_uint_eq(responses, 0);
    token_service_free(service);
    service = NULL;
}
END_TEST

START_TEST(unusable_files_make_no_service)
{
    static const char *const answers[] = {NULL};
    peer_start(&peer, answer_in_turn, (void *)(uintptr_t)answers);
    load(ONE_SECRET "ca_file = one\n");
    const struct token_service_ports ports = {.arg = &views, .publish = publish};
    const struct token_service_settings settings = {
        .loop = loop, .config = config, .upstream = config->upstreams, .workers = 1};
    ck_assert_int_eq(token_service_new(&settings, &ports, &service), ERR_INVALID);
    ck_assert_ptr_null(service);
    peer_stop(&peer);
}
END_TEST

/* ---- a rejected secret ---- */

/* Nobody asks for a reload: the file is read again by itself, and what it holds tried at once. */
START_TEST(a_replaced_secret_is_tried)
{
    static const char *const answers[] = {REJECTED_401, REJECTED_401, TOKEN_OF("abc"), NULL};
    begin(ONE_SECRET, answers);
    token_service_start(service);
    run();
    ck_assert_int_eq(kind, KEEPER_REJECTED);
    scratch_write("one", "wrong\n", 6, 0600);
    run();
    ck_assert_int_eq(kind, KEEPER_REJECTED);
    scratch_write("one", "right\n", 6, 0600);
    run();
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
    ck_assert_str_eq(value, "Bearer abc");
    /* "id:right" in base64 */
    ck_assert_ptr_nonnull(strstr(heard[2], "Authorization: Basic aWQ6cmlnaHQ=\r\n"));
    ck_assert_ptr_null(service->reread);
    ck_assert_uint_eq(token_service_era(service).number, 0);
    /* The configuration that is read later has the same secret: nothing changes. */
    reload(ONE_SECRET);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_uint_eq(removed, 0);
}
END_TEST

START_TEST(a_probe_does_not_wait_for_a_secret)
{
    static const char *const answers[] = {REJECTED_401, NULL};
    one_shot = true;
    begin(ONE_SECRET, answers);
    token_service_start(service);
    run();
    peer_stop(&peer);
    ck_assert_ptr_null(service->reread);
}
END_TEST

/* The wait goes on, and so does the reading. */
START_TEST(a_reload_of_nothing_goes_on_reading)
{
    static const char *const answers[] = {REJECTED_401, TOKEN_OF("abc"), NULL};
    begin(ONE_SECRET, answers);
    token_service_start(service);
    run();
    reload(ONE_SECRET);
    ck_assert_ptr_nonnull(service->reread);
    scratch_write("one", "right", 5, 0600);
    run();
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
}
END_TEST

START_TEST(a_reload_ends_the_reading)
{
    static const char *const answers[] = {REJECTED_401, TOKEN_OF("abc"), NULL};
    begin(ONE_SECRET, answers);
    token_service_start(service);
    run();
    ck_assert_ptr_nonnull(service->reread);
    reload("client_secret_file = two\n");
    ck_assert_ptr_null(service->reread);
    run();
    peer_stop(&peer);
    ck_assert_int_eq(kind, KEEPER_GRANTED);
}
END_TEST

/* ---- across a restart ---- */

/* Another life of the daemon, with the same endpoint. */
static void restart(const char *keys)
{
    stop_service();
    views = kept = removed = changes = 0;
    make(keys);
}

static void obtain(const char *keys, const char *const *answers)
{
    begin(keys, answers);
    token_service_start(service);
    run();
    ck_assert_int_eq(kind, KEEPER_GRANTED);
}

START_TEST(takes_a_token_back)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    struct reason reason;
    obtain(ONE_SECRET, answers);
    restart(ONE_SECRET);
    ck_assert(token_service_restore(service, sealed, sealed_len, &reason));
    token_service_start(service);
    peer_stop(&peer);
    ck_assert_int_eq(peer.accepted, 1);
    ck_assert_uint_eq(views, 1);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_int_eq(state(), KEEPER_VALID);
    /* What the manager has is that token already. */
    ck_assert_uint_eq(kept + removed, 0);
}
END_TEST

/* The endpoint rejected the first secret: the next request begins with the one that worked. */
START_TEST(a_restored_token_tells_the_secret)
{
    static const char *const answers[] = {REJECTED_401, TOKEN_OF("abc"), TOKEN_OF("def"), NULL};
    struct reason reason;
    obtain(TWO_SECRETS, answers);
    restart(TWO_SECRETS);
    ck_assert(token_service_restore(service, sealed, sealed_len, &reason));
    token_service_start(service);
    ck_assert(keeper_refresh(token_service_keeper(service), mono_now()));
    run();
    peer_stop(&peer);
    ck_assert_int_eq(peer.accepted, 3);
    ck_assert_str_eq(value, "Bearer def");
    /* "id:second" in base64 */
    ck_assert_ptr_nonnull(strstr(heard[2], "Authorization: Basic aWQ6c2Vjb25k\r\n"));
}
END_TEST

START_TEST(takes_back_nothing_foreign)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    struct reason reason;
    obtain(ONE_SECRET, answers);
    restart("client_secret_file = two\n");
    ck_assert(!token_service_restore(service, sealed, sealed_len, &reason));
    ck_assert_str_eq(reason.text, "it is damaged, or belongs to other credentials");
    ck_assert(!token_service_restore(service, "junk", 4, &reason));
    ck_assert_str_eq(reason.text, "it is not a sealed token");
    boot[0]++;
    restart(ONE_SECRET);
    ck_assert(!token_service_restore(service, sealed, sealed_len, &reason));
    ck_assert_str_eq(reason.text, "it is from before the machine was started");
    ck_assert_int_eq(state(), KEEPER_NONE);
    peer_stop(&peer);
}
END_TEST

/* ---- a reload ---- */

START_TEST(a_reload_of_nothing_keeps_all)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    obtain(ONE_SECRET, answers);
    reload(ONE_SECRET);
    peer_stop(&peer);
    ck_assert_int_eq(peer.accepted, 1);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_uint_eq(kept, 1);
    ck_assert_uint_eq(removed, 0);
    ck_assert_uint_eq(token_service_era(service).number, 0);
    ck_assert_int_eq(state(), KEEPER_VALID);
}
END_TEST

START_TEST(a_token_of_a_secret_that_stays_is_kept)
{
    static const char *const answers[] = {TOKEN_OF("abc"), TOKEN_OF("def"), NULL};
    obtain(ONE_SECRET, answers);
    reload("client_secret_file = two, one\n");
    ck_assert_uint_eq(token_service_era(service).number, 0);
    ck_assert_str_eq(value, "Bearer abc");
    /* The secret that is known to work comes first, though it is now the second. */
    ck_assert(keeper_refresh(token_service_keeper(service), mono_now()));
    run();
    peer_stop(&peer);
    ck_assert_str_eq(value, "Bearer def");
    /* "id:first" in base64 */
    ck_assert_ptr_nonnull(strstr(heard[1], "Authorization: Basic aWQ6Zmlyc3Q=\r\n"));
}
END_TEST

START_TEST(other_credentials_begin_an_era)
{
    static const char *const answers[] = {TOKEN_OF("abc"), TOKEN_OF("def"), NULL};
    obtain(ONE_SECRET, answers);
    reload("client_secret_file = two\n");
    ck_assert_uint_eq(token_service_era(service).number, 1);
    ck_assert_uint_eq(token_service_era(service).first_generation, 2);
    ck_assert_str_eq(value, "");
    ck_assert_uint_eq(removed, 1);
    run();
    peer_stop(&peer);
    ck_assert_str_eq(value, "Bearer def");
    ck_assert_uint_eq(kept, 2);
}
END_TEST

START_TEST(a_discarded_change_changes_nothing)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    struct token_service_change *change = NULL;
    obtain(ONE_SECRET, answers);
    load("client_secret_file = two\n");
    ck_assert_int_eq(token_service_prepare(service, config, config->upstreams, NULL, &change),
                     ERR_OK);
    token_service_discard(change);
    load(ONE_SECRET "ca_file = one\n");
    ck_assert_int_eq(token_service_prepare(service, config, config->upstreams, NULL, &change),
                     ERR_INVALID);
    peer_stop(&peer);
    ck_assert_uint_eq(token_service_era(service).number, 0);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_int_eq(state(), KEEPER_VALID);
}
END_TEST

/* ---- a fleet whose store is not there ---- */

/* The store is waited for, then for a random moment of 5 s: nothing is asked here, but by others.
 */
#define NO_STORE ONE_SECRET "[fleet]\nservers = unix:/nowhere/store.sock\n"

static struct fleet_status member(void)
{
    struct fleet_status status;
    ck_assert(token_service_fleet_status(service, mono_now(), &status));
    return status;
}

/* What was wanted of the fleet is asked for without it. */
START_TEST(leaves_a_fleet_with_a_wish)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    struct fleet_status status;
    begin(NO_STORE, answers);
    ck_assert(!token_service_fleet_status(service, mono_now(), &status));
    token_service_start(service);
    ck_assert_int_eq(member().state, FLEET_JOINING);
    ck_assert_str_eq(member().member, "here.1");
    ck_assert_int_eq(state(), KEEPER_FETCHING);
    token_service_leave(service);
    token_service_leave(service);
    ck_assert(!token_service_fleet_status(service, mono_now(), &status));
    fleet_link_free(fleet_link); /* nobody is at it */
    fleet_link = NULL;
    run();
    peer_stop(&peer);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

/* And what it has asked for already is not asked for twice. */
START_TEST(leaves_a_fleet_with_a_request)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    begin(NO_STORE, answers);
    token_service_start(service);
    while (!token_fetch_is_under_way(service->request.fetch))
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    ck_assert_int_eq(member().state, FLEET_ALONE);
    token_service_leave(service);
    run();
    peer_stop(&peer);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

/* Alone it has its token all the same, and keeps it. */
START_TEST(a_fleet_without_a_store)
{
    static const char *const answers[] = {TOKEN_OF("abc"), NULL};
    begin(NO_STORE, answers);
    token_service_start(service);
    while (state() != KEEPER_VALID)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    peer_stop(&peer);
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_uint_eq(kept, 1);
    ck_assert_int_eq(member().state, FLEET_ALONE);
    /* A reload that leaves the fleet keeps it too. */
    struct token_service_change *change = NULL;
    load(ONE_SECRET);
    ck_assert_int_eq(token_service_prepare(service, config, config->upstreams, NULL, &change),
                     ERR_OK);
    token_service_discard(change);
    ck_assert_int_eq(member().state, FLEET_ALONE);
    reload(ONE_SECRET);
    struct fleet_status status;
    ck_assert(!token_service_fleet_status(service, mono_now(), &status));
    ck_assert_str_eq(value, "Bearer abc");
    ck_assert_int_eq(state(), KEEPER_VALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token_service");
    TCase *tcase = tcase_create("token_service");

    tcase_set_timeout(tcase, PEER_PATIENCE + 10);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, publishes_and_keeps_a_token_once);
    tcase_add_test(tcase, a_failure_keeps_nothing);
    tcase_add_test(tcase, a_replaced_secret_is_tried);
    tcase_add_test(tcase, a_probe_does_not_wait_for_a_secret);
    tcase_add_test(tcase, a_reload_ends_the_reading);
    tcase_add_test(tcase, a_reload_of_nothing_goes_on_reading);
    tcase_add_test(tcase, one_shot_tries_both_secrets);
    tcase_add_test(tcase, one_shot_asks_once);
    tcase_add_test(tcase, a_budget_of_none_tries_one_secret);
    tcase_add_test(tcase, asks_for_nothing_once_stopped);
    tcase_add_test(tcase, unusable_files_make_no_service);
    tcase_add_test(tcase, takes_a_token_back);
    tcase_add_test(tcase, leaves_a_fleet_with_a_wish);
    tcase_add_test(tcase, leaves_a_fleet_with_a_request);
    tcase_add_test(tcase, a_fleet_without_a_store);
    tcase_add_test(tcase, a_restored_token_tells_the_secret);
    tcase_add_test(tcase, takes_back_nothing_foreign);
    tcase_add_test(tcase, a_reload_of_nothing_keeps_all);
    tcase_add_test(tcase, a_token_of_a_secret_that_stays_is_kept);
    tcase_add_test(tcase, other_credentials_begin_an_era);
    tcase_add_test(tcase, a_discarded_change_changes_nothing);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
