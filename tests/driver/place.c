/*
 * place: an upstream at an address, which says in each answer where it is. It keeps connections,
 * and issues tokens (POST). One process, so its connections can be counted, held and made mute.
 *
 *   place HOST:PORT [SECONDS]     port 0: the system chooses; how long a token lives (3600)
 *
 * A lookup whose postcode is H and a number is held until so many are: that makes connections.
 * SIGUSR1: the connections that are open go mute. They stay open, what comes is read, and nothing
 * is answered; those that come later are answered. SIGUSR2: those that come later are mute too.
 *
 * It prints "place HOST:PORT" when it is ready, then a line for each request, "NUMBER METHOD
 * TARGET" with the number of its connection, "mute" in front of it where it is not answered, and
 * after a signal a line that says which one; and it stays until it is ended.
 */
#include <poll.h>
#include <signal.h>
#include <strings.h>

#include "net.h"
#include "serve.h"

#define CALLERS_MAX 512
#define HEAD_MAX 16384

struct caller {
    unsigned number; /* of its connection, from 1 */
    bool mute;
    unsigned held; /* until so many are; 0: it is not */
    size_t len;
    char bytes[HEAD_MAX];
};

static struct {
    char where[64];
    unsigned token_lifetime;
    unsigned accepted;
    bool mute; /* who comes now */
    nfds_t count;
    struct pollfd polls[1 + CALLERS_MAX]; /* the listener is the first */
    struct caller *callers[1 + CALLERS_MAX];
} place;

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    signalled = number;
}

static void go_mute(void)
{
    for (nfds_t i = 1; i < place.count; i++)
        place.callers[i]->mute = true;
    place.mute = place.mute || signalled == SIGUSR2;
    dprintf(STDOUT_FILENO, "%s\n", signalled == SIGUSR2 ? "SIGUSR2" : "SIGUSR1");
    signalled = 0;
}

static void let_in(void)
{
    int fd = must(accept4(place.polls[0].fd, NULL, NULL, SOCK_CLOEXEC), "accept");

    if (place.count == 1 + CALLERS_MAX)
        usage_fault("too many callers");
    struct caller *caller = must_calloc(1, sizeof *caller);
    caller->number = ++place.accepted;
    caller->mute = place.mute;
    place.polls[place.count] = (struct pollfd){.fd = fd, .events = POLLIN};
    place.callers[place.count++] = caller;
}

static void let_go(nfds_t at)
{
    close(place.polls[at].fd);
    free(place.callers[at]);
    place.count--;
    place.polls[at] = place.polls[place.count];
    place.callers[at] = place.callers[place.count];
}

static void reply(nfds_t at, bool token)
{
    struct caller *caller = place.callers[at];
    char body[256], all[512];

    if (token)
        snprintf(body, sizeof body,
                 "{\"access_token\":\"t%u\",\"token_type\":\"Bearer\",\"expires_in\":%u}",
                 caller->number, place.token_lifetime);
    else
        snprintf(body, sizeof body, "{\"postcode\":\"OK\",\"place\":\"%s\",\"connection\":%u}",
                 place.where, caller->number);
    int len = snprintf(all, sizeof all,
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       strlen(body), body);
    caller->held = 0;
    send(place.polls[at].fd, all, (size_t)len, MSG_NOSIGNAL);
}

static void let_held_go(unsigned wanted)
{
    unsigned held = 0;

    for (nfds_t i = 1; i < place.count; i++)
        held += place.callers[i]->held == wanted;
    for (nfds_t i = 1; held >= wanted && i < place.count; i++) {
        if (place.callers[i]->held == wanted)
            reply(i, false);
    }
}

static void serve(nfds_t at)
{
    struct caller *caller = place.callers[at];
    const char *space = strchr(caller->bytes, ' ');
    int target_len = space != NULL ? (int)strcspn(space + 1, " ") : 0;
    const char *slash = NULL;

    dprintf(STDOUT_FILENO, "%s%u %.*s\n", caller->mute ? "mute " : "", caller->number,
            (int)strcspn(caller->bytes, " ") + 1 + target_len, caller->bytes);
    caller->len = 0;
    if (caller->mute || space == NULL)
        return;
    for (int i = 1; i <= target_len; i++)
        slash = space[i] == '/' ? space + i : slash;
    if (slash != NULL && slash[1] == 'H')
        caller->held = (unsigned)strtoul(slash + 2, NULL, 10);
    if (caller->held > 0) {
        let_held_go(caller->held);
        return;
    }
    reply(at, strncmp(caller->bytes, "POST ", 5) == 0);
}

/* Whether the header section, and the body of a POST, are there. */
static bool is_whole(struct caller *caller)
{
    const char *end = strstr(caller->bytes, "\r\n\r\n");
    const char *length = strcasestr(caller->bytes, "\r\nContent-Length:");

    if (end == NULL)
        return false;
    size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return caller->len >= (size_t)(end + 4 - caller->bytes) + body;
}

/* False: the caller has left. */
static bool hear(nfds_t at)
{
    struct caller *caller = place.callers[at];
    ssize_t got = recv(place.polls[at].fd, caller->bytes + caller->len, HEAD_MAX - 1 - caller->len,
                       MSG_DONTWAIT);

    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    caller->len += (size_t)got;
    caller->bytes[caller->len] = '\0';
    if (is_whole(caller))
        serve(at);
    return true;
}

static void start(const char *text)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct address address;
    const int on = 1;

    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    parse_address(&address, text);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "setsockopt");
    must(bind(fd, (struct sockaddr *)&address.sockaddr, address.len), "bind");
    must(listen(fd, SOMAXCONN), "listen");
    must(getsockname(fd, (struct sockaddr *)&address.sockaddr, &address.len), "getsockname");
    const struct sockaddr_in *bound = (const struct sockaddr_in *)&address.sockaddr;
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &bound->sin_addr, host, sizeof host);
    snprintf(place.where, sizeof place.where, "%s:%u", host, ntohs(bound->sin_port));
    place.polls[place.count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    dprintf(STDOUT_FILENO, "place %s\n", place.where);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        usage_fault("place HOST:PORT [SECONDS]");
    place.token_lifetime = argc == 3 ? (unsigned)parse_number("seconds", argv[2], 1, 1e6) : 3600;
    start(argv[1]);
    for (;;) {
        int ready = poll(place.polls, place.count, -1);

        if (ready < 0 && errno != EINTR)
            must(-1, "poll");
        if (signalled != 0)
            go_mute();
        if (ready < 0)
            continue;
        for (nfds_t i = place.count; --i > 0;) {
            if (place.polls[i].revents != 0 && !hear(i))
                let_go(i);
        }
        if (place.polls[0].revents != 0)
            let_in();
    }
}
