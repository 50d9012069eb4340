"""From what was measured to a table, a plot, and whether the mark is met."""

import os
import platform
import re
import shutil
import statistics
import subprocess
from xml.sax.saxutils import escape

# What the daemon is to reach: a figure of one against another's, at most (or at least) so much. Two
# figures: that of the one, and that of the other.
MARKS = [
    ("c64", "cpu_us", "postcoded", "nginx", "<=", 1.00, "CPU a lookup, nginx static = 1"),
    ("c64", "cpu_us", "postcoded_jwt", "nginx", "<=", 1.05, "with JWT identity, nginx static = 1"),
    ("c64", "cpu_us", "postcoded", "haproxy", "<=", 0.90, "CPU a lookup, HAProxy = 1"),
    ("c64", "cpu_us", "postcoded", "go", "<=", 0.35, "CPU a lookup, Go = 1"),
    ("c64", "cpu_us", "postcoded_tls", "nginx_tls", "<=", 1.10, "TLS upstream, nginx with TLS = 1"),
    ("c64", "p99_us", "postcoded", "nginx", "<=", 1.00, "p99, nginx static = 1"),
    ("c64", "cpu_us", "postcoded_1000", "postcoded", "<=", 1.10, "1,000-byte token, short one = 1"),
    ("c64", "cpu_us", "postcoded_routes", "postcoded", "<=", 1.03,
     "20 upstreams and 200 routes, one upstream = 1"),
    ("found", "cpu_us", "postcoded_found", "postcoded", "<=", 1.15,
     "lookup_found on a body of 2 kB, the default check = 1"),
    ("new", "cpu_us", "postcoded", "nginx", "<=", 1.10,
     "a new connection for each lookup, nginx static = 1"),
    ("wrk_beside", "cpu_us", "postcoded_beside", "nginx_beside", "<=", 1.00,
     "with wrk as load and nginx as upstream, nginx static = 1"),
    ("cache", "cpu_us", "postcoded_cache", "postcoded", "<=", 0.65,
     "CPU a lookup from the cache, one from the upstream = 1"),
    ("cache", "cpu_us", "postcoded_cache", "nginx_cache", "<=", 1.00,
     "the same, nginx's proxy_cache = 1"),
    ("cache", "p99_us p50_us", "postcoded_cache", "postcoded", "<=", 1.00,
     "p99 from the cache, p50 from the upstream = 1"),
    ("tls_ecdsa", "cpu_us", "postcoded_callers_ecdsa", "nginx_callers_ecdsa", "<=", 1.15,
     "CPU a lookup, a new TLS connection each, ECDSA, nginx = 1"),
    ("tls_rsa", "cpu_us", "postcoded_callers_rsa", "nginx_callers_rsa", "<=", 1.15,
     "the same, RSA 2048"),
    ("slow", "rate", "postcoded", "nginx", ">=", 1.00,
     "lookups a second, 1,000 callers and 10 ms upstream, nginx = 1"),
]
TESTS = [
    ("c64", "64 callers, connections kept"),
    ("c1", "1 caller, connection kept"),
    ("slow", "1,000 callers, connections kept, upstream takes 10 ms"),
    ("new", "64 callers, a new connection for each lookup"),
    ("found", "64 callers, connections kept, a body of 2 kB"),
    ("beside", "64 callers, connections kept, nginx as upstream"),
    ("wrk", "64 callers, connections kept, wrk as load"),
    ("wrk_beside", "64 callers, connections kept, wrk as load and nginx as upstream"),
    ("cache", "64 callers, connections kept, from the cache and from the upstream"),
    ("cache_c1", "1 caller, connection kept, from the cache and from the upstream"),
    ("cache_miss", "64 callers, connections kept, another postcode in each lookup"),
    ("tls_ecdsa", "1 caller, a new TLS connection for each lookup, ECDSA on P-256"),
    ("tls_rsa", "1 caller, a new TLS connection for each lookup, RSA of 2048 bits"),
]


