// oauth2-mock-server, which gives a token to anybody, made slow, failing and odd. What it is to do
// with a token request stands in that request, so each test has its own server in the same one:
//
//   delay=MS    answers that much later
//   odd=NAME    one of the oddities below
//
// usage: node mock.mjs
//
// Prints a line with its URL when it listens.
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, listen, load } from './common.mjs';

const { OAuth2Server } = await load('oauth2-mock-server');

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');

// Each changes the reply that the server would give: its `body` and `statusCode`.
const oddities = {
    no_type: (reply) => delete reply.body.token_type,
    no_lifetime: (reply) => delete reply.body.expires_in,
    lifetime_as_text: (reply) => (reply.body.expires_in = '1200'),
    lifetime_fraction: (reply) => (reply.body.expires_in = 1200.75),
    lifetime_null: (reply) => (reply.body.expires_in = null),
    array: (reply) => (reply.body = [reply.body]),
    no_token: (reply) => delete reply.body.access_token,
    token_object: (reply) => (reply.body.access_token = { CANARY: reply.body.access_token }),
    other_type: (reply) => (reply.body.token_type = 'N_A'),
    created: (reply) => (reply.statusCode = 201),
    accepted: (reply) => (reply.statusCode = 202),
    down: (reply) => (reply.statusCode = 503),
    invalid_scope: (reply) =>
        Object.assign(reply, {
            statusCode: 400,
            body: { error: 'invalid_scope', error_description: 'there is no such scope' },
        }),
};

server.service.on('beforeResponse', (reply, req) => {
    reply.body.expires_in = 1200;
    oddities[req.body.odd]?.(reply);
});

// The form is read twice: here for what to do, and by the server.
function delayOf(form) {
    return Number(new URLSearchParams(form).get('delay') ?? 0);
}

const url = await listen(async (req, res) => {
    if (req.url.startsWith('/api/v1/addresses/')) {
        answer(res, 200, { postcode: decodeURIComponent(req.url.split('/').pop()) });
        return;
    }
    const chunks = [];
    for await (const chunk of req) {
        chunks.push(chunk);
    }
    const form = Buffer.concat(chunks);
    await sleep(delayOf(form.toString()));
    req.body = Object.fromEntries(new URLSearchParams(form.toString()));
    req._body = true; // what body-parser sets when it has read it
    server.service.requestHandler(req, res);
});
server.issuer.url = url;
console.log(`listening on ${url}`);
