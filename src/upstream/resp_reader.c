/*
 * redisReader calls a function of ours for each value that it has read, and gets the node that
 * stands for it. The nodes of one reply are an array: those of a RESP array's elements stand side
 * by side, taken all at once when its length is read; the texts are copies of their own. A NULL
 * makes redisReader end with "out of memory", and the true reason is noted here.
 *
 * hiredis 0.14 and 1.x are told apart in one place: what lengths of arrays are given as. 1.x reads
 * RESP3 too; its other types are refused here, where 0.14 refuses them itself. 0.14 does not look
 * at the two bytes that follow a string of a given length, so that is done here.
 *
 * How much of a reply has come is counted as bytes fed and not yet used up by complete ones; so a
 * string of 9,999,999,999 bytes ends the reader after RESP_REPLY_MAX of them.
 */
#include "upstream/resp_reader.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define READER_MAGIC 0x2e590001u
/* The root is no element. */
#define NODES (1 + RESP_ELEMENTS)

#if HIREDIS_MAJOR >= 1
typedef size_t array_length;
#else
typedef int array_length;
#endif

struct resp_reader {
    unsigned magic;
    redisReader *redis;
    redisReplyObjectFunctions functions;
    size_t pending; /* bytes fed, and in no complete reply */
    const char *fault;
    size_t used; /* nodes of the present reply */
    struct resp_reply nodes[NODES];
};

static const char no_resp2[] = "bytes that are no RESP2";
static const char no_type[] = "a reply of a type that RESP2 does not have";

static void *refuse(struct resp_reader *reader, const char *fault)
{
    if (reader->fault == NULL)
        reader->fault = fault;
    return NULL;
}

/* ---- the functions that redisReader calls ---- */

static struct resp_reader *reader_of(const redisReadTask *task)
{
    MAGIC_CAST(struct resp_reader, reader, task->privdata, READER_MAGIC);

    return reader;
}

/* The node of the value: the root, or its place in the array that it is in. */
static struct resp_reply *node_of(struct resp_reader *reader, const redisReadTask *task,
                                  enum resp_type type)
{
    struct resp_reply *node = reader->nodes;

    if (task->parent != NULL) {
        const struct resp_reply *array = task->parent->obj;

        MUST(array->type == RESP_ARRAY && (size_t)task->idx < array->count);
        node = &reader->nodes[(size_t)(array->items - reader->nodes) + (size_t)task->idx];
    } else {
        MUST(reader->used == 0);
        reader->used = 1;
    }
    *node = (struct resp_reply){.type = type};
    return node;
}

static bool type_of(const redisReadTask *task, enum resp_type *type)
{
    switch (task->type) {
    case REDIS_REPLY_STATUS:
        *type = RESP_STATUS;
        return true;
    case REDIS_REPLY_ERROR:
        *type = RESP_ERROR;
        return true;
    case REDIS_REPLY_STRING:
        *type = RESP_STRING;
        return true;
    default:
        return false;
    }
}

static void *make_text(const redisReadTask *task, char *bytes, size_t len)
{
    struct resp_reader *reader = reader_of(task);
    enum resp_type type;

    if (!type_of(task, &type))
        return refuse(reader, no_type);
    if (memcmp(bytes + len, "\r\n", 2) != 0)
        return refuse(reader, "a text that does not end where it was said to");
    if (type != RESP_STRING &&
        (memchr(bytes, '\r', len) != NULL || memchr(bytes, '\n', len) != NULL))
        return refuse(reader, no_resp2);
    char *copy = mem_try_realloc(NULL, len + 1);
    if (copy == NULL)
        return refuse(reader, "a reply for which there is no memory");
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    struct resp_reply *node = node_of(reader, task, type);
    node->text = copy;
    node->len = len;
    return node;
}

static size_t depth_of(const redisReadTask *task)
{
    size_t depth = 1;

    while ((task = task->parent) != NULL)
        depth++;
    return depth;
}

