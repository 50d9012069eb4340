/*
 * The configuration, over real files in a directory of its own. The table of bad files compares
 * whole lines, for the text is what an operator works with: a fault in the wrong line, or a second
 * one that is not there, is a failure.
 */
#include "config/config.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config/files.h"
#include "config/table.h"
#include "config/units.h"
#include "config_fixture.h"
#include "scratch.h"
#include "suite.h"

static void write_file(const char *name, const char *text)
{
    write_mode(name, text, 0640);
}

/* Broken files, and the lines they must give; what is not under test is added after `text`. */
static const struct bad {
    const char *text;
    const char *rest;
    const char *expected;
} bads[] = {
    /* Sections. */
    {"[servr]\nlisten = 1\n", WHOLE, "p.ini:1: [servr]: unknown section; did you mean [server]?\n"},
    {"[upstraem x]\n", WHOLE,
     "p.ini:1: [upstraem x]: unknown section; did you mean [upstream NAME]?\n"},
    {"[nothing like it]\nx = 1\n", WHOLE,
     "p.ini:1: [nothing like it]: unknown section; postcoded.ini(5) lists the sections\n"},
    {"[upstream.one]\n", WHOLE,
     "p.ini:1: [upstream.one]: unknown section; did you mean [upstream NAME]?\n"},
    {"[server one]\nworkers = 0\n", WHOLE,
     "p.ini:1: [server one]: unknown section; did you mean [server]?\n"},
    {"[log]\nlevel = info\n[server]\n[log]\nformat = yaml\n", WHOLE,
     "p.ini:4: [log]: given twice, first in line 1; put its keys there\n"
     "p.ini:5: [log] format: \"yaml\" is not understood; must be one of: text, json, journal\n"},
    {"[upstream a]\nadress = x\n", WHOLE,
     "p.ini:2: [upstream a] adress: unknown key; did you mean \"address\"?\n"
     "p.ini: [route NAME]: is missing, and there are 2 upstreams; write [route all], and below it "
     "upstream = a, u, in the order in which they are to be asked\n"
     "p.ini: [upstream a] address: is missing; must be a URL of http or https without user, query "
     "and fragment; write address = https://HOST[:PORT][/PREFIX]\n"
     "p.ini: [upstream a] client_id: is missing; must be text of at most 1024 bytes; write "
     "client_id = ID\n"
     "p.ini: [upstream a] client_secret_file: is missing, and so is client_secret; name the file "
     "that holds the secret, such as client_secret_file = credential:client.secret\n"},
    {"", IDENTITY,
     "p.ini: [upstream NAME]: is missing; this section names the Location API and its credentials: "
     "write [upstream location], and below it address, client_id and client_secret_file\n"},
    {"[upstream]\naddress = https://h\nclient_id = c\nclient_secret_file = secret\n", IDENTITY,
     "p.ini:1: [upstream]: an upstream needs a name of at most 64 letters, digits, - and _; write "
     "[upstream NAME]\n"},
    {"[upstream a.b]\naddress = https://h\nclient_id = c\nclient_secret_file = secret\n", IDENTITY,
     "p.ini:1: [upstream a.b]: an upstream needs a name of at most 64 letters, digits, - and _; "
     "write [upstream NAME]\n"},
    /* Keys. */
    {"[server]\nlissten = 1\n", WHOLE,
     "p.ini:2: [server] lissten: unknown key; did you mean \"listen\"?\n"},
    {"[server]\ntls = on\n[metrics]\ntls = on\n", WHOLE,
     "p.ini:2: [server] tls: unknown key; write tls: before the address in listen, such as listen "
     "= "
     "tls:127.0.0.1:8443\n"
     "p.ini:4: [metrics] tls: unknown key; postcoded.ini(5) lists the keys\n"},
    {"[log]\nrequest_timeout = 1s\n", WHOLE,
     "p.ini:2: [log] request_timeout: unknown key; it belongs in [server]\n"},
    /* Its own name says more than the nearest one here, which is connect_timeout. */
    {"[upstream u]\nRequest_Timeout = 1s\naddress = https://h\nclient_id = c\n"
     "client_secret_file = secret\n",
     IDENTITY, "p.ini:2: [upstream u] Request_Timeout: unknown key; it belongs in [server]\n"},
    {"[log]\nlisten = off\nmax_connections = 1\nclient_secret = hush\nauth_param.a = 1\n", WHOLE,
     "p.ini:2: [log] listen: unknown key; it belongs in [server], [metrics] or [admin]\n"
     "p.ini:3: [log] max_connections: unknown key; it belongs in [server] or [upstream NAME]\n"
     "p.ini:4: [log] client_secret: unknown key; it belongs in [upstream NAME]\n"
     "p.ini:5: [log] auth_param.a: unknown key; it belongs in [upstream NAME]\n"},
    {"[log]\nxyzzy = 1\n", WHOLE,
     "p.ini:2: [log] xyzzy: unknown key; postcoded.ini(5) lists the keys\n"},
    {"[log]\nlevel = info\n\nLevel = debug\nlevel = error\n", WHOLE,
     "p.ini:4: [log] level: given twice, first in line 2; remove one\n"
     "p.ini:5: [log] level: given twice, first in line 2; remove one\n"},
    /* Numbers, with their units and bounds. */
    {"[server]\nrequest_timeout = 10\n", WHOLE,
     "p.ini:2: [server] request_timeout: \"10\" is not understood; must be a duration from 10ms to "
     "24h; write 10s\n"},
    {"[server]\nrequest_timeout = 9ms\n", WHOLE,
     "p.ini:2: [server] request_timeout: \"9ms\" is out of range; must be a duration from 10ms to "
     "24h\n"},
    {"[server]\nrequest_timeout = 25h\n", WHOLE,
     "p.ini:2: [server] request_timeout: \"25h\" is out of range; must be a duration from 10ms to "
     "24h\n"},
    {"[server]\nrequest_timeout = 9223372036854775807h\n", WHOLE,
     "p.ini:2: [server] request_timeout: \"9223372036854775807h\" is not understood; must be a "
     "duration from 10ms to 24h, such as 10s\n"},
    {"[server]\nrequest_timeout = -1s\n", WHOLE,
     "p.ini:2: [server] request_timeout: \"-1s\" is not understood; must be a duration from 10ms "
     "to 24h, such as 10s\n"},
    {"[server]\nrequest_timeout = 1 s\n", WHOLE,
     "p.ini:2: [server] request_timeout: \"1 s\" is not understood; must be a duration from 10ms "
     "to 24h; write 1s\n"},
    {"[server]\nmax_header_size = 1K\n", WHOLE,
     "p.ini:2: [server] max_header_size: \"1K\" is out of range; must be a size from 2K to 64K\n"},
    {"[server]\nmax_header_size = 8k\n", WHOLE,
     "p.ini:2: [server] max_header_size: \"8k\" is not understood; must be a size from 2K to 64K; "
     "write 8K\n"},
    {"[server]\nworkers = many\n", WHOLE,
     "p.ini:2: [server] workers: \"many\" is not understood; must be a number from 1 to 256, or "
     "auto\n"},
    {"[server]\nworkers = 0\n", WHOLE,
     "p.ini:2: [server] workers: \"0\" is out of range; must be a number from 1 to 256, or auto\n"},
    {"[server]\nsocket_mode = 0888\n", WHOLE,
     "p.ini:2: [server] socket_mode: \"0888\" is not understood; must be an octal mode from 0000 "
     "to 0777, such as 0660\n"},
    {"[server]\nsocket_mode = 01777\n", WHOLE,
     "p.ini:2: [server] socket_mode: \"01777\" is out of range; must be an octal mode from 0000 to "
     "0777\n"},
    {"[server]\nmax_in_flight =\n", WHOLE,
     "p.ini:2: [server] max_in_flight: is empty; must be a number from 1 to 1000000, such as "
     "4096\n"},
    /* Words. */
    {"[log]\naccess = maybe\nlevel = warn\n", WHOLE,
     "p.ini:2: [log] access: \"maybe\" is not understood; must be on or off\n"
     "p.ini:3: [log] level: \"warn\" is not understood; must be one of: debug, info, notice, "
     "warning, error; write warning\n"},
    /* Addresses. */
    {"[server]\nlisten = example.com:80, 127.0.0.1, [::1], [::g]:1, 1.2.3.4:65536, 127.0.0.1:0\n",
     WHOLE,
     "p.ini:2: [server] listen: \"example.com:80\" is not an address; must be HOST:PORT with a "
     "numeric "
     "host or localhost, [V6]:PORT or unix:PATH, with tls: before HOST or [V6] for TLS, such as "
     "127.0.0.1:8080\n"
     "p.ini:2: [server] listen: \"127.0.0.1\" is not an address; must be HOST:PORT with a numeric "
     "host "
     "or localhost, [V6]:PORT or unix:PATH, with tls: before HOST or [V6] for TLS; write "
     "127.0.0.1:8080\n"
     "p.ini:2: [server] listen: \"[::1]\" is not an address; must be HOST:PORT with a numeric host "
     "or "
     "localhost, [V6]:PORT or unix:PATH, with tls: before HOST or [V6] for TLS; write "
     "[::1]:8080\n"
     "p.ini:2: [server] listen: \"[::g]:1\" is not an address; must be HOST:PORT with a numeric "
     "host "
     "or localhost, [V6]:PORT or unix:PATH, with tls: before HOST or [V6] for TLS, such as "
     "127.0.0.1:8080\n"
     "p.ini:2: [server] listen: \"1.2.3.4:65536\" is not an address; must be HOST:PORT with a "
     "numeric "
     "host or localhost, [V6]:PORT or unix:PATH, with tls: before HOST or [V6] for TLS, such as "
     "127.0.0.1:8080\n"},
    {"[server]\nlisten = off\n", WHOLE,
     "p.ini:2: [server] listen: \"off\" is not an address; must be HOST:PORT with a numeric host "
     "or "
     "localhost, [V6]:PORT or unix:PATH, with tls: before HOST or [V6] for TLS, such as "
     "127.0.0.1:8080\n"},
    {"[server]\nlisten = 127.0.0.1:80,\n", WHOLE,
     "p.ini:2: [server] listen: there is no address beside a comma; remove the comma, or write all "
     "addresses on this line\n"},
    {"[admin]\nlisten = 127.0.0.1:80\n", WHOLE,
     "p.ini:2: [admin] listen: \"127.0.0.1:80\" is not a Unix socket; write unix:PATH, such as "
     "unix:/run/postcoded/admin.sock, or off\n"},
    {"[admin]\nlisten = unix:\n", WHOLE,
     "p.ini:2: [admin] listen: unix: names no socket; write unix:PATH, such as "
     "unix:/run/postcoded/x.sock\n"},
    {"[admin]\nlisten = "
     "unix:/"
     "a23456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
     "456789012345678\n",
     WHOLE,
     "p.ini:2: [admin] listen: the socket's path "
     "/a2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"
     "3456789012345678 is too long; the system takes 107 bytes\n"},
    {"[server]\nlisten = 127.0.0.1:80, localhost:80\n[metrics]\nlisten = 127.0.0.1:80\n", WHOLE,
     "p.ini:2: [server] listen: localhost:80 is listened on already; write each address once\n"
     "p.ini:4: [metrics] listen: 127.0.0.1:80 is listened on already by [server] listen; write "
     "each address once\n"},
    {"[server]\nlisten = [::]:80, 0.0.0.0:80, [::1]:80, [::]:80\n", WHOLE,
     "p.ini:2: [server] listen: 0.0.0.0:80 is a part of [::]:80, which is listened on already, for "
     "[::] listens on IPv4 too; leave it out\n"
     "p.ini:2: [server] listen: [::1]:80 is a part of [::]:80, which is listened on already; leave "
     "it out\n"
     "p.ini:2: [server] listen: [::]:80 is listened on already; write each address once\n"},
    {"[server]\nlisten = 127.0.0.1:80, [::ffff:127.0.0.1]:80\n[metrics]\nlisten = 0.0.0.0:80\n",
     WHOLE,
     "p.ini:2: [server] listen: [::ffff:127.0.0.1]:80 is listened on already; write each address "
     "once\n"
     "p.ini:4: [metrics] listen: 0.0.0.0:80 takes in 127.0.0.1:80, which is listened on already "
     "by [server] listen; leave 127.0.0.1:80 out\n"},
    {"[server]\nlisten = 127.0.0.1:80\n[metrics]\nlisten = [::]:80\n", WHOLE,
     "p.ini:4: [metrics] listen: [::]:80 takes in 127.0.0.1:80, which is listened on already "
     "by [server] listen, for [::] listens on IPv4 too; leave 127.0.0.1:80 out\n"},
    /* All of IPv4, written in IPv6, is not [::]. */
    {"[server]\nlisten = 127.0.0.1:80, [::ffff:0.0.0.0]:80\n", WHOLE,
     "p.ini:2: [server] listen: [::ffff:0.0.0.0]:80 takes in 127.0.0.1:80, which is listened on "
     "already; leave 127.0.0.1:80 out\n"},
    /* Headers, cookies, paths. */
    {"[tracker]\nheader = transfer-encoding\n", WHOLE,
     "p.ini:2: [tracker] header: transfer-encoding is reserved; name another header, "
     "X-... for one\n"},
    {"[tracker]\nheader = X GUID\n", WHOLE,
     "p.ini:2: [tracker] header: \"X GUID\" is not understood; must be the name of a header, of at "
     "most 64 bytes, such as X-GUID\n"},
    {"[identity]\nkey_file = key\ncookie = a b\nforward_header = x-guid\n", UPSTREAM,
     "p.ini:3: [identity] cookie: \"a b\" is not a cookie name; use letters, digits, - and _, "
     "such as identity\n"
     "p.ini:4: [identity] forward_header: x-guid is the header of [tracker] too; name another "
     "header, such as X-User\n"},
    {UPSTREAM "lookup_path = api\nauth_path = /a b\n", IDENTITY,
     "p.ini:5: [upstream u] lookup_path: \"api\" is not understood; must be the path of a URL, "
     "beginning with a slash; write /api\n"
     "p.ini:6: [upstream u] auth_path: \"/a b\" holds a character that a path cannot hold, behind "
     "\"/a\"; percent-encode it, a space as %20\n"},
    {UPSTREAM "lookup_path = /a/../b/\nauth_path = /%2\n", IDENTITY,
     "p.ini:5: [upstream u] lookup_path: \"/a/../b/\" has a segment . or .., which would be taken "
     "out; write the path without it\n"
     "p.ini:6: [upstream u] auth_path: \"/%2\" holds a character that a path cannot hold, behind "
     "\"/\"; percent-encode it, a space as %20\n"},
    /* URLs; none is quoted. */
    {"[upstream u]\naddress = ftp://h\nauth_url = https://me:pw@h\nproxy = https://h/?q\n"
     "client_id = c\nclient_secret_file = secret\n",
     IDENTITY,
     "p.ini:2: [upstream u] address: \"ftp://h\": the scheme is not known; write http:// or "
     "https://\n"
     "p.ini:3: [upstream u] auth_url: a user in a URL is not supported; remove what precedes "
     "the @\n"
     "p.ini:4: [upstream u] proxy: a query or fragment has no place here; end the URL before ? and "
     "#\n"},
    {"[upstream u]\naddress = location.example\nauth_url = https://h:0/\nproxy = https://h h\n"
     "client_id = c\nclient_secret_file = secret\n",
     IDENTITY,
     "p.ini:2: [upstream u] address: \"location.example\" is not a URL (Bad scheme); write "
     "https://location.example\n"
     "p.ini:3: [upstream u] auth_url: \"https://h:0/\": port 0 cannot be called; write one from 1 "
     "to 65535\n"
     "p.ini:4: [upstream u] proxy: a URL is ASCII without spaces; percent-encode what is not\n"},
    {UPSTREAM "proxy = http://u:hush@p\n", IDENTITY,
     "p.ini:5: [upstream u] proxy: a password in a URL is shown to operators; write "
     "http://USER@HOST:PORT, and the password into the file that proxy_password_file names\n"},
    {UPSTREAM "proxy = http://u:@p\n", IDENTITY,
     "p.ini:5: [upstream u] proxy: a password in a URL is shown to operators; write "
     "http://USER@HOST:PORT, and the password into the file that proxy_password_file names\n"},
    {UPSTREAM "proxy = http://a%3ab@p\n", IDENTITY,
     "p.ini:5: [upstream u] proxy: the user before the @ holds a colon, which HTTP Basic cannot "
     "carry\n"},
    {UPSTREAM "proxy = http://a%0ab@p\nproxy_password_file = secret\n", IDENTITY,
     "p.ini:5: [upstream u] proxy: the user before the @ is empty or holds a control character; "
     "write http://USER@HOST:PORT\n"},
    {UPSTREAM "proxy = http://@p\n", IDENTITY,
     "p.ini:5: [upstream u] proxy: the user before the @ is empty or holds a control character; "
     "write http://USER@HOST:PORT\n"},
    {UPSTREAM "proxy = http://p:3128\nproxy_password_file = secret\n", IDENTITY,
     "p.ini:6: [upstream u] proxy_password_file: needs a user; set proxy = http://USER@HOST:PORT "
     "too\n"},
    {UPSTREAM "proxy_password_file = secret\n", IDENTITY,
     "p.ini:5: [upstream u] proxy_password_file: needs a user; set proxy = http://USER@HOST:PORT "
     "too\n"},
    {"[upstream u]\naddress = http://h.example\nauth_url = http://127.1/x\nclient_id = c\n"
     "client_secret_file = secret\n",
     IDENTITY,
     "p.ini:2: [upstream u] address: http://h.example would send secrets in the clear; write "
     "https://, or set plaintext = on\n"},
    {"[upstream u]\naddress = http://[::1]:80\nauth_url = http://127.0.0.1.example\nclient_id = c\n"
     "client_secret_file = secret\n",
     IDENTITY,
     "p.ini:3: [upstream u] auth_url: http://127.0.0.1.example would send secrets in the clear; "
     "write https://, or set plaintext = on\n"},
    /* The URL of keys. */
    {"[identity]\nkey_file = key\nkey_url = https://h.example/jwks\naudience = a\n", UPSTREAM,
     "p.ini:3: [identity] key_url: set together with key_file; keep one of the two\n"},
    {"[identity]\nkey_url = http://h.example/jwks?key=hush\naudience = a\n", UPSTREAM,
     "p.ini:2: [identity] key_url: http://h.example/jwks: keys fetched over http can be "
     "replaced in transit; write https://\n"},
    {"[identity]\nkey_file = https://h.example/jwks?key=hush\n", UPSTREAM,
     "p.ini:2: [identity] key_file: https://h.example/jwks is a URL, and this key names a file; "
     "write key_url = for a URL\n"},
    {"[identity]\nkey_url = https://u@h.example/jwks\n", UPSTREAM,
     "p.ini:2: [identity] key_url: a user in a URL is not supported; remove what precedes the @\n"},
    {"[identity]\nkey_url = https://h.example/\nkey_refresh = 500ms\nkey_ca_file = none\naudience "
     "= a\n",
     UPSTREAM,
     "p.ini:3: [identity] key_refresh: \"500ms\" is out of range; must be a duration from 1s to "
     "24h\n"
     "p.ini:4: [identity] key_ca_file: none cannot be read (No such file or directory); it must be "
     "a file that postcoded's user can read\n"},
    /* What is missing, or set together with what excludes it. */
    {"[upstream u]\n", "",
     "p.ini: [identity] key_file: is missing; mode jwt needs the key that signs identities, such "
     "as key_file = credential:identity.key, or key_url = https://HOST/PATH of a JWK set\n"
     "p.ini: [upstream u] address: is missing; must be a URL of http or https without user, query "
     "and fragment; write address = https://HOST[:PORT][/PREFIX]\n"
     "p.ini: [upstream u] client_id: is missing; must be text of at most 1024 bytes; write "
     "client_id = ID\n"
     "p.ini: [upstream u] client_secret_file: is missing, and so is client_secret; name the file "
     "that holds the secret, such as client_secret_file = credential:client.secret\n"},
    {"[upstream u]\naddress =\nclient_id = c\nclient_secret =\nclient_secret_file =\n", IDENTITY,
     "p.ini:2: [upstream u] address: is empty; must be a URL of http or https without user, query "
     "and fragment; write address = https://HOST[:PORT][/PREFIX]\n"
     "p.ini:5: [upstream u] client_secret_file: is empty, and so is client_secret; name the file "
     "that holds the secret, such as client_secret_file = credential:client.secret\n"},
    {UPSTREAM "client_secret = x\n", IDENTITY,
     "p.ini:5: [upstream u] client_secret: set together with client_secret_file (p.ini:4); keep "
     "one of "
     "the two\n"},
    {UPSTREAM "client_certificate = key\n", IDENTITY,
     "p.ini:5: [upstream u] client_certificate: needs its key; set client_key = PATH too\n"},
    {UPSTREAM "client_key = key\n", IDENTITY,
     "p.ini:5: [upstream u] client_key: needs its certificate; set client_certificate = PATH "
     "too\n"},
    {UPSTREAM "client_key_password_file = secret\n", IDENTITY,
     "p.ini:5: [upstream u] client_key_password_file: needs the key that it opens; set client_key "
     "= "
     "PATH too\n"},
    {"[upstream u]\naddress = https://h\nclient_id = a:b\nclient_secret_file = secret\n", IDENTITY,
     "p.ini:3: [upstream u] client_id: \"a:b\" holds a colon, which HTTP Basic cannot carry; use "
     "auth_flow = client_credentials\n"},
    {"[server]\nlisten = 127.0.0.1:1, 0.0.0.0:2\n[identity]\nmode = off\n", UPSTREAM,
     "p.ini:4: [identity] mode: off authenticates no caller, and [server] listens on 0.0.0.0:2, "
     "which is "
     "not loopback; use jwt, listen with tls: there and set tls_client_ca, or set "
     "unverified_anywhere = on\n"},
    {"[server]\nlisten = [::]:2\n[identity]\nmode = plain\n", UPSTREAM,
     "note p.ini:4: [identity] mode: plain takes the cookie as it stands: anyone can forge it\n"
     "p.ini:4: [identity] mode: plain authenticates no caller, and [server] listens on [::]:2, "
     "which is "
     "not loopback; use jwt, listen with tls: there and set tls_client_ca, or set "
     "unverified_anywhere = on\n"},
    {"[identity]\nmode = jwtt\n", UPSTREAM,
     "p.ini:2: [identity] mode: \"jwtt\" is not understood; must be one of: jwt, plain, off, "
     "certificate; write "
     "jwt\n"},
    /* Parameters of the token request. */
    {UPSTREAM "auth_flow = client_credentials\nauth_param. = x\nauth_param.a = 1\n"
              "auth_param.scope = x\nauth_param.A = 2\n",
     IDENTITY,
     "p.ini:6: [upstream u] auth_param.: a parameter needs a name of at most 64 letters, digits, "
     "-, . and _; write auth_param.resource = ... for one\n"
     "p.ini:8: [upstream u] auth_param.scope: the token request sets scope itself; use the key for "
     "it, if there is one\n"
     "p.ini:9: [upstream u] auth_param.a: given twice, first in line 7; remove one\n"},
    /* Lines that are none. */
    {"key = 1\n[log\nlevel = none\n[server] # here\nworkers = 0\n[]\nlisten = x\n= 3\nplain\n",
     WHOLE,
     "p.ini:1: this key stands before the first section; write its [section] above it\n"
     "p.ini:2: the section's name has no ] at its end; write [section]\n"
     "p.ini:3: [log] level: \"none\" is not understood; must be one of: debug, info, notice, "
     "warning, error\n"
     "p.ini:4: something follows the section's name; comments stand on lines of their own\n"
     "p.ini:5: [server] workers: \"0\" is out of range; must be a number from 1 to 256, or auto\n"
     "p.ini:6: this is not a section name; write [server] or [upstream NAME], without quotes; "
     "postcoded.ini(5) lists the sections\n"
     "p.ini:8: there is no key before the equals sign; write key = value\n"
     "p.ini:9: this is neither [section] nor key = value nor a comment; write key = value, all on "
     "one line\n"},
    {"[server]\nlisten = 127.0.0.1:1,\n  127.0.0.1:2\n", WHOLE,
     "p.ini:2: [server] listen: there is no address beside a comma; remove the comma, or write all "
     "addresses on this line\n"
     "p.ini:3: this is neither [section] nor key = value nor a comment; write key = value, all on "
     "one line\n"},
    {"[log]\nlevel = \xff\n# \xc0\x80\nformat = \x01\n\"access\" = on\n[l\xc3\xa9]\nx = "
     "1\n[lo!g]\n",
     WHOLE,
     "p.ini:2: the line is not valid UTF-8; save the file as UTF-8\n"
     "p.ini:3: the line is not valid UTF-8; save the file as UTF-8\n"
     "p.ini:4: the line holds a control character; remove it\n"
     "p.ini:5: a key is made of letters, digits, _, - and .; write key = value\n"
     "p.ini:6: this is not a section name; write [server] or [upstream NAME], without quotes; "
     "postcoded.ini(5) lists the sections\n"
     "p.ini:8: this is not a section name; write [server] or [upstream NAME], without quotes; "
     "postcoded.ini(5) lists the sections\n"},
    {"\xff\xfe[\0", "", "p.ini: the file is UTF-16; save it as UTF-8\n"},
    /* Files. */
    {"[identity]\nkey_file = none\n" UPSTREAM_HEAD "client_secret_file = .\nca_file = none\n", "",
     "p.ini:2: [identity] key_file: none cannot be read (No such file or directory); it must be a "
     "file that postcoded's user can read\n"
     "p.ini:6: [upstream u] client_secret_file: . is not a regular file; it must be one\n"
     "p.ini:7: [upstream u] ca_file: none cannot be read (No such file or directory); it must be a "
     "file that postcoded's user can read\n"},
    {UPSTREAM_HEAD "client_secret_file = secret, secret, secret\n", IDENTITY,
     "p.ini:4: [upstream u] client_secret_file: three files; name one, or two while one replaces "
     "the other\n"},
    {UPSTREAM_HEAD "client_secret_file = secret,\n", IDENTITY,
     "p.ini:4: [upstream u] client_secret_file: an empty name beside the comma; name one file, or "
     "two\n"},
    {"[identity]\nkey_file = credential:../key\n" UPSTREAM_HEAD
     "client_secret_file = credential:s\n",
     "",
     "p.ini:2: [identity] key_file: a credential has a plain name; write credential:NAME, without "
     "a slash\n"
     "p.ini:6: [upstream u] client_secret_file: credential:s needs $CREDENTIALS_DIRECTORY, which "
     "is not set; start under systemd with LoadCredential=s:PATH, export CREDENTIALS_DIRECTORY=DIR "
     "with the file s in DIR, or name a path\n"},
};

