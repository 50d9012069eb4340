/*
 * One block: a head of 23 bytes, what is not interned, and the body. A cache of 64 MB is to hold
 * 300,000 answers of a hundred-odd bytes each, so every byte of the head is paid for 300,000 times:
 * the fields that nearly all answers have in common, and their terms, are kept once in the process
 * (cache/intern.h), and the head has a number in their place.
 */
#include "cache/answer.h"

#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cache/intern.h"

/* What of an answer may be the same as of others: its fields, and its terms. */
enum { TERMS = ANSWER_FIELD_COUNT, PIECE_COUNT };

/* Where a piece is kept, where that is no number of its set. */
enum { ABSENT = INTERN_NONE, INLINE = INTERN_MAX + 1 };

struct durations {
    int64_t lifetime;
    int64_t stale_if_error;
    int64_t stale_while_revalidate;
};

/* Two facts in one word: a bit, and a time (ms from `born` on, modulo 2^31; 0: never). */
#define FAILING (UINT32_C(1) << 31)
#define STAMP_MASK (FAILING - 1)

struct answer {
    atomic_uint refs;
    _Atomic uint32_t trial;
    uint32_t unknown : 1;
    uint32_t own_body : 1;
    uint32_t body_len : 30;
    uint8_t pieces[PIECE_COUNT];
    /* ms; 48 bits, negative where the answer is older than the machine's start */
    uint8_t born[6];
    char data[]; /* inline pieces in their order, those of fields with a NUL; then the body */
};
#define BODY_MAX ((UINT32_C(1) << 30) - 1)
#define HEAD offsetof(struct answer, data)
_Static_assert(HEAD == 23, "no byte more than the issue's number of entries can bear");
_Static_assert(INLINE <= UINT8_MAX, "a piece's place fits");

/* ETags differ from answer to answer, and are never interned. */
static struct intern sets[PIECE_COUNT] = {
    [ANSWER_CONTENT_TYPE] = INTERN_INIT,
    [ANSWER_CACHE_CONTROL] = INTERN_INIT,
    [ANSWER_LAST_MODIFIED] = INTERN_INIT,
    [TERMS] = INTERN_INIT,
};

/* ---- making ---- */

static uint8_t place_field(enum answer_field field, const char *value)
{
    uint8_t number;

    if (value == NULL)
        return ABSENT;
    number = field == ANSWER_ETAG ? INTERN_NONE : intern_number(&sets[field], value, strlen(value));
    return number != INTERN_NONE ? number : INLINE;
}

static uint8_t place_terms(const struct durations *durations)
{
    uint8_t number = intern_number(&sets[TERMS], durations, sizeof(*durations));

    return number != INTERN_NONE ? number : INLINE;
}

static struct durations durations_of(const struct answer_terms *terms)
{
    return (struct durations){
        .lifetime = terms->lifetime,
        .stale_if_error = terms->stale_if_error,
        .stale_while_revalidate = terms->stale_while_revalidate,
    };
}

/* Of the inline pieces, in their places' order. */
static size_t inline_len(const uint8_t pieces[PIECE_COUNT], const struct answer_parts *parts)
{
    size_t len = pieces[TERMS] == INLINE ? sizeof(struct durations) : 0;

    for (int i = 0; i < ANSWER_FIELD_COUNT; i++)
        if (pieces[i] == INLINE)
            len += strlen(parts->fields[i]) + 1;
    return len;
}

static void copy_data(struct answer *answer, const struct answer_parts *parts,
                      const struct durations *durations)
{
    char *at = answer->data;

    for (int i = 0; i < ANSWER_FIELD_COUNT; i++)
        if (answer->pieces[i] == INLINE)
            at = mempcpy(at, parts->fields[i], strlen(parts->fields[i]) + 1);
    if (answer->pieces[TERMS] == INLINE)
        at = mempcpy(at, durations, sizeof(*durations));
    if (parts->body_len > 0)
        memcpy(at, parts->body, parts->body_len);
}

