/*
 * postcodes: many callers at once who look up many postcodes, some of them far more often than
 * others, and check that each answer is of the postcode they asked for. A thread for each caller.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "net.h"

#define ANSWER_MAX (1 << 20)
#define LETTERS "ABDEFGHJLNPQRSTUWXYZ"

static const char help[] =
    "usage: postcodes --connect ADDRESS [OPTION...]\n"
    "Prints one line of JSON; exit 0 when every lookup was answered 200, with its own postcode.\n"
    "  --callers N     each with a connection (16)\n"
    "  --lookups N     of all of them together (10000)\n"
    "  --postcodes N   different ones; half of the lookups are for a 64th of them (4000)\n"
    "  --seconds S     fewer lookups where they take longer (600)\n"
    "  --path P        before the postcode (/api/v1/addresses/)\n";

static struct {
    struct address address;
    int callers;
    long lookups;
    uint64_t postcodes;
    double seconds;
    const char *path;
} options = {.callers = 16,
             .lookups = 10000,
             .postcodes = 4000,
             .seconds = 600,
             .path = "/api/v1/addresses/"};

static atomic_long left;
static atomic_long good, bad, of_another, broken;
static atomic_long hits, stale, collapsed;
static int64_t end;

struct caller {
    pthread_t thread;
    uint64_t random;
    int fd;
    size_t len;
    char *answer; /* ANSWER_MAX, and a NUL */
};

static void parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"connect", 1, NULL, 'c'},   {"callers", 1, NULL, 'n'}, {"lookups", 1, NULL, 'l'},
        {"postcodes", 1, NULL, 'p'}, {"seconds", 1, NULL, 's'}, {"path", 1, NULL, 'P'},
        {"help", 0, NULL, 'h'},      {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 'c')
            parse_address(&options.address, optarg);
        else if (option == 'n')
            options.callers = (int)parse_number("callers", optarg, 1, 1000);
        else if (option == 'l')
            options.lookups = (long)parse_number("lookups", optarg, 1, 1e9);
        else if (option == 'p')
            options.postcodes = (uint64_t)parse_number("postcodes", optarg, 64, 300000);
        else if (option == 's')
            options.seconds = parse_number("seconds", optarg, 0.1, 86400);
        else if (option == 'P')
            options.path = optarg;
        else {
            fputs(help, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : EXIT_USAGE);
        }
    }
    if (options.address.text == NULL || optind < argc)
        usage_fault("postcodes: --connect ADDRESS, and nothing without a --");
}

/* splitmix64 */
static uint64_t below(struct caller *caller, uint64_t bound)
{
    uint64_t n = caller->random += UINT64_C(0x9e3779b97f4a7c15);
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return (n ^ n >> 31) % bound;
}

/* As the stand-in writes it: "M1 1AA". */
static void choose(struct caller *caller, char postcode[16])
{
    const bool usual = below(caller, 2) == 0;
    const uint64_t n = below(caller, usual ? options.postcodes / 64 : options.postcodes);
    snprintf(postcode, 16, "M%d %d%c%c", (int)(1 + n % 90), (int)(n / 90 % 10),
             LETTERS[n / 900 % 20], LETTERS[n / 18000 % 20]);
}

static bool reconnect(struct caller *caller)
{
    if (caller->fd < 0)
        caller->fd = open_connection(&options.address, 0);
    return caller->fd >= 0;
}

static bool ask(struct caller *caller, const char *postcode)
{
    char request[1024];
    const int gap = (int)strcspn(postcode, " ");
    int n = snprintf(request, sizeof request, "GET %s%.*s%s HTTP/1.1\r\nHost: postcodes\r\n\r\n",
                     options.path, gap, postcode, postcode + gap + 1);
    return send(caller->fd, request, (size_t)n, MSG_NOSIGNAL) == n;
}

/* Where the body is, once the whole answer is there; NULL: not yet. */
static const char *whole(const struct caller *caller)
{
    const char *body = strstr(caller->answer, "\r\n\r\n");
    const char *length = strcasestr(caller->answer, "\r\nContent-Length: ");
    if (body == NULL || length == NULL || length > body)
        return NULL;
    body += 4;
    return (size_t)(body - caller->answer) + strtoull(length + 18, NULL, 10) == caller->len ? body
                                                                                            : NULL;
}

static const char *hear(struct caller *caller)
{
    const char *body = NULL;
    caller->len = 0;
    while (body == NULL && caller->len < ANSWER_MAX) {
        ssize_t n = recv(caller->fd, caller->answer + caller->len, ANSWER_MAX - caller->len, 0);
        if (n <= 0)
            return NULL;
        caller->len += (size_t)n;
        caller->answer[caller->len] = '\0';
        body = whole(caller);
    }
    return body;
}

static void judge(const struct caller *caller, const char *postcode, const char *body)
{
    char expected[48];
    snprintf(expected, sizeof expected, "\"postcode\":\"%s\"", postcode);
    if (strncmp(caller->answer, "HTTP/1.1 200 ", 13) != 0)
        atomic_fetch_add(&bad, 1);
    else if (strncmp(body + 1, expected, strlen(expected)) != 0)
        atomic_fetch_add(&of_another, 1);
    else
        atomic_fetch_add(&good, 1);
    if (strstr(caller->answer, "; hit") != NULL)
        atomic_fetch_add(strstr(caller->answer, "; ttl=-") != NULL ? &stale : &hits, 1);
    if (strstr(caller->answer, "; collapsed") != NULL)
        atomic_fetch_add(&collapsed, 1);
}

static void *call_on(void *arg)
{
    struct caller *caller = arg;
    char postcode[16];
    while (atomic_fetch_sub(&left, 1) > 0 && now_ns() < end) {
        choose(caller, postcode);
        const char *body = reconnect(caller) && ask(caller, postcode) ? hear(caller) : NULL;
        if (body != NULL) {
            judge(caller, postcode, body);
            continue;
        }
        atomic_fetch_add(&broken, 1);
        close(caller->fd);
        caller->fd = -1;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    struct caller *callers = must_calloc((size_t)options.callers, sizeof *callers);
    atomic_store(&left, options.lookups);
    end = now_ns() + (int64_t)(options.seconds * 1e9);
    for (int i = 0; i < options.callers; i++) {
        callers[i] = (struct caller){
            .fd = -1, .random = (uint64_t)i << 32, .answer = must_calloc(ANSWER_MAX + 1, 1)};
        if (pthread_create(&callers[i].thread, NULL, call_on, &callers[i]) != 0)
            usage_fault("postcodes: no thread");
    }
    for (int i = 0; i < options.callers; i++) {
        pthread_join(callers[i].thread, NULL);
        free(callers[i].answer);
    }
    free(callers);
    printf("{\"good\":%ld,\"bad\":%ld,\"of_another\":%ld,\"broken\":%ld,\"hits\":%ld,"
           "\"stale\":%ld,\"collapsed\":%ld}\n",
           good, bad, of_another, broken, hits, stale, collapsed);
    return bad + of_another + broken == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
