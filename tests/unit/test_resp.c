/* A connection to a store: the greeting, commands and their replies, and how each ends. */
#include "resp_fixture.h"

/* ---- greeting ---- */

START_TEST(test_nothing_to_say)
{
    begin(SCRIPT({NULL, NULL}));
    await("opened\n");
    ck_told("opened\n");
    finish();
    ck_told("opened\n");
}
END_TEST

static void set_credentials(const char *user, const char *password)
{
    struct secret *secret = secret_new(password, strlen(password));

    settings.user = user;
    settings.password = secret;
}

static void drop_credentials(void)
{
    secret_unref((struct secret *)(uintptr_t)settings.password);
    settings.password = NULL;
}

START_TEST(test_greeting)
{
    set_credentials("u", "hush");
    settings.name = "me.1";
    begin(SCRIPT({"AUTH u hush", NULL}, {"CLIENT SETNAME me.1", "+OK\r\n+OK\r\n"},
                 {"PING", "+PONG\r\n"}));
    drop_credentials(); /* the connection has a reference of its own */
    await("opened\n");
    ck_assert(command("ping", "PING"));
    await("ping +PONG");
    ck_told("opened\nping +PONG\n");
    finish();
}
END_TEST

/* Nothing is open before AUTH is accepted; the name is no condition. */
static void play_late_reply(struct peer *self)
{
    int fd = peer_accept(self);
    char byte;

    hear_command(fd, "AUTH hush");
    EXPECT(recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    peer_say(fd, "+OK\r\n");
    hear_command(fd, "PING");
    peer_say(fd, "+PONG\r\n");
    peer_hear_end(fd);
}

static void ping_at_once(const char *line)
{
    if (strcmp(line, "opened") == 0)
        ck_assert(command("ping", "PING"));
}

START_TEST(test_password_alone)
{
    set_credentials(NULL, "hush");
    on_line = ping_at_once;
    serve(play_late_reply, NULL);
    open_it();
    ck_assert(!command("early", "PING"));
    await("ping +PONG");
    ck_told("opened\nping +PONG\n");
    finish();
    drop_credentials();
}
END_TEST

START_TEST(test_name_that_is_forbidden)
{
    set_credentials("u", "hush");
    settings.name = "me.1";
    begin(SCRIPT({"AUTH u hush", "+OK\r\n"},
                 {"CLIENT SETNAME me.1", "-NOPERM User u has no permissions\r\n"}));
    await("opened\n");
    finish();
    drop_credentials();
}
END_TEST

/* Redis from 5 to 8, Valkey, a proxy; what none of them may bring into the log. */
static const struct {
    const char *said, *told;
} refusals[] = {
    {"-WRONGPASS invalid username-password pair or user is disabled.\r\n",
     "closed auth the user or the password is wrong, or the user is disabled (WRONGPASS)\n"},
    {"-NOAUTH Authentication required.\r\n", "closed auth it demands a password (NOAUTH)\n"},
    {"-NOPERM this user has no permissions to run the 'auth' command\r\n",
     "closed auth the user may not log in (NOPERM)\n"},
    {"-ERR invalid password\r\n", "closed auth the password is wrong\n"},
    {"-ERR wrong number of arguments for 'auth' command\r\n",
     "closed auth it knows no users, only a password\n"},
    {"-ERR Client sent AUTH, but no password is set\r\n",
     "closed auth it has no password, and was given one\n"},
    {"-ERR AUTH <password> called without any password configured for the default user.\r\n",
     "closed auth its user \"default\" has no password, and was given one\n"},
    {"-ERR unknown command `AUTH`, with args beginning with: `u`, `hus\r\n",
     "closed auth it knows no AUTH\n"},
    {"-ERR max number of clients reached\r\n",
     "closed refused it has as many clients as it allows (maxclients)\n"},
    {"-DENIED Redis is running in protected mode because\r\n",
     "closed refused it is in protected mode: it serves its own machine alone while its user "
     "default has no password\n"},
    {"-hush u hush\r\n", "closed refused it answered AUTH with an unknown error\n"},
    {"-\r\n", "closed refused it answered AUTH with an unknown error\n"},
    {":1\r\n", "closed protocol its replies do not fit the commands\n"},
    {"$2\r\nOK\r\n", "closed protocol its replies do not fit the commands\n"},
    {"$-1\r\n", "closed protocol its replies do not fit the commands\n"},
};

START_TEST(test_refused)
{
    set_credentials("u", "hush");
    begin(SCRIPT({"AUTH u hush", refusals[_i].said}));
    await("closed ");
    ck_told(refusals[_i].told);
    finish();
    drop_credentials();
}
END_TEST

START_TEST(test_password_that_is_missing)
{
    settings.name = "me.1";
    begin(SCRIPT({"CLIENT SETNAME me.1", "-NOAUTH Authentication required.\r\n"}));
    await("closed ");
    ck_told("closed auth it demands a password (NOAUTH)\n");
    finish();
}
END_TEST

START_TEST(test_refused_before_a_word)
{
    begin(SCRIPT({NULL, "-ERR max number of clients reached\r\n"}));
    ck_ended("closed refused it has as many clients as it allows (maxclients)\n");
    finish();
}
END_TEST

/* ---- commands ---- */

/* All are sent in one turn, and the replies come in pieces. */
START_TEST(test_replies)
{
    static const struct step steps[] = {
        {"A", "+\r\n"},       {"B", "-ERR no\r\n"},
        {"C", ":-12\r\n"},    {"D", "$0\r\n\r\n"},
        {"E", "$-1\r\n"},     {"F", "$6\r\na\r\n\x01\xff.\r\n"},
        {"G", "*0\r\n"},      {"H", "*3\r\n+x\r\n*2\r\n:1\r\n*1\r\n$-1\r\n$1\r\ny\r\n"},
        {"I", "*-1\r\n"},     {"J", ":9223372036854775807\r\n"},
        {"END", "+last\r\n"}, {NULL, NULL}};
    const struct script script = {.steps = steps, .bytewise = _i == 1};

    begin(&script);
    await("opened");
    for (size_t i = 0; steps[i].hear != NULL; i++)
        ck_assert(command(steps[i].hear, steps[i].hear));
    await("END +last");
    ck_told("opened\nA +\nB -ERR no\nC :-12\nD $\nE nil\nF $a\\x0d\\x0a\\x01\\xff.\nG []\n"
            "H [+x [:1 [nil]] $y]\nI nil\nJ :9223372036854775807\nEND +last\n");
    finish();
}
END_TEST

/* As many as may wait, answered in one piece. */
static void play_many(struct peer *self)
{
    int fd = peer_accept(self);
    struct buf all;

    buf_init(&all, 1024 * 1024);
    for (int i = 0; i < RESP_COMMANDS; i++) {
        hear_command(fd, "GET k");
        buf_printf(&all, ":%d\r\n", i);
    }
    peer_send(fd, all.data, all.len);
    buf_fini(&all);
    hear_command(fd, "PING");
    peer_say(fd, "+PONG\r\n");
    peer_hear_end(fd);
}

START_TEST(test_many_at_once)
{
    const int64_t counted = metric_sum(METRIC_FLEET_STORE_DURATION, METRIC_HISTOGRAM_COUNT);

    serve(play_many, NULL);
    open_it();
    await("opened");
    for (int i = 0; i < RESP_COMMANDS; i++)
        ck_assert(command("get", "GET k"));
    ck_assert(!command("too many", "GET k"));
    await("get :255\n");
    ck_assert(command("ping", "PING"));
    await("ping +PONG");
    ck_assert_int_eq(metric_sum(METRIC_FLEET_STORE_DURATION, METRIC_HISTOGRAM_COUNT) - counted,
                     RESP_COMMANDS + 1);
    const char *at = buf_text(&told);
    for (int i = 0; i < RESP_COMMANDS; i++) {
        char line[32];

        snprintf(line, sizeof(line), "get :%d\n", i);
        at = strstr(at, line);
        ck_assert_ptr_nonnull(at);
    }
    ck_assert_ptr_null(strstr(buf_text(&told), "too many"));
    finish();
}
END_TEST

START_TEST(test_nobody_asks)
{
    const char *const words[] = {"FIRST"};
    const size_t lengths[] = {5};

    begin(SCRIPT({"FIRST", "+OK\r\n"}, {"SECOND", ":2\r\n"}));
    await("opened");
    ck_assert(resp_command(resp, words, lengths, 1, NULL, NULL));
    ck_assert(command("second", "SECOND"));
    await("second :2");
    finish();
}
END_TEST

/* ---- the end ---- */

static const struct {
    const char *said, *told;
} strays[] = {
    {"+OK\r\n+OK\r\n", "closed protocol it sent what nothing asked for\n"},
    {"+OK\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nt\r\n",
     "closed protocol it sent what nothing asked for\n"},
    {"+OK\r\n-ERR quite another thing\r\n", "closed protocol it sent what nothing asked for\n"},
    {"HTTP/1.1 400 Bad Request\r\n\r\n", "closed protocol it sent bytes that are no RESP2\n"},
    {"+OK\r\n%1\r\n+a\r\n+b\r\n", "closed protocol it sent "},
    {"*257\r\n", "closed protocol it sent a reply with too many elements\n"},
};

START_TEST(test_strays)
{
    begin(SCRIPT({"PING", strays[_i].said}));
    await("opened");
    ck_assert(command("ping", "PING"));
    ck_ended(strays[_i].told);
    finish();
}
END_TEST

START_TEST(test_stray_in_the_greeting)
{
    settings.name = "me";
    begin(SCRIPT({"CLIENT SETNAME me", "+OK\r\n+OK\r\n"}));
    await("closed ");
    ck_told("opened\nclosed protocol it sent what nothing asked for\n");
    finish();
}
END_TEST

START_TEST(test_server_closes)
{
    const struct script script = {.steps = (const struct step[]){{"FIRST", "+1\r\n"}, {NULL, NULL}},
                                  .hangs_up = true};

    begin(&script);
    await("opened");
    ck_assert(command("first", "FIRST"));
    ck_assert(command("second", "SECOND"));
    await("closed ");
    ck_told("opened\nfirst +1\nclosed closed the connection broke\n");
    finish();
}
END_TEST

START_TEST(test_server_closes_in_peace)
{
    const struct script script = {
        .steps = (const struct step[]){{"FIRST", "+1\r\n$5\r\nabc"}, {NULL, NULL}},
        .hangs_up = true};

    begin(&script);
    await("opened");
    ck_assert(command("first", "FIRST"));
    await("closed ");
    ck_told("opened\nfirst +1\nclosed closed the server closed it\n");
    finish();
}
END_TEST

static void play_reset(struct peer *self)
{
    int fd = peer_accept(self);

    hear_command(fd, "PING");
    peer_reset(fd);
}

START_TEST(test_server_resets)
{
    serve(play_reset, NULL);
    open_it();
    await("opened");
    ck_assert(command("ping", "PING"));
    ck_ended("closed closed before its first reply: it may be no Redis, or require TLS\n");
    finish();
}
END_TEST

/* The timer is the first reply's, not the one of opening, which has much more time. */
START_TEST(test_no_reply)
{
    settings.name = "me";
    settings.timeout = SECOND;
    begin(SCRIPT({"CLIENT SETNAME me", "+OK\r\n"}, {"FIRST", "+1\r\n"}, {"SECOND", NULL}));
    await("opened");
    struct mono_time began = mono_now();
    ck_assert(command("first", "FIRST"));
    ck_assert(command("second", "SECOND"));
    await("closed ");
    ck_told("opened\nfirst +1\nclosed timeout no reply within 1000 ms\n");
    ck_assert_int_ge(mono_diff(mono_now(), began), SECOND);
    ck_assert_int_lt(mono_diff(mono_now(), began), LONG);
    finish();
}
END_TEST

START_TEST(test_no_reply_to_auth)
{
    set_credentials(NULL, "hush");
    settings.connect_timeout = SECOND;
    begin(SCRIPT({"AUTH hush", NULL}));
    ck_ended("closed timeout no reply within 1000 ms\n");
    finish();
    drop_credentials();
}
END_TEST

/* Each reply has its own time: all of them together take longer. */
static void play_slowly(struct peer *self)
{
    int fd = peer_accept(self);

    for (int i = 0; i < 3; i++) {
        hear_command(fd, "PING");
        usleep(800 * 1000);
        peer_say(fd, "+PONG\r\n");
    }
    hear_command(fd, "END");
    peer_say(fd, "+END\r\n");
    peer_hear_end(fd);
}

static int pings;

static void ping_again(const char *line)
{
    if (strcmp(line, "ping +PONG") == 0)
        ck_assert(++pings < 3 ? command("ping", "PING") : command("end", "END"));
}

START_TEST(test_timeout_is_of_each)
{
    settings.timeout = 2 * SECOND;
    pings = 0;
    on_line = ping_again;
    serve(play_slowly, NULL);
    open_it();
    await("opened");
    ck_assert(command("ping", "PING"));
    await("end +END");
    finish();
}
END_TEST

/*
 * The loop is held up, in a callback of a descriptor's, until the timeout has passed and the reply
 * is there: the server was not late.
 */
static struct {
    struct mail mail;
    atomic_bool here, answered;
} hold_up;

static void hold(struct mail *mail)
{
    (void)mail;
    atomic_store(&hold_up.here, true);
    while (!atomic_load(&hold_up.answered))
        usleep(1000);
    usleep(1100 * 1000);
}

static void play_in_time(struct peer *self)
{
    int fd = peer_accept(self);

    hear_command(fd, "PING");
    loop_mail(loop, &hold_up.mail);
    while (!atomic_load(&hold_up.here))
        usleep(1000);
    peer_say(fd, "+PONG\r\n");
    atomic_store(&hold_up.answered, true);
    peer_hear_end(fd);
}

START_TEST(test_loop_is_held_up)
{
    hold_up.mail.deliver = hold;
    atomic_store(&hold_up.here, false);
    atomic_store(&hold_up.answered, false);
    settings.timeout = SECOND;
    serve(play_in_time, NULL);
    open_it();
    await("opened");
    ck_assert(command("ping", "PING"));
    await("ping ");
    ck_told("opened\nping +PONG\n");
    finish();
}
END_TEST

/* ---- closed by its user ---- */

static const char *closing_line;

static void close_there(const char *line)
{
    if (strncmp(line, closing_line, strlen(closing_line)) != 0)
        return;
    resp_close(resp);
    resp = NULL;
    loop_stop(loop);
}

static const struct {
    const char *line, *told;
} closings[] = {
    {"opened", "opened\n"},
    {"first ", "opened\nfirst +1\n"},
    {"second ", "opened\nfirst +1\nsecond [:2]\n"},
    {"closed ", "opened\nfirst +1\nsecond [:2]\nclosed protocol it sent bytes that are no RESP2\n"},
};

/* What is there already is told to nobody. */
START_TEST(test_close_in_a_callback)
{
    const struct script quiet = {.steps = (const struct step[]){{NULL, NULL}}};
    const struct script all = {
        .steps = (const struct step[]){
            {"FIRST", NULL}, {"SECOND", NULL}, {"THIRD", "+1\r\n*1\r\n:2\r\n?\r\n"}, {NULL, NULL}}};

    closing_line = closings[_i].line;
    begin(_i == 0 ? &quiet : &all);
    if (_i > 0) {
        await("opened");
        ck_assert(command("first", "FIRST"));
        ck_assert(command("second", "SECOND"));
        ck_assert(command("third", "THIRD"));
    }
    on_line = close_there;
    loop_run(loop);
    ck_told(closings[_i].told);
    peer_stop(&peer);
}
END_TEST

START_TEST(test_close_at_once)
{
    begin(SCRIPT({NULL, NULL}));
    resp_close(resp);
    resp = NULL;
    loop_drain(loop);
    ck_told("");
    resp_close(NULL);
    peer_stop(&peer);
}
END_TEST

START_TEST(test_close_with_commands_under_way)
{
    begin(SCRIPT({"FIRST", NULL}, {"SECOND", NULL}));
    await("opened");
    ck_assert(command("first", "FIRST"));
    ck_assert(command("second", "SECOND"));
    loop_stop(loop);
    loop_run(loop); /* they are sent */
    resp_close(resp);
    resp = NULL;
    loop_drain(loop);
    ck_told("opened\n");
    peer_stop(&peer);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, CASE_PATIENCE);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("resp");
    TCase *greeting = add_case(suite, "greeting");
    TCase *commands = add_case(suite, "commands");
    TCase *end = add_case(suite, "end");
    TCase *closing = add_case(suite, "closing");

    tcase_add_test(greeting, test_nothing_to_say);
    tcase_add_test(greeting, test_greeting);
    tcase_add_test(greeting, test_password_alone);
    tcase_add_test(greeting, test_name_that_is_forbidden);
    tcase_add_loop_test(greeting, test_refused, 0, ARRAY_LEN(refusals));
    tcase_add_test(greeting, test_password_that_is_missing);
    tcase_add_test(greeting, test_refused_before_a_word);
    tcase_add_loop_test(commands, test_replies, 0, 2);
    tcase_add_test(commands, test_many_at_once);
    tcase_add_test(commands, test_nobody_asks);
    tcase_add_loop_test(end, test_strays, 0, ARRAY_LEN(strays));
    tcase_add_test(end, test_stray_in_the_greeting);
    tcase_add_test(end, test_server_closes);
    tcase_add_test(end, test_server_closes_in_peace);
    tcase_add_test(end, test_server_resets);
    tcase_add_test(end, test_no_reply);
    tcase_add_test(end, test_no_reply_to_auth);
    tcase_add_test(end, test_timeout_is_of_each);
    tcase_add_test(end, test_loop_is_held_up);
    tcase_add_loop_test(closing, test_close_in_a_callback, 0, ARRAY_LEN(closings));
    tcase_add_test(closing, test_close_at_once);
    tcase_add_test(closing, test_close_with_commands_under_way);
    return run_suite(suite);
}
