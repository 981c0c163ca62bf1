"""Draws what a terminal shows while a folder is shared with the network.

    picture.py SERVE FILE

Needs root, iproute2 and python3-pyte. The server and those who load from it have a network of
their own, so the addresses are the same on every machine, and nobody else is reached."""

import fcntl
import html
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

COLUMNS, ROWS = 90, 32
PROMPT = "\x1b[1;32m$\x1b[0m "
COMMAND = "serve talks --lan"
SERVER = "192.168.1.20"
# Who loads what, how many bytes a second, and whether the picture waits for the end.
CLIENTS = [
    ("192.168.1.31", "/", None),
    ("192.168.1.31", "/slides.pdf", None),
    ("192.168.1.42", "/Slides.pdf", None),
    ("192.168.1.42", "/photos/", None),
    ("192.168.1.31", "/keynote.mp4", 41_000_000),
    ("192.168.1.42", "/photos/?download=zip", 18_000_000),
    ("192.168.1.57", "/keynote.mp4", 7_500_000),
]
MIB = 1 << 20


def run(*command):
    subprocess.run(command, check=True)


# -- The network -------------------------------------------------------------------------------

def join(interface, *addresses):
    run("ip", "link", "set", "lo", "up")
    for address in addresses:
        run("ip", "addr", "add", f"{address}/24", "dev", interface)
    run("ip", "link", "set", interface, "up")


def load(address, target, rate):
    """All of it, or for ever at this rate."""
    client = socket.create_connection((SERVER, 8000), timeout=20, source_address=(address, 0))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
    client.sendall(f"GET {target} HTTP/1.1\r\nHost: {SERVER}:8000\r\nAccept: text/html\r\nConnection: close\r\n\r\n".encode())
    started, got = time.monotonic(), 0
    while piece := client.recv(MIB):
        got += len(piece)
        if rate:
            time.sleep(max(0, started + got / rate - time.monotonic()))


def clients():
    """Those who load, in the network of this process: it says when it is there, and is told
    when its interface and the server are."""
    print("here", flush=True)
    sys.stdin.readline()
    join("away", *sorted({address for address, _, _ in CLIENTS}))
    print("joined", flush=True)
    sys.stdin.readline()
    for client in CLIENTS:
        if client[2]:
            threading.Thread(target=load, args=client, daemon=True).start()
        else:
            load(*client)
    sys.stdin.readline()


# -- The terminal ------------------------------------------------------------------------------

def make(folder):
    os.makedirs(f"{folder}/photos")
    for name, size in [("keynote.mp4", 900 * MIB), ("slides.pdf", 3 * MIB), ("notes.md", 2000)]:
        with open(f"{folder}/{name}", "wb") as file:
            file.truncate(size)
    for number in range(1, 41):
        with open(f"{folder}/photos/{number:02}.jpg", "wb") as file:
            file.truncate(5 * MIB)


