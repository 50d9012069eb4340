/*
 * Lines of Prometheus' text format that all of /metrics is written with. Private to src/front.
 */
#ifndef FRONT_EXPOSITION_TEXT_H
#define FRONT_EXPOSITION_TEXT_H

#include "base/buf.h"
#include "front/exposition_sources.h"

/* What precedes a family's lines; `kind` is "counter", "gauge" or "histogram". */
void exposition_text_head(struct buf *out, const char *name, const char *kind, const char *help);

/*
 * `{upstream="u",status="200"}`: the upstream's label first, if it is not NULL, then `own`, which
 * may be ""; nothing where neither is.
 */
void exposition_text_labels(struct buf *out, const struct exposition_upstream *upstream,
                            const char *own);

#endif
