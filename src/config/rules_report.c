/* What a rule asks about a key, and how it speaks of one: the place and the name are the key's. */
#include "config/rules_internal.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

const struct snapshot_origin *rules_origin(const struct rules *rules, enum config_key_index key)
{
    return snapshot_origin(rules->snapshot, &config_keys[key], rules->index);
}

bool rules_given(const struct rules *rules, enum config_key_index key)
{
    return rules_origin(rules, key)->given;
}

bool rules_changed(const struct rules *rules, enum config_key_index key)
{
    const char *text = rules_origin(rules, key)->text;
    const char *def = config_keys[key].def;

    return rules_given(rules, key) && (text == NULL || def == NULL || strcmp(text, def) != 0);
}

bool rules_known(const struct rules *rules, enum config_key_index key)
{
    return rules_origin(rules, key)->text != NULL;
}

static struct config_place place_of(const struct rules *rules, enum config_key_index key)
{
    const struct config_place *place = &rules_origin(rules, key)->place;

    return place->file != NULL ? *place : rules->main;
}

__attribute__((format(printf, 4, 0))) static void report(const struct rules *rules,
                                                         enum config_key_index key, bool note,
                                                         const char *format, va_list args)
{
    char *section = snapshot_section(rules->config, &config_keys[key], rules->index);

    faults_vadd(rules->faults, place_of(rules, key), note, section, config_keys[key].name, format,
                args);
    mem_free(section);
}

void rules_wrong(const struct rules *rules, enum config_key_index key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(rules, key, false, format, args);
    va_end(args);
}

void rules_note(const struct rules *rules, enum config_key_index key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(rules, key, true, format, args);
    va_end(args);
}

void rules_wrong_member(const struct rules *rules, const struct snapshot_member *member,
                        const char *format, ...)
{
    char *section = snapshot_section(rules->config, member->family, rules->index);
    va_list args;

    va_start(args, format);
    faults_vadd(rules->faults, member->place, false, section, member->name, format, args);
    va_end(args);
    mem_free(section);
}

const char *rules_absent(const struct rules *rules, enum config_key_index key)
{
    return rules_origin(rules, key)->place.file != NULL ? "empty" : "missing";
}
