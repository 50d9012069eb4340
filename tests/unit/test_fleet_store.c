/* Commands to a fleet's store as words, and its replies: what is believed, and what is not. */
#include "token/fleet_store.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

#define ID "00112233445566778899aabbccddeeff"
#define KEY(name) "pc:{" ID "}:" name

static struct fleet_words words;

static void make(const struct fleet_command *command, bool whole)
{
    fleet_words_make(&words, "pc", command, whole);
    for (size_t i = 0; i < words.count; i++)
        ck_assert_uint_le(words.lengths[i], 4096);
}

static void check_words(size_t from, const char *const *expected, size_t count)
{
    ck_assert_uint_eq(words.count, from + count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(words.lengths[from + i], strlen(expected[i]));
        ck_assert_mem_eq(words.words[from + i], expected[i], strlen(expected[i]));
    }
}

/* ---- words ---- */

START_TEST(a_look)
{
    const struct fleet_command command = {.verb = FLEET_LOOK, .id = ID, .have = 17};
    static const char *const expected[] = {"4",      KEY("t"), KEY("l"), KEY("g"),
                                           KEY("w"), KEY("c"), "17"};

    make(&command, false);
    ck_assert_str_eq(words.words[0], "EVALSHA");
    ck_assert_uint_eq(words.lengths[1], 40);
    check_words(2, expected, ARRAY_LEN(expected));
}
END_TEST

START_TEST(an_ask)
{
    static const char *const wishes[] = {"first", "schedule", "refused", "hand", "forgotten"};

    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        const struct fleet_command command = {.verb = FLEET_ASK,
                                              .id = ID,
                                              .member = "host-1.0a0b0c0d",
                                              .have = INT64_MAX,
                                              .wish = (enum token_wish)i,
                                              .lease = 12 * SECOND + 1,
                                              .limit = 60};
        const char *const expected[] = {"7",
                                        KEY("t"),
                                        KEY("l"),
                                        KEY("g"),
                                        KEY("r"),
                                        KEY("w"),
                                        KEY("f"),
                                        KEY("b"),
                                        KEY("c"),
                                        "9223372036854775807",
                                        "host-1.0a0b0c0d",
                                        "12001",
                                        wishes[i],
                                        "60",
                                        "30000"};
        make(&command, false);
        check_words(2, expected, ARRAY_LEN(expected));
    }
}
END_TEST

START_TEST(a_put)
{
    static const char sealed[] = "a\0b";
    const struct fleet_command command = {.verb = FLEET_PUT,
                                          .id = ID,
                                          .member = "m",
                                          .fence = 5,
                                          .sealed = sealed,
                                          .sealed_len = 3,
                                          .expire_at = 1700000000000};
    static const char *const expected[] = {"5",      KEY("t"), KEY("l"), KEY("g"), KEY("w"),
                                           KEY("f"), KEY("c"), "m",      "5"};

    make(&command, false);
    ck_assert_uint_eq(words.count, 2 + ARRAY_LEN(expected) + 2);
    ck_assert_ptr_eq(words.words[11], sealed);
    ck_assert_uint_eq(words.lengths[11], 3);
    ck_assert_str_eq(words.words[12], "1700000000000");
    words.count -= 2;
    check_words(2, expected, ARRAY_LEN(expected));
}
END_TEST

START_TEST(a_failure)
{
    static const char *const kinds[] = {"failed", "credentials", "stalled"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct fleet_command command = {.verb = FLEET_FAIL,
                                              .id = ID,
                                              .member = "m",
                                              .fence = 5,
                                              .failure = (enum fleet_failure)i,
                                              .floor = 1,
                                              .random = UINT32_MAX};
        const char *const expected[] = {"3", KEY("l"), KEY("w"), KEY("f"), KEY("c"),
                                        "m", "5",      kinds[i], "1",      "4294967295"};
        make(&command, false);
        check_words(2, expected, ARRAY_LEN(expected));
    }
}
END_TEST

START_TEST(the_whole_script)
{
    for (size_t i = 0; i < FLEET_VERBS; i++) {
        const struct fleet_command command = {
            .verb = (enum fleet_verb)i, .id = ID, .member = "m", .sealed = "", .fence = 1};
        make(&command, true);
        ck_assert_str_eq(words.words[0], "EVAL");
        ck_assert_str_eq(words.words[1], fleet_script_text((enum fleet_verb)i));
        ck_assert_uint_eq(words.lengths[1], strlen(words.words[1]));
        make(&command, false);
        ck_assert_str_eq(words.words[1], fleet_script_name((enum fleet_verb)i));
        for (size_t other = 0; other < i; other++)
            ck_assert_str_ne(words.words[1], fleet_script_name((enum fleet_verb)other));
    }
}
END_TEST

