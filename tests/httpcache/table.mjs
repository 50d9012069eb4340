// Writes docs/cache-conformance.md: what is expected of each case, from expectations.json.
//
// usage: node table.mjs
import { alone, count, read, written } from './expectations.mjs';
import { cases } from './suite.mjs';

const MODES = ['shared', 'service'];
const KINDS = ['required', 'optimal', 'check'];
const expected = Object.fromEntries(MODES.map((as) => [as, read(as, cases)]));

function row(cells) {
    return `| ${cells.join(' | ')} |`;
}

function table(head, rows) {
    return [row(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(row), ''].join('\n');
}

function sums() {
    return MODES.flatMap((as) =>
        KINDS.map((kind) => {
            const of = (list) => String(count(expected[as], cases, kind, list));
            return [as, kind, of('passes'), of('does_not_apply'), of('differs')];
        }),
    );
}

function reasons() {
    return Object.entries(written.reasons).map(([name, { text }]) => [
        name.replaceAll('_', ' '),
        text,
        ...MODES.map((as) => String([...expected[as].values()].filter(({ reason }) => reason === name).length)),
    ]);
}

function word(as, each) {
    const { list, reason } = expected[as].get(each.id);
    if (list === 'passes') {
        return alone(expected[as], each) ? 'passes (alone)' : 'passes';
    }
    return list === 'differs' ? '**differs**' : reason.replaceAll('_', ' ');
}

function group(name) {
    const rows = cases
        .filter((each) => each.group === name)
        .map((each) => [`\`${each.id}\``, each.kind, ...MODES.map((as) => word(as, each))]);
    return `### ${name}\n\n${table(['case', 'kind', 'as shared', 'as service'], rows)}`;
}

console.log(`# Conformance of the cache

The public tests of HTTP caches, \`http-cache-tests\` 0.4.5 of https://cache-tests.fyi, run against the
daemon by \`tests/scenario/cache_http_tests.sh\`: once with \`[cache] as = shared\`, once with \`as = service\`.
This page is made of \`tests/httpcache/expectations.json\` by \`make cache-conformance\`; the run fails when
it is not current, when a case that passes here does not, and when one that does not apply begins to pass.

The suite has cases that are required by RFC 9111 (or were by RFC 7234), optimal ones, which a cache does
well to pass, and checks, which ask for behaviour that is left open: there "passes" is a yes.

${table(['as', 'kind', 'pass', 'do not apply', 'differ'], sums())}
## How it is run

The daemon speaks of postcodes, forwards no caller's fields, and passes few response fields on. An adapter
on both sides (\`tests/httpcache/\`) gives each path of the suite a postcode, and makes of each response
of the suite's server an address: a JSON document that holds the response, with its header fields beside.
Towards the suite's client the original response is put together again. Over the original fields take
precedence those that the daemon passes on or makes itself, and those that a case asks about: they are for
the daemon alone to give. A problem that the daemon makes of an upstream's response counts as that response.

- As a shared cache the daemon keeps an answer only where the upstream says it may (RFC 9111, section 3.5),
  since it sends credentials with every call. The adapter adds \`Cache-Control: public\` to responses that
  say nothing of the kind; not in the cases about \`Authorization\`.
- \`negative_ttl\` and \`stale_if_error\` are 1h, \`stale_while_revalidate\` is off: the suite has no case of
  it, and many in which a stale answer is a failure.
- Cases for browsers alone, and those for all but browsers, are run in both modes.
- Four cases (\`stale-close-...\`) expect status 200 where the upstream has closed the connection and the
  answer at hand may not be used. Here they expect 502.
- With each response, \`Cache-Status\` is compared with whether the upstream was called.
- "Passes (alone)" is said of a case that depends on another one which does not apply: the suite would not
  judge it.

## Why a case does not apply

${table(['', 'reason', 'as shared', 'as service'], reasons())}
## Where the daemon differs

${table(
    ['case', 'because'],
    Object.entries(written.both.differs).map(([id, why]) => [`\`${id}\``, why]),
)}
## All cases

${[...new Set(cases.map((each) => each.group))].map(group).join('\n')}`.trimEnd());
