"""A client that believes nothing: it checks the framing of every answer it reads."""

import contextlib
import socket
import struct
import time

HOST = "127.0.0.1"


class Broken(Exception):
    """The connection ended within an answer, in order or by a reset."""


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def __repr__(self):
        return f"{self.status} with {len(self.body)} bytes"


class Client:
    """One connection. It ends with the block, or with the object."""

    def __init__(self, port, timeout=10.0, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((HOST, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves without a word of farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Broken(str(error)) from error

    def request(self, target, *fields, method="GET"):
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *fields, "", ""]
        self.send("\r\n".join(lines).encode())

    def ask(self, target, *fields, method="GET"):
        """The answer to one request."""
        self.request(target, *fields, method=method)
        return self.answer(method)

    def answer(self, method="GET"):
        status, fields = self.head()
        # There is no chunked coding anywhere, and no answer without its length.
        bodiless = method == "HEAD" or status in (204, 304)
        length = 0 if bodiless else int(fields["content-length"])
        return Answer(status, fields, self.take(length))

    def head(self):
        """Status and fields of the next answer; its body is left."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > 1 << 16:
                raise ValueError("a head without an end")
            self.more()
        lines = self.take(end + 4)[:end].decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        if version != "HTTP/1.1":
            raise ValueError(f"no status line: {lines[0]!r}")
        fields = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            fields[name.lower()] = value
        return int(status), fields

    def take(self, count):
        """Exactly so many bytes."""
        while len(self.buffer) < count:
            self.more()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def more(self):
        try:
            piece = self.socket.recv(1 << 18)
        except ConnectionResetError as error:
            raise Broken("reset") from error
        if not piece:
            raise Broken("ended")
        self.buffer += piece

    def rest(self):
        """Everything up to the end, and whether that was an orderly one."""
        while True:
            try:
                self.more()
            except Broken as end:
                taken = bytes(self.buffer)
                self.buffer.clear()
                return taken, str(end) == "ended"


def probe(port, target="/", body=None, within=1.0, status=200):
    """A new connection is answered rightly, in time; returns the seconds it took."""
    start = time.monotonic()
    with Client(port, timeout=max(within, 1.0) * 5) as client:
        answer = client.ask(target, "Connection: close")
    took = time.monotonic() - start
    if answer.status != status or (body is not None and answer.body != body):
        raise AssertionError(f"a probe of {target} got {answer}")
    if took > within:
        raise AssertionError(f"a probe of {target} took {took:.2f} s")
    return took


def until(what, within=5.0, every=0.02):
    """Waits for something to become true."""
    end = time.monotonic() + within
    while not (value := what()):
        if time.monotonic() > end:
            raise AssertionError(
                f"not within {within:.0f} s: {getattr(what, '__doc__', None) or 'what was waited for'}"
            )
        time.sleep(every)
    return value


@contextlib.contextmanager
def clients(port, count, **options):
    """So many connections, closed with the block."""
    opened = []
    try:
        for _ in range(count):
            opened.append(Client(port, **options))
        yield opened
    finally:
        for client in opened:
            client.close()
