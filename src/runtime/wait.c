/*
 * How long a loop waits, measured by two looks at the clock a turn: the last thing before it waits,
 * and the first in whatever is called after that.
 *
 * libuv can do it (UV_METRICS_IDLE_TIME), but then it asks the kernel twice before it waits, the
 * first time without waiting, and takes a lock: 1.2 system calls more for a lookup with one caller.
 */
#include "runtime/loop_internal.h"

#include "base/check.h"

void loop_begin_wait(struct loop *loop)
{
    loop->waits = true;
    atomic_store_explicit(&loop->waiting_since, mono_now().ns, memory_order_release);
}

static void end_wait(struct loop *loop)
{
    int64_t since = atomic_load_explicit(&loop->waiting_since, memory_order_relaxed);
    int64_t waited = atomic_load_explicit(&loop->waited, memory_order_relaxed);

    loop->waits = false;
    atomic_store_explicit(&loop->waiting_since, 0, memory_order_release);
    atomic_store_explicit(&loop->waited, waited + mono_now().ns - since, memory_order_release);
}

void loop_awake(uv_loop_t *uv)
{
    struct loop *loop = CONTAINER_OF(uv, struct loop, uv);

    if (loop->waits)
        end_wait(loop);
}

/*
 * A sum is stored after the wait that it includes was taken back. So where the sum is the same
 * before and after, the wait that was seen in between is not in it.
 */
int64_t loop_waited(const struct loop *loop, struct mono_time now)
{
    int64_t waited, since, again;

    MAGIC_OK(loop, LOOP_MAGIC);
    do {
        waited = atomic_load_explicit(&loop->waited, memory_order_acquire);
        since = atomic_load_explicit(&loop->waiting_since, memory_order_acquire);
        again = atomic_load_explicit(&loop->waited, memory_order_acquire);
    } while (again != waited);
    return since == 0 || since > now.ns ? waited : waited + now.ns - since;
}
