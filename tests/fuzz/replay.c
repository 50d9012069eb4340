/*
 * In libFuzzer's place: plays files, and the files of directories, to a fuzz target once each.
 *
 * usage: TARGET FILE|DIRECTORY...
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define INPUT_MAX (1u << 20)

static unsigned played;

static void play_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc(INPUT_MAX);
    if (file == NULL || bytes == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t len = fread(bytes, 1, INPUT_MAX, file);
    /* Of its very size, so that a read behind its end is seen. */
    unsigned char *exact = realloc(bytes, len > 0 ? len : 1);
    MUST(exact != NULL);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    fclose(file);
    played++;
}

static void play(const char *path)
{
    struct stat st;
    struct dirent **entries = NULL;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        play_file(path);
        return;
    }
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            play_file(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        play(argv[i]);
    printf("%s: %u inputs played\n", argv[0], played);
    return played > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