START_TEST(bad_files)
{
    const struct bad *bad = &bads[_i];
    char *text = mem_printf("%s%s", bad->text, bad->rest);

    ck_assert_ptr_null(load_text(text));
    ck_assert_str_eq(fault_lines(), bad->expected);
    ck_assert_uint_gt(faults.faults, 0);
    mem_free(text);
}
END_TEST

/* Every kind of fault at once, in two files: none hides another, and each has its own line. */
START_TEST(all_faults_at_once)
{
    static const char text[] = "\xef\xbb\xbf[server]\r\n"
                               "listen = x\r\n"
                               "nul\0here = 1\r\n"
                               "[unknown]\r\n"
                               "\r\n"
                               "[log]\r\n"
                               "level = loud\r\n"
                               "broken\r\n"
                               "leevl = info\r\n"
                               "level = info\r\n";

    scratch_write("p.ini", text, sizeof(text) - 1, 0640);
    make_dir("p.ini.d");
    write_file("p.ini.d/10.ini", "[store]\nrecycle_interval = soon\n= 1\n");
    ck_assert_ptr_null(load_file(NULL, "p.ini", false));
    ck_assert_str_eq(
        fault_lines(),
        "p.ini:2: [server] listen: \"x\" is not an address; must be HOST:PORT with a numeric host "
        "or "
        "localhost, [V6]:PORT or unix:PATH, with tls: before HOST or [V6] for TLS, such as "
        "127.0.0.1:8080\n"
        "p.ini:3: the line holds a NUL byte; remove it\n"
        "p.ini:4: [unknown]: unknown section; postcoded.ini(5) lists the sections\n"
        "p.ini:7: [log] level: \"loud\" is not understood; must be one of: debug, info, notice, "
        "warning, error\n"
        "p.ini:8: this is neither [section] nor key = value nor a comment; write key = value, all "
        "on one line\n"
        "p.ini:9: [log] leevl: unknown key; did you mean \"level\"?\n"
        "p.ini:10: [log] level: given twice, first in line 7; remove one\n"
        "p.ini: [upstream NAME]: is missing; this section names the Location API and its "
        "credentials: write [upstream location], and below it address, client_id and "
        "client_secret_file\n"
        "p.ini: [identity] key_file: is missing; mode jwt needs the key that signs identities, "
        "such as key_file = credential:identity.key, or key_url = https://HOST/PATH of a JWK set\n"
        "p.ini.d/10.ini:2: [store] recycle_interval: \"soon\" is not understood; must be a "
        "duration from 10ms to 24h, such as 30s\n"
        "p.ini.d/10.ini:3: there is no key before the equals sign; write key = value\n");
}
END_TEST

