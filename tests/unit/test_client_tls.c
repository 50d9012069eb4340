/*
 * The HTTP client over TLS. The server is `openssl s_server`, the certificates are made here: each
 * is its own authority, so that what is wrong with it is the only thing wrong.
 */
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/secret.h"
#include "certificates.h"
#include "client_fixture.h"
#include "scratch.h"
#include "upstream/tls_check.h"

/* s_server's page describes the session, and is longer than most responses. */
#define PAGE_MAX ((size_t)64 * 1024)

static pid_t server;
static char origin[64];

static struct secret *read_secret(const char *path)
{
    char bytes[8192];
    FILE *in = fopen(path, "r");

    ck_assert_ptr_nonnull(in);
    size_t len = fread(bytes, 1, sizeof(bytes), in);
    fclose(in);
    return secret_new(bytes, len);
}

static void setup_tls(void)
{
    scratch_make();
    server = 0;
    setup();
}

static void teardown_tls(void)
{
    teardown();
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    scratch_remove();
}

/* s_server says "ACCEPT 127.0.0.1:PORT" once it listens. */
static void read_port(int fd)
{
    FILE *out = fdopen(fd, "r");
    char line[256];
    int port = 0;

    ck_assert_ptr_nonnull(out);
    while (port == 0 && fgets(line, sizeof(line), out) != NULL)
        if (strncmp(line, "ACCEPT 127.0.0.1:", 17) == 0)
            port = (int)strtol(line + 17, NULL, 10);
    ck_assert_int_gt(port, 0);
    snprintf(origin, sizeof(origin), "https://127.0.0.1:%d", port);
    fclose(out);
}

