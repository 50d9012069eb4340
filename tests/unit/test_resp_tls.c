/*
 * A connection to a store with TLS, against a server of our own; and more to send than a path
 * takes, with and without it.
 */
#include <openssl/ssl.h>
#include <sys/un.h>

#include "certificates.h"
#include "resp_fixture.h"

static struct files files; /* the server's */

static void setup_tls(void)
{
    scratch_make();
    setup();
    settings.tls = true;
    files = (struct files){NULL, NULL};
}

static void teardown_tls(void)
{
    teardown();
    if (files.key != NULL)
        free_files(&files);
    scratch_remove();
}

static struct secret *read_secret(const char *path)
{
    char bytes[8192];
    FILE *in = fopen(path, "r");

    ck_assert_ptr_nonnull(in);
    size_t len = fread(bytes, 1, sizeof(bytes), in);
    fclose(in);
    return secret_new(bytes, len);
}

/* ---- the server ---- */

/* A connection, with TLS where ssl is not NULL. */
struct wire {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
};

static char asked_name[256]; /* SNI; read it after peer_stop */
static bool asked_alpn;

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in,
                   unsigned in_len, void *arg)
{
    (void)ssl;
    (void)out;
    (void)len;
    (void)in;
    (void)in_len;
    (void)arg;
    asked_alpn = true;
    return SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *make_context(const char *client_ca)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    EXPECT(SSL_CTX_use_certificate_file(context, files.certificate, SSL_FILETYPE_PEM) == 1);
    EXPECT(SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM) == 1);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    if (client_ca != NULL) {
        EXPECT(SSL_CTX_load_verify_file(context, client_ca) == 1);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return context;
}

/* False: the handshake failed. */
static bool wire_open(struct wire *wire, int fd, bool tls, const char *client_ca)
{
    *wire = (struct wire){.fd = fd};
    if (!tls)
        return true;
    wire->context = make_context(client_ca);
    wire->ssl = SSL_new(wire->context);
    SSL_set_fd(wire->ssl, wire->fd);
    return SSL_accept(wire->ssl) == 1;
}

static void wire_read(struct wire *wire, char *out, size_t len)
{
    if (wire->ssl == NULL) {
        peer_read(wire->fd, out, len);
        return;
    }
    for (size_t at = 0; at < len;) {
        int got = SSL_read(wire->ssl, out + at, (int)(len - at));

        EXPECT(got > 0);
        at += (size_t)got;
    }
    out[len] = '\0';
}

static void wire_say(struct wire *wire, const char *text)
{
    if (wire->ssl == NULL)
        peer_say(wire->fd, text);
    else
        EXPECT(SSL_write(wire->ssl, text, (int)strlen(text)) == (int)strlen(text));
}

static void wire_close(struct wire *wire)
{
    SSL_free(wire->ssl);
    SSL_CTX_free(wire->context);
    close(wire->fd);
}

/* Waits for the client's last word: it ends TLS as one should. */
static void wire_hear_end(struct wire *wire)
{
    char byte;

    EXPECT(SSL_read(wire->ssl, &byte, 1) <= 0);
    EXPECT((SSL_get_shutdown(wire->ssl) & SSL_RECEIVED_SHUTDOWN) != 0);
    wire_close(wire);
}

static const char ping_bytes[] = "*1\r\n$4\r\nPING\r\n";

static void answer_ping(int fd, const char *client_ca)
{
    const char *name;
    char heard[sizeof(ping_bytes)];
    struct wire wire;

    EXPECT(wire_open(&wire, fd, true, client_ca));
    name = SSL_get_servername(wire.ssl, TLSEXT_NAMETYPE_host_name);
    snprintf(asked_name, sizeof(asked_name), "%s", name != NULL ? name : "");
    wire_read(&wire, heard, sizeof(ping_bytes) - 1);
    EXPECT(strcmp(heard, ping_bytes) == 0);
    wire_say(&wire, "+PO");
    wire_say(&wire, "NG\r\n");
    wire_hear_end(&wire);
}

static void play_ping(struct peer *self)
{
    answer_ping(peer_accept(self), self->arg);
}

