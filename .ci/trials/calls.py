"""System calls that fail: strace makes them."""

import time
from collections import Counter

from client import Broken, Client, clients, probe, until
from rows import CONTENT, SMALL, answers, expect_same, row


def accept_is_starved(world, error):
    """Nothing to be had for a while: it rests, and those who waited are served without a new one."""
    with world.serving("--threads", 1) as server:
        with clients(server.port, 0) as waiting:
            with server.traced(f"accept4:error={error}") as seen:
                for _ in range(20):
                    client = Client(server.port)
                    client.request("/", "Connection: close")
                    waiting.append(client)
                before, start = server.seconds(), time.monotonic()
                time.sleep(2.5)
                passed = time.monotonic() - start
                share = (server.seconds() - before) / passed
                calls = sum("accept4(" in line for line in seen())
                assert 2 <= calls < 20 * passed, f"{calls} calls of accept in {passed:.1f} s"
                assert share < 0.05, f"{share:.0%} of a processor while it rests"
                start = time.monotonic()
            for client in waiting:
                assert client.answer().body == b"hello"
            took = time.monotonic() - start
            # It looks again once a second at least.
            assert took < 1.5, f"served {took:.1f} s after there was something to be had again"
    return (
        f"20 waited: {calls} calls of accept in {passed:.1f} s, {share:.1%} of a processor; served after {took:.2f} s"
    )


def accept_fails_for_one(world, error):
    with world.serving("--threads", 1) as server, server.traced(f"accept4:error={error}:when=1+2") as seen:
        for _ in range(50):
            probe(server.port, body=b"hello")
        failed = sum("INJECTED" in line for line in seen())
        assert failed >= 25, f"only {failed} calls failed"
    return f"{failed} calls failed, 50 of 50 served"


for starved in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"):
    row(f"accept: {starved} until further notice")(lambda world, error=starved: accept_is_starved(world, error))
