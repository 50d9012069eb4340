"""Processes on a core of their own, ended by process id; ports; the load; what the kernel knows."""

import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import time

PROXY_CORE = 0
OTHER_CORE = 1
PATIENCE = 20


class Trouble(Exception):
    """The bench cannot go on, and why."""


def allow_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    """A port that was free a moment ago, for programs that cannot choose one."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def wait_until(what, true, patience=PATIENCE):
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise Trouble(f"{what}: not within {patience} s")
        time.sleep(0.02)


class Process:
    """A program pinned to a core, with its output in a file."""

    def __init__(self, argv, core, log, env=None):
        self.log = log
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(
                ["taskset", "-c", str(core)] + argv, stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                env=dict(os.environ, **(env or {})))

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as text:
            return text.read()

    def alive(self):
        return self.popen.poll() is None

    def pids(self):
        """Its own and its children's."""
        found, todo = [], [self.popen.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as text:
                        todo += map(int, text.read().split())
            except OSError:
                pass
        return found

    def stop(self):
        if self.alive():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                for pid in self.pids():
                    os.kill(pid, signal.SIGKILL)
        self.popen.wait()


def ask(port, method, path, headers=None, ca_file=None):
    """With ca_file: over TLS, by the name localhost."""
    if ca_file is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    else:
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
    connection.request(method, path, headers=headers or {})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


class Load:
    """The program tests/bench/load."""

    def __init__(self, program):
        self.program = program
        self.next_postcode = 0

    def command(self, port, connections, more, headers):
        argv = ["taskset", "-c", str(OTHER_CORE), self.program, "--connect", f"127.0.0.1:{port}",
                "--connections", str(connections)] + more
        for header in headers:
            argv += ["--header", header]
        return argv

    def run(self, port, connections, seconds, pids=(), headers=(), new=False, warm=0.3,
            distinct=False):
        more = ["--seconds", str(seconds), "--warm", str(warm)]
        more += ["--new-connection"] if new else []
        more += ["--distinct", str(self.next_postcode)] if distinct else []
        for pid in pids:
            more += ["--watch", str(pid)]
        done = subprocess.run(self.command(port, connections, more, headers), text=True,
                              capture_output=True, timeout=seconds + warm + 60, check=False)
        if done.returncode != 0:
            raise Trouble(done.stderr.strip())
        figures = json.loads(done.stdout)
        if distinct:  # and never one of them again
            asked = figures["lookups"] * (1 + 2 * warm / seconds) + connections
            self.next_postcode += round(asked)
        return figures

    def shake(self, port, ca_file, seconds, pids=(), warm=0.3):
        """A new TLS connection for each lookup, by tests/bench/handshakes."""
        argv = ["taskset", "-c", str(OTHER_CORE), f"{os.path.dirname(self.program)}/handshakes",
                "--connect", f"127.0.0.1:{port}", "--ca", ca_file, "--seconds", str(seconds),
                "--warm", str(warm)]
        for pid in pids:
            argv += ["--watch", str(pid)]
        done = subprocess.run(argv, text=True, capture_output=True, timeout=seconds + warm + 60,
                              check=False)
        if done.returncode != 0:
            raise Trouble(done.stderr.strip())
        return json.loads(done.stdout)

    def hold(self, port, connections, how, headers=()):
        """Connections that stay: how is --idle or --parked. End them with release."""
        held = subprocess.Popen(self.command(port, connections, [how], headers), text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not held.stdout.readline():
            held.wait()
            raise Trouble(f"{connections} connections cannot be held")
        return held

    @staticmethod
    def release(held):
        held.stdin.close()
        held.wait()
        held.stdout.close()


def cpu_ns(pids):
    """What all threads of the processes have run."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as text:
                total += int(text.read().split()[0])
    return total


class Wrk:
    """A load that others have written; its connections are all kept."""

    UNITS = {"us": 1, "ms": 1000, "s": 1000000}

    @staticmethod
    def run(port, connections, seconds, pids=(), headers=()):
        argv = ["taskset", "-c", str(OTHER_CORE), "wrk", "--latency", "-t", "1", "-c",
                str(connections), "-d", f"{max(1, round(seconds))}"]
        for header in headers:
            argv += ["-H", header]
        before = cpu_ns(pids)
        done = subprocess.run(argv + [f"http://127.0.0.1:{port}/api/v1/addresses/SW1A%201AA"],
                              text=True, capture_output=True, timeout=seconds + 60, check=False)
        cpu = cpu_ns(pids) - before
        said = done.stdout
        if done.returncode != 0 or "Non-2xx" in said or "Socket errors" in said:
            raise Trouble(f"wrk: {said}{done.stderr}")
        lookups = int(re.search(r"(\d+) requests in", said).group(1))
        figures = {"lookups": lookups, "cpu_us": cpu / 1000 / lookups,
                   "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))}
        for percent in ("50", "99"):
            value, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)$", said,
                                    re.M).groups()
            figures[f"p{percent}_us"] = float(value) * Wrk.UNITS[unit]
        return figures


def cache_figures(port):
    """postcoded's metrics of the cache that have no label, by what follows postcoded_cache_."""
    text = ask(port, "GET", "/metrics")[1].decode()
    return {name: float(value)
            for name, value in re.findall(r"^postcoded_cache_(\w+) (\S+)$", text, re.M)}


def memory_kib(pids):
    """What the processes have in memory, shared pages by their share."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as text:
            total += int(re.search(r"^Pss:\s+(\d+)", text.read(), re.M).group(1))
    return total


def syscalls(load, port, pids, headers, connections):
    """System calls a lookup, by name; None without strace."""
    if not shutil.which("strace"):
        return None
    load.run(port, connections, 0.5, headers=headers)
    argv = ["strace", "-f", "-c", "-U", "name,calls"]
    for pid in pids:
        argv += ["-p", str(pid)]
    tracer = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    try:
        lookups = load.run(port, connections, 3, headers=headers, warm=0)["lookups"]
    finally:
        tracer.send_signal(signal.SIGINT)
        said = tracer.communicate(timeout=20)[1]
    calls = {}
    for line in said.splitlines():
        found = re.fullmatch(r"\s*(\w+)\s+(\d+)\s*", line)
        if found and found.group(1) != "total" and int(found.group(2)) > lookups / 100:
            calls[found.group(1)] = round(int(found.group(2)) / lookups, 2)
    return calls


def instructions(load, start, connections, scratch):
    """Instructions a lookup in user space, by callgrind; None where that does not work.

    start(prefix) starts the contender under the prefix, and gives it back."""
    if not shutil.which("callgrind_control"):
        return None
    counts = os.path.join(scratch, "callgrind.out")
    contender, lookups = None, 0
    try:
        contender = start(["valgrind", "--tool=callgrind", "--instr-atstart=no",
                           f"--callgrind-out-file={counts}"])
        # The program that callgrind runs is the one that taskset and valgrind have become.
        pid = contender.process.popen.pid
        load.run(contender.port, connections, 1, headers=contender.headers, warm=0.5)
        subprocess.run(["callgrind_control", "-i", "on", str(pid)], capture_output=True,
                       timeout=30, check=True)
        lookups = load.run(contender.port, connections, 5, headers=contender.headers,
                           warm=0)["lookups"]
    except (Trouble, subprocess.SubprocessError):
        pass
    finally:
        if contender is not None:
            contender.stop()
    if lookups == 0 or not os.path.exists(counts):
        return None
    with open(counts, encoding="utf-8", errors="replace") as text:
        totals = re.findall(r"^totals: (\d+)", text.read(), re.M)
    os.remove(counts)
    return round(int(totals[-1]) / lookups) if totals else None