/* Who is not accepted is told so. */
static void play_refusal(struct peer *self)
{
    struct wire wire;
    char byte;

    if (wire_open(&wire, peer_accept(self), true, self->arg))
        (void)SSL_read(wire.ssl, &byte, 1);
    wire_close(&wire);
}

static void ping(void)
{
    open_it();
    await("opened\n");
    ck_assert(command("ping", "PING"));
    await("ping +PONG\n");
}

/* ---- who the server is ---- */

START_TEST(test_address)
{
    files = make_files("good", "IP:127.0.0.1", 1, NULL);
    settings.ca_file = files.certificate;
    serve(play_ping, NULL);
    ping();
    finish();
    ck_assert(!asked_alpn);
    ck_assert_str_eq(asked_name, "");
}
END_TEST

START_TEST(test_name)
{
    files = make_files("good", "DNS:localhost", 1, NULL);
    settings.ca_file = files.certificate;
    serve(play_ping, NULL);
    snprintf(server, sizeof(server), "localhost:%d", peer.port);
    ping();
    finish();
    ck_assert_str_eq(asked_name, "localhost");
}
END_TEST

static void *answer_on_unix_socket(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);

    EXPECT(fd >= 0);
    answer_ping(fd, NULL);
    return NULL;
}

START_TEST(test_unix_socket)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *path = scratch_path("store.sock");
    pthread_t thread;

    files = make_files("good", "DNS:localhost", 1, NULL);
    settings.ca_file = files.certificate;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, answer_on_unix_socket, &listener), 0);
    snprintf(server, sizeof(server), "unix:%s", path);
    ping();
    resp_close(resp);
    resp = NULL;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(listener);
    mem_free(path);
}
END_TEST

static const struct {
    const char *host;
    long days;
} bads[] = {
    {"DNS:other.example", 1},
    {"DNS:127.0.0.1", 1},
    {"IP:127.0.0.2", 1},
    {"IP:127.0.0.1", -1},
};

START_TEST(test_certificate_that_does_not_fit)
{
    files = make_files("bad", bads[_i].host, bads[_i].days, NULL);
    settings.ca_file = files.certificate;
    serve(play_refusal, NULL);
    open_it();
    ck_ended("closed tls ");
    finish();
}
END_TEST

/* Another one's, and none of the system's. */
START_TEST(test_untrusted)
{
    struct files other = make_files("other", "IP:127.0.0.1", 1, NULL);

    files = make_files("unknown", "IP:127.0.0.1", 1, NULL);
    settings.ca_file = _i == 0 ? other.certificate : NULL;
    serve(play_refusal, NULL);
    open_it();
    ck_ended("closed tls ");
    finish();
    free_files(&other);
}
END_TEST

/* A store without TLS, which takes the handshake for a command, and says so. */
static void play_plain(struct peer *self)
{
    int fd = peer_accept(self);
    char bytes[4096];

    EXPECT(recv(fd, bytes, sizeof(bytes), 0) > 0);
    peer_say(fd, "-ERR Protocol error\r\n");
    peer_hear_end(fd);
}

START_TEST(test_no_tls_at_all)
{
    serve(play_plain, NULL);
    open_it();
    ck_ended("closed tls ");
    finish();
}
END_TEST

/* ---- who we are ---- */

START_TEST(test_client_certificate)
{
    struct files mine = make_files("mine", "DNS:me.example", 1, NULL);
    struct secret *key = read_secret(mine.key);

    files = make_files("server", "IP:127.0.0.1", 1, NULL);
    settings.ca_file = files.certificate;
    settings.client_certificate = mine.certificate;
    settings.client_key = key;
    serve(play_ping, mine.certificate);
    ping();
    finish();
    secret_unref(key);
    free_files(&mine);
}
END_TEST

/* With TLS 1.3 a server says that it wants one when the client takes the handshake for done. */
START_TEST(test_client_certificate_wanted)
{
    struct files mine = make_files("mine", "DNS:me.example", 1, NULL);

    files = make_files("server", "IP:127.0.0.1", 1, NULL);
    settings.ca_file = files.certificate;
    settings.name = "me";
    serve(play_refusal, mine.certificate);
    open_it();
    ck_ended("closed tls ");
    finish();
    free_files(&mine);
}
END_TEST

