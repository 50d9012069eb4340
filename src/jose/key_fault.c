/*
 * Every reader and judge of keys fails in the same way: with a sentence, and ERR_INVALID. Bytes of
 * a key are never among its arguments.
 */
#include "jose/key_fault.h"

#include <stdarg.h>

enum err key_fault(struct reason *reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    reason_vset(reason, format, args);
    va_end(args);
    return ERR_INVALID;
}

enum err key_fault_halves(struct reason *reason)
{
    return key_fault(reason,
                     "its private half does not go with its public one; they should be of one key");
}
