/*
 * Options and exit statuses. Each command is a function of the loaded configuration; the daemon is
 * the one that runs when no other was asked for.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/units.h"
#include "middleware/identity.h"
#include "runtime/loop.h"
#include "service/daemon.h"
#include "service/probe.h"
#include "service/process.h"
#include "service/setup.h"
#include "token/response.h"

#define DEFAULT_PATH "/etc/postcoded/postcoded.ini"
#define DEFAULT_TTL HOUR

enum command { COMMAND_RUN, COMMAND_CHECK, COMMAND_PROBE, COMMAND_PRINT, COMMAND_MINT };

struct options {
    const char *path;
    enum command command;
    const char *probe[PROBE_ARGUMENTS]; /* NULL: not given */
    const char *user;                   /* of --mint-identity */
    int64_t ttl;
};

static const char usage[] = "usage: postcoded [-c FILE] [--check] [--probe [NAME] [POSTCODE]]\n"
                            "                 [--print-config] [--mint-identity USER [--ttl "
                            "DURATION]] [-V | --version] [-h | --help]\n";

static const char help[] =
    "\n"
    "Serves postcode lookups over plain HTTP from a Location API that requires bearer\n"
    "tokens. Without a command it runs as a daemon until SIGTERM or SIGINT.\n"
    "\n"
    "  -c FILE               the configuration (" DEFAULT_PATH ")\n"
    "  --check               reads and validates everything, prints each fault\n"
    "  --probe [NAME] [POSTCODE]\n"
    "                        --check, then a real token request of the upstream NAME, which must\n"
    "                        be given where there are several; and a lookup with a postcode\n"
    "  --print-config        every key with its value, where it came from, what it means\n"
    "  --mint-identity USER  prints a signed identity, for curl -b identity=...\n"
    "  --ttl DURATION        how long that identity is valid: 30s 5m 12h (1h)\n"
    "  -V, --version         prints the version\n"
    "  -h, --help            prints this\n"
    "\n"
    "Exit status: 0 success; 1 configuration; 2 usage; 3 could not start.\n"
    "The manual: postcoded(8), postcoded.ini(5).\n";

static _Noreturn void misuse(const char *problem, const char *what)
{
    if (problem != NULL)
        fprintf(stderr, "postcoded: %s%s\n", problem, what);
    fputs(usage, stderr);
    fputs("Run `postcoded --help` to see what each option does.\n", stderr);
    exit(EXIT_USAGE);
}

static void choose(struct options *options, enum command command)
{
    if (options->command != COMMAND_RUN && options->command != command)
        misuse("one command at a time", "");
    options->command = command;
}

static void print_and_exit(const char *first, const char *second)
{
    fputs(first, stdout);
    fputs(second, stdout);
    exit(fflush(stdout) == 0 ? EXIT_WELL : EXIT_START);
}

static void read_ttl(struct options *options, const char *text)
{
    if (!units_parse_duration(text, &options->ttl) || options->ttl < SECOND)
        misuse("--ttl wants a duration of 1s or more, such as 30s, 5m or 12h, not ", text);
}

static _Noreturn void reject_argument(const struct options *options, const char *argument)
{
    const bool alone = options->command == COMMAND_RUN;
    fprintf(stderr, "postcoded: unexpected argument: %s\n", argument);
    misuse(alone ? "every command is an option, such as --check, or --probe with a postcode"
                 : "this command takes no further argument; put a postcode of --probe in quotes",
           "");
}

/* The arguments of --probe are optional, and may stand by themselves: `--probe "SW1A 1AA"`. */
static void read_probe(struct options *options, int argc, char **argv)
{
    for (size_t i = 0; i < PROBE_ARGUMENTS; i++)
        if (options->probe[i] == NULL && optind < argc)
            options->probe[i] = argv[optind++];
}

