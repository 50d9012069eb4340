/* exchange/request.h: what outlives the connection it came over. */
#include "exchange/request.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "scratch.h"
#include "suite.h"

static const char *const methods[] = {"GET", "HEAD", "PATCH", "X"};

static struct config *configuration(void)
{
    static const char text[] = "[identity]\nmode = off\n[upstream u]\n"
                               "address = http://127.0.0.1:1\nclient_id = i\nclient_secret = s\n";
    struct config_faults faults = {.items = NULL};

    scratch_make();
    scratch_write("x.ini", text, strlen(text), 0600);
    char *path = scratch_path("x.ini");
    struct config *config = config_load(NULL, path, false, NULL, NULL, &faults);
    ck_assert_msg(config != NULL, "%s", faults.count > 0 ? faults.items[0].text : "?");
    config_faults_fini(&faults);
    mem_free(path);
    scratch_remove();
    return config;
}

static struct loop *turning;

static void stop_turning(struct request *request)
{
    request_abandon(request);
    loop_stop(turning);
}

static void not_expected(struct request *request)
{
    ck_abort_msg("%s ran out of time", request->target);
}

static void end(struct request *request)
{
    request_enter(request, REQUEST_ENDED);
    request_free(request);
}

/* libmicrohttpd may free the head before the access line is written. */
START_TEST(the_method_is_the_requests_own)
{
    struct config *config = configuration();
    struct loop *loop = loop_new();
    struct request *request = request_new(config, "/x");
    char method[8];

    request->timed_out = not_expected;
    snprintf(method, sizeof(method), "%s", methods[_i]);
    request_begin(request, loop, method);
    memset(method, '?', sizeof(method));
    ck_assert_str_eq(request->method, methods[_i]);
    request_abandon(request);
    end(request);
    loop_drain(loop);
    loop_free(loop);
    config_unref(config);
}
END_TEST

/* What a request answers at its deadline is chosen where the request is made. */
START_TEST(the_deadline_calls_the_hook)
{
    struct config *config = configuration();
    struct request *request;

    config->server_request_timeout = MILLISECOND;
    turning = loop_new();
    request = request_new(config, "/x");
    request->timed_out = stop_turning;
    request_begin(request, turning, "GET");
    loop_run(turning);
    ck_assert(request_is_settled(request));
    end(request);
    loop_drain(turning);
    loop_free(turning);
    config_unref(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tcase = tcase_create("request");

    tcase_add_loop_test(tcase, the_method_is_the_requests_own, 0, (int)ARRAY_LEN(methods));
    tcase_add_test(tcase, the_deadline_calls_the_hook);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
