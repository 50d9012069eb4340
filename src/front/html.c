/*
 * What an upstream, a caller or a configuration calls itself must not become markup. So whatever is
 * not a literal of the page's own goes through html_text, which knows text and attributes alike:
 * all five characters that mean something in either are escaped in both.
 */
#include "front/html.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static const char *entity(uint32_t code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* C0, DEL and C1, which no browser shows, and the marks that turn the direction of what follows. */
static bool is_harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200e && code <= 0x200f) ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static void put_bytes(struct buf *out, const char *text, size_t left)
{
    while (left > 0) {
        uint32_t code = 0;
        size_t n = text_utf8_next(text, left, &code);
        const char *name = entity(code);

        if (name != NULL)
            buf_puts(out, name);
        else if (n == 0 || is_harmful(code))
            buf_puts(out, REPLACEMENT);
        else
            buf_append(out, text, n);
        n = n == 0 ? 1 : n;
        text += n;
        left -= n;
    }
}

void html_text(struct buf *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

void html_text_cut(struct buf *out, const char *text, size_t most)
{
    size_t len = strlen(text);

    if (len <= most) {
        html_text(out, text);
        return;
    }
    for (len = most; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
        len--;
    put_bytes(out, text, len);
    buf_puts(out, "\xe2\x80\xa6");
}

void html_count(struct buf *out, int64_t number)
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)number);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
            buf_putc(out, ',');
        buf_putc(out, digits[i]);
    }
}

/* Three digits, or all of those before the point. */
static void put_number(struct buf *out, double number)
{
    if (number >= 99.95)
        html_count(out, llround(number));
    else if (number >= 9.995)
        buf_printf(out, "%.1f", number);
    else
        buf_printf(out, "%.2f", number);
}

void html_size(struct buf *out, size_t bytes)
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB"};
    double unit = 1024;
    size_t i = 0;

    for (; i + 1 < ARRAY_LEN(names) && (double)bytes >= 1024 * unit; i++)
        unit *= 1024;
    if (fmod((double)bytes, unit) == 0)
        html_count(out, llround((double)bytes / unit));
    else
        put_number(out, (double)bytes / unit);
    buf_printf(out, " %s", names[i]);
}

void html_rate(struct buf *out, double per_second)
{
    if (per_second == 0)
        buf_putc(out, '0');
    else
        put_number(out, per_second);
    buf_puts(out, "/s");
}

void html_duration(struct buf *out, int64_t duration)
{
    const bool seconds = duration >= SECOND;

    put_number(out, (double)duration / (double)(seconds ? SECOND : MILLISECOND));
    buf_puts(out, seconds ? " s" : " ms");
}

void html_estimate(struct buf *out, int64_t duration)
{
    const bool seconds = duration >= 995 * MILLISECOND;
    const double number = (double)duration / (double)(seconds ? SECOND : MILLISECOND);

    if (number >= 99.5) {
        const double power = pow(10, floor(log10(number)) - 1);

        html_count(out, llround(round(number / power) * power));
    } else {
        buf_printf(out, number >= 9.95 ? "%.0f" : number >= 0.995 ? "%.1f" : "%.2f", number);
    }
    buf_puts(out, seconds ? " s" : " ms");
}

void html_share(struct buf *out, double share)
{
    const double percent = share * 100;

    if (percent > 0 && percent < 0.05)
        buf_puts(out, "under 0.1 %");
    else
        buf_printf(out, percent >= 9.95 || percent == 0 ? "%.0f %%" : "%.1f %%", percent);
}

void html_span(struct buf *out, int64_t duration)
{
    static const struct {
        long long seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    const long long left = duration < 0 ? 0 : duration / SECOND;
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(units) && left < units[i].seconds)
        i++;
    buf_printf(out, "%lld %s", left / units[i].seconds, units[i].name);
    if (i + 1 < ARRAY_LEN(units)) {
        const long long rest = left % units[i].seconds / units[i + 1].seconds;
        if (rest > 0)
            buf_printf(out, " %lld %s", rest, units[i + 1].name);
    }
}

void html_between(struct buf *out, struct wall_time from, struct wall_time to)
{
    html_span(out, (to.ns / SECOND - from.ns / SECOND) * SECOND);
}

static struct tm calendar(struct wall_time t)
{
    const time_t seconds = (time_t)(t.ns / SECOND);
    struct tm tm = {0};

    gmtime_r(&seconds, &tm);
    return tm;
}

void html_clock(struct buf *out, struct wall_time at, struct wall_time now)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const struct tm tm = calendar(at);
    const struct tm today = calendar(now);

    if (tm.tm_year != today.tm_year || tm.tm_yday != today.tm_yday)
        buf_printf(out, "%d %s ", tm.tm_mday, months[tm.tm_mon]);
    if (tm.tm_year != today.tm_year)
        buf_printf(out, "%d ", tm.tm_year + 1900);
    buf_printf(out, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void html_time(struct buf *out, struct wall_time at, struct wall_time now)
{
    char exact[CLOCK_TEXT];

    wall_format_seconds(at, exact);
    buf_printf(out, "<time datetime=\"%s\">", exact);
    html_clock(out, at, now);
    buf_puts(out, "</time>");
}
