// The public tests of HTTP caches, between an upstream that is their server and callers that are
// their client; the daemon is the cache.
//
// usage: node run.mjs
//
// Prints a line with its URL, the daemon's upstream, when it listens. The last line of what
// POST /run?as=shared|service&cache=HOST:PORT gives is "as expected", or not. With &raw it gives the
// suite's own results.
import { readFile } from 'node:fs/promises';
import { fetchFor } from './caller.mjs';
import { compare, read, summary } from './expectations.mjs';
import { cases, part } from './suite.mjs';
import { start } from './upstream.mjs';

const config = await part('client/config.mjs');
const { makeCacheTest, testResults } = await part('client/test.mjs');

// So many cases at once: most of their time they pause.
const AT_ONCE = 120;
// A slow machine can make a case fail that has a second to spare, so what differs has more tries.
const TRIES = 4;

// `record`: results by id, and odd, what is wrong with single responses.
async function judge(wanted, record) {
    const rest = [...wanted];
    const next = async () => {
        for (let each = rest.shift(); each !== undefined; each = rest.shift()) {
            delete testResults[each.id];
            record.odd.delete(each.id);
            await makeCacheTest(each.fresh());
            record.results.set(each.id, testResults[each.id]);
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
}

async function run(address, as) {
    const expected = read(as, cases);
    const record = { results: new Map(), odd: new Map() };
    const faults = () => compare(expected, cases, record);
    config.setFetch(fetchFor(address, as, (id, why) => record.odd.set(id, why)));
    await judge(cases, record);
    for (let i = 1; i < TRIES; i++) {
        const again = faults().map(({ id }) => id);
        await judge(cases.filter(({ id }) => again.includes(id)), record);
    }
    return { expected, faults: faults(), record };
}

async function report(url) {
    const as = url.searchParams.get('as');
    const { expected, faults, record } = await run(url.searchParams.get('cache'), as);
    if (url.searchParams.has('raw')) {
        return JSON.stringify(Object.fromEntries(record.results), null, 1);
    }
    const lines = faults.map(({ id, why }) => `${id}: ${why}`);
    const verdict = lines.length === 0 ? 'as expected' : 'not as expected';
    return [...summary(as, expected, cases), ...lines, verdict, ''].join('\n');
}

const url = await start(async (req, res) => {
    try {
        res.end(await report(new URL(req.url, 'http://localhost')));
    } catch (error) {
        res.writeHead(500).end(`${error.stack}\n`);
    }
});
console.log(`listening on ${url}`);
