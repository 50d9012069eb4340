/* A connection for channels: confirmations in order, messages, and what does not belong there. */
#include "resp_fixture.h"

#define SUBSCRIBED(channel, len, count)                                                            \
    "*3\r\n$9\r\nsubscribe\r\n$" len "\r\n" channel "\r\n:" count "\r\n"
#define UNSUBSCRIBED(channel, len, count)                                                          \
    "*3\r\n$11\r\nunsubscribe\r\n$" len "\r\n" channel "\r\n:" count "\r\n"
#define MESSAGE(channel, len, text, text_len)                                                      \
    "*3\r\n$7\r\nmessage\r\n$" len "\r\n" channel "\r\n$" text_len "\r\n" text "\r\n"

START_TEST(test_messages)
{
    const struct step steps[] = {{"SUBSCRIBE c1", SUBSCRIBED("c1", "2", "1")},
                                 {"SUBSCRIBE c2", SUBSCRIBED("c2", "2", "2")},
                                 {NULL, MESSAGE("c1", "2", "new 7", "5")},
                                 {NULL, MESSAGE("c2", "2", "", "0") MESSAGE("c1", "2", "x", "1")},
                                 {NULL, NULL}};
    const struct script script = {.steps = steps, .bytewise = _i == 1};

    begin(&script);
    await("opened");
    ck_assert(subscribe("c1"));
    ck_assert(subscribe("c2"));
    await("message c1 x");
    ck_told("opened\nc1 :1\nc2 :2\nmessage c1 new 7\nmessage c2 \nmessage c1 x\n");
    finish();
}
END_TEST

/* Nothing is sent for a long time: no timeout is due. */
static void play_quiet(struct peer *self)
{
    int fd = peer_accept(self);

    hear_command(fd, "SUBSCRIBE c");
    peer_say(fd, SUBSCRIBED("c", "1", "1"));
    usleep(1500 * 1000);
    peer_say(fd, MESSAGE("c", "1", "late", "4"));
    peer_hear_end(fd);
}

START_TEST(test_quiet)
{
    settings.timeout = SECOND;
    serve(play_quiet, NULL);
    open_it();
    await("opened");
    ck_assert(subscribe("c"));
    await("message c late");
    finish();
}
END_TEST

START_TEST(test_no_confirmation)
{
    settings.timeout = SECOND;
    begin(SCRIPT({"SUBSCRIBE c1", SUBSCRIBED("c1", "2", "1")}, {"SUBSCRIBE c2", NULL},
                 {NULL, MESSAGE("c1", "2", "x", "1")}));
    await("opened");
    ck_assert(subscribe("c1"));
    ck_assert(subscribe("c2"));
    await("closed ");
    ck_told("opened\nc1 :1\nmessage c1 x\nclosed timeout no reply within 1000 ms\n");
    finish();
}
END_TEST

/* A message on its way to a channel that is about to be left. */
START_TEST(test_unsubscribe)
{
    begin(SCRIPT({"SUBSCRIBE c1", SUBSCRIBED("c1", "2", "1")}, {"SUBSCRIBE c2", NULL},
                 {"UNSUBSCRIBE c1", SUBSCRIBED("c2", "2", "2") MESSAGE("c1", "2", "x", "1")},
                 {NULL, UNSUBSCRIBED("c1", "2", "1") MESSAGE("c2", "2", "y", "1")}));
    await("opened");
    ck_assert(!resp_unsubscribe(resp, "c1"));
    ck_assert(subscribe("c1"));
    ck_assert(subscribe("c2"));
    ck_assert(resp_unsubscribe(resp, "c1"));
    await("message c2 y");
    ck_told("opened\nc1 :1\nc2 :2\nmessage c1 x\nmessage c2 y\n");
    finish();
}
END_TEST

START_TEST(test_forbidden)
{
    begin(SCRIPT({"SUBSCRIBE c1", "-NOPERM no such channel\r\n"},
                 {"SUBSCRIBE c2", SUBSCRIBED("c2", "2", "1")},
                 {"UNSUBSCRIBE c2", "-NOPERM nor this\r\n"}, {NULL, MESSAGE("c2", "2", "x", "1")}));
    await("opened");
    ck_assert(subscribe("c1"));
    ck_assert(subscribe("c2"));
    ck_assert(resp_unsubscribe(resp, "c2"));
    await("message c2 x");
    ck_told("opened\nc1 -NOPERM no such channel\nc2 :1\nmessage c2 x\n");
    finish();
}
END_TEST

/* ROLE is asked on the way. */
START_TEST(test_command_before)
{
    begin(SCRIPT({"ROLE", NULL}, {"SUBSCRIBE c", "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n"},
                 {NULL, SUBSCRIBED("c", "1", "1")}));
    await("opened");
    ck_assert(command("role", "ROLE"));
    ck_assert(subscribe("c"));
    await("c :1");
    ck_told("opened\nrole [$message $c $x]\nc :1\n");
    finish();
}
END_TEST

