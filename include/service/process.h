/*
 * What a process owes its surroundings before it does anything else: open standard descriptors,
 * signals that are not lost, and, as process 1 of a container, children that are reaped.
 *
 * Thread: the main one, before any other is made.
 */
#ifndef SERVICE_PROCESS_H
#define SERVICE_PROCESS_H

#include <stdbool.h>

/*
 * Opens /dev/null on each of descriptors 0 to 2 that is closed, so that no file or socket is taken
 * for them. Output to a descriptor 1 that was closed fails, so that a command that cannot print
 * does not end well. False: /dev/null cannot be opened.
 */
bool process_open_standard(void);

/*
 * SIGTERM, SIGINT and SIGHUP wait from here on until process_release_signals; threads made
 * meanwhile never get any. As process 1 they would be lost otherwise.
 */
void process_hold_signals(void);
void process_release_signals(void);

/* For a command that is process 1: SIGTERM, SIGINT and SIGHUP end it, with 128 and their number. */
void process_end_by_signals(void);

/* Children, which only process 1 and a program that replaced a shell have, leave no zombies. */
void process_reap_children(void);

#endif
