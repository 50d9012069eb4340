/*
 * One table of ranges, in the order of code points, says all that is folded. Whatever it says,
 * what comes out is a letter, a digit, a space or a hyphen of ASCII: a range that is added can make
 * another spelling of a postcode known, and never another path.
 *
 * A tab, a line break and a postal mark may stand around a postcode, because a selection often
 * takes them along. Between its characters they separate two values of a list, so they are not
 * folded there.
 */
#include "lookup/postcode_fold.h"

#include "base/check.h"

enum range_kind {
    RANGE_ONE, /* each code point to the same character */
    RANGE_RUN, /* the first code point to the character, the second to the next one, and so on */
    RANGE_DROP,
    RANGE_EDGE,
};

static const struct range {
    uint32_t first;
    uint32_t last;
    enum range_kind kind;
    char to;
} ranges[] = {
    {0x0009, 0x000d, RANGE_EDGE, 0}, /* tab, line feed, vertical tab, form feed, carriage return */
    {' ', ' ', RANGE_ONE, ' '},       {'-', '-', RANGE_ONE, '-'},
    {'0', '9', RANGE_RUN, '0'},       {'A', 'Z', RANGE_RUN, 'A'},
    {'a', 'z', RANGE_RUN, 'a'},       {0x0085, 0x0085, RANGE_EDGE, 0}, /* next line */
    {0x00a0, 0x00a0, RANGE_ONE, ' '},                                  /* no-break space */
    {0x00ad, 0x00ad, RANGE_DROP, 0},                                   /* soft hyphen */
    {0x061c, 0x061c, RANGE_DROP, 0},                                   /* a mark of direction */
    {0x2000, 0x200a, RANGE_ONE, ' '},                                  /* en quad to hair space */
    {0x200b, 0x200f, RANGE_DROP, 0},  /* of no width, and marks of direction */
    {0x2010, 0x2015, RANGE_ONE, '-'}, /* hyphens and dashes */
    {0x2028, 0x2029, RANGE_EDGE, 0},  /* line and paragraph separator */
    {0x202a, 0x202e, RANGE_DROP, 0},  /* marks of direction */
    {0x202f, 0x202f, RANGE_ONE, ' '}, /* narrow no-break space */
    {0x205f, 0x205f, RANGE_ONE, ' '}, /* mathematical space */
    {0x2060, 0x2060, RANGE_DROP, 0},  /* word joiner */
    {0x2066, 0x2069, RANGE_DROP, 0},  /* marks of direction */
    {0x2212, 0x2212, RANGE_ONE, '-'}, /* minus sign */
    {0x3000, 0x3000, RANGE_ONE, ' '}, /* ideographic space */
    {0x3012, 0x3012, RANGE_EDGE, 0},  /* postal mark */
    {0x3020, 0x3020, RANGE_EDGE, 0},  /* postal mark face */
    {0x3036, 0x3036, RANGE_EDGE, 0},  /* circled postal mark */
    {0x30fc, 0x30fc, RANGE_ONE, '-'}, /* prolonged sound mark, next to the digits of a keyboard */
    {0xfe58, 0xfe58, RANGE_ONE, '-'}, /* small em dash */
    {0xfe63, 0xfe63, RANGE_ONE, '-'}, /* small hyphen */
    {0xfeff, 0xfeff, RANGE_DROP, 0},  /* byte-order mark */
    {0xff0d, 0xff0d, RANGE_ONE, '-'}, /* full-width hyphen */
    {0xff10, 0xff19, RANGE_RUN, '0'}, /* full-width digits */
    {0xff21, 0xff3a, RANGE_RUN, 'A'}, /* full-width letters */
    {0xff41, 0xff5a, RANGE_RUN, 'a'}, /* the same, lower case */
    {0xff70, 0xff70, RANGE_ONE, '-'}, /* half-width prolonged sound mark */
};

static const struct range *range_of(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(ranges) && ranges[i].first <= code; i++) {
        if (code <= ranges[i].last)
            return &ranges[i];
    }
    return NULL;
}

enum postcode_fold postcode_fold(uint32_t code, char *to)
{
    const struct range *range = range_of(code);

    if (range == NULL)
        return FOLD_NONE;
    if (range->kind == RANGE_DROP)
        return FOLD_DROP;
    if (range->kind == RANGE_EDGE)
        return FOLD_EDGE;
    *to = range->kind == RANGE_ONE ? range->to : (char)(range->to + (int)(code - range->first));
    return FOLD_TO;
}
