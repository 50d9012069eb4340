/*
 * Faults are collected: to correct a configuration one needs the whole list, in the order of the
 * file. So each fault carries its place, and the list is sorted once at the end.
 */
#include "config/faults.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* A fault's text; what it quotes is bounded well below this. */
#define TEXT_MAX 65536

static void put_place(struct buf *out, struct config_place place)
{
    if (place.file == NULL)
        return;
    buf_puts(out, place.file);
    if (place.line > 0)
        buf_printf(out, ":%u", place.line);
    buf_puts(out, ": ");
}

static void put_key(struct buf *out, const char *section, const char *key)
{
    if (section == NULL)
        return;
    if (key != NULL)
        buf_printf(out, "[%s] %s: ", section, key);
    else
        buf_printf(out, "[%s]: ", section);
}

/* Takes the text over. */
static void append(struct config_faults *faults, char *text, struct config_place place, bool note)
{
    faults->items = mem_grow(faults->items, faults->count, sizeof(*faults->items));
    faults->items[faults->count++] = (struct config_fault){
        .text = text,
        .note = note,
        .file_order = place.order,
        .line = place.line,
    };
    if (!note)
        faults->faults++;
}

void faults_vadd(struct config_faults *faults, struct config_place place, bool note,
                 const char *section, const char *key, const char *format, va_list args)
{
    struct buf out;

    buf_init(&out, TEXT_MAX);
    put_place(&out, place);
    put_key(&out, section, key);
    char *what = mem_vprintf(format, args);
    buf_puts(&out, what);
    mem_free(what);
    append(faults, mem_strdup(buf_text(&out)), place, note);
    buf_fini(&out);
}

void faults_add(struct config_faults *faults, struct config_place place, const char *section,
                const char *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    faults_vadd(faults, place, false, section, key, format, args);
    va_end(args);
}

void faults_note(struct config_faults *faults, struct config_place place, const char *section,
                 const char *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    faults_vadd(faults, place, true, section, key, format, args);
    va_end(args);
}

/* Line 0, the file as a whole, comes after its lines. */
static int compare(const struct config_fault *a, const struct config_fault *b)
{
    unsigned line_a = a->line - 1u;
    unsigned line_b = b->line - 1u;

    if (a->file_order != b->file_order)
        return a->file_order < b->file_order ? -1 : 1;
    return line_a < line_b ? -1 : line_a > line_b;
}

/* By insertion: stable, and the list is short and nearly in order. */
void faults_sort(struct config_faults *faults, size_t first)
{
    for (size_t i = first + 1; i < faults->count; i++) {
        struct config_fault moving = faults->items[i];
        size_t j = i;
        while (j > first && compare(&moving, &faults->items[j - 1]) < 0) {
            faults->items[j] = faults->items[j - 1];
            j--;
        }
        faults->items[j] = moving;
    }
}

void config_faults_fini(struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        mem_free(faults->items[i].text);
    mem_free(faults->items);
    *faults = (struct config_faults){0};
}
