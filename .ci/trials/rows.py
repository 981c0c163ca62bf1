"""Rows of a table: each has a name, does something bad to a server, and says what it saw.

After each of them a new client has to be answered within a second, and the server must
hold nothing that it did not hold before.
"""

import contextlib
import os
import re
import socket
import tempfile
import time
from pathlib import Path

from client import Client, probe, until
from server import Server

SMALL = b"small file\n"
SIZES = {"middle": 300_000, "large": 16 << 20}
# So much may a server have grown by a row: what is remembered of files, and buffers.
GROWTH_MAX = 16 << 10

rows = []


def row(name):
    """Puts a function into the table. It gets a World, and returns a word about what it saw."""

    def add(function):
        rows.append((name, function))
        return function

    return add


def pattern(size):
    """Bytes that tell where they belong, every 8 of them."""
    return b"".join(n.to_bytes(8, "big") for n in range((size + 7) // 8))[:size]


CONTENT = {name: pattern(size) for name, size in SIZES.items()}


class World:
    """A directory with a site in it, for one row."""

    def __init__(self, program, work):
        self.program, self.work = program, Path(work)
        self.root = self.work / "root"
        make_site(self.root, self.work / "outside")

    @contextlib.contextmanager
    def serving(self, *options, ends=True, **how):
        """A server, and after the block the questions that every row ends with."""
        with Server(self.program, how.pop("root", self.root), "--verbose", *options, **how) as server:
            # The thread for slow work is begun by the first listing, and stays.
            with Client(server.port) as client:
                client.ask("/folder/", "Connection: close")
            probe(server.port, body=b"hello")
            until(lambda: not open_sockets(server), 5)
            before, resident = server.descriptors(), server.resident()
            yield server
            if not ends:
                return
            assert server.is_alive(), f"it ended with {server.process.returncode}: {server.read_messages()[-500:]}"
            probe(server.port, body=b"hello")
            until(lambda: server.descriptors() <= before, 5)
            grown = server.resident() - resident
            assert grown <= GROWTH_MAX, f"{grown} KiB more than before"
            code = server.stop()
            assert code == 0, f"it ended with {code} when asked to"
            last = server.messages.decode().strip().splitlines()[-1]
            assert " 0 panics, 0 stalled" in last, last
            accepted, closed = re.match(r"(\d+) connections accepted, (\d+) closed", last).groups()
            assert accepted == closed, last


def open_sockets(server):
    """How many connections it holds."""
    port = f":{server.port:04X}"
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    # 01 is ESTABLISHED, 08 is CLOSE_WAIT.
    return sum(fields[1].endswith(port) and fields[3] in ("01", "08") for fields in lines)


def make_site(root, outside):
    """Files of all kinds, and ways to them that should and should not work."""
    (root / "folder").mkdir(parents=True)
    (root / "index.html").write_text("hello")
    (root / "small").write_bytes(SMALL)
    (root / "script.js").write_bytes(b"let a = 1;\n" * 300)
    (root / ".hidden").write_text("hidden")
    for name in ("a", "b & c", "d"):
        (root / "folder" / name).write_text(name)
    for name, content in CONTENT.items():
        (root / name).write_bytes(content)
    outside.mkdir()
    (outside / "secret").write_text("canary")
    for name, target in {
        "link": "small",
        "link-folder": "folder",
        "link-absolute": root / "small",
        "link-out": outside / "secret",
        "link-up": "../outside/secret",
        "link-hidden": ".hidden",
        "link-loop": "link-loop",
        "link-nowhere": "nowhere",
    }.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        # A short name: what fits a socket address is not much.
        here = os.getcwd()
        os.chdir(root)
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    # In the past, so that validators are strong and contents may be remembered.
    for path in (*root.rglob("*"), root):
        os.utime(path, (1e9, 1e9), follow_symlinks=False)


QUESTIONS = [
    ("GET", "/"),
    ("GET", "/small"),
    ("GET", "/middle"),
    ("GET", "/large"),
    ("HEAD", "/large"),
    ("GET", "/folder"),
    ("GET", "/folder/"),
    ("GET", "/folder/a"),
    ("GET", "/folder/b%20%26%20c"),
    ("GET", "/missing"),
    ("GET", "/folder/../small"),
    ("GET", "/small/"),
    ("GET", "/small/more"),
    ("GET", "/.hidden"),
    ("GET", "/fifo"),
    ("GET", "/socket"),
    ("GET", "/" + "n" * 300),
    ("GET", "/link"),
    ("GET", "/link-folder/a"),
    ("GET", "/link-absolute"),
    ("GET", "/link-out"),
    ("GET", "/link-up"),
    ("GET", "/link-hidden"),
    ("GET", "/link-loop"),
    ("GET", "/link-nowhere"),
    ("GET", "/../outside/secret"),
    ("GET", "/%2e%2e/outside/secret"),
    ("POST", "/small"),
    ("GET", "/large", "Range: bytes=1000000-1299999"),
    ("GET", "/small", "Range: bytes=-4"),
    ("GET", "/middle", "Range: bytes=0-9,100-199"),
    ("GET", "/small", "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT"),
    ("GET", "/script.js"),
    ("GET", "/folder/", "Accept: application/json"),
]


def answers(server):
    """What it says to all questions, each on a connection of its own, without the time."""
    told = []
    for method, target, *fields in QUESTIONS:
        with Client(server.port) as client:
            answer = client.ask(target, *fields, "Connection: close", method=method)
        answer.fields.pop("date")
        # Each answer of several parts has a boundary of its own.
        if boundary := answer.fields["content-type"].partition("boundary=")[2] if answer.body else "":
            answer.fields["content-type"] = "multipart"
            answer.body = answer.body.replace(boundary.encode(), b"boundary")
        assert b"canary" not in answer.body, f"{target} leads outside"
        told.append(((method, target, *fields), answer.status, answer.fields, answer.body))
    return told


def expect_same(told, usual):
    """Says of the first answer that differs how it does."""
    for (question, *now), (_, *before) in zip(told, usual, strict=True):
        if now != before:
            [now, before] = [[status, fields, len(body)] for status, fields, body in (now, before)]
            raise AssertionError(f"{question}: {now}, and not {before}")


def run(program, only):
    """All rows, or those whose names contain a word; returns how many failed."""
    failed = []
    chosen = [(name, function) for name, function in rows if only in name]
    for name, function in chosen:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="faults-") as work:
            os.chmod(work, 0o755)
            os.environ["TRIAL_WORK"] = work
            try:
                result, word = "ok", function(World(program, work)) or ""
            # Whatever it is, the other rows have to be tried, too.
            except Exception as error:  # noqa: BLE001
                result, word = "FAILED", f"{type(error).__name__}: {error}"
                failed.append(name)
        print(f"{result:6} {name:60} {time.monotonic() - start:5.1f} s  {word}", flush=True)
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    for name in failed:
        print(f"FAILED: {name}")
    return len(failed) + (not chosen)