START_TEST(the_longest_names_fit)
{
    char prefix[FLEET_PREFIX], member[FLEET_MEMBER], channel[FLEET_CHANNEL];
    memset(prefix, 'p', sizeof(prefix));
    memset(member, 'm', sizeof(member));
    prefix[sizeof(prefix) - 1] = member[sizeof(member) - 1] = '\0';
    const struct fleet_command command = {.verb = FLEET_ASK,
                                          .id = ID,
                                          .member = member,
                                          .have = INT64_MAX,
                                          .lease = INT64_MAX,
                                          .wish = TOKEN_WISH_FORGOTTEN,
                                          .limit = INT64_MAX};

    fleet_words_make(&words, prefix, &command, false);
    ck_assert_uint_le(words.count, FLEET_WORDS);
    fleet_channel(prefix, ID, channel);
    ck_assert_str_eq(words.words[10], channel);
    ck_assert_uint_eq(strlen(channel), sizeof(prefix) - 1 + strlen(ID) + 5);
}
END_TEST

/* ---- replies ---- */

#define ITEMS 11
struct sample {
    enum fleet_verb verb;
    size_t count;
    struct resp_reply items[ITEMS];
};

#define T(string)                                                                                  \
    {                                                                                              \
        .type = RESP_STRING, .text = (string), .len = sizeof(string) - 1                           \
    }
#define N(number)                                                                                  \
    {                                                                                              \
        .type = RESP_INTEGER, .integer = (number)                                                  \
    }
#define NIL                                                                                        \
    {                                                                                              \
        .type = RESP_NIL                                                                           \
    }

static const struct sample good[] = {
    {FLEET_LOOK,
     10,
     {T("looked"), N(1), T("5"), N(7), T("x\0y"), T("6"), N(8), T("m"), N(9), N(3)}},
    {FLEET_LOOK, 10, {T("looked"), N(1), T("5"), N(7), NIL, T("0"), N(0), T(""), N(0), N(0)}},
    {FLEET_LOOK, 10, {T("looked"), N(1), T("0"), N(0), NIL, T("0"), N(0), T(""), N(0), N(0)}},
    {FLEET_ASK, 4, {T("newer"), T("4611686018427387903"), N(1), T("x")}},
    {FLEET_ASK, 3, {T("held"), N(1), T("host-1.0a0b0c0d")}},
    {FLEET_ASK, 2, {T("recent"), N(2)}},
    {FLEET_ASK, 2, {T("wait"), N(3)}},
    {FLEET_ASK, 2, {T("budget"), N(4)}},
    {FLEET_ASK, 3, {T("yours"), N(1700000000000), T("1")}},
    {FLEET_PUT, 1, {T("stored")}},
    {FLEET_PUT, 4, {T("late"), T("2"), N(1), T("x")}},
    {FLEET_FAIL, 1, {T("late")}},
    {FLEET_FAIL, 2, {T("noted"), N(60000)}},
};

static const enum fleet_answer answers[] = {
    FLEET_LOOKED, FLEET_LOOKED, FLEET_LOOKED, FLEET_NEWER, FLEET_HELD, FLEET_RECENT, FLEET_WAIT,
    FLEET_BUDGET, FLEET_YOURS,  FLEET_STORED, FLEET_LATE,  FLEET_LATE, FLEET_NOTED,
};

static struct fleet_reply reply;

static bool read_as(enum fleet_verb verb, const struct sample *sample)
{
    const struct resp_reply in = {
        .type = RESP_ARRAY, .items = sample->items, .count = sample->count};

    return fleet_reply_read(verb, &in, &reply);
}

START_TEST(good_replies)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        for (size_t verb = 0; verb < FLEET_VERBS; verb++) {
            const bool known = read_as((enum fleet_verb)verb, &good[i]);
            /* One word goes with two verbs, but not in one form. */
            ck_assert_msg(known == (verb == good[i].verb), "reply %zu, verb %zu", i, verb);
        }
        ck_assert(read_as(good[i].verb, &good[i]));
        ck_assert_int_eq(reply.answer, answers[i]);
        ck_assert_ptr_nonnull(reply.leader);
    }
}
END_TEST

