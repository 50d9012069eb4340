/*
 * A real server and the model of a fleet's scripts, side by side: each command runs on both, and
 * both must say the same, to the member and to the channel. The server's wall clock is ours
 * (tests/fleet/clock_shim.c) and stands still during a command, so that nothing is compared with a
 * tolerance, and days pass at once.
 *
 * The server is redis-server or valkey-server, or what FLEET_SERVER names; its user may do what
 * [fleet] of the manual says, and no more.
 */
#ifndef TESTS_STORE_SERVER_H
#define TESTS_STORE_SERVER_H

#include <check.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fleet/store_model.h"
#include "base/check.h"
#include "base/mem.h"
#include "scratch.h"
#include "suite.h"

#define PREFIX "pc"
/* conf/man/postcoded.ini.5 has the same. */
#define ACL                                                                                        \
    "user postcoded on >secret resetchannels ~pc:{* &pc:{* -@all +eval +evalsha +time +hget "      \
    "+hset +pttl +pexpire +pexpireat +get +set +del +incr +zadd +zcard +zrange "                   \
    "+zremrangebyscore +publish +subscribe +unsubscribe +pubsub|numsub +auth +role "               \
    "+client|setname\n"
#define SEALED_MAX 40
#define HEARD_MAX 64

static const char *const ids[] = {"00112233445566778899aabbccddeeff",
                                  "ffeeddccbbaa99887766554433221100"};
static const char *const members[] = {"one.00000001", "two-b.00000002", "three_c.00000003"};

/* What was said on the channels, by the server or by the model. */
struct heard {
    size_t count;
    char texts[HEARD_MAX][FLEET_CHANNEL + 64];
};

static pid_t server;
static int64_t *clock_us;
static redisContext *caller, *listener, *admin;
static struct store_model *model;
static struct heard said, modelled;

/* ---- the server ---- */

static const char *server_name(void)
{
    static const char *const names[] = {"redis-server", "valkey-server"};
    const char *given = getenv("FLEET_SERVER");

    if (given != NULL)
        return given;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *command = mem_printf("command -v %s >/dev/null", names[i]);
        const int status = system(command);
        mem_free(command);
        if (status == 0)
            return names[i];
    }
    return NULL;
}

static inline char *shim_path(void)
{
    char path[4096];
    const ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

    ck_assert_int_gt(len, 0);
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    *slash = '\0';
    return mem_printf("%s/../fleet/clock_shim.so", path);
}

static inline void make_clock(void)
{
    const int64_t start = INT64_C(1790000000000000);

    scratch_write("clock", &start, sizeof(start), 0600);
    char *path = scratch_path("clock");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    mem_free(path);
    void *map = mmap(NULL, sizeof(start), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    close(fd);
    clock_us = map;
}

static inline void write_configuration(void)
{
    char *text = mem_printf("port 0\nunixsocket %s/socket\nsave \"\"\nappendonly no\ndir %s\n"
                            "logfile %s/log\n" ACL,
                            dir, dir, dir);

    scratch_write("conf", text, strlen(text), 0600);
    mem_free(text);
}

static inline void run_server(void)
{
    char *shim = shim_path(), *path = scratch_path("clock"), *conf = scratch_path("conf");

    ck_assert_int_eq(access(shim, R_OK), 0);
    server = fork();
    ck_assert_int_ge(server, 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("LD_PRELOAD", shim, 1);
        setenv("CLOCK_FILE", path, 1);
        unsetenv("ASAN_OPTIONS");
        execlp(server_name(), server_name(), conf, (char *)NULL);
        _exit(127);
    }
    mem_free(shim);
    mem_free(path);
    mem_free(conf);
}

static inline redisContext *connect_as(const char *user)
{
    char *path = scratch_path("socket");
    redisContext *context = NULL;

    for (int i = 0; i < 1000; i++) {
        context = redisConnectUnix(path);
        if (context != NULL && context->err == 0)
            break;
        if (context != NULL)
            redisFree(context);
        context = NULL;
        usleep(10000);
    }
    mem_free(path);
    ck_assert_ptr_nonnull(context);
    if (user != NULL) {
        redisReply *reply = redisCommand(context, "AUTH %s secret", user);
        ck_assert(reply != NULL && reply->type == REDIS_REPLY_STATUS);
        freeReplyObject(reply);
    }
    return context;
}

static inline void model_publishes(void *arg, const char *id, const struct fleet_hint *hint);

static inline void begin(void)
{
    scratch_make();
    make_clock();
    write_configuration();
    run_server();
    admin = connect_as(NULL);
    caller = connect_as("postcoded");
    listener = connect_as(NULL);
    model = store_model_new(model_publishes, NULL);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char channel[FLEET_CHANNEL];
        fleet_channel(PREFIX, ids[i], channel);
        redisReply *reply = redisCommand(listener, "SUBSCRIBE %s", channel);
        ck_assert(reply != NULL && reply->type == REDIS_REPLY_ARRAY);
        freeReplyObject(reply);
        store_model_members(model, ids[i], 1);
    }
}

