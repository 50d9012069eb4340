/* A token endpoint, scripted: one text for each connection in turn, and what it heard. */
#ifndef TESTS_ENDPOINT_H
#define TESTS_ENDPOINT_H

#include "peer.h"

#define GRANT "{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":\"600\"}"
#define JSON_200 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

#define EXCHANGES 4
/* One request each; read them after peer_stop. */
static char heard[EXCHANGES][8192];

/* In the place of a text: nothing is said until the other end closes. */
static const char SILENCE[] = "";

static inline void read_request(int fd, char *out, size_t size)
{
    static const char name[] = "\r\nContent-Length: ";

    EXPECT(peer_read_headers(fd, out, size));
    const char *length = strstr(out, name);
    size_t len = strlen(out);
    size_t more = length != NULL ? strtoul(length + strlen(name), NULL, 10) : 0;
    EXPECT(len + more < size);
    if (more > 0)
        peer_read(fd, out + len, more);
}

/* A peer's script; its arg is a list of texts that NULL ends. */
static inline void answer_in_turn(struct peer *self)
{
    const char *const *answer = self->arg;
    int fd;

    for (size_t i = 0; (fd = peer_accept(self)) >= 0; i++) {
        EXPECT(i < EXCHANGES && answer[i] != NULL);
        read_request(fd, heard[i], sizeof(heard[i]));
        peer_say(fd, answer[i]);
        if (answer[i] != SILENCE)
            shutdown(fd, SHUT_WR);
        peer_hear_end(fd);
    }
}

#endif
