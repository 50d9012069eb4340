// The callers' side: what the suite's client calls in the place of `fetch`. A request goes to the
// daemon with the case's own fields; of what comes back the suite's response is made.
//
// The fields of the original response are put back, for the suite counts and dates by them. Over
// them take precedence, present or absent, those that the daemon passes on or makes itself, and
// whatever the case asks about: that is for the daemon alone to give.
//
// A problem that was made of the upstream's response stands for that response.
import http from 'node:http';
import { begin, placeOf } from './exchange.mjs';
import { bodyOf, HOP, pairs, valueOf, without } from './fields.mjs';
import { PUBLIC, toSuite } from './upstream.mjs';

// Of the daemon's response, and so never put back.
const OWN = new Set(['age', 'cache-control', 'content-type', 'date', 'etag', 'last-modified', 'warning']);
// By these the suite's server knows a request; the daemon is not told.
const ABOUT = new Set(['test-id', 'test-name', 'req-num']);

function call(url, method, fields, body) {
    const headers = [...fields, 'Host', new URL(url).host, 'Connection', 'close'];
    if (body !== undefined) {
        headers.push('Content-Length', String(Buffer.byteLength(body)));
    }
    return new Promise((done, failed) => {
        http.request(url, { method, headers, agent: false }, (res) =>
            bodyOf(res).then((text) => done({ status: res.statusCode, fields: res.rawHeaders, text }), failed),
        )
            .on('error', failed)
            .end(body);
    });
}

function originalIn(response) {
    try {
        return JSON.parse(Buffer.from(response.text, 'latin1').toString()).original;
    } catch {
        return undefined;
    }
}

// The names of the fields that this request of the case is about.
function askedAbout(request) {
    const expected = [
        ...(request.expected_response_headers ?? []),
        ...(request.expected_response_headers_missing ?? []),
    ];
    return new Set(expected.map((field) => (Array.isArray(field) ? field[0] : field).toLowerCase()));
}

// What upstream.mjs has added is taken off again.
function ownFields(fields, madePublic) {
    const headers = new Headers();
    for (const [name, value] of pairs(fields)) {
        if (madePublic && name.toLowerCase() === 'cache-control') {
            const said = value.split(/,\s*/).filter((word) => word !== PUBLIC);
            if (said.length > 0) {
                headers.append(name, said.join(', '));
            }
        } else {
            headers.append(name, value);
        }
    }
    return headers;
}

function putBack(headers, original, isDaemons) {
    const fields = without(original.fields, (name) => HOP.has(name) || isDaemons(name));
    const own = new Set(headers.keys());
    for (const [name, value] of pairs(fields)) {
        if (!own.has(name.toLowerCase())) {
            headers.append(name, value);
        }
    }
}

// What the daemon's response was made of; null where that is not known.
function sourceOf(response, place, called) {
    const { last } = place;
    if (response.status < 400) {
        return originalIn(response) ?? null;
    }
    // A 404 may be kept, and has no body of the upstream's.
    const isOfLast = called || (response.status === 404 && last?.status === 404);
    return last !== null && last.status !== 200 && isOfLast ? last : null;
}

function asResponse(response, place, called, request, number) {
    const original = sourceOf(response, place, called);
    const isReplaced = original !== null && response.status >= 400;
    const headers = ownFields(isReplaced ? [] : response.fields, place.madePublic);
    let { status, text } = response;
    if (isReplaced) {
        putBack(headers, original, () => false);
        ({ status, body: text } = original);
    } else if (original !== null) {
        const asked = askedAbout(request);
        putBack(headers, original, (name) => OWN.has(name) || asked.has(name));
        text = original.body;
    } else if (called) {
        // There is none, or it has no body: the request has reached the upstream all the same.
        headers.set('Server-Request-Count', String(number));
    }
    return { status, statusText: '', headers, text: async () => text };
}

// What is wrong with Cache-Status (RFC 9211, section 2), which says whether the upstream was called;
// null: nothing.
function faultOfStatus(response, called) {
    const said = valueOf(response.fields, 'cache-status');
    if (said === undefined) {
        return called ? 'no Cache-Status, though the upstream was called' : null;
    }
    return /; hit\b/.test(said) === called || /; fwd=/.test(said) !== called
        ? `Cache-Status is "${said}", and the upstream was ${called ? '' : 'not '}called`
        : null;
}

// `odd`: is called with a case's id and what is wrong with a single response.
async function toDaemon(address, target, query, init, odd) {
    const place = placeOf(target);
    const { test } = place;
    const fields = init.headers.flat().map(String);
    const about = [];
    for (const [name, value] of pairs(fields)) {
        if (ABOUT.has(name.toLowerCase())) {
            about.push(name, value);
        }
    }
    const number = Number(new Map(init.headers).get('Req-Num'));
    const own = without(fields, (name) => ABOUT.has(name));
    test.request = { fields: own, about };
    const before = test.calls;
    const url = `http://${address}/api/v1/addresses/${place.postcode}${query}`;
    const response = await call(url, init.method ?? 'GET', own, init.body);
    const called = test.calls > before;
    const fault = faultOfStatus(response, called);
    if (fault !== null) {
        odd(test.requests[0].id, `request ${number}: ${fault}`);
    }
    return asResponse(response, place, called, test.requests[number - 1], number);
}

export function fetchFor(address, as, odd) {
    return (url, init) => {
        const [target, query] = url.split('?');
        const [, kind, uuid] = target.split('/');
        if (kind === 'config') {
            begin(uuid, JSON.parse(init.body), as);
        }
        if (kind !== 'test') {
            return toSuite(url, init);
        }
        return toDaemon(address, target, query === undefined ? '' : `?${query}`, init, odd);
    };
}