START_TEST(missing_file)
{
    ck_assert_ptr_null(load_file(NULL, "none.ini", false));
    ck_assert_str_eq(fault_lines(),
                     "none.ini: cannot be read (No such file or directory); it must be a file that "
                     "postcoded's user can read; name the configuration with -c FILE; make install "
                     "puts a first one at /etc/postcoded/postcoded.ini\n");
    make_dir("d.ini");
    ck_assert_ptr_null(load_file(NULL, "d.ini", false));
    ck_assert_str_eq(fault_lines(), "d.ini: is not a regular file; it must be one\n");
}
END_TEST

START_TEST(bounds_of_a_file)
{
    static char big[1024 * 1024 + 1];

    memset(big, '\n', sizeof(big));
    ck_assert_ptr_null(load_bytes(big, sizeof(big)));
    ck_assert_str_eq(fault_lines(), "p.ini: is larger than 1M; it must be smaller\n");
    memset(big, 'x', sizeof(big));
    ck_assert_ptr_null(load_bytes(big, 16385));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:1: the line is longer than 16384 bytes; shorten it\n"
                     "p.ini: [upstream NAME]: is missing; this section names the Location API and "
                     "its credentials: write [upstream location], and below it address, client_id "
                     "and client_secret_file\n"
                     "p.ini: [identity] key_file: is missing; mode jwt needs the key that signs "
                     "identities, such as key_file = credential:identity.key, or key_url = "
                     "https://HOST/PATH of a JWK set\n");
}
END_TEST

