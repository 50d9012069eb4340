/*
 * One mail is enough for both steps and for the answers, for there is never more than one of them
 * under way.
 */
#include "service/side.h"

#include "base/check.h"
#include "base/mem.h"

struct side *side_new(const struct side_settings *settings)
{
    struct side *side = mem_zalloc(sizeof(*side));
    struct lookup_upstream *lookup = &side->lookup;

    side->loop = settings->loop;
    side->main_loop = settings->main_loop;
    lookup->state = settings->state;
    lookup->tokens = token_source_new(settings->loop, settings->main_loop, settings->keeper,
                                      settings->worker, settings->max_waiters);
    lookup->turns = turns_new(settings->loop, &lookup->state->rate, &lookup->state->waiting);
    return side;
}

void side_free(struct side *side)
{
    if (side == NULL)
        return;
    MUST(side->plans == 0);
    turns_free(side->lookup.turns);
    token_source_free(side->lookup.tokens);
    mem_free(side);
}

void side_end(struct side *side)
{
    turns_free(side->lookup.turns);
    side->lookup.turns = NULL;
}

/* ---- mail ---- */

static struct side *side_of(struct mail *mail)
{
    return CONTAINER_OF(mail, struct side, mail);
}

static void ask(struct side *side, void (*deliver)(struct mail *mail), void (*told)(void *arg),
                void *arg)
{
    side->told = told;
    side->arg = arg;
    side->mail.deliver = deliver;
    loop_mail(side->loop, &side->mail);
}

/* In the main thread. */
static void answered(struct mail *mail)
{
    struct side *side = side_of(mail);

    side->told(side->arg);
}

static void answer(struct side *side)
{
    side->mail.deliver = answered;
    loop_mail(side->main_loop, &side->mail);
}

static void retire(struct mail *mail)
{
    struct side *side = side_of(mail);

    side->retired = true;
    if (side->plans == 0)
        answer(side);
}

static void close_side(struct mail *mail)
{
    struct side *side = side_of(mail);

    side_end(side);
    answer(side);
}

void side_retire(struct side *side, void (*released)(void *arg), void *arg)
{
    ask(side, retire, released, arg);
}

void side_close(struct side *side, void (*closed)(void *arg), void *arg)
{
    ask(side, close_side, closed, arg);
}

/* ---- plans ---- */

static struct side *side_of_way(const struct lookup_way *way)
{
    return CONTAINER_OF(way->side, struct side, lookup);
}

static void plan_freed(struct lookup_plan *plan)
{
    for (size_t i = 0; i < plan->way_count; i++) {
        struct side *side = side_of_way(&plan->ways[i]);

        MUST(side->plans > 0);
        side->plans--;
        if (side->plans == 0 && side->retired)
            answer(side);
    }
}

void side_count_plan(struct lookup_plan *plan)
{
    for (size_t i = 0; i < plan->way_count; i++)
        side_of_way(&plan->ways[i])->plans++;
    plan->freed = plan_freed;
}
