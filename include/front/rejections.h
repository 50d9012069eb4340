/*
 * Rejections of libmicrohttpd's own that its log told, and that no connection's end has told yet;
 * the oldest first. A zeroed one is empty.
 *
 * Thread: its server's.
 */
#ifndef FRONT_REJECTIONS_H
#define FRONT_REJECTIONS_H

struct rejection;

struct rejections {
    struct rejection *first;
};

void rejections_note(struct rejections *rejections, unsigned status);
/* The status of the oldest; 0: there is none. */
unsigned rejections_oldest(const struct rejections *rejections);
/* The oldest with this status, if there is one. */
void rejections_forget(struct rejections *rejections, unsigned status);
/*
 * To be called after runs of libmicrohttpd. It closes without a response in the run that logs it.
 * Where no connection's end has told such a rejection, that end came with a request settled in the
 * same run: no later connection is to be taken for it. A response of libmicrohttpd's may take more
 * runs.
 */
void rejections_forget_closings(struct rejections *rejections);
void rejections_fini(struct rejections *rejections);

#endif
