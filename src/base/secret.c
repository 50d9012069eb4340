/*
 * Each secret's bytes have pages of their own. Secrets are few (tokens, client secrets, keys), so
 * a page each is cheap, and it gives what malloc cannot: MADV_DONTDUMP covers the secret and
 * nothing else, and munmap takes the memory away instead of handing it to the next allocation. The
 * handle with the count is on the heap, where a leak checker sees a reference that was lost.
 *
 * Not promised: mlock (its limit is small and not ours; swap is the administrator's to encrypt).
 */
#include "base/secret.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define SECRET_MAGIC 0x5ec4e701u

struct secret {
    unsigned magic;
    atomic_uint refs;
    size_t len;
    size_t mapped; /* bytes, whole pages */
    unsigned char *bytes;
};

/* Zeroed pages outside core dumps; *mapped is their size, `size` rounded up. */
static void *pages_map(size_t size, size_t *mapped)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    MUST(size <= SIZE_MAX - page);
    *mapped = (size + page - 1) / page * page;
    void *p = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        mem_exhausted();
    /* A kernel that does not know this still has a working secret. */
    (void)madvise(p, *mapped, MADV_DONTDUMP);
    return p;
}

struct secret *secret_new(const void *bytes, size_t len)
{
    struct secret *secret = mem_alloc(sizeof(*secret));

    MAGIC_SET(secret, SECRET_MAGIC);
    atomic_init(&secret->refs, 1);
    secret->len = len;
    secret->bytes = pages_map(len + 1, &secret->mapped);
    if (len > 0)
        memcpy(secret->bytes, bytes, len);
    return secret;
}

struct secret *secret_ref(struct secret *secret)
{
    MAGIC_OK(secret, SECRET_MAGIC);
    MUST(atomic_fetch_add_explicit(&secret->refs, 1, memory_order_relaxed) > 0);
    return secret;
}

void secret_unref(struct secret *secret)
{
    if (secret == NULL)
        return;
    MAGIC_OK(secret, SECRET_MAGIC);
    /* Whoever is last must see all that the others did with it. */
    if (atomic_fetch_sub_explicit(&secret->refs, 1, memory_order_acq_rel) > 1)
        return;
    wipe(secret->bytes, secret->len);
    MUST(munmap(secret->bytes, secret->mapped) == 0);
    MAGIC_CLEAR(secret);
    mem_free(secret);
}

const void *secret_bytes(const struct secret *secret)
{
    MAGIC_OK(secret, SECRET_MAGIC);
    return secret->bytes;
}

const char *secret_text(const struct secret *secret)
{
    return secret_bytes(secret);
}

size_t secret_len(const struct secret *secret)
{
    MAGIC_OK(secret, SECRET_MAGIC);
    return secret->len;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    volatile unsigned char difference = 0;

    if (a == NULL || b == NULL)
        return a == b;
    MAGIC_OK(a, SECRET_MAGIC);
    MAGIC_OK(b, SECRET_MAGIC);
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        difference = (unsigned char)(difference | (a->bytes[i] ^ b->bytes[i]));
    return difference == 0;
}

void wipe(void *p, size_t len)
{
    if (len > 0)
        explicit_bzero(p, len);
}

void wipe_free(void *p, size_t len)
{
    if (p == NULL)
        return;
    wipe(p, len);
    mem_free(p);
}

void wipe_free_text(char *text)
{
    wipe_free(text, text != NULL ? strlen(text) : 0);
}

void wipe_free_block(void *p)
{
    wipe_free(p, malloc_usable_size(p));
}