/* Rounded down, for what is negative too. */
static int64_t ms_of(int64_t ns)
{
    return ns / MILLISECOND - (ns % MILLISECOND < 0);
}

static void born_set(struct answer *answer, struct mono_time born)
{
    uint64_t ms = (uint64_t)ms_of(born.ns);

    for (size_t i = 0; i < sizeof(answer->born); i++)
        answer->born[i] = (uint8_t)(ms >> (8 * i));
}

static struct mono_time born_of(const struct answer *answer)
{
    uint64_t ms = 0;

    for (size_t i = 0; i < sizeof(answer->born); i++)
        ms |= (uint64_t)answer->born[i] << (8 * i);
    /* The highest of the 48 bits is the sign. */
    return (struct mono_time){.ns = ((int64_t)(ms << 16) >> 16) * MILLISECOND};
}

struct answer *answer_new(const struct answer_parts *parts)
{
    const struct durations durations = durations_of(&parts->terms);
    uint8_t pieces[PIECE_COUNT];
    struct answer *answer;

    MUST(parts->body_len <= BODY_MAX);
    for (enum answer_field i = 0; i < ANSWER_FIELD_COUNT; i++)
        pieces[i] = place_field(i, parts->fields[i]);
    pieces[TERMS] = place_terms(&durations);
    answer = mem_try_realloc(NULL, HEAD + inline_len(pieces, parts) + parts->body_len);
    if (answer == NULL)
        return NULL;
    atomic_init(&answer->refs, 1);
    atomic_init(&answer->trial, 0);
    answer->unknown = parts->unknown;
    answer->own_body = parts->own_body;
    answer->body_len = (uint32_t)parts->body_len & BODY_MAX;
    memcpy(answer->pieces, pieces, sizeof(pieces));
    born_set(answer, parts->terms.born);
    copy_data(answer, parts, &durations);
    return answer;
}

struct answer *answer_renew(const struct answer *answer, const struct answer_parts *parts)
{
    struct answer_parts renewed = *parts;

    renewed.unknown = answer->unknown;
    renewed.own_body = answer->own_body;
    renewed.body = answer_body(answer, &renewed.body_len);
    for (enum answer_field i = 0; i < ANSWER_FIELD_COUNT; i++)
        if (renewed.fields[i] == NULL)
            renewed.fields[i] = answer_field(answer, i);
    return answer_new(&renewed);
}

/* ---- references ---- */

struct answer *answer_ref(struct answer *answer)
{
    unsigned before = atomic_fetch_add_explicit(&answer->refs, 1, memory_order_relaxed);

    MUST(before > 0 && before < UINT32_MAX);
    return answer;
}

void answer_unref(struct answer *answer)
{
    if (answer == NULL)
        return;
    unsigned before = atomic_fetch_sub_explicit(&answer->refs, 1, memory_order_acq_rel);

    MUST(before > 0);
    if (before == 1)
        mem_free(answer);
}

/* ---- reading ---- */

/* Where the inline piece begins; PIECE_COUNT: the body. */
static const char *inline_at(const struct answer *answer, int piece)
{
    const char *at = answer->data;

    for (int i = 0; i < piece && i < ANSWER_FIELD_COUNT; i++)
        if (answer->pieces[i] == INLINE)
            at += strlen(at) + 1;
    if (piece > TERMS && answer->pieces[TERMS] == INLINE)
        at += sizeof(struct durations);
    return at;
}

static const char *piece_at(const struct answer *answer, int piece)
{
    const uint8_t place = answer->pieces[piece];

    if (place == ABSENT)
        return NULL;
    return place == INLINE ? inline_at(answer, piece) : intern_text(&sets[piece], place);
}

const char *answer_field(const struct answer *answer, enum answer_field field)
{
    MUST((int)field < ANSWER_FIELD_COUNT);
    return piece_at(answer, (int)field);
}