def about_machine(options, descriptors):
    def first_line(*argv):
        if not shutil.which(argv[0]):
            return None
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return ((done.stdout or done.stderr).strip().splitlines() or [""])[0]

    with open("/proc/cpuinfo", encoding="utf-8") as text:
        model = re.search(r"^model name\s*: (.*)$", text.read(), re.M)
    return {"cpu": model.group(1) if model else platform.machine(), "cores": os.cpu_count(),
            "kernel": platform.release(), "descriptors": descriptors, "rounds": options.rounds,
            "seconds": options.seconds, "load_average": os.getloadavg()[0],
            "nginx": first_line("nginx", "-v"), "haproxy": first_line("haproxy", "-v"),
            "go": first_line("go", "version")}


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def spread(runs, key):
    return min(run[key] for run in runs), max(run[key] for run in runs)


def ratio(runs, base, keys):
    """Round by round, for what slows one slows the other."""
    key, base_key = (keys.split() * 2)[:2]
    return statistics.median(a[key] / b[base_key] for a, b in zip(runs, base))


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def test_table(measured, test):
    results = measured["results"][test]
    base = results.get("nginx") or results.get("nginx_beside") or next(
        (runs for name, runs in results.items() if name.startswith("nginx_callers_")), None)
    rows = []
    for name, runs in results.items():
        if not runs:
            continue
        low, high = spread(runs, "cpu_us")
        rows.append([measured["labels"][name], number(median(runs, "rate")),
                     f"{median(runs, 'cpu_us'):.1f}", f"{low:.1f} to {high:.1f}",
                     f"{ratio(runs, base, 'cpu_us'):.2f}" if base else "",
                     number(median(runs, "p50_us")), number(median(runs, "p99_us")),
                     number(median(runs, "p999_us")) if "p999_us" in runs[0] else ""])
    return table(["", "lookups a second", "CPU µs a lookup", "spread", "nginx = 1", "p50 µs",
                  "p99 µs", "p99.9 µs"], rows)


def counts_table(measured):
    counted = measured["results"].get("instructions", {})
    calls = measured["results"].get("syscalls", {})
    rows = []
    for name in counted:
        made = calls.get(name) or {}
        rows.append([measured["labels"][name],
                     f"{counted[name]:,}" if counted[name] else "not to be had",
                     f"{sum(made.values()):.1f}" if made else "not to be had",
                     ", ".join(f"{call} {many:g}" for call, many in
                               sorted(made.items(), key=lambda item: -item[1]))])
    return table(["", "instructions a lookup (user space)", "system calls a lookup", "of which"],
                 rows)


def memory_table(measured):
    rows = []
    for name, figures in measured["results"].get("idle_kib", {}).items():
        row = [measured["labels"][name], f"{figures['0'] / 1024:.1f}"]
        for count in ("1000", "10000"):
            if count in figures:
                each = (figures[count] - figures["0"]) / int(count)
                row += [f"{figures[count] / 1024:.1f}", f"{each:.1f}"]
            else:
                row += ["", ""]
        rows.append(row)
    return table(["", "MiB with none", "MiB with 1,000", "KiB each", "MiB with 10,000", "KiB each"],
                 rows)


# Contract 17: so many answers in the default max_size.
KEPT_ANSWERS = 300000


def cache_table(measured):
    figures = measured["results"]["cache_filled"]
    items, size = figures["items"], figures["bytes"]
    met = items >= KEPT_ANSWERS
    return table(["answers kept", f"at least {KEPT_ANSWERS:,}", "bytes counted", "bytes each",
                  "evicted", "resident KiB more"],
                 [[f"{items:,.0f}", "yes" if met else "no", f"{size:,.0f}", f"{size / items:.1f}",
                   f"{figures['evictions_total']:,.0f}", f"{figures['resident_kib']:,}"]])


def growth_table(measured, test):
    results = measured["results"].get(test, {})
    counts = sorted({int(count) for runs in results.values() for count in runs})
    rows = [[measured["labels"][name]] +
            [f"{median(runs[str(count)], 'cpu_us'):.1f}" if str(count) in runs else ""
             for count in counts] for name, runs in results.items()]
    return table([""] + [f"{count:,}" for count in counts], rows)


