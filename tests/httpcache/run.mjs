// The public tests of HTTP caches, between an upstream that is their server and callers that are
// their client; the daemon is the cache.
//
// usage: node run.mjs
//
// Prints a line with its URL, the daemon's upstream, when it listens. The last line of what
// POST /run?as=shared|service&cache=HOST:PORT gives is "as expected", or not.
import { readFile } from 'node:fs/promises';
import { fetchFor } from './caller.mjs';
import { compare, read, summary } from './expectations.mjs';
import { cases, part } from './suite.mjs';
import { start } from './upstream.mjs';

const config = await part('client/config.mjs');
const { makeCacheTest, testResults } = await part('client/test.mjs');

// A slow machine can make a case fail that has a second to spare, so who differs has more tries.
const TRIES = 3;

async function judge(wanted, results) {
    await Promise.all(
        wanted.map(async ({ id, fresh }) => {
            delete testResults[id];
            await makeCacheTest(fresh());
            results.set(id, testResults[id]);
        }),
    );
}

async function run(address, as) {
    const odd = [];
    const expected = read(as, cases);
    const results = new Map();
    config.setFetch(fetchFor(address, as, (fault) => odd.push(fault)));
    await judge(cases, results);
    for (let i = 1; i < TRIES; i++) {
        const again = compare(expected, cases, results).map(({ id }) => id);
        await judge(cases.filter(({ id }) => again.includes(id)), results);
    }
    return { faults: [...compare(expected, cases, results), ...odd], results, expected };
}

async function report(url) {
    const as = url.searchParams.get('as');
    const { faults, results, expected } = await run(url.searchParams.get('cache'), as);
    if (url.searchParams.has('raw')) {
        return JSON.stringify({ ...Object.fromEntries(results), odd: faults.filter(({ why }) => why.startsWith('request')) }, null, 1);
    }
    const lines = faults.map(({ id, why }) => `${id}: ${why}`);
    return [...summary(as, expected, cases), ...lines, lines.length === 0 ? 'as expected' : 'not as expected', ''].join('\n');
}

const url = await start(async (req, res) => {
    try {
        res.end(await report(new URL(req.url, 'http://localhost')));
    } catch (error) {
        res.writeHead(500).end(`${error.stack}\n`);
    }
});
console.log(`listening on ${url}`);
