"""A server in a process of its own, and what /proc and strace tell of it. Linux only."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from client import until

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Process:
    """Any process, as /proc tells."""

    def __init__(self, pid):
        self.pid = pid

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        return [int(task) for task in os.listdir(f"/proc/{self.pid}/task")]

    def status(self, name, pid=None):
        text = Path(f"/proc/{pid or self.pid}/status").read_text()
        return re.search(rf"^{name}:\s*(.*)$", text, re.M)[1]

    def thread_name(self, task):
        return Path(f"/proc/{self.pid}/task/{task}/comm").read_text().strip()

    def switches(self):
        """How often each of its threads has gone to sleep, by number and name."""
        counts = {}
        for task in self.threads():
            place = f"{self.pid}/task/{task}"
            counts[f"{task} {self.thread_name(task)}"] = int(self.status("voluntary_ctxt_switches", place))
        return counts

    def resident(self):
        """In KiB."""
        return int(self.status("VmRSS").split()[0])

    def seconds(self):
        """On a processor, in user and in system mode."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK


def as_from_a_terminal():
    """Whoever started us may ignore these (nohup, or a script in the background): not the server."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Server(Process):
    """`serve` on a port that the system chooses. It ends with the block."""

    def __init__(self, program, root, *options, before=(), env=None, output=subprocess.DEVNULL):
        command = [*before, str(program), "--port", "0", "--root", str(root)]
        if "--log" not in options:
            command += ["--log", "off"]
        env = {**os.environ, **(env or {})}
        self.process = subprocess.Popen(
            [*command, *map(str, options)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            env=env,
            preexec_fn=as_from_a_terminal,
        )
        super().__init__(self.process.pid)
        self.messages = bytearray()
        os.set_blocking(self.process.stderr.fileno(), False)
        self.port = until(self.find_port, 10)
        # The message comes first, and then the loops begin.
        until(lambda: self.is_asleep(), 10)

    def find_port(self):
        """the start message"""
        self.read_messages()
        found = re.search(rb"http://[^ /]*:(\d+)/", self.messages)
        if b"Press Ctrl-C" in self.messages and found:
            return int(found[1])
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with {self.process.returncode}: {self.messages.decode()}")
        return None

    def is_asleep(self, task=None):
        """Its first thread, or another."""
        return self.status("State", f"{self.pid}/task/{task or self.pid}").startswith("S")

    def is_held_back(self):
        """a call that strace keeps from the kernel"""

        def stopped():
            states = {task: self.status("State", f"{self.pid}/task/{task}") for task in self.threads()}
            return {task for task, state in states.items() if state.startswith("t")}

        # Every call that is traced stops for a moment, and goes on at once.
        before = stopped()
        time.sleep(0.05)
        return before & stopped()

    def rests(self):
        """Every thread of it is asleep."""
        try:
            return all(map(self.is_asleep, self.threads()))
        except FileNotFoundError:
            return False  # One has ended meanwhile.

    def read_messages(self):
        """What it has written to standard error so far."""
        with contextlib.suppress(BlockingIOError, ValueError):
            while piece := os.read(self.process.stderr.fileno(), 1 << 16):
                self.messages += piece
        return self.messages.decode(errors="replace")

    def is_alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, within=15):
        """Asks it to end; returns its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(within)

    def wait(self, within=15):
        try:
            return self.process.wait(within)
        finally:
            self.read_messages()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_alive():
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()

    @contextlib.contextmanager
    def traced(self, *injections, paths=(), calls=None, only=None):
        """The block under strace, which makes calls fail; gives a function for what it saw.

        It comes to the running server, so that `when=` counts no call of the start. `only`
        is the name of the threads whose calls fail, instead of all; such blocks can be nested.
        """
        output = Path(os.environ["TRIAL_WORK"], f"trace-{only or 'all'}")
        output.unlink(missing_ok=True)
        threads = [task for task in self.threads() if only in (None, self.thread_name(task))]
        whom = [word for task in threads for word in ("-p", str(task))] if only else ["-f", "-p", str(self.pid)]
        command = ["strace", "-q", "-o", str(output), *whom]
        names = calls or ",".join(injection.split(":", 1)[0] for injection in injections)
        command += ["-e", f"trace={names}"]
        command += [word for injection in injections for word in ("-e", f"inject={injection}")]
        command += [word for path in paths for word in ("-P", str(path))]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

        def attached():
            """strace at every thread"""
            if tracer.poll() is not None:
                raise RuntimeError(f"strace ended: {tracer.stderr.read()}")
            traced = (self.status("TracerPid", f"{self.pid}/task/{task}") for task in threads)
            return all(pid == str(tracer.pid) for pid in traced)

        try:
            until(attached)
            yield lambda: output.read_text().splitlines() if output.exists() else []
        finally:
            # It lets go of the server before it ends, and must not while a thread is in a call that
            # it keeps from the kernel: the result would be ENOSYS then. Such a call never sleeps.
            with contextlib.suppress(AssertionError):
                until(lambda: not self.is_alive() or self.rests(), 1, every=0.002)
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
            tracer.stderr.close()


def share_of_processor(process, seconds):
    """How much of one it takes, over so many seconds."""
    before, start = process.seconds(), time.monotonic()
    time.sleep(seconds)
    return (process.seconds() - before) / (time.monotonic() - start)


def close_waits(port):
    """Connections of a server whose client has left and which it has not closed."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if state == "08" and int(local.split(":")[1], 16) == port:
            found.add((local, remote))
    return found