/* Spread over the upstreams that there may be. */
START_TEST(bounds_of_sections_and_keys)
{
    enum { MOST = 5000, UPSTREAMS = CONFIG_UPSTREAMS_MAX, SECTION = 5 };
    struct buf many;
    int items = 4; /* the identity and the route */

    buf_init(&many, 262144);
    buf_puts(&many, IDENTITY "[route all]\nupstream = u0\n");
    for (int u = 0; u < UPSTREAMS; u++, items += SECTION) {
        buf_printf(&many,
                   "[upstream u%d]\naddress = https://u.example\nclient_id = c\n"
                   "client_secret_file = secret\nauth_flow = client_credentials\n",
                   u);
        const int last = u + 1 < UPSTREAMS ? 150 : MOST - items - SECTION;
        for (int i = 0; i < last; i++, items++)
            buf_printf(&many, "auth_param.p%d = %d\n", i, i);
    }
    ck_assert_int_eq(items, MOST);
    struct config *config = load_text(buf_text(&many));
    ck_assert_msg(config != NULL, "%s", fault_lines());
    ck_assert_uint_eq(config->upstreams[30].auth_param.count, 150);
    config_unref(config);
    buf_puts(&many, "auth_param.last = 1\n");
    ck_assert_ptr_null(load_text(buf_text(&many)));
    ck_assert_ptr_nonnull(strstr(
        fault_lines(), ": the file has more than 5000 sections and keys; the rest was not read\n"));
    buf_fini(&many);
}
END_TEST

