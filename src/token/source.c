/*
 * Lookups wait in one list. Whenever something is learned (a view, a verdict) the whole list is
 * swept: it is moved aside, and each waiter is judged by the view and the verdict (token/ticket):
 * told, or put back. So callbacks may park and cancel as they like: what they park goes to a list
 * that this sweep does not read, and what they cancel is taken from whichever of the two it is in.
 *
 * What waits is then looked at once more, and the keeper is asked for what is missing: once a view
 * for a token; about a 401 of the present generation as long as there are waiters that no verdict
 * has reached. A verdict reaches all that wait because of that generation: those sent before the
 * latest success that the keeper knows of repeat with the token, and what else the keeper says of
 * one holds for the others too.
 *
 * Mail from the keeper arrives in the order it was sent. So a verdict always finds the view that
 * the keeper had when it judged, and a view that counts one more ended request is the end of
 * KEEPER_REPLACING.
 */
#include "token/source.h"

#include <stdio.h>
#include <utlist.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "token/ticket.h"

#define SOURCE_MAGIC 0x50c7a11du
/* What a lookup is told that found no room to wait. */
#define FULL_RETRY_AFTER (1 * SECOND)

/* The messages: the source's while not `under_way`, the keeper's thread's while it is. */
struct wanted {
    struct mail mail;
    bool under_way;
    uint64_t sequence;
    char guid[GUID_MAX + 1];
};

struct rejection {
    struct mail mail;
    bool under_way;
    struct mono_time sent;
    char guid[GUID_MAX + 1];
    struct ticket_verdict said; /* of the generation that was rejected; the rest is the keeper's */
};

struct success {
    struct mail mail;
    bool under_way;
    uint64_t generation;
};

struct token_source {
    unsigned magic;
    struct loop *loop;
    struct loop *keeper_loop;
    struct keeper *keeper; /* its thread's */
    size_t worker;
    size_t upstream; /* its index in the metrics */
    size_t max_waiters;

    struct token_view *view; /* NULL until the keeper starts */
    struct token_waiter *waiters;
    struct token_waiter *swept; /* not judged yet, during a sweep */
    size_t waiting;             /* in both */

    uint64_t wanted_sequence; /* the view for which the keeper was asked for a token */
    struct wanted wanted;
    struct rejection rejection;
    struct success success;
};

/* A view on its way to a source. */
struct delivery {
    struct mail mail;
    struct token_source *source;
    struct token_view *view;
};

struct token_source *token_source_new(struct loop *loop, struct loop *keeper_loop,
                                      struct keeper *keeper, size_t worker, size_t max_waiters)
{
    struct token_source *source = mem_zalloc(sizeof(*source));

    MAGIC_SET(source, SOURCE_MAGIC);
    source->loop = loop;
    source->keeper_loop = keeper_loop;
    source->keeper = keeper;
    source->worker = worker;
    source->upstream = keeper_index(keeper);
    source->max_waiters = max_waiters;
    return source;
}

void token_source_free(struct token_source *source)
{
    MAGIC_OK(source, SOURCE_MAGIC);
    MUST(source->waiting == 0);
    MUST(!source->wanted.under_way && !source->rejection.under_way && !source->success.under_way);
    token_view_unref(source->view);
    MAGIC_CLEAR(source);
    mem_free(source);
}

void token_source_limit(struct token_source *source, size_t max_waiters)
{
    MAGIC_OK(source, SOURCE_MAGIC);
    source->max_waiters = max_waiters;
}

/* Speaking with the keeper. */

static void sweep(struct token_source *source, const struct ticket_verdict *said);
static void ask(struct token_source *source);

static void wanted_returned(struct mail *mail)
{
    struct token_source *source = CONTAINER_OF(mail, struct token_source, wanted.mail);

    MAGIC_OK(source, SOURCE_MAGIC);
    source->wanted.under_way = false;
    ask(source);
}

static void wanted_delivered(struct mail *mail)
{
    struct token_source *source = CONTAINER_OF(mail, struct token_source, wanted.mail);
    const struct wanted *wanted = &source->wanted;

    keeper_wanted(source->keeper, wanted->sequence, wanted->guid, mono_now());
    mail->deliver = wanted_returned;
    loop_mail(source->loop, mail);
}

