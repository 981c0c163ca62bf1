"""What a person sees on a terminal: the message at the start, a line for each transfer, the
summary, and what is left of it all at the end.

    terminal.py SERVE

Runs the program on pseudo-terminals of several sizes and reads what it writes there, as a
terminal would. Needs nothing but Python's library."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

PATIENCE = 20
SIZE = 64 * 1024 * 1024
serve = os.path.abspath(sys.argv[1])
failures = []


def check(what, is_right, seen=""):
    print(("ok: " if is_right else "FAILED: ") + what, flush=True)
    if not is_right:
        failures.append(what)
        print(repr(seen)[-2000:])


class Terminal:
    """The program on a terminal of its own, and what it has written there."""

    def __init__(self, *options, rows=24, columns=80, env=(), stdout=None, waits=True):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SERVE_") and name != "NO_COLOR"}
        environment.update({"TERM": "xterm-256color"} | dict(env))
        os.set_blocking(slave, waits)
        # Who is about to lose the terminal is asked to stay.
        own = lambda: (os.setsid(), fcntl.ioctl(slave, termios.TIOCSCTTY, 0), signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.process = subprocess.Popen(
            [serve, "--port", "0", *options],
            stdin=slave, stdout=stdout or slave, stderr=slave, env=environment, preexec_fn=own)
        os.close(slave)
        self.text = ""

    def read(self, until=None, patience=PATIENCE):
        """Reads up to what matches `until`, or up to the end."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not (until and re.search(until, self.text)):
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    chunk = os.read(self.master, 65536)
                except OSError:
                    break
                if not chunk:
                    break
                self.text += chunk.decode(errors="replace")
        return self.text

    def start(self):
        self.read(r"Press Ctrl-C to stop\.")
        self.port = int(re.search(r"http://(?:127\.0\.0\.1|localhost):(\d+)/", self.text).group(1))
        return self

    def interrupt(self):
        os.write(self.master, b"\x03")

    def end(self):
        self.read()
        return self.process.wait(timeout=PATIENCE)


def ask(port, target, read=None):
    """Asks for a target and reads so much of the answer; the connection stays open."""
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    got = 0
    while read is None or got < read:
        piece = client.recv(65536)
        if not piece:
            break
        got += len(piece)
    return client


