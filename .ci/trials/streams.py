"""What event streams cost beside idle connections: memory and processor time of the server, and
how soon all hear of a change. Linux.

    ulimit -n 10000; python3 .ci/trials/streams.py target/release/serve 2000
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time

WAIT = 30


def status(process, pattern, name):
    with open(f"/proc/{process.pid}/{name}") as file:
        return re.search(pattern, file.read())


def resident(process):
    return int(status(process, r"VmRSS:\s+(\d+)", "status")[1]) * 1024


def processor(process):
    """Milliseconds so far."""
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def start(serve, root):
    command = [serve, "--watch", "--port", "0", "--root", root, "--log", "off", "--threads", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if found:
            port = int(found[1])
        if line.startswith("Press Ctrl-C"):
            return process, port
    sys.exit("the server did not start")


def measure(serve, count, target):
    with tempfile.TemporaryDirectory() as root:
        with open(os.path.join(root, "file"), "w") as file:
            file.write("x")
        process, port = start(serve, root)
        before, connections = resident(process), []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.settimeout(20)
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connection.recv(4096)
            connections.append(connection)
        each, begun = (resident(process) - before) // count, processor(process)
        time.sleep(WAIT)
        spent = processor(process) - begun
        print(f"{count} of {target}: {each} bytes each, {spent} ms of processor in {WAIT} s")
        if target.endswith("events"):
            begun, since = processor(process), time.monotonic()
            open(os.path.join(root, "change"), "w").close()
            for connection in connections:
                heard = b""
                while b"/change" not in heard:
                    heard += connection.recv(4096)
            print(f"told to all after {(time.monotonic() - since) * 1000:.0f} ms, {processor(process) - begun} ms of processor")
        process.terminate()
        for connection in connections:
            connection.close()
        process.wait()


for path in ("/file", "/.serve/events"):
    measure(sys.argv[1], int(sys.argv[2]), path)