static inline void end(void)
{
    int status;

    store_model_free(model);
    redisFree(caller);
    redisFree(listener);
    redisFree(admin);
    kill(server, SIGTERM);
    ck_assert_int_eq(waitpid(server, &status, 0), server);
    munmap(clock_us, sizeof(*clock_us));
    scratch_remove();
}

/* ---- both sides ---- */

static inline void heard_add(struct heard *heard, const char *channel, const char *text)
{
    ck_assert_uint_lt(heard->count, HEARD_MAX);
    snprintf(heard->texts[heard->count++], sizeof(heard->texts[0]), "%s %s", channel, text);
}

static inline void model_publishes(void *arg, const char *id, const struct fleet_hint *hint)
{
    static const char *const kinds[] = {"new", "gone", "leaked", "wait"};
    char channel[FLEET_CHANNEL], text[64];
    const uint64_t number =
        hint->kind == FLEET_HINT_WAIT ? (uint64_t)(hint->wait / MILLISECOND) : hint->generation;

    (void)arg;
    fleet_channel(PREFIX, id, channel);
    snprintf(text, sizeof(text), "%s %llu", kinds[hint->kind], (unsigned long long)number);
    heard_add(&modelled, channel, text);
}

/* All that was said before the answer to a ping. */
static inline void listen_until_pong(void)
{
    redisReply *reply = redisCommand(listener, "PING");

    for (;;) {
        ck_assert(reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2);
        if (strcmp(reply->element[0]->str, "pong") == 0)
            break;
        ck_assert_str_eq(reply->element[0]->str, "message");
        struct fleet_hint hint;
        ck_assert(fleet_hint_read(reply->element[2]->str, reply->element[2]->len, &hint));
        heard_add(&said, reply->element[1]->str, reply->element[2]->str);
        freeReplyObject(reply);
        void *next = NULL;
        ck_assert_int_eq(redisGetReply(listener, &next), REDIS_OK);
        reply = next;
    }
    freeReplyObject(reply);
}

static inline struct resp_reply convert_item(const redisReply *item)
{
    struct resp_reply out = {.integer = item->integer, .text = item->str, .len = item->len};

    switch (item->type) {
    case REDIS_REPLY_STRING:
        out.type = RESP_STRING;
        break;
    case REDIS_REPLY_INTEGER:
        out.type = RESP_INTEGER;
        break;
    case REDIS_REPLY_NIL:
        out.type = RESP_NIL;
        break;
    default:
        ck_abort_msg("an item of type %d: %s", item->type, item->str != NULL ? item->str : "");
    }
    return out;
}

static inline redisReply *send_words(const struct fleet_command *command, bool whole)
{
    struct fleet_words words;

    fleet_words_make(&words, PREFIX, command, whole);
    redisReply *reply =
        redisCommandArgv(caller, (int)words.count, (const char **)words.words, words.lengths);
    ck_assert_ptr_nonnull(reply);
    return reply;
}

/* `items` outlive the reply that is read from them. */
static inline redisReply *run_script(const struct fleet_command *command,
                                     struct resp_reply items[16], struct fleet_reply *out)
{
    redisReply *reply = send_words(command, false);

    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        freeReplyObject(reply);
        reply = send_words(command, true);
    }
    ck_assert_msg(reply->type == REDIS_REPLY_ARRAY, "%s", reply->str);
    ck_assert_uint_le(reply->elements, 16);
    for (size_t i = 0; i < reply->elements; i++)
        items[i] = convert_item(reply->element[i]);
    const struct resp_reply in = {.type = RESP_ARRAY, .items = items, .count = reply->elements};
    ck_assert(fleet_reply_read(command->verb, &in, out));
    return reply;
}

