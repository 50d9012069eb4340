/*
 * dashboard: what can be said of a Grafana dashboard without a Grafana. It checks the shape, and
 * prints the queries, with the variables put in, for whoever asks a Prometheus.
 *
 *   dashboard FILE NAME=VALUE...
 *
 * A line each: kind (panel, variable, annotation), title, reference, query, with tabs between. Exit
 * 1, with a line for each on stderr, when there are faults.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 24
#define HEIGHT_MAX 1000
#define ID_MAX 1000
#define QUERY_MAX 8192

/* Grafana 9.0 writes 36, and 11 writes 39; each reads those before its own. */
#define SCHEMA_LEAST 30
#define SCHEMA_MOST 39

/* Of panels that count rare events: with a scrape interval of up to a minute, the windows of two
 * bars overlap by one scrape then, and each event is in one bar. */
#define COUNT_INTERVAL "5m"

static struct {
    int faults;
    const char *at; /* title of the panel, for faults */
    char *const *settings;
    int setting_count;
    bool ids[ID_MAX];
    bool taken[HEIGHT_MAX][WIDTH];
} check = {.at = "dashboard"};

__attribute__((format(printf, 1, 2))) static void fault(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    fprintf(stderr, "%s: ", check.at);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    check.faults++;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* ---- queries ---- */

/* The value of the variable that `text`, behind its $, begins with; and how long its name is. */
static const char *setting_of(const char *text, size_t *len)
{
    const char *found = NULL;
    const size_t brace = text[0] == '{';
    const size_t name = brace + strspn(text + brace, "abcdefghijklmnopqrstuvwxyz_");

    *len = name + brace;
    for (int i = 0; i < check.setting_count && found == NULL; i++) {
        const char *setting = check.settings[i];
        if (strncmp(setting, text + brace, name - brace) == 0 && setting[name - brace] == '=')
            found = setting + name - brace + 1;
    }
    return found;
}

/* Variables are put in, and line ends are spaces. False: one is unknown. */
static bool fill_in(const char *query, char out[QUERY_MAX])
{
    size_t used = 0, len;

    while (*query != '\0' && used < QUERY_MAX - 1) {
        const char *value = *query == '$' ? setting_of(query + 1, &len) : NULL;
        if (*query == '$' && value == NULL)
            return false;
        if (value != NULL) {
            used += (size_t)snprintf(out + used, QUERY_MAX - used, "%s", value);
            query += 1 + len;
        } else {
            out[used++] = *query == '\n' || *query == '\t' ? ' ' : *query;
            query++;
        }
    }
    out[used < QUERY_MAX ? used : QUERY_MAX - 1] = '\0';
    return *query == '\0' && used < QUERY_MAX;
}

static void print_query(const char *kind, const char *title, const char *reference,
                        const char *query)
{
    char filled[QUERY_MAX];

    if (query[0] == '\0')
        fault("%s %s has no query", kind, reference);
    else if (!fill_in(query, filled))
        fault("%s %s: a variable is unknown, or it is too long: %s", kind, reference, query);
    else
        printf("%s\t%s\t%s\t%s\n", kind, title, reference, filled);
}

/* Whoever loads it chooses the datasource: none is named. */
static void check_datasource(const json_t *owner)
{
    const json_t *source = json_object_get(owner, "datasource");

    if (strcmp(text_of(source, "uid"), "${datasource}") != 0)
        fault("its datasource is not the variable");
}

/* ---- panels ---- */

static long number_of(const json_t *object, const char *name)
{
    const json_t *number = json_object_get(object, name);
    return json_is_integer(number) ? (long)json_integer_value(number) : -1;
}

static void check_id(const json_t *panel)
{
    const long id = number_of(panel, "id");

    if (id < 1 || id >= ID_MAX || check.ids[id])
        fault("id %ld is none, or another panel has it", id);
    else
        check.ids[id] = true;
}

static void check_place(const json_t *panel)
{
    const json_t *place = json_object_get(panel, "gridPos");
    const long x = number_of(place, "x"), y = number_of(place, "y");
    const long w = number_of(place, "w"), h = number_of(place, "h");
    bool overlaps = false;

    if (x < 0 || y < 0 || w < 1 || h < 1 || x + w > WIDTH || y + h > HEIGHT_MAX) {
        fault("gridPos is outside");
        return;
    }
    for (long row = y; row < y + h; row++) {
        for (long column = x; column < x + w; column++) {
            overlaps = overlaps || check.taken[row][column];
            check.taken[row][column] = true;
        }
    }
    if (overlaps)
        fault("it overlaps another panel");
}

/* increase() estimates: 1.05 of an event is one. */
static void check_count(const json_t *panel, const char *reference, const char *query)
{
    if (strstr(query, "increase(") == NULL)
        return;
    if (strncmp(query, "round(", strlen("round(")) != 0)
        fault("query %s counts, and is not rounded", reference);
    if (strcmp(text_of(panel, "interval"), COUNT_INTERVAL) != 0)
        fault("query %s counts, and the interval is not " COUNT_INTERVAL, reference);
}

static void check_targets(const json_t *panel)
{
    const json_t *targets = json_object_get(panel, "targets"), *target;
    size_t i;

    if (json_array_size(targets) == 0)
        fault("no query");
    json_array_foreach(targets, i, target)
    {
        const char *reference = text_of(target, "refId");
        if (strlen(reference) != 1 || reference[0] != (char)('A' + i))
            fault("refId \"%s\" of query %zu", reference, i + 1);
        if (text_of(target, "legendFormat")[0] == '\0')
            fault("query %s has no legend", reference);
        check_datasource(target);
        check_count(panel, reference, text_of(target, "expr"));
        print_query("panel", check.at, reference, text_of(target, "expr"));
    }
}

static void check_panel(const json_t *panel)
{
    const json_t *defaults = json_object_get(json_object_get(panel, "fieldConfig"), "defaults");

    check.at = text_of(panel, "title");
    if (check.at[0] == '\0')
        fault("a panel has no title");
    check_id(panel);
    check_place(panel);
    if (strcmp(text_of(panel, "type"), "row") == 0)
        return;
    if (text_of(panel, "description")[0] == '\0')
        fault("no description");
    if (text_of(defaults, "unit")[0] == '\0')
        fault("no unit");
    check_datasource(panel);
    check_targets(panel);
}

/* ---- the rest ---- */

/* label_values(SELECTOR, LABEL): the selector is the query. */
static void check_variable(const json_t *variable)
{
    static const char function[] = "label_values(";
    const char *query = text_of(json_object_get(variable, "query"), "query");
    const char *comma = strrchr(query, ',');
    char selector[QUERY_MAX];

    check.at = text_of(variable, "name");
    if (strcmp(text_of(variable, "type"), "query") != 0)
        return;
    check_datasource(variable);
    if (strncmp(query, function, sizeof(function) - 1) != 0 || comma == NULL) {
        fault("a query of another form: %s", query);
        return;
    }
    query += sizeof(function) - 1;
    snprintf(selector, sizeof(selector), "%.*s", (int)(comma - query), query);
    print_query("variable", check.at, "A", selector);
}

static void check_variables(const json_t *dashboard)
{
    static const char *const wanted[] = {"datasource", "job", "instance", "upstream"};
    const json_t *list = json_object_get(json_object_get(dashboard, "templating"), "list");

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const json_t *variable = json_array_get(list, i);
        check.at = wanted[i];
        if (strcmp(text_of(variable, "name"), wanted[i]) != 0)
            fault("variable %zu is not it", i + 1);
        else
            check_variable(variable);
    }
}

