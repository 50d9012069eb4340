/*
 * What the daemon is made of, for the files of service/ that each own a part of its life:
 *
 *   daemon.c   start and end
 *   parts.c    what a start and a reload both make of a configuration
 *   fleeting.c the link to the fleet's store, which all upstreams share
 *   upstreams.c (a part of its own) what there is of each upstream
 *   drain.c    from the first signal that asks it to end to the last response
 *   reload.c   another configuration in place of the present one
 *   reload_upstreams.c   what of that is about upstreams
 *   keys.c     the keys of [identity] key_url
 *   report.c   what the service manager and the operators are told: status, health, watchdog
 *   sampling.c the history that operators look at
 *
 * Thread: the main one.
 */
#ifndef SERVICE_DAEMON_INTERNAL_H
#define SERVICE_DAEMON_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/reason.h"
#include "front/acceptor.h"
#include "front/admin.h"
#include "front/history.h"
#include "front/lately.h"
#include "front/listen.h"
#include "front/lookups.h"
#include "front/readiness.h"
#include "front/server.h"
#include "middleware/key_keeper.h"
#include "runtime/loop.h"
#include "runtime/trace.h"
#include "service/busy.h"
#include "service/descriptors.h"
#include "service/setup.h"
#include "service/systemd.h"
#include "service/upstreams.h"
#include "service/watch.h"
#include "service/wiring.h"
#include "service/worker.h"

#define DAEMON_MAGIC 0x44414d4eu
/* SIGTERM, SIGINT, SIGHUP */
#define DAEMON_SIGNALS 3

struct reload;
struct keys_change;

/* What changes without report.c being told, and is worth another status. */
struct report_facts {
    bool ready;   /* of the upstreams: one of a route at least */
    bool blocked; /* a worker */
    bool alone;   /* the fleet's store is out of reach */
    size_t count;
    struct upstream_facts {
        bool ready; /* a token, and lookups that succeed */
        enum keeper_state token;
        enum readiness_cause cause;
        enum health_reason failure;
        int status; /* the upstream's */
    } upstreams[CONFIG_UPSTREAMS_MAX];
};

/* A link to the fleet's store, and what it was made of. */
struct fleeting {
    struct fleet_link *link; /* NULL: no fleet */
    struct digest digest;
};

struct daemon {
    unsigned magic;
    const char *path; /* of the configuration */
    struct wall_time started;
    struct mono_time began; /* the same moment */
    struct setup setup;
    struct loop *loop;
    struct systemd_inherited inherited;
    uv_signal_t signals[DAEMON_SIGNALS];
    size_t signal_count;
    bool ending; /* it is being taken down: mail that still comes does nothing */

    /* The upstreams, with their tokens. */
    struct upstreams upstreams;

    /* The fleet (fleeting.c). */
    struct fleeting fleeting;
    struct exposition_fleet fleet; /* whom to ask of it; its link is NULL where there is none */

    /* The keys of key_url (keys.c). */
    struct key_keeper *keys; /* NULL: there is no key_url */
    struct digest keys_digest;
    int64_t keys_counted; /* in METRIC_IDENTITY_KEYS */

    /* Lookups. */
    struct listen *listen;
    struct server_quota quota;
    struct accept_group callers; /* one member for each worker */
    struct lookup_places places;
    struct cache *cache; /* a reference; NULL: there is none */
    struct timer *caching_timer;
    struct quota *user_quota;
    struct worker **workers;
    size_t worker_count;
    struct busy busy;
    struct descriptor_users users; /* as at the start, but for its callers */
    struct descriptor_shares shares;

    /* Operators. */
    struct listen *metrics_listen;
    struct listen *admin_listen;
    struct server_quota operator_quota;
    struct server *operators;
    struct operators_listener {
        struct admin_app app;
        struct accept_member member;
        struct accept_group group;
        struct acceptor *acceptor; /* NULL: none accepts */
    } metrics, admin;
    struct guid_source guids;
    struct history *history;      /* sampling.c */
    struct timer *sampling_timer; /* NULL: it has not begun */

    /* drain.c */
    struct drain {
        bool begun;
        size_t asked;    /* workers that have not answered yet */
        size_t arriving; /* connections that wait for a request, of those that have */
        bool refusing;   /* nobody connects to the listeners any more */
        bool closed;     /* they are */
        unsigned quiet_looks;
        struct mono_time requests_until; /* those are waited for */
        struct mono_time until;
        struct timer *timer;
    } drain;

    /* reload.c */
    struct reload *reload; /* NULL: none is under way */
    bool reload_again;     /* SIGHUP came while one was */
    struct reload_status loaded;
    struct watch *watch; /* NULL: [server] reload_on_change is off */

    /* report.c */
    struct report_facts told; /* what the last status said */
    struct timer *status_timer;
    struct lately log_dropped; /* lines */
    struct lately refused;     /* connections */
    int64_t watchdog;          /* ns between two meals; 0: there is none */
    struct timer *watchdog_timer;
};

/* parts.c: why a start or a reload fails when token_service_new or _prepare does. */
void daemon_explain_tokens(const struct config *config, const struct config_upstream *upstream,
                           enum err err, struct reason *reason);

/* What the operators' endpoints show, borrowed from the present configuration and the
 * daemon. */
struct exposition daemon_exposition(struct daemon *daemon);

/* Keys of key_url are needed, and none were ever obtained: adds a phrase that says why. */
bool daemon_lacks_keys(const struct daemon *daemon, struct buf *why);

/*
 * What connections there may be: those that `config` says, or what the system's limit on
 * descriptors allows. False, with the reason, when that is too little for anything.
 */
