/*
 * notify: plays the service manager. It receives what a daemon tells it (sd_notify(3)) on a Unix
 * datagram socket and writes each datagram as a line; it keeps descriptors sent with FDSTORE=1, by
 * their FDNAME, and drops them at FDSTOREREMOVE=1.
 *
 * Given a command it also runs it, as the manager would: with NOTIFY_SOCKET, WATCHDOG_USEC, and,
 * by the protocol of sd_listen_fds(3), the listening sockets of --listen and the descriptors kept
 * from the command's earlier life. That is how a test sees tokens survive a crash.
 *
 *   SIGHUP, SIGUSR2   goes on to the command
 *   SIGUSR1           ends the command by SIGTERM and starts it again, as `systemctl restart` does
 *   SIGTERM, SIGINT   ends the command by SIGTERM, and then notify
 */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "net.h"

#define DATAGRAM_MAX 65536
/* SCM_MAX_FD of the kernel: no datagram carries more. */
#define DATAGRAM_FDS 253
#define KEPT_MAX 512
#define NAME_MAX_LEN 255
#define LISTEN_FDS_START 3

struct kept {
    int fd;
    char name[NAME_MAX_LEN + 1];
};

static struct {
    const char *path;
    FILE *output;
    char **command; /* NULL: none */
    bool restart_on_failure;
    int watchdog_ms;
    int listeners; /* the first of `kept`; they stay whatever the command says */
    int kept_count;
    struct kept kept[KEPT_MAX];
    pid_t child; /* 0: none runs */
    bool start_again, ending;
} manager;

static const char help[] =
    "usage: notify --socket PATH [OPTION...] [-- COMMAND ARGUMENT...]\n"
    "Plays the service manager: a line for each notification (newlines in it as \\n).\n"
    "  --socket PATH      the datagram socket to make\n"
    "  --output FILE      append the lines to FILE (standard output)\n"
    "  --listen ADDRESS   a listening socket for COMMAND: HOST:PORT or unix:PATH; may be repeated\n"
    "  --listen-tls ADDRESS  the same, whose name is tls\n"
    "  --watchdog MS      WATCHDOG_USEC for COMMAND\n"
    "  --restart          start COMMAND again when it fails\n"
    "SIGUSR1 restarts COMMAND, SIGHUP and SIGUSR2 go on to it, SIGTERM ends both. Exits with its\n"
    "status (128 and the signal's number, when one ended it).\n";

/* Lines are whole and out at once: scripts read them while this runs. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(manager.output, format, args);
    va_end(args);
    fputc('\n', manager.output);
    fflush(manager.output);
}

static void keep(int fd, const char *name, size_t len)
{
    if (manager.kept_count == KEPT_MAX || len > NAME_MAX_LEN) {
        close(fd);
        return;
    }
    struct kept *kept = &manager.kept[manager.kept_count++];
    kept->fd = fd;
    memcpy(kept->name, name, len);
    kept->name[len] = '\0';
}

static void drop(const char *name, size_t len)
{
    int n = manager.listeners;
    for (int i = manager.listeners; i < manager.kept_count; i++) {
        struct kept *kept = &manager.kept[i];
        if (strlen(kept->name) == len && memcmp(kept->name, name, len) == 0)
            close(kept->fd);
        else
            manager.kept[n++] = *kept;
    }
    manager.kept_count = n;
}

static void add_listener(const char *text, const char *name)
{
    struct address address;
    int on = 1;
    parse_address(&address, text);
    int fd = socket(address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (address.family == AF_UNIX)
        unlink(text + strlen("unix:"));
    else
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address.sockaddr, address.len) != 0 ||
        listen(fd, SOMAXCONN) != 0)
        usage_fault("notify: --listen %s: %s", text, strerror(errno));
    keep(fd, name, strlen(name));
    manager.listeners = manager.kept_count;
}

static void parse(int argc, char **argv)
{
    static const struct option table[] = {
        {"socket", 1, NULL, 's'},     {"output", 1, NULL, 'o'},   {"listen", 1, NULL, 'l'},
        {"listen-tls", 1, NULL, 't'}, {"watchdog", 1, NULL, 'w'}, {"restart", 0, NULL, 'r'},
        {"help", 0, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "+", table, NULL)) != -1) {
        if (option == 's')
            manager.path = optarg;
        else if (option == 'o')
            manager.output = fopen(optarg, "ae");
        else if (option == 'l')
            add_listener(optarg, "listen");
        else if (option == 't')
            add_listener(optarg, "tls");
        else if (option == 'w')
            manager.watchdog_ms = (int)parse_number("watchdog", optarg, 1, 3600000);
        else if (option == 'r')
            manager.restart_on_failure = true;
        else if (option == 'h') {
            fputs(help, stdout);
            exit(EXIT_SUCCESS);
        } else
            exit(EXIT_USAGE);
        if (manager.output == NULL)
            usage_fault("notify: --output %s: %s", optarg, strerror(errno));
    }
    if (manager.path == NULL)
        usage_fault("notify: --socket PATH");
    if (optind < argc)
        manager.command = argv + optind;
}

static int open_socket(void)
{
    struct address address;
    parse_unix(&address, manager.path);
    unlink(manager.path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address.sockaddr, address.len) != 0)
        usage_fault("notify: --socket %s: %s", manager.path, strerror(errno));
    return fd;
}

/* The value of NAME= at a line's start; its length in *len. NULL: not said. */
static const char *value_of(const char *text, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (const char *line = text; line != NULL;) {
        if (strncmp(line, name, name_len) == 0 && line[name_len] == '=') {
            *len = strcspn(line + name_len + 1, "\n");
            return line + name_len + 1;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return NULL;
}

static bool says(const char *text, const char *name)
{
    size_t len = 0;
    const char *value = value_of(text, name, &len);
    return value != NULL && len == 1 && *value == '1';
}

static void act_on(const char *text, const int *fds, int count)
{
    size_t len = 0;
    const char *name = value_of(text, "FDNAME", &len);
    if (says(text, "FDSTOREREMOVE") && name != NULL)
        drop(name, len);
    for (int i = 0; i < count; i++) {
        if (says(text, "FDSTORE"))
            keep(fds[i], name != NULL ? name : "stored", name != NULL ? len : strlen("stored"));
        else
            close(fds[i]);
    }
}

static void write_line(const char *text, int fds)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n' && text[1] != '\0')
            fputs("\\n", manager.output);
        else if (*text != '\n')
            fputc((unsigned char)*text < ' ' ? '?' : *text, manager.output);
    }
    if (fds > 0)
        fprintf(manager.output, " [%d fd%s]", fds, fds > 1 ? "s" : "");
    fputc('\n', manager.output);
    fflush(manager.output);
}

