/*
 * A few of the country's 124 postcode areas, enough to have every part of it. A postcode is an area
 * (one or two letters), a district (a digit, perhaps followed by another or a letter), and an
 * inward part (a digit and two letters).
 */
#include "areas.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static const struct area areas[] = {
    {"AB", "Aberdeen", "Aberdeenshire", "Scotland"},
    {"B", "Birmingham", "West Midlands", "England"},
    {"BN", "Brighton", "South East", "England"},
    {"BS", "Bristol", "South West", "England"},
    {"BT", "Belfast", "Belfast", "Northern Ireland"},
    {"CB", "Cambridge", "East of England", "England"},
    {"CF", "Cardiff", "South Glamorgan", "Wales"},
    {"DD", "Dundee", "Angus", "Scotland"},
    {"E", "London", "London", "England"},
    {"EC", "London", "London", "England"},
    {"EH", "Edinburgh", "Midlothian", "Scotland"},
    {"EX", "Exeter", "South West", "England"},
    {"G", "Glasgow", "Lanarkshire", "Scotland"},
    {"IV", "Inverness", "Highland", "Scotland"},
    {"KW", "Kirkwall", "Orkney", "Scotland"},
    {"L", "Liverpool", "North West", "England"},
    {"LL", "Llandudno", "Conwy", "Wales"},
    {"LS", "Leeds", "Yorkshire and the Humber", "England"},
    {"M", "Manchester", "North West", "England"},
    {"N", "London", "London", "England"},
    {"NE", "Newcastle upon Tyne", "North East", "England"},
    {"NP", "Newport", "Gwent", "Wales"},
    {"NR", "Norwich", "East of England", "England"},
    {"NW", "London", "London", "England"},
    {"OX", "Oxford", "South East", "England"},
    {"PL", "Plymouth", "South West", "England"},
    {"S", "Sheffield", "Yorkshire and the Humber", "England"},
    {"SA", "Swansea", "West Glamorgan", "Wales"},
    {"SE", "London", "London", "England"},
    {"SW", "London", "London", "England"},
    {"W", "London", "London", "England"},
    {"WC", "London", "London", "England"},
    {"YO", "York", "Yorkshire and the Humber", "England"},
};

static const struct area *find(const char *letters, size_t len)
{
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        if (strlen(areas[i].letters) == len && memcmp(areas[i].letters, letters, len) == 0)
            return &areas[i];
    }
    return NULL;
}

/* Upper case without the one space that may stand before the inward part; 0 when too long. */
static size_t squeeze(char out[POSTCODE_TEXT], const char *text)
{
    size_t total = strlen(text);
    size_t len = 0;
    for (size_t i = 0; i < total; i++) {
        if (text[i] == ' ' && i + 4 == total)
            continue;
        if (len == POSTCODE_TEXT - 2)
            return 0;
        out[len++] = (char)toupper((unsigned char)text[i]);
    }
    out[len] = '\0';
    return len;
}

/* The length of the run of letters or digits that starts the text. */
static size_t run(const char *text, int (*is)(int), size_t most)
{
    size_t n = 0;
    while (n < most && is((unsigned char)text[n]))
        n++;
    return n;
}

static bool is_outward(const char *text, size_t len, size_t letters)
{
    if (letters == 0 || len - letters < 1 || len - letters > 2)
        return false;
    if (!isdigit((unsigned char)text[letters]))
        return false;
    return len - letters == 1 || isalnum((unsigned char)text[letters + 1]);
}

bool postcode_parse(struct postcode *postcode, const char *text)
{
    char squeezed[POSTCODE_TEXT];
    size_t len = squeeze(squeezed, text);
    if (len < 5)
        return false;
    size_t outward = len - 3;
    size_t letters = run(squeezed, isalpha, 2);
    const char *inward = squeezed + outward;
    if (!is_outward(squeezed, outward, letters) || run(inward, isdigit, 1) != 1 ||
        run(inward + 1, isalpha, 2) != 2)
        return false;

    memcpy(postcode->outward, squeezed, outward);
    postcode->outward[outward] = '\0';
    memcpy(postcode->text, squeezed, outward);
    postcode->text[outward] = ' ';
    memcpy(postcode->text + outward + 1, inward, 4);
    postcode->area = find(squeezed, letters);
    return true;
}
