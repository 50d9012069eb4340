/* runtime/ctx.h */
#include "runtime/ctx.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define OTHER_TRACEPARENT "00-11111111111111111111111111111111-2222222222222222-00"

static struct loop *loop;
static struct ctx *root;

static void set_up(void)
{
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    root = ctx_new(loop);
}

static void tear_down(void)
{
    ctx_free(root);
    loop_free(loop);
}

/* A hook that notes its letter and cause, and does what a test wants besides. */
struct noting {
    struct ctx_hook hook;
    char c;
    struct ctx_hook *removes;
    struct ctx **frees;
    struct ctx *cancels;
    struct ctx *sees; /* is cancelled by then, with the same cause */
};

static char story[64];
static enum ctx_cause last_cause;

static void on_cancelled(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct noting *noting = CONTAINER_OF(hook, struct noting, hook);

    strncat(story, &noting->c, 1);
    last_cause = cause;
    if (noting->sees != NULL)
        ck_assert_int_eq(ctx_cause(noting->sees), cause);
    if (noting->removes != NULL)
        ctx_hook_remove(noting->removes);
    if (noting->frees != NULL) {
        ctx_free(*noting->frees);
        *noting->frees = NULL;
    }
    if (noting->cancels != NULL)
        ctx_cancel(noting->cancels, CTX_DEADLINE);
}

#define NOTING(letter)                                                                             \
    {                                                                                              \
        .hook.cancelled = on_cancelled, .c = (letter)                                              \
    }

START_TEST(test_a_root_is_empty)
{
    ck_assert_str_eq(ctx_guid(root), "");
    ck_assert_str_eq(ctx_traceparent(root), "");
    ck_assert_str_eq(ctx_tracestate(root), "");
    ck_assert_int_eq(ctx_deadline(root).ns, MONO_NEVER.ns);
    ck_assert_int_eq(ctx_cause(root), CTX_LIVE);
    ck_assert_ptr_eq(ctx_loop(root), loop);
    ctx_free(NULL);
}
END_TEST

START_TEST(test_inherits)
{
    char guid[] = "guid-1";

    ctx_set_guid(root, guid);
    guid[0] = 'X'; /* it was copied */
    ctx_set_trace(root, TRACEPARENT, "a=1");
    struct ctx *child = ctx_derive(root);
    struct ctx *grandchild = ctx_derive(child);
    ck_assert_ptr_eq(ctx_loop(grandchild), loop);
    ck_assert_str_eq(ctx_guid(grandchild), "guid-1");
    ck_assert_str_eq(ctx_traceparent(grandchild), TRACEPARENT);
    ck_assert_str_eq(ctx_tracestate(grandchild), "a=1");

    /* Below differs, above stays. A trace of its own comes without the parent's state. */
    ctx_set_guid(child, "guid-2");
    ctx_set_trace(child, OTHER_TRACEPARENT, NULL);
    ck_assert_str_eq(ctx_guid(grandchild), "guid-2");
    ck_assert_str_eq(ctx_traceparent(grandchild), OTHER_TRACEPARENT);
    ck_assert_str_eq(ctx_tracestate(grandchild), "");
    ck_assert_str_eq(ctx_guid(root), "guid-1");
    ck_assert_str_eq(ctx_tracestate(root), "a=1");
    ctx_free(grandchild);
    ctx_free(child);
}
END_TEST

START_TEST(test_longest_values)
{
    char guid[GUID_MAX + 1];
    char state[TRACESTATE_MAX + 2];

    memset(guid, 'g', GUID_MAX);
    guid[GUID_MAX] = '\0';
    ctx_set_guid(root, guid);
    ck_assert_str_eq(ctx_guid(root), guid);
    memset(state, 's', sizeof(state));
    state[TRACESTATE_MAX] = '\0';
    ctx_set_trace(root, TRACEPARENT, state);
    ck_assert_str_eq(ctx_tracestate(root), state);
    state[TRACESTATE_MAX] = 's';
    state[TRACESTATE_MAX + 1] = '\0';
    ctx_set_trace(root, TRACEPARENT, state);
    ck_assert_str_eq(ctx_tracestate(root), "");
}
END_TEST

