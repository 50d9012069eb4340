/* What a port of a fleet's seat may do: leave, join, follow, send. */
#include "fleet_link_fixture.h"

static void leave_all(struct sitter *sitter, const char *what)
{
    (void)sitter;
    (void)what;
    leaves(&a);
    leaves(&b);
}

static void leave_other(struct sitter *sitter, const char *what)
{
    (void)what;
    leaves(sitter == &a ? &b : &a);
}

static void leave_and_join(struct sitter *sitter, const char *what)
{
    (void)what;
    sitter->reacts = NULL;
    leaves(sitter);
    sits(sitter, ID_B);
}

static void follow_other(struct sitter *sitter, const char *what)
{
    (void)what;
    sitter->reacts = NULL;
    fleet_link_follow(&sitter->seat, ID_B);
}

static void send_another(struct sitter *sitter, const char *what)
{
    if (strcmp(what, "disconnected") != 0)
        sends(sitter);
    sitter->reacts = NULL;
}

static void (*const reactions[])(struct sitter *sitter, const char *what) = {
    leave_all, leave_other, leave_and_join, follow_other, send_another,
};

/* Two seats, the first of which does something in the port; then the link is used as before. */
static void with_reaction(int reaction)
{
    make_connected(ONE);
    sits(&b, ID_A);
    turn();
    ck_told("b connected\n");
    a.reacts = reactions[reaction];
}

static void then_it_works(void)
{
    a.reacts = NULL;
    turn();
    leaves(&a);
    leaves(&b);
    buf_reset(&told);
    sits(&a, ID_A);
    turn();
    const size_t first = resp_count - 1;
    opens_pair(first);
    confirms(first + 1);
    ck_told("a connected\n");
    sends(&a);
    replies(first, NOTED(5));
    ck_told("a replied noted 5\n");
}

START_TEST(test_reaction_to_a_reply)
{
    with_reaction(_i);
    sends(&a);
    replies(0, NOTED(5));
    then_it_works();
}
END_TEST

START_TEST(test_reaction_to_a_hint)
{
    with_reaction(_i);
    says(1, CHANNEL_A, "new 3");
    ck_assert_uint_le(count_of(buf_text(&told), "a hinted"), 1);
    then_it_works();
}
END_TEST

START_TEST(test_reaction_to_a_loss)
{
    with_reaction(_i);
    ends(0, RESP_CLOSED, "");
    then_it_works();
}
END_TEST

/* b believes that it is connected when a hears that nobody is. */
static void send_for_other(struct sitter *sitter, const char *what)
{
    (void)what;
    sitter->reacts = NULL;
    sends(&b);
}

START_TEST(test_sending_while_others_are_told)
{
    with_reaction(0);
    a.reacts = send_for_other;
    ends(0, RESP_CLOSED, "");
    turn();
    ck_assert_ptr_nonnull(strstr(buf_text(&told), "a disconnected\nb disconnected\n"));
    ck_assert_ptr_null(strstr(buf_text(&told), "replied noted"));
    then_it_works();
}
END_TEST

START_TEST(test_reaction_to_a_lost_command)
{
    with_reaction(_i);
    sends(&a);
    replies_error(0, "READONLY You can't write against a read only replica.");
    then_it_works();
}
END_TEST

START_TEST(test_reaction_to_being_connected)
{
    make_link(ONE);
    a.reacts = reactions[_i];
    sits(&a, ID_A);
    sits(&b, ID_A);
    turn();
    opens_pair(0);
    confirms(1);
    then_it_works();
}
END_TEST

static void add_reactions(Suite *suite)
{
    TCase *tests = tcase_create("what a port may do");
    const int count = (int)ARRAY_LEN(reactions);

    tcase_add_checked_fixture(tests, link_setup, link_teardown);
    tcase_add_loop_test(tests, test_reaction_to_a_reply, 0, count);
    tcase_add_loop_test(tests, test_reaction_to_a_hint, 0, count);
    tcase_add_loop_test(tests, test_reaction_to_a_loss, 0, count);
    tcase_add_loop_test(tests, test_reaction_to_a_lost_command, 0, count);
    tcase_add_loop_test(tests, test_reaction_to_being_connected, 0, count);
    tcase_add_test(tests, test_sending_while_others_are_told);
    suite_add_tcase(suite, tests);
}

Suite *fleet_link_ports_suite(void);
Suite *fleet_link_ports_suite(void)
{
    Suite *suite = suite_create("fleet_link_ports");

    add_reactions(suite);
    return suite;
}

int main(void)
{
    return run_suite(fleet_link_ports_suite());
}