for passing in ("ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "EINTR"):
    row(f"accept: {passing} every other time")(lambda world, error=passing: accept_fails_for_one(world, error))


@row("EINTR every third time, at every call that may wait")
def interrupted(world):
    """Of the loop. What wakes it, an eventfd, never waits and is never interrupted."""
    calls = "epoll_wait,recvfrom,sendto,sendmsg,writev,write,sendfile,openat2,openat,pread64,accept4"
    with world.serving("--threads", 1) as server:
        usual = answers(server)
        with server.traced(f"{calls}:error=EINTR:when=1+3", only="serve-0") as seen:
            for _ in range(2):
                expect_same(answers(server), usual)
            failed = sum("INJECTED" in line for line in seen())
        assert failed > 50, f"only {failed} calls failed"
    return f"{failed} calls failed, {len(usual)} answers as usual"


@row("EINTR every other time, at the writing of the log")
def log_interrupted(world):
    with open(world.work / "log", "wb") as log, world.serving(
        "--threads", 1, "--log", "combined", output=log
    ) as server:
        with server.traced("write:error=EINTR:when=1+2", only="serve-log"):
            for n in range(100):
                probe(server.port, f"/missing{n}", status=404)
    lines = (world.work / "log").read_text()
    missing = [n for n in range(100) if lines.count(f"GET /missing{n} HTTP") != 1]
    assert not missing, f"{len(missing)} lines are not there once"
    return "each of 100 lines is there once"


OPEN_ERRORS = {
    "EMFILE": 503,
    "ENFILE": 503,
    "ENOMEM": 503,
    "EACCES": 403,
    "EPERM": 403,
    "EIO": 500,
    "ESTALE": 500,
    "ELOOP": 404,
    "ENXIO": 404,
    "ENOTDIR": 404,
    "ENAMETOOLONG": 404,
}


def opening_fails(world, error, status):
    name = f"file-{error}"
    (world.root / name).write_bytes(SMALL)
    with world.serving("--threads", 1) as server, Client(server.port) as client:
        with server.traced(f"openat2,openat:error={error}", paths=(name,)):
            for _ in range(3):
                answer = client.ask(f"/{name}")
                assert answer.status == status, f"{answer}, not {status}"
                assert str(world.root).encode() not in answer.body, "the page tells a path"
                assert client.ask("/small").body == SMALL, "the connection has suffered"
                assert (status == 503) == ("retry-after" in answer.fields), answer.fields
        assert client.ask(f"/{name}").body == SMALL, "it was remembered"
    return f"{status}, and the same connection goes on"


for error, status in OPEN_ERRORS.items():
    row(f"open: {error}")(lambda world, error=error, status=status: opening_fails(world, error, status))


@row("open: fails beneath a folder that is listed")
def listing_fails(world):
    with world.serving("--threads", 1) as server, Client(server.port) as client:
        for call, error, status in (("openat2,openat", "EMFILE", 503), ("getdents64", "EIO", 500)):
            with server.traced(f"{call}:error={error}", paths=("folder", world.root / "folder")):
                answer = client.ask("/folder/")
                assert answer.status == status, f"{error}: {answer}"
        assert client.ask("/folder/").status == 200
    return "503 and 500"


def remember(server, name):
    """Asks for a small file until it is remembered: until then it is opened, and after that looked at."""

    def is_looked_at():
        """a look at what is remembered"""
        probe(server.port, f"/{name}", body=SMALL)
        return "newfstatat(" in "".join(seen())

    with server.traced(calls="newfstatat", paths=(name,)) as seen:
        until(is_looked_at, 10)


def look_fails(world, error):
    """The look at what is remembered, and at what was opened."""
    with world.serving("--threads", 1) as server, Client(server.port) as client:
        remember(server, "small")
        with server.traced(f"newfstatat:error={error}", paths=("small",)) as seen:
            answer = client.ask("/small")
            assert answer.body == SMALL, f"what cannot be looked at is opened: {answer}"
        assert any("INJECTED" in line for line in seen()), "it was not looked at"
        (world.root / "new").write_bytes(SMALL)
        with server.traced(f"fstat:error={error}", paths=(world.root / "new",)) as seen:
            answer = client.ask("/new")
            assert answer.status in (500, 403), answer
        assert any("INJECTED" in line for line in seen()), "it was not looked at"
        assert client.ask("/new").body == SMALL
    return f"opened instead, and {answer.status}"


for error in ("EIO", "ESTALE", "EACCES"):
    row(f"stat: {error}")(lambda world, error=error: look_fails(world, error))


def without_openat2(world, error):
    """Kernels before 5.6, and the filters of containers: never there at all."""
    with world.serving("--threads", 1) as server:
        usual = answers(server)
    tracer = ("strace", "-D", "-f", "-q", "-o", str(world.work / "all"), "-e", "trace=openat2,openat")
    with world.serving("--threads", 1, before=(*tracer, "-e", f"inject=openat2:error={error}")) as server:
        expect_same(answers(server), usual)
    calls = (world.work / "all").read_text().splitlines()
    refused = sum("openat2(" in call for call in calls)
    assert refused, "openat2 was never tried"
    return f"{len(usual)} answers as with it, {refused} tries, {len(calls) - refused} opens by name"


for error in ("ENOSYS", "EPERM"):
    row(f"openat2: {error} from the start")(lambda world, error=error: without_openat2(world, error))


@row("openat2: EAGAIN, as when names change all the time")
def always_again(world):
    with world.serving("--threads", 1) as server:
        usual = answers(server)
        with server.traced("openat2:error=EAGAIN") as seen:
            expect_same(answers(server), usual)
            again = sum("INJECTED" in line for line in seen())
        assert again > len(usual), f"only {again} calls failed"
    return f"{len(usual)} answers as usual, {again} calls failed"


READ_FAULTS = (
    # What fails, when, and whether the whole body can come still.
    ("sendfile:error=EINVAL", "whole"),
    ("sendfile:error=ENOSYS", "whole"),
    ("sendfile:error=EIO:when=2+", "whole"),
    ("sendfile:retval=0:when=2", "reset"),
    ("sendfile:error=ENOMEM:when=2", "reset"),
    ("sendfile:error=EINVAL pread64:error=EIO:when=3", "reset"),
    ("sendfile:error=EINVAL pread64:retval=0:when=3", "reset"),
)


def reading_fails(world, injections, outcome):
    """Within a body there is no other way to say so than to break off."""
    with world.serving("--threads", 1) as server, Client(server.port) as bystander:
        assert bystander.ask("/small").body == SMALL
        with server.traced(*injections.split()) as seen, Client(server.port) as client:
            client.request("/large")
            if outcome == "whole":
                assert client.answer().body == CONTENT["large"]
                assert client.ask("/small").body == SMALL
            else:
                _, fields = client.head()
                body, is_orderly = client.rest()
                assert not is_orderly, f"an orderly end after {len(body)} bytes: a part that passes for the whole"
                assert len(body) < int(fields["content-length"]) and CONTENT["large"].startswith(body), "other bytes"
            assert any("INJECTED" in line for line in seen()), "nothing failed"
        assert bystander.ask("/large").body == CONTENT["large"]
        assert bystander.ask("/small").body == SMALL
    return "every byte, by reading and writing" if outcome == "whole" else f"reset after {len(body)} bytes"


for injections, outcome in READ_FAULTS:
    row(injections)(lambda world, i=injections, o=outcome: reading_fails(world, i, o))


def reading_small_fails(world, injection):
    """Before the head was written an error can be told; a wrong body never."""
    for name in ("fresh", "ranges"):
        (world.root / name).write_bytes(SMALL * 100)
    with world.serving("--threads", 1) as server:
        kinds = {}
        for name, fields in (("fresh", ()), ("ranges", ("Range: bytes=0-3,20-29",))):
            with server.traced(injection), Client(server.port) as client:
                try:
                    answer = client.ask(f"/{name}", *fields)
                    kinds[name] = answer.status
                    # What could be read may be sent, if nobody will take it for the file.
                    is_honest = answer.body == SMALL * 100 or "etag" not in answer.fields
                    assert answer.status >= 500 or is_honest, f"{name}: wrong bytes with {answer}"
                except Broken:
                    kinds[name] = "broken off"
            with Client(server.port) as client:
                assert client.ask(f"/{name}").body == SMALL * 100, "the failure was remembered"
    return ", ".join(f"{name}: {kind}" for name, kind in kinds.items())


for injection in ("pread64:error=EIO", "pread64:retval=0"):
    row(f"{injection} at a small file")(lambda world, i=injection: reading_small_fails(world, i))


@row("sendfile and writev take less than they are given")
def short_writes(world):
    """Nothing is injected: small buffers and a slow client do it, as in life."""
    with world.serving("--threads", 1) as server:
        with server.traced("getpid:error=EINTR", calls="sendfile,writev,sendto") as seen:
            with Client(server.port, receive_buffer=4096) as client:
                client.request("/large")
                status, fields = client.head()
                got = bytearray(client.buffer)
                while len(got) < int(fields["content-length"]):
                    got += client.socket.recv(100_000)
            assert bytes(got) == CONTENT["large"], "other bytes"
            sent = [line.split("= ")[-1] for line in seen() if "sendfile(" in line and "= " in line]
        short = sum(word.isdigit() and int(word) < 1 << 21 for word in sent)
        assert short > 10, f"only {short} short results of {len(sent)}"
    return f"{short} of {len(sent)} calls of sendfile were short, every byte came"


def writing_fails(world, call, target, error):
    """That connection is lost, and no other."""
    with world.serving("--threads", 1) as server, Client(server.port) as bystander:
        assert bystander.ask("/small").body == SMALL
        with server.traced(f"{call}:error={error}:when=1") as seen, Client(server.port) as victim:
            victim.request(target)
            rest, _ = victim.rest()
            assert any("INJECTED" in line for line in seen()), f"{call} was not called"
            for _ in range(3):
                assert bystander.ask("/small").body == SMALL
        whole = rest.partition(b"\r\n\r\n")[2]
        assert not whole or call == "sendfile", f"{len(whole)} bytes of a body after a failed {call}"
    return "that connection ended, its neighbour did not notice"


for call, target in (("sendto", "/missing"), ("writev", "/folder/"), ("sendmsg", "/large"), ("sendfile", "/large")):
    for error in ("EPIPE", "ECONNRESET", "ENOBUFS"):
        row(f"{call}: {error}")(lambda world, c=call, t=target, e=error: writing_fails(world, c, t, e))


@row("send: EAGAIN out of nowhere")
def spurious_again(world):
    """A socket that would take something, and says no. No system does that, and no event
    follows: who is told so waits for the poller to look once, or for its timeout."""
    outcomes = Counter()
    with world.serving("--threads", 1, "--send-timeout", "1s") as server, Client(server.port) as bystander:
        with server.traced("sendto,sendmsg,writev,sendfile:error=EAGAIN:when=2+3", only="serve-0") as seen:
            for target, body in [("/large", CONTENT["large"]), ("/middle", CONTENT["middle"]), ("/small", SMALL)] * 2:
                with Client(server.port) as client:
                    client.request(target, "Connection: close")
                    rest, is_orderly = client.rest()
                got = rest.partition(b"\r\n\r\n")[2]
                assert got == body or not is_orderly and body.startswith(got), f"{target}: {len(got)} bytes"
                outcomes["whole" if got == body else "reset by its timeout"] += 1
            failed = sum("INJECTED" in line for line in seen())
        assert bystander.ask("/small").body == SMALL
    return f"{dict(outcomes)}, {failed} calls failed"


@row("recv: ECONNRESET")
def receiving_fails(world):
    with world.serving("--threads", 1) as server, Client(server.port) as bystander:
        assert bystander.ask("/small").body == SMALL
        with server.traced("recvfrom:error=ECONNRESET:when=1", only="serve-0"), Client(server.port) as victim:
            victim.request("/small")
            assert victim.rest()[0] == b""
            assert bystander.ask("/small").body == SMALL
    return "that connection ended, its neighbour did not notice"


# So long takes a call on a slow disk, in seconds.
DELAY = 1.5
SLOW = f"delay_enter={DELAY * 1e6:.0f}"
# What clients of other files may wait meanwhile, in seconds.
PROBE_MAX = 0.1


def felt_by_others(server, target, body=None):
    """How long a probe of another file took while somebody waited for this."""
    with Client(server.port, timeout=20) as patient:
        start = time.monotonic()
        patient.request(target)
        until(server.is_held_back)
        took = probe(server.port, "/small", body=SMALL, within=DELAY + 1)
        answer = patient.answer()
        assert answer.status == 200 and body in (None, answer.body), answer
        assert time.monotonic() - start > DELAY * 0.9, "it was not delayed"
    return took


# What asks Linux whether a disk would have to be waited for, and the slow call that the pool
# makes if it would.
COLD = {
    "a small file's name": ("cold", "openat2", "openat2"),
    "a small file's content": ("cold", "preadv2", "pread64"),
    "a large file's content": ("large", "preadv2", "pread64"),
}


def cold_disk(world, name, question, slow):
    content = CONTENT.get(name, SMALL)
    (world.root / name).write_bytes(content)
    paths = (name, world.root / name)
    with world.serving("--threads", 1) as server:
        with server.traced(f"{question}:error=EAGAIN:when=1", only="serve-0", paths=paths) as asked:
            with server.traced(f"{slow}:{SLOW}:when=1", only="serve-pool", paths=paths):
                took = felt_by_others(server, f"/{name}", content)
            assert any("INJECTED" in line for line in asked()), f"{question} was not asked"
    assert took < PROBE_MAX, f"a probe of another file took {took * 1000:.0f} ms"
    return f"a probe of another file took {took * 1000:.0f} ms"


for what, (name, question, slow) in COLD.items():
    row(f"slow disk: {what} is not in memory, and takes {DELAY} s")(
        lambda world, n=name, q=question, s=slow: cold_disk(world, n, q, s)
    )


# And where Linux is not asked, or is slow to say: whether that is felt by the clients of other
# files, on a single loop. Where it says True that is a limit which is known, and no promise:
# whoever lifts it has to say so here.
SLOW_LOOP = {"openat2": True, "pread64": True, "newfstatat": True, "getdents64": False}


def slow_loop(world, call, is_felt):
    (world.root / "cold").write_bytes(SMALL)
    name = "folder" if call == "getdents64" else "cold"
    with world.serving("--threads", 1) as server:
        if call == "newfstatat":
            remember(server, name)
        with server.traced(f"{call}:{SLOW}", paths=(name, world.root / name)):
            took = felt_by_others(server, "/folder/" if name == "folder" else "/cold")
        was_felt = took > PROBE_MAX
        assert was_felt == is_felt, f"a probe took {took:.2f} s; if that is better than before, say so in SLOW_LOOP"
    return f"a probe of another file took {took * 1000:.0f} ms" + (": felt, as is known" if is_felt else "")


for call, is_felt in SLOW_LOOP.items():
    row(f"slow disk: {call} takes {DELAY} s")(lambda world, c=call, f=is_felt: slow_loop(world, c, f))
