/*
 * What a header section says of where its body ends, and whether that is beyond doubt. Private to
 * src/upstream.
 *
 * Thread: any; one at a time.
 */
#ifndef UPSTREAM_FRAMING_H
#define UPSTREAM_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum framing_field {
    FRAMING_LENGTH, /* Content-Length */
    FRAMING_CODING, /* Transfer-Encoding */
    FRAMING_FIELDS, /* neither */
};

struct framing {
    const char *fault; /* the first one, a constant; NULL: none so far */
    int64_t length;    /* -1: none */
    bool chunked;
    bool old; /* HTTP/1.0; its user sets it */
};

void framing_init(struct framing *framing);

/* Which field a name is, in any case; also with blanks behind it, which is a fault. */
enum framing_field framing_field_of(struct framing *framing, const char *name, size_t len);
/* The field's value, without outer blanks. */
void framing_value(struct framing *framing, enum framing_field field, const char *value,
                   size_t len);
/* Its value continues in another line. */
void framing_fold(struct framing *framing);

/* Of a header section that has ended: its fault, or NULL. */
const char *framing_fault(const struct framing *framing);
/* A field says that a body follows. */
bool framing_has_body(const struct framing *framing);

#endif
