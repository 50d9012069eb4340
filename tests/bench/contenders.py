"""The daemon and its alternatives, each set up to do the same: take a lookup, add a token and a
GUID, ask the upstream over a kept connection, give the answer back. One process or thread of work
each; no access log, but where the daemon's is measured."""

import base64
import json
import os
import resource
import shutil
import subprocess
import tempfile

from tools import PROXY_CORE, OTHER_CORE, Process, Trouble, answers, ask, free_port, wait_until

PATH = "/api/v1/addresses/SW1A%201AA"
MANY = 15000
# HAProxy counts two descriptors a caller, and refuses to start with fewer.
HAPROXY_MANY = (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200) // 2
# More than any test has callers, so that nobody waits for a connection.
UPSTREAMS = 5000


class Upstream:
    """The stand-in Location API; and nginx, which plays it with TLS and without."""

    def __init__(self, build, scratch, secret_file):
        self.scratch = scratch
        self.port = free_port()
        self.secret_file = secret_file
        with open(secret_file, encoding="ascii") as text:
            self.secret = text.read()
        self.process = Process(
            [f"{build}/location-standin", "--listen", f"127.0.0.1:{self.port}",
             "--client-secret-file", secret_file, "--lifetime", "80000"],
            OTHER_CORE, f"{scratch}/standin.log")
        wait_until("the stand-in", lambda: answers(self.port))
        self.nginx = None
        self.nginx_port = 0
        self.tls_port = 0

    def start_nginx(self):
        """False when there is no nginx to play it."""
        if not shutil.which("nginx") or not shutil.which("openssl"):
            return False
        directory = os.path.join(self.scratch, "tls")
        os.mkdir(directory)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{directory}/key.pem",
             "-out", f"{directory}/cert.pem"], capture_output=True, check=True)
        self.tls_port = free_port()
        self.nginx_port = free_port()
        body = ask(self.port, "GET", PATH, {"Authorization": f"Bearer {self.token()}"})[1].decode()
        self.nginx = start_nginx(directory, OTHER_CORE, f"""
            server {{
                listen 127.0.0.1:{self.nginx_port} backlog=4096;
                listen 127.0.0.1:{self.tls_port} ssl backlog=4096;
                ssl_certificate {directory}/cert.pem; ssl_certificate_key {directory}/key.pem;
                location / {{ default_type application/json; return 200 '{body}'; }}
            }}""", [])
        wait_until("nginx as upstream", lambda: answers(self.tls_port))
        return True

    def certificate(self, kind):
        """For callers' TLS, made once: the paths of certificate and key, ecdsa or rsa."""
        paths = [os.path.join(self.scratch, f"{kind}.{end}") for end in ("crt", "key")]
        if not os.path.exists(paths[0]):
            how = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", *how[kind], "-nodes", "-days", "2", "-subj",
                 "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", paths[0],
                 "-keyout", paths[1]], capture_output=True, check=True)
        return paths

    def ca_file(self):
        return os.path.join(self.scratch, "tls", "cert.pem")

    def set(self, knob, value):
        status, _ = ask(self.port, "POST", f"/standin/set?{knob}={value}")
        if status >= 300:
            raise Trouble(f"the stand-in refuses {knob}={value}")

    def counter(self, name):
        return json.loads(ask(self.port, "GET", "/standin/counters")[1])[name]

    def token(self):
        basic = base64.b64encode(f"demo:{self.secret}".encode()).decode()
        return json.loads(ask(self.port, "POST", "/auth/v1",
                              {"Authorization": f"Basic {basic}"})[1])["access_token"]

    def stop(self):
        for process in (self.process, self.nginx):
            if process is not None:
                process.stop()


class Contender:
    """One that was started."""

    most = MANY  # callers it takes

    def __init__(self, process, port, headers=(), ca_file=None):
        self.process = process
        self.ca_file = ca_file  # callers speak TLS
        self.port = port
        self.metrics_port = None
        self.kept = None  # a directory to be removed with it
        self.headers = list(headers)

    def ready(self):
        if not self.process.alive():
            raise Trouble((self.process.said().strip().splitlines() or ["it ended"])[-1])
        try:
            headers = dict(header.split(": ", 1) for header in self.headers)
            return ask(self.port, "GET", PATH, headers, self.ca_file)[0] == 200
        except OSError:
            return False

    def pids(self):
        return self.process.pids()

    def stop(self):
        self.process.stop()
        if self.kept is not None:
            shutil.rmtree(self.kept, ignore_errors=True)