START_TEST(what_a_look_says)
{
    ck_assert(read_as(FLEET_LOOK, &good[0]));
    ck_assert_int_eq(reply.now, 1);
    ck_assert_uint_eq(reply.generation, 5);
    ck_assert_int_eq(reply.lasts, 7 * MILLISECOND);
    ck_assert_uint_eq(reply.sealed_len, 3);
    ck_assert_mem_eq(reply.sealed, "x\0y", 3);
    ck_assert_uint_eq(reply.counter, 6);
    ck_assert_int_eq(reply.lease, 8 * MILLISECOND);
    ck_assert_str_eq(reply.leader, "m");
    ck_assert_int_eq(reply.wait, 9 * MILLISECOND);
    ck_assert_int_eq(reply.members, 3);
    ck_assert(read_as(FLEET_LOOK, &good[1]));
    ck_assert_ptr_null(reply.sealed);
    ck_assert_uint_eq(reply.sealed_len, 0);
}
END_TEST

START_TEST(what_the_others_say)
{
    ck_assert(read_as(FLEET_ASK, &good[3]));
    ck_assert_uint_eq(reply.generation, FLEET_GENERATION_MAX);
    ck_assert_int_eq(reply.lasts, MILLISECOND);
    ck_assert_mem_eq(reply.sealed, "x", 1);
    ck_assert(read_as(FLEET_ASK, &good[4]));
    ck_assert_int_eq(reply.wait, MILLISECOND);
    ck_assert_str_eq(reply.leader, "host-1.0a0b0c0d");
    for (size_t i = 5; i < 8; i++) {
        ck_assert(read_as(FLEET_ASK, &good[i]));
        ck_assert_int_eq(reply.wait, (int64_t)(i - 3) * MILLISECOND);
    }
    ck_assert(read_as(FLEET_ASK, &good[8]));
    ck_assert_int_eq(reply.now, 1700000000000);
    ck_assert_uint_eq(reply.fence, 1);
    ck_assert(read_as(FLEET_PUT, &good[10]));
    ck_assert_uint_eq(reply.generation, 2);
    ck_assert(read_as(FLEET_FAIL, &good[12]));
    ck_assert_int_eq(reply.wait, MINUTE);
}
END_TEST

static bool is_sealed_of_look(size_t sample, size_t item)
{
    return good[sample].verb == FLEET_LOOK && item == 4;
}

/* Each item in turn of each other type. */
START_TEST(items_of_another_type)
{
    static const struct resp_reply others[] = {
        NIL,
        {.type = RESP_ARRAY},
        {.type = RESP_STATUS, .text = "5", .len = 1},
        {.type = RESP_ERROR, .text = "5", .len = 1},
        {.type = RESP_INTEGER, .integer = 5, .text = "5", .len = 1},
        {.type = RESP_STRING, .integer = 5, .text = "5", .len = 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        for (size_t item = 0; item < good[i].count; item++) {
            for (size_t other = 0; other < ARRAY_LEN(others); other++) {
                struct sample sample = good[i];
                const enum resp_type type = others[other].type;
                if (type == sample.items[item].type || is_sealed_of_look(i, item))
                    continue;
                sample.items[item] = others[other];
                ck_assert_msg(!read_as(sample.verb, &sample), "reply %zu, item %zu, type %d", i,
                              item, type);
            }
        }
    }
}
END_TEST

START_TEST(too_few_items_or_too_many)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct sample sample = good[i];
        sample.count--;
        ck_assert_msg(!read_as(sample.verb, &sample), "reply %zu", i);
        sample.items[good[i].count] = (struct resp_reply)N(1);
        sample.count += 2;
        ck_assert_msg(!read_as(sample.verb, &sample), "reply %zu", i);
    }
    for (size_t verb = 0; verb < FLEET_VERBS; verb++) {
        static const struct resp_reply whole[] = {
            NIL, {.type = RESP_ARRAY}, T("stored"), {.type = RESP_ERROR, .text = "ERR", .len = 3}};
        for (size_t i = 0; i < ARRAY_LEN(whole); i++)
            ck_assert(!fleet_reply_read((enum fleet_verb)verb, &whole[i], &reply));
    }
}
END_TEST

