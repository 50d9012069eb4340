/*
 * Views are made by the keeper and dropped by whichever worker has had its last lookup from them,
 * so the count is atomic; nothing else in a view ever changes.
 */
#include "token/view.h"

#include "base/check.h"
#include "base/mem.h"

struct token_view *token_view_new(const struct token_view *what)
{
    struct token_view *view = mem_zalloc(sizeof(*view));

    view->sequence = what->sequence;
    view->answered = what->answered;
    view->token = what->token;
    view->failed = what->failed;
    view->retry_at = what->retry_at;
    view->suspect_until = what->suspect_until;
    view->accepted = what->accepted;
    view->cause = what->cause;
    atomic_init(&view->references, 1);
    return view;
}

struct token_view *token_view_ref(struct token_view *view)
{
    MUST(atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed) > 0);
    return view;
}

void token_view_unref(struct token_view *view)
{
    if (view == NULL)
        return;
    /* Whoever is last must see all that the others did with it. */
    if (atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) > 1)
        return;
    token_unref(view->token);
    mem_free(view);
}
