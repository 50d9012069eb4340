/*
 * How a limit on descriptors is shared out: never more than there is, nobody without, and as
 * configured where that fits.
 */
#include "service/descriptors.h"

#include <check.h>
#include <sys/resource.h>

#include "base/check.h"
#include "config_fixture.h"
#include "suite.h"

static struct config *config;

static void start(void)
{
    setup();
    config = load_text(WHOLE);
    ck_assert_ptr_nonnull(config);
}

static void stop(void)
{
    config_unref(config);
    teardown();
}

#define LISTENERS 3

static struct descriptor_shares share(size_t workers, int64_t limit)
{
    const struct descriptor_users users = {.workers = workers, .listeners = LISTENERS};

    return descriptors_share(config, &users, limit);
}

/* What the shares need, by the contract's numbers: 24, 10 a worker, 16, and a listener's. */
static int64_t sum(const struct descriptor_shares *shares, int64_t workers)
{
    return 24 + 10 * workers + 16 + LISTENERS + shares->operators + 2 * shares->upstream +
           shares->callers;
}

START_TEST(as_configured_where_it_fits)
{
    const int64_t wanted = share(2, INT64_MAX).wanted;
    struct descriptor_shares shares = share(2, wanted);

    ck_assert_int_eq(shares.callers, 10000);
    ck_assert_int_eq(shares.upstream, 256);
    ck_assert_int_eq(shares.operators, 128);
    ck_assert(!shares.lowered);
    ck_assert_int_eq(sum(&shares, 2), wanted);
    shares = share(2, INT64_MAX);
    ck_assert_int_eq(shares.callers, 10000);
    /* One less is still enough for them, with fewer operators. */
    shares = share(2, wanted - 1);
    ck_assert(!shares.lowered);
    ck_assert_int_eq(shares.operators, 16);
}
END_TEST

/* LimitNOFILE= of postcoded.service, and the defaults. */
START_TEST(the_units_limit_fits)
{
    for (size_t workers = 1; workers <= 256; workers++)
        ck_assert(!share(workers, 16384).lowered);
}
END_TEST

START_TEST(never_more_than_there_is)
{
    static const size_t workers[] = {1, 2, 3, 16, 100, 256};

    for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
        const int64_t needed = share(workers[i], 0).needed;
        for (int64_t limit = needed; limit < 11000 + needed; limit += 7) {
            struct descriptor_shares shares = share(workers[i], limit);
            ck_assert_int_le(sum(&shares, (int64_t)workers[i]), limit);
            ck_assert_int_ge(shares.callers, 16);
            ck_assert_int_ge(shares.upstream, 16);
            ck_assert_int_ge(shares.upstream, (int64_t)workers[i]);
            ck_assert_int_ge(shares.operators, 16);
        }
    }
}
END_TEST

START_TEST(most_go_to_callers)
{
    struct descriptor_shares shares = share(2, 1024);

    ck_assert(shares.lowered);
    ck_assert_int_gt(shares.callers, 600);
    ck_assert_int_ge(shares.upstream, 100);
}
END_TEST

START_TEST(too_few)
{
    const int64_t needed = share(2, 0).needed;

    ck_assert_int_gt(needed, 64);
    ck_assert_int_lt(needed, 200);
    const struct descriptor_shares shares = share(2, needed - 1);
    ck_assert_int_eq(shares.callers, 0);
    ck_assert_int_gt(shares.wanted, 10000);
    ck_assert_int_eq(share(2, needed).callers, 16);
}
END_TEST

/* What is configured is a bound too, and what callers leave is the upstream's. */
START_TEST(small_configurations)
{
    config_unref(config);
    config = load_text("[server]\nmax_connections = 5\n" WHOLE "max_connections = 3\n");
    ck_assert_ptr_nonnull(config);
    struct descriptor_shares shares = share(2, 1024);
    ck_assert_int_eq(shares.callers, 5);
    ck_assert_int_eq(shares.upstream, 4); /* two for each of two workers */
    ck_assert(!shares.lowered);
    shares = share(2, shares.needed);
    ck_assert_int_eq(shares.callers, 5);
    ck_assert_int_eq(shares.upstream, 4);

    config_unref(config);
    config = load_text("[server]\nmax_connections = 5\n" WHOLE "max_connections = 1000\n");
    ck_assert_ptr_nonnull(config);
    shares = share(2, 1024);
    ck_assert_int_eq(shares.callers, 5);
    ck_assert_int_gt(shares.upstream, 400);
    ck_assert(shares.lowered);
}
END_TEST

