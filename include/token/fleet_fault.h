/*
 * What may be wrong with the fleet's store: each fault with the cell of METRIC_FLEET_STORE_ERRORS
 * that counts it, what it says of a server, and what an operator can do.
 *
 * Any thread; no state.
 */
#ifndef TOKEN_FLEET_FAULT_H
#define TOKEN_FLEET_FAULT_H

#include <stdbool.h>

#include "upstream/resp.h"

/*
 * X(id, cell, phrase, advice). The first ones are those of upstream/resp.h, in its order; their
 * phrases are there too. No advice: it passes without anybody's help.
 */
#define FLEET_FAULTS(X)                                                                            \
    X(FLEET_FAULT_UNREACHABLE, RESP_UNREACHABLE, NULL, NULL)                                       \
    X(FLEET_FAULT_TLS, RESP_TLS, NULL,                                                             \
      "check [fleet] tls, ca_file and client_certificate, and the server's name")                  \
    X(FLEET_FAULT_AUTH, RESP_AUTH, NULL,                                                           \
      "check [fleet] user and password_file, and the user in the store")                           \
    X(FLEET_FAULT_TIMEOUT, RESP_TIMEOUT, NULL, NULL)                                               \
    X(FLEET_FAULT_CLOSED, RESP_CLOSED, NULL, NULL)                                                 \
    X(FLEET_FAULT_PROTOCOL, RESP_PROTOCOL, NULL, "[fleet] servers must be Redis or Valkey")        \
    X(FLEET_FAULT_REFUSED, RESP_REFUSED, NULL, NULL)                                               \
    X(FLEET_FAULT_FILES, RESP_TLS, "cannot be connected to with the TLS files",                    \
      "check [fleet] ca_file, client_certificate and client_key")                                  \
    X(FLEET_FAULT_REPLICA, RESP_REFUSED, "is a replica and takes no writes",                       \
      "name its master in [fleet] servers, or its Sentinels and [fleet] sentinel")                 \
    X(FLEET_FAULT_IS_SENTINEL, RESP_REFUSED, "is a Sentinel and stores nothing",                   \
      "set [fleet] sentinel to the name of its master")                                            \
    X(FLEET_FAULT_NO_SENTINEL, RESP_REFUSED, "answers as no Sentinel does",                        \
      "[fleet] servers must be Sentinels while [fleet] sentinel is set")                           \
    X(FLEET_FAULT_NO_MASTER, RESP_REFUSED, "knows no master of that name",                         \
      "check [fleet] sentinel")                                                                    \
    X(FLEET_FAULT_SENTINEL_AUTH, RESP_AUTH, "refused the user or the password",                    \
      "check [fleet] sentinel_user and sentinel_password_file")                                    \
    X(FLEET_FAULT_PLAINTEXT, RESP_REFUSED, "is not on loopback, and [fleet] tls is off",           \
      "set [fleet] tls = on, or plaintext = on")                                                   \
    X(FLEET_FAULT_DENIED, RESP_REFUSED, "denies the user a command, a key or a channel",           \
      "give the user all of the ACL line in postcoded.ini(5), with [fleet] prefix in it")          \
    X(FLEET_FAULT_MOVED, RESP_REFUSED, "has moved the keys to another node",                       \
      "a Cluster can be used while one of its nodes has the keys of all upstreams")                \
    X(FLEET_FAULT_READONLY, RESP_REFUSED, "has become a replica and takes no writes", NULL)        \
    X(FLEET_FAULT_NOT_READY, RESP_REFUSED, "is not ready", NULL)

enum fleet_fault {
#define FLEET_FAULT_ENUM(id, cell, phrase, advice) id,
    FLEET_FAULTS(FLEET_FAULT_ENUM)
#undef FLEET_FAULT_ENUM
        FLEET_FAULT_COUNT
};

enum fleet_fault fleet_fault_of(enum resp_error error);
enum resp_error fleet_fault_cell(enum fleet_fault fault);
/* To follow the name of a server. */
const char *fleet_fault_phrase(enum fleet_fault fault);
/* NULL: none. */
const char *fleet_fault_advice(enum fleet_fault fault);
/* A bit of its own for each kind; one for all that a server does when it is away. */
unsigned fleet_fault_bit(enum fleet_fault fault);

/* Whether the reply is an error that begins with the code, in a script or outside. */
bool fleet_fault_is(const struct resp_reply *reply, const char *code);
/*
 * Whether the error reply to a command says that this server is of no use now, be it to any
 * command. False: another command may succeed, or it is no error.
 */
bool fleet_fault_read(const struct resp_reply *reply, enum fleet_fault *out);
/* Whether an ACL denied the user the command, its key, its channel, or a command of the script. */
bool fleet_fault_is_denial(const struct resp_reply *reply);

#endif
