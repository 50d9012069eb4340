/*
 * A token is the payload of a struct secret: one block that holds the dates, the header's text and
 * the cells for successes, overwritten as a whole when the last reference goes. So the store can
 * keep it without knowing what it is, and there is no second copy of the value to be forgotten.
 *
 * A secret's bytes are read-only to everybody else. Here they are written twice: when the token is
 * made and nobody else has it, and in the success cells, atomically.
 */
#include "token/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define TOKEN_MAGIC 0x70c3e100u
#define CACHE_LINE 64

/* The time of the latest success that one worker saw. */
struct success {
    _Atomic int64_t sent;
    char padding[CACHE_LINE - sizeof(_Atomic int64_t)];
};

struct token {
    unsigned magic;
    struct secret *secret;       /* the one around it; not a reference */
    const struct keeper *keeper; /* compared only */
    uint64_t generation;
    int64_t lifetime;
    struct mono_time requested, renew_at, unusable_at, expires_at;
    size_t workers;
    struct success *successes; /* one a worker, behind the text */
    size_t value_at;           /* where the value begins in the text */
    char text[];               /* "Bearer abc" */
};

/* Before the jitter. */
static int64_t early_margin(int64_t lifetime, const struct token_renewal *renewal)
{
    const int64_t most = lifetime / 5;

    if (renewal->percent > 0)
        return lifetime / 100 * (100 - renewal->percent);
    return renewal->early < most ? renewal->early : most;
}

struct token_margins token_margins(int64_t lifetime, const struct token_renewal *renewal,
                                   uint32_t jitter)
{
    const int64_t early = early_margin(lifetime, renewal);
    const int64_t twentieth = lifetime / 20;
    const int64_t unusable = twentieth < 10 * SECOND ? twentieth : 10 * SECOND;
    const int64_t tenth = early / 10;
    const double share = (double)jitter / (double)UINT32_MAX;
    const int64_t window = early - (int64_t)((double)tenth * share);

    return (struct token_margins){
        .refresh_window = renewal->percent > 0 && window < unusable ? unusable : window,
        .unusable = unusable,
        .shrunk = renewal->percent == 0 && renewal->early > lifetime / 5,
    };
}

static struct token *payload(struct secret *secret)
{
    /* Through an integer: the one place where the const of a secret's bytes is taken away. */
    return (struct token *)(uintptr_t)secret_bytes(secret);
}

/* The cells begin at the first cache line after the text. */
static struct success *cells(struct token *token, size_t text_size)
{
    uintptr_t end = (uintptr_t)token->text + text_size;

    return (struct success *)((end + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

/* A zeroed token with room for so much text, in its secret. */
static struct token *token_alloc(size_t text_size, size_t workers)
{
    size_t size = sizeof(struct token) + text_size + CACHE_LINE + workers * sizeof(struct success);
    void *zeros = mem_zalloc(size);
    struct secret *secret = secret_new(zeros, size);
    struct token *token = payload(secret);

    mem_free(zeros);
    MAGIC_SET(token, TOKEN_MAGIC);
    token->secret = secret;
    token->workers = workers;
    token->successes = cells(token, text_size);
    return token;
}

struct token *token_new(const struct token_grant *grant, struct mono_time requested,
                        const struct token_renewal *renewal, uint32_t jitter, uint64_t generation,
                        size_t workers)
{
    MUST(grant->lifetime > 0 && grant->lifetime <= TOKEN_LIFETIME_MAX);
    struct token_margins margins = token_margins(grant->lifetime, renewal, jitter);
    size_t type_len = strlen(grant->type);
    size_t text_size = type_len + 1 + strlen(grant->value) + 1;
    struct token *token = token_alloc(text_size, workers);

    token->generation = generation;
    token->lifetime = grant->lifetime;
    token->requested = requested;
    token->expires_at = mono_add(requested, grant->lifetime);
    token->unusable_at = mono_add(token->expires_at, -margins.unusable);
    token->renew_at =
        mono_min(mono_add(token->expires_at, -margins.refresh_window), token->unusable_at);
    token->value_at = type_len + 1;
    snprintf(token->text, text_size, "%s %s", grant->type, grant->value);
    return token;
}

struct token *token_ref(struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    secret_ref(token->secret);
    return token;
}

void token_unref(struct token *token)
{
    if (token == NULL)
        return;
    MAGIC_OK(token, TOKEN_MAGIC);
    secret_unref(token->secret);
}

struct secret *token_secret(struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    return token->secret;
}

struct token *token_from(struct secret *secret)
{
    struct token *token = payload(secret);

    MUST(secret_len(secret) > sizeof(*token));
    MAGIC_OK(token, TOKEN_MAGIC);
    return token;
}

const char *token_authorization(const struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    return token->text;
}

uint64_t token_generation(const struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    return token->generation;
}

int64_t token_lifetime(const struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    return token->lifetime;
}

struct mono_time token_requested(const struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    return token->requested;
}

struct mono_time token_renew_at(const struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    return token->renew_at;
}

struct mono_time token_unusable_at(const struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    return token->unusable_at;
}

struct mono_time token_expires_at(const struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    return token->expires_at;
}

void token_set_keeper(struct token *token, const struct keeper *keeper)
{
    MUST(token->keeper == NULL);
    token->keeper = keeper;
}

bool token_is_of(const struct token *token, const struct keeper *keeper)
{
    return token->keeper != NULL && token->keeper == keeper;
}

bool token_usable(const struct token *token, struct mono_time now)
{
    return mono_before(now, token_unusable_at(token));
}

bool token_same(const struct token *token, const struct token_grant *grant)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    size_t type_len = strlen(grant->type);
    size_t value_len = strlen(grant->value);

    return token->value_at == type_len + 1 && memcmp(token->text, grant->type, type_len) == 0 &&
           strlen(token->text + token->value_at) == value_len &&
           CRYPTO_memcmp(token->text + token->value_at, grant->value, value_len) == 0;
}

void token_fingerprint(const struct token *token, char out[TOKEN_FINGERPRINT])
{
    MAGIC_OK(token, TOKEN_MAGIC);
    const char *value = token->text + token->value_at;
    unsigned char digest[EVP_MAX_MD_SIZE];

    MEM_MUST(EVP_Digest(value, strlen(value), digest, NULL, EVP_sha256(), NULL) == 1);
    snprintf(out, TOKEN_FINGERPRINT, "%02x%02x%02x%02x", digest[0], digest[1], digest[2],
             digest[3]);
}

void token_succeeded(struct token *token, size_t worker, struct mono_time sent)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    MUST(worker < token->workers);
    struct success *cell = &token->successes[worker];

    /* The cell has this one writer, so no other write can come between the two. */
    if (atomic_load_explicit(&cell->sent, memory_order_relaxed) < sent.ns)
        atomic_store_explicit(&cell->sent, sent.ns, memory_order_relaxed);
}

struct mono_time token_last_success(const struct token *token)
{
    MAGIC_OK(token, TOKEN_MAGIC);
    struct mono_time last = {0};

    for (size_t i = 0; i < token->workers; i++) {
        int64_t sent = atomic_load_explicit(&token->successes[i].sent, memory_order_relaxed);
        if (sent > last.ns)
            last.ns = sent;
    }
    return last;
}
