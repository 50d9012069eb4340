// What the two sides of the adapter know in common: a case's present request, and what the upstream
// has said to it. The requests of a case come one after the other.
//
// The daemon speaks of postcodes, so each path of the suite's server has one, made up here.
const byPath = new Map();
const byPostcode = new Map();
const byUuid = new Map();

class Place {
    constructor(target, postcode, test) {
        this.target = target; // a path of the suite's server
        this.postcode = postcode;
        this.test = test;
        this.last = null; // what the upstream said last: status, fields, body
        this.madePublic = false; // a `Cache-Control: public` was added to that, once or more
    }
}

// `requests`: what the suite has told its server about the case.
export function begin(uuid, requests, as) {
    byUuid.set(uuid, { requests, as, request: null, calls: 0 });
}

export function placeOf(target) {
    if (!byPath.has(target)) {
        const postcode = `T${byPath.size.toString(36).toUpperCase()}`;
        const place = new Place(target, postcode, byUuid.get(target.split('/')[2]));
        byPath.set(target, place);
        byPostcode.set(postcode, place);
    }
    return byPath.get(target);
}

export function placeOfPostcode(postcode) {
    return byPostcode.get(postcode);
}
