/*
 * Each script is one atomic step: no other command runs at the store between its lines. They run on
 * Redis from 6.2 and on Valkey, in Lua 5.1, where a number is a double. So generations and fences,
 * which are counted by Redis in 64 bits, stay decimal strings without leading zeros: of two, the
 * longer one is the higher one, and of two of one length the one that sorts later.
 *
 * What is not as we would have written it (a key without an expiry, a hash without its field)
 * counts as not there, and is written over; what is of another type makes the script end with an
 * error, which costs the member this answer and nothing else. A script that ends so may have done a
 * part of its work: the order of its writes is such that every part by itself is harmless.
 *
 * Nothing that is said of a time is later than it is: PTTL is counted from a clock that was read
 * before, in whole ms, so a token has one ms less than it says.
 */
#include "token/fleet_scripts.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* `now` in ms since 1970. */
#define LUA_NOW                                                                                    \
    "local clock = redis.call('TIME')\n"                                                           \
    "local now = clock[1] * 1000 + math.floor(clock[2] / 1000)\n"

/* The ms that a key has left; 0: it is not there. */
#define LUA_LEFT                                                                                   \
    "local function left(key)\n"                                                                   \
    "  return math.max(redis.call('PTTL', key), 0)\n"                                              \
    "end\n"

/* The token's generation and the ms that it lasts; '0' and 0: there is none. */
#define LUA_TOKEN                                                                                  \
    "local function token(key)\n"                                                                  \
    "  local ms = left(key) - 1\n"                                                                 \
    "  local generation = ms > 0 and redis.call('HGET', key, 'g')\n"                               \
    "  if generation then return generation, ms end\n"                                             \
    "  return '0', 0\n"                                                                            \
    "end\n"

/* Who has the lease, and the ms that it lasts; '' and 0: nobody. */
#define LUA_LEADER                                                                                 \
    "local function leader(key)\n"                                                                 \
    "  local ms = left(key)\n"                                                                     \
    "  local name = ms > 0 and string.match(redis.call('GET', key) or '', '^(.+):')\n"             \
    "  if name then return name, ms end\n"                                                         \
    "  return '', 0\n"                                                                             \
    "end\n"

/* Is the number `a` higher than `b`? */
#define LUA_ABOVE                                                                                  \
    "local function above(a, b)\n"                                                                 \
    "  return #a > #b or (#a == #b and a > b)\n"                                                   \
    "end\n"

/* The counter is not below `number` any more, and lasts another 48 h where there is one. */
#define LUA_RAISE                                                                                  \
    "local function raise(key, number)\n"                                                          \
    "  if above(number, redis.call('GET', key) or '0') then redis.call('SET', key, number) end\n"  \
    "  redis.call('PEXPIRE', key, 172800000)\n"                                                    \
    "end\n"

/*
 * The number of subscribers is for the fleet's size alone, so a server that does not let us ask
 * leaves it unknown.
 */
static const char look[] = LUA_NOW LUA_LEFT LUA_TOKEN LUA_LEADER LUA_ABOVE
    "local t, l, g, w = unpack(KEYS)\n"
    "local channel, have = unpack(ARGV)\n"
    "local generation, lasts = token(t)\n"
    "local sealed = above(generation, have) and redis.call('HGET', t, 'v')\n"
    "local name, lease = leader(l)\n"
    "local count = redis.pcall('PUBSUB', 'NUMSUB', channel)\n"
    "return {'looked', now, generation, lasts, sealed, redis.call('GET', g) or '0', lease, name,\n"
    "  left(w), not count.err and count[2] or 0}\n";

/*
 * A lease is a licence for one request. The member that has it already did not hear so, or found it
 * spent before it asked: it gets the lease again, uncharged, and its own guard does not stop it.
 *
 * What is forgotten by hand leaves the store at once, whoever asks next: a number is counted past
 * it, so that no member puts it back.
 */