static const char *const strays[] = {
    MESSAGE("c", "1", "x", "1"), /* before it is confirmed */
    SUBSCRIBED("d", "1", "1"),
    SUBSCRIBED("", "0", "1"),
    UNSUBSCRIBED("c", "1", "0"),
    "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n$1\r\n1\r\n",
    "*3\r\n$9\r\nsubscribe\r\n:1\r\n:1\r\n",
    "*2\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n",
    "+OK\r\n",
    "$-1\r\n",
    SUBSCRIBED("c", "1", "1") SUBSCRIBED("c", "1", "1"),
    SUBSCRIBED("c", "1", "1") UNSUBSCRIBED("c", "1", "0"),
    SUBSCRIBED("c", "1", "1") "*4\r\n$8\r\npmessage\r\n$1\r\nc\r\n$1\r\nc\r\n$1\r\nx\r\n",
    SUBSCRIBED("c", "1", "1") "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n:1\r\n",
    SUBSCRIBED("c", "1", "1") "*3\r\n$7\r\nmessage\r\n$-1\r\n$1\r\nx\r\n",
    SUBSCRIBED("c", "1", "1") "*2\r\n$4\r\npong\r\n$0\r\n\r\n",
    SUBSCRIBED("c", "1", "1") ":1\r\n",
    SUBSCRIBED("c", "1", "1") "-ERR of which nobody asked\r\n",
};

START_TEST(test_stray)
{
    begin(SCRIPT({"SUBSCRIBE c", strays[_i]}));
    await("opened");
    ck_assert(subscribe("c"));
    ck_ended("closed protocol it sent what nothing asked for\n");
    ck_assert_ptr_null(strstr(buf_text(&told), "message"));
    finish();
}
END_TEST

static void close_there(const char *line)
{
    if (strncmp(line, "message", 7) != 0 && strncmp(line, "d ", 2) != 0)
        return;
    resp_close(resp);
    resp = NULL;
    loop_stop(loop);
}

/* In `message`, and where a channel is confirmed; what follows is there already. */
START_TEST(test_close_in_a_callback)
{
    on_line = close_there;
    begin(SCRIPT({"SUBSCRIBE c", NULL},
                 {"SUBSCRIBE d", _i == 0 ? SUBSCRIBED("c", "1", "1") MESSAGE("c", "1", "x", "1")
                                               MESSAGE("c", "1", "y", "1")
                                         : SUBSCRIBED("c", "1", "1") SUBSCRIBED("d", "1", "2")
                                               MESSAGE("c", "1", "y", "1")}));
    await("opened");
    ck_assert(subscribe("c"));
    ck_assert(subscribe("d"));
    loop_run(loop);
    ck_told(_i == 0 ? "opened\nc :1\nmessage c x\n" : "opened\nc :1\nd :2\n");
    finish();
}
END_TEST

START_TEST(test_no_command_any_more)
{
    begin(SCRIPT({"SUBSCRIBE c", NULL}));
    await("opened");
    ck_assert(subscribe("c"));
    command("ping", "PING");
}
END_TEST

/* More than is read in one turn, and the loop goes on meanwhile. */
#define STORM 100000

static void play_storm(struct peer *self)
{
    static const char one[] = MESSAGE("c", "1", "x", "1");
    int fd = peer_accept(self);
    struct buf all;

    hear_command(fd, "SUBSCRIBE c");
    peer_say(fd, SUBSCRIBED("c", "1", "1"));
    buf_init(&all, 16 * 1024 * 1024);
    for (int i = 0; i < STORM; i++)
        buf_puts(&all, one);
    peer_send(fd, all.data, all.len);
    peer_say(fd, MESSAGE("c", "1", "last", "4"));
    buf_fini(&all);
    peer_hear_end(fd);
}

START_TEST(test_storm)
{
    buf_fini(&told);
    buf_init(&told, 16 * 1024 * 1024);
    serve(play_storm, NULL);
    open_it();
    await("opened");
    ck_assert(subscribe("c"));
    await("c :1");
    while (told.len < strlen("opened\nc :1\n") + STORM * strlen("message c x\n"))
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    await("message c last");
    finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resp_channels");
    TCase *tcase = tcase_create("channels");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, CASE_PATIENCE);
    tcase_add_loop_test(tcase, test_messages, 0, 2);
    tcase_add_test(tcase, test_quiet);
    tcase_add_test(tcase, test_no_confirmation);
    tcase_add_test(tcase, test_unsubscribe);
    tcase_add_test(tcase, test_forbidden);
    tcase_add_test(tcase, test_command_before);
    tcase_add_loop_test(tcase, test_stray, 0, ARRAY_LEN(strays));
    tcase_add_loop_test(tcase, test_close_in_a_callback, 0, 2);
    tcase_add_test_raise_signal(tcase, test_no_command_any_more, SIGABRT);
    tcase_add_test(tcase, test_storm);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
