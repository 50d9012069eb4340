# What the scenarios with TLS for callers share, on top of common.bash: certificates of their own,
# in $here, and a daemon that listens with TLS and without.
# shellcheck shell=bash

# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# authority NAME: a CA, $here/NAME.crt and .key.
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj "/CN=authority $1" -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$here/$1.key" -out "$here/$1.crt" 2>/dev/null ||
        fail "no authority"
}
# certificate NAME CA SUBJECT [EXTENSIONS [DAYS [KEY...]]]: one that CA signed, with its key; for 0
# days, one that has expired.
certificate() {
    local name=$1 ca=$2 subject=$3 extensions=${4:-} days=${5:-20}
    shift $(($# < 5 ? $# : 5))
    [ $# -gt 0 ] || set -- ec -pkeyopt ec_paramgen_curve:P-256
    openssl req -new -newkey "$@" -nodes -subj "$subject" -keyout "$here/$name.key" \
        -out "$here/$name.csr" 2>/dev/null || fail "no request"
    printf '%s\n' basicConstraints=CA:FALSE subjectKeyIdentifier=hash authorityKeyIdentifier=keyid \
        "$extensions" >"$here/$name.ext"
    if [ "$days" = 0 ]; then
        sign_expired "$name" "$ca"
    else
        openssl x509 -req -in "$here/$name.csr" -CA "$here/$ca.crt" -CAkey "$here/$ca.key" \
            -days "$days" -extfile "$here/$name.ext" -out "$here/$name.crt" 2>/dev/null
    fi || fail "no certificate"
    chmod 600 "$here/$name.key"
}
# Only `openssl ca` takes dates in all versions.
sign_expired() {
    cat >"$here/ca.cnf" <<END
[ca]
default_ca = this
[this]
new_certs_dir = $here
database = $here/index.txt
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = optional
organizationName = optional
END
    : >"$here/index.txt"
    openssl ca -batch -notext -config "$here/ca.cnf" -cert "$here/$2.crt" -keyfile "$here/$2.key" \
        -startdate 20250101000000Z -enddate 20250201000000Z -extfile "$here/$1.ext" \
        -in "$here/$1.csr" -out "$here/$1.crt" 2>/dev/null
}
# server_certificate NAME CA...: of this server; `shown` tells them by their subject.
server_certificate() {
    certificate "$1" "${2:-ca}" "/CN=$1" subjectAltName=DNS:localhost,IP:127.0.0.1 "${@:3}"
}

# tls_keys NAME: as default_keys, with certificate NAME, and one listener without TLS.
tls_keys() {
    default_keys
    set_key server listen "tls:127.0.0.1:0, 127.0.0.1:0"
    set_key server tls_certificate "$here/$1.crt"
    set_key server tls_key "$here/$1.key"
}
# start_tls: start_daemon, and sets tls (HOST:PORT) and plain; at is that with TLS.
start_tls() {
    start_daemon "$@"
    tls=${address#tls:}
    port=${tls##*:}
    plain=$(sed -n 's/.*lookups on [^;,]*, \([^;,]*\);.*/\1/p' "$here/log")
    at=https://localhost:$port/api/v1/addresses
}
# get OPTION... URL: by TLS, verified.
get() {
    ask --cacert "$here/ca.crt" "$@"
}
code() {
    get -o /dev/null -w '%{http_code}' "$@"
}
# handshake OPTION...: openssl's, without a request; says what it says.
handshake() {
    openssl s_client -connect "$tls" -CAfile "$here/ca.crt" "$@" </dev/null 2>&1
}
# shown: the subject of the certificate that the daemon shows.
shown() {
    handshake | sed -n 's/ = /=/; s/^subject=//p'
}
failed() {
    metric_is postcoded_tls_handshakes_failed_total "$2" "reason=\"$1\""
}
# reload WHAT N: SIGHUP, and there have been N reloads with that result.
reload() {
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total "$2" "result=\"$1\""
}
