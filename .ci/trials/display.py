"""What the lines of transfers on a terminal cost: 1,000 transfers at once, with the lines and
without, in turns. Linux.

    cargo build --release && cargo bench --bench load --no-run
    ulimit -n 10000; python3 .ci/trials/display.py target/release/serve LOAD [ROUNDS]

LOAD is the program that `cargo bench` has named. Prints processor time of the server for 1,000
files of 32 MiB, files a second, and the share of the thread that draws, of each round; then the
ratios of the medians. Rounds differ by more than the lines can cost; the share does not.
"""

import fcntl
import json
import os
import pty
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

CLIENTS = 1000
SIZE = 32 * 1024 * 1024


def processor_time(process, name):
    """Of the threads of this name, or of all: nanoseconds."""
    total, tasks = 0, f"/proc/{process.pid}/task"
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/comm") as comm, open(f"{tasks}/{task}/schedstat") as times:
            total += int(times.read().split()[0]) if name in ("", comm.read().strip()) else 0
    return total


def measure(serve, load, root, options):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    environment = dict(os.environ, TERM="xterm-256color")
    with tempfile.TemporaryDirectory() as place:
        ready = os.path.join(place, "ready")
        command = [serve, "--port", "0", "--threads", "1", "--log", "off", "--root", root, "--ready-file", ready, *options]
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        seen = []

        def read():
            try:
                while chunk := os.read(master, 65536):
                    seen.append(chunk)
            except OSError:
                pass

        thread = threading.Thread(target=read)
        thread.start()
        while not os.path.exists(ready):
            time.sleep(0.01)
        with open(ready) as file:
            url = json.load(file)["urls"][0]
        report = subprocess.run(
            [load, f"{url}file", "--connections", str(CLIENTS), "--requests", "4000", "--warm-up", "1", "--pid", str(process.pid)],
            capture_output=True, text=True, check=True).stdout
        share = processor_time(process, "serve-display") / processor_time(process, "")
        process.terminate()
        process.wait()
        thread.join()
    report = json.loads(report)
    lines = b"".join(seen).decode(errors="replace")
    return report["server_cpu_per_1000"], report["requests_per_second"], share, len(re.findall(r"and \d+ more", lines))


def main():
    serve, load = (os.path.abspath(path) for path in sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as root:
        with open(os.path.join(root, "file"), "wb") as file:
            file.write(os.urandom(SIZE))
        found = {"lines": [], "none": []}
        for number in range(rounds):
            for name, options in (("lines", []), ("none", ["--quiet"])):
                cpu, rate, share, drawn = measure(serve, load, root, options)
                if (drawn > 0) != (name == "lines"):
                    sys.exit(f"{name}: {drawn} times the others were counted")
                found[name].append((cpu, rate, share))
                print(f"{number} {name}: {cpu:.1f} ms of processor, {rate:.0f} files/s, {share:.2%} of it to draw {drawn} times", flush=True)
    median = lambda name, index: statistics.median(row[index] for row in found[name])
    print(f"processor time: {median('lines', 0) / median('none', 0):.3f} of that without lines")
    print(f"of it the thread that draws: {median('lines', 2):.2%}")
    print(f"files a second: {median('lines', 1) / median('none', 1):.3f}")


if __name__ == "__main__":
    main()
