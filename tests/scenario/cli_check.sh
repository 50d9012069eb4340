#!/bin/bash
# --check tells every fault, each with its place and with what would be right, and none twice;
# --print-config prints what --check and the daemon would read again.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

check() {
    "$BUILD/postcoded" -c "$here/pc.ini" --check >"$here/out" 2>"$here/log"
}
# told LINE...: it fails, with these faults and no others, in their order; nothing on stdout.
told() {
    local want
    check && fail "no fault found, and there should be: $*"
    [ ! -s "$here/out" ] || fail "on stdout: $(cat "$here/out")"
    want=$(printf "$here/pc.ini%s\n" "$@")
    [ "$(cat "$here/log")" = "$want" ] || fail "it says other than:"$'\n'"$want"
}
write() {
    cat >"$here/pc.ini"
    chmod 600 "$here/pc.ini"
}
upstream=$'[upstream u]\naddress = https://api.example\nclient_id = x\nclient_secret_file = secret\n'
printf '%s' "$key" >"$here/identity.key"
printf 's' >"$here/secret"
printf 'short' >"$here/short.key"
chmod 600 "$here"/*.key "$here/secret"

# From the spelling of a section to the inside of a file.
write <<END
[server]
lissten = 127.0.0.1:0
listen = 127.0.0.1:99999
max_connections = 10O
header_timeout = 10
workers = 0
[identitty]
mode = off
[identity]
mode = token
key_file = short.key
[log]
level = info
level = debug
[upstream u]
address = http://api.example
client_id = x
ca_file = short.key
proxy = ftp://p
request_timeout = 5s
END
check && fail "well?"
cp "$here/log" "$here/all"
has "$(cat "$here/all")" \
    ":2: [server] lissten: unknown key; did you mean \"listen\"?" \
    ":3: [server] listen: " ":4: [server] max_connections: " ":5: [server] header_timeout: " \
    ":6: [server] workers: " ":7: [identitty]: unknown section; did you mean [identity]?" \
    ":10: [identity] mode: " ":14: [log] level: " ":16: [upstream u] address: http://" "plaintext" \
    ":18: [upstream u] ca_file: " ":19: [upstream u] proxy: " \
    ":20: [upstream u] request_timeout: unknown key; it belongs in [server]" \
    "client_secret_file: is missing, and so is client_secret"
[ "$(sort "$here/all" | uniq -d)" = "" ] || fail "a fault is told twice"
# In the order of the file, what has no line last.
[ "$(sed -n 's/^[^:]*:\([0-9]*\):.*/\1/p' "$here/all")" = \
    "$(sed -n 's/^[^:]*:\([0-9]*\):.*/\1/p' "$here/all" | sort -n)" ] || fail "out of order"

# What only a key's reader can tell is told beside the rest.
write <<END
[server]
workers = 0
[identity]
key_file = short.key
$upstream
END
told ":2: [server] workers: \"0\" is out of range; must be a number from 1 to 256, or auto" \
    ":4: [identity] key_file: the HMAC secret has 5 bytes; it should have 32 or more, of random data"

# A public key taken for an HMAC secret would let everybody sign.
openssl genrsa 2048 2>/dev/null | openssl rsa -pubout -outform DER 2>/dev/null |
    openssl base64 -A >"$here/public.key" || fail "no public key"
chmod 600 "$here/public.key"
write <<END
[identity]
key_file = public.key
$upstream
END
told ":2: [identity] key_file: it is a key or certificate in DER; a public key is not an HMAC secret; it should be a JWK, a JWK set, a public key or certificate in PEM, or a secret of random bytes"
# Nothing starts that would take an HS256 token signed with these bytes.
status=0
timeout 20 "$BUILD/postcoded" -c "$here/pc.ini" >"$here/out" 2>"$here/log" || status=$?
[ "$status" = 1 ] || fail "it starts with a public key for a secret, or exits with $status"
has "$(cat "$here/log")" ":2: [identity] key_file: it is a key or certificate in DER"
printf '# keys of sso\n{\n  "keys": [\n    {"kty": "RSA"}\n  ]\n}\n' >"$here/public.key"
told ":2: [identity] key_file: it is text with a JWK in it; it should be a JWK, a JWK set, a public key or certificate in PEM, or a secret of random bytes and nothing else"
printf 'https://sso.example/oauth2/jwks\n' >"$here/public.key"
told ":2: [identity] key_file: it is a URL; it should be the keys that are there, or the URL in key_url"