START_TEST(test_too_long_a_guid_is_a_bug)
{
    char guid[GUID_MAX + 2];

    memset(guid, 'g', sizeof(guid));
    guid[GUID_MAX + 1] = '\0';
    ctx_set_guid(root, guid);
}
END_TEST

START_TEST(test_cancels_down_never_up)
{
    struct ctx *left = ctx_derive(root);
    struct ctx *right = ctx_derive(root);
    struct ctx *below = ctx_derive(left);

    ctx_cancel(left, CTX_GONE);
    ck_assert_int_eq(ctx_cause(left), CTX_GONE);
    ck_assert_int_eq(ctx_cause(below), CTX_GONE);
    ck_assert_int_eq(ctx_cause(root), CTX_LIVE);
    ck_assert_int_eq(ctx_cause(right), CTX_LIVE);

    /* The first cause stays. */
    ctx_cancel(root, CTX_DEADLINE);
    ck_assert_int_eq(ctx_cause(root), CTX_DEADLINE);
    ck_assert_int_eq(ctx_cause(right), CTX_DEADLINE);
    ck_assert_int_eq(ctx_cause(below), CTX_GONE);
    ctx_cancel(root, CTX_DONE);
    ck_assert_int_eq(ctx_cause(root), CTX_DEADLINE);
    ctx_free(below);
    ctx_free(left);
    ctx_free(right);
}
END_TEST

START_TEST(test_derived_from_a_cancelled_parent)
{
    ctx_cancel(root, CTX_GONE);
    struct ctx *child = ctx_derive(root);
    ck_assert_int_eq(ctx_cause(child), CTX_GONE);
    ctx_free(child);
}
END_TEST

START_TEST(test_hooks_run_children_first_newest_first_once)
{
    struct ctx *a = ctx_derive(root);
    struct ctx *b = ctx_derive(root);
    struct ctx *aa = ctx_derive(a);
    struct noting hooks[] = {NOTING('1'), NOTING('2'), NOTING('a'), NOTING('b'), NOTING('x')};

    ctx_hook_add(root, &hooks[0].hook);
    ctx_hook_add(root, &hooks[1].hook);
    ctx_hook_add(a, &hooks[2].hook);
    ctx_hook_add(b, &hooks[3].hook);
    ctx_hook_add(aa, &hooks[4].hook);
    hooks[3].sees = aa; /* b is the first, and aa the last that anybody would look at */
    ctx_cancel(root, CTX_DONE);
    ck_assert_str_eq(story, "bxa21");
    ck_assert_int_eq(last_cause, CTX_DONE);
    ctx_cancel(root, CTX_GONE);
    ck_assert_str_eq(story, "bxa21");
    ck_assert_ptr_null(hooks[0].hook.ctx);
    ctx_free(aa);
    ctx_free(a);
    ctx_free(b);
}
END_TEST

START_TEST(test_removed_hooks_do_not_run)
{
    struct noting first = NOTING('1'), second = NOTING('2'), third = NOTING('3');

    ctx_hook_remove(&first.hook); /* hangs nowhere: nothing happens */
    ctx_hook_add(root, &first.hook);
    ctx_hook_add(root, &second.hook);
    ctx_hook_add(root, &third.hook);
    ctx_hook_remove(&second.hook);
    ctx_hook_remove(&second.hook);
    ctx_cancel(root, CTX_GONE);
    ck_assert_str_eq(story, "31");
}
END_TEST

START_TEST(test_a_hook_may_remove_others)
{
    struct ctx *child = ctx_derive(root);
    struct noting first = NOTING('1'), second = NOTING('2'), third = NOTING('3');
    struct noting below = NOTING('b');

    ctx_hook_add(root, &first.hook);
    ctx_hook_add(root, &second.hook);
    ctx_hook_add(root, &third.hook);
    ctx_hook_add(child, &below.hook);
    below.removes = &third.hook;
    second.removes = &first.hook;
    ctx_cancel(root, CTX_GONE);
    ck_assert_str_eq(story, "b2");
    ctx_free(child);
}
END_TEST