def marks(measured):
    rows = []
    for test, key, name, base, sense, limit, what in MARKS:
        results = measured["results"].get(test, {})
        if not results.get(name) or not results.get(base):
            continue
        value = ratio(results[name], results[base], key)
        met = value <= limit if sense == "<=" else value >= limit
        rows.append([what, f"{sense.replace('<=', 'at most').replace('>=', 'at least')} {limit:.2f}",
                     f"{value:.2f}", "yes" if met else "no"])
    return table(["", "mark", "measured", "met"], rows)


def plot(measured, path):
    """CPU a lookup at c=64, as bars with their spread."""
    results = {name: runs for name, runs in measured["results"].get("c64", {}).items() if runs}
    if not results:  # --only or --cache left none
        return
    left, width, height, top = 250, 720, 26, 54
    most = max(spread(runs, "cpu_us")[1] for runs in results.values())
    scale = (width - left - 70) / most
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} '
             f'{top + height * len(results) + 14}" font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="#ffffff"/>',
             '<text x="12" y="22" font-size="15" fill="#1f2328">CPU µs a lookup '
             '(64 callers, connections kept; less is better)</text>',
             '<text x="12" y="40" font-size="11" fill="#59636e">medians of '
             f'{measured["about"]["rounds"]} interleaved rounds; the line is from the least to the '
             'most</text>']
    for index, (name, runs) in enumerate(results.items()):
        y = top + height * index
        value = median(runs, "cpu_us")
        low, high = spread(runs, "cpu_us")
        colour = "#1a7f6b" if name.startswith("postcoded") else "#8c959f"
        middle = y + height / 2
        lines += [f'<text x="{left - 8}" y="{middle + 4}" text-anchor="end" fill="#1f2328">'
                  f'{escape(measured["labels"][name])}</text>',
                  f'<rect x="{left}" y="{y + 4}" width="{value * scale:.1f}" height="{height - 8}" '
                  f'fill="{colour}"/>',
                  f'<line x1="{left + low * scale:.1f}" x2="{left + high * scale:.1f}" '
                  f'y1="{middle}" y2="{middle}" stroke="#1f2328"/>',
                  f'<text x="{left + high * scale + 6:.1f}" y="{middle + 4}" fill="#1f2328">'
                  f'{value:.1f}</text>']
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines + ["</svg>", ""]))


def write(measured, directory):
    about = measured["about"]
    parts = [f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}; "
             f"{about['nginx']}, {about['haproxy']}, {about['go']}. Proxies on one core, load and "
             f"upstream on the other; {about['rounds']} interleaved rounds of "
             f"{about['seconds']:g} s, medians. The machine's load average at the end was "
             f"{about['load_average']:.1f}; the bench itself makes about 2, and what is above that "
             "was others' and is in the figures."]
    for why in sorted(set(measured["left_out"].items())):
        parts.append(f"{measured['labels'][why[0]]} is left out: {why[1]}.")
    parts += ["### The mark", marks(measured)]
    for test, title in TESTS:
        if measured["results"].get(test):
            parts += [f"### {title}", test_table(measured, test)]
    if "cache_filled" in measured["results"]:
        parts += ["### A cache of 64M, filled", cache_table(measured)]
    if "instructions" in measured["results"]:
        parts += ["### What does not depend on the machine's mood", counts_table(measured),
                  "callgrind counts each repetition of a `rep stos` as an instruction: where a "
                  "memset of some kilobytes is part of a lookup (libmicrohttpd's pool: 31,000 "
                  "here), the count is that much too high."]
    if "idle_kib" in measured["results"]:
        parts += ["### Memory with idle connections", memory_table(measured)]
    for test, title in (("parked", "CPU µs a lookup beside so many callers who wait for a slow "
                         "upstream"), ("idle", "CPU µs a lookup beside so many idle connections")):
        if test in measured["results"]:
            parts += [f"### {title}", growth_table(measured, test)]
    text = "\n\n".join(parts) + "\n"
    with open(os.path.join(directory, "bench.md"), "w", encoding="utf-8") as out:
        out.write(text)
    print(text)
    plot(measured, os.path.join(directory, "bench.svg"))
