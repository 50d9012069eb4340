/* The table of endings, laid out as an array: everything else about them is in the header. */
#include "exchange/problem.h"

#include "base/check.h"
#include "base/metrics.h"

static const struct problem problems[] = {
#define PROBLEM_ROW(id, code_, status_, title_, level_, proxy_status_)                             \
    [id] = {.code = (code_),                                                                       \
            .status = (status_),                                                                   \
            .title = (title_),                                                                     \
            .level = LOG_LEVEL_##level_,                                                           \
            .proxy_status = (proxy_status_)},
    PROBLEMS(PROBLEM_ROW)
#undef PROBLEM_ROW
};

_Static_assert(PROBLEM_COUNT <= METRIC_CODE_CELLS, "METRIC_REQUESTS needs more cells");

const struct problem *problem_of(enum problem_id id)
{
    MUST(id < PROBLEM_COUNT);
    return &problems[id];
}
