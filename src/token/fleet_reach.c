/*
 * Each change ends with at most one call of a port, the last thing that is done: by then the next
 * attempt is planned already, so that the port may stop it.
 *
 * Waits have full jitter from the first one on: a store that restarts is met by all members within
 * a second, and not in one moment.
 *
 * The count of failures goes back to none when a connection ends that had worked. One that is lost
 * before, while the store loads its data, say, was a failed attempt.
 */
#include "token/fleet_reach.h"

#include "base/check.h"
#include "base/mem.h"
#include "config/fleet.h"
#include "token/fleet_server.h"

#define REACH_MAGIC 0xf1ee7ac4u

static void on_timer(void *arg);

/* ---- waits ---- */

int64_t fleet_reach_wait(unsigned failures, uint32_t random)
{
    int64_t ceiling = FLEET_WAIT_FIRST;

    for (unsigned i = 0; i < failures && ceiling < FLEET_WAIT_MAX; i++)
        ceiling *= 2;
    if (ceiling > FLEET_WAIT_MAX)
        ceiling = FLEET_WAIT_MAX;
    return (int64_t)((double)ceiling * ((double)random / (double)UINT32_MAX));
}

static void take_server(struct fleet_reach *reach, const char *server)
{
    char *copy = mem_strdup(server);

    mem_free(reach->server);
    reach->server = copy;
}

static void wait_for(struct fleet_reach *reach, int64_t wait)
{
    reach->phase = REACH_WAITING;
    reach->timer = timer_start(reach->loop, wait, on_timer, reach);
}

static int64_t wait_again(struct fleet_reach *reach)
{
    const uint32_t random = reach->ports.random(reach->ports.arg);
    const int64_t wait = fleet_reach_wait(reach->failures, random);

    if (reach->failures < UINT16_MAX)
        reach->failures++;
    wait_for(reach, wait);
    return wait;
}

/* ---- a round ---- */

static void end_round(struct fleet_reach *reach)
{
    const int64_t wait = wait_again(reach);

    reach->tried = 0;
    fleet_report_round(&reach->report, wait, loop_now(reach->loop));
    reach->ports.failed(reach->ports.arg);
}

/* False: it failed at once. */
static bool try_server(struct fleet_reach *reach, const char *server, enum fleet_fault *fault)
{
    take_server(reach, server);
    if (!config_fleet_may_use(reach->config, server)) {
        *fault = FLEET_FAULT_PLAINTEXT;
        return false;
    }
    if (reach->config->fleet_sentinel != NULL)
        return fleet_sentinel_ask(&reach->sentinel, server, fault);
    return fleet_pair_open(&reach->pair, server, fault);
}

static const char *what_is_asked(const struct fleet_reach *reach)
{
    return reach->config->fleet_sentinel != NULL ? "the Sentinel " : "";
}

static void next_server(struct fleet_reach *reach)
{
    const struct config_list *servers = &reach->config->fleet_servers;

    while (reach->tried < servers->count) {
        const char *server = servers->items[(reach->first + reach->tried) % servers->count];
        enum fleet_fault fault;

        reach->tried++;
        if (try_server(reach, server, &fault))
            return;
        fleet_report_attempt(&reach->report, what_is_asked(reach), server, fault, "");
    }
    end_round(reach);
}

/* The server that MOVED named. */
static void open_moved(struct fleet_reach *reach)
{
    enum fleet_fault fault = FLEET_FAULT_PLAINTEXT;

    mem_free(reach->server);
    reach->server = reach->moved;
    reach->moved = NULL;
    reach->directed = true;
    if (!config_fleet_may_use(reach->config, reach->server) ||
        !fleet_pair_open(&reach->pair, reach->server, &fault)) {
        fleet_report_attempt(&reach->report, "", reach->server, fault, "");
        end_round(reach);
    }
}

static void on_timer(void *arg)
{
    MAGIC_CAST(struct fleet_reach, reach, arg, REACH_MAGIC);

    reach->timer = NULL;
    reach->phase = REACH_OPENING;
    reach->directed = false;
    if (reach->moved != NULL)
        open_moved(reach);
    else
        next_server(reach);
}

static void on_sentinel_failed(void *arg, enum fleet_fault fault, const char *detail)
{
    MAGIC_CAST(struct fleet_reach, reach, arg, REACH_MAGIC);

    fleet_report_attempt(&reach->report, what_is_asked(reach), reach->server, fault, detail);
    next_server(reach);
}