static const char ask[] = LUA_NOW LUA_LEFT LUA_TOKEN LUA_LEADER LUA_ABOVE LUA_RAISE
    "local t, l, g, r, w, f, b = unpack(KEYS)\n"
    "local channel, have, member, lease, cause, limit, guard = unpack(ARGV)\n"
    "local hour = 3600000\n"
    "limit = tonumber(limit)\n"
    "local generation, lasts = token(t)\n"
    "if above(generation, have) then\n"
    "  return {'newer', generation, lasts, redis.call('HGET', t, 'v')}\n"
    "end\n"
    "if cause == 'forgotten' and have ~= '0' then\n"
    "  redis.call('DEL', t)\n"
    "  raise(g, have)\n"
    "  if redis.call('GET', g) == have then redis.call('INCR', g) end\n"
    "  redis.call('PUBLISH', channel, 'leaked ' .. have)\n"
    "end\n"
    "local name, ms = leader(l)\n"
    "if name ~= '' and name ~= member then return {'held', ms, name} end\n"
    "local again = name == member\n"
    "local hand = cause == 'hand' or cause == 'forgotten'\n"
    "if cause == 'refused' and not again and left(r) > 0 then return {'recent', left(r)} end\n"
    "if not hand and left(w) > 0 then return {'wait', left(w)} end\n"
    "local failed = redis.call('GET', f)\n"
    "local charged = not again and (hand or cause == 'refused' or\n"
    "  (failed and not string.find(failed, 'stalled')))\n"
    "if charged then\n"
    "  redis.call('ZREMRANGEBYSCORE', b, '-inf', now - hour)\n"
    "  local over = redis.call('ZCARD', b) - limit\n"
    "  if limit == 0 then return {'budget', hour} end\n"
    "  if over >= 0 then\n"
    "    local entry = redis.call('ZRANGE', b, over, over, 'WITHSCORES')\n"
    "    return {'budget', math.min(math.max(entry[2] + hour - now, 1), hour)}\n"
    "  end\n"
    "end\n"
    "raise(g, have)\n"
    "redis.call('INCR', g)\n"
    "redis.call('PEXPIRE', g, 172800000)\n"
    "local fence = redis.call('GET', g)\n"
    "redis.call('SET', l, member .. ':' .. fence, 'PX', lease)\n"
    "if charged then\n"
    "  redis.call('ZADD', b, now, member .. ':' .. fence)\n"
    "  redis.call('PEXPIRE', b, hour)\n"
    "end\n"
    "if cause == 'refused' then\n"
    "  redis.call('SET', r, fence, 'PX', guard)\n"
    "  if generation == have then redis.call('DEL', t) end\n"
    "  if have ~= '0' then redis.call('PUBLISH', channel, 'gone ' .. have) end\n"
    "end\n"
    "return {'yours', now, fence}\n";

/*
 * Of a token that has expired by the store's clock nothing is kept and nobody is told; its lease is
 * given back, and its number counts. The answer is that of a stored one, which it would be now.
 */
static const char put[] = LUA_NOW LUA_LEFT LUA_TOKEN LUA_ABOVE LUA_RAISE
    "local t, l, g, w, f = unpack(KEYS)\n"
    "local channel, member, fence, sealed, expire_at = unpack(ARGV)\n"
    "local generation, lasts = token(t)\n"
    "if redis.call('GET', l) == member .. ':' .. fence then redis.call('DEL', l) end\n"
    "if not above(fence, generation) then\n"
    "  return {'late', generation, lasts, redis.call('HGET', t, 'v')}\n"
    "end\n"
    "raise(g, fence)\n"
    "if tonumber(expire_at) > now then\n"
    "  redis.call('HSET', t, 'g', fence, 'v', sealed)\n"
    "  redis.call('PEXPIREAT', t, expire_at)\n"
    "  redis.call('DEL', w, f)\n"
    "  redis.call('PUBLISH', channel, 'new ' .. fence)\n"
    "end\n"
    "return {'stored'}\n";

/*
 * f is "N", or "N stalled" after a request that was answered with nothing new: that one is followed
 * by no charge.
 */
static const char fail[] =
    "local l, w, f = unpack(KEYS)\n"
    "local channel, member, fence, kind, floor, random = unpack(ARGV)\n"
    "if redis.call('GET', l) ~= member .. ':' .. fence then return {'late'} end\n"
    "redis.call('DEL', l)\n"
    "local count = (string.match(redis.call('GET', f) or '', '^%d+') or 0) + 1\n"
    "redis.call('SET', f, count .. (kind == 'stalled' and ' stalled' or ''), 'PX', 600000)\n"
    "local wait = 60000\n"
    "if kind ~= 'credentials' then\n"
    "  local ceiling = math.min(60000, 1000 * 2 ^ math.min(count - 1, 6))\n"
    "  wait = math.max(math.ceil(ceiling * random / 4294967295), 1)\n"
    "end\n"
    "wait = math.max(wait, tonumber(floor))\n"
    "redis.call('SET', w, '1', 'PX', wait)\n"
    "redis.call('PUBLISH', channel, 'wait ' .. wait)\n"
    "return {'noted', wait}\n";

static const char *const texts[FLEET_VERBS] = {
    [FLEET_LOOK] = look,
    [FLEET_ASK] = ask,
    [FLEET_PUT] = put,
    [FLEET_FAIL] = fail,
};

static char script_names[FLEET_VERBS][FLEET_SCRIPT_NAME];
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void make_name(const char *text, char out[FLEET_SCRIPT_NAME])
{
    unsigned char sha1[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    MUST(EVP_Digest(text, strlen(text), sha1, &len, EVP_sha1(), NULL) == 1 && len == 20);
    for (unsigned int i = 0; i < len; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", sha1[i]);
}

static void make_names(void)
{
    for (size_t i = 0; i < FLEET_VERBS; i++)
        make_name(texts[i], script_names[i]);
}

const char *fleet_script_text(enum fleet_verb verb)
{
    return texts[verb];
}

const char *fleet_script_name(enum fleet_verb verb)
{
    MUST(pthread_once(&names_once, make_names) == 0);
    return script_names[verb];
}