def record(serve):
    """What the program wrote when all transfers had been under way for some time."""
    import pyte
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    stream.feed((PROMPT + COMMAND + "\r\n").encode())
    run("mount", "-t", "tmpfs", "none", "/srv")
    make("/srv/talks")
    there = subprocess.Popen(
        ["unshare", "--net", sys.executable, __file__, "--clients"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    there.stdout.readline()
    run("ip", "link", "add", "here", "type", "veth", "peer", "name", "away", "netns", str(there.pid))
    join("here", SERVER)
    tell = lambda: (there.stdin.write("\n"), there.stdin.flush())
    tell()
    there.stdout.readline()

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [serve, *COMMAND.split()[1:]], cwd="/srv", env=environment, user=65534, group=65534, extra_groups=[],
        stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)

    def watch(until):
        deadline = time.monotonic() + 30
        while not until("\n".join(screen.display)):
            if time.monotonic() > deadline:
                sys.exit("not seen:\n" + "\n".join(screen.display))
            if select.select([master], [], [], 0.1)[0]:
                stream.feed(os.read(master, 65536))

    watch(lambda text: "Press Ctrl-C" in text and "\u2580" in text)
    tell()
    is_far = lambda text: [int(far) for far in re.findall(r"(\d+)% ", text)]
    slow = sum(1 for client in CLIENTS if client[2])
    watch(lambda text: len(is_far(text)) == slow and max(is_far(text)) >= 60)
    process.send_signal(signal.SIGTERM)
    there.terminate()
    there.wait()
    process.wait(timeout=30)
    return screen


# -- The picture -------------------------------------------------------------------------------

CELL, LINE, MARGIN = 8.4, 18, 18
PAPER, INK = "#1c2128", "#d3dae3"
COLORS = {
    "black": "#000000", "red": "#f47067", "green": "#6bc46d", "brown": "#daaa3f", "blue": "#6cb6ff",
    "magenta": "#dcbdfb", "cyan": "#56d4dd", "white": "#adbac7", "brightwhite": "#ffffff",
    "brightblack": "#768390", "default": None,
}
# What has to touch its neighbours is drawn, because fonts leave gaps: left, top, width, height.
BLOCKS = {
    "\u2588": (0, 0, 1, 1), "\u2580": (0, 0, 1, 0.5), "\u2584": (0, 0.5, 1, 0.5),
    "\u2501": (0, 0.42, 1, 0.2), "\u2578": (0, 0.42, 0.5, 0.2), "\u2500": (0, 0.48, 1, 0.08),
}


def color(name):
    if name in COLORS:
        return COLORS[name]
    return "#" + name if re.fullmatch("[0-9a-f]{6}", name) else sys.exit(f"no colour is known as {name}")


def runs(row):
    """Neighbours that look the same: where they begin, their look, their text."""
    begin, look, text = 0, None, ""
    for column in range(COLUMNS + 1):
        cell = row[column] if column < COLUMNS else None
        seen = cell and (cell.fg, cell.bg, cell.bold, cell.data in BLOCKS and cell.data)
        if seen != look:
            if look:
                yield begin, look, text
            begin, look, text = column, seen, ""
        text += cell.data if cell else ""


def rectangle(left, top, width, height, fill):
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def draw(screen):
    lines = max(row for row, text in enumerate(screen.display) if text.strip()) + 1
    width, height = COLUMNS * CELL + 2 * MARGIN, lines * LINE + 2 * MARGIN
    parts = []
    for number in range(lines):
        top = MARGIN + number * LINE
        for begin, (ink, paper, bold, block), text in runs(screen.buffer[number]):
            left, across = MARGIN + begin * CELL, len(text) * CELL
            if color(paper):
                # Bright colours are not told from others by pyte, and no other is used as paper.
                parts.append(rectangle(left, top, across, LINE, "#ffffff" if paper == "white" else color(paper)))
            ink = color(ink) or INK
            if block:
                x, y, share, tall = BLOCKS[block]
                across = across if share == 1 else CELL * share
                parts.append(rectangle(left + x * CELL, top + y * LINE, across, tall * LINE, ink))
            elif text.strip():
                stripped = text.lstrip()
                left += (len(text) - len(stripped)) * CELL
                stripped = stripped.rstrip()
                weight = ' font-weight="bold"' if bold else ""
                parts.append(
                    f'<text x="{left:.1f}" y="{top + 13.5:.1f}" textLength="{len(stripped) * CELL:.1f}" '
                    f'lengthAdjust="spacingAndGlyphs" fill="{ink}"{weight}>{html.escape(stripped)}</text>')
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" '
        'font-size="14" xml:space="preserve" shape-rendering="crispEdges">',
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>', *parts, "</svg>", ""])


if __name__ == "__main__":
    if sys.argv[1] == "--clients":
        clients()
    else:
        picture = draw(record(os.path.abspath(sys.argv[1])))
        with open(sys.argv[2], "w") as file:
            file.write(picture)
