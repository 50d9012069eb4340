/*
 * Each shard is a hash table with chains, and a list of its users by age. The hash has a random key
 * (base/keyed_hash.h): users choose their names in some set-ups, and could otherwise choose them so
 * that all share a chain. Its low bits choose the shard, the others the chain.
 */
#include "middleware/quota.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/keyed_hash.h"
#include "base/mem.h"

#define QUOTA_MAGIC 0x900a0001u
#define SHARD_USERS (QUOTA_USERS / QUOTA_SHARDS)
#define CHAINS_AT_FIRST 16

struct known_user {
    struct known_user *chained;
    struct known_user *older, *newer;
    uint64_t hash;
    struct rate_meter meter;
    size_t len;
    char name[]; /* no NUL */
};

struct shard {
    pthread_mutex_t mutex;
    struct known_user **chains; /* a power of two, at least as many as there are users */
    size_t chain_count, user_count;
    struct known_user *oldest, *newest;
};

struct quota {
    unsigned magic;
    struct hash_key key;
    struct shard shards[QUOTA_SHARDS];
};

struct quota *quota_new(void)
{
    struct quota *quota = mem_zalloc(sizeof(*quota));

    MAGIC_SET(quota, QUOTA_MAGIC);
    quota->key = hash_key_make();
    for (size_t i = 0; i < QUOTA_SHARDS; i++)
        MUST(pthread_mutex_init(&quota->shards[i].mutex, NULL) == 0);
    return quota;
}

static void shard_fini(struct shard *shard)
{
    struct known_user *user = shard->oldest;

    while (user != NULL) {
        struct known_user *newer = user->newer;
        mem_free(user);
        user = newer;
    }
    mem_free(shard->chains);
    MUST(pthread_mutex_destroy(&shard->mutex) == 0);
}

void quota_free(struct quota *quota)
{
    if (quota == NULL)
        return;
    MAGIC_OK(quota, QUOTA_MAGIC);
    for (size_t i = 0; i < QUOTA_SHARDS; i++)
        shard_fini(&quota->shards[i]);
    MAGIC_CLEAR(quota);
    mem_free(quota);
}

/* ---- the order of age ---- */

static void take_out(struct shard *shard, struct known_user *user)
{
    if (user->older != NULL)
        user->older->newer = user->newer;
    else
        shard->oldest = user->newer;
    if (user->newer != NULL)
        user->newer->older = user->older;
    else
        shard->newest = user->older;
}

static void make_newest(struct shard *shard, struct known_user *user)
{
    user->older = shard->newest;
    user->newer = NULL;
    if (shard->newest != NULL)
        shard->newest->newer = user;
    else
        shard->oldest = user;
    shard->newest = user;
}

/* ---- the chains ---- */

static struct known_user **chain_of(const struct shard *shard, uint64_t hash)
{
    return &shard->chains[(hash / QUOTA_SHARDS) & (shard->chain_count - 1)];
}

static void chain(struct shard *shard, struct known_user *user)
{
    struct known_user **first = chain_of(shard, user->hash);

    user->chained = *first;
    *first = user;
}

static void unchain(struct shard *shard, struct known_user *user)
{
    struct known_user **at = chain_of(shard, user->hash);

    while (*at != user)
        at = &(*at)->chained;
    *at = user->chained;
}

static void double_chains(struct shard *shard)
{
    mem_free(shard->chains);
    shard->chain_count = shard->chain_count == 0 ? CHAINS_AT_FIRST : 2 * shard->chain_count;
    shard->chains = mem_zalloc(shard->chain_count * sizeof(struct known_user *));
    for (struct known_user *user = shard->oldest; user != NULL; user = user->newer)
        chain(shard, user);
}

static struct known_user *find(const struct shard *shard, uint64_t hash, const char *name,
                               size_t len)
{
    struct known_user *user = shard->chain_count > 0 ? *chain_of(shard, hash) : NULL;

    while (user != NULL &&
           (user->hash != hash || user->len != len || memcmp(user->name, name, len) != 0))
        user = user->chained;
    return user;
}

/* ---- users come and go ---- */

static void forget_oldest(struct shard *shard)
{
    struct known_user *user = shard->oldest;

    unchain(shard, user);
    take_out(shard, user);
    shard->user_count--;
    mem_free(user);
}

static struct known_user *add(struct shard *shard, uint64_t hash, const char *name, size_t len)
{
    struct known_user *user = mem_zalloc(sizeof(*user) + len);

    if (shard->user_count == SHARD_USERS)
        forget_oldest(shard);
    if (shard->user_count == shard->chain_count)
        double_chains(shard);
    user->hash = hash;
    user->len = len;
    memcpy(user->name, name, len);
    chain(shard, user);
    make_newest(shard, user);
    shard->user_count++;
    return user;
}

/* Whoever asks is remembered for it, over the quota or not. */
static struct known_user *know(struct shard *shard, uint64_t hash, const char *name, size_t len)
{
    struct known_user *user = find(shard, hash, name, len);

    if (user == NULL)
        return add(shard, hash, name, len);
    take_out(shard, user);
    make_newest(shard, user);
    return user;
}

bool quota_take(struct quota *quota, const struct rate *rate, const char *user,
                struct mono_time now, int64_t *retry_after)
{
    size_t len = strlen(user);
    struct mono_time turn;

    MAGIC_OK(quota, QUOTA_MAGIC);
    if (rate->interval == 0)
        return true;
    uint64_t hash = keyed_hash(&quota->key, user, len);
    struct shard *shard = &quota->shards[hash % QUOTA_SHARDS];
    MUST(pthread_mutex_lock(&shard->mutex) == 0);
    const bool taken = rate_take(&know(shard, hash, user, len)->meter, rate, now, now, &turn);
    MUST(pthread_mutex_unlock(&shard->mutex) == 0);
    *retry_after = mono_diff(turn, now);
    return taken;
}
