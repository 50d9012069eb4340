/*
 * Refusals of libmicrohttpd's own that its log told, and that no connection's end has told yet; the
 * oldest first. A zeroed one is empty.
 *
 * Thread: its server's.
 */
#ifndef FRONT_REFUSALS_H
#define FRONT_REFUSALS_H

struct refusal;

struct refusals {
    struct refusal *first;
};

void refusals_note(struct refusals *refusals, unsigned status);
/* The status of the oldest; 0: there is none. */
unsigned refusals_oldest(const struct refusals *refusals);
/* The oldest with this status, if there is one. */
void refusals_forget(struct refusals *refusals, unsigned status);
/*
 * To be called after runs of libmicrohttpd. It closes without a response in the run that logs it.
 * Where no connection's end has told such a refusal, that end came with a request answered in the
 * same run: no later connection is to be taken for it. An answer of libmicrohttpd's may take more
 * runs.
 */
void refusals_forget_closings(struct refusals *refusals);
void refusals_fini(struct refusals *refusals);

#endif
