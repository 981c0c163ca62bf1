"""Reads requests as http.server does, or with h11, and says what it made of each: see peers.rs."""

import http.server
import io
import struct
import sys


def hexed(value):
    value = value if isinstance(value, bytes) else value.encode("latin-1", "replace")
    return value.hex() or "-"


def line(method, target, version, end, body, fields):
    flat = [hexed(part) for field in fields for part in field]
    return " ".join(["read", hexed(method), hexed(target), version, str(end), body, *flat])


class Handler(http.server.BaseHTTPRequestHandler):
    """What there is of a handler without a socket."""

    def __init__(self, data):
        self.rfile, self.wfile = io.BytesIO(data), io.BytesIO()

    def log_message(self, *_):
        pass


def http_server(data):
    handler = Handler(data)
    handler.raw_requestline = handler.rfile.readline(65537)
    if not handler.raw_requestline.endswith(b"\n"):
        return "incomplete"
    if not handler.parse_request():
        return "refused"
    end = handler.rfile.tell()
    # It takes the end of the input for the end of the head; a socket would have waited.
    if not data[:end].endswith((b"\n\r\n", b"\n\n")):
        return "incomplete"
    version = handler.request_version.partition("/")[2]
    # What follows the head is left to whoever handles the request.
    return line(handler.command, handler.path, version, end, "unsaid", handler.headers.raw_items())


def h11_request(data):
    """A connection that has been given this, and its first event."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    return connection, connection.next_event()


def h11_body(head):
    connection, _ = h11_request(head)
    # Lines that are no sizes of chunks.
    connection.receive_data(b"x\r\n" * 1366)
    length = 0
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                length += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return str(length)
            else:
                return "long"
    except h11.RemoteProtocolError:
        return "chunked"


def by_h11(data):
    try:
        connection, event = h11_request(data)
    except h11.RemoteProtocolError:
        return "refused"
    if event is h11.NEED_DATA:
        return "incomplete"
    end = len(data) - len(connection.trailing_data[0])
    version = event.http_version.decode()
    return line(event.method, event.target, version, end, h11_body(data[:end]), event.headers.raw_items())


if sys.argv[1] == "h11":
    import h11

    read = by_h11
else:
    read = http_server
with open(sys.argv[2], "rb") as file:
    everything = file.read()
at, lines = 0, []
while at < len(everything):
    (length,) = struct.unpack_from("<I", everything, at)
    try:
        lines.append(read(everything[at + 4 : at + 4 + length]))
    except Exception as error:  # A server would have closed the connection.
        print(type(error).__name__, error, file=sys.stderr)
        lines.append("refused")
    at += 4 + length
print("\n".join(lines))