static void receive(int fd)
{
    static char text[DATAGRAM_MAX + 1];
    int fds[DATAGRAM_FDS];
    int count = 0;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof fds)];
    } control;
    struct iovec iovec = {.iov_base = text, .iov_len = DATAGRAM_MAX};
    struct msghdr message = {.msg_iov = &iovec,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return;
    text[n] = '\0';
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
        }
    }
    write_line(text, count);
    act_on(text, fds, count);
}

static void set_number(const char *name, long number)
{
    char text[32];
    snprintf(text, sizeof text, "%ld", number);
    setenv(name, text, 1);
}

/*
 * In the child: the descriptors kept come to lie at 3, 4, ...; first out of each other's way, then
 * down to their places.
 */
static void hand_over(void)
{
    static char names[KEPT_MAX * (NAME_MAX_LEN + 2)];
    size_t used = 0;
    int above = LISTEN_FDS_START + manager.kept_count;
    for (int i = 0; i < manager.kept_count; i++) {
        struct kept *kept = &manager.kept[i];
        kept->fd = fcntl(kept->fd, F_DUPFD_CLOEXEC, above);
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ":" : "",
                                 kept->name);
    }
    for (int i = 0; i < manager.kept_count; i++)
        dup2(manager.kept[i].fd, LISTEN_FDS_START + i);
    if (manager.kept_count > 0) {
        set_number("LISTEN_PID", getpid());
        set_number("LISTEN_FDS", manager.kept_count);
        setenv("LISTEN_FDNAMES", names, 1);
    }
}

_Noreturn static void become_command(void)
{
    char path[PATH_MAX];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setenv("NOTIFY_SOCKET", realpath(manager.path, path) != NULL ? path : manager.path, 1);
    if (manager.watchdog_ms > 0) {
        set_number("WATCHDOG_USEC", manager.watchdog_ms * 1000L);
        set_number("WATCHDOG_PID", getpid());
    }
    hand_over();
    execvp(manager.command[0], manager.command);
    fprintf(stderr, "notify: %s: %s\n", manager.command[0], strerror(errno));
    _exit(127);
}

static void start_command(void)
{
    manager.child = fork();
    if (manager.child == 0)
        become_command();
    if (manager.child < 0) {
        perror("notify: fork");
        exit(EXIT_FAILURE);
    }
    say("started %ld", (long)manager.child);
}

/* The command has ended: -1 when it was started again, else the exit status. */
static int reap(void)
{
    int status;
    if (manager.child == 0 || waitpid(manager.child, &status, WNOHANG) != manager.child)
        return -1;
    manager.child = 0;
    int code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) {
        say("killed %d", WTERMSIG(status));
        code = 128 + WTERMSIG(status);
    } else {
        say("ended %d", code);
    }
    bool again = manager.start_again || (manager.restart_on_failure && code != 0);
    if (manager.ending || !again)
        return code;
    manager.start_again = false;
    start_command();
    return -1;
}

/* -1 to go on, else the exit status. */
static int take_signal(int signal_fd)
{
    struct signalfd_siginfo info;
    if (read(signal_fd, &info, sizeof info) != sizeof info)
        return -1;
    int number = (int)info.ssi_signo;
    if (number == SIGCHLD)
        return reap();
    manager.ending = manager.ending || number == SIGTERM || number == SIGINT;
    if (manager.child == 0)
        return manager.ending ? EXIT_SUCCESS : -1;
    manager.start_again = manager.start_again || number == SIGUSR1;
    kill(manager.child, number == SIGHUP || number == SIGUSR2 ? number : SIGTERM);
    return -1;
}

static int open_signals(void)
{
    static const int numbers[] = {SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&set, numbers[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    manager.output = stdout;
    parse(argc, argv);
    int status = -1;
    struct pollfd fds[] = {
        {.fd = open_socket(), .events = POLLIN},
        {.fd = open_signals(), .events = POLLIN},
    };
    if (manager.command != NULL)
        start_command();
    while (status < 0) {
        if (poll(fds, 2, -1) < 0)
            continue;
        /* Notifications first: what the command said comes before the line that it ended. */
        if (fds[0].revents != 0)
            receive(fds[0].fd);
        else if (fds[1].revents != 0)
            status = take_signal(fds[1].fd);
    }
    manager.listeners = 0;
    for (int i = 0; i < manager.kept_count; i++)
        close(manager.kept[i].fd);
    unlink(manager.path);
    close(fds[0].fd);
    close(fds[1].fd);
    if (manager.output != stdout)
        fclose(manager.output);
    return status;
}