static struct options read_options(int argc, char **argv)
{
    enum { CHECK = 256, PROBE, PRINT, MINT, TTL };
    static const struct option longs[] = {
        {"check", no_argument, NULL, CHECK},
        {"probe", optional_argument, NULL, PROBE},
        {"print-config", no_argument, NULL, PRINT},
        {"mint-identity", required_argument, NULL, MINT},
        {"ttl", required_argument, NULL, TTL},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.path = DEFAULT_PATH, .ttl = -1};
    for (int c; (c = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1;) {
        switch (c) {
        case 'c':
            options.path = optarg;
            break;
        case CHECK:
            choose(&options, COMMAND_CHECK);
            break;
        case PROBE:
            choose(&options, COMMAND_PROBE);
            options.probe[0] = optarg;
            break;
        case PRINT:
            choose(&options, COMMAND_PRINT);
            break;
        case MINT:
            choose(&options, COMMAND_MINT);
            options.user = optarg;
            break;
        case TTL:
            read_ttl(&options, optarg);
            break;
        case 'V':
            print_and_exit("postcoded " POSTCODED_VERSION "\n", "");
            break;
        case 'h':
            print_and_exit(usage, help);
            break;
        default:
            misuse(NULL, NULL);
        }
    }
    if (options.command == COMMAND_PROBE)
        read_probe(&options, argc, argv);
    if (optind < argc)
        reject_argument(&options, argv[optind]);
    if (options.ttl >= 0 && options.command != COMMAND_MINT)
        misuse("--ttl goes with --mint-identity", "");
    return options;
}

/* ---- loading ---- */

/*
 * A daemon's notes are warnings in its log; faults are for whoever sees it not start. What --check
 * finds before a reload goes to the journal with its priority.
 */
static void tell_faults(const struct config_faults *faults, bool daemon)
{
    const bool journal = log_is_to_journal();
    if (daemon) {
        setup_log_faults(faults);
        return;
    }
    for (size_t i = 0; i < faults->count; i++) {
        const struct config_fault *fault = &faults->items[i];
        if (journal)
            log_write(fault->note ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, NULL, "%s", fault->text);
        else
            fprintf(stderr, "%s%s\n", fault->note ? "note: " : "", fault->text);
    }
}

/* Every fault is on stderr when it is false. *notes: how many there were. */
static bool load(const struct options *options, struct setup *setup, size_t *notes)
{
    struct config_faults faults = {.items = NULL};
    bool daemon = options->command == COMMAND_RUN;
    bool good = setup_read(setup, options->path, NULL, !daemon, &faults);
    tell_faults(&faults, daemon);
    *notes = faults.count - faults.faults;
    config_faults_fini(&faults);
    return good;
}

/*
 * What is missing on this machine, a socket's directory or the journal: the daemon would say so
 * itself, --check does it before. How many there are.
 */
static size_t tell_missing(const struct setup *setup)
{
    struct config_faults notes = {.items = NULL};
    setup_note_directories(setup->config, &notes);
    setup_note_journal(setup->config, &notes);
    tell_faults(&notes, false);
    const size_t count = notes.count;
    config_faults_fini(&notes);
    return count;
}

/*
 * Secrets pass through here in every command. No core is written, no debugger of the same user
 * attaches, and what jansson frees is overwritten.
 */
static void protect_memory(void)
{
    const struct rlimit none = {0, 0};
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
    token_response_setup();
}

/* ---- commands ---- */

/* What a file was taken for is worth a look: another kind would verify other identities. */
static void print_found(void *arg, const struct config_entry *entry)
{
    (void)arg;
    if (*entry->holds != '\0')
        printf("%s: [%s] %s holds %s\n", entry->origin, entry->section, entry->key, entry->holds);
}

/* No longer than what would be accepted. */
static int64_t default_ttl(const struct config *config)
{
    const int64_t most = config->identity_max_lifetime;
    return most > 0 && most < DEFAULT_TTL ? most : DEFAULT_TTL;
}

static enum exit_status mint(const struct options *options, const struct setup *setup)
{
    struct reason reason;
    int64_t ttl = options->ttl >= 0 ? options->ttl : default_ttl(setup->config);
    char *token = identity_mint(setup->identity, options->user, ttl, &reason);
    if (token == NULL) {
        fprintf(stderr, "postcoded: no identity can be made: %s\n", reason.text);
        return EXIT_CONFIGURATION;
    }
    puts(token);
    mem_free(token);
    return EXIT_WELL;
}

/* A hook that lets notes pass unread sees in the last line that there are some. */
static void check(const struct options *options, const struct setup *setup, size_t notes)
{
    notes += tell_missing(setup);
    config_each(setup->config, print_found, NULL);
    if (notes == 0)
        printf("%s: no fault found\n", options->path);
    else
        printf("%s: no fault found, %zu note%s\n", options->path, notes, notes == 1 ? "" : "s");
}

static enum exit_status run_command(const struct options *options, const struct setup *setup,
                                    size_t notes)
{
    switch (options->command) {
    case COMMAND_CHECK:
        check(options, setup, notes);
        return EXIT_WELL;
    case COMMAND_PROBE:
        return probe_run(setup->config, options->probe);
    case COMMAND_PRINT:
        config_print(setup->config, stdout);
        return EXIT_WELL;
    case COMMAND_MINT:
        return mint(options, setup);
    case COMMAND_RUN:
        break;
    }
    return daemon_run(options->path, setup);
}

/* A signal during the start is for the daemon, once it runs; a command ends at once. */
static void prepare_signals(const struct options *options)
{
    if (options->command == COMMAND_RUN)
        process_hold_signals();
    else
        process_end_by_signals();
}

int main(int argc, char **argv)
{
    struct setup setup = {.config = NULL};
    enum exit_status status = EXIT_CONFIGURATION;
    if (!process_open_standard()) {
        fputs("postcoded: a descriptor from 0 to 2 is closed and /dev/null cannot be opened; "
              "start it with all three open, or make /dev/null\n",
              stderr);
        return EXIT_START;
    }
    loop_prepare_library();
    struct options options = read_options(argc, argv);
    prepare_signals(&options);
    protect_memory();
    size_t notes = 0;
    if (load(&options, &setup, &notes))
        status = run_command(&options, &setup, notes);
    setup_fini(&setup);
    if (fflush(stdout) != 0 && status == EXIT_WELL)
        status = EXIT_START;
    return (int)status;
}
