/*
 * Head and tail count bytes since the beginning and never wrap in practice (64 bits); an index is
 * their rest by the size. A full ring and an empty one are so told apart without a spare byte, and
 * the taker can hand the bytes to writev where they lie.
 */
#include "base/log_ring.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct log_ring {
    /* Apart from each other, so that the threads do not take turns at one cache line. */
    _Alignas(64) atomic_uint_least64_t head;
    atomic_bool closed;
    _Alignas(64) atomic_uint_least64_t tail;
    _Alignas(64) atomic_uint refs;
    char data[LOG_RING_SIZE];
};

struct log_ring *log_ring_new(void)
{
    void *memory;

    if (posix_memalign(&memory, _Alignof(struct log_ring), sizeof(struct log_ring)) != 0)
        mem_exhausted();
    struct log_ring *ring = memory;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->closed, false);
    atomic_init(&ring->refs, 1);
    return ring;
}

struct log_ring *log_ring_ref(struct log_ring *ring)
{
    atomic_fetch_add_explicit(&ring->refs, 1, memory_order_relaxed);
    return ring;
}

void log_ring_unref(struct log_ring *ring)
{
    if (atomic_fetch_sub_explicit(&ring->refs, 1, memory_order_acq_rel) == 1)
        mem_free(ring);
}

bool log_ring_put(struct log_ring *ring, const char *line, size_t len)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t at = head % LOG_RING_SIZE;
    size_t to_end = LOG_RING_SIZE - at;

    if (len > LOG_RING_SIZE - (head - tail))
        return false;
    if (len <= to_end) {
        memcpy(ring->data + at, line, len);
    } else {
        memcpy(ring->data + at, line, to_end);
        memcpy(ring->data, line + to_end, len - to_end);
    }
    atomic_store_explicit(&ring->head, head + len, memory_order_release);
    return true;
}

bool log_ring_is_high(const struct log_ring *ring)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    return head - tail > LOG_RING_SIZE / 2;
}

void log_ring_close(struct log_ring *ring)
{
    atomic_store_explicit(&ring->closed, true, memory_order_release);
}

int log_ring_peek(const struct log_ring *ring, struct iovec pieces[2])
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t len = head - tail;
    size_t at = tail % LOG_RING_SIZE;
    size_t to_end = LOG_RING_SIZE - at;
    char *data = (char *)(uintptr_t)ring->data; /* iovec knows no const; writev only reads */

    if (len == 0)
        return 0;
    pieces[0] = (struct iovec){.iov_base = data + at, .iov_len = len < to_end ? len : to_end};
    if (len <= to_end)
        return 1;
    pieces[1] = (struct iovec){.iov_base = data, .iov_len = len - to_end};
    return 2;
}

void log_ring_drop(struct log_ring *ring, size_t len)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    atomic_store_explicit(&ring->tail, tail + len, memory_order_release);
}

bool log_ring_is_spent(const struct log_ring *ring)
{
    struct iovec pieces[2];

    /* In this order: what was put before it was closed is then seen. */
    return atomic_load_explicit(&ring->closed, memory_order_acquire) &&
           log_ring_peek(ring, pieces) == 0;
}
