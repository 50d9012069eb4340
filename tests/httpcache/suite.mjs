// The suite's cases, as its package has them. They are started in the directory of their package,
// with these files given by path.
//
// What is for browsers alone, and what is not for them, is run too: the daemon is a shared cache or
// a private one, as `as` says.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import own from './own.mjs';

const { resolve } = createRequire(path.join(process.cwd(), 'package.json'));

export function part(name) {
    return import(pathToFileURL(resolve(`http-cache-tests/${name}`)).href);
}

// Four cases close the connection in the place of a response that may not be taken from the cache,
// and then expect the status 200, which nobody could give them. With a response whose freshness
// has ended and that may not be used, and no other to be had, it is an error: 502 here, since the
// upstream has closed (RFC 9111, sections 4.2.4 and 5.2.2.2; RFC 9110, section 15.6.3).
const CLOSED = [
    'stale-close-must-revalidate',
    'stale-close-proxy-revalidate',
    'stale-close-no-cache',
    'stale-close-s-maxage=2',
];

function amended(test) {
    if (CLOSED.includes(test.id)) {
        test.requests.at(-1).expected_status = 502;
        test.requests.at(-1).expected_response_text = null;
    }
    return test;
}

const groups = [
    ...(await part('tests/index.mjs')).default,
    (await part('tests/surrogate-control.mjs')).default,
    own,
];

// Each: group, id, name, kind, and fresh(), which gives a copy to run, for a run changes it.
export const cases = groups.flatMap((group) =>
    group.tests.map((test) => ({
        group: group.name,
        id: test.id,
        name: test.name,
        kind: test.kind ?? 'required',
        dependsOn: test.depends_on ?? [],
        fresh: () => amended(structuredClone(test)),
    })),
);