START_TEST(test_a_hook_may_free_what_is_below)
{
    struct ctx *old = ctx_derive(root);
    struct ctx *young = ctx_derive(root);
    struct noting of_root = NOTING('r'), of_old = NOTING('o'), of_young = NOTING('y');
    struct noting of_young_too = NOTING('Y');

    ctx_hook_add(root, &of_root.hook);
    ctx_hook_add(old, &of_old.hook);
    ctx_hook_add(young, &of_young.hook);
    ctx_hook_add(young, &of_young_too.hook);
    of_young_too.frees = &young; /* its own, with a hook that then never runs */
    of_root.frees = &old;
    ctx_cancel(root, CTX_GONE);
    ck_assert_str_eq(story, "Yor");
    ck_assert_ptr_null(old);
    ck_assert_ptr_null(young);
}
END_TEST

START_TEST(test_a_hook_may_free_a_sibling)
{
    struct ctx *old = ctx_derive(root);
    struct ctx *young = ctx_derive(root);
    struct noting of_old = NOTING('o'), of_young = NOTING('y');

    ctx_hook_add(old, &of_old.hook);
    ctx_hook_add(young, &of_young.hook);
    of_young.frees = &old;
    ctx_cancel(root, CTX_GONE);
    ck_assert_str_eq(story, "y");
    ctx_free(young);
}
END_TEST

START_TEST(test_a_hook_may_cancel_above)
{
    struct ctx *child = ctx_derive(root);
    struct noting of_root = NOTING('r'), first = NOTING('1'), second = NOTING('2');

    ctx_hook_add(root, &of_root.hook);
    ctx_hook_add(child, &first.hook);
    ctx_hook_add(child, &second.hook);
    second.cancels = root;
    ctx_cancel(child, CTX_GONE);
    ck_assert_str_eq(story, "21r");
    ck_assert_int_eq(ctx_cause(child), CTX_GONE);
    ck_assert_int_eq(ctx_cause(root), CTX_DEADLINE);
    ctx_free(child);
}
END_TEST

START_TEST(test_freeing_what_is_being_cancelled_is_a_bug)
{
    struct noting hook = NOTING('r');

    hook.frees = &root;
    ctx_hook_add(root, &hook.hook);
    ctx_cancel(root, CTX_GONE);
}
END_TEST

START_TEST(test_hook_on_a_cancelled_context_is_a_bug)
{
    struct noting hook = NOTING('r');

    ctx_cancel(root, CTX_GONE);
    ctx_hook_add(root, &hook.hook);
}
END_TEST

START_TEST(test_freeing_before_the_children_is_a_bug)
{
    ctx_derive(root);
    ctx_free(root);
}
END_TEST

START_TEST(test_free_runs_no_hook)
{
    struct ctx *child = ctx_derive(root);
    struct noting hook = NOTING('c');

    ctx_hook_add(child, &hook.hook);
    ctx_free(child);
    ck_assert_str_eq(story, "");
    ck_assert_ptr_null(hook.hook.ctx);
    ctx_cancel(root, CTX_GONE);
    ck_assert_str_eq(story, "");
}
END_TEST

/* Deadlines. What is "soon" fires when the loop turns; what is "late" never comes in a test. */

static struct mono_time soon(void)
{
    return mono_add(mono_now(), MILLISECOND);
}

static struct mono_time late(void)
{
    return mono_add(mono_now(), HOUR);
}

static void stop_loop(struct ctx_hook *hook, enum ctx_cause cause)
{
    (void)hook;
    last_cause = cause;
    loop_stop(loop);
}

