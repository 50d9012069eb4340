/* upstream/multi.h: what libcurl leaves undone. */
#include "upstream/multi.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "suite.h"

static struct loop *loop;
static CURLcode ended_with;

static void on_ended(struct multi_transfer *transfer, CURLcode code)
{
    (void)transfer;
    ended_with = code;
    loop_stop(loop);
}

static void give_up(void *arg)
{
    (void)arg;
    ck_abort_msg("the last address was not tried");
}

static int listening(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/*
 * TCP to a group is refused by connect() itself, so no descriptor is ever watched. Left to its own
 * timers libcurl goes on to another address when half of the time that is left has passed.
 */
START_TEST(addresses_that_fail_at_once)
{
    int port;
    int listener = listening(&port);
    char *addresses = mem_printf("upstream.example:%d:224.0.0.1,224.0.0.2,224.0.0.3,224.0.0.4,"
                                 "224.0.0.5,224.0.0.6,224.0.0.7,224.0.0.8,127.0.0.1",
                                 port);
    char *url = mem_printf("http://upstream.example:%d", port);
    struct curl_slist *resolve = curl_slist_append(NULL, addresses);
    CURL *easy = curl_easy_init();

    loop = loop_new();
    struct multi *multi = multi_new(loop);
    struct multi_transfer transfer = {.ended = on_ended};
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 60000L);
    ck_assert_int_eq(multi_add(multi, easy, &transfer), ERR_OK);
    struct timer *patience = timer_start(loop, 15 * SECOND, give_up, NULL);
    loop_run(loop);
    timer_stop(&patience);
    ck_assert_msg(ended_with == CURLE_OK, "%s", curl_easy_strerror(ended_with));

    multi_remove(multi, easy);
    multi_free(multi);
    curl_easy_cleanup(easy);
    curl_slist_free_all(resolve);
    loop_drain(loop);
    loop_free(loop);
    close(listener);
    mem_free(url);
    mem_free(addresses);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("multi");
    TCase *tcase = tcase_create("multi");

    curl_global_init(CURL_GLOBAL_DEFAULT);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, addresses_that_fail_at_once);
    suite_add_tcase(suite, tcase);
    int failed = run_suite(suite);
    curl_global_cleanup();
    return failed;
}