def fresh_directory(scratch, name):
    directory = os.path.join(scratch, name)
    number = 0
    while os.path.exists(directory):
        number += 1
        directory = os.path.join(scratch, f"{name}.{number}")
    os.mkdir(directory)
    return directory


def started(process, port, headers=(), ca_file=None):
    contender = Contender(process, port, headers, ca_file)
    try:
        wait_until(f"a lookup ({process.log})", contender.ready)
    except Trouble:
        contender.stop()
        raise
    return contender


# ---- postcoded ----

# Beside the one upstream that is asked; and so many ways to lead elsewhere.
OTHER_UPSTREAMS = 19
ROUTES = 200


def many_routes(address, secret_file):
    """Sections: the postcode of PATH is covered by the route of SW1A, and by shorter ones."""
    upstreams = [f"[upstream other{number}]\naddress = {address}\nclient_id = demo\n"
                 f"client_secret_file = {secret_file}\n" for number in range(OTHER_UPSTREAMS)]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    areas = [first + second for first in letters for second in letters][:ROUTES - 3]
    covers = [(area, f"other{number % OTHER_UPSTREAMS}, location")
              for number, area in enumerate(areas)]
    covers += [("S", "other0"), ("SW", "other1, other2"), ("SW1A", "location, other3")]
    routes = [f"[route {cover.lower()}]\npostcodes = {cover}\nupstream = {upstream}\n"
              for cover, upstream in covers]
    return "\n".join(upstreams + routes)


def start_postcoded(build, upstream, scratch, prefix, identity="off", access="off", token_size=40,
                    tls=False, beside=False, keys="", body_size=0, callers=None, routes=False,
                    cache=None):
    directory = fresh_directory(scratch, "postcoded")
    port = free_port()
    address = f"http://127.0.0.1:{upstream.port}"
    if tls:
        address = (f"https://localhost:{upstream.tls_port}\nca_file = {upstream.ca_file()}\n"
                   f"auth_url = http://127.0.0.1:{upstream.port}/auth/v1")
    if beside:
        address = (f"http://127.0.0.1:{upstream.nginx_port}\n"
                   f"auth_url = http://127.0.0.1:{upstream.port}/auth/v1")
    certificate = upstream.certificate(callers) if callers else None
    secured = "tls_certificate = {}\ntls_key = {}".format(*certificate) if callers else ""
    metrics_port = free_port() if cache is not None else None
    metrics = "off" if cache is None else f"127.0.0.1:{metrics_port}"
    key = os.path.join(directory, "identity.key")
    with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as out:
        out.write(os.urandom(32).hex())
    config = os.path.join(directory, "postcoded.ini")
    with open(config, "w", encoding="ascii") as out:
        out.write(f"""[server]
listen = {"tls:" if callers else ""}127.0.0.1:{port}
{secured}
workers = 1
max_connections = {MANY}
max_in_flight = {UPSTREAMS}
request_timeout = 5m
[metrics]
listen = {metrics}
[admin]
listen = off
[log]
access = {access}
[identity]
mode = {identity}
{f"key_file = {key}" if identity == "jwt" else ""}
[upstream location]
address = {address}
client_id = demo
client_secret_file = {upstream.secret_file}
max_connections = {UPSTREAMS}
{keys}
{many_routes(address, upstream.secret_file) if routes else ""}
{"" if cache is None else "[cache]"}
{cache or ""}
""")
    headers = []
    if identity == "jwt":
        minted = subprocess.run([f"{build}/postcoded", "-c", config, "--mint-identity", "bench",
                                 "--ttl", "12h"], capture_output=True, text=True, check=True)
        headers = [f"Cookie: identity={minted.stdout.strip()}"]
    upstream.set("token_size", token_size)
    upstream.set("body_size", body_size)
    try:
        contender = started(Process(prefix + [f"{build}/postcoded", "-c", config], PROXY_CORE,
                                    f"{directory}/log"), port, headers,
                            certificate[0] if callers else None)
        contender.metrics_port = metrics_port
        return contender
    finally:
        upstream.set("token_size", 40)
        upstream.set("body_size", 0)


# ---- nginx ----

def start_nginx(directory, core, inside, prefix, modules="", single=False):
    config = os.path.join(directory, "nginx.conf")
    with open(config, "w", encoding="ascii") as out:
        out.write(f"""daemon off; worker_processes 1; pid {directory}/pid; error_log stderr error;
{"master_process off;" if single else ""} {modules}
events {{ worker_connections {MANY}; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {inside}
}}
""")
    return Process(prefix + ["nginx", "-p", directory, "-c", config], core, f"{directory}/log")


