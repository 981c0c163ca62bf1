"""A path that is worse than any network: it tears, delays, and resets at random places."""

import contextlib
import random
import socket
import struct
import threading
import time

from client import HOST


class Impaired:
    """Passes connections on to a port, badly. The same seed is as bad again."""

    def __init__(self, port, seed):
        self.target, self.random = port, random.Random(seed)
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Who is still accepting is told by an error.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection((HOST, self.target))
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # Half of them are cut: some within the request, most within the answer.
                cuts = [10**12, 10**12]
                if self.random.random() < 0.5:
                    way = self.random.random() < 0.8
                    cuts[way] = self.random.choice([0, 50, 300, 3000, 10**5, 10**6]) + self.random.randrange(100)
                for way, (source, sink) in enumerate(((client, server), (server, client))):
                    seed = self.random.random()
                    threading.Thread(target=self.carry, args=(source, sink, cuts[way], seed), daemon=True).start()

    @staticmethod
    def carry(source, sink, left, seed):
        """The first bytes one by one, then pieces of all sizes; after `left` bytes resets both ends."""
        choice = random.Random(seed)
        carried = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                while piece:
                    size = 1 if carried < 400 else choice.choice([1, 7, 1000, 1 << 16])
                    if carried + size > left:
                        for end in (source, sink):
                            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                            end.shutdown(socket.SHUT_RD)
                            end.close()
                        return
                    sink.sendall(piece[:size])
                    carried += size
                    piece = piece[size:]
                    if choice.random() < 0.02:
                        time.sleep(choice.random() * 0.01)
            sink.shutdown(socket.SHUT_WR)
