"""Measures what one request costs: benches/instructions tells why and how, and calls this.

A run starts a server under a tool that counts (callgrind: instructions, strace: system
calls), asks it for one thing a number of times, and stops it. Two runs that differ only in
that number tell the cost of one request.
"""

import argparse
import gzip
import os
import platform
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TOLERANCE = 0.03

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

# The numbers of epoll_wait and epoll_pwait.
LOOP_WAITS = {"x86_64": {b"232", b"281"}, "aarch64": {b"22"}}.get(platform.machine(), set())

PATIENCE = 60

CURL = [("User-Agent", "curl/8.14.1"), ("Accept", "*/*")]

BROWSER = [
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=0"),
    ("sec-ch-ua", '"Chromium";v="142", "Not_A Brand";v="99"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("Upgrade-Insecure-Requests", "1"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"),
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
    Case("new-connection", "/small.txt", length=SMALL, reconnects=True),
    Case("pipelined", "/small.txt", length=SMALL, pipelined=16, counts=(160, 1600)),
    Case("listing", "/many/", counts=FEW),
    Case("small-logged", "/small.txt", length=SMALL, logs=True),
]


def fail(message):
    sys.exit(f"FAILED: {message}")


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
    for number in range(1000):
        (root / "many" / f"entry {number}.txt").write_bytes(text[:number])
    for path in [*root.rglob("*"), root]:
        os.utime(path, (LONG_AGO, LONG_AGO))
    # The time of the last change of an inode cannot be set.
    settled = root.stat().st_ctime + SETTLED
    await_that(lambda: time.time() > settled, "the files to settle")


class Serve:
    """Our server."""

    loop = b"serve-0"

    def __init__(self, program, name="serve"):
        self.program, self.name = program, name

    def command(self, port, root, logs, _):
        log = "combined" if logs else "off"
        return [self.program, "--port", str(port), "--threads", "1", "--root", str(root), "--log", log]


class Nginx:
    """nginx, as one process, with all that is asked for switched on."""

    loop = b"nginx"

    def __init__(self, name, settings):
        self.name, self.settings = name, settings

    def command(self, port, root, logs, directory):
        places = "".join(
            f"{name}_temp_path {directory}/{name}; " for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        )
        log = f"{directory}/access.log combined" if logs else "off"
        configuration = directory / "nginx.conf"
        configuration.write_text(
            f"daemon off; master_process off; pid {directory}/pid; error_log stderr crit; events {{}}\n"
            f"http {{ {places} access_log {log}; {self.settings}\n"
            "types { text/html html; text/plain txt; } gzip_static on; autoindex on;\n"
            "keepalive_requests 1000000; keepalive_timeout 600s;\n"
            f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
        )
        return ["nginx", "-p", str(directory), "-c", str(configuration), "-e", "stderr"]


class Callgrind:
    """Counts instructions, of all threads."""

    def command(self, directory):
        return ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={directory}/callgrind"]

    def counts(self, directory):
        text = (directory / "callgrind").read_text()
        return Counter(instructions=int(re.search(r"^totals: (\d+)$", text, re.M)[1]))


class Strace:
    """Counts system calls, of all threads."""

    def command(self, directory):
        # The tracer is the grandchild, so that signals reach the server itself.
        return ["strace", "-D", "-f", "-q", "-c", "-o", f"{directory}/strace"]

    def counts(self, directory):
        path = directory / "strace"
        # It writes its table when the server has gone.
        await_that(lambda: path.exists() and " total\n" in path.read_text(), "a table from strace")
        rows = [line.split() for line in path.read_text().splitlines()]
        return Counter({row[-1]: int(row[3]) for row in rows if row and row[0][0].isdigit() and row[-1] != "total"})


def await_that(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            fail(f"waited too long for {what}")
        time.sleep(0.01)


class Process:
    """A server under a tool."""

    def __init__(self, server, tool, root, logs, directory):
        self.loop = server.loop
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = server.command(self.port, root, logs, directory)
        # Without address space randomization: what is left of chance is in the hash tables.
        command = ["setarch", "-R", *tool.command(directory), *command]
        with open(directory / "out", "wb") as out, open(directory / "errors", "wb") as errors:
            # It shares one processor with its client, and does not take it away from that
            # (SCHED_BATCH, sched(7)): who connects and asks at once is heard at once.
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                preexec_fn=lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
            )

    def stop(self):
        self.child.terminate()
        if self.child.wait(PATIENCE) != 0:
            self.fail(f"the server ended with {self.child.returncode}")

    def fail(self, message):
        self.child.kill()
        errors = (self.directory / "errors").read_text(errors="replace")
        fail(f"{message}\n{errors}")

    def connect(self):
        return Connection(self, socket.create_connection(("127.0.0.1", self.port), PATIENCE))

    def connect_first(self):
        """Waits until it listens; what it refuses costs it nothing."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.connect()
            except ConnectionRefusedError:
                if self.child.poll() is not None or time.monotonic() > end:
                    self.fail("the server did not start")
                time.sleep(0.01)

    def is_idle(self):
        """Whether the loop waits for events, and no other thread has anything to do."""
        tasks = Path(f"/proc/{self.child.pid}/task")
        waits = False
        try:
            for task in os.listdir(tasks):
                call = (tasks / task / "syscall").read_bytes().split()
                if call[0] == b"running":
                    return False
                if (tasks / task / "comm").read_bytes().strip() == self.loop or task == str(self.child.pid):
                    waits |= call[0] in LOOP_WAITS
        except (FileNotFoundError, ProcessLookupError):
            # A thread has ended.
            return False
        return waits

    def await_idle(self):
        end = time.monotonic() + PATIENCE
        while not self.is_idle():
            if time.monotonic() > end or self.child.poll() is not None:
                self.fail("the server does not come to rest")
            # It may need the processor that this runs on.
            time.sleep(0.0001)


class Connection:
    """Takes exactly what was asked for."""

    def __init__(self, process, stream):
        self.process, self.stream, self.input = process, stream, bytearray()

    def more(self):
        taken = self.stream.recv(1 << 18)
        if not taken:
            self.process.fail("the server closed the connection")
        self.input += taken

    def take(self, length):
        while len(self.input) < length:
            self.more()
        taken = bytes(self.input[:length])
        del self.input[:length]
        return taken

    def take_to(self, end):
        start = 0
        while (at := self.input.find(end, start)) < 0:
            start = max(0, len(self.input) - len(end) + 1)
            self.more()
        return self.take(at + len(end))

    def response(self):
        """Status, fields by lower-case name, and the length of the content."""
        first, *lines = self.take_to(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        status = int(first.split()[1])
        length = 0
        if fields.get("transfer-encoding") == "chunked":
            while chunk := int(self.take_to(b"\r\n"), 16):
                length += len(self.take(chunk + 2)) - 2
            self.take(2)
        elif status != 304:
            length = len(self.take(int(fields["content-length"])))
        return status, fields, length

    def ask(self, case, tag, count, waits=True):
        """So many at once."""
        if waits:
            self.process.await_idle()
        self.stream.sendall(case.head(tag) * count)
        for _ in range(count):
            status, fields, length = self.response()
            right = status == case.status and case.length in (None, length)
            if not right or case.coding not in (None, fields.get("content-encoding")):
                self.process.fail(f"{case.name}: status {status}, {length} bytes, {fields}")
        if self.input:
            self.process.fail(f"{case.name}: {len(self.input)} bytes too many")
        return fields


def run(server, tool, case, root, work, count):
    """Starts, asks, stops, and tells what was counted."""
    directory = work / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    process = Process(server, tool, root, case.logs, directory)
    connection = process.connect_first()
    tag = None
    if case.conditional:
        plain = Case(case.name, case.target, fields=case.fields)
        tag = connection.ask(plain, None, 1)["etag"]
    for _ in range(count // case.pipelined):
        if case.reconnects:
            process.await_idle()
            connection.stream.close()
            process.await_idle()
            connection = process.connect()
            connection.ask(case, tag, 1, waits=False)
        else:
            connection.ask(case, tag, case.pipelined)
    process.await_idle()
    connection.stream.close()
    process.await_idle()
    process.stop()
    return tool.counts(directory)


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
        if abs(change) > TOLERANCE:
            (worse if change > 0 else better).append(case.name)
        print(f"{case.name:16}{before:12,}{now:12,}{change:+9.1%}", flush=True)
    if worse:
        fail(f"more than {TOLERANCE:.0%} more instructions: {', '.join(worse)}")
    if better:
        fail(f"more than {TOLERANCE:.0%} fewer instructions, well done: {', '.join(better)}; benches/instructions --record keeps that")
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
    number = lambda count: f"{count:.1f}".removesuffix(".0")
    named = [name if number(count) == "1" else f"{name} ×{number(count)}" for name, count in often.items()]
    return f"{number(sum(often.values()))}: {', '.join(named)}"


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
    few = lambda case: Case(**{**vars(case), "counts": (16, 160) if case.counts != FEW else FEW})
    table("System calls per request", servers, lambda server, case: calls(cost(server, Strace(), few(case), root, work)))
    table(
        "Instructions per request, in user space",
        servers,
        lambda server, case: f"{instructions(server, case, root, work):,}",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="a directory for what is left of a run")
    parser.add_argument("--serve", required=True, help="the program")
    parser.add_argument("--recorded", help="compare with the numbers in this file")
    parser.add_argument("--base", help="compare with this program")
    parser.add_argument("--tables", action="store_true", help="print tables, with system calls and nginx")
    arguments = parser.parse_args()
    if not LOOP_WAITS:
        fail(f"what epoll_wait is on {platform.machine()} is not known here")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
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
