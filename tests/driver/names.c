/*
 * names: a name server on port 53 of 127.0.0.1, in a network namespace of the caller's, whose
 * loopback it brings up. Its answers are in a file that is read for each question, so a test
 * changes them by putting another file in its place (mv). It prints "names HOST:PORT" when it is
 * ready, and then each name that it is asked for.
 *
 *   names FILE
 *
 * A line of the file is NAME TTL ANSWER...: IPv4 addresses, in that order, or one of these words:
 * NXDOMAIN (no such name), SERVFAIL (the server cannot say), SILENT (no reply at all). A name that
 * is not in the file does not exist. There are no IPv6 addresses: for those the answer is empty.
 */
#include <ctype.h>

#include "netns.h"
#include "serve.h"

#define HEADER 12
#define NAME_MAX_BYTES 256
#define TYPE_A 1
/* RFC 1035, section 4.1.1. */
enum rcode { NOERROR = 0, SERVFAIL = 2, NXDOMAIN = 3 };

struct question {
    char name[NAME_MAX_BYTES]; /* with dots, without the last */
    size_t end;                /* where it ends in the message */
    unsigned type;
};

struct message {
    unsigned char bytes[1024];
    size_t len;
};

static bool read_question(const struct message *in, struct question *out)
{
    size_t at = HEADER, len = 0;

    while (at < in->len && in->bytes[at] != 0) {
        size_t label = in->bytes[at++];
        if (label > 63 || at + label >= in->len || len + label + 2 > sizeof out->name)
            return false;
        if (len > 0)
            out->name[len++] = '.';
        for (size_t i = 0; i < label; i++)
            out->name[len++] = (char)tolower(in->bytes[at++]);
    }
    out->name[len] = '\0';
    out->end = at + 5; /* the root's label, type and class */
    if (out->end > in->len)
        return false;
    out->type = in->bytes[at + 1] * 256u + in->bytes[at + 2];
    return true;
}

static void put(struct message *out, const void *bytes, size_t len)
{
    if (out->len + len > sizeof out->bytes)
        usage_fault("too many addresses for one message");
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
}

static void add_address(struct message *out, const char *address, uint32_t ttl)
{
    /* The name is the question's, which begins behind the header. */
    const unsigned char head[] = {0xc0,
                                  HEADER,
                                  0,
                                  TYPE_A,
                                  0,
                                  1,
                                  (unsigned char)(ttl >> 24),
                                  (unsigned char)(ttl >> 16),
                                  (unsigned char)(ttl >> 8),
                                  (unsigned char)ttl,
                                  0,
                                  4};
    struct in_addr numbers;

    if (inet_pton(AF_INET, address, &numbers) != 1)
        usage_fault("%s: no address", address);
    put(out, head, sizeof head);
    put(out, &numbers, sizeof numbers);
    out->bytes[7]++; /* one more answer */
}

static void begin(struct message *out, const struct message *in, const struct question *question,
                  enum rcode rcode)
{
    *out = (struct message){.len = 0};
    put(out, in->bytes, question->end);
    out->bytes[2] |= 0x80; /* a response */
    out->bytes[3] = (unsigned char)(0x80u | rcode);
    memset(out->bytes + 4, 0, 8);
    out->bytes[5] = 1; /* one question */
}

/* False: no reply. `answers` are the words behind the name. */
static bool compose(const struct message *in, const struct question *question, char *answers,
                    struct message *out)
{
    uint32_t ttl = (uint32_t)parse_number("ttl", strsep(&answers, " "), 0, UINT32_MAX);

    begin(out, in, question, NOERROR);
    for (char *word; (word = strsep(&answers, " ")) != NULL;) {
        if (strcmp(word, "SILENT") == 0)
            return false;
        if (strcmp(word, "SERVFAIL") == 0)
            out->bytes[3] = 0x80u | SERVFAIL;
        else if (strcmp(word, "NXDOMAIN") == 0)
            out->bytes[3] = 0x80u | NXDOMAIN;
        else if (question->type == TYPE_A)
            add_address(out, word, ttl);
    }
    return true;
}

static bool answer(const char *path, const struct message *in, struct message *out)
{
    struct question question;
    char line[1024];
    bool reply = true, found = false;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        usage_fault("%s: %s", path, strerror(errno));
    if (!read_question(in, &question)) {
        fclose(file);
        return false;
    }
    dprintf(STDOUT_FILENO, "%s %u\n", question.name, question.type);
    begin(out, in, &question, NXDOMAIN);
    while (!found && fgets(line, sizeof line, file) != NULL) {
        size_t len = strlen(question.name);

        line[strcspn(line, "\n")] = '\0';
        found = strncmp(line, question.name, len) == 0 && line[len] == ' ';
        if (found)
            reply = compose(in, &question, line + len + 1, out);
    }
    fclose(file);
    return reply;
}

int main(int argc, char **argv)
{
    static struct message in, out;

    if (argc != 2)
        usage_fault("names FILE");
    bring_loopback_up();
    int fd = bind_loopback(SOCK_DGRAM, 53);
    announce(fd);
    for (;;) {
        struct sockaddr_in who;
        socklen_t len = sizeof who;
        ssize_t got = recvfrom(fd, in.bytes, sizeof in.bytes, 0, (struct sockaddr *)&who, &len);

        in.len = (size_t)must((int)got, "recvfrom");
        if (in.len > HEADER && answer(argv[1], &in, &out))
            sendto(fd, out.bytes, out.len, 0, (struct sockaddr *)&who, len);
    }
}
