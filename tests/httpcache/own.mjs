// Cases that the suite does not have, in its words.
function revalidated(id, name, tags, third) {
    const fields = (tag) => [
        ['Cache-Control', 'max-age=2'],
        ['ETag', tag],
    ];
    return {
        id: `own-${id}`,
        name,
        requests: [
            { response_headers: fields(tags[0]), setup: true, pause_after: true },
            {
                // Not compared with what the server sent (false), but with the tag at hand.
                response_headers: fields(tags[1]).map((field) => [...field, false]),
                expected_type: 'etag_validated',
                expected_response_headers: [['ETag', tags[2]]],
            },
            { expected_type: third },
        ],
    };
}

export default {
    name: 'Beyond the suite',
    id: 'own',
    tests: [
        revalidated(
            '304-other-etag',
            'HTTP cache must not update a stored response with a `304` that has another strong `ETag`',
            ['"first"', '"second"', '"first"'],
            'not_cached',
        ),
        revalidated(
            '304-weak-etag',
            'HTTP cache updates a stored response with a `304` that has its `ETag` as a weak one',
            ['"first"', 'W/"first"', 'W/"first"'],
            'cached',
        ),
    ],
};
