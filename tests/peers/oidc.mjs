// oidc-provider, as it comes, with two clients, and beside it an API that lets in whoever has one
// of its tokens: a JWT when the resource was named, else an opaque one.
//
// usage: node oidc.mjs [KEY CERTIFICATE CA]
//
// Prints a line when it listens: the URLs of the provider and, with the files, those of the same
// over TLS, and over TLS for those alone who have a certificate of that CA.
import fs from 'node:fs';
import { answer, listen, load } from './common.mjs';

const { Provider } = await load('oidc-provider');
const { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } = await load('jose');

const resource = 'https://location.example/api';
const scope = 'lookup';
// A JWT's times are whole seconds, so it may die a second before its lifetime is over: that must lie
// within the early expiry, a fifth of it.
const lifetime = 7;

const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
const naming = { kid: 'tests', alg: 'RS256', use: 'sig' };
const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), ...naming }] });

function client(id, secret, method) {
    return {
        client_id: id,
        client_secret: secret,
        token_endpoint_auth_method: method,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope,
    };
}

const settings = {
    clients: [
        client('de mo:+%/~', 'CANARY of+the/%&=: basic', 'client_secret_basic'),
        client('post', 'CANARY of+the/%&=: post', 'client_secret_post'),
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), ...naming }] },
    scopes: [scope, 'else'], // the other one is not for our clients
    ttl: { ClientCredentials: lifetime },
    features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
            enabled: true,
            getResourceServerInfo: (_ctx, indicator) => ({
                audience: indicator,
                scope,
                accessTokenTTL: lifetime,
                accessTokenFormat: 'jwt',
            }),
        },
    },
};

async function letIn(provider, authorization) {
    const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
    if (token === undefined) {
        return false;
    }
    if (token.startsWith('eyJ')) {
        return jwtVerify(token, keys, { issuer: provider.issuer, audience: resource })
            .then(() => true, () => false);
    }
    return (await provider.ClientCredentials.find(token)) !== undefined;
}

// The provider's issuer is its URL, which has a port that is known only when it listens.
async function serve(tls) {
    let handle;
    const url = await listen((req, res) => handle(req, res), tls);
    const provider = new Provider(url, settings);
    const callback = provider.callback();
    handle = async (req, res) => {
        if (!req.url.startsWith('/api/v1/addresses/')) {
            callback(req, res);
        } else if (await letIn(provider, req.headers.authorization)) {
            const postcode = decodeURIComponent(req.url.split('/').pop());
            answer(res, 200, { postcode, country: 'England' });
        } else {
            answer(res, 401, { error: 'invalid_token' });
        }
    };
    return url;
}

const urls = [await serve()];
if (process.argv.length > 4) {
    const [key, cert, ca] = process.argv.slice(2).map((name) => fs.readFileSync(name));
    urls.push(await serve({ key, cert }));
    urls.push(await serve({ key, cert, ca, requestCert: true, rejectUnauthorized: true }));
}
console.log(`listening on ${urls.join(' ')}`);
