// What is expected of each case (expectations.json), as a shared cache and as a service's own one.
// A case is in one list:
//
//   passes             it must
//   does_not_apply     by reason; it must not pass, for else it applies, but where the reason says
//                      "whatever": then its result says nothing about the daemon
//   differs            each with its justification; it must not pass
import { readFileSync } from 'node:fs';

const file = new URL('expectations.json', import.meta.url);
export const written = JSON.parse(readFileSync(file, 'utf8'));

function* entries(part) {
    for (const id of part.passes ?? []) {
        yield [id, { list: 'passes' }];
    }
    for (const [reason, ids] of Object.entries(part.does_not_apply ?? {})) {
        for (const id of ids) {
            yield [id, { list: 'does_not_apply', reason, why: written.reasons[reason].text, whatever: written.reasons[reason].whatever }];
        }
    }
    for (const [id, why] of Object.entries(part.differs ?? {})) {
        yield [id, { list: 'differs', why }];
    }
}

// By id; throws where the lists are not in order.
export function read(as, cases) {
    const expected = new Map();
    const known = new Set(cases.map(({ id }) => id));
    for (const part of [written.both, written[as]]) {
        for (const [id, expectation] of entries(part)) {
            if (expected.has(id) || !known.has(id)) {
                throw new Error(`${id} is ${known.has(id) ? 'in two lists' : 'no case of the suite'}`);
            }
            expected.set(id, expectation);
        }
    }
    return expected;
}

function fault(expectation, result) {
    const said = result === true ? 'passes' : result?.join(': ') ?? 'was not run';
    if (expectation === undefined) {
        return `is in no list: ${said}`;
    }
    if (!Array.isArray(result) && result !== true) {
        return said;
    }
    if (expectation.list === 'passes') {
        return result === true ? null : said;
    }
    return result === true && !expectation.whatever ? `is listed as ${expectation.list} (${expectation.why}), and passes` : null;
}

// Results as the suite has them: true, or a kind of failure and a message. What is odd counts, too.
export function compare(expected, cases, { results, odd }) {
    return cases
        .map(({ id }) => ({ id, why: fault(expected.get(id), results.get(id)) ?? odd.get(id) ?? null }))
        .filter(({ why }) => why !== null);
}

// It passes, but the suite would not judge it: a case that it depends on does not.
export function alone(expected, each) {
    return each.dependsOn.some((id) => expected.get(id)?.list !== 'passes');
}

export function count(expected, cases, kind, list) {
    return cases.filter((each) => each.kind === kind && expected.get(each.id)?.list === list).length;
}

export function summary(as, expected, cases) {
    return ['required', 'optimal', 'check'].map((kind) => {
        const of = (list) => count(expected, cases, kind, list);
        return `as ${as}, ${kind}: ${of('passes')} pass, ${of('does_not_apply')} do not apply, ${of('differs')} differ`;
    });
}
