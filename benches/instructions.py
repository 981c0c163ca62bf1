"""Measures what one request costs: benches/instructions tells why and how, and calls this.

A run starts a server under a tool that counts (callgrind: instructions, strace: system
calls), asks it for one thing a number of times, and stops it. Two runs that differ only in
that number tell the cost of one request.
"""

import argparse
import gzip
import os
import random
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import common
import peers
from harness import LOOP_WAITS, Callgrind, Nginx, Peer, Process, Serve, Strace, await_that, fail

TOLERANCE = 0.03

# A new connection takes 3 % more or fewer from run to run, and so did the one whose number was
# recorded: the slower a machine is, the more often something happens that is done once a second.
TOLERANCE_OF_CONNECTIONS = 2 * TOLERANCE

# A file that was only just written or put there is not remembered yet, and made nothing of.
LONG_AGO = 1_600_000_000
SETTLED = 2.5

# Below what is compressed when a client would like that: it is done by a thread of the lowest
# priority, which on a busy machine and under a tool that lets one thread run at a time takes
# as long as it likes.
SMALL = 1000

# How many requests for one response that is made by other threads are enough.
FEW = (10, 40)
MANY = (100, 1000)

CURL = [("User-Agent", "curl/8.14.1"), ("Accept", "*/*")]

