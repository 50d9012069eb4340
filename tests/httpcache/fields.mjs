// Header fields as a flat list: name, value, name, value.
export function* pairs(fields) {
    for (let i = 0; i < fields.length; i += 2) {
        yield [fields[i], fields[i + 1]];
    }
}

export function without(fields, unwanted) {
    const kept = [];
    for (const [name, value] of pairs(fields)) {
        if (!unwanted(name.toLowerCase(), value)) {
            kept.push(name, value);
        }
    }
    return kept;
}

// All values of a field, joined; undefined where there is none.
export function valueOf(fields, wanted) {
    const values = [...pairs(fields)].filter(([name]) => name.toLowerCase() === wanted);
    return values.length > 0 ? values.map(([, value]) => value).join(', ') : undefined;
}

// Of a connection or of a message's framing, and so of nobody behind it.
export const HOP = new Set([
    'connection',
    'content-encoding',
    'content-length',
    'host',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
]);

export async function bodyOf(message) {
    const chunks = [];
    for await (const chunk of message) {
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('latin1');
}