const char *answer_body(const struct answer *answer, size_t *len)
{
    *len = answer->body_len;
    return inline_at(answer, PIECE_COUNT);
}

bool answer_is_unknown(const struct answer *answer)
{
    return answer->unknown;
}

bool answer_has_own_body(const struct answer *answer)
{
    return answer->own_body;
}

bool answer_has_validator(const struct answer *answer)
{
    return answer->pieces[ANSWER_ETAG] != ABSENT || answer->pieces[ANSWER_LAST_MODIFIED] != ABSENT;
}

struct answer_terms answer_terms(const struct answer *answer)
{
    struct durations durations;

    memcpy(&durations, piece_at(answer, TERMS), sizeof(durations));
    return (struct answer_terms){
        .born = born_of(answer),
        .lifetime = durations.lifetime,
        .stale_if_error = durations.stale_if_error,
        .stale_while_revalidate = durations.stale_while_revalidate,
    };
}

int64_t answer_age(const struct answer *answer, struct mono_time now)
{
    const int64_t age = mono_diff(now, born_of(answer));

    return age > 0 ? age : 0;
}

int64_t answer_fresh_for(const struct answer *answer, struct mono_time now)
{
    return answer_terms(answer).lifetime - answer_age(answer, now);
}

bool answer_is_of_use(const struct answer *answer, int64_t renewable, struct mono_time now)
{
    const int64_t stale_for = -answer_fresh_for(answer, now);
    const struct answer_terms terms = answer_terms(answer);

    return stale_for < 0 || stale_for < terms.stale_if_error ||
           stale_for < terms.stale_while_revalidate ||
           (answer_has_validator(answer) && stale_for < renewable);
}

/*
 * As glibc's allocator has it (malloc/malloc.c): 8 bytes before each block, all of it in units of
 * 16, 32 at the least; from 128 KB on pages of its own.
 */
size_t answer_size(const struct answer *answer)
{
    enum { OVERHEAD = 8, UNIT = 16, LEAST = 32, LARGE = 128 * 1024, PAGE = 4096 };
    const size_t before_body = (size_t)(inline_at(answer, PIECE_COUNT) - answer->data);
    const size_t size = HEAD + before_body + answer->body_len + OVERHEAD;
    const size_t unit = size >= LARGE ? PAGE : UNIT;
    const size_t rounded = (size + unit - 1) / unit * unit;

    return rounded > LEAST ? rounded : LEAST;
}

/* ---- while it is stale ---- */

static uint32_t stamp_of(const struct answer *answer, struct mono_time now)
{
    const uint32_t stamp = (uint32_t)(answer_age(answer, now) / MILLISECOND) & STAMP_MASK;

    return stamp > 0 ? stamp : 1;
}

/* Threads' clocks are read at different moments, so the last claim may lie a little ahead. */
static bool is_near(uint32_t a, uint32_t b, int64_t interval)
{
    const int64_t ms = interval / MILLISECOND;

    return (int64_t)((a - b) & STAMP_MASK) < ms || (int64_t)((b - a) & STAMP_MASK) < ms;
}

bool answer_claim(struct answer *answer, int64_t interval, struct mono_time now)
{
    const uint32_t stamp = stamp_of(answer, now);
    uint32_t trial = atomic_load_explicit(&answer->trial, memory_order_relaxed);

    do {
        const uint32_t last = trial & STAMP_MASK;

        if (last != 0 && is_near(stamp, last, interval))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&answer->trial, &trial,
                                                    (trial & FAILING) | stamp, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void answer_set_failing(struct answer *answer, bool failing)
{
    if (failing)
        atomic_fetch_or_explicit(&answer->trial, FAILING, memory_order_relaxed);
    else
        atomic_fetch_and_explicit(&answer->trial, STAMP_MASK, memory_order_relaxed);
}

bool answer_is_failing(const struct answer *answer)
{
    return (atomic_load_explicit(&answer->trial, memory_order_relaxed) & FAILING) != 0;
}
