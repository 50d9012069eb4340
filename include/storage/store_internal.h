/*
 * What a store is made of. Only for src/storage: the others use storage/store.h.
 */
#ifndef STORAGE_STORE_INTERNAL_H
#define STORAGE_STORE_INTERNAL_H

#include <pthread.h>

#include "storage/store.h"

#define STORE_MAGIC 0x5702e001u

struct store {
    unsigned magic;
    size_t max_items;

    pthread_mutex_t lock;
    struct item *items; /* under the lock */

    struct recycler *recycler; /* the loop's thread only; NULL while stopped */
};

#endif
