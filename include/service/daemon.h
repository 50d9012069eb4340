/*
 * The daemon: start, reload, drain, end. It owns the main loop and everything that lives on it
 * (listeners, the keeper with its store, the operators' server), and the workers.
 */
#ifndef SERVICE_DAEMON_H
#define SERVICE_DAEMON_H

#include "service/setup.h"

/* Exit statuses (contract 1). */
enum exit_status {
    EXIT_WELL = 0,
    EXIT_CONFIGURATION = 1,
    EXIT_USAGE = 2,
    EXIT_START = 3,
};

/*
 * Runs until SIGTERM or SIGINT; blocks. SIGHUP reloads from `path`, where `setup` was read; both
 * are borrowed until it returns. A start that fails has said why in one line on stderr.
 */
enum exit_status daemon_run(const char *path, const struct setup *setup);

#endif
