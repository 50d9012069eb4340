/* S3-FIFO to the letter: in which order answers leave one shard, and its ghosts. */
#include <check.h>
#include <stdlib.h>

#include "cache/table_ghost.h"
#include "cache/table_shard.h"
#include "cached.h"
#include "suite.h"

enum { SHARE = 1 << 20, NOBODY = 1000000 };

static struct shard shard;

static void setup(void)
{
    shard_init(&shard, SHARE);
}

static void empty(void)
{
    struct answer *answer;

    while ((answer = shard_evict(&shard)) != NULL)
        answer_unref(answer);
}

static void teardown(void)
{
    empty();
    shard_fini(&shard);
}

static void put(uint64_t n, size_t len)
{
    const struct cache_key key = cached_key(n);

    answer_unref(shard_put(&shard, &key, cached_number(n, len)));
}

static void put_all(uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++)
        put(n, 100);
}

static void use(uint64_t n, int times)
{
    const struct cache_key key = cached_key(n);

    for (int i = 0; i < times; i++)
        ck_assert_ptr_nonnull(shard_use(&shard, &key));
}

static bool is_there(uint64_t n)
{
    const struct cache_key key = cached_key(n);
    struct answer *answer = shard_use(&shard, &key);

    return answer != NULL;
}

static void evicts(uint64_t n)
{
    struct answer *answer = shard_evict(&shard);
    size_t len;

    ck_assert_ptr_nonnull(answer);
    ck_assert_uint_eq(strtoull(answer_body(answer, &len), NULL, 10), n);
    answer_unref(answer);
}

static void evict_some(int count)
{
    while (count-- > 0)
        answer_unref(shard_evict(&shard));
}

START_TEST(test_first_in_first_out)
{
    put_all(0, 5);
    for (uint64_t n = 0; n < 5; n++)
        evicts(n);
    ck_assert_ptr_null(shard_evict(&shard));
    ck_assert_uint_eq(shard_items(&shard), 0);
}
END_TEST

/* Enough in the small queue that it is the one that makes room. */
START_TEST(test_used_twice_goes_to_main)
{
    put_all(0, 2000);
    use(0, 1);
    use(1, 2);
    use(3, 3);
    evicts(0);
    evicts(2);
    ck_assert_uint_eq(shard.main.items, 1);
    evicts(4);
    ck_assert_uint_eq(shard.main.items, 2);
    ck_assert_uint_eq(shard.small.items, 2000 - 5);
}
END_TEST

/*
 * Into the main queue, by being used twice; nothing stays in the small one. Into an empty shard, or
 * so many that the small queue makes room.
 */
static void fill_main_from(uint64_t from, uint64_t to)
{
    put_all(from, to);
    for (uint64_t n = from; n < to; n++)
        use(n, 2);
    put(NOBODY + from, 100);
    evicts(NOBODY + from);
    ck_assert_uint_eq(shard.small.items, 0);
}

static void fill_main(uint64_t count)
{
    fill_main_from(0, count);
    ck_assert_uint_eq(shard.main.items, count);
}

/* What brought it there is used up. */
START_TEST(test_main_is_first_in_first_out)
{
    fill_main(5);
    for (uint64_t n = 0; n < 5; n++)
        evicts(n);
}
END_TEST

START_TEST(test_used_in_main_goes_round)
{
    fill_main(5);
    use(0, 1);
    use(2, 2);
    evicts(1);
    evicts(3);
    evicts(4);
    evicts(0);
    evicts(2);
}
END_TEST

/* A hundred uses are three; so it is not there for ever. */
START_TEST(test_uses_are_capped)
{
    fill_main(3);
    use(0, 100);
    use(1, 3);
    use(2, 2);
    evicts(2);
    evicts(0);
    evicts(1);
}
END_TEST

START_TEST(test_main_makes_room_while_small_is_small)
{
    fill_main(5);
    put(10, 100);
    evicts(0);
    put(11, SHARE / 18);
    put(12, SHARE / 18);
    evicts(10);
    evict_some(1);
    ck_assert(!is_there(11) && is_there(12));
    evicts(1);
}
END_TEST

START_TEST(test_back_from_the_ghosts)
{
    put_all(0, 3);
    evict_some(3);
    put(1, 100);
    put(3, 100);
    ck_assert_uint_eq(shard.main.items, 1);
    ck_assert_uint_eq(shard.small.items, 1);
}
END_TEST

/* Only what leaves the small queue is remembered, and what is removed is not. */
START_TEST(test_no_ghosts_of_others)
{
    const struct cache_key key = cached_key(10);

    fill_main(2);
    evicts(0);
    put(10, 100);
    answer_unref(shard_remove(&shard, &key, shard_use(&shard, &key)));
    put(0, 100);
    put(10, 100);
    ck_assert_uint_eq(shard.small.items, 2);
}
END_TEST

/* Where all are in use, one goes after so many moves; the lock is not held for all of them. */
START_TEST(test_moves_are_bounded)
{
    enum { MANY = 3000, MOVES = 1024 };

    put_all(0, MANY);
    for (uint64_t n = 0; n < MANY; n++)
        use(n, 3);
    evicts(MOVES);
    ck_assert_uint_eq(shard.main.items, MOVES);
    empty();
    for (uint64_t n = MANY; n < 2 * MANY; n += MOVES - 24)
        fill_main_from(n, n + MOVES - 24);
    ck_assert_uint_eq(shard.main.items, MANY);
    for (uint64_t n = MANY; n < 2 * MANY; n++)
        use(n, 3);
    evicts(MANY + MOVES);
    evicts(MANY + 2 * MOVES + 1);
}
END_TEST