START_TEST(test_files_that_cannot_be_used)
{
    snprintf(server, sizeof(server), "127.0.0.1:1");
    settings.ca_file = "/nowhere/at/all";
    ck_assert_int_eq(resp_open(&settings, &ports, &resp), ERR_INVALID);
    settings.ca_file = NULL;
    settings.client_certificate = "/nowhere/at/all";
    ck_assert_int_eq(resp_open(&settings, &ports, &resp), ERR_INVALID);
    ck_assert_ptr_null(resp);
}
END_TEST

/* ---- more to send than the path takes ---- */

#define BIG ((size_t)100 * 1000)
#define BIG_HEAD "*2\r\n$3\r\nSET\r\n$100000\r\n"

static struct {
    atomic_bool go;
    int sent;
    bool tls;
} flood;

static char set_name[] = "set";

static char letter_of(int number)
{
    return (char)('a' + number % 26);
}

/* Reads nothing before it is told to; then each command, whole and in order. */
static void play_late(struct peer *self)
{
    const size_t head = strlen(BIG_HEAD);
    char *heard = mem_alloc(head + BIG + 3);
    struct wire wire;

    EXPECT(wire_open(&wire, peer_accept(self), flood.tls, NULL));
    while (!atomic_load(&flood.go))
        usleep(1000);
    for (int i = 0; i < flood.sent; i++) {
        const char letters[] = {letter_of(i), '\0'};

        wire_read(&wire, heard, head + BIG + 2);
        EXPECT(memcmp(heard, BIG_HEAD, head) == 0);
        EXPECT(strspn(heard + head, letters) == BIG);
        EXPECT(strcmp(heard + head + BIG, "\r\n") == 0);
        wire_say(&wire, i + 1 < flood.sent ? ":1\r\n" : ":2\r\n");
    }
    mem_free(heard);
    if (flood.tls)
        wire_hear_end(&wire);
    else
        peer_hear_end(wire.fd);
}

static bool send_big(void)
{
    char *big = mem_alloc(BIG);
    const char *const words[] = {"SET", big};
    const size_t lengths[] = {3, BIG};

    memset(big, letter_of(flood.sent), BIG);
    bool taken = resp_command(resp, words, lengths, 2, note_reply, set_name);
    mem_free(big);
    flood.sent += taken;
    return taken;
}

static void turn(void)
{
    loop_stop(loop);
    loop_run(loop);
}

/* Until nothing more is taken: all there is room for is under way, or waits. */
static void send_all_there_is_room_for(void)
{
    for (int idle = 0; idle < 20; idle++) {
        while (send_big())
            idle = 0;
        turn();
    }
}

START_TEST(test_more_than_the_path_takes)
{
    files = make_files("good", "IP:127.0.0.1", 1, NULL);
    settings.ca_file = files.certificate;
    settings.tls = flood.tls = _i == 1;
    settings.timeout = MINUTE;
    flood.sent = 0;
    atomic_store(&flood.go, false);
    serve(play_late, NULL);
    open_it();
    await("opened\n");
    send_all_there_is_room_for();
    ck_assert_int_lt(flood.sent, RESP_COMMANDS);
    ck_assert_int_gt(flood.sent, (int)(RESP_UNSENT_MAX / BIG));
    atomic_store(&flood.go, true);
    await("set :2\n");
    finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resp_tls");
    TCase *tcase = tcase_create("tls");

    tcase_add_checked_fixture(tcase, setup_tls, teardown_tls);
    tcase_set_timeout(tcase, CASE_PATIENCE);
    tcase_add_test(tcase, test_address);
    tcase_add_test(tcase, test_name);
    tcase_add_test(tcase, test_unix_socket);
    tcase_add_loop_test(tcase, test_certificate_that_does_not_fit, 0, ARRAY_LEN(bads));
    tcase_add_loop_test(tcase, test_untrusted, 0, 2);
    tcase_add_test(tcase, test_no_tls_at_all);
    tcase_add_test(tcase, test_client_certificate);
    tcase_add_test(tcase, test_client_certificate_wanted);
    tcase_add_test(tcase, test_files_that_cannot_be_used);
    tcase_add_loop_test(tcase, test_more_than_the_path_takes, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
