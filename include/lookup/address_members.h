/*
 * The members of an address that are checked (contract 2). All are strings. Both checkers read this
 * table: address.c on the parser's tree, plain_address.c on the bytes. Private to those two.
 */
#ifndef LOOKUP_ADDRESS_MEMBERS_H
#define LOOKUP_ADDRESS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

struct address_member {
    const char *name;
    size_t len;    /* of the name */
    bool required; /* false: it may be absent */
};

#define ADDRESS_MEMBER(name, required)                                                             \
    {                                                                                              \
        name, sizeof(name) - 1, required                                                           \
    }
static const struct address_member address_members[] = {
    ADDRESS_MEMBER("postcode", true),
    ADDRESS_MEMBER("country", false),
};

#endif
