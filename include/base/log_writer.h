/*
 * The rings' registry, and the one thread that empties them. Only for src/base.
 *
 * Locks: one mutex guards the registry's slots. It is taken when a thread gets or gives up its ring
 * and by the writer for each slot it looks at, never over a write and never to log a line.
 */
#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log_line.h"
#include "base/log_ring.h"

/*
 * Lines go to `fd`, records to the journal whose socket is at `journal` (lives as long as the
 * process). `style` is asked in the writer's thread, for the lines it has to say itself.
 */
ERR_CHECKED enum err log_writer_start(int fd, const char *journal, struct log_style (*style)(void));
/*
 * Waits a second at most; a writer that then still hangs in its write is left to itself. How many
 * lines were lost without a word: those that it left in the rings, which are counted, and those
 * dropped since it last said so. At most, for some of what it was writing may arrive.
 */
uint64_t log_writer_stop(void);

bool log_writer_is_running(void);
/* Never waits; a system call only when the writer sleeps. */
void log_writer_wake(void);

/* A ring that is emptied from now on, for one putter; NULL when there are too many. */
struct log_ring *log_writer_ring_add(void);
/* By the putter: what it put is still written. The ring is void. */
void log_writer_ring_end(struct log_ring *ring);

/* Lines lost; the writer says how many once it can. */
void log_writer_count_dropped(uint64_t lines);
uint64_t log_writer_dropped(void);

#endif
