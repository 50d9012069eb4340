/*
 * libcurl as this folder uses it: set up once a process; easy handles, with all that is the same
 * for each call of a client set once, and kept for the next call, because a handle is costly to
 * make; and what libcurl's errors mean. Private to src/upstream.
 *
 * Thread: a client's loop, but for handle_global_start and _stop.
 */
#ifndef UPSTREAM_HANDLE_H
#define UPSTREAM_HANDLE_H

#include <curl/curl.h>

#include "base/err.h"
#include "base/mem.h"
#include "upstream/call.h"
#include "upstream/doubt.h"

/* client_global_start and client_global_stop (upstream/client.h). */
ERR_CHECKED enum err handle_global_start(void);
void handle_global_stop(void);

/* Setting an option that our libcurl knows fails only when memory is exhausted. */
#define HANDLE_SET(easy, option, value) MEM_MUST(curl_easy_setopt(easy, option, value) == CURLE_OK)

struct handles;

/* NULL when libcurl fails. Copies the settings; `doubt` is borrowed. */
struct handles *handles_new(const struct client_settings *settings, struct doubt *doubt);
/* All handles were given back before. */
void handles_free(struct handles *handles);
/*
 * What is opened here is no HTTP: TLS names no application protocol (ALPN). `unix_path`: the socket
 * that stands for the origin's address; NULL: none. `quiet` (ns): a connection on which nothing is
 * sent is found dead in about that time, whatever connect_timeout is. Before the first handle is
 * taken.
 */
void handles_set_raw(struct handles *handles, const char *unix_path, int64_t quiet);

/* NULL when libcurl fails. */
CURL *handles_take(struct handles *handles);
/*
 * For a handle that was taken `waited` ns ago, while the name was being resolved for another: it
 * uses that answer, and has the rest of connect_timeout.
 */
void handles_resume(struct handles *handles, CURL *easy, int64_t waited);
/* ns. */
int64_t handles_connect_timeout(const struct handles *handles);
/* One that has made no request of its own, and is used again. */
void handles_give_back(struct handles *handles, CURL *easy);
/*
 * One that has received a header section. libcurl 7.88 keeps a pointer to its last field beyond the
 * field's life, and follows it when the next response of the handle begins with a folded line.
 */
void handles_discard(struct handles *handles, CURL *easy);

/*
 * How long an answer of the resolver is used, in whole seconds (ns). With what is left of
 * `connection_max_age` for the connections, those follow a changed name within that age.
 */
int64_t handle_answer_age(int64_t connection_max_age);
/*
 * What was begun at `since` did not get through to its peer: the next handle resolves the name
 * afresh, unless that was done since then, or twice within a second.
 */
void handles_doubt_address(struct handles *handles, struct mono_time since);
/*
 * What was begun at `since` got no answer of the resolver: the same, but always, because libcurl
 * keeps failures too from 8.16 on.
 */
void handles_doubt_no_answer(struct handles *handles, struct mono_time since);

/* Of `easy`, after its transfer ended with `code`; `text` is what CURLOPT_ERRORBUFFER got. */
enum client_error handle_error(CURL *easy, CURLcode code, const char *text);
/* errno of what the system refused last; 0: it refused nothing. */
int handle_errno(CURL *easy);

#endif