START_TEST(defaults)
{
    struct config *config = good(WHOLE);

    ck_assert_uint_eq(config->server_listen.count, 1);
    ck_assert_str_eq(config->server_listen.items[0].text, "127.0.0.1:8080");
    ck_assert(config->server_listen.items[0].loopback);
    ck_assert_int_eq(config->server_socket_mode, 0660);
    ck_assert_int_ge(config->server_workers, 1);
    ck_assert_int_eq(config->server_max_header_size, 8192);
    ck_assert_int_eq(config->server_request_timeout, 10 * CFG_S);
    ck_assert_str_eq(config->admin_listen.items[0].text, "unix:/run/postcoded/admin.sock");
    ck_assert_int_eq(config->log_postcodes, POSTCODES_FULL);
    ck_assert(config->log_access);
    ck_assert_str_eq(config->tracker_header, "X-GUID");
    ck_assert_int_eq(config->identity_mode, IDENTITY_JWT);
    ck_assert_ptr_null(config->identity_forward_header);
    ck_assert(!config->upstreams[0].plaintext);
    ck_assert_str_eq(config->upstreams[0].name, "u");
    ck_assert_str_eq(config->upstreams[0].auth_token_key, "u_auth_token");
    ck_assert_int_eq(config->upstreams[0].auth_flow, AUTH_FLOW_BASIC);
    ck_assert_ptr_null(config->upstreams[0].proxy);
    ck_assert_uint_eq(faults.count, 0);
    config_unref(config);
}
END_TEST

START_TEST(good_values)
{
    struct config *config = good("[Server]\n"
                                 "  listen = [::1]:8080, unix:run/s.sock, 0.0.0.0:0,localhost:9\n"
                                 "\tWORKERS\t=\t3\t\n"
                                 "max_header_size = 64K\n"
                                 "drain_delay = 0s\n"
                                 "idle_timeout = 500ms\n"
                                 "socket_mode = 600\n"
                                 "[metrics]\nlisten = OFF\n"
                                 "[admin]\nlisten = off\n"
                                 "[log]\naccess = No\nlevel = Warning\n"
                                 "[tracker]\ntrust_incoming = false\nheader = X-Request-ID\n"
                                 "[identity]\nkey_file = ./key\nissuer = \xc3\xa9\n"
                                 "  # a comment, indented\n"
                                 "; another = one\n"
                                 "[upstream  loc_1-A]\n"
                                 "address = HTTPS://Host.example:8443/v2//\n"
                                 "auth_url = http://10.0.0.1/token\n"
                                 "plaintext = yes\n"
                                 "lookup_path = /find/%7e/\n"
                                 "auth_flow = client_credentials\n"
                                 "auth_param.Resource = urn:x=1\n"
                                 "client_id = a:b\n"
                                 "client_secret =  s p;a#ce = \n"
                                 "proxy =\n"
                                 "max_response_size = 64M\n");

    ck_assert_uint_eq(config->server_listen.count, 4);
    ck_assert(config->server_listen.items[0].loopback);
    ck_assert_int_eq(config->server_listen.items[0].addr.ss_family, AF_INET6);
    ck_assert(config->server_listen.items[1].loopback);
    const struct sockaddr_un *sun = (const void *)&config->server_listen.items[1].addr;
    char *socket_path = scratch_path("run/s.sock");
    ck_assert_str_eq(sun->sun_path, socket_path);
    mem_free(socket_path);
    ck_assert(!config->server_listen.items[2].loopback);
    ck_assert(config->server_listen.items[3].loopback);
    ck_assert_int_eq(config->server_workers, 3);
    ck_assert_int_eq(config->server_max_header_size, 65536);
    ck_assert_int_eq(config->server_idle_timeout, 500 * CFG_MS);
    ck_assert_int_eq(config->server_socket_mode, 0600);
    ck_assert_uint_eq(config->metrics_listen.count, 0);
    ck_assert_uint_eq(config->admin_listen.count, 0);
    ck_assert(!config->log_access);
    ck_assert_int_eq(config->log_level, 3);
    ck_assert(!config->tracker_trust_incoming);
    ck_assert_uint_eq(secret_len(config->identity_key_file.bytes), 32);
    ck_assert_str_eq(config->identity_issuer, "\xc3\xa9");
    ck_assert_str_eq(config->upstreams[0].name, "loc_1-A");
    ck_assert_str_eq(config->upstreams[0].address, "https://Host.example:8443/v2");
    ck_assert_str_eq(config->upstreams[0].auth_url, "http://10.0.0.1/token");
    ck_assert_uint_eq(config->upstreams[0].auth_param.count, 1);
    ck_assert_str_eq(config->upstreams[0].auth_param.items[0].name, "Resource");
    ck_assert_str_eq(config->upstreams[0].auth_param.items[0].value, "urn:x=1");
    ck_assert_uint_eq(config->upstreams[0].client_secret_count, 1);
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), "s p;a#ce =");
    ck_assert_ptr_null(config->upstreams[0].proxy);
    ck_assert_int_eq(config->upstreams[0].max_response_size, 64 * 1024 * 1024);
    config_unref(config);
}
END_TEST

/* Values longer than other parsers' buffers, with what begins a comment elsewhere. */
START_TEST(long_values)
{
    char scope[4097];
    char *text;

    for (size_t i = 0; i < 4096; i++)
        scope[i] = ";#ab= c"[i % 7];
    scope[4096] = '\0';
    scope[4095] = 'x';
    text = mem_printf(WHOLE "auth_flow = client_credentials\nauth_scope = %.500s\n"
                            "auth_audience = %s\n",
                      scope, scope);
    struct config *config = good(text);
    ck_assert_uint_eq(strlen(config->upstreams[0].auth_scope), 500);
    ck_assert_int_eq(memcmp(config->upstreams[0].auth_scope, scope, 500), 0);
    ck_assert_str_eq(config->upstreams[0].auth_audience, scope);
    config_unref(config);
    mem_free(text);

    text = mem_printf(WHOLE "auth_flow = client_credentials\nauth_scope = %sx\n", scope);
    ck_assert_ptr_null(load_text(text));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:8: [upstream u] auth_scope: is too long with 4097 bytes; must be text "
                     "of at most 4096 bytes\n");
    mem_free(text);
}
END_TEST

START_TEST(drop_ins)
{
    write_file("p.ini",
               "[log]\nlevel = debug\nformat = json\n[identity]\nkey_file = gone\n" UPSTREAM
               "auth_flow = client_credentials\nauth_param.a = 1\nauth_param.b = 2\n"
               "auth_param.c = 3\nproxy = https://proxy\n");
    make_dir("p.ini.d");
    make_dir("keys");
    write_file("keys/k", KEY32 "!");
    write_file("p.ini.d/20.ini", "[log]\nlevel = error\n");
    write_file("p.ini.d/9.ini", "[log]\nlevel = notice\n");
    write_file("p.ini.d/10-a.ini", "[log]\nlevel = warning\n[upstream U]\nauth_param.b = 22\n"
                                   "auth_param.c =\nproxy =\n[identity]\nkey_file = ../keys/k\n");
    write_file("p.ini.d/.hidden.ini", "nonsense");
    write_file("p.ini.d/README", "nonsense");
    write_file("p.ini.d/.ini", "nonsense");

    struct config *config = load_file(NULL, "p.ini", false);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    /* By bytes, 9 comes after 20. */
    ck_assert_int_eq(config->log_level, 2);
    ck_assert_int_eq(config->log_format, 1);
    ck_assert_uint_eq(secret_len(config->identity_key_file.bytes), 33);
    ck_assert_ptr_null(config->upstreams[0].proxy);
    ck_assert_uint_eq(config->upstreams[0].auth_param.count, 2);
    ck_assert_str_eq(config->upstreams[0].auth_param.items[0].value, "1");
    ck_assert_str_eq(config->upstreams[0].auth_param.items[1].value, "22");

    config_fault(&faults, config, "log", "level", "is %s; must be better", "bad");
    config_fault(&faults, config, "upstream", "auth_param.b", "odd");
    config_fault(&faults, config, "store", "recycle_interval", "is wrong");
    ck_assert_str_eq(fault_lines(), "p.ini.d/9.ini:2: [log] level: is bad; must be better\n"
                                    "p.ini.d/10-a.ini:4: [upstream u] auth_param.b: odd\n"
                                    "p.ini: [store] recycle_interval: is wrong\n");
    config_unref(config);

    /* A second upstream in another file. */
    write_file("p.ini.d/30.ini", "[upstream other]\n");
    ck_assert_ptr_null(load_file(NULL, "p.ini", false));
    ck_assert_str_eq(fault_lines(),
                     "p.ini: [route NAME]: is missing, and there are 2 upstreams; write [route "
                     "all], and below it upstream = u, other, in the order in which they are to be "
                     "asked\n"
                     "p.ini: [upstream other] address: is missing; must be a URL of http or https "
                     "without user, query and fragment; write address = "
                     "https://HOST[:PORT][/PREFIX]\n"
                     "p.ini: [upstream other] client_id: is missing; must be text of at most 1024 "
                     "bytes; write client_id = ID\n"
                     "p.ini: [upstream other] client_secret_file: is missing, and so is "
                     "client_secret; name the file that holds the secret, such as "
                     "client_secret_file = credential:client.secret\n");
}
END_TEST