bool daemon_share_descriptors(const struct descriptor_users *users, const struct config *config,
                              struct descriptor_shares *shares, struct reason *reason);
/* Sets the limits on callers and operators, and warns of what is lowered. */
void daemon_limit_connections(struct daemon *daemon, const struct config *config,
                              const struct descriptor_users *users,
                              const struct descriptor_shares *shares);

/* drain.c: SIGTERM, SIGINT. A second one ends at once. */
void drain_signal(struct daemon *daemon, int number);
void drain_stop(struct daemon *daemon);

/* reload.c: SIGHUP. */
void reload_signal(struct daemon *daemon);
/* The daemon ends: a reload that waits for keys is dropped. */
void reload_stop(struct daemon *daemon);
/* Begins to watch the files of the present configuration, where that is asked for. */
void reload_watch(struct daemon *daemon);
/*
 * Whether callers may go unverified on the listeners there really are, which a service manager may
 * have handed down, and whether those with TLS have a certificate; else `reason` says what to do.
 */
bool reload_listeners_allow(const struct daemon *daemon, const struct setup *setup,
                            struct reason *reason);

/* reload_upstreams.c: in this order. */
struct reload_upstreams {
    struct reload_upstream {
        struct daemon_upstream *upstream;
        bool added;                          /* it is the reload's until all is changed */
        struct token_service_change *tokens; /* NULL: it is added */
        bool new_era;                        /* its tokens of before are of no use */
        struct digest pool_digest;
        size_t max_connections; /* of a worker */
    } * items;                  /* in the order of the new configuration */
    size_t count;
    struct fleeting fleeting;
    bool new_link;                    /* it is the reload's until all is changed */
    struct daemon_upstream **removed; /* and those that stay: those of before */
    size_t removed_count;
};
/* Makes those that are new. False: the log says why. _discard in each case. */
bool reload_upstreams_prepare(struct daemon *daemon, struct config *config,
                              struct reload_upstreams *changes);
/* How many connections each may have. */
void reload_upstreams_share(const struct daemon *daemon, const struct config *config,
                            const struct descriptor_shares *shares,
                            struct reload_upstreams *changes);
/* For the worker with this number to prepare. */
void reload_upstreams_ways(const struct reload_upstreams *changes, size_t worker,
                           struct worker_way *ways);
/* The tokens; workers hear of those that are lost. */
void reload_upstreams_commit(struct reload_upstreams *changes);
/* They are the daemon's upstreams; its configuration is to follow at once. */
void reload_upstreams_use(struct daemon *daemon, struct reload_upstreams *changes);
/* For a worker to use. */
void reload_upstreams_eras(const struct reload_upstreams *changes, struct worker_way *ways);
/* The workers have been told: starts the new ones, and retires those that are gone. */
void reload_upstreams_finish(struct daemon *daemon, struct reload_upstreams *changes,
                             const struct config *before, const struct config *after);
/* What is not used yet. */
void reload_upstreams_discard(struct reload_upstreams *changes);

/* fleeting.c: the link to the fleet's store, at the start. False: its TLS files cannot be used. */
bool fleeting_make(struct daemon *daemon);
/* That for another configuration: the present one, or a new one. False: the log says why. */
bool fleeting_prepare(const struct daemon *daemon, struct config *config, struct fleeting *out,
                      bool *is_new);
/* It is the daemon's from now on; nobody is at the one before. */
void fleeting_use(struct daemon *daemon, const struct fleeting *fleeting);
/* Nobody is at it. */
void fleeting_stop(struct daemon *daemon);

/* keys.c. False: key_ca_file cannot be used, or the system refuses a descriptor. */
bool keys_make(struct daemon *daemon);
/* The first fetch; nothing waits for it. */
void keys_start(struct daemon *daemon);
void keys_stop(struct daemon *daemon);
/* A worker met a key that is not in the set. */
void keys_asked(void *daemon);
/* What workers are to know now; the reference is the caller's. */
struct key_view keys_view(const struct daemon *daemon);
/* After keys or configuration changed. */
void keys_count(struct daemon *daemon);

/* How preparing the keys of another configuration stands. */
enum keys_state {
    KEYS_PREPARED,  /* nothing has to be fetched */
    KEYS_PREPARING, /* `prepared` will be called in a later turn */
    KEYS_FAILED,    /* the log says why */
};
/* *out is set in each case; keys_commit or keys_discard (which drops a fetch) frees it. */
enum keys_state keys_prepare(struct daemon *daemon, const struct config *config,
                             void (*prepared)(void *arg, bool good), void *arg,
                             struct keys_change **out);
void keys_commit(struct daemon *daemon, struct keys_change *change);
void keys_discard(struct keys_change *change); /* NULL is allowed */

/* report.c */
void report_start(struct daemon *daemon);
void report_stop(struct daemon *daemon);
/* After whatever may have changed the status. */
void report_status(struct daemon *daemon);
bool report_healthy(void *daemon);
bool report_draining(void *daemon);
void report_unready(void *daemon, struct buf *reasons);
void report_describe(const struct daemon *daemon, struct overview *overview);

/* sampling.c */
void sampling_start(struct daemon *daemon);
void sampling_stop(struct daemon *daemon);
/* The state of an upstream's token may have changed. */
void sampling_token(struct daemon *daemon);
void sampling_describe(void *daemon, struct overview *overview);

/* caching.c */
void caching_start(struct daemon *daemon);
/* After a reload: for the present configuration. */
void caching_follow(struct daemon *daemon);
void caching_stop(struct daemon *daemon);

#endif
