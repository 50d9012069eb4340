/*
 * Keys and certificates in their binary forms. Any thread; nothing is kept.
 */
#ifndef JOSE_KEY_BYTES_H
#define JOSE_KEY_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are a key, a certificate or a store of them in DER, whole or in part. */
bool key_bytes_are_der(const char *bytes, size_t len);

/* Whether they are a public key as OpenSSH has it behind its base64. */
bool key_bytes_are_ssh(const char *bytes, size_t len);

/* Whether they are compressed, an archive or a document: a file that holds others, by its first
 * bytes. */
bool key_bytes_are_packed(const char *bytes, size_t len);

#endif