static void on_master_found(void *arg, const char *server)
{
    MAGIC_CAST(struct fleet_reach, reach, arg, REACH_MAGIC);
    enum fleet_fault fault = FLEET_FAULT_PLAINTEXT;

    /* Until it has proved right: the next one's turn. */
    reach->first = (reach->first + reach->tried) % reach->config->fleet_servers.count;
    reach->directed = true;
    take_server(reach, server);
    if (!config_fleet_may_use(reach->config, reach->server) ||
        !fleet_pair_open(&reach->pair, reach->server, &fault)) {
        fleet_report_attempt(&reach->report, "", reach->server, fault, "");
        end_round(reach);
    }
}

/* ---- what becomes of a connection ---- */

static void on_pair_opened(void *arg)
{
    MAGIC_CAST(struct fleet_reach, reach, arg, REACH_MAGIC);

    reach->phase = REACH_OPENED;
    reach->ports.opened(reach->ports.arg);
}

/* It was not connected yet. */
static void fail_attempt(struct fleet_reach *reach, enum fleet_fault fault, const char *detail)
{
    const bool told = reach->phase == REACH_OPENED;
    const bool last = reach->directed || reach->tried == reach->config->fleet_servers.count;

    fleet_report_attempt(&reach->report, "", reach->server, fault, detail);
    if (last) {
        end_round(reach);
    } else if (told) {
        wait_for(reach, 0);
        reach->ports.failed(reach->ports.arg);
    } else {
        next_server(reach);
    }
}

static void lose(struct fleet_reach *reach, enum fleet_fault fault, const char *detail)
{
    const struct mono_time now = loop_now(reach->loop);

    if (fleet_report_has_worked(&reach->report, fault, now))
        reach->failures = 0;
    const int64_t wait = wait_again(reach);
    fleet_report_lost(&reach->report, reach->server, fault, detail, wait, now);
    reach->ports.failed(reach->ports.arg);
}

static void on_pair_failed(void *arg, enum fleet_fault fault, const char *detail)
{
    MAGIC_CAST(struct fleet_reach, reach, arg, REACH_MAGIC);

    if (reach->phase == REACH_CONNECTED)
        lose(reach, fault, detail);
    else
        fail_attempt(reach, fault, detail);
}

static void on_message(void *arg, const char *channel, const char *text, size_t len)
{
    MAGIC_CAST(struct fleet_reach, reach, arg, REACH_MAGIC);

    reach->ports.message(reach->ports.arg, channel, text, len);
}

/*
 * Followed at once where nothing was entrusted to the node yet; else after a moment, for all
 * members are sent away at once. False: not any more.
 */
static bool follow(struct fleet_reach *reach, const char *server)
{
    const struct mono_time now = loop_now(reach->loop);

    if (fleet_report_has_worked(&reach->report, FLEET_FAULT_MOVED, now))
        reach->moves = 0;
    if (reach->moves >= FLEET_MOVES)
        return false;
    reach->moves++;
    reach->moved = mem_strdup(server);
    const uint32_t random = reach->report.proved ? reach->ports.random(reach->ports.arg) : 0;
    wait_for(reach, fleet_reach_wait(0, random));
    fleet_report_moved(&reach->report, reach->server, server, now);
    reach->ports.failed(reach->ports.arg);
    return true;
}

void fleet_reach_drop(struct fleet_reach *reach, enum fleet_fault fault,
                      const struct resp_reply *reply)
{
    MAGIC_OK(reach, REACH_MAGIC);
    char target[FLEET_SERVER];
    struct reason detail; /* the reply goes with its connection */
    const bool moves = fault == FLEET_FAULT_MOVED && reach->phase == REACH_CONNECTED &&
                       fleet_server_moved(reply, reach->server, target);

    MUST(reach->phase == REACH_OPENED || reach->phase == REACH_CONNECTED);
    reason_set(&detail, "%s", reply != NULL ? reply->text : "");
    fleet_pair_close(&reach->pair);
    if (moves && follow(reach, target))
        return;
    on_pair_failed(reach, fault, detail.text);
}

void fleet_reach_subscribed(struct fleet_reach *reach)
{
    MAGIC_OK(reach, REACH_MAGIC);
    const size_t count = reach->config->fleet_servers.count;

    if (reach->phase != REACH_OPENED)
        return;
    reach->phase = REACH_CONNECTED;
    if (reach->config->fleet_sentinel != NULL && reach->tried > 0)
        reach->first = (reach->first + count - 1) % count; /* it was right */
    reach->tried = 0;
    fleet_report_reached(&reach->report, reach->server, loop_now(reach->loop));
}