def nginx_location(upstream, tls, beside=False):
    port = upstream.tls_port if tls else upstream.nginx_port if beside else upstream.port
    secured = f"""proxy_ssl_verify on; proxy_ssl_trusted_certificate {upstream.ca_file()};
        proxy_ssl_name localhost; proxy_ssl_protocols TLSv1.2 TLSv1.3;""" if tls else ""
    pool = f"""upstream api {{
        server 127.0.0.1:{port}; keepalive {UPSTREAMS};
        keepalive_requests 1000000000; keepalive_time 1h; keepalive_timeout 1h;
    }}"""
    proxied = f"""{secured} proxy_pass {"https" if tls else "http"}://api; proxy_http_version 1.1;
        proxy_set_header Connection ""; proxy_set_header Host localhost;
        proxy_set_header Accept application/json; proxy_set_header X-GUID $request_id;
        add_header X-GUID $request_id; proxy_read_timeout 1h;"""
    return pool, proxied


# nginx keeps answers in files, here in memory, and their descriptors. The stand-in says `private`.
NGINX_CACHE = """proxy_cache answers; proxy_ignore_headers Cache-Control; proxy_cache_valid 200 1d;
    open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;"""


def nginx_cache_zone(directory):
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else directory
    path = tempfile.mkdtemp(prefix="postcoded-bench-nginx.", dir=where)
    return path, (f"proxy_cache_path {path} levels=1:2 keys_zone=answers:64m max_size=1g "
                  "inactive=1d use_temp_path=off;")


def start_nginx_static(build, upstream, scratch, prefix, tls=False, beside=False, callers=None,
                       cache=False):
    del build
    kept, zone = nginx_cache_zone(scratch) if cache else (None, "")
    certificate = upstream.certificate(callers) if callers else None
    secured = "ssl_certificate {}; ssl_certificate_key {};".format(*certificate) if callers else ""
    directory = fresh_directory(scratch, "nginx")
    port = free_port()
    pool, proxied = nginx_location(upstream, tls, beside)
    contender = started(start_nginx(directory, PROXY_CORE, f"""{pool} {zone}
        server {{
            listen 127.0.0.1:{port} {"ssl" if callers else ""} backlog=4096; {secured}
            location /api/v1/addresses/ {{
                {proxied} {NGINX_CACHE if cache else ""}
                proxy_set_header Authorization "Bearer {upstream.token()}";
            }}
        }}""", prefix, single=bool(prefix)), port, ca_file=certificate[0] if callers else None)
    contender.kept = kept
    return contender


LUA_MODULES = ["ndk_http_module.so", "ngx_http_lua_module.so"]


def start_nginx_lua(build, upstream, scratch, prefix):
    del build
    directory = fresh_directory(scratch, "lua")
    port = free_port()
    pool, proxied = nginx_location(upstream, False)
    modules = " ".join(f"load_module modules/{name};" for name in LUA_MODULES)
    modules = modules.replace("modules/", "/usr/lib/nginx/modules/")
    basic = base64.b64encode(f"demo:{upstream.secret}".encode()).decode()
    return started(start_nginx(directory, PROXY_CORE, f"""{pool}
        lua_shared_dict tokens 1m;
        server {{
            listen 127.0.0.1:{port} backlog=4096;
            location = /token {{
                internal; proxy_pass http://api/auth/v1; proxy_method POST;
                proxy_set_header Authorization "Basic {basic}";
            }}
            location /api/v1/addresses/ {{
                access_by_lua_block {{
                    local tokens = ngx.shared.tokens
                    local header = tokens:get("location")
                    if not header then
                        local reply = ngx.location.capture("/token")
                        header = "Bearer " .. reply.body:match('"access_token":"([^"]+)"')
                        local lifetime = tonumber(reply.body:match('"expires_in":(%d+)'))
                        tokens:set("location", header, lifetime - 300)
                    end
                    ngx.req.set_header("Authorization", header)
                }}
                {proxied}
            }}
        }}""", prefix, modules=modules, single=bool(prefix)), port)


# ---- HAProxy and Go ----

