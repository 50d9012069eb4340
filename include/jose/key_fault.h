/* What is wrong with a key, in words. Only for jose/. Any thread. */
#ifndef JOSE_KEY_FAULT_H
#define JOSE_KEY_FAULT_H

#include "base/err.h"
#include "base/reason.h"

/* For reasons: every pair of keys that is used here. */
#define KEY_PAIRS "RSA, EC (P-256, P-384, P-521) or Ed25519"

/* Sets the reason: what it is; what it should be. ERR_INVALID. */
ERR_CHECKED enum err key_fault(struct reason *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for a private half that is not the public one's. */
ERR_CHECKED enum err key_fault_halves(struct reason *reason);

#endif