/* No longer wait is believed, whatever the store says. */
static inline int64_t believed(int64_t wait)
{
    return wait < FLEET_LONGEST_WAIT ? wait : FLEET_LONGEST_WAIT;
}

static inline void compare(const struct fleet_reply *real, const struct fleet_reply *modeled)
{
    ck_assert_int_eq(real->answer, modeled->answer);
    ck_assert_int_eq(real->now, modeled->now);
    ck_assert_uint_eq(real->generation, modeled->generation);
    ck_assert_uint_eq(real->counter, modeled->counter);
    ck_assert_int_eq(real->lasts, modeled->lasts);
    ck_assert_uint_eq(real->sealed_len, modeled->sealed_len);
    ck_assert((real->sealed == NULL) == (modeled->sealed == NULL));
    if (real->sealed != NULL)
        ck_assert_mem_eq(real->sealed, modeled->sealed, real->sealed_len);
    ck_assert_int_eq(real->lease, modeled->lease);
    ck_assert_str_eq(real->leader, modeled->leader);
    ck_assert_int_eq(believed(real->wait), believed(modeled->wait));
    ck_assert_int_eq(real->members, modeled->members);
    ck_assert_uint_eq(real->fence, modeled->fence);
}

static inline int64_t now_ms(void)
{
    return *clock_us / 1000;
}

/* What is left of each key, as PTTL says it. */
static inline void compare_keys(const char *id)
{
    static const char keys[] = FLEET_MODEL_KEYS;

    for (size_t i = 0; keys[i] != '\0'; i++) {
        char *text = mem_printf("PTTL " PREFIX ":{%s}:%c", id, keys[i]);
        ck_assert_int_eq(redisAppendCommand(admin, text), REDIS_OK);
        mem_free(text);
    }
    for (size_t i = 0; keys[i] != '\0'; i++) {
        void *reply = NULL;
        ck_assert_int_eq(redisGetReply(admin, &reply), REDIS_OK);
        const int64_t ms = ((redisReply *)reply)->integer;
        ck_assert_msg(ms == store_model_pttl(model, now_ms(), id, keys[i]), "key %c: %lld", keys[i],
                      (long long)ms);
        freeReplyObject(reply);
    }
}

/* Runs it on both sides; what came is in `out` but for its pointers. */
static inline void run(const struct fleet_command *command, struct fleet_reply *out)
{
    struct resp_reply items[16];
    struct fleet_reply modeled;

    said.count = modelled.count = 0;
    redisReply *reply = run_script(command, items, out);
    listen_until_pong();
    store_model_run(model, now_ms(), command, &modeled);
    compare(out, &modeled);
    ck_assert_uint_eq(said.count, modelled.count);
    for (size_t i = 0; i < said.count; i++)
        ck_assert_str_eq(said.texts[i], modelled.texts[i]);
    compare_keys(command->id);
    freeReplyObject(reply);
    out->sealed = NULL;
    out->leader = "";
}

static inline void administer(const char *text)
{
    redisReply *reply = redisCommand(admin, text);

    ck_assert_msg(reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s", text);
    freeReplyObject(reply);
}

/* What has expired goes at once: a clock that is put back must not bring back what it meets. */
static inline void set_clock(int64_t us)
{
    struct fleet_reply unused;

    *clock_us = us;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        for (const char *key = FLEET_MODEL_KEYS; *key != '\0'; key++) {
            char *text = mem_printf("EXISTS " PREFIX ":{%s}:%c", ids[i], *key);
            administer(text);
            mem_free(text);
        }
        const struct fleet_command look = {.verb = FLEET_LOOK, .id = ids[i]};
        store_model_run(model, now_ms(), &look, &unused);
    }
}

static inline void flush(void)
{
    administer("FLUSHALL");
    administer("SCRIPT FLUSH");
    store_model_flush(model);
}

#endif