START_TEST(secrets)
{
    scratch_write("open", "hush", 4, 0644);
    scratch_write("empty", "\n", 1, 0600);
    scratch_write("lines", "a\nb\n", 4, 0600);
    scratch_write("big", dir, 1, 0600);
    scratch_write("crlf", "two\r\n", 5, 0600);

    struct config *config = good(IDENTITY UPSTREAM_HEAD "client_secret_file = secret , crlf\n");
    ck_assert_uint_eq(config->upstreams[0].client_secret_count, 2);
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), "hush");
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[1]), "two");
    config_unref(config);

    static const struct {
        const char *file;
        const char *expected;
    } cases[] = {
        {"open", "others can read open (mode 0644); chmod 0640 open, or set [server] secret_files "
                 "= any where its mode cannot be changed"},
        {"empty", "empty is empty; it must hold the secret"},
        {"secret, lines",
         "lines holds a control character or a second line; it must hold the secret on one line"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = mem_printf(IDENTITY UPSTREAM_HEAD "client_secret_file = %s\n", cases[i].file);
        char *line =
            mem_printf("p.ini:6: [upstream u] client_secret_file: %s\n", cases[i].expected);
        ck_assert_ptr_null(load_text(text));
        ck_assert_str_eq(fault_lines(), line);
        mem_free(text);
        mem_free(line);
    }
}
END_TEST

START_TEST(secret_sizes)
{
    static char bytes[65538];

    memset(bytes, 'k', sizeof(bytes));
    bytes[4096] = '\n';
    scratch_write("secret", bytes, 4097, 0600);
    struct config *config = good(WHOLE);
    ck_assert_uint_eq(secret_len(config->upstreams[0].client_secrets[0]), 4096);
    config_unref(config);
    bytes[4096] = 'k';
    scratch_write("secret", bytes, 4097, 0600);
    scratch_write("key", bytes, 65537, 0600);
    ck_assert_ptr_null(load_text(WHOLE));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:2: [identity] key_file: key is larger than 64K; it must be smaller\n"
                     "p.ini:6: [upstream u] client_secret_file: secret is larger than 4K; it must "
                     "be smaller\n");
    scratch_write("key", "", 0, 0600);
    scratch_write("secret", "s", 1, 0600);
    ck_assert_ptr_null(load_text(WHOLE));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:2: [identity] key_file: key is empty; it must hold the secret\n");
}
END_TEST

START_TEST(secret_in_an_open_ini)
{
    static const char text[] = IDENTITY UPSTREAM_HEAD "client_secret = Xyzzy42\n";

    scratch_write("p.ini", text, sizeof(text) - 1, 0644);
    ck_assert_ptr_null(load_file(NULL, "p.ini", false));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:6: [upstream u] client_secret: others can read this file "
                     "(mode 0644); chmod 0640 p.ini, or set [server] secret_files = any where its "
                     "mode cannot be changed\n");
    struct config *config = good(text);
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secret), "Xyzzy42");
    ck_assert_ptr_eq(config->upstreams[0].client_secrets[0], config->upstreams[0].client_secret);
    config_unref(config);
}
END_TEST

/* A secret is in no fault, whatever is wrong with its line. */
START_TEST(faults_keep_secrets)
{
    ck_assert_ptr_null(load_text("[server]\nclient_secret = Xyzzy42\nclient_secrt = Xyzzy42\n"
                                 "Xyzzy42\n[upstream u]\naddress = https://u:Xyzzy42@h\n"
                                 "client_secret = Xyzzy42\tXyzzy42\nclient_secret = Xyzzy42\n"));
    ck_assert_uint_ge(faults.faults, 6);
    ck_assert_ptr_null(strstr(fault_lines(), "Xyzzy42"));
}
END_TEST

START_TEST(credentials)
{
    static const char text[] = "[identity]\nkey_file = credential:k\n" UPSTREAM_HEAD
                               "client_secret_file = credential:s\nca_file = credential:ca\n";

    write_file("p.ini", text);
    struct config *config = load_file(NULL, "p.ini", true);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    ck_assert_str_eq(fault_lines(),
                     "note p.ini:2: [identity] key_file: credential:k was not looked at, for "
                     "$CREDENTIALS_DIRECTORY is not set; it is under systemd\n"
                     "note p.ini:6: [upstream u] client_secret_file: credential:s was not looked "
                     "at, for $CREDENTIALS_DIRECTORY is not set; it is under systemd\n"
                     "note p.ini:7: [upstream u] ca_file: credential:ca was not looked at, for "
                     "$CREDENTIALS_DIRECTORY is not set; it is under systemd\n");
    ck_assert_ptr_null(config->identity_key_file.bytes);
    ck_assert_uint_eq(config->upstreams[0].client_secret_count, 0);
    config_unref(config);

    make_dir("creds");
    char *creds = scratch_path("creds");
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", creds, 1), 0);
    mem_free(creds);
    write_file("creds/k", KEY32);
    write_file("creds/s", "hush2");
    ck_assert_ptr_null(load_file(NULL, "p.ini", true));
    ck_assert_str_eq(fault_lines(),
                     "p.ini:7: [upstream u] ca_file: there is no credential ca: creds/ca does not "
                     "exist; the unit needs LoadCredential=ca:PATH, and the file at PATH\n");
    write_file("creds/ca", "x");
    config = good(text);
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), "hush2");
    char *ca = scratch_path("creds/ca");
    ck_assert_str_eq(config->upstreams[0].ca_file, ca);
    mem_free(ca);
    config_unref(config);
    unsetenv("CREDENTIALS_DIRECTORY");
}
END_TEST

START_TEST(notes)
{
    struct config *config =
        good(WHOLE "auth_client = post\nauth_scope = s\nauth_param.x = 1\nauth_path = /t\n"
                   "auth_url = https://issuer\n");

    ck_assert_str_eq(fault_lines(),
                     "note p.ini:7: [upstream u] auth_client: is not used with auth_flow = basic\n"
                     "note p.ini:8: [upstream u] auth_scope: is not used with auth_flow = basic\n"
                     "note p.ini:9: [upstream u] auth_param.NAME: is not used with auth_flow = "
                     "basic\n"
                     "note p.ini:10: [upstream u] auth_path: is not used, for auth_url is set\n");
    config_unref(config);
}
END_TEST

static void list_files(void *arg, struct config *config, struct config_faults *ignored)
{
    size_t count;
    const char *const *paths = config_files(config, &count);

    (void)ignored;
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(strncmp(paths[i], dir, strlen(dir)), 0);
        buf_printf(arg, "%s ", paths[i] + strlen(dir) + 1);
    }
}

