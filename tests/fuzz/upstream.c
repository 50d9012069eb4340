/*
 * The whole client against an upstream: it makes a call to a server of ours on loopback, which
 * responds with the input and closes. However that goes, the call ends once, and what is handed on
 * is within its bounds and can go into a header.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "upstream/client.h"

#define BODY_MAX 2000
/* Small enough for the socket's buffers, so that the server never waits. */
#define INPUT_MAX 60000

static struct loop *loop;
static struct client *client;
static int listener;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the two below */
static uint8_t input[INPUT_MAX];
static size_t input_len;
static unsigned ended;

static void check_headers(const struct upstream_response *response)
{
    for (int id = 0; id < CLIENT_HEADER_COUNT; id++) {
        const char *value = response->headers[id];
        if (value == NULL)
            continue;
        MUST(*value != '\0' && *value != ' ' && *value != '\t');
        for (; *value != '\0'; value++)
            MUST(((unsigned char)*value >= 0x20 || *value == '\t') && *value != 0x7f);
    }
}

static void done(void *arg, struct upstream_response *response)
{
    (void)arg;
    ended++;
    MUST(response->status == 0 || (response->status >= 200 && response->status <= 599));
    MUST(response->error != CLIENT_OK || response->status != 0);
    MUST(response->body_len <= BODY_MAX);
    check_headers(response);
    if (response->body_len > 0)
        MUST(response->body != NULL && response->body[response->body_len] == '\0');
    loop_stop(loop);
}

/*
 * A thread of its own, for the client may connect long before it sends; and it may have done with a
 * call while the server has not.
 */
static void *serve(void *arg)
{
    char request[4096];
    (void)arg;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        bool asked = fd >= 0 && recv(fd, request, sizeof(request), 0) > 0;
        pthread_mutex_lock(&lock);
        if (asked)
            send(fd, input, input_len, MSG_NOSIGNAL);
        pthread_mutex_unlock(&lock);
        close(fd);
    }
    return NULL;
}

static void listen_here(char origin[64])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    pthread_t thread;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(listener >= 0 && bind(listener, (struct sockaddr *)&addr, len) == 0);
    MUST(listen(listener, 16) == 0 && getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
    snprintf(origin, 64, "http://127.0.0.1:%u", ntohs(addr.sin_port));
    MUST(pthread_create(&thread, NULL, serve, NULL) == 0);
}

static void start(void)
{
    char origin[64];
    MUST(client_global_start() == ERR_OK);
    loop = loop_new();
    MUST(loop != NULL);
    listen_here(origin);
    const struct client_settings settings = {.origin = origin,
                                             .connect_timeout = 5 * SECOND,
                                             .connection_max_age = MINUTE,
                                             .max_connections = 2,
                                             .max_queue = 2};
    MUST(client_new(loop, &settings, &client) == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct client_header headers[] = {{"X-GUID", "g"}};
    if (loop == NULL)
        start();
    if (size == 0 || size > INPUT_MAX)
        return 0;
    pthread_mutex_lock(&lock);
    memcpy(input, data, size);
    input[0] &= 0x7f; /* the bit below, without which it may be HTTP */
    input_len = size;
    pthread_mutex_unlock(&lock);
    struct ctx *ctx = ctx_new(loop);
    const struct client_request request = {.target = "/x",
                                           .headers = headers,
                                           .header_count = 1,
                                           .once = (data[0] & 0x80) != 0,
                                           .post = (data[0] & 0x80) != 0,
                                           .max_response = BODY_MAX};
    unsigned before = ended;
    client_call(client, ctx, &request, done, NULL);
    loop_run(loop);
    MUST(ended == before + 1);
    ctx_free(ctx);
    return 0;
}
