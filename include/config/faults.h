/*
 * Making faults and notes, each with its place. The form is one for all:
 *
 *     FILE:LINE: [section] key: what is wrong, and what would be right
 *
 * without `:LINE` where something is missing, and without `[section] key` where a line is broken.
 */
#ifndef CONFIG_FAULTS_H
#define CONFIG_FAULTS_H

#include <stdarg.h>
#include <stdbool.h>

#include "config/config.h"

/* Where something stands. */
struct config_place {
    const char *file; /* as the user named it; borrowed; NULL: nowhere, a default */
    unsigned order;   /* 0 for the main file, then the drop-ins in order */
    unsigned line;    /* from 1; 0 for the file as a whole */
};

/* section and key may be NULL; format says what is wrong, and what would be right. */
void faults_add(struct config_faults *faults, struct config_place place, const char *section,
                const char *key, const char *format, ...) __attribute__((format(printf, 5, 6)));
void faults_note(struct config_faults *faults, struct config_place place, const char *section,
                 const char *key, const char *format, ...) __attribute__((format(printf, 5, 6)));
void faults_vadd(struct config_faults *faults, struct config_place place, bool note,
                 const char *section, const char *key, const char *format, va_list args)
    __attribute__((format(printf, 6, 0)));

/* Puts those from `first` on in the order of the files and lines; what has no line comes last. */
void faults_sort(struct config_faults *faults, size_t first);

#endif