BROWSER = [
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=0"),
    ("sec-ch-ua", '"Chromium";v="142", "Not_A Brand";v="99"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("Upgrade-Insecure-Requests", "1"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"),
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-User", "?1"),
    ("Sec-Fetch-Dest", "document"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
]


@dataclass
class Case:
    """One thing to ask for, and what has to come."""

    name: str
    target: str
    status: int = 200
    fields: list = field(default_factory=lambda: CURL)
    coding: str | None = None
    # Bytes of the content; None: not looked at.
    length: int | None = None
    # With the tag of an earlier response.
    conditional: bool = False
    # So many requests are sent at once.
    pipelined: int = 1
    reconnects: bool = False
    logs: bool = False
    # Requests of the shorter run, and how many more the longer one has.
    counts: tuple = MANY
    tolerance: float = TOLERANCE

    def head(self, tag):
        lines = [f"GET {self.target} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.fields]
        if tag:
            lines.append(f"If-None-Match: {tag}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


CASES = [
    Case("small", "/small.txt", length=SMALL),
    Case("small-browser", "/small.txt", fields=BROWSER, length=SMALL),
    Case("10-KiB", "/medium.txt", length=10240),
    Case("gzip-sibling", "/page.html", fields=[*CURL, ("Accept-Encoding", "gzip")], coding="gzip"),
    Case("not-modified", "/small.txt", status=304, conditional=True),
    Case("not-found", "/missing.txt", status=404),
    Case("range", "/large.bin", status=206, fields=[*CURL, ("Range", "bytes=536870912-536936447")], length=65536),
    Case("sendfile", "/sent.bin", length=102400),
    Case("new-connection", "/small.txt", length=SMALL, reconnects=True, tolerance=TOLERANCE_OF_CONNECTIONS),
    Case("pipelined", "/small.txt", length=SMALL, pipelined=16, counts=(160, 1600)),
    Case("listing", "/many/", counts=FEW),
    Case("small-logged", "/small.txt", length=SMALL, logs=True),
]


def make_files(root):
    """What is served: the same bytes each time."""
    words = random.Random(1)
    text = " ".join("".join(words.choices("etaoinshrdlu", k=words.randint(2, 9))) for _ in range(20_000)).encode()
    root.mkdir()
    (root / "small.txt").write_bytes(text[:SMALL])
    (root / "medium.txt").write_bytes(text[:10240])
    page = b"<!doctype html><title>A page</title><p>" + text
    (root / "page.html").write_bytes(page[:65536])
    (root / "page.html.gz").write_bytes(gzip.compress(page[:65536], mtime=0))
    (root / "sent.bin").write_bytes(text[:102400])
    with open(root / "large.bin", "wb") as large:
        large.truncate(1 << 30)
    (root / "many").mkdir()
    # Some file systems list them in the order in which they were made: sorted already, they
    # would take 8 % fewer instructions there.
    for number in words.sample(range(1000), 1000):
        (root / "many" / f"entry {number}.txt").write_bytes(text[:number])
    for path in [*root.rglob("*"), root]:
        os.utime(path, (LONG_AGO, LONG_AGO))
    # The time of the last change of an inode cannot be set.
    settled = root.stat().st_ctime + SETTLED
    await_that(lambda: time.time() > settled, "the files to settle")


def run(server, tool, case, root, work, count):
    """Starts, asks, stops, and tells what was counted."""
    directory = work / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    process = Process(server, tool, root, case.logs, directory)
    try:
        converse(process, case, count)
        process.stop()
    finally:
        # Whatever ends the run, the server does not outlive it.
        process.child.kill()
    return tool.counts(directory)


def converse(process, case, count):
    """Asks so many times."""
    connection = process.connect_first()
    tag = None
    if case.conditional:
        plain = replace(case, status=200, conditional=False)
        tag = connection.ask(plain, None, 1)["etag"]
    for _ in range(count // case.pipelined):
        if case.reconnects:
            process.await_idle()
            connection.stream.close()
            # It has seen the end of the last before the next one comes, and has accepted that
            # before it is asked: whether the request is there with its connection is chance.
            process.await_idle()
            connection = process.connect()
        connection.ask(case, tag, case.pipelined)
    process.await_idle()
    connection.stream.close()
    process.await_idle()


def cost(server, tool, case, root, work):
    """What one request costs."""
    fewer, more = case.counts
    counted = run(server, tool, case, root, work, fewer + more)
    counted.subtract(run(server, tool, case, root, work, fewer))
    return {name: count / more for name, count in counted.items()}


def instructions(server, case, root, work):
    return round(cost(server, Callgrind(), case, root, work)["instructions"])


def compare(serve, root, work, expected):
    """Measures every case, and fails if one differs from what is expected of it."""
    worse, better, unknown = [], [], []
    print(f"{'case':16}{'expected':>12}{'measured':>12}")
    for case in CASES:
        before, now = expected(case), instructions(serve, case, root, work)
        if before is None:
            unknown.append(case.name)
            print(f"{case.name:16}{'?':>12}{now:12,}", flush=True)
            continue
        change = now / before - 1
        if abs(change) > case.tolerance:
            # What happens once a second may fall into one of the two runs alone, where a busy
            # machine makes them long. A change of the program is there again.
            print(f"{case.name:16}{before:12,}{now:12,}{change:+9.1%}, and again:", flush=True)
            now = instructions(serve, case, root, work)
            change = now / before - 1
        if abs(change) > case.tolerance:
            (worse if change > 0 else better).append(case.name)
        print(f"{case.name:16}{before:12,}{now:12,}{change:+9.1%}", flush=True)
    if worse:
        fail(f"more instructions than expected: {', '.join(worse)}")
    if better:
        fail(
            f"fewer instructions than expected, well done: {', '.join(better)}; "
            "benches/instructions --record keeps that"
        )
    if unknown:
        fail(f"no number is recorded for {', '.join(unknown)}; benches/instructions --record does it")


def read_recorded(path):
    rows = [line.split() for line in Path(path).read_text().splitlines() if line and not line.startswith("#")]
    numbers = {name: int(number) for name, number in rows}
    if strange := set(numbers) - {case.name for case in CASES}:
        fail(f"{path} has numbers for what is not measured: {', '.join(sorted(strange))}")
    return numbers


def calls(costs):
    """`4: epoll_wait, read ×2, writev`."""
    often = {name: count for name, count in sorted(costs.items()) if count >= 0.05}
    named = [name if number(count) == "1" else f"{name} ×{number(count)}" for name, count in often.items()]
    return f"{number(sum(often.values()))}: {', '.join(named)}"


def number(count):
    return f"{count:.1f}".removesuffix(".0")


def table(title, servers, cell):
    print(f"\n{title}\n\n| case | {' | '.join(server.name for server in servers)} |")
    print(f"|---|{'---|' * len(servers)}", flush=True)
    for case in CASES:
        print(f"| {case.name} | {' | '.join(cell(server, case) for server in servers)} |", flush=True)


def tables(serve, root, work):
    servers = [serve]
    if shutil.which("nginx"):
        servers.append(Nginx("nginx, sendfile", "sendfile on; tcp_nopush on;"))
        servers.append(Nginx("nginx, open_file_cache", "sendfile off; open_file_cache max=10000;"))
    found, _ = peers.installed(["lighttpd"])
    servers += [Peer(*peer) for peer in found]
    # It takes no notice of signals.
    servers.append(Peer("limit", common.build()[1], peers.limit, end=-signal.SIGTERM))

    def unless_it_cannot(cell):
        def asked(server, case):
            try:
                return cell(server, case)
            except (SystemExit, KeyError):
                # It does not answer that as ours has to.
                if server is serve:
                    raise
                return "–"

        return asked

    def calls_of(server, case):
        # They are the same each time, so fewer requests are enough.
        counts = FEW if case.counts == FEW else (16, 160)
        return calls(cost(server, Strace(), replace(case, counts=counts), root, work))

    table("System calls per request", servers, unless_it_cannot(calls_of))
    table(
        "Instructions per request, in user space",
        servers,
        unless_it_cannot(lambda server, case: f"{instructions(server, case, root, work):,}"),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="a directory for what is left of a run")
    parser.add_argument("--serve", required=True, help="the program")
    parser.add_argument("--recorded", help="compare with the numbers in this file")
    parser.add_argument("--base", help="compare with this program")
    parser.add_argument("--tables", action="store_true", help="print tables, with system calls and peers")
    arguments = parser.parse_args()
    if not LOOP_WAITS:
        fail("this processor's numbers of system calls are not known: see LOOP_WAITS")
    root, work = arguments.work / "root", arguments.work
    make_files(root)
    serve = Serve(arguments.serve)
    if arguments.tables:
        tables(serve, root, work)
    elif arguments.recorded:
        numbers = read_recorded(arguments.recorded)
        compare(serve, root, work, lambda case: numbers.get(case.name))
    elif arguments.base:
        base = Serve(arguments.base)
        compare(serve, root, work, lambda case: instructions(base, case, root, work))
    else:
        for case in CASES:
            print(case.name, instructions(serve, case, root, work), flush=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
main()
