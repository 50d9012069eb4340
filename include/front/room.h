/*
 * Is there room for the answer? libmicrohttpd holds a request's head and the head of its answer in
 * one pool, [server] max_header_size of a lookup's connection; an answer that does not fit any more
 * is not sent at all. So what is kept free for it decides how large a head may be.
 */
#ifndef FRONT_ROOM_H
#define FRONT_ROOM_H

#include "exchange/request.h"

/* Settles the request, with 414 or 431, when its head leaves less than any answer of ours needs. */
void room_check(struct request *request);

#endif