void fleet_reach_proved(struct fleet_reach *reach, enum fleet_verb verb)
{
    MAGIC_OK(reach, REACH_MAGIC);
    fleet_report_proved(&reach->report, reach->server, verb, loop_now(reach->loop));
}

void fleet_reach_useless(struct fleet_reach *reach, enum fleet_verb verb,
                         const struct resp_reply *reply)
{
    MAGIC_OK(reach, REACH_MAGIC);
    fleet_report_useless(&reach->report, reach->server, verb, reply, loop_now(reach->loop));
}

/* ---- commands ---- */

bool fleet_reach_command(struct fleet_reach *reach, const char *const *words, const size_t *lengths,
                         size_t count, resp_replied *replied, void *arg)
{
    MAGIC_OK(reach, REACH_MAGIC);
    MUST(reach->phase == REACH_OPENED || reach->phase == REACH_CONNECTED);
    return resp_command(reach->pair.commands, words, lengths, count, replied, arg);
}

bool fleet_reach_subscribe(struct fleet_reach *reach, const char *channel, resp_replied *replied,
                           void *arg)
{
    MAGIC_OK(reach, REACH_MAGIC);
    MUST(reach->phase == REACH_OPENED || reach->phase == REACH_CONNECTED);
    return resp_subscribe(reach->pair.channels, channel, replied, arg);
}

void fleet_reach_unsubscribe(struct fleet_reach *reach, const char *channel)
{
    MAGIC_OK(reach, REACH_MAGIC);
    MUST(reach->phase == REACH_OPENED || reach->phase == REACH_CONNECTED);
    /* Where it cannot be sent, the connection is about to end. */
    (void)resp_unsubscribe(reach->pair.channels, channel);
}

/* ---- its life ---- */

void fleet_reach_init(struct fleet_reach *reach, struct loop *loop, const struct config *config,
                      const struct fleet_reach_ports *ports)
{
    const struct fleet_sentinel_ports sentinel_ports = {
        .arg = reach, .found = on_master_found, .failed = on_sentinel_failed};
    const struct fleet_pair_ports pair_ports = {
        .arg = reach, .opened = on_pair_opened, .failed = on_pair_failed, .message = on_message};

    *reach = (struct fleet_reach){.ports = *ports, .loop = loop, .config = config};
    MAGIC_SET(reach, REACH_MAGIC);
    fleet_sentinel_init(&reach->sentinel, loop, config, &sentinel_ports);
    fleet_pair_init(&reach->pair, loop, config, &pair_ports);
}

void fleet_reach_fini(struct fleet_reach *reach)
{
    fleet_reach_stop(reach);
    fleet_sentinel_fini(&reach->sentinel);
    fleet_pair_fini(&reach->pair);
    mem_free(reach->server);
    MAGIC_CLEAR(reach);
}

void fleet_reach_start(struct fleet_reach *reach)
{
    MAGIC_OK(reach, REACH_MAGIC);
    MUST(reach->phase == REACH_STOPPED);
    wait_for(reach, 0);
}

void fleet_reach_stop(struct fleet_reach *reach)
{
    MAGIC_OK(reach, REACH_MAGIC);
    timer_stop(&reach->timer);
    fleet_sentinel_close(&reach->sentinel);
    fleet_pair_close(&reach->pair);
    mem_free(reach->moved);
    reach->moved = NULL;
    reach->tried = 0;
    reach->phase = REACH_STOPPED;
}

bool fleet_reach_is_connected(const struct fleet_reach *reach)
{
    MAGIC_OK(reach, REACH_MAGIC);
    return reach->phase == REACH_CONNECTED;
}

const char *fleet_reach_server(const struct fleet_reach *reach)
{
    MAGIC_OK(reach, REACH_MAGIC);
    return reach->server != NULL ? reach->server : reach->config->fleet_servers.items[0];
}

const char *fleet_reach_problem(const struct fleet_reach *reach, struct mono_time *failed)
{
    MAGIC_OK(reach, REACH_MAGIC);
    const char *text = reach->report.problem.text;

    *failed = reach->report.failed;
    if (text[0] != '\0')
        return text;
    return reach->phase == REACH_CONNECTED ? NULL : "no connection was opened yet";
}
