// What both servers share. They are started in the directory of their packages, with this file and
// theirs given by path, so packages are looked up from there and not from the source tree.
import { createRequire } from 'node:module';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(path.join(process.cwd(), 'package.json'));

export function load(name) {
    return import(pathToFileURL(resolve(name)).href);
}

// A server on a port that the system chooses; its URL. With `tls`, as https.createServer has it.
export function listen(handler, tls) {
    const server = tls ? https.createServer(tls, handler) : http.createServer(handler);
    return new Promise((done) => {
        server.listen(0, '127.0.0.1', () => {
            const host = tls ? 'localhost' : '127.0.0.1';
            done(`${tls ? 'https' : 'http'}://${host}:${server.address().port}`);
        });
    });
}

export function answer(res, status, body) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    res.writeHead(status, { 'Content-Type': 'application/json' });
    res.end(text);
}
