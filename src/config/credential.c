/*
 * Values that name files, and values that are secret. What a file holds is read here and now, so
 * that a snapshot is whole: a reload either has every secret or does not happen.
 *
 * A fault never quotes what such a file holds.
 */
#include "config/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/files.h"

#define CREDENTIAL "credential:"
#define CREDENTIAL_VARIABLE "CREDENTIALS_DIRECTORY"

static bool is_credential(const char *text)
{
    return strncmp(text, CREDENTIAL, strlen(CREDENTIAL)) == 0;
}

/* credential:NAME to a path; *path stays NULL where it cannot be resolved and need not be. */
static bool resolve_credential(const struct input *in, const char *text, char **path)
{
    const char *name = text + strlen(CREDENTIAL);
    const char *dir = secure_getenv(CREDENTIAL_VARIABLE);

    if (*name == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return input_wrong(in, "a credential has a plain name; write " CREDENTIAL
                               "NAME, without a slash");
    if (dir != NULL && *dir != '\0') {
        *path = mem_printf("%s/%s", dir, name);
        return true;
    }
    /* That it is not used is a note of the rules. */
    if (in->unused)
        return true;
    if (!in->credentials_optional)
        return input_wrong(in,
                           "%s needs $" CREDENTIAL_VARIABLE ", which is not set; start under "
                           "systemd with LoadCredential=%s:PATH, export " CREDENTIAL_VARIABLE
                           "=DIR with the file %s in DIR, or name a path",
                           text, name, name);
    faults_note(
        in->faults, in->place, in->section, in->name,
        "%s was not looked at, for $" CREDENTIAL_VARIABLE " is not set; it is under systemd", text);
    return true;
}

/* As above, for a path too. Appends to `shown` what any file could say. */
static bool resolve_any(const struct input *in, const char *text, char **path, struct buf *shown)
{
    *path = NULL;
    if (strstr(text, "://") != NULL)
        return input_wrong(
            in, "%.*s is a URL, and this key names a file%s", (int)strcspn(text, "?"), text,
            in->key == &config_keys[KEY_identity_key_file] ? "; write key_url = for a URL" : "");
    if (is_credential(text)) {
        buf_puts(shown, text);
        return resolve_credential(in, text, path);
    }
    *path = files_resolve(in->dir, text);
    buf_puts(shown, *path);
    bool listed = in->key->kind == KIND_SECRETS;
    if (input_is_plain(*path, strlen(*path)) && !(listed && strchr(*path, ',') != NULL))
        return true;
    mem_free(*path);
    *path = NULL;
    return input_wrong(in, "the path holds a control character or a comma; rename its directory");
}

/* A unit names its credentials for all modes. One with SetCredential= too, whose file is not there,
 * is empty. */
static bool is_missing(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 ? errno == ENOENT : st.st_size == 0;
}

static bool resolve(const struct input *in, const char *text, char **path, struct buf *shown)
{
    const bool good = resolve_any(in, text, path, shown);

    if (good && *path != NULL && in->names_file != NULL)
        in->names_file(in->names_arg, *path);
    if (good && *path != NULL && in->unused && is_credential(text) && is_missing(*path)) {
        mem_free(*path);
        *path = NULL;
    }
    return good;
}

/* Right after files_read or files_probe. `text` is what the configuration says. */
static bool unreadable(const struct input *in, const char *text, const char *path, enum err err,
                       size_t max)
{
    if (is_credential(text) && err == ERR_SYSTEM && errno == ENOENT) {
        const char *name = text + strlen(CREDENTIAL);
        return input_wrong(in,
                           "there is no credential %s: %s does not exist; the unit needs "
                           "LoadCredential=%s:PATH, and the file at PATH",
                           name, path, name);
    }
    char *why = files_explain(err, max);
    input_wrong(in, "%s %s", path, why);
    mem_free(why);
    return false;
}

bool credential_parse_file(const struct input *in, void *field, struct buf *shown)
{
    char **out = field;
    char *path;

    if (!resolve(in, in->text, &path, shown))
        return false;
    enum err err = path != NULL ? files_probe(path) : ERR_OK;
    if (err != ERR_OK) {
        unreadable(in, in->text, path, err, 0);
        mem_free(path);
        return false;
    }
    *out = path != NULL ? path : mem_strdup(in->text);
    return true;
}

/* A secret of one line, and not what a file holds as a whole. */
static bool is_line(const struct input *in)
{
    return in->key->kind == KIND_SECRETS || in->key->kind == KIND_PASSWORD ||
           in->key->kind == KIND_HEADER_FILES;
}

/* One newline at the end, which an editor or echo put there, is no part of a secret. */
static size_t without_newline(const char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    return len;
}

/* What others can do with a file, and may not. `right` is a mode that it may have. */
static bool others_can(const struct input *in, const char *verb, const char *what, const char *path,
                       mode_t mode, unsigned right)
{
    if (in->secrets_anywhere) {
        input_note(in, "others can %s %s (mode %04o); [server] secret_files = any allows it", verb,
                   what, mode);
        return true;
    }
    return input_wrong(in,
                       "others can %s %s (mode %04o); chmod %04o %s, or set [server] "
                       "secret_files = any where its mode cannot be changed",
                       verb, what, mode, right, path);
}

bool credential_others_read(const struct input *in, const char *what, const char *path, mode_t mode)
{
    return (mode & FILES_OTHERS) == 0 || others_can(in, "read", what, path, mode, 0640);
}

bool credential_others_write(const struct input *in, const char *path, mode_t mode)
{
    return (mode & S_IWOTH) == 0 || others_can(in, "write", path, path, mode, 0644);
}

/*
 * What an editor or a copy leaves in a file without its being seen. In a key file it matters only
 * when the whole is one line of text: JSON and PEM do not mind a blank, and random bytes may end in
 * anything.
 */
static void note_form(const struct input *in, const char *path, const char *text, size_t len)
{
    bool secret = is_line(in);
    size_t line = without_newline(text, len);
    bool sent = secret || (line > 0 && strchr("{[-", *text) == NULL);

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        input_note(in, "%s begins with a byte-order mark%s; save the file without it", path,
                   secret ? ", which is part of the secret" : "");
    if (sent && input_is_plain(text, line) && line > 0 && text_is(text[line - 1], TEXT_BLANK))
        input_note(in,
                   "%s ends with a blank, which is part of the secret; remove it unless it belongs "
                   "there",
                   path);
    /* A secret on a line of its own is read without either of them. */
    if (!secret && sent && len >= 2 && memcmp(text + len - 2, "\r\n", 2) == 0)
        input_note(
            in,
            "%s ends with a carriage return, which is part of the secret; save the file with "
            "LF line ends",
            path);
}

/* By the service manager, which makes an empty one of a file that is missing (SetCredential=). */
static bool is_loaded(const char *path)
{
    const char *dir = secure_getenv(CREDENTIAL_VARIABLE);
    return dir != NULL && *dir != '\0' && strncmp(path, dir, strlen(dir)) == 0;
}

/* Only who understands the keys can tell: config_judge_mode. */
static bool may_be_public(const struct config_key *key)
{
    return strcmp(key->choices, "public") == 0;
}

static bool judge_secret(const struct input *in, const char *path, const struct buf *bytes,
                         size_t len, mode_t mode)
{
    bool line = is_line(in);

    if (!may_be_public(in->key) && !credential_others_read(in, path, path, mode))
        return false;
    if (is_loaded(path) && without_newline(buf_text(bytes), len) == 0)
        return input_wrong(
            in,
            "%s is empty: the file that LoadCredential= names in the unit is missing "
            "or empty; it must hold the secret",
            path);
    if (len == 0)
        return input_wrong(in, "%s is empty; it must hold the secret", path);
    if (line && !input_is_plain(buf_text(bytes), len))
        return input_wrong(in,
                           "%s holds a control character or a second line; it must hold the "
                           "secret on one line",
                           path);
    note_form(in, path, buf_text(bytes), len);
    return true;
}

/* The whole file; NULL with a fault. A secret of one line loses the newline at its end. */
static struct secret *read_secret(const struct input *in, const char *text, const char *path,
                                  mode_t *mode)
{
    struct secret *secret = NULL;
    struct buf bytes;

    /* Two more, for a newline. */
    buf_init_secret(&bytes, (size_t)in->key->max + 2);
    enum err err = files_read(path, &bytes, mode);
    size_t len = is_line(in) ? without_newline(buf_text(&bytes), bytes.len) : bytes.len;
    if (err == ERR_OK && len > (size_t)in->key->max)
        err = ERR_TOO_LARGE;
    if (err != ERR_OK)
        unreadable(in, text, path, err, (size_t)in->key->max);
    else if (judge_secret(in, path, &bytes, len, *mode))
        secret = secret_new(bytes.data, len);
    buf_fini(&bytes);
    return secret;
}

/* What the first fault says of the key. */
static void take_fault(const struct config_faults *faults, struct reason *reason)
{
    for (size_t i = 0; i < faults->count; i++) {
        const char *text = strstr(faults->items[i].text, "] ");
        if (faults->items[i].note)
            continue;
        reason_set(reason, "%s", text != NULL ? text + strlen("] ") : faults->items[i].text);
        return;
    }
}

struct secret *credential_read_again(const struct config_key *key, const char *path, bool open,
                                     struct reason *reason)
{
    struct config_faults faults = {.items = NULL};
    const struct input in = {.key = key,
                             .text = path,
                             .secrets_anywhere = open,
                             .faults = &faults,
                             .place = {.file = path},
                             .section = key->section,
                             .name = key->name};
    mode_t mode = 0;
    struct secret *secret = read_secret(&in, path, path, &mode);

    take_fault(&faults, reason);
    config_faults_fini(&faults);
    return secret;
}

static bool parse_secret_file(const struct input *in, const char *text, struct config_file *out,
                              struct buf *shown)
{
    if (!resolve(in, text, &out->path, shown))
        return false;
    if (out->path == NULL) {
        out->path = mem_strdup(text);
        return true;
    }
    out->bytes = read_secret(in, text, out->path, &out->mode);
    return out->bytes != NULL;
}

bool credential_parse_keyfile(const struct input *in, void *field, struct buf *shown)
{
    return parse_secret_file(in, in->text, field, shown);
}

void credential_fini_keyfile(void *field)
{
    struct config_file *file = field;

    mem_free(file->path);
    secret_unref(file->bytes);
    *file = (struct config_file){0};
}

bool credential_parse_secrets(const struct input *in, void *field, struct buf *shown)
{
    struct config_secrets *out = field;
    const char *rest = in->text;
    char *item;
    bool good = true;

    while (good && (item = input_next_item(&rest)) != NULL) {
        if (out->count == 2)
            good = input_wrong(in, "three files; name one, or two while one replaces the other");
        else if (*item == '\0')
            good = input_wrong(in, "an empty name beside the comma; name one file, or two");
        if (good && out->count > 0)
            buf_puts(shown, ", ");
        /* Counted before it is parsed, so that what it holds is freed in any case. */
        if (good)
            good = parse_secret_file(in, item, &out->files[out->count++], shown);
        mem_free(item);
    }
    return good;
}

void credential_fini_secrets(void *field)
{
    struct config_secrets *secrets = field;

    for (size_t i = 0; i < secrets->count; i++)
        credential_fini_keyfile(&secrets->files[i]);
    secrets->count = 0;
}

/* What the file itself holds; there is nothing to show. */
bool credential_parse_secret(const struct input *in, void *field, struct buf *shown)
{
    struct secret **out = field;

    (void)shown;
    if (secret_len(in->secret) > (size_t)in->key->max)
        return input_wrong(in, "is too long; must be text of at most %lld bytes",
                           (long long)in->key->max);
    if (!input_is_plain(secret_text(in->secret), secret_len(in->secret)))
        return input_wrong(in, "holds a tab; remove it");
    *out = secret_ref(in->secret);
    return true;
}
