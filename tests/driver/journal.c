/*
 * journal: plays journald's end of its native protocol. It receives datagrams on a Unix socket and
 * writes each as an entry of the journal's export format, which systemd-journal-remote makes a
 * journal file of. A newline in a value would need the form with a length; postcoded sends none, so
 * each line has to be NAME=VALUE, and whatever is not is said, and fails.
 */
#include <ctype.h>
#include <time.h>

#include "net.h"

#define DATAGRAM_MAX 65536

static const char help[] = "usage: journal SOCKET\n"
                           "Writes the datagrams that come to SOCKET as export format.\n";

/* A name as journald takes it: capitals, digits and underscores, and no underscore first. */
static bool is_entry_line(const char *line, size_t len)
{
    size_t name = 0;
    while (name < len && (isupper((unsigned char)line[name]) ||
                          isdigit((unsigned char)line[name]) || line[name] == '_'))
        name++;
    return name > 0 && name <= 64 && line[0] != '_' && name < len && line[name] == '=';
}

static void check_entry(const char *text, size_t len)
{
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        if (end == NULL || !is_entry_line(text, (size_t)(end - text))) {
            fprintf(stderr, "journal: no field: %.*s\n", (int)len, text);
            exit(EXIT_FAILURE);
        }
        len -= (size_t)(end + 1 - text);
        text = end + 1;
    }
}

/* Entries need a time, of a boot; and each ends in an empty line. */
static void write_entry(const char *text, size_t len)
{
    struct timespec now, since_boot;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_MONOTONIC, &since_boot);
    printf("__REALTIME_TIMESTAMP=%lld\n__MONOTONIC_TIMESTAMP=%lld\n"
           "_BOOT_ID=0123456789abcdef0123456789abcdef\n",
           (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000,
           (long long)since_boot.tv_sec * 1000000 + since_boot.tv_nsec / 1000);
    fwrite(text, 1, len, stdout);
    putchar('\n');
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static char text[DATAGRAM_MAX];
    struct address address;
    if (argc != 2 || argv[1][0] == '-') {
        fputs(help, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? EXIT_SUCCESS : EXIT_USAGE;
    }
    parse_unix(&address, argv[1]);
    unlink(argv[1]);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address.sockaddr, address.len) != 0)
        usage_fault("journal: %s: %s", argv[1], strerror(errno));
    for (;;) {
        ssize_t len = recv(fd, text, sizeof text, 0);
        if (len < 0) {
            perror("journal: recv");
            return EXIT_FAILURE;
        }
        check_entry(text, (size_t)len);
        write_entry(text, (size_t)len);
    }
}
