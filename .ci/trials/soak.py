"""A long time of everyday use and misuse: nothing may leak, and every byte has to be right.

`soak.py PROGRAM SECONDS REQUESTS-A-SECOND`. Hundreds of connections are kept; seven of
ten requests are for small files, the others conditions, ranges, broken downloads, nonsense
and listings. Two files are rewritten every second, one by a rename and one in place.
"""

import hashlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from client import Broken, Client
from server import Server, close_waits, share_of_processor

CONNECTIONS, WORKERS = 500, 8
SMALL, LARGE, VERSIONS = 200, 4 << 20, 16
WARM_UP = 300.0
RSS_SLOPE_MAX = 1024  # KiB an hour
WAKE_UPS_MAX = 10  # in ten seconds of rest
NONSENSE = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
)


def content(name, version, size):
    """Bytes that no other file and no other version has."""
    block = hashlib.sha256(f"{name} {version}".encode()).digest()
    return (block * (size // len(block) + 1))[:size]


class Site:
    """The files, and what of each may be sent now."""

    def __init__(self, root):
        self.root = Path(root)
        self.small = [f"small{n}.bin" for n in range(SMALL)]
        for n, name in enumerate(self.small):
            (self.root / name).write_bytes(content(name, 0, 100 + n * 150))
        self.large = content("large", 0, LARGE)
        (self.root / "large").write_bytes(self.large)
        (self.root / "index.html").write_text("hello")
        (self.root / "folder").mkdir()
        for n in range(100):
            (self.root / "folder" / f"entry{n}").write_text("entry")
        # Versions that may be seen: the last one, and while it is exchanged the next one.
        self.renamed = [0]
        self.write_renamed(0)
        (self.root / "in-place").write_bytes(b"a" * 50_000)

    def expected_small(self, n):
        return content(self.small[n], 0, 100 + n * 150)

    def write_renamed(self, version):
        """The whole file is new, or the old one is: never something in between."""
        draft = self.root / ".draft"
        draft.write_bytes(content("renamed", version, 1000 + version % VERSIONS * 5000))
        self.renamed = [*self.renamed[-1:], version]
        os.replace(draft, self.root / "renamed")
        self.renamed = [version]

    def write_in_place(self, version):
        """A reader may see a part of both, but of nothing else."""
        with open(self.root / "in-place", "r+b") as file:
            size = 20_000 + version % VERSIONS * 5000
            file.write(bytes([ord("a") + version % 26]) * size)
            file.truncate()

    def rewrite(self, stopping):
        version = 0
        while not stopping.wait(1.0):
            version += 1
            self.write_renamed(version)
            self.write_in_place(version)


class Worker(threading.Thread):
    """Some of the connections, one request after the other."""

    def __init__(self, site, port, seed, rate, stopping, slots):
        # It ends with the process, whatever ends that.
        super().__init__(daemon=True)
        self.site, self.port, self.rate, self.stopping = site, port, rate, stopping
        self.random = random.Random(seed)
        self.slots = [None] * slots
        self.tags, self.kind = {}, ""
        self.counts, self.errors = Counter(), []

    def run(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            due += 1 / self.rate
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            slot = self.random.randrange(len(self.slots))
            try:
                self.one(slot)
            except (Broken, OSError, ValueError, KeyError, AssertionError) as error:
                self.errors.append(f"{self.kind}: {type(error).__name__}: {error}")
                self.drop(slot)
        for slot in range(len(self.slots)):
            self.drop(slot)

    def client(self, slot):
        if self.slots[slot] is None:
            self.slots[slot] = Client(self.port, timeout=60)
        return self.slots[slot]

    def drop(self, slot):
        if self.slots[slot] is not None:
            self.slots[slot].close()
        self.slots[slot] = None

    def one(self, slot):
        chance = self.random.random() * 100
        for share, kind in (
            (60, self.get_small),
            (8, self.get_renamed),
            (2, self.get_in_place),
            (10, self.not_modified),
            (10, self.ranges),
            (5, self.abort),
            (3, self.nonsense),
            (2, self.listing),
        ):
            chance -= share
            if chance < 0:
                self.kind = kind.__name__
                self.counts[self.kind] += 1
                return kind(slot)
        raise AssertionError("the shares do not add up")

    def ask(self, slot, *request, **options):
        """An idle connection may have been closed by its timeout: then a new one."""
        for attempt in (0, 1):
            fresh = self.slots[slot] is None
            try:
                return self.client(slot).ask(*request, **options)
            except Broken:
                self.drop(slot)
                if fresh or attempt:
                    raise
                self.counts["closed while idle"] += 1

    def expect(self, answer, status, body=None):
        assert answer.status == status, f"{answer}, not {status}"
        assert body is None or answer.body == body, f"{answer}: other bytes"

    def get_small(self, slot):
        n = self.random.randrange(SMALL)
        answer = self.ask(slot, "/" + self.site.small[n])
        self.expect(answer, 200, self.site.expected_small(n))
        self.tags[n] = answer.fields["etag"]

    def get_renamed(self, slot):
        before = list(self.site.renamed)
        answer = self.ask(slot, "/renamed")
        assert answer.status == 200, answer
        versions = {*before, *self.site.renamed}
        may = [content("renamed", v, 1000 + v % VERSIONS * 5000) for v in range(min(versions), max(versions) + 1)]
        assert answer.body in may, f"a body of {len(answer.body)} bytes that is no version in {versions}"

    def get_in_place(self, slot):
        try:
            answer = self.ask(slot, "/in-place")
        except Broken:
            # It shrank while it was sent.
            self.counts["in place: cut"] += 1
            return
        assert answer.status == 200, answer
        # What is on its way is the page of the file itself, and zeros where it was cut.
        strange = answer.body.translate(None, bytes(range(ord("a"), ord("z") + 1)) + b"\0")
        assert not strange, f"bytes that the file never had: {strange[:20]}"

    def not_modified(self, slot):
        if not self.tags:
            return self.get_small(slot)
        n = self.random.choice(list(self.tags))
        self.expect(self.ask(slot, "/" + self.site.small[n], f"If-None-Match: {self.tags[n]}"), 304)

    def ranges(self, slot):
        first = self.random.randrange(LARGE)
        last = min(first + self.random.randrange(100_000), LARGE - 1)
        answer = self.ask(slot, "/large", f"Range: bytes={first}-{last}")
        self.expect(answer, 206, self.site.large[first : last + 1])

    def abort(self, slot):
        client = self.client(slot)
        try:
            client.request("/large")
            client.take(self.random.randrange(1, 300_000))
        except Broken:
            self.counts["closed while idle"] += 1
        if self.random.random() < 0.5:
            client.reset()
        self.drop(slot)

    def nonsense(self, slot):
        client = self.client(slot)
        try:
            client.send(self.random.choice(NONSENSE))
            client.socket.shutdown(1)
            rest, _ = client.rest()
        except (Broken, OSError):
            self.counts["closed while idle"] += 1
        else:
            assert not rest or rest.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), rest[:40]
        self.drop(slot)

    def listing(self, slot):
        answer = self.ask(slot, "/folder/")
        self.expect(answer, 200)
        assert all(f"entry{n}" in answer.body.decode() for n in range(100)), "entries are missing"


def slope(samples):
    """KiB an hour, by least squares."""
    count = len(samples)
    mean_x = sum(x for x, _ in samples) / count
    mean_y = sum(y for _, y in samples) / count
    below = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / below * 3600 if below else 0.0


def watch(server, seconds, workers):
    """Samples memory and the states of connections until time is over."""
    start, samples, forgotten, told, late = time.monotonic(), [], 0, Counter(), 0.0
    busy_before = server.seconds()
    every = min(10.0, seconds / 12)
    while (passed := time.monotonic() - start) < seconds:
        waiting = close_waits(server.port)
        time.sleep(1.5)
        forgotten += len(waiting & close_waits(server.port))
        samples.append((passed, server.resident()))
        requests = sum(sum(worker.counts.values()) for worker in workers)
        errors = sum(len(worker.errors) for worker in workers)
        print(
            f"{passed:7.0f} s  {server.resident():7} KiB  {server.descriptors():5} descriptors  "
            f"{len(server.threads()):3} threads  {requests:8} requests  {errors} errors",
            flush=True,
        )
        for worker in workers:
            for error in worker.errors[told[worker] :][:5]:
                print(f"          {error}", flush=True)
            told[worker] = len(worker.errors)
        slept = time.monotonic()
        time.sleep(max(0.0, every - 1.5))
        late = max(late, time.monotonic() - slept - max(0.0, every - 1.5))
    share = (server.seconds() - busy_before) / (time.monotonic() - start)
    print(f"of the machine: a sleep of ours took {late:.1f} s too long at most")
    return samples, forgotten, share


def rest(server):
    """What it does while nothing happens: its share of a processor, and how often it wakes in
    ten seconds. What it still had to do, such as compressing for later, may come first."""
    for _ in range(3):
        before = server.switches()
        idle = share_of_processor(server, 10)
        after = server.switches()
        woken = {thread: count - before.get(thread, 0) for thread, count in after.items() if count > before.get(thread, 0)}
        if sum(woken.values()) <= WAKE_UPS_MAX:
            break
        print(f"still at work: {woken}")
    return idle, sum(woken.values())


def main(program, seconds, rate):
    trouble = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="soak-") as root, Server(
        program, root, "--threads", 2, "--verbose"
    ) as server:
        site, stopping = Site(root), threading.Event()
        before = server.descriptors()
        rewriter = threading.Thread(target=site.rewrite, args=(stopping,), daemon=True)
        slots = CONNECTIONS // WORKERS
        workers = [Worker(site, server.port, seed, rate / WORKERS, stopping, slots) for seed in range(WORKERS)]
        for thread in (rewriter, *workers):
            thread.start()
        samples, forgotten, share = watch(server, seconds, workers)
        stopping.set()
        for thread in (rewriter, *workers):
            thread.join()
        counts = sum((worker.counts for worker in workers), Counter())
        errors = [error for worker in workers for error in worker.errors]
        # Every client has left; on a busy machine it takes a while until that is seen.
        end = time.monotonic() + 30
        while server.descriptors() > before and time.monotonic() < end:
            time.sleep(0.1)
        after = server.descriptors()
        idle, switches = rest(server)
        settled = [sample for sample in samples if sample[0] >= min(WARM_UP, seconds / 2)]
        grown = slope(settled)
        print(f"requests: {sum(counts.values())}: {dict(counts)}")
        print(
            f"resident: {samples[0][1]} KiB at first, {samples[-1][1]} KiB at last, "
            f"at most {max(y for _, y in samples)} KiB"
        )
        print(f"resident after the warm-up: {grown:+.0f} KiB an hour")
        print(f"descriptors: {before} before, {after} after; in CLOSE_WAIT for more than a second: {forgotten}")
        print(f"processor: {share:.2%} of one under load, {idle:.2%} afterwards, with {switches} wake-ups in 10 s")
        if errors:
            trouble.append(f"{len(errors)} wrong answers, the first ones: {errors[:5]}")
        if after > before:
            trouble.append(f"{after - before} descriptors leaked")
        if forgotten:
            trouble.append(f"{forgotten} connections were not closed a second after their client had left")
        # Over a minute the slope says little, so there a bound stands for it.
        if grown > RSS_SLOPE_MAX if seconds > 2 * WARM_UP else settled[-1][1] - settled[0][1] > 4096:
            trouble.append(f"memory grows: {settled[0][1]} KiB, then {settled[-1][1]} KiB")
        if switches > WAKE_UPS_MAX:
            trouble.append(f"{switches} wake-ups in 10 s while nothing happens")
        if (code := server.stop()) != 0:
            trouble.append(f"it ended with {code}")
        print(server.read_messages().strip().splitlines()[-1])
    for line in trouble:
        print(f"FAILED: {line}")
    print("soak: " + ("failed" if trouble else f"ok, {seconds:.0f} s"))
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
