/*
 * What a loop is made of. Only for src/runtime: the others use runtime/loop.h.
 */
#ifndef RUNTIME_LOOP_INTERNAL_H
#define RUNTIME_LOOP_INTERNAL_H

#include <stdatomic.h>
#include <uv.h>

#include "runtime/loop.h"

#define LOOP_MAGIC 0x100b0001u

struct loop {
    unsigned magic;

    /* The loop's thread only. */
    uv_loop_t uv;
    uv_prepare_t turn_end;
    struct turn_hook *hooks;     /* oldest first */
    struct turn_hook *next_hook; /* the one after the hook that runs now */
    struct mono_time now;        /* as last read in this turn; 0: not yet */
    bool waits;                  /* the sign of `waited` */
    struct timer *timers;        /* every timer made, live or not */
    struct timer *timers_idle;   /* those that can be started */

    /* Any thread. */
    uv_async_t wake;
    _Atomic(struct mail *) mail; /* newest first */
    atomic_bool stopping;
    /* Only the loop's thread stores to it. In ns; while it waits less the moment that began
     * (wait.c).
     */
    _Atomic int64_t waited;
};

/* The loop waits from now on (wait.c), until loop_awake. */
void loop_begin_wait(struct loop *loop);

/* Closes the timers' handles; timers_free, once they are closed, frees them. */
void timers_close(struct loop *loop);
void timers_free(struct loop *loop);

#endif
