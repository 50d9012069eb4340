/*
 * libmicrohttpd, on one thread of its own. The target of a request is taken as it came, before the
 * library decodes it: the emulator compares bytes.
 */
#include "emulator.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIT_START 3

void *must_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL) {
        fputs("emulator: out of memory\n", stderr);
        exit(EXIT_START);
    }
    return p;
}

char *must_copy(const char *text, size_t len)
{
    char *copy = must_calloc(1, len + 1);

    memcpy(copy, text, len);
    return copy;
}

struct call *call_cast(void *p)
{
    struct call *call = p;

    assert(call->magic == CALL_MAGIC);
    return call;
}

void call_answer(struct call *call, unsigned status, const char *text, size_t len)
{
    call->status = status;
    call->response =
        MHD_create_response_from_buffer(len, must_copy(text, len), MHD_RESPMEM_MUST_FREE);
    if (call->response == NULL)
        abort();
    MHD_add_response_header(call->response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
}

void call_answer_json(struct call *call, unsigned status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);

    json_decref(body);
    if (text == NULL)
        abort();
    call_answer(call, status, text, strlen(text));
    free(text);
}

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    (void)cls;
    struct call *call = must_calloc(1, sizeof *call);
    call->magic = CALL_MAGIC;
    call->connection = connection;
    call->target = must_copy(target, strlen(target));
    call->body = must_calloc(1, CALL_BODY_MAX + 1);
    return call;
}

static void collect(struct call *call, const char *data, size_t len)
{
    size_t free_bytes = CALL_BODY_MAX - call->body_len;
    size_t n = len < free_bytes ? len : free_bytes;

    memcpy(call->body + call->body_len, data, n);
    call->body_len += n;
}

static void serve(struct emulator *emulator, struct call *call, const char *url)
{
    if (strncmp(url, CONTROL_PREFIX, strlen(CONTROL_PREFIX)) == 0) {
        control(emulator, call, url + strlen(CONTROL_PREFIX));
        return;
    }
    judge(emulator, call);
    control_remember(emulator, call);
    play(emulator, call);
}

/* Called for the head, for each part of a body, and at the end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    (void)version;
    struct call *call = call_cast(*slot);
    if (call->method == NULL) {
        call->method = method;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        collect(call, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    serve(cls, call, url);
    return MHD_queue_response(connection, call->status, call->response);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)connection;
    (void)how;
    if (*slot == NULL)
        return;
    struct call *call = call_cast(*slot);
    if (call->response != NULL)
        MHD_destroy_response(call->response);
    call->magic = 0;
    free(call->target);
    free(call->body);
    free(call->postcode);
    free(call);
    *slot = NULL;
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("emulator: listen");
        return -1;
    }
    printf("listening on http://127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

bool server_run(struct emulator *emulator)
{
    sigset_t ends;
    int which;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    int fd = listen_on_loopback();
    if (fd < 0)
        return false;
    struct MHD_Daemon *mhd =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, emulator,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_target,
                         emulator, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (mhd == NULL) {
        fputs("emulator: the server could not start\n", stderr);
        close(fd);
        return false;
    }
    sigwait(&ends, &which);
    MHD_stop_daemon(mhd);
    return true;
}

int main(int argc, char **argv)
{
    static struct emulator emulator;
    bool ok = argc == 2 && argv[1][0] != '-';

    if (!ok) {
        fputs("usage: emulator FOLDER    one of tests/apis; see tests/emulator/control.c\n",
              stderr);
        return 2;
    }
    ok = api_load(&emulator.api, argv[1]) && server_run(&emulator);
    json_decref(emulator.last[KIND_TOKEN]);
    json_decref(emulator.last[KIND_LOOKUP]);
    api_free(&emulator.api);
    return ok ? EXIT_SUCCESS : EXIT_START;
}