/* One item each that is out of its range. */
static const struct fault {
    size_t sample, item;
    struct resp_reply value;
} faults[] = {
    {0, 0, T("Looked")},
    {0, 0, T("look")},
    {0, 0, T("looked ")},
    {0, 1, N(0)},
    {0, 1, N(-1)},
    {0, 1, N(INT64_MAX)},
    {0, 2, T("")},
    {0, 2, T("0")}, /* no token, and it lasts */
    {0, 2, T("-5")},
    {0, 2, T("+5")},
    {0, 2, T("05")},
    {0, 2, T(" 5")},
    {0, 2, T("5.0")},
    {0, 2, T("5\0")},
    {0, 2, T("1e3")},
    {0, 2, T("4611686018427387904")},
    {0, 2, T("9223372036854775808")},
    {0, 2, T("18446744073709551616")},
    {0, 3, N(0)}, /* a token that does not last */
    {0, 3, N(-1)},
    {0, 3, N(-2)},
    {0, 3, N(INT64_MAX / MILLISECOND + 1)},
    {0, 4, T("")},
    {2, 4, T("x")}, /* sealed is what is not there */
    {0, 5, T("-1")},
    {0, 5, T("4611686018427387904")},
    {0, 5, T("9223372036854775807")},
    {0, 6, N(0)}, /* a leader without a lease */
    {0, 6, N(-1)},
    {0, 7, T("")}, /* a lease without a leader */
    {0, 7, T("m:5")},
    {0, 7, T("m m")},
    {0, 7, T("m\0")},
    {0, 7, T("m\n")},
    {0, 7, T("m\xc3\xa4")},
    {0, 7, T("0123456789012345678901234567890123456789012345678901234567890123x")},
    {0, 8, N(-1)},
    {0, 8, N(INT64_MAX)},
    {0, 9, N(-1)},
    {3, 1, T("0")},
    {3, 1, T("4611686018427387904")},
    {3, 2, N(0)},
    {3, 3, T("")},
    {4, 1, N(0)},
    {4, 1, N(INT64_MAX)},
    {4, 2, T("")},
    {4, 2, T("a:b")},
    {5, 1, N(0)},
    {6, 1, N(0)},
    {7, 1, N(0)},
    {7, 1, N(-1)},
    {8, 1, N(0)},
    {8, 2, T("0")},
    {8, 2, T("")},
    {8, 2, T("4611686018427387904")},
    {10, 1, T("0")},
    {10, 2, N(0)},
    {10, 3, T("")},
    {12, 1, N(0)},
    {12, 1, N(INT64_MIN)},
};

START_TEST(items_out_of_range)
{
    struct sample sample = good[faults[_i].sample];

    sample.items[faults[_i].item] = faults[_i].value;
    ck_assert(!read_as(sample.verb, &sample));
}
END_TEST

/* No member waits for ever, whatever time somebody has given a key of the store. */
START_TEST(the_longest_wait)
{
    for (size_t i = 4; i < 8; i++) {
        struct sample sample = good[i];
        sample.items[1].integer = HOUR / MILLISECOND;
        ck_assert(read_as(FLEET_ASK, &sample));
        ck_assert_int_eq(reply.wait, HOUR);
        sample.items[1].integer++;
        ck_assert(read_as(FLEET_ASK, &sample));
        ck_assert_int_eq(reply.wait, FLEET_LONGEST_WAIT);
        sample.items[1].integer = INT64_MAX / MILLISECOND;
        ck_assert(read_as(FLEET_ASK, &sample));
        ck_assert_int_eq(reply.wait, FLEET_LONGEST_WAIT);
    }
}
END_TEST

START_TEST(the_longest_name)
{
    struct sample sample = good[4];

    sample.items[2] =
        (struct resp_reply)T("0123456789012345678901234567890123456789012345678901234567890123");
    ck_assert(read_as(FLEET_ASK, &sample));
    ck_assert_uint_eq(strlen(reply.leader), FLEET_MEMBER - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet_store");
    TCase *tcase = tcase_create("words");

    tcase_add_test(tcase, a_look);
    tcase_add_test(tcase, an_ask);
    tcase_add_test(tcase, a_put);
    tcase_add_test(tcase, a_failure);
    tcase_add_test(tcase, the_whole_script);
    tcase_add_test(tcase, the_longest_names_fit);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("replies");
    tcase_add_test(tcase, good_replies);
    tcase_add_test(tcase, what_a_look_says);
    tcase_add_test(tcase, what_the_others_say);
    tcase_add_test(tcase, items_of_another_type);
    tcase_add_test(tcase, too_few_items_or_too_many);
    tcase_add_loop_test(tcase, items_out_of_range, 0, (int)ARRAY_LEN(faults));
    tcase_add_test(tcase, the_longest_wait);
    tcase_add_test(tcase, the_longest_name);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