write <<END
[identity]
key_file = identity.key
$upstream
[upstream v]
address = https://other.example
END
check && fail "two upstreams"
has "$(cat "$here/log")" ": [route NAME]: is missing, and there are 2 upstreams; write [route all]"

# Routes: each fault with its place, and what is worth saying; printed, they read again to the same.
two="[identity]
key_file = identity.key
$upstream[upstream v]
address = https://other.example
client_id = y
client_secret_file = secret
"
write <<END
$two
[route one]
upstream = uu
prefix = /uk
[route two]
upstream = u
[route three]
upstream = v
END
told ":13: [route one] upstream: there is no [upstream uu]; write one, or name another" \
    ":14: [route one] prefix: \"/uk\" ends without a slash; write /uk/" \
    ":17: [route three] prefix: /api/v1/addresses/ is the prefix of [route two] too ($here/pc.ini:15), and neither has postcodes; give one of them postcodes or another prefix"
write <<END
$two
rate = 10 / s
[route one]
upstream = v, u
[route two]
upstream = u
prefix = /uk/
postcodes = bt, GY*
[admin]
listen = off
END
check || fail "$(cat "$here/log")"
[ ! -s "$here/log" ] || fail "$(cat "$here/log")"
routes=$("$BUILD/postcoded" -c "$here/pc.ini" --print-config)
has "$routes" $'\n[route one]\n' $'\nupstream = v, u\n' $'\n[route two]\n' $'\nprefix = /uk/\n' \
    $'\npostcodes = BT*, GY*\n' $'\nrate = 10/s\n'
write <<<"$routes"
[ "$("$BUILD/postcoded" -c "$here/pc.ini" --print-config | grep -v '^#')" = "$(grep -v '^#' <<<"$routes")" ] ||
    fail "it prints other routes than it read"

write </dev/null
told ": [upstream NAME]: is missing; this section names the Location API and its credentials: write [upstream location], and below it address, client_id and client_secret_file" \
    ": [identity] key_file: is missing; mode jwt needs the key that signs identities, such as key_file = credential:identity.key, or key_url = https://HOST/PATH of a JWK set"

# The URL of a set of keys is not asked here; the authorities that it is trusted by are read.
write <<END
[identity]
key_url = https://127.0.0.1:1/jwks
key_ca_file = short.key
audience = postcodes
$upstream
[admin]
listen = off
END
told ":3: [identity] key_ca_file: $here/short.key: contains no PEM certificate"
sed -i /key_ca_file/d "$here/pc.ini"
check || fail "$(cat "$here/log")"
lacks "$(cat "$here/log")" key_url
sed -i /audience/d "$here/pc.ini"
check || fail "$(cat "$here/log")"
has "$(cat "$here/log")" "note: $here/pc.ini:2: [identity] key_url: without audience, a token that the provider made for any other service is accepted"
sed -i 's,1/jwks,1/{tenant}/jwks?key=CANARY,' "$here/pc.ini"
check && fail "a URL with a brace"
has "$(cat "$here/log")" "key_url: https://127.0.0.1:1/{tenant}/jwks has a brace; write the value in the place of {...}"
lacks "$(cat "$here/log")" CANARY
sed -i -e '/key_url/s,{tenant}/,,' -e '/identity/a mode = off' "$here/pc.ini"
check || fail "$(cat "$here/log")"
has "$(cat "$here/log")" 'key_url: is not used in mode off'
has "$(cat "$here/out")" "$here/pc.ini: no fault found, 1 note"

