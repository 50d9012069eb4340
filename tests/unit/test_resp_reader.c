/* Replies out of bytes, whole and byte by byte, and every bound: at it, and one over it. */
#include <check.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "suite.h"
#include "upstream/resp_reader.h"

#define MUCH ((size_t)16 * 1024 * 1024)

static struct resp_reader *reader;
static struct buf bytes; /* about to be fed */

static void setup(void)
{
    reader = resp_reader_new();
    ck_assert_ptr_nonnull(reader);
    buf_init(&bytes, MUCH);
}

static void teardown(void)
{
    resp_reader_free(reader);
    buf_fini(&bytes);
}

static void feed(void)
{
    ck_assert_int_eq(bytes.err, ERR_OK);
    resp_reader_feed(reader, bytes.data, bytes.len);
    buf_reset(&bytes);
}

static void feed_text(const char *text)
{
    buf_puts(&bytes, text);
    feed();
}

static const struct resp_reply *next(void)
{
    const struct resp_reply *reply = NULL;
    enum resp_read read = resp_reader_next(reader, &reply);

    ck_assert_msg(read == RESP_READ_REPLY, "%s",
                  read == RESP_READ_BAD ? resp_reader_fault(reader) : "more");
    return reply;
}

static void ck_more(void)
{
    const struct resp_reply *reply;

    ck_assert_int_eq(resp_reader_next(reader, &reply), RESP_READ_MORE);
}

/* It says so from then on, whatever comes. */
static void ck_bad(const char *fault)
{
    const struct resp_reply *reply;

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(resp_reader_next(reader, &reply), RESP_READ_BAD);
        ck_assert_str_eq(resp_reader_fault(reader), fault);
        feed_text("+OK\r\n");
    }
}

static void ck_text(const struct resp_reply *reply, enum resp_type type, const char *text,
                    size_t len)
{
    ck_assert_int_eq(reply->type, type);
    ck_assert_uint_eq(reply->len, len);
    ck_assert_mem_eq(reply->text, text, len);
    ck_assert_int_eq(reply->text[len], '\0');
}

/* ---- replies ---- */

START_TEST(test_values)
{
    const struct resp_reply *reply;

    feed_text("+OK\r\n-ERR no\r\n:42\r\n:-7\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n");
    ck_text(next(), RESP_STATUS, "OK", 2);
    ck_text(next(), RESP_ERROR, "ERR no", 6);
    reply = next();
    ck_assert_int_eq(reply->type, RESP_INTEGER);
    ck_assert_int_eq(reply->integer, 42);
    ck_assert_int_eq(next()->integer, -7);
    ck_text(next(), RESP_STRING, "", 0);
    ck_assert_int_eq(next()->type, RESP_NIL);
    ck_assert_int_eq(next()->type, RESP_NIL);
    reply = next();
    ck_assert_int_eq(reply->type, RESP_ARRAY);
    ck_assert_uint_eq(reply->count, 0);
    ck_more();
    ck_more();
}
END_TEST

START_TEST(test_any_byte_in_a_string)
{
    buf_append(&bytes, "$6\r\n\0\r\n$\xff*\r\n", 12);
    feed();
    ck_text(next(), RESP_STRING, "\0\r\n$\xff*", 6);
    ck_more();
}
END_TEST

/* An array of arrays, of which nothing is lost on the way. */
START_TEST(test_byte_by_byte)
{
    static const char text[] = "*3\r\n*2\r\n$3\r\nabc\r\n:1\r\n*0\r\n*2\r\n$-1\r\n*1\r\n+s\r\n";
    const struct resp_reply *reply;

    for (int round = 0; round < 3; round++) {
        for (const char *c = text; *c != '\0'; c++) {
            ck_more();
            resp_reader_feed(reader, c, 1);
        }
        reply = next();
        ck_assert_uint_eq(reply->count, 3);
        ck_text(&reply->items[0].items[0], RESP_STRING, "abc", 3);
        ck_assert_int_eq(reply->items[0].items[1].integer, 1);
        ck_assert_uint_eq(reply->items[1].count, 0);
        ck_assert_int_eq(reply->items[2].items[0].type, RESP_NIL);
        ck_text(&reply->items[2].items[1].items[0], RESP_STATUS, "s", 1);
    }
}
END_TEST

