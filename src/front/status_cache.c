/*
 * What the cache spares: the share of the lookups that needed no call of their own, and what it
 * takes for that. A cache that spares nothing is told of by a condition (conditions_cache.c).
 */
#include <math.h>

#include "front/html.h"
#include "front/status_page_internal.h"

static void put_share(struct buf *out, double share)
{
    if (isnan(share))
        buf_puts(out, "<small>no lookups</small>");
    else
        html_share(out, share);
}

static void put_shares(const struct overview *overview, const struct series_column *hours,
                       struct buf *out)
{
    struct series_column minute;
    const double all = series_without_call(&hours->cache);

    series_sum(overview, MINUTE, &minute);
    status_fact_begin(out, "cache-share", "Answered without a call", "last minute");
    put_share(out, series_without_call(&minute.cache));
    if (!isnan(all)) {
        buf_puts(out, " <small>in two hours ");
        html_share(out, all);
        buf_puts(out, "</small>");
    }
    status_fact_end(out);
}

static void put_count(struct buf *out, const char *id, const char *title, int64_t count)
{
    status_fact_begin(out, id, title, "two hours");
    html_count(out, count);
    status_fact_end(out);
}

/* Of stale answers it matters why they were given. */
static void put_stale(const struct series_cache *cache, struct buf *out)
{
    status_fact_begin(out, "cache-stale", "Stale answers given", "two hours");
    html_count(out, cache->results[CACHE_STALE]);
    if (cache->stale_if_error > 0) {
        buf_puts(out, " <small>");
        html_count(out, cache->stale_if_error);
        buf_puts(out, " because the lookup failed</small>");
    }
    status_fact_end(out);
}

static void put_memory(const struct table_totals *totals, struct buf *out)
{
    status_fact_begin(out, "cache-items", "Answers kept", "now");
    html_count(out, (int64_t)totals->items);
    status_fact_end(out);
    status_fact_begin(out, "cache-memory", "Memory", "now");
    html_size(out, totals->bytes);
    buf_puts(out, " <small>of ");
    html_size(out, totals->max_size);
    buf_puts(out, "</small>");
    status_fact_end(out);
}

static void put_plot(struct status_work *work, struct buf *out)
{
    plot_begin(&work->plot, "cache", NULL, "Answered without a call", PLOT_SHARE);
    double *values = plot_add(&work->plot, "");
    for (size_t i = 0; i < work->span.columns; i++)
        values[i] = series_without_call(&work->columns[i].cache);
    plot_write(&work->plot, &work->span, out);
}

void status_cache_write(const struct overview *overview, struct status_work *work, struct buf *out)
{
    struct series_column hours;

    if (!overview->cache.on)
        return;
    series_sum(overview, HISTORY_SPAN, &hours);
    series_fill(overview, &work->span, work->columns);
    status_section_begin(out, "cache", "Cache", "of answers");
    put_plot(work, out);
    buf_puts(out, "<dl class=\"facts\">");
    put_shares(overview, &hours, out);
    put_count(out, "cache-joined", "Shared another lookup's call",
              hours.cache.results[CACHE_JOINED]);
    put_stale(&hours.cache, out);
    put_memory(&overview->cache.totals, out);
    put_count(out, "cache-evictions", "Removed to make room", hours.cache.evictions);
    buf_puts(out, "</dl>");
    status_section_end(out);
}
