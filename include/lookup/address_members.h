/*
 * What the daemon asks of an address's members; both checkers read it from here. Private to
 * lookup/address.c and lookup/plain_address.c.
 */
#ifndef LOOKUP_ADDRESS_MEMBERS_H
#define LOOKUP_ADDRESS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

/* Each is a member of the outermost object and, where it is present, a string. */
struct address_member {
    const char *name;
    size_t name_len;
    bool required;
    const char *problem; /* what is said of a body that has it otherwise */
};

#define ADDRESS_MEMBER(name, required, problem)                                                    \
    {                                                                                              \
        (name), sizeof(name) - 1, (required), (problem)                                            \
    }

static const struct address_member address_members[] = {
    ADDRESS_MEMBER("postcode", true, "postcode is missing or not a string"),
    ADDRESS_MEMBER("country", false, "country is not a string"),
};

#endif