/* For a watch: whatever a reload would read, in its order; the drop-ins' directory in any case. */
START_TEST(files)
{
    struct buf out;
    size_t count;
    struct config *config = good(WHOLE);

    buf_init(&out, 65536);
    config_unref(config);
    make_dir("p.ini.d");
    write_file("p.ini.d/1.ini", "[upstream u]\nclient_secret_file = ../secret, ../key\n");
    write_file("p.ini.d/2.ini", "[upstream u]\nca_file = ../key\nclient_certificate = ../key\n"
                                "client_key = credential:k\n");
    config = load_file(NULL, "p.ini", true);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    list_files(&out, config, NULL);
    ck_assert_str_eq(buf_text(&out), "p.ini p.ini.d p.ini.d/1.ini p.ini.d/2.ini key secret key key "
                                     "key ");
    buf_fini(&out);
    config_unref(config);

    /* A relative path is below the working directory; FILE.d is named though it is not there. */
    scratch_write("q.ini", WHOLE, strlen(WHOLE), 0640);
    ck_assert_int_eq(chdir(dir), 0);
    config_faults_fini(&faults);
    config = config_load(NULL, "q.ini", false, NULL, NULL, &faults);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    const char *const *paths = config_files(config, &count);
    ck_assert_uint_eq(count, 4);
    char *expected = scratch_path("q.ini.d");
    ck_assert_str_eq(paths[1], expected);
    ck_assert_int_eq(strncmp(paths[0], expected, strlen(expected) - 2), 0);
    mem_free(expected);
    config_unref(config);
    ck_assert_int_eq(chdir("/"), 0);

    /* What is at fault is watched for its remedy: the list is there while the fault is looked at.
     */
    write_file("p.ini.d/2.ini", "[upstream u]\nclient_secret_file = ../none\nca_file = ../no-ca\n");
    char *faulty = scratch_path("p.ini");
    buf_init(&out, 65536);
    config_faults_fini(&faults);
    ck_assert_ptr_null(config_load(NULL, faulty, true, list_files, &out, &faults));
    ck_assert_str_eq(buf_text(&out), "p.ini p.ini.d p.ini.d/1.ini p.ini.d/2.ini key none no-ca ");
    mem_free(faulty);
    buf_fini(&out);
}
END_TEST

/* The memory that a reference keeps, and the last one wipes: a secret dies with its snapshot. */
START_TEST(references)
{
    struct config *config = good(WHOLE);
    struct secret *secret = secret_ref(config->upstreams[0].client_secrets[0]);

    ck_assert_ptr_eq(config_ref(config), config);
    config_unref(config);
    ck_assert_str_eq(config->upstreams[0].client_id, "c");
    config_unref(config);
    config_unref(NULL);
    /* Ours is the last reference to it. */
    ck_assert_str_eq(secret_text(secret), "hush");
    secret_unref(secret);
}
END_TEST

/* Whether the bytes stand anywhere in this process's heap. */
static bool in_heap(const char *wanted, size_t len)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    bool found = false;

    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *end;
        if (strstr(line, "[heap]") == NULL)
            continue;
        const char *from = (const char *)strtoull(line, &end, 16);
        const char *to = (const char *)strtoull(end + 1, NULL, 16);
        found = found || memmem(from, (size_t)(to - from), wanted, len) != NULL;
    }
    fclose(maps);
    return found;
}

/* What was read for a secret is nowhere in freed memory either. */
START_TEST(wiping)
{
    static const char half[] = "Plugh-Xyzzy-";
    char secret[64];

    /* Only put together on the stack, so that no copy of ours is found. */
    scratch_write("p.ini", IDENTITY UPSTREAM_HEAD, strlen(IDENTITY UPSTREAM_HEAD), 0600);
    char *path = scratch_path("p.ini");
    FILE *file = fopen(path, "a");
    setvbuf(file, NULL, _IONBF, 0);
    fprintf(file, "client_secret = %s", half);
    fputs("0123456789-from-the-ini\n", file);
    fclose(file);
    mem_free(path);
    struct config *config = load_file(NULL, "p.ini", false);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    snprintf(secret, sizeof(secret), "%s%s", half, "0123456789-from-the-ini");
    ck_assert_str_eq(secret_text(config->upstreams[0].client_secrets[0]), secret);
    ck_assert(!in_heap(secret, strlen(secret)));
    config_unref(config);
    ck_assert(!in_heap(secret, strlen(secret)));
}
END_TEST

/* Nor is one whose key is misspelt, or whose line is broken: nobody knows that it is a secret. */
START_TEST(wiping_of_text)
{
    static const char *const keys[] = {"client_secrt =", "client_secret"};
    char line[4096], tail[64];
    char *path = scratch_path("p.ini");

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        /* Long, so that no later allocation takes the whole of its place. */
        int n = snprintf(line, sizeof(line), "%s %03000d-%s", keys[i], 7, "Plugh-Xyzzy-Plugh\n");
        snprintf(tail, sizeof(tail), "00000000%d-%s", 7, "Plugh-Xyzzy-Plugh");
        scratch_write("p.ini", WHOLE, strlen(WHOLE), 0600);
        int fd = open(path, O_WRONLY | O_APPEND);
        ck_assert_int_eq(write(fd, line, (size_t)n), n);
        close(fd);
        ck_assert_ptr_null(load_file(NULL, "p.ini", false));
        ck_assert_uint_eq(faults.faults, 1);
        ck_assert(!in_heap(tail, strlen(tail)));
    }
    mem_free(path);
}
END_TEST

static void visit(void *arg, const struct config_entry *entry)
{
    struct buf *out = arg;

    ck_assert_ptr_nonnull(entry->meaning);
    ck_assert_str_eq(entry->holds, "");
    buf_printf(out, "%s|%s|%s\n", entry->section, entry->key, entry->value);
}

START_TEST(key_url)
{
    struct config *config =
        good("[identity]\nkey_url = http://localhost:1/jwks?tenant=a\n" UPSTREAM);

    ck_assert_str_eq(config->identity_key_url, "http://localhost:1/jwks?tenant=a");
    ck_assert_int_eq(config->identity_key_refresh, 0);
    config_unref(config);
    config = good("[identity]\nkey_file = key\nkey_refresh = 5m\n" UPSTREAM);
    ck_assert_str_eq(fault_lines(),
                     "note p.ini:3: [identity] key_refresh: is not used without key_url\n");
    config_unref(config);
}
END_TEST

START_TEST(print_round_trip)
{
    struct buf before, after;
    char *text = NULL;
    size_t len;
    struct config *config =
        good("[server]\nlisten = [::1]:1, unix:a/b.sock\nidle_timeout = 90s\nworkers = 2\n"
             "[metrics]\nlisten = off\n[identity]\nkey_file = ./key\nissuer = a ; b # c\n"
             "[upstream u]\naddress = https://h/\nclient_id = (set)\n"
             "client_secret_file = secret, secret\nauth_flow = client_credentials\n"
             "auth_param.x = 1\nauth_param.y = [z]\n");

    buf_init(&before, 65536);
    buf_init(&after, 65536);
    config_each(config, visit, &before);
    FILE *out = open_memstream(&text, &len);
    config_print(config, out);
    fclose(out);
    config_unref(config);

    make_dir("elsewhere");
    scratch_write("elsewhere/q.ini", text, len, 0640);
    config = load_file(NULL, "elsewhere/q.ini", false);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    ck_assert_uint_eq(faults.count, 1);
    ck_assert_ptr_nonnull(strstr(fault_lines(), "] issuer: \"; b # c\" is part of the value; "));
    config_each(config, visit, &after);
    ck_assert_str_eq(buf_text(&before), buf_text(&after));
    ck_assert_ptr_nonnull(strstr(buf_text(&after), "|issuer|a ; b # c\n"));
    ck_assert_ptr_nonnull(strstr(buf_text(&after), "server|idle_timeout|90s\n"));
    ck_assert_ptr_nonnull(strstr(buf_text(&after), "upstream u|auth_param.y|[z]\n"));
    config_unref(config);
    free(text);
    buf_fini(&before);
    buf_fini(&after);
}
END_TEST

START_TEST(print_form)
{
    char *text = NULL;
    size_t len;
    struct config *config =
        good(IDENTITY UPSTREAM_HEAD "client_secret = Xyzzy42\nauth_budget = 7\n");

    FILE *out = open_memstream(&text, &len);
    config_print(config, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "# client_secret = (set)\n"));
    ck_assert_ptr_null(strstr(text, "Xyzzy42"));
    ck_assert_ptr_nonnull(strstr(text, "# How long a connection may wait for its next request.\n"
                                       "# default\nidle_timeout = 1m\n"));
    ck_assert_ptr_nonnull(strstr(text, "/p.ini:7\nauth_budget = 7\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n[upstream u]\n# The Location API"));
    ck_assert_ptr_nonnull(strstr(text, "# issuer =\n"));
    free(text);
    config_unref(config);
}
END_TEST