/* `more`: further options, ended by NULL. */
static void start_server(const struct files *files, const char *const *more)
{
    const char *arguments[24] = {"openssl", "s_server",         "-accept", "127.0.0.1:0", "-www",
                                 "-cert",   files->certificate, "-key",    files->key};
    size_t count = 9;
    int ends[2];

    for (; more != NULL && *more != NULL; more++)
        arguments[count++] = *more;
    ck_assert_int_eq(pipe(ends), 0);
    server = fork();
    ck_assert_int_ge(server, 0);
    if (server == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp("openssl", (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(ends[1]);
    read_port(ends[0]);
}

/* One call to the server. */
static struct call_result *call_server(void)
{
    const struct client_request request = {.target = "/", .max_response = PAGE_MAX};

    make_client(origin);
    struct call_result *result = send_request(0, &request);
    await(1);
    return result;
}

static void ck_error(const struct call_result *result, enum client_error error)
{
    ck_assert_str_eq(client_error_phrase(result->error), client_error_phrase(error));
}

START_TEST(test_trusted)
{
    struct files files = make_files("good", "IP:127.0.0.1", 1, NULL);

    settings.ca_file = files.certificate;
    start_server(&files, NULL);
    struct call_result *result = call_server();
    ck_error(result, CLIENT_OK);
    ck_assert_int_eq(result->status, 200);
    free_files(&files);
}
END_TEST

struct bad {
    const char *host;
    long days;
};

static const struct bad bads[] = {
    {"DNS:other.example", 1},
    {"IP:127.0.0.1", -1},
};

START_TEST(test_certificate_that_does_not_fit)
{
    struct files files = make_files("bad", bads[_i].host, bads[_i].days, NULL);

    settings.retries = 1;
    settings.ca_file = files.certificate;
    start_server(&files, NULL);
    struct call_result *result = call_server();
    ck_error(result, CLIENT_CERTIFICATE);
    ck_assert_uint_eq(result->retries, 0);
    free_files(&files);
}
END_TEST

START_TEST(test_untrusted)
{
    struct files files = make_files("unknown", "IP:127.0.0.1", 1, NULL);
    struct files other = make_files("other", "IP:127.0.0.1", 1, NULL);

    settings.ca_file = other.certificate;
    start_server(&files, NULL);
    ck_error(call_server(), CLIENT_CERTIFICATE);
    free_files(&files);
    free_files(&other);
}
END_TEST

START_TEST(test_untrusted_by_the_system)
{
    struct files files = make_files("unknown", "IP:127.0.0.1", 1, NULL);

    start_server(&files, NULL);
    ck_error(call_server(), CLIENT_CERTIFICATE);
    free_files(&files);
}
END_TEST

/* The first file does not verify the server; the one that replaces it does. */
START_TEST(test_changed_ca_file_is_followed)
{
    struct files files = make_files("server", "IP:127.0.0.1", 1, NULL);
    struct files other = make_files("other", "IP:127.0.0.1", 1, NULL);
    const struct client_request request = {.target = "/", .max_response = PAGE_MAX};

    settings.ca_file = other.certificate;
    settings.connection_max_age = 1;
    start_server(&files, NULL);
    ck_error(call_server(), CLIENT_CERTIFICATE);
    ck_assert_int_eq(rename(files.certificate, other.certificate), 0);
    struct call_result *second = send_request(1, &request);
    await(2);
    ck_error(second, CLIENT_OK);
    free_files(&files);
    free_files(&other);
}
END_TEST

START_TEST(test_old_protocol)
{
    static const char *const old[] = {"-no_tls1_2", "-no_tls1_3", "-cipher", "ALL:@SECLEVEL=0",
                                      NULL};
    struct files files = make_files("old", "IP:127.0.0.1", 1, NULL);

    settings.ca_file = files.certificate;
    start_server(&files, old);
    ck_error(call_server(), CLIENT_TLS);
    free_files(&files);
}
END_TEST

/*
 * A server of our own, that keeps its connection: what s_server's page does not show. It says much
 * in one response, little by little in another, and hands out session tickets as it likes.
 */
#define MUCH ((size_t)200 * 1024)

static void read_headers(SSL *ssl)
{
    size_t len = 0;

    do {
        int got = SSL_read(ssl, heard + len, (int)(sizeof(heard) - 1 - len));

        EXPECT(got > 0);
        len += (size_t)got;
        heard[len] = '\0';
    } while (strstr(heard, "\r\n\r\n") == NULL);
}

static void say(SSL *ssl, const char *text, size_t len)
{
    EXPECT(SSL_write(ssl, text, (int)len) == (int)len);
}

static void speak_tls(struct peer *self)
{
    static const char little[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static char much[MUCH];
    const struct files *files = self->arg;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    EXPECT(SSL_CTX_use_certificate_file(context, files->certificate, SSL_FILETYPE_PEM) == 1);
    EXPECT(SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) == 1);
    SSL *ssl = SSL_new(context);
    int fd = peer_accept(self);
    SSL_set_fd(ssl, fd);
    EXPECT(SSL_accept(ssl) == 1);
    read_headers(ssl);
    memset(much, 'm', sizeof(much));
    say(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 204800\r\n\r\n", 43);
    say(ssl, much, sizeof(much));
    read_headers(ssl);
    for (const char *c = little; *c != '\0'; c++)
        say(ssl, c, 1);
    SSL_new_session_ticket(ssl);
    SSL_do_handshake(ssl);
    read_headers(ssl);
    say(ssl, little, sizeof(little) - 1);
    EXPECT(SSL_read(ssl, heard, 1) <= 0); /* the client's last word */
    EXPECT((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
}

START_TEST(test_kept)
{
    struct files files = make_files("kept", "IP:127.0.0.1", 1, NULL);
    const struct client_request request = {.target = "/", .max_response = MUCH};

    settings.ca_file = files.certificate;
    peer_start(&peer, speak_tls, &files);
    snprintf(origin, sizeof(origin), "https://127.0.0.1:%d", peer.port);
    make_client(origin);
    struct call_result *much = send_request(0, &request);
    await(1);
    ck_error(much, CLIENT_OK);
    ck_assert_uint_eq(much->body_len, MUCH);
    ck_assert_uint_eq(strspn(much->body, "m"), MUCH);
    ck_response(fetch(1, "/little"), "ok");
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), 1);
    ck_response(fetch(2, "/after-a-ticket"), "ok");
    ck_assert_uint_eq(results[2].retries, 0);
    client_unref(client);
    client = NULL;
    peer_stop(&peer);
    ck_assert_int_eq(peer.accepted, 1);
    free_files(&files);
}
END_TEST

/* A proxy that makes a tunnel to itself, and what it hears in there: nothing of its own user. */
static void speak_in_a_tunnel(struct peer *self)
{
    static const char made[] = "HTTP/1.1 200 Made\r\n\r\n";
    static const char little[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const struct files *files = self->arg;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    char connect[1024];
    int fd = peer_accept(self);

    EXPECT(SSL_CTX_use_certificate_file(context, files->certificate, SSL_FILETYPE_PEM) == 1);
    EXPECT(SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) == 1);
    EXPECT(peer_read_headers(fd, connect, sizeof(connect)));
    EXPECT(strncmp(connect, "CONNECT 127.0.0.1:1 ", 20) == 0);
    EXPECT(strstr(connect, "\r\nProxy-Authorization: Basic dTpodXNo\r\n") != NULL);
    peer_say(fd, made);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    EXPECT(SSL_accept(ssl) == 1);
    read_headers(ssl);
    say(ssl, little, sizeof(little) - 1);
    SSL_read(ssl, connect, 1);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
}

START_TEST(test_tunnel)
{
    struct files files = make_files("tunnel", "IP:127.0.0.1", 1, NULL);
    struct secret *password = secret_new("hush", 4);
    char proxy[64];

    peer_start(&peer, speak_in_a_tunnel, &files);
    snprintf(proxy, sizeof(proxy), "http://u@127.0.0.1:%d", peer.port);
    settings.ca_file = files.certificate;
    settings.proxy = proxy;
    settings.proxy_password = password;
    make_client("https://127.0.0.1:1");
    ck_response(fetch(0, "/inside"), "ok");
    finish();
    ck_assert_int_eq(strncmp(heard, "GET /inside HTTP/1.1\r\n", 22), 0);
    ck_assert_ptr_null(strstr(heard, "Proxy-"));
    secret_unref(password);
    free_files(&files);
}
END_TEST

/* Answers in the clear. */
static void speak_plainly(struct peer *self)
{
    int fd = peer_accept(self);

    EXPECT(recv(fd, heard, sizeof(heard), 0) > 0);
    peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    peer_hear_end(fd);
}

START_TEST(test_no_tls_at_all)
{
    peer_start(&peer, speak_plainly, NULL);
    snprintf(origin, sizeof(origin), "https://127.0.0.1:%d", peer.port);
    ck_error(call_server(), CLIENT_TLS);
    finish();
}
END_TEST

/* The server trusts one client certificate, and ends the handshake without it. */
static void start_strict_server(const struct files *files, const struct files *trusted)
{
    const char *const strict[] = {
        "-Verify", "1", "-verify_return_error", "-CAfile", trusted->certificate, NULL};

    start_server(files, strict);
}

START_TEST(test_client_certificate)
{
    struct files files = make_files("server", "IP:127.0.0.1", 1, NULL);
    struct files mine = make_files("mine", "DNS:me.example", 1, NULL);
    struct secret *key = read_secret(mine.key);

    settings.ca_file = files.certificate;
    settings.client_certificate = mine.certificate;
    settings.client_key = key;
    start_strict_server(&files, &mine);
    struct call_result *result = call_server();
    secret_unref(key); /* the client has its own reference */
    ck_error(result, CLIENT_OK);
    ck_assert_int_eq(result->status, 200);
    free_files(&files);
    free_files(&mine);
}
END_TEST

START_TEST(test_encrypted_key)
{
    char phrase[] = "open sesame";
    struct files files = make_files("server", "IP:127.0.0.1", 1, NULL);
    struct files mine = make_files("mine", "DNS:me.example", 1, phrase);
    struct secret *key = read_secret(mine.key);
    struct secret *password = secret_new(phrase, strlen(phrase));

    settings.ca_file = files.certificate;
    settings.client_certificate = mine.certificate;
    settings.client_key = key;
    settings.client_key_password = password;
    start_strict_server(&files, &mine);
    struct call_result *result = call_server();
    secret_unref(key);
    secret_unref(password);
    ck_error(result, CLIENT_OK);
    ck_assert_int_eq(result->status, 200);
    free_files(&files);
    free_files(&mine);
}
END_TEST

START_TEST(test_client_certificate_wanted)
{
    struct files files = make_files("server", "IP:127.0.0.1", 1, NULL);
    struct files other = make_files("mine", "DNS:me.example", 1, NULL);

    settings.ca_file = files.certificate;
    start_strict_server(&files, &other);
    ck_assert_int_ne(call_server()->error, CLIENT_OK);
    free_files(&files);
    free_files(&other);
}
END_TEST

static void ck_reason(const char *begin)
{
    struct reason reason;

    ck_assert_int_eq(client_check(&settings, &reason), ERR_INVALID);
    ck_assert_msg(strncmp(reason.text, begin, strlen(begin)) == 0, "%s", reason.text);
    settings.origin = "https://127.0.0.1:9";
    ck_assert_int_eq(client_new(loop, &settings, &client), ERR_INVALID);
}

START_TEST(test_files_that_cannot_be_used)
{
    static const char long_text[5000] = "open sesame";
    struct files mine = make_files("mine", "DNS:me.example", 1, NULL);
    struct files other = make_files("other", "DNS:me.example", 1, NULL);
    char phrase[] = "open sesame";
    struct files locked = make_files("locked", "DNS:me.example", 1, phrase);
    struct secret *key = read_secret(mine.key);
    struct secret *other_key = read_secret(other.key);
    struct secret *locked_key = read_secret(locked.key);
    struct secret *no_key = secret_new("", 0);
    struct secret *password = secret_new(phrase, strlen(phrase));
    struct secret *other_password = secret_new("open sesam", 10);
    struct secret *endless = secret_new(long_text, sizeof(long_text));
    struct reason reason;

    settings.ca_file = "/nowhere/at/all";
    ck_reason("ca_file: /nowhere/at/all: No such file");
    settings.ca_file = mine.key;
    ck_reason("ca_file: ");
    settings.ca_file = NULL;
    settings.client_key = key;
    ck_reason("client_key: requires client_certificate");
    settings.client_certificate = mine.key;
    ck_reason("client_certificate: ");
    settings.client_certificate = mine.certificate;
    ck_assert_int_eq(client_check(&settings, &reason), ERR_OK);
    ck_assert_str_eq(reason.text, "");
    settings.client_key = NULL;
    ck_reason("client_certificate: requires client_key");
    settings.client_key = other_key;
    ck_reason("client_key: does not match client_certificate");
    settings.client_key = no_key;
    ck_reason("client_key: is not a private key in PEM");
    settings.client_key_password = password;
    ck_reason("client_key: is not a private key in PEM");
    settings.client_key_password = NULL;
    settings.client_certificate = locked.certificate;
    settings.client_key = locked_key;
    ck_reason("client_key: is encrypted; set client_key_password_file = PATH too");
    settings.client_key_password = other_password;
    ck_reason("client_key_password_file: does not open client_key; it must hold the password");
    settings.client_key_password = endless;
    ck_reason("client_key_password_file: does not open client_key");
    settings.client_key_password = password;
    ck_assert_int_eq(client_check(&settings, &reason), ERR_OK);
    ck_assert_str_eq(reason.text, "");
    settings.client_certificate = other.certificate;
    ck_reason("client_key: does not match client_certificate");
    settings.client_key = other_key;
    ck_assert_int_eq(client_check(&settings, &reason), ERR_OK);
    ck_assert_str_eq(reason.text, "client_key_password_file: is not used, for client_key is not "
                                  "encrypted");
    secret_unref(password);
    secret_unref(other_password);
    secret_unref(endless);
    secret_unref(key);
    secret_unref(other_key);
    secret_unref(locked_key);
    secret_unref(no_key);
    free_files(&mine);
    free_files(&other);
    free_files(&locked);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_tls");
    TCase *tcase = tcase_create("tls");

    tcase_add_checked_fixture(tcase, setup_tls, teardown_tls);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_trusted);
    tcase_add_test(tcase, test_kept);
    tcase_add_test(tcase, test_tunnel);
    tcase_add_loop_test(tcase, test_certificate_that_does_not_fit, 0, ARRAY_LEN(bads));
    tcase_add_test(tcase, test_untrusted);
    tcase_add_test(tcase, test_untrusted_by_the_system);
    tcase_add_test(tcase, test_changed_ca_file_is_followed);
    tcase_add_test(tcase, test_old_protocol);
    tcase_add_test(tcase, test_no_tls_at_all);
    tcase_add_test(tcase, test_client_certificate);
    tcase_add_test(tcase, test_encrypted_key);
    tcase_add_test(tcase, test_client_certificate_wanted);
    tcase_add_test(tcase, test_files_that_cannot_be_used);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
