// An issuer whose keys change while it serves: oidc-provider, made anew behind one URL whenever it
// is told to. Its access tokens are JWTs for the client `caller`, whose secret is `secret`.
//
// PUT /control/keys with lines `NAME ALGORITHM`: the key set from now on; the first of them signs. A
// key that has been named before is the same key. GET /control/fetches: how often the key set was
// fetched.
//
// Prints a line when it listens: the issuer's URL.
import { answer, listen, load } from './common.mjs';

const { Provider } = await load('oidc-provider');
const { exportJWK, generateKeyPair } = await load('jose');

const scope = 'lookup';
const made = new Map();
let fetches = 0;
let handle;

async function keyOf(kid, alg) {
    if (!made.has(kid)) {
        const { privateKey } = await generateKeyPair(alg, { extractable: true });
        made.set(kid, { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' });
    }
    return made.get(kid);
}

function settings(keys) {
    const alg = keys[0].alg;
    return {
        clients: [{
            client_id: 'caller',
            client_secret: 'secret',
            grant_types: ['client_credentials'],
            id_token_signed_response_alg: alg, // it must be one of the keys'
            redirect_uris: [],
            response_types: [],
            scope,
        }],
        jwks: { keys },
        scopes: [scope],
        features: {
            clientCredentials: { enabled: true },
            devInteractions: { enabled: false },
            resourceIndicators: {
                enabled: true,
                getResourceServerInfo: (_ctx, audience) => ({
                    audience,
                    scope,
                    accessTokenTTL: 600,
                    accessTokenFormat: 'jwt',
                    jwt: { sign: { alg } },
                }),
            },
        },
    };
}

async function bodyOf(req) {
    const chunks = [];
    for await (const chunk of req) {
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
}

async function use(text) {
    const lines = text.trim().split('\n').map((line) => line.trim().split(/\s+/));
    const keys = await Promise.all(lines.map(([kid, alg]) => keyOf(kid, alg)));
    handle = new Provider(url, settings(keys)).callback();
}

const url = await listen(async (req, res) => {
    if (req.url === '/control/keys') {
        await use(await bodyOf(req));
        answer(res, 200, {});
    } else if (req.url === '/control/fetches') {
        answer(res, 200, String(fetches));
    } else {
        fetches += req.url === '/jwks' ? 1 : 0;
        handle(req, res);
    }
});
await use('first RS256');
console.log(`listening on ${url}`);
