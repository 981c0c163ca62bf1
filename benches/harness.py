"""The servers, the tools that count, and a client that takes nothing but what it asked for."""

import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

# The numbers of epoll_wait and epoll_pwait.
LOOP_WAITS = {"x86_64": {b"232", b"281"}, "aarch64": {b"22"}}.get(platform.machine(), set())

PATIENCE = 60


def fail(message):
    sys.exit(f"FAILED: {message}")


class Serve:
    """Our server."""

    end = 0

    def __init__(self, program, name="serve"):
        self.program, self.name = program, name

    def command(self, port, root, logs, _):
        log = "combined" if logs else "off"
        return [self.program, "--port", str(port), "--threads", "1", "--root", str(root), "--log", log]


class Nginx:
    """nginx, as one process, with all that is asked for switched on."""

    end = 0

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


class Peer:
    """Another server, as benches/compare starts it."""

    def __init__(self, name, program, start, end=0):
        """`end` is how it ends when it is told to."""
        self.name, self.program, self.start, self.end = name, program, start, end

    def command(self, port, root, logs, directory):
        return [str(word) for word in self.start(self.program, port, root, directory, logs)]


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
        self.directory, self.end = directory, server.end
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = server.command(self.port, root, logs, directory)
        command = [*tool.command(directory), *command]
        with open(directory / "out", "wb") as out, open(directory / "errors", "wb") as errors:
            # The tool lives within the server's process, and writes its report from there.
            free = {**os.environ, "SERVE_SANDBOX": "off"}
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env=free)

    def stop(self):
        self.child.terminate()
        if self.child.wait(PATIENCE) != self.end:
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
        """Whether the one loop waits for events, and no other thread has anything to do."""
        tasks = Path(f"/proc/{self.child.pid}/task")
        waits = False
        try:
            for task in os.listdir(tasks):
                call = (tasks / task / "syscall").read_bytes().split()
                if call[0] == b"running":
                    return False
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

    def ask(self, case, tag, count):
        """So many at once."""
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
