"""What `compare` and `curves` have in common: build, start, pin, ask, end. Linux only.

Servers run on the first processor that we may use and the load generator on the second,
so that what is measured is how far one processor gets.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[1 % len(CPUS)]


def fail(message):
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def build():
    """The release builds of the server and of the load generator."""
    command = ["cargo", "bench", "--bench", "load", "--no-run", "--locked", "--message-format", "json"]
    built = subprocess.run(command, cwd=PACKAGE, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        fail("it does not build")
    programs = {}
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            programs[message["target"]["name"]] = message["executable"]
    return programs["serve"], programs["load"]


def prepare():
    """As many descriptors as allowed, an ordinary end on signals, no settings from outside."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in [name for name in os.environ if name.startswith("SERVE_")]:
        del os.environ[name]


@contextlib.contextmanager
def work_directory():
    """A directory that goes away in the end. Workers of other users may read it."""
    with tempfile.TemporaryDirectory(prefix="serve-bench-") as work:
        os.chmod(work, 0o755)
        yield Path(work)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, port, cpus=(SERVER_CPU,), output=subprocess.DEVNULL, errors=subprocess.DEVNULL):
    """A server, from when it takes connections. It ends with the block."""
    pin = lambda: os.sched_setaffinity(0, cpus)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, preexec_fn=pin, start_new_session=True
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None:
                raise RuntimeError(f"it ended with code {process.returncode}")
            time.sleep(0.05)
        else:
            raise RuntimeError("it takes no connections")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(load, port, path, pid, arguments, cpus=(LOAD_CPU,)):
    """One run of the load generator: its report."""
    pin = lambda: os.sched_setaffinity(0, cpus)
    command = [load, f"http://127.0.0.1:{port}{path}", "--pid", str(pid), *map(str, arguments)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=pin)
    if not ran.stdout:
        raise RuntimeError(ran.stderr.strip())
    report = json.loads(ran.stdout)
    if report["errors"]:
        raise RuntimeError(report["first_error"])
    return report


def cpu_per_gigabyte(report):
    """In milliseconds."""
    bytes_received = report["megabytes_per_second"] * report["seconds"] * 1e6
    return report["server_cpu_seconds"] * 1e12 / bytes_received if bytes_received else None


def median(values):
    """Of those that were measured."""
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def write_files(directory, first, last, size):
    """Files with those numbers, each with a content of its own: 1,000 to a directory."""
    rest = bytes(size)
    for number in range(first, last):
        if number % 1000 == 0 or number == first:
            os.makedirs(f"{directory}/{number // 1000}", exist_ok=True)
        start = b"%d\n" % number
        with open(f"{directory}/{number // 1000}/{number % 1000}.bin", "wb", 0) as file:
            file.write(start + rest[len(start) :])


def write_paths(file, prefix, count):
    """The list of their paths, for the load generator."""
    with open(file, "w") as out:
        out.writelines(f"{prefix}/{number // 1000}/{number % 1000}.bin\n" for number in range(count))