START_TEST(test_deadline_cancels)
{
    struct ctx *child = ctx_derive(root);
    struct ctx *other = ctx_derive(root);
    struct ctx_hook hook = {.cancelled = stop_loop};
    struct mono_time deadline = soon();

    ctx_set_deadline(root, late());
    ctx_set_deadline(child, deadline);
    ck_assert_int_eq(ctx_deadline(child).ns, deadline.ns);
    ctx_hook_add(child, &hook);
    loop_run(loop);
    ck_assert(!mono_before(mono_now(), deadline));
    ck_assert_int_eq(last_cause, CTX_DEADLINE);
    ck_assert_int_eq(ctx_cause(child), CTX_DEADLINE);
    ck_assert_int_eq(ctx_cause(root), CTX_LIVE);
    ck_assert_int_eq(ctx_cause(other), CTX_LIVE);
    ctx_free(child);
    ctx_free(other);
}
END_TEST

START_TEST(test_deadline_is_never_later_than_the_parents)
{
    struct ctx *child = ctx_derive(root);
    struct ctx *grandchild = ctx_derive(child);
    struct ctx_hook hook = {.cancelled = stop_loop};
    struct mono_time deadline = mono_now(); /* past: fires in the next turn */

    ctx_set_deadline(root, deadline);
    ctx_set_deadline(child, late());
    ck_assert_int_eq(ctx_deadline(child).ns, deadline.ns);
    ck_assert_int_eq(ctx_deadline(grandchild).ns, deadline.ns);
    ctx_hook_add(grandchild, &hook);
    ck_assert_int_eq(ctx_cause(root), CTX_LIVE);
    loop_run(loop);
    ck_assert_int_eq(ctx_cause(grandchild), CTX_DEADLINE);
    ck_assert_int_eq(ctx_cause(root), CTX_DEADLINE);
    ctx_free(grandchild);
    ctx_free(child);
}
END_TEST

static void stop_timer(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

START_TEST(test_a_cancelled_or_freed_context_has_no_timer)
{
    struct ctx *freed = ctx_derive(root);
    struct ctx *cancelled = ctx_derive(root);

    ctx_set_deadline(freed, soon());
    ctx_set_deadline(cancelled, soon());
    ctx_cancel(cancelled, CTX_DONE);
    ctx_free(freed);
    struct ctx *born_cancelled = ctx_derive(cancelled);
    ctx_set_deadline(born_cancelled, soon());
    timer_start(loop, 10 * MILLISECOND, stop_timer, NULL);
    loop_run(loop);
    ck_assert_int_eq(ctx_cause(cancelled), CTX_DONE);
    ck_assert_int_eq(ctx_cause(born_cancelled), CTX_DONE);
    ctx_free(born_cancelled);
    ctx_free(cancelled);
    /* loop_free checks that no timer is live. */
}
END_TEST

START_TEST(test_never_is_no_deadline)
{
    ctx_set_deadline(root, MONO_NEVER);
    ck_assert_int_eq(ctx_deadline(root).ns, MONO_NEVER.ns);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctx");
    TCase *tcase = tcase_create("ctx");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_a_root_is_empty);
    tcase_add_test(tcase, test_inherits);
    tcase_add_test(tcase, test_longest_values);
    tcase_add_test_raise_signal(tcase, test_too_long_a_guid_is_a_bug, SIGABRT);
    tcase_add_test(tcase, test_cancels_down_never_up);
    tcase_add_test(tcase, test_derived_from_a_cancelled_parent);
    tcase_add_test(tcase, test_hooks_run_children_first_newest_first_once);
    tcase_add_test(tcase, test_removed_hooks_do_not_run);
    tcase_add_test(tcase, test_a_hook_may_remove_others);
    tcase_add_test(tcase, test_a_hook_may_free_what_is_below);
    tcase_add_test(tcase, test_a_hook_may_free_a_sibling);
    tcase_add_test(tcase, test_a_hook_may_cancel_above);
    tcase_add_test_raise_signal(tcase, test_freeing_what_is_being_cancelled_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_hook_on_a_cancelled_context_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_freeing_before_the_children_is_a_bug, SIGABRT);
    tcase_add_test(tcase, test_free_runs_no_hook);
    tcase_add_test(tcase, test_deadline_cancels);
    tcase_add_test(tcase, test_deadline_is_never_later_than_the_parents);
    tcase_add_test(tcase, test_a_cancelled_or_freed_context_has_no_timer);
    tcase_add_test(tcase, test_never_is_no_deadline);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
