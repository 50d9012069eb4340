/*
 * The HTTP client and a proxy: what the proxy hears, what it must not hear, and what is made of its
 * own responses.
 */
#include "base/secret.h"
#include "client_fixture.h"

/* "us er:pass:%41" in Base64: neither is decoded, or not more than once. */
#define PAIR "dXMgZXI6cGFzczolNDE="
#define AUTHORIZATION "\r\nProxy-Authorization: Basic " PAIR "\r\n"

static char proxy_url[128];
static struct secret *password;

/* The peer is the proxy, and wants a user. */
static void use_proxy(void (*script)(struct peer *self), char *response)
{
    peer_start(&peer, script, response);
    snprintf(proxy_url, sizeof(proxy_url), "http://us%%20er@127.0.0.1:%d", peer.port);
    password = secret_new("pass:%41", 8);
    settings.proxy = proxy_url;
    settings.proxy_password = password;
}

static void teardown_proxy(void)
{
    teardown();
    secret_unref(password);
    password = NULL;
}

static void hear_and_say(struct peer *self)
{
    int fd = peer_accept(self);

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    peer_say(fd, self->arg);
    shutdown(fd, SHUT_WR);
    peer_hear_end(fd);
}

START_TEST(test_proxy_in_plain_http)
{
    char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    peer_start(&peer, hear_and_say, response);
    settings.proxy = peer.origin;
    setenv("no_proxy", "*", 1);
    make_client("http://origin.invalid:81");
    ck_response(fetch(0, "/a/../b?c"), "ok");
    finish();
    ck_assert_ptr_nonnull(strstr(heard, "GET http://origin.invalid:81/a/../b?c HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(heard, "\r\nHost: origin.invalid:81\r\n"));
}
END_TEST

START_TEST(test_proxy_that_rejects_a_tunnel)
{
    const struct client_header header = {"Authorization", "Bearer abc"};
    const struct client_request request = {
        .target = "/", .headers = &header, .header_count = 1, .max_response = 100};
    char response[] = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";

    peer_start(&peer, hear_and_say, response);
    settings.proxy = peer.origin;
    make_client("https://origin.invalid");
    struct call_result *result = send_request(0, &request);
    await(1);
    ck_assert_int_eq(result->error, CLIENT_UNREACHABLE);
    ck_assert_int_eq(result->status, 0);
    finish();
    ck_assert_ptr_nonnull(strstr(heard, "CONNECT origin.invalid:443 HTTP/1.1\r\n"));
    ck_assert_ptr_null(strstr(heard, "Bearer"));
}
END_TEST

static char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

START_TEST(test_user_of_a_get)
{
    use_proxy(hear_and_say, ok);
    make_client("http://origin.invalid:81");
    ck_response(fetch(0, "/"), "ok");
    finish();
    ck_assert_ptr_nonnull(strstr(heard, "GET http://origin.invalid:81/ HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(heard, AUTHORIZATION));
}
END_TEST

START_TEST(test_user_of_a_post)
{
    const struct client_request request = {
        .once = true, .post = true, .target = "/t", .max_response = 100};

    use_proxy(hear_and_say, ok);
    make_client("http://origin.invalid:81");
    struct call_result *result = send_request(0, &request);
    await(1);
    ck_response(result, "ok");
    finish();
    ck_assert_ptr_nonnull(strstr(heard, "POST http://origin.invalid:81/t HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(heard, AUTHORIZATION));
    ck_assert_ptr_null(strstr(strstr(heard, PAIR) + 1, PAIR));
}
END_TEST

START_TEST(test_user_without_password)
{
    use_proxy(hear_and_say, ok);
    settings.proxy_password = NULL;
    make_client("http://origin.invalid");
    ck_response(fetch(0, "/"), "ok");
    finish();
    ck_assert_ptr_nonnull(strstr(heard, "\r\nProxy-Authorization: Basic dXMgZXI6\r\n"));
}
END_TEST

static char no[] = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";

START_TEST(test_user_of_a_tunnel)
{
    use_proxy(hear_and_say, no);
    make_client("https://origin.invalid");
    ck_assert_int_eq(fetch(0, "/")->error, CLIENT_UNREACHABLE);
    finish();
    ck_assert_ptr_nonnull(strstr(heard, "CONNECT origin.invalid:443 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(heard, AUTHORIZATION));
}
END_TEST

/* ---- 407 ---- */

static char demand[] = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                       "Content-Length: 2\r\n\r\nno";

static const struct {
    const char *origin;
    bool post;
    int status;
} demands[] = {
    {"http://origin.invalid", false, 407},
    {"http://origin.invalid", true, 407},
    {"https://origin.invalid", false, 0},
    {"https://origin.invalid", true, 0},
};

START_TEST(test_proxy_that_rejects_the_user)
{
    const struct client_request request = {
        .once = demands[_i].post, .post = demands[_i].post, .target = "/", .max_response = 100};

    use_proxy(hear_and_say, demand);
    settings.retries = 2;
    make_client(demands[_i].origin);
    struct call_result *result = send_request(0, &request);
    await(1);
    ck_assert_str_eq(client_error_phrase(result->error), client_error_phrase(CLIENT_PROXY_AUTH));
    ck_assert_int_eq(result->status, demands[_i].status);
    ck_assert_uint_eq(result->retries, 0);
    finish();
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

/* Not the proxy's: a status of the upstream like any other. */
START_TEST(test_407_without_proxy)
{
    use_proxy(hear_and_say, demand);
    settings.proxy = NULL;
    make_client(peer.origin);
    struct call_result *result = fetch(0, "/");
    ck_assert_int_eq(result->error, CLIENT_OK);
    ck_assert_int_eq(result->status, 407);
    finish();
}
END_TEST

/* The upstream itself, and no proxy: the user is for the proxy alone. */
START_TEST(test_no_user_without_proxy)
{
    use_proxy(hear_and_say, ok);
    settings.proxy = NULL;
    make_client(peer.origin);
    ck_response(fetch(0, "/"), "ok");
    finish();
    ck_assert_ptr_null(strstr(heard, "Proxy-"));
}
END_TEST

static struct digest digest_of_settings(void)
{
    EVP_MD_CTX *digest = digest_begin();

    client_settings_digest(digest, &settings);
    return digest_end(digest);
}

START_TEST(test_another_password_is_another_client)
{
    struct secret *other = secret_new("other", 5);

    settings.origin = "http://h";
    settings.proxy = "http://u@p";
    password = secret_new("one", 3);
    settings.proxy_password = password;
    struct digest before = digest_of_settings();
    struct digest same = digest_of_settings();
    ck_assert_mem_eq(before.bytes, same.bytes, sizeof(before.bytes));
    settings.proxy_password = other;
    struct digest after = digest_of_settings();
    ck_assert_mem_ne(before.bytes, after.bytes, sizeof(before.bytes));
    settings.proxy_password = NULL;
    struct digest none = digest_of_settings();
    ck_assert_mem_ne(before.bytes, none.bytes, sizeof(before.bytes));
    secret_unref(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_proxy");
    TCase *tcase = tcase_create("proxy");

    tcase_add_checked_fixture(tcase, setup, teardown_proxy);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_proxy_in_plain_http);
    tcase_add_test(tcase, test_proxy_that_rejects_a_tunnel);
    tcase_add_test(tcase, test_user_of_a_get);
    tcase_add_test(tcase, test_user_of_a_post);
    tcase_add_test(tcase, test_user_without_password);
    tcase_add_test(tcase, test_user_of_a_tunnel);
    tcase_add_loop_test(tcase, test_proxy_that_rejects_the_user, 0, ARRAY_LEN(demands));
    tcase_add_test(tcase, test_407_without_proxy);
    tcase_add_test(tcase, test_no_user_without_proxy);
    tcase_add_test(tcase, test_another_password_is_another_client);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