static void *make_array(const redisReadTask *task, array_length length)
{
    struct resp_reader *reader = reader_of(task);
    size_t taken = task->parent == NULL ? 1 : reader->used;

    if (task->type != REDIS_REPLY_ARRAY)
        return refuse(reader, no_type);
    if (depth_of(task) > RESP_DEPTH)
        return refuse(reader, "a reply with too many levels");
    if ((size_t)length > NODES - taken)
        return refuse(reader, "a reply with too many elements");
    struct resp_reply *node = node_of(reader, task, RESP_ARRAY);
    node->items = &reader->nodes[reader->used];
    node->count = (size_t)length;
    memset(&reader->nodes[reader->used], 0, node->count * sizeof(reader->nodes[0]));
    reader->used += node->count;
    return node;
}

static void *make_integer(const redisReadTask *task, long long integer)
{
    struct resp_reply *node = node_of(reader_of(task), task, RESP_INTEGER);

    node->integer = integer;
    return node;
}

static void *make_nil(const redisReadTask *task)
{
    struct resp_reader *reader = reader_of(task);

    /* "$-1" and "*-1"; RESP3 has a type for it. */
    if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_ARRAY)
        return refuse(reader, no_type);
    return node_of(reader, task, RESP_NIL);
}

#if HIREDIS_MAJOR >= 1
static void *refuse_double(const redisReadTask *task, double value, char *text, size_t len)
{
    (void)value;
    (void)text;
    (void)len;
    return refuse(reader_of(task), no_type);
}

static void *refuse_bool(const redisReadTask *task, int value)
{
    (void)value;
    return refuse(reader_of(task), no_type);
}
#endif

static const redisReplyObjectFunctions makers = {
    .createString = make_text,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
#if HIREDIS_MAJOR >= 1
    .createDouble = refuse_double,
    .createBool = refuse_bool,
#endif
};

/* ---- replies ---- */

static void clear(struct resp_reader *reader)
{
    for (size_t i = 0; i < reader->used; i++)
        mem_free((void *)(uintptr_t)reader->nodes[i].text);
    reader->used = 0;
}

struct resp_reader *resp_reader_new(void)
{
    struct resp_reader *reader = mem_zalloc(sizeof(*reader));

    MAGIC_SET(reader, READER_MAGIC);
    reader->functions = makers;
    reader->redis = redisReaderCreateWithFunctions(&reader->functions);
    if (reader->redis == NULL) {
        mem_free(reader);
        return NULL;
    }
    reader->redis->privdata = reader;
    return reader;
}

void resp_reader_free(struct resp_reader *reader)
{
    if (reader == NULL)
        return;
    MAGIC_OK(reader, READER_MAGIC);
    redisReaderFree(reader->redis);
    clear(reader);
    MAGIC_CLEAR(reader);
    mem_free(reader);
}

void resp_reader_feed(struct resp_reader *reader, const char *bytes, size_t len)
{
    MAGIC_OK(reader, READER_MAGIC);
    if (reader->fault != NULL)
        return;
    if (redisReaderFeed(reader->redis, bytes, len) != REDIS_OK)
        refuse(reader, "a reply for which there is no memory");
    reader->pending += len;
}

/* A complete reply takes its bytes off those that are pending. */
static void check_size(struct resp_reader *reader, bool complete)
{
    size_t left = complete ? reader->redis->len - reader->redis->pos : 0;

    if (reader->pending - left > RESP_REPLY_MAX)
        refuse(reader, "a reply that is too large");
    if (complete)
        reader->pending = left;
}

enum resp_read resp_reader_next(struct resp_reader *reader, const struct resp_reply **reply)
{
    void *root = NULL;

    MAGIC_OK(reader, READER_MAGIC);
    if (reader->fault != NULL)
        return RESP_READ_BAD;
    /* What was complete was handed out; what is not goes on in the nodes that it has. */
    if (reader->redis->ridx < 0)
        clear(reader);
    if (redisReaderGetReply(reader->redis, &root) != REDIS_OK)
        refuse(reader, no_resp2);
    else
        check_size(reader, root != NULL);
    if (reader->fault != NULL)
        return RESP_READ_BAD;
    *reply = root;
    return root != NULL ? RESP_READ_REPLY : RESP_READ_MORE;
}

const char *resp_reader_fault(const struct resp_reader *reader)
{
    MAGIC_OK(reader, READER_MAGIC);
    return reader->fault;
}
