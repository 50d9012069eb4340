// The upstream's side: the suite's own server, behind a proxy that makes an address of each response,
// and a token endpoint.
//
// An address is a JSON document that holds the response, {"original": {status, fields, body}}. The
// response's fields go along as they came, line by line.
//
// For `as = shared` a further line says `Cache-Control: public`: the daemon sends Authorization, and
// a shared cache may keep the response to such a request only where the response says so (RFC 9111,
// section 3.5). Not where the case is about that, or where the response says it in another way.
import http from 'node:http';
import { placeOfPostcode } from './exchange.mjs';
import { bodyOf, HOP, valueOf, without } from './fields.mjs';
import { part } from './suite.mjs';

const handlers = {
    config: (await part('server/handle-config.mjs')).default,
    state: (await part('server/handle-state.mjs')).default,
    test: (await part('server/handle-test.mjs')).default,
};

const TOKEN = 'token-of-the-adapter';
export const PUBLIC = 'public';

function listen(handler) {
    const server = http.createServer(handler);
    return new Promise((done) => {
        server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`));
    });
}

const suiteUrl = await listen((req, res) => {
    // In one piece with a text, fields are written in UTF-8; beside bytes as they are.
    const end = res.end.bind(res);
    res.end = (text) => end(text === undefined ? text : Buffer.from(text));
    const [, kind, ...rest] = new URL(req.url, 'http://localhost').pathname.split('/');
    handlers[kind](rest, req, res);
});

// What the suite's server responds to, beside the cases' own requests.
export function toSuite(path, init) {
    return fetch(suiteUrl + path, init);
}

function isAboutAuthorization(test) {
    return test.requests.some((request) => valueOf(request.request_headers?.flat() ?? [], 'authorization'));
}

function wantsPublic(test, status, fields) {
    const said = valueOf(fields, 'cache-control')?.toLowerCase() ?? '';
    if (test.as !== 'shared' || isAboutAuthorization(test)) {
        return false;
    }
    // A 304 changes nothing of what it does not speak of (RFC 9111, section 3.2).
    if (status === 304 && said === '') {
        return false;
    }
    return !/\b(public|s-maxage|must-revalidate)\b/.test(said);
}

// The daemon's fields, and those by which the suite's server knows the request. The daemon's own
// credentials stand for the case's, where it has some.
function requestFields(test, fields) {
    const request = test.request;
    const sent = without(fields, (name) => HOP.has(name) || name === 'authorization');
    const wanted = valueOf(request.fields, 'authorization');
    if (wanted !== undefined && valueOf(fields, 'authorization') === `Bearer ${TOKEN}`) {
        sent.push('Authorization', wanted);
    }
    return [...sent, ...request.about, 'Host', new URL(suiteUrl).host, 'Connection', 'close'];
}

function ask(place, query, req) {
    return new Promise((done, failed) => {
        http.request(
            suiteUrl + place.target + query,
            { headers: requestFields(place.test, req.rawHeaders), agent: false },
            (res) => bodyOf(res).then((body) => done({ status: res.statusCode, fields: res.rawHeaders, body }), failed),
        )
            .on('error', failed)
            .end();
    });
}

function respond(res, place, original) {
    const fields = without(original.fields, (name) => HOP.has(name));
    if (wantsPublic(place.test, original.status, fields)) {
        fields.push('Cache-Control', PUBLIC);
        place.madePublic = true;
    }
    res.sendDate = false;
    if (original.status === 204 || original.status === 304) {
        res.writeHead(original.status, fields).end();
        return;
    }
    const body = Buffer.from(JSON.stringify({ original }));
    res.writeHead(original.status, [...fields, 'Content-Length', String(body.length)]).end(body);
}

async function lookUp(req, res) {
    const [path, query] = req.url.split('?');
    const place = placeOfPostcode(path.split('/').pop());
    const { test } = place;
    test.calls++;
    try {
        place.last = await ask(place, query === undefined ? '' : `?${query}`, req);
    } catch {
        place.last = null;
        res.destroy();
        return;
    }
    respond(res, place, place.last);
}

// What is asked of the daemon's upstream, and by `others` what is not: (req, res, path).
export function start(others) {
    return listen((req, res) => {
        if (req.url === '/auth/v1') {
            req.resume();
            res.writeHead(200, { 'Content-Type': 'application/json' });
            res.end(JSON.stringify({ access_token: TOKEN, token_type: 'Bearer', expires_in: 3600 }));
        } else if (req.url.startsWith('/api/v1/addresses/')) {
            lookUp(req, res);
        } else {
            others(req, res);
        }
    });
}