/* ---- bytes that are none ---- */

static const char no_resp2[] = "bytes that are no RESP2";
static const char no_type[] = "a reply of a type that RESP2 does not have";

static const struct {
    const char *text, *fault;
} bads[] = {
    {"x", no_resp2},
    {"\r\n", no_resp2},
    {"HTTP/1.1 200 OK\r\n", no_resp2},
    {":\r\n", no_resp2},
    {":1x\r\n", no_resp2},
    {":9223372036854775808\r\n", no_resp2},
    {"$\r\n", no_resp2},
    {"$-2\r\n", no_resp2},
    {"$1 \r\n", no_resp2},
    {"$9223372036854775808\r\n", no_resp2},
    {"*\r\n", no_resp2},
    {"*-2\r\n", no_resp2},
    {"*1\r\n?\r\n", no_resp2},
    {"+a\rb\r\n", no_resp2},
    {"-a\nb\r\n", no_resp2},
    {"$3\r\nabcde", "a text that does not end where it was said to"},
    {"*1\r\n$0\r\nab\r\n", "a text that does not end where it was said to"},
    {"*257\r\n", "a reply with too many elements"},
    {"*1000000\r\n", "a reply with too many elements"},
    {"*2147483647\r\n", "a reply with too many elements"},
    {"*1\r\n*256\r\n", "a reply with too many elements"},
    {"*128\r\n*128\r\n:1\r\n", NULL},
    {"*1\r\n*1\r\n*1\r\n*0\r\n", "a reply with too many levels"},
};

START_TEST(test_bad)
{
    feed_text(bads[_i].text);
    if (bads[_i].fault != NULL)
        ck_bad(bads[_i].fault);
    else
        ck_more();
}
END_TEST

/* hiredis reads them from 1.0 on: refused here, or by 0.14 itself. */
static const char *const resp3[] = {
    "_\r\n",
    "#t\r\n",
    ",1.5\r\n",
    "(123\r\n",
    "=7\r\ntxt:abc\r\n",
    "%1\r\n+a\r\n+b\r\n",
    "~1\r\n+a\r\n",
    "|1\r\n+a\r\n+b\r\n",
    ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nt\r\n",
    "*1\r\n%1\r\n+a\r\n+b\r\n",
};

START_TEST(test_resp3)
{
    const struct resp_reply *reply;

    feed_text(resp3[_i]);
    ck_assert_int_eq(resp_reader_next(reader, &reply), RESP_READ_BAD);
    ck_assert(strcmp(resp_reader_fault(reader), no_resp2) == 0 ||
              strcmp(resp_reader_fault(reader), no_type) == 0);
    /* In hiredis's words, where there are two, ours is the one that is told. */
    ck_bad(resp_reader_fault(reader));
}
END_TEST

/* ---- bounds ---- */

START_TEST(test_as_many_elements_as_may_be)
{
    buf_printf(&bytes, "*%d\r\n", RESP_ELEMENTS);
    for (int i = 0; i < RESP_ELEMENTS; i++)
        buf_printf(&bytes, ":%d\r\n", i);
    feed();
    const struct resp_reply *reply = next();
    ck_assert_uint_eq(reply->count, RESP_ELEMENTS);
    for (int i = 0; i < RESP_ELEMENTS; i++)
        ck_assert_int_eq(reply->items[i].integer, i);
}
END_TEST