/* Whatever a reload changes, the upstream gets nothing that callers hold still. */
START_TEST(callers_keep_what_they_hold)
{
    static const char *const configs[] = {
        "[server]\nmax_connections = 20\n" WHOLE,
        "[server]\nmax_connections = 20\n" WHOLE "max_connections = 1000\n",
        WHOLE "max_connections = 8\n",
        WHOLE,
    };

    config_unref(config);
    config = load_text(configs[_i]);
    ck_assert_ptr_nonnull(config);
    for (int64_t limit = 256; limit < 2000; limit += 7) {
        struct descriptor_users users = {.workers = 2, .listeners = LISTENERS};
        const struct descriptor_shares without = descriptors_share(config, &users, limit);
        const int64_t most = without.callers + 2 * (without.upstream - 16);
        for (users.callers = 0; users.callers <= most; users.callers += 13) {
            struct descriptor_shares shares = descriptors_share(config, &users, limit);
            ck_assert_int_eq(shares.callers, without.callers);
            ck_assert_int_ge(shares.upstream, without.upstream < 16 ? without.upstream : 16);
            if (users.callers <= shares.callers)
                ck_assert_int_eq(shares.upstream, without.upstream);
            else
                shares.callers = users.callers;
            ck_assert_int_le(sum(&shares, 2), limit);
        }
    }
}
END_TEST

START_TEST(sockets_tls_and_fleet_count)
{
    struct descriptor_users users = {.workers = 4, .listeners = 1};
    const int64_t needed = descriptors_share(config, &users, 0).needed;

    users.listeners = 100;
    ck_assert_int_eq(descriptors_share(config, &users, 0).needed, needed + 99);
    users.tls = true;
    ck_assert_int_eq(descriptors_share(config, &users, 0).needed, needed + 99 + 2 * 4);
    config->fleet_servers.count = 1;
    ck_assert_int_eq(descriptors_share(config, &users, 0).needed, needed + 99 + 2 * 4 + 8);
    config->fleet_servers.count = 0;
}
END_TEST

START_TEST(limit_of_the_process)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 100;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(descriptors_limit(), 100);
    descriptors_raise();
    ck_assert_int_eq(descriptors_limit(),
                     limit.rlim_max > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_max);
}
END_TEST

/* ---- several upstreams ---- */

#define SECTION(name, max)                                                                         \
    "[upstream " name "]\naddress = https://h.example\nclient_id = c\n"                            \
    "client_secret_file = secret\nmax_connections = " max "\n"

static void use_three(void)
{
    config_unref(config);
    config = load_text(IDENTITY SECTION("a", "300") SECTION("b", "30")
                           SECTION("c", "1") "[route all]\nupstream = a, b, c\n");
    ck_assert_ptr_nonnull(config);
}

/* Never more than there is, in proportion, and nobody is left out. */
START_TEST(upstreams_have_their_parts)
{
    static const size_t workers[] = {1, 2, 3, 16};

    use_three();
    for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
        const int64_t needed = share(workers[i], 0).needed;
        for (int64_t limit = needed; limit < 11500 + needed; limit += 7) {
            const struct descriptor_shares shares = share(workers[i], limit);
            int64_t of[3], all = 0;
            for (size_t k = 0; k < 3; k++)
                all += of[k] = descriptors_of_upstream(&shares, config, workers[i], k);
            ck_assert_int_le(all * (int64_t)workers[i], shares.upstream);
            ck_assert_int_ge(of[2], 1);
            ck_assert_int_ge(of[1], of[2]);
            ck_assert_int_ge(of[0], of[1]);
        }
    }
}
END_TEST

START_TEST(upstreams_have_what_is_configured)
{
    use_three();
    const struct descriptor_shares shares = share(2, INT64_MAX);
    ck_assert_int_eq(shares.upstream, 300 + 30 + 2);
    ck_assert_int_eq(descriptors_of_upstream(&shares, config, 2, 0), 150);
    ck_assert_int_eq(descriptors_of_upstream(&shares, config, 2, 1), 15);
    ck_assert_int_eq(descriptors_of_upstream(&shares, config, 2, 2), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptors");
    TCase *tests = tcase_create("descriptors");

    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, as_configured_where_it_fits);
    tcase_add_test(tests, the_units_limit_fits);
    tcase_add_test(tests, never_more_than_there_is);
    tcase_add_test(tests, most_go_to_callers);
    tcase_add_test(tests, too_few);
    tcase_add_test(tests, small_configurations);
    tcase_add_loop_test(tests, callers_keep_what_they_hold, 0, 4);
    tcase_add_test(tests, sockets_tls_and_fleet_count);
    tcase_add_test(tests, limit_of_the_process);
    tcase_add_test(tests, upstreams_have_their_parts);
    tcase_add_test(tests, upstreams_have_what_is_configured);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