static void check_annotations(const json_t *dashboard)
{
    const json_t *list = json_object_get(json_object_get(dashboard, "annotations"), "list"), *note;
    size_t i;

    json_array_foreach(list, i, note)
    {
        check.at = text_of(note, "name");
        if (json_object_get(note, "builtIn") != NULL)
            continue;
        check_datasource(note);
        print_query("annotation", check.at, "A", text_of(note, "expr"));
    }
}

static void check_head(const json_t *dashboard)
{
    const long schema = number_of(dashboard, "schemaVersion");

    if (text_of(dashboard, "title")[0] == '\0' || text_of(dashboard, "uid")[0] == '\0')
        fault("no title, or no uid");
    if (schema < SCHEMA_LEAST || schema > SCHEMA_MOST)
        fault("schemaVersion %ld", schema);
    if (json_object_get(dashboard, "id") != NULL)
        fault("it has the id of another Grafana");
}

int main(int argc, char **argv)
{
    json_error_t error;
    size_t i;
    const json_t *panels, *panel;

    if (argc < 2) {
        fputs("usage: dashboard FILE NAME=VALUE...\n", stderr);
        return 2;
    }
    json_t *dashboard = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error);
    if (dashboard == NULL) {
        fprintf(stderr, "%s:%d: %s\n", argv[1], error.line, error.text);
        return 1;
    }
    check.settings = argv + 2;
    check.setting_count = argc - 2;
    check_head(dashboard);
    check_variables(dashboard);
    check_annotations(dashboard);
    panels = json_object_get(dashboard, "panels");
    if (json_array_size(panels) == 0)
        fault("no panels");
    json_array_foreach(panels, i, panel) check_panel(panel);
    json_decref(dashboard);
    return check.faults > 0;
}