/* ROLE of a master with replicas: the elements of all levels count. */
START_TEST(test_elements_of_all_levels)
{
    enum { REPLICAS = (RESP_ELEMENTS - 3) / 4 };

    for (int more = 0; more < 2; more++) {
        buf_printf(&bytes, "*3\r\n$6\r\nmaster\r\n:1\r\n*%d\r\n", REPLICAS + more);
        for (int i = 0; i < REPLICAS + more; i++)
            buf_puts(&bytes, "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
        feed();
        if (more == 1) {
            ck_bad("a reply with too many elements");
            return;
        }
        const struct resp_reply *reply = next();
        ck_assert_uint_eq(reply->items[2].count, REPLICAS);
        ck_text(&reply->items[2].items[REPLICAS - 1].items[2], RESP_STRING, "c", 1);
    }
}
END_TEST

START_TEST(test_as_many_levels_as_may_be)
{
    feed_text("*1\r\n*1\r\n*1\r\n$1\r\nx\r\n");
    ck_text(&next()->items[0].items[0].items[0], RESP_STRING, "x", 1);
}
END_TEST

static void add_string(size_t len)
{
    buf_printf(&bytes, "$%zu\r\n", len);
    for (size_t i = 0; i < len; i++)
        buf_putc(&bytes, 'x');
    buf_puts(&bytes, "\r\n");
}

/* "$NNNNN\r\n" and "\r\n". */
#define LARGEST ((size_t)RESP_REPLY_MAX - 10)

START_TEST(test_as_large_as_may_be)
{
    feed_text("+before\r\n");
    add_string(LARGEST);
    buf_puts(&bytes, "+after\r\n");
    feed();
    ck_text(next(), RESP_STATUS, "before", 6);
    ck_assert_uint_eq(next()->len, LARGEST);
    ck_text(next(), RESP_STATUS, "after", 5);
    ck_more();
}
END_TEST

START_TEST(test_too_large)
{
    feed_text("+before\r\n");
    add_string(LARGEST + 1);
    feed();
    ck_text(next(), RESP_STATUS, "before", 6);
    ck_bad("a reply that is too large");
}
END_TEST

/* What was read before is no part of it. */
START_TEST(test_many_large_ones)
{
    for (int i = 0; i < 10; i++)
        add_string(LARGEST);
    feed();
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(next()->len, LARGEST);
    ck_more();
}
END_TEST

static const char *const endless[] = {
    "$9999999999\r\n", "$2147483648\r\n",  "$9223372036854775807\r\n", "+", "-", ":", "$", "*",
    "*2\r\n+",         "*1\r\n$70000\r\n",
};

/* Nothing is allocated for what was promised: the bytes that have come are the bound. */
START_TEST(test_endless)
{
    const struct resp_reply *reply;
    size_t fed = strlen(endless[_i]);

    feed_text(endless[_i]);
    for (; resp_reader_next(reader, &reply) == RESP_READ_MORE; fed += 1000) {
        ck_assert_uint_le(fed, RESP_REPLY_MAX);
        for (int i = 0; i < 1000; i++)
            buf_putc(&bytes, '1');
        feed();
    }
    ck_assert_uint_gt(fed, RESP_REPLY_MAX);
    ck_bad("a reply that is too large");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resp_reader");
    TCase *tcase = tcase_create("replies");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_values);
    tcase_add_test(tcase, test_any_byte_in_a_string);
    tcase_add_test(tcase, test_byte_by_byte);
    tcase_add_loop_test(tcase, test_bad, 0, ARRAY_LEN(bads));
    tcase_add_loop_test(tcase, test_resp3, 0, ARRAY_LEN(resp3));
    tcase_add_test(tcase, test_as_many_elements_as_may_be);
    tcase_add_test(tcase, test_elements_of_all_levels);
    tcase_add_test(tcase, test_as_many_levels_as_may_be);
    tcase_add_test(tcase, test_as_large_as_may_be);
    tcase_add_test(tcase, test_too_large);
    tcase_add_test(tcase, test_many_large_ones);
    tcase_add_loop_test(tcase, test_endless, 0, ARRAY_LEN(endless));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
