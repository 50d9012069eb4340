/*
 * The user that a caller's certificate names ([identity] mode = certificate).
 *
 * Thread: any.
 */
#ifndef MIDDLEWARE_CERTIFICATE_USER_H
#define MIDDLEWARE_CERTIFICATE_USER_H

#include <stdbool.h>
#include <stddef.h>

/* The longest user, as of any identity (contract 4). */
#define CERTIFICATE_USER_MAX 128

/*
 * The subject's common name; where there is none, the first e-mail address or URI among the
 * subject's alternative names, whichever stands first. False, and "": there is none of these, two
 * common names, or what it names is not a valid user; nothing else is tried then.
 */
bool certificate_user(const unsigned char *der, size_t len, char out[CERTIFICATE_USER_MAX + 1]);

#endif
