/*
 * Names of upstreams and the words in labels need no escaping: config/ allows letters, digits, "-"
 * and "_" in the former, and the latter are ours.
 */
#include "front/exposition_text.h"

void exposition_text_head(struct buf *out, const char *name, const char *kind, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void exposition_text_labels(struct buf *out, const struct exposition_upstream *upstream,
                            const char *own)
{
    const char *comma = upstream != NULL && own[0] != '\0' ? "," : "";
    if (upstream == NULL && own[0] == '\0')
        return;
    buf_putc(out, '{');
    if (upstream != NULL)
        buf_printf(out, "upstream=\"%s\"", upstream->name);
    buf_printf(out, "%s%s}", comma, own);
}
