/*
 * How long a loop waits, measured by two looks at the clock a turn: the last thing before it waits,
 * and the first in whatever is called after that.
 *
 * libuv can do it (UV_METRICS_IDLE_TIME), but then it asks the kernel twice before it waits, the
 * first time without waiting, and takes a lock: 1.2 system calls more for a lookup with one caller.
 */
#include "runtime/loop_internal.h"

#include "base/check.h"

/*
 * The sum and the wait that goes on are one word, so that nobody reads the one without the other:
 * not negative, it is the sum; negative, the sum less the moment at which the wait began. (A loop
 * was made later than at 0 by that clock, so it has waited for less than that.)
 */
void loop_begin_wait(struct loop *loop)
{
    const int64_t waited = atomic_load_explicit(&loop->waited, memory_order_relaxed);

    loop->waits = true;
    atomic_store_explicit(&loop->waited, waited - mono_now().ns, memory_order_release);
}

static void end_wait(struct loop *loop)
{
    const int64_t waiting = atomic_load_explicit(&loop->waited, memory_order_relaxed);

    loop->waits = false;
    atomic_store_explicit(&loop->waited, waiting + mono_now().ns, memory_order_release);
}

void loop_awake(uv_loop_t *uv)
{
    struct loop *loop = CONTAINER_OF(uv, struct loop, uv);

    if (loop->waits)
        end_wait(loop);
}

/* A wait that began after `now` was read takes away the time in between, and no more. */
int64_t loop_waited(const struct loop *loop, struct mono_time now)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    const int64_t waited = atomic_load_explicit(&loop->waited, memory_order_acquire);

    return waited < 0 ? waited + now.ns : waited;
}