static void note_change(void *arg, const char *section, const char *key)
{
    struct buf *out = arg;

    buf_printf(out, "%s %s;", section, key);
}

START_TEST(unreloadable)
{
    struct buf changes;

    buf_init(&changes, 4096);
    struct config *before = good("[server]\nlisten = 0.0.0.0:1\nworkers = 2\n"
                                 "max_header_size = 8192\n[log]\nlevel = info\n" WHOLE);
    static const char text[] = "[server]\nlisten = 127.0.0.1:1\nworkers = 3\n"
                               "max_header_size = 8K\n[log]\nlevel = debug\n" IDENTITY
                               "[upstream v]\naddress = https://h\nclient_id = d\n"
                               "client_secret_file = secret\n";
    struct config *after = good(text);
    config_unreloadable(before, after, note_change, &changes);
    ck_assert_str_eq(buf_text(&changes), "server listen;server workers;");
    config_unref(after);

    /* A reload keeps what is in force, and says the same. */
    char *path = scratch_path("p.ini");
    after = config_load(before, path, false, NULL, NULL, &faults);
    ck_assert_msg(after != NULL, "%s", fault_lines());
    buf_reset(&changes);
    config_unreloadable(before, after, note_change, &changes);
    ck_assert_str_eq(buf_text(&changes), "server listen;server workers;");
    ck_assert_str_eq(after->server_listen.items[0].text, "0.0.0.0:1");
    ck_assert_int_eq(after->server_workers, 2);
    ck_assert_str_eq(after->upstreams[0].name, "v");
    ck_assert_str_eq(after->upstreams[0].auth_token_key, "v_auth_token");
    ck_assert_int_eq(after->log_level, 0);
    ck_assert_str_eq(after->upstreams[0].client_id, "d");

    /* So a rule is held against the address that stays, not against the one in the file. */
    write_file("p.ini", "[server]\nlisten = 127.0.0.1:1\n[identity]\nmode = off\n" UPSTREAM);
    config_unref(load_file(NULL, "p.ini", false));
    ck_assert_uint_eq(faults.faults, 0);
    ck_assert_ptr_null(config_load(before, path, false, NULL, NULL, &faults));
    ck_assert_str_eq(
        fault_lines(),
        "p.ini:4: [identity] mode: off authenticates no caller, and [server] listens on "
        "0.0.0.0:1, which is not loopback; use jwt, listen with tls: there and set tls_client_ca, "
        "or set unverified_anywhere = on\n");
    mem_free(path);
    config_unref(before);
    config_unref(after);
    buf_fini(&changes);
}
END_TEST

/* Whatever the bytes, an answer. The pieces are those that a parser of INI stumbles over. */
START_TEST(any_bytes)
{
    static const char *const pieces[] = {
        "[",
        "]",
        "\n",
        "=",
        "server",
        "listen",
        ".",
        " ",
        "\"",
        "#",
        ";",
        "//",
        "/*",
        "\t",
        "auth_param.",
        "\xc3\xa9",
        "\r",
        "[server]\n",
        "[upstream u]\n",
        "client_secret",
        "\xff",
        "[=",
        "!",
        "unix:",
        "key_file",
        "credential:",
        "127.0.0.1:1",
        ",",
        "?",
        "\\\n",
        "default",
        "${",
        "$",
        "}",
        "HOME",
    };
    struct buf text;

    srand(20240501);
    buf_init(&text, 65536);
    for (int round = 0; round < 2000; round++) {
        buf_reset(&text);
        for (int n = rand() % 60; n > 0; n--)
            buf_puts(&text, pieces[(size_t)rand() % ARRAY_LEN(pieces)]);
        if (rand() % 8 == 0)
            buf_append(&text, "\0", 1);
        ck_assert_ptr_null(load_bytes(buf_text(&text), text.len));
        ck_assert_uint_gt(faults.faults, 0);
        ck_assert_ptr_null(strstr(fault_lines(), "cannot be parsed"));
    }
    buf_fini(&text);
}
END_TEST

START_TEST(units)
{
    static const int64_t durations[] = {0,          CFG_MS,     10 * CFG_MS, CFG_S,
                                        90 * CFG_S, 60 * CFG_S, CFG_DAY};
    static const char *const shown[] = {"0s", "1ms", "10ms", "1s", "90s", "1m", "24h"};
    struct buf out;
    int64_t back;

    buf_init(&out, 64);
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        buf_reset(&out);
        units_format_duration(durations[i], &out);
        ck_assert_str_eq(buf_text(&out), shown[i]);
        ck_assert(units_parse_duration(shown[i], &back));
        ck_assert_int_eq(back, durations[i]);
    }
    ck_assert(!units_parse_duration("", &back));
    ck_assert(!units_parse_duration("s", &back));
    ck_assert(!units_parse_size("1G", &back));
    ck_assert(!units_parse_mode("", &back));
    ck_assert(!units_parse_mode("000660", &back));
    buf_fini(&out);
}
END_TEST

START_TEST(resolving)
{
    static const struct {
        const char *dir;
        const char *path;
        const char *expected;
    } cases[] = {
        {"/etc/p", "key", "/etc/p/key"},
        {"/etc/p", "/key", "/key"},
        {"/etc/p", "../build/x", "/etc/build/x"},
        {"/etc/p", "./../.././/x", "/x"},
        {"/etc", "../../../x", "/../../x"},
        {"/", "x", "/x"},
        {"/a", "b/../c", "/a/b/../c"},
        {".", "../x", "./../x"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *path = files_resolve(cases[i].dir, cases[i].path);
        ck_assert_str_eq(path, cases[i].expected);
        mem_free(path);
    }
}
END_TEST

/* The table itself: every default is a value that its key allows. */
START_TEST(table)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        ck_assert_ptr_eq(config_key_find(key->section, key->name), key);
        ck_assert_int_le(key->min, key->max);
        ck_assert_uint_gt(strlen(key->meaning), 0);
        ck_assert_uint_eq(strcspn(key->meaning, "\n"), strlen(key->meaning));
    }
    ck_assert_ptr_null(config_key_find("server", "level"));
    ck_assert_str_eq(config_section_near("upsteam"), "upstream");
    ck_assert_ptr_null(config_section_near("x"));
}
END_TEST

/* A key with a word cut short, left out or added, before one with other letters. */
START_TEST(near_keys)
{
    static const struct {
        const char *section, *name, *near;
    } cases[] = {
        {"server", "lissten", "listen"},
        {"server", "tls_cert", "tls_certificate"},
        {"server", "TLS_ca", "tls_client_ca"},
        {"server", "tls_key_file", "tls_key"},
        {"server", "client_ca", "tls_client_ca"},
        {"server", "certificate", "tls_certificate"},
        {"server", "listen_address", "listen"},
        {"identity", "key", "key_file"},
        {"server", "x", NULL},
        {"server", "_", NULL},
        {"server", "monkey", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_pstr_eq(config_key_near(cases[i].section, cases[i].name), cases[i].near);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, bad_files, 0, ARRAY_LEN(bads));
    tcase_add_test(tcase, all_faults_at_once);
    tcase_add_test(tcase, missing_file);
    tcase_add_test(tcase, bounds_of_a_file);
    tcase_add_test(tcase, bounds_of_sections_and_keys);
    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, good_values);
    tcase_add_test(tcase, long_values);
    tcase_add_test(tcase, drop_ins);
    tcase_add_test(tcase, secrets);
    tcase_add_test(tcase, secret_sizes);
    tcase_add_test(tcase, secret_in_an_open_ini);
    tcase_add_test(tcase, faults_keep_secrets);
    tcase_add_test(tcase, credentials);
    tcase_add_test(tcase, notes);
    tcase_add_test(tcase, files);
    tcase_add_test(tcase, references);
    tcase_add_test(tcase, wiping);
    tcase_add_test(tcase, wiping_of_text);
    tcase_add_test(tcase, key_url);
    tcase_add_test(tcase, print_round_trip);
    tcase_add_test(tcase, print_form);
    tcase_add_test(tcase, unreloadable);
    tcase_add_test(tcase, any_bytes);
    tcase_add_test(tcase, units);
    tcase_add_test(tcase, resolving);
    tcase_add_test(tcase, table);
    tcase_add_test(tcase, near_keys);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
