// oidc-provider, as it comes, with clients of several kinds, and beside it an API that lets in whoever has one
// of its tokens: a JWT when the resource was named, else an opaque one.
//
// For each public key there are two more clients, named after its file: `NAME` signs an assertion in
// place of a secret (RFC 7523, section 2.2); `NAME-grant` has no secret, and its assertion is the
// grant (section 2.1). The key's kid is NAME.
//
// usage: node oidc.mjs [KEY CERTIFICATE CA [PUBLIC_KEY.pem...]]
//
// Prints a line when it listens: the URLs of the provider and, with the files, those of the same
// over TLS, and over TLS for those alone who have a certificate of that CA.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { answer, listen, load } from './common.mjs';

const { Provider, errors } = await load('oidc-provider');
const { createLocalJWKSet, decodeJwt, exportJWK, generateKeyPair, jwtVerify } = await load('jose');

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const algorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];
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

function clientsWithKey(file) {
    const name = path.basename(file, '.pem');
    const key = crypto.createPublicKey(fs.readFileSync(file)).export({ format: 'jwk' });
    const jwks = { keys: [{ ...key, kid: name, use: 'sig' }] };
    return [
        { ...client(name, undefined, 'private_key_jwt'), jwks },
        { ...client(`${name}-grant`, undefined, 'none'), jwks, grant_types: [jwtBearer] },
    ];
}

// The client `mutual` has its certificate, that of CA, in place of a secret (RFC 8705, section 2.2).
function clientsWithCertificate(file) {
    if (file === undefined) {
        return [];
    }
    const certificate = new crypto.X509Certificate(fs.readFileSync(file));
    const key = certificate.publicKey.export({ format: 'jwk' });
    const jwks = { keys: [{ ...key, x5c: [certificate.raw.toString('base64')] }] };
    return [{ ...client('mutual', undefined, 'self_signed_tls_client_auth'), jwks }];
}

const settings = {
    clientAuthMethods: [
        'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none',
        'self_signed_tls_client_auth',
    ],
    clients: [
        client('de mo:+%/~', 'CANARY of+the/%&=: basic', 'client_secret_basic'),
        client('post', 'CANARY of+the/%&=: post', 'client_secret_post'),
        ...clientsWithCertificate(process.argv[4]),
        ...process.argv.slice(5).flatMap(clientsWithKey),
    ],
    enabledJWA: { clientAuthSigningAlgValues: algorithms },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), ...naming }] },
    scopes: [scope, 'else'], // the other one is not for our clients
    ttl: { ClientCredentials: lifetime },
    features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        mTLS: {
            enabled: true,
            selfSignedTlsClientAuth: true,
            getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
        },
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

// What the assertion says is what counts: who asks, for whom, for which scope, and until when. The
// server would look at none of it, so all is checked here, as strictly as for a client's assertion.
async function grantByAssertion(ctx) {
    const { client: asking, params, provider } = ctx.oidc;
    const audience = [provider.issuer, provider.urlFor('token')];
    const { payload } = await jwtVerify(params.assertion ?? '', createLocalJWKSet(asking.jwks), {
        algorithms,
        audience,
        issuer: asking.clientId,
        requiredClaims: ['sub', 'iat', 'exp', 'jti'],
        maxTokenAge: 60,
        typ: 'JWT',
    }).catch((err) => {
        throw new errors.InvalidGrant(err.message);
    });
    if (!(await provider.ReplayDetection.unique(payload.iss, payload.jti, payload.exp))) {
        throw new errors.InvalidGrant('assertion tokens must only be used once');
    }
    if (payload.scope !== undefined && payload.scope !== scope) {
        throw new errors.InvalidScope('requested scope is not allowed', payload.scope);
    }
    const token = new provider.ClientCredentials({ client: asking, scope: payload.scope });
    const body = { access_token: await token.save(), expires_in: token.expiration };
    ctx.body = { ...body, token_type: token.tokenType, scope: token.scope };
}

// The server wants to know its client before it looks at a grant. Whoever sends an assertion alone
// (RFC 7523, section 2.1: client authentication is optional) is the one that it names as issuer.
function nameClient(form) {
    const params = new URLSearchParams(form);
    if (params.get('grant_type') !== jwtBearer || params.has('client_id')) {
        return form;
    }
    try {
        const { iss } = decodeJwt(params.get('assertion'));
        return `${form}&${new URLSearchParams({ client_id: iss })}`;
    } catch {
        return form; // the server says what is missing
    }
}

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
    provider.registerGrantType(jwtBearer, grantByAssertion, ['assertion', 'scope']);
    const callback = provider.callback();
    handle = async (req, res) => {
        if (!req.url.startsWith('/api/v1/addresses/')) {
            const chunks = [];
            for await (const chunk of req) {
                chunks.push(chunk);
            }
            req.body = nameClient(Buffer.concat(chunks).toString());
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