/* Once for each view. */
static void mail_wanted(struct token_source *source, const struct ctx *ctx)
{
    struct wanted *wanted = &source->wanted;

    if (source->view == NULL || wanted->under_way ||
        source->wanted_sequence == source->view->sequence)
        return;
    source->wanted_sequence = source->view->sequence;
    wanted->under_way = true;
    wanted->sequence = source->view->sequence;
    snprintf(wanted->guid, sizeof(wanted->guid), "%s", ctx_guid(ctx));
    wanted->mail.deliver = wanted_delivered;
    loop_mail(source->keeper_loop, &wanted->mail);
}

static void rejection_returned(struct mail *mail)
{
    struct token_source *source = CONTAINER_OF(mail, struct token_source, rejection.mail);

    MAGIC_OK(source, SOURCE_MAGIC);
    source->rejection.under_way = false;
    sweep(source, &source->rejection.said);
}

static void rejection_delivered(struct mail *mail)
{
    struct token_source *source = CONTAINER_OF(mail, struct token_source, rejection.mail);
    struct rejection *rejection = &source->rejection;

    rejection->said.verdict =
        keeper_rejected(source->keeper, rejection->said.generation, rejection->sent,
                        rejection->guid, mono_now(), &rejection->said.succeeded_at);
    mail->deliver = rejection_returned;
    loop_mail(source->loop, mail);
}

static void mail_rejection(struct token_source *source, const struct token_waiter *waiter)
{
    struct rejection *rejection = &source->rejection;

    if (rejection->under_way)
        return;
    rejection->under_way = true;
    rejection->said.generation = waiter->rejected_generation;
    rejection->sent = waiter->sent;
    snprintf(rejection->guid, sizeof(rejection->guid), "%s", ctx_guid(waiter->ctx));
    rejection->mail.deliver = rejection_delivered;
    loop_mail(source->keeper_loop, &rejection->mail);
}

static void success_returned(struct mail *mail)
{
    struct token_source *source = CONTAINER_OF(mail, struct token_source, success.mail);

    MAGIC_OK(source, SOURCE_MAGIC);
    source->success.under_way = false;
}

static void success_delivered(struct mail *mail)
{
    struct token_source *source = CONTAINER_OF(mail, struct token_source, success.mail);

    keeper_succeeded(source->keeper, source->success.generation, mono_now());
    mail->deliver = success_returned;
    loop_mail(source->loop, mail);
}

static void mail_success(struct token_source *source, uint64_t generation)
{
    struct success *success = &source->success;

    if (success->under_way)
        return;
    success->under_way = true;
    success->generation = generation;
    success->mail.deliver = success_delivered;
    loop_mail(source->keeper_loop, &success->mail);
}

/* Asks the keeper for what the parked waiters lack, after something was learned. */
static void ask(struct token_source *source)
{
    const struct token *token = ticket_usable(source->view, mono_now());
    const struct token_waiter *without = NULL; /* the first that waits for any token */
    const struct token_waiter *unjudged = NULL;
    const struct token_waiter *waiter;

    DL_FOREACH(source->waiters, waiter)
    {
        if (!ticket_is_about(waiter, token))
            without = without != NULL ? without : waiter;
        else if (waiter->awaits == 0)
            unjudged = unjudged != NULL ? unjudged : waiter;
    }
    if (without != NULL)
        mail_wanted(source, without->ctx);
    if (unjudged != NULL)
        mail_rejection(source, unjudged);
}

/* Waiters. */

static void take_out(struct token_waiter *waiter)
{
    struct token_source *source = waiter->source;

    if (waiter->swept)
        DL_DELETE(source->swept, waiter);
    else
        DL_DELETE(source->waiters, waiter); /* NOLINT(clang-analyzer-core.NullDereference) */
    source->waiting--;
    waiter->source = NULL;
    metric_upstream_add(METRIC_TOKEN_WAITERS, source->upstream, 0, -1);
}

static void put_back(struct token_waiter *waiter)
{
    struct token_source *source = waiter->source;

    DL_DELETE(source->swept, waiter);
    waiter->swept = false;
    DL_APPEND(source->waiters, waiter);
}