def start_haproxy(build, upstream, scratch, prefix):
    del build
    directory = fresh_directory(scratch, "haproxy")
    port = free_port()
    config = os.path.join(directory, "haproxy.cfg")
    with open(config, "w", encoding="ascii") as out:
        out.write(f"""global
    nbthread 1
    maxconn {min(MANY, HAPROXY_MANY)}
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    http-reuse always
frontend callers
    bind 127.0.0.1:{port} backlog 4096
    default_backend api
backend api
    http-request set-header Authorization "Bearer {upstream.token()}"
    http-request set-var(txn.guid) uuid
    http-request set-header X-GUID %[var(txn.guid)]
    http-response set-header X-GUID %[var(txn.guid)]
    server api 127.0.0.1:{upstream.port} pool-max-conn {UPSTREAMS} pool-purge-delay 1h
""")
    contender = started(Process(prefix + ["haproxy", "-db", "-f", config], PROXY_CORE,
                                f"{directory}/log"), port)
    contender.most = min(MANY, HAPROXY_MANY)
    return contender


def start_go(build, upstream, scratch, prefix):
    directory = fresh_directory(scratch, "go")
    program = os.path.join(build, "bench", "go-proxy")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go-proxy", "main.go")
    subprocess.run(["go", "build", "-o", program, source], check=True, capture_output=True,
                   env=dict(os.environ, GOCACHE=f"{build}/bench/go-cache", GO111MODULE="off",
                            GOTOOLCHAIN="local"))
    port = free_port()
    return started(Process(prefix + [program, "--listen", f"127.0.0.1:{port}", "--upstream",
                                     f"http://127.0.0.1:{upstream.port}", "--secret",
                                     upstream.secret], PROXY_CORE, f"{directory}/log",
                           {"GOMAXPROCS": "1"}), port)


def has(program):
    return lambda: None if shutil.which(program) else f"{program} is not installed"


def has_lua():
    if not shutil.which("nginx"):
        return "nginx is not installed"
    missing = [name for name in LUA_MODULES
               if not os.path.exists(f"/usr/lib/nginx/modules/{name}")]
    return f"{missing[0]} is not installed" if missing else None


def ours(**options):
    return lambda *args: start_postcoded(*args, **options)


# Bytes of an API's body with results in it.
BODY = 2048

# An upstream with the postcode in the middle and many results (contract 12).
FOUND = """lookup_target = /api/v1/addresses/{postcode}?f=json
lookup_found = /results/0
"""

# What the stand-in says is private to one client, which is the daemon.
CACHE = "as = service"

# name, how the table calls it, what is missing for it, how it is started
CONTENDERS = [
    ("postcoded", "postcoded, identity off", lambda: None, ours()),
    ("postcoded_log", "postcoded, access log on", lambda: None, ours(access="on")),
    ("postcoded_jwt", "postcoded, identity by JWT", lambda: None, ours(identity="jwt")),
    ("postcoded_1000", "postcoded, token of 1,000 bytes", lambda: None, ours(token_size=1000)),
    ("postcoded_found", "postcoded, lookup_found", lambda: None, ours(keys=FOUND, body_size=BODY)),
    ("postcoded_routes", "postcoded, 20 upstreams and 200 routes", lambda: None,
     ours(routes=True)),
    ("nginx", "nginx, static token", has("nginx"), start_nginx_static),
    ("lua", "nginx + Lua, cached token", has_lua, start_nginx_lua),
    ("haproxy", "HAProxy, static token", has("haproxy"), start_haproxy),
    ("go", "Go, ReverseProxy + sync.Map", has("go"), start_go),
    ("postcoded_tls", "postcoded, TLS upstream", has("nginx"), ours(tls=True)),
    ("nginx_tls", "nginx, static token, TLS upstream", has("nginx"),
     lambda *args: start_nginx_static(*args, tls=True)),
    ("postcoded_beside", "postcoded, nginx as upstream", has("nginx"), ours(beside=True)),
    ("nginx_beside", "nginx, nginx as upstream", has("nginx"),
     lambda *args: start_nginx_static(*args, beside=True)),
    ("postcoded_cache", "postcoded, from the cache", lambda: None, ours(cache=CACHE)),
    ("nginx_cache", "nginx, static token, from proxy_cache", has("nginx"),
     lambda *args: start_nginx_static(*args, cache=True)),
    ("postcoded_callers_ecdsa", "postcoded, TLS callers, ECDSA", has("openssl"),
     ours(callers="ecdsa")),
    ("nginx_callers_ecdsa", "nginx, static token, TLS callers, ECDSA", has("nginx"),
     lambda *args: start_nginx_static(*args, callers="ecdsa")),
    ("postcoded_callers_rsa", "postcoded, TLS callers, RSA 2048", has("openssl"),
     ours(callers="rsa")),
    ("nginx_callers_rsa", "nginx, static token, TLS callers, RSA 2048", has("nginx"),
     lambda *args: start_nginx_static(*args, callers="rsa")),
]