def plain(text):
    """Without colours, and without what moves the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def transfers(folder):
    terminal = Terminal(folder, columns=100).start()
    check("the message at the start is coloured", "\x1b[1m" in terminal.text, terminal.text)
    slow = ask(terminal.port, "/big%20file.bin", read=1000)
    text = terminal.read(r"big file\.bin.*%")
    check("a transfer that takes its time has a line: who, what, how far", re.search(r"127\.0\.0\.1 +big file\.bin.*\d+%", plain(text)), text)
    check("with how fast, and how long", re.search(r"B/s", plain(text)), text)
    ask(terminal.port, "/small.txt").close()
    text = terminal.read(r"GET /small\.txt[^\n]*\n(?s:.*)big file")
    check("lines of the log come above it", re.search(r"200\D+GET /small\.txt", plain(text)), text)
    while slow.recv(1 << 20):
        pass
    slow.close()
    terminal.read(r"GET /big%20file\.bin")
    before = len(terminal.text)
    terminal.interrupt()
    code = terminal.end()
    rest = plain(terminal.text[before:])
    check("Ctrl-C ends it with 0", code == 0, code)
    check("the end says what came of it", re.search(r"Sent 2 whole files, 67\.1 MB in all, to 1 client\.", rest), terminal.text)
    check("no line of a transfer is left at the end", "big file" not in rest.split("Sent")[-1], rest)
    check("the cursor is shown at the end", terminal.text.rfind("\x1b[?25l") <= terminal.text.rfind("\x1b[?25h"), terminal.text)


def many(folder):
    terminal = Terminal(folder, columns=100).start()
    clients = [ask(terminal.port, "/big%20file.bin", read=1000) for _ in range(11)]
    text = terminal.read(r"and \d more")
    check("more than eight are counted", re.search(r"and 3 more", plain(terminal.read(r"and 3 more"))), text)
    for client in clients:
        client.close()
    terminal.interrupt()
    check("and that ends well", terminal.end() == 0)


def speed(folder):
    terminal = Terminal(folder, "--limit-rate", "8MB/s", columns=100).start()
    client = ask(terminal.port, "/big%20file.bin", read=1000)
    reader = threading.Thread(target=drain, args=[client], daemon=True)
    reader.start()
    terminal.read(patience=3)
    lines = re.findall(r"(\d+)% +([0-9.]+ .?B/s) +(\d+s)", plain(terminal.text))
    fair = [line for line in lines if line[1].endswith(" MB/s") and 4 < float(line[1][:-5]) < 12 and 2 < int(line[2][:-1]) < 15]
    check("from the first frame on the speed is that of the transfer", lines and fair == lines, lines)
    check("and a line looks as it should", "\u2591" not in terminal.text and "/67108864" not in terminal.text, terminal.text)
    client.shutdown(socket.SHUT_RDWR)
    reader.join()
    terminal.interrupt()
    terminal.end()


def drain(client):
    while client.recv(1 << 20):
        pass


def serves(terminal):
    client = ask(terminal.port, "/small.txt", read=1)
    client.close()
    return terminal.process.poll() is None


def stops(terminal):
    terminal.process.send_signal(signal.SIGTERM)
    try:
        return terminal.process.wait(timeout=PATIENCE) == 0
    except subprocess.TimeoutExpired:
        terminal.process.kill()
        return False


def troubles(folder):
    """Terminals that are gone, stopped, or full: with a line on them."""
    terminal = Terminal(folder, columns=100).start()
    slow = ask(terminal.port, "/big%20file.bin", read=1000)
    terminal.read(r"big file\.bin.*%")
    os.close(terminal.master)
    check("a terminal that is gone stops nothing", all(serves(terminal) for _ in range(20)))
    time.sleep(0.5)
    check("nor later", serves(terminal))
    slow.close()
    check("and the end is a good one", stops(terminal))

    terminal = Terminal(folder, "--grace", "1s", columns=100).start()
    slow = ask(terminal.port, "/big%20file.bin", read=1000)
    terminal.read(r"big file\.bin.*%")
    os.write(terminal.master, b"\x13")
    check("nor does one that is stopped", all(serves(terminal) for _ in range(20)))
    check("which does not hold up the end", stops(terminal))
    slow.close()
    os.close(terminal.master)

    terminal = Terminal(folder, columns=100, waits=False).start()
    slow = ask(terminal.port, "/big%20file.bin", read=1000)
    terminal.read(r"big file\.bin.*%")
    check("nor does one that is full and cannot wait", all(serves(terminal) for _ in range(200)))
    time.sleep(0.5)
    check("nor later", serves(terminal))
    slow.close()
    check("and the end is a good one", stops(terminal))
    os.close(terminal.master)


def narrow(folder):
    terminal = Terminal(folder, "--lan", "--qr", columns=20).start()
    slow = ask(terminal.port, "/big%20file.bin", read=1000)
    text = terminal.read(r"\d%[^\n]*big")
    lines = [line for line in re.split(r"[\r\n]+", plain(text)) if "%" in line and "big" in line and "GET" not in line]
    check("a terminal of 20 columns has a short line", lines and all(len(line.rstrip()) <= 20 for line in lines), text)
    check("which has no room for a QR code, and that is said", "too narrow" in plain(text), text)
    slow.close()
    terminal.interrupt()
    check("and it ends well", terminal.end() == 0)


def codes(folder):
    terminal = Terminal(folder, "--lan").start()
    text = terminal.read("\u2580")
    check("--lan shows a QR code to who watches, black on white", "\x1b[30;107m" in text and "\u2580" in text, text)
    terminal.interrupt()
    terminal.end()
    piped = subprocess.run([serve, "--port", "0", "--lan", "--for", "300ms", folder], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    check("and to nobody else", piped.returncode == 0 and "\u2580" not in piped.stderr.decode(), piped.stderr)


def escapes(folder):
    name = "\x1b[2J\u202eevil.bin"
    with open(os.path.join(folder, name), "wb") as file:
        file.truncate(SIZE)
    terminal = Terminal(folder, columns=100).start()
    slow = ask(terminal.port, "/%1b%5b2J%e2%80%aeevil.bin", read=1000)
    text = terminal.read(r"evil\.bin")
    check("a name with escape sequences stays a name (R46)", "\\u{1b}[2J" in text and "\x1b[2J\u202e" not in text, text)
    slow.close()
    terminal.interrupt()
    terminal.end()
    os.unlink(os.path.join(folder, name))


def plainly(folder):
    terminal = Terminal(folder, env={"NO_COLOR": "1"}, columns=100).start()
    slow = ask(terminal.port, "/big%20file.bin", read=1000)
    text = terminal.read(r"big file\.bin.*%")
    check("NO_COLOR: lines, and no colours", "big file" in text and not re.search(r"\x1b\[[0-9;]*[1-9]m", text), text)
    slow.close()
    terminal.interrupt()
    terminal.end()

    terminal = Terminal(folder, env={"TERM": "dumb"}).start()
    slow = ask(terminal.port, "/big%20file.bin", read=1000)
    time.sleep(2)
    slow.close()
    terminal.interrupt()
    terminal.end()
    check("TERM=dumb: nothing but lines of text", "\x1b" not in terminal.text and "Sent 0 whole" in terminal.text, terminal.text)

    process = subprocess.Popen([serve, "--port", "0", folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    url = b""
    while b"Press" not in url:
        url += process.stderr.readline()
    slow = ask(int(re.search(rb"http://[^:]+:(\d+)/", url).group(1)), "/big%20file.bin", read=1000)
    time.sleep(2)
    slow.close()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    check("no terminal: no colour, no cursor, no summary", b"\x1b" not in url + err + out and b"Sent" not in err, err)


def once(folder):
    terminal = Terminal(os.path.join(folder, "big file.bin"), "--once").start()
    ask(terminal.port, "/big%20file.bin", read=1000).close()
    check("--once goes on after what was cut off", terminal.process.poll() is None)
    ask(terminal.port, "/big%20file.bin").close()
    check("--once ends with 0 after one whole file", terminal.end() == 0)
    check("and says so", "With an end after one file." in plain(terminal.text) and "Sent 1 whole file," in terminal.text, terminal.text)


def closed(folder):
    """A standard output that nobody reads any more."""
    read, write = os.pipe()
    os.close(read)
    terminal = Terminal(folder, "--log", "combined", stdout=write).start()
    os.close(write)
    ask(terminal.port, "/small.txt").close()
    ask(terminal.port, "/small.txt").close()
    check("a closed standard output stops nothing", terminal.process.poll() is None)
    terminal.interrupt()
    check("and the end is a good one", terminal.end() == 0)


with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "big file.bin"), "wb") as file:
        file.truncate(SIZE)
    with open(os.path.join(folder, "small.txt"), "w") as file:
        file.write("small\n")
    for trial in (transfers, speed, many, troubles, narrow, codes, escapes, plainly, once, closed):
        print(f"-- {trial.__name__}", flush=True)
        trial(folder)
if failures:
    sys.exit(f"{len(failures)} failed")