# Secrets that others can read.
write <<END
[identity]
key_file = identity.key
$upstream
[admin]
listen = off
END
check || fail "$(cat "$here/log")"
[ "$(cat "$here/out")" = "$here/pc.ini:2: [identity] key_file holds an HMAC secret of 32 bytes (HS256)
$here/pc.ini: no fault found" ] || fail "$(cat "$here/out")"
has "$("$BUILD/postcoded" -c "$here/pc.ini" --print-config)" "# $here/pc.ini:2
# It holds an HMAC secret of 32 bytes (HS256).
key_file = $here/identity.key"
chmod 604 "$here/secret"
chmod 644 "$here/identity.key"
check && fail "secrets that others can read"
has "$(cat "$here/log")" ":2: [identity] key_file: others can read $here/identity.key (mode 0644)" \
    "client_secret_file: others can read $here/secret (mode 0604)" "chmod 0640"
chmod 600 "$here/secret" "$here/identity.key"

# Keys that are public are for everybody to read, and for nobody else to write.
key_is() { # TEXT MODE
    printf '%s\n' "$1" >"$here/mode.key" && chmod "$2" "$here/mode.key"
}
write <<END
[identity]
key_file = mode.key
$upstream
END
openssl genpkey -algorithm ed25519 -out "$here/signer.pem" 2>/dev/null || fail "no key"
key_is "$(openssl pkey -in "$here/signer.pem" -pubout)" 644
check || fail "$(cat "$here/log")"
key_is "$(cat "$here/mode.key")" 646
check && fail "a key that others can write"
has "$(cat "$here/log")" ":2: [identity] key_file: others can write $here/mode.key (mode 0646); chmod 0644"
point='"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"'
key_is "{\"keys\": [{$point}]}" 644
check || fail "$(cat "$here/log")"
for text in "{$point, \"d\": \"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"}" \
    "{\"keys\": [{$point}, {\"kty\": \"oct\", \"k\": \"AAAA\"}]}"; do
    key_is "$text" 644
    check && fail "a secret that others can read: $text"
    has "$(cat "$here/log")" ":2: [identity] key_file: others can read $here/mode.key (mode 0644)"
done
sed -i 's/^key_file/mode = off\n&/' "$here/pc.ini"
check && fail "a secret that others can read, in mode off"

# Outside systemd no credential can be looked at: each is a note, whatever it is for.
write <<END
[identity]
key_file = identity.key
$upstream
client_certificate = credential:us.pem
client_key = credential:us.key
ca_file = credential:ca.pem
[admin]
listen = off
END
env -u CREDENTIALS_DIRECTORY "$BUILD/postcoded" -c "$here/pc.ini" --check >"$here/out" 2>"$here/log" ||
    fail "$(cat "$here/log")"
[ "$(grep -c '^note: .*was not looked at' "$here/log")" = 3 ] || fail "$(cat "$here/log")"
has "$(cat "$here/out")" "$here/pc.ini: no fault found, 3 notes"

# A shipped file in another mode: what it does not use is a note, and may be missing.
write <<END
[identity]
mode = off
key_file = credential:identity.key
$upstream
[admin]
listen = off
END
mkdir -p "$here/none"
CREDENTIALS_DIRECTORY=$here/none check || fail "$(cat "$here/log")"
[ "$(cat "$here/log")" = "note: $here/pc.ini:3: [identity] key_file: is not used in mode off" ] ||
    fail "$(cat "$here/log")"
write <<END
[identity]
key_file = identity.key
$upstream
END

# An encrypted key, and the password that opens it.
printf 'open sesame\n' >"$here/password"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 1 -subj /CN=us \
    -passout "file:$here/password" -keyout "$here/us.key" -out "$here/us.pem" 2>/dev/null ||
    fail "no certificate"
openssl pkey -in "$here/us.key" -passin "file:$here/password" -out "$here/plain.key"
chmod 600 "$here/password" "$here"/*.key
# with_key KEY LINE...: a configuration with the certificate.
with_key() {
    printf '%s\n' '[identity]' 'key_file = identity.key' "$upstream" \
        'client_certificate = us.pem' "client_key = $1" "${@:2}" | write
}
with_key us.key
told ":9: [upstream u] client_key: is encrypted; set client_key_password_file = PATH too"
with_key us.key 'client_key_password_file = secret'
told ":10: [upstream u] client_key_password_file: does not open client_key; it must hold the password that the key was encrypted with"
with_key us.key 'client_key_password_file = password'
check || fail "$(cat "$here/log")"
lacks "$(cat "$here/log")" '[upstream u]'
with_key plain.key 'client_key_password_file = password'
check || fail "$(cat "$here/log")"
has "$(cat "$here/log")" "note: $here/pc.ini:10: [upstream u] client_key_password_file: is not used, for client_key is not encrypted"
with_key us.key 'client_key_password_file = credential:password'
env -u CREDENTIALS_DIRECTORY "$BUILD/postcoded" -c "$here/pc.ini" --check >"$here/out" 2>"$here/log" ||
    fail "$(cat "$here/log")"

# The same of a fleet's store, which has no key for a password. What is not used is not looked at.
openssl ecparam -name prime256v1 -genkey -noout -out "$here/other.key"
chmod 600 "$here/other.key"
# in_fleet LINE...: a configuration with this store.
in_fleet() {
    printf '%s\n' '[identity]' 'key_file = identity.key' "$upstream" '[fleet]' \
        'servers = redis.example:6379' "$@" | write
}
in_fleet 'client_certificate = us.pem' 'client_key = plain.key' 'ca_file = us.pem'
check || fail "$(cat "$here/log")"
lacks "$(cat "$here/log")" '[fleet]'
in_fleet 'client_certificate = us.pem' 'client_key = us.key' 'ca_file = short.key'
told ":11: [fleet] client_key: is encrypted; write it without a password: openssl pkey -in KEY -out FILE" \
    ":12: [fleet] ca_file: $here/short.key: contains no PEM certificate"
in_fleet 'client_certificate = us.pem' 'client_key = other.key'
told ":11: [fleet] client_key: does not match client_certificate"
in_fleet 'client_certificate = us.pem' 'client_key = other.key' 'tls = off' 'plaintext = on'
check || fail "$(cat "$here/log")"
in_fleet 'client_certificate = credential:us.pem' 'client_key = other.key' \
    'ca_file = credential:ca.pem' 'password_file = credential:redis.password'
env -u CREDENTIALS_DIRECTORY "$BUILD/postcoded" -c "$here/pc.ini" --check >"$here/out" 2>"$here/log" ||
    fail "$(cat "$here/log")"
has "$("$BUILD/postcoded" -c "$here/pc.ini" --print-config 2>&1 || :)" 'credential:redis.password'
write <<END
[identity]
key_file = identity.key
$upstream
END

# A drop-in overrides, and has its own places.
mkdir "$here/pc.ini.d"
echo $'[server]\nworkers = x' >"$here/pc.ini.d/10.ini"
told ".d/10.ini:2: [server] workers: \"x\" is not understood; must be a number from 1 to 256, or auto"
echo $'[server]\nworkers = 7' >"$here/pc.ini.d/10.ini"
check || fail "$(cat "$here/log")"
lacks "$(cat "$here/out" "$here/log")" fault: 

# Printed, read again and printed: the same values, and where they came from.
print() {
    "$BUILD/postcoded" -c "$1" --print-config 2>"$here/log" || fail "$(cat "$here/log")"
}
first=$(print "$here/pc.ini")
has "$first" $'\nworkers = 7\n' "# $here/pc.ini.d/10.ini:2" "# default" $'\n[upstream u]\n' \
    $'\naddress = https://api.example\n'
lacks "$first" "$key"
mkdir "$here/again"
cp "$here"/*.key "$here/secret" "$here/again"
printf '%s\n' "$first" >"$here/again/pc.ini"
chmod 600 "$here/again/pc.ini"
second=$(print "$here/again/pc.ini")
values_of() {
    grep -v '^#' <<<"$1"
}
[ "$(values_of "$first")" = "$(values_of "$second")" ] || fail "it prints other than it read"
