/*
 * The Lua of token/fleet_store.h: one script for each verb, and its name at the store. The order of
 * KEYS and ARGV stands with each script; token/fleet_store.c is what follows it.
 *
 * Any thread.
 */
#ifndef TOKEN_FLEET_SCRIPTS_H
#define TOKEN_FLEET_SCRIPTS_H

enum fleet_verb {
    FLEET_LOOK, /* what is there? */
    FLEET_ASK,  /* may I ask the token endpoint? */
    FLEET_PUT,  /* here is a token */
    FLEET_FAIL, /* my request failed; the lease is given back */
};
#define FLEET_VERBS 4

/* A SHA-1 in hex, and a NUL. */
#define FLEET_SCRIPT_NAME 41

/* Static. */
const char *fleet_script_text(enum fleet_verb verb);
/* For EVALSHA. Static. */
const char *fleet_script_name(enum fleet_verb verb);

#endif