START_TEST(test_replaced_in_its_place)
{
    put_all(0, 2000);
    use(1, 2);
    put(0, 50);
    put(1, 200);
    put(2, 0);
    ck_assert_uint_eq(shard_items(&shard), 2000);
    evicts(0);
    evict_some(1);
    ck_assert(is_there(1) && !is_there(2) && is_there(3));
}
END_TEST

START_TEST(test_removed_from_the_middle)
{
    put_all(0, 5);
    for (uint64_t n = 0; n < 5; n += 2) {
        const struct cache_key key = cached_key(n);
        struct answer *other = cached_text("other");

        ck_assert_ptr_null(shard_remove(&shard, &key, other));
        answer_unref(other);
        answer_unref(shard_remove(&shard, &key, shard_use(&shard, &key)));
        ck_assert(!is_there(n));
    }
    put(5, 100);
    evicts(1);
    evicts(3);
    evicts(5);
}
END_TEST

/* The bytes are those of what is there: emptied, all of them but the entries' are free again. */
START_TEST(test_bytes)
{
    const size_t before = shard.bytes;
    struct answer *answer = cached_number(0, 100);
    const size_t size = answer_size(answer);

    answer_unref(answer);
    put_all(0, 1000);
    /* Index 0 is nobody's: 1,001 entries are 16 pieces of 64. */
    const size_t entries = 16 * 64 * sizeof(struct shard_entry);

    ck_assert_uint_eq(shard.bytes, before + entries + 1000 * size);
    ck_assert_uint_eq(shard.small.bytes, 1000 * (size + sizeof(struct shard_entry)));
    put(0, 100 + 96);
    ck_assert_uint_eq(shard.small.bytes, 1000 * (size + sizeof(struct shard_entry)) + 96);
    ck_assert_uint_eq(shard.bytes, before + entries + 1000 * size + 96);
    put(0, 100);
    ck_assert_uint_eq(shard.small.bytes, 1000 * (size + sizeof(struct shard_entry)));
    for (uint64_t n = 0; n < 1000; n++)
        use(n, 2 * (n % 2 == 0));
    empty();
    ck_assert_uint_eq(shard.bytes, before + entries);
    ck_assert_uint_eq(shard.small.bytes + shard.main.bytes, 0);
    put_all(0, 1000);
    ck_assert_uint_eq(shard.bytes, before + entries + 1000 * size);
}
END_TEST

static bool has_room(uint64_t n, size_t len)
{
    const struct cache_key key = cached_key(n);
    struct answer *answer = cached_number(n, len);
    const bool room = shard_has_room(&shard, &key, answer);

    answer_unref(answer);
    return room;
}

/*
 * What there is room for does not pass the share, and another one of the same size finds its. With
 * answers of many sizes, for only some of them come to the end of a piece there.
 */
START_TEST(test_room)
{
    const size_t len = (size_t)_i * 8;
    const size_t piece = 64 * sizeof(struct shard_entry);
    uint64_t n = 0;

    shard_fini(&shard);
    shard_init(&shard, SHARE / 8);
    while (has_room(n, len)) {
        put(n++, len);
        ck_assert_uint_le(shard.bytes, SHARE / 8);
    }
    ck_assert_uint_gt(shard.bytes, SHARE / 8 - piece - len - 64);
    ck_assert(has_room(0, len));
    ck_assert(!has_room(0, len + piece + len + 64));
    ck_assert(!has_room(n, len));
}
END_TEST

START_TEST(test_ghosts)
{
    struct ghost ghost;
    size_t found = 0, again = 0, by_chance = 0;

    ghost_init(&ghost, 16000);
    for (uint64_t n = 0; n < 40000; n++) {
        const struct cache_key key = cached_key(n);

        ghost_add(&ghost, &key);
    }
    for (uint64_t n = 0; n < 8000; n++) {
        const struct cache_key old = cached_key(n), late = cached_key(39999 - n);

        by_chance += ghost_take(&ghost, &old, 16000);
        found += ghost_take(&ghost, &late, 16000);
        again += ghost_take(&ghost, &late, 16000);
    }
    ck_assert_uint_ge(found, 7800);
    ck_assert_uint_le(again, 20);
    ck_assert_uint_le(by_chance, 20);
    ghost_fini(&ghost);
}
END_TEST

/* With few answers in the main queue, only the latest count. */
START_TEST(test_fewer_ghosts)
{
    struct ghost ghost;
    size_t found = 0;

    ghost_init(&ghost, 16000);
    for (uint64_t n = 0; n < 16000; n++) {
        const struct cache_key key = cached_key(n);

        ghost_add(&ghost, &key);
    }
    for (uint64_t n = 0; n < 8000; n++) {
        const struct cache_key key = cached_key(n);

        found += ghost_take(&ghost, &key, 2000);
    }
    ck_assert_uint_le(found, 100);
    ghost_fini(&ghost);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_shard");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_first_in_first_out);
    tcase_add_test(tcase, test_used_twice_goes_to_main);
    tcase_add_test(tcase, test_main_is_first_in_first_out);
    tcase_add_test(tcase, test_used_in_main_goes_round);
    tcase_add_test(tcase, test_uses_are_capped);
    tcase_add_test(tcase, test_main_makes_room_while_small_is_small);
    tcase_add_test(tcase, test_back_from_the_ghosts);
    tcase_add_test(tcase, test_no_ghosts_of_others);
    tcase_add_test(tcase, test_moves_are_bounded);
    tcase_add_test(tcase, test_replaced_in_its_place);
    tcase_add_test(tcase, test_removed_from_the_middle);
    tcase_add_test(tcase, test_bytes);
    tcase_add_loop_test(tcase, test_room, 4, 64);
    tcase_add_test(tcase, test_ghosts);
    tcase_add_test(tcase, test_fewer_ghosts);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
