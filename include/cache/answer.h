/*
 * What an upstream said about one postcode, ready to be given to any number of callers: immutable,
 * in one block, and freed by whoever gives back the last reference.
 *
 * Any thread.
 */
#ifndef CACHE_ANSWER_H
#define CACHE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct answer;

/* Fields of the upstream's response that are kept. */
enum answer_field {
    ANSWER_CONTENT_TYPE,
    ANSWER_CACHE_CONTROL,
    ANSWER_ETAG,
    ANSWER_LAST_MODIFIED,
    ANSWER_FIELD_COUNT
};

/* How long it may be used. Durations in ns; `born` is stored in milliseconds, rounded down. */
struct answer_terms {
    struct mono_time born;          /* when its age was 0 */
    int64_t lifetime;               /* fresh until born + lifetime; 0: never without revalidation */
    int64_t stale_if_error;         /* for so long past its lifetime; 0: not */
    int64_t stale_while_revalidate; /* likewise */
};

struct answer_parts {
    bool unknown;  /* the upstream knows no such postcode: neither fields nor body */
    bool own_body; /* made by us (answer = address): its validators are not for callers */
    const char *fields[ANSWER_FIELD_COUNT]; /* NULL: absent */
    const char *body;
    size_t body_len;
    struct answer_terms terms;
};

/* Copies all of it. One reference. NULL, here and in answer_renew: there is no memory for the body.
 */
struct answer *answer_new(const struct answer_parts *parts);
/* The same with other fields and terms (a 304): the body and what `parts` lacks are copied. */
struct answer *answer_renew(const struct answer *answer, const struct answer_parts *parts);
struct answer *answer_ref(struct answer *answer);
void answer_unref(struct answer *answer); /* NULL is allowed */

/* Borrowed, for as long as there is a reference. */
const char *answer_field(const struct answer *answer, enum answer_field field);
const char *answer_body(const struct answer *answer, size_t *len);
bool answer_is_unknown(const struct answer *answer);
bool answer_has_own_body(const struct answer *answer);
/* It has an ETag or Last-Modified, and so can be revalidated. */
bool answer_has_validator(const struct answer *answer);

struct answer_terms answer_terms(const struct answer *answer);
int64_t answer_age(const struct answer *answer, struct mono_time now); /* ns, never negative */
/* What is left of its lifetime, in ns; 0 or less: it is stale. */
int64_t answer_fresh_for(const struct answer *answer, struct mono_time now);

/*
 * It is fresh, or may be given stale, or can be revalidated and has been stale for less than
 * `renewable` (ns).
 */
bool answer_is_of_use(const struct answer *answer, int64_t renewable, struct mono_time now);

/* Bytes of memory that it takes, the allocator's own included as far as they are known. */
size_t answer_size(const struct answer *answer);

/*
 * Two facts that change while it is stale, of all threads: when somebody last set out to replace
 * it, and whether that failed.
 *
 * answer_claim: true for one thread in each `interval` (ns), which is to make the try.
 */
bool answer_claim(struct answer *answer, int64_t interval, struct mono_time now);
void answer_set_failing(struct answer *answer, bool failing);
bool answer_is_failing(const struct answer *answer);

#endif