/* Judges every waiter by the view, and by what the keeper said (NULL: nothing new). */
static void sweep(struct token_source *source, const struct ticket_verdict *said)
{
    struct mono_time now = mono_now();
    struct token_waiter *waiter;

    MUST(source->swept == NULL);
    DL_FOREACH(source->waiters, waiter)
    waiter->swept = true;
    source->swept = source->waiters;
    source->waiters = NULL;

    while ((waiter = source->swept) != NULL) {
        struct token_ticket ticket = ticket_by_view(source->view, waiter, now);

        if (ticket.kind == TOKEN_PARKED && said != NULL)
            ticket = ticket_by_verdict(source->view, waiter, said, now);
        if (ticket.kind == TOKEN_PARKED) {
            put_back(waiter);
        } else {
            take_out(waiter);
            waiter->told(waiter, &ticket);
        }
    }
    ask(source);
}

static struct token_ticket park(struct token_source *source, struct token_waiter *waiter,
                                struct mono_time now)
{
    if (source->waiting >= source->max_waiters) {
        metric_upstream_add(METRIC_TOKEN_WAITERS_REFUSED, source->upstream, 0, 1);
        return (struct token_ticket){.kind = TOKEN_UNAVAILABLE,
                                     .retry_after = FULL_RETRY_AFTER,
                                     .cause = &token_cause_waiters};
    }
    waiter->source = source;
    waiter->swept = false;
    DL_APPEND(source->waiters, waiter);
    source->waiting++;
    metric_upstream_add(METRIC_TOKEN_WAITERS, source->upstream, 0, 1);
    if (ticket_is_about(waiter, ticket_usable(source->view, now))) {
        mail_rejection(source, waiter);
    } else {
        waiter->awaits = 1 + (source->view != NULL ? source->view->answered : 0);
        mail_wanted(source, waiter->ctx);
    }
    return ticket_parked();
}

void token_waiter_cancel(struct token_waiter *waiter)
{
    if (waiter->source != NULL)
        take_out(waiter);
}

/* Views. */

static void view_delivered(struct mail *mail)
{
    struct delivery *delivery = CONTAINER_OF(mail, struct delivery, mail);
    struct token_source *source = delivery->source;

    MAGIC_OK(source, SOURCE_MAGIC);
    MUST(source->view == NULL || source->view->sequence < delivery->view->sequence);
    token_view_unref(source->view);
    source->view = delivery->view;
    mem_free(delivery);
    sweep(source, NULL);
}

void token_source_publish(struct token_source *source, struct token_view *view)
{
    struct delivery *delivery = mem_alloc(sizeof(*delivery));

    delivery->mail.deliver = view_delivered;
    delivery->source = source;
    delivery->view = token_view_ref(view);
    loop_mail(source->loop, &delivery->mail);
}

/* Lookups. */

static struct token_ticket enter(struct token_source *source, struct ctx *ctx,
                                 struct token_waiter *waiter, uint64_t rejected_generation,
                                 struct mono_time sent)
{
    MAGIC_OK(source, SOURCE_MAGIC);
    struct mono_time now = loop_now(source->loop);

    MUST(waiter->source == NULL);
    waiter->ctx = ctx;
    waiter->rejected_generation = rejected_generation;
    waiter->sent = sent;
    waiter->awaits = 0;

    struct token_ticket ticket = ticket_by_view(source->view, waiter, now);
    if (ticket.kind == TOKEN_PARKED)
        return park(source, waiter, now);
    if (ticket.kind == TOKEN_READY && !mono_before(now, token_renew_at(ticket.token)) &&
        !ticket_is_blocked(source->view, now))
        mail_wanted(source, ctx);
    return ticket;
}

struct token_ticket token_source_get(struct token_source *source, struct ctx *ctx,
                                     struct token_waiter *waiter)
{
    return enter(source, ctx, waiter, 0, (struct mono_time){0});
}

struct token_ticket token_source_rejected(struct token_source *source, struct ctx *ctx,
                                          struct token *rejected_token, struct mono_time sent,
                                          struct token_waiter *waiter)
{
    return enter(source, ctx, waiter, token_generation(rejected_token), sent);
}

bool token_source_has(const struct token_source *source, const struct token *token)
{
    return token_is_of(token, source->keeper);
}

void token_source_succeeded(struct token_source *source, struct token *token, struct mono_time sent)
{
    const struct token_view *view = source->view;

    /* The present token may have the same value and other dates; the keeper looks at that one. */
    if (view != NULL && view->token != NULL &&
        token_generation(view->token) == token_generation(token)) {
        token = view->token;
        if (mono_before(mono_now(), view->suspect_until))
            mail_success(source, token_generation(token));
    }
    token_succeeded(token, source->worker, sent);
}
