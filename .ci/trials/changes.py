"""Files, folders and disks that change while they are served."""

import os
import subprocess

from client import Client, probe, until
from rows import CONTENT, SMALL, row


def changed_while_sent(world, change, is_whole, injections):
    """A client takes a part and waits; the file is changed; the client takes the rest."""
    path = world.root / "large"
    whole = CONTENT["large"]
    with world.serving("--threads", 1) as server:
        with server.traced(*injections), Client(server.port, receive_buffer=8192) as client:
            client.request("/large")
            client.request("/small")
            _, fields = client.head()
            assert int(fields["content-length"]) == len(whole)
            got = client.take(1000)
            change(path)
            if is_whole:
                assert got + client.take(len(whole) - len(got)) == whole, "other bytes than those of the old file"
                assert client.answer().body == SMALL, "what follows is not the next answer"
            else:
                rest, is_orderly = client.rest()
                got += rest
                assert not is_orderly and len(got) < len(whole), "a part that passes for the whole"
                # What was on its way is the page of the file itself, which by now is zeros.
                strange = [n for n, (a, b) in enumerate(zip(got, whole)) if a != b and a != 0]
                assert not strange, f"at {strange[0]} a byte that is not of the file"
        with Client(server.port) as client:
            answer = client.ask("/large")
            assert answer.body == (path.read_bytes() if path.exists() else answer.body), "the old file"
            assert answer.status == (200 if path.exists() else 404)
    return f"{len(got)} bytes, then a reset" if not is_whole else "the promised bytes, then the next answer"


def replace(path):
    draft = path.with_name("draft")
    draft.write_bytes(b"new")
    os.replace(draft, path)


def append(path):
    with path.open("ab") as file:
        file.write(b"x" * 100_000)


CHANGES = {
    "truncated": (lambda path: os.truncate(path, 100), False),
    "grown": (append, True),
    "replaced": (replace, True),
    "removed": (os.unlink, True),
}
WAYS = {"sendfile": ("getpid:error=EINTR",), "reading and writing": ("sendfile:error=EINVAL",)}

for word, (change, is_whole) in CHANGES.items():
    for way, injections in WAYS.items():
        row(f"{word} while it is sent by {way}")(
            lambda world, c=change, w=is_whole, i=injections: changed_while_sent(world, c, w, i)
        )


def gone(port, target="/small"):
    """Whether a new client is told that nothing is there."""
    with Client(port) as client:
        return client.ask(target, "Connection: close").status == 404


def has(port, target, body):
    with Client(port) as client:
        answer = client.ask(target, "Connection: close")
    return answer.status == 200 and answer.body == body


@row("root: renamed away, and back")
def root_renamed(world):
    away = world.work / "away"
    with world.serving() as server:
        world.root.rename(away)
        until(lambda: gone(server.port), 3)
        away.rename(world.root)
        until(lambda: has(server.port, "/small", SMALL), 3)
    return "404 meanwhile, and then as before"


@row("root: removed, and made anew")
def root_removed(world):
    with world.serving() as server:
        subprocess.run(["rm", "-r", str(world.root)], check=True)
        until(lambda: gone(server.port), 3)
        world.root.mkdir()
        (world.root / "index.html").write_text("hello")
        (world.root / "new").write_bytes(b"new")
        until(lambda: has(server.port, "/new", b"new"), 3)
        until(lambda: gone(server.port) and gone(server.port), 3)
    return "404 meanwhile, and then what is new"


@row("root: unmounted, and mounted again")
def root_unmounted(world):
    """In a mount namespace of the server's own, so that nobody else sees it."""
    mount = f"mount -t tmpfs none '{world.root}' && echo hello | tr -d '\\n' >'{world.root}/index.html'"
    script = f'{mount} && mkdir \'{world.root}/folder\' && exec "$0" "$@"'
    before = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    with world.serving(before=before) as server:

        def inside(command):
            subprocess.run(["nsenter", "--mount", f"--target={server.pid}", "sh", "-c", command], check=True)

        inside(f"umount --lazy '{world.root}'")
        # Beneath the mount is the directory that was there before it.
        until(lambda: has(server.port, "/small", SMALL), 3)
        inside(f"{mount} && echo -n new >'{world.root}/new'")
        until(lambda: has(server.port, "/new", b"new"), 3)
        # Each loop looks once a second.
        until(lambda: gone(server.port) and gone(server.port), 3)
    return "what the path leads to is what is served, within a second or so"


@row("root: a disk that is full of errors")
def root_broken(world):
    """Every call about files fails for a while; connections live, and it recovers."""
    with world.serving("--threads", 1) as server, Client(server.port) as client:
        calls = "openat2,openat,newfstatat,fstat,statx,getdents64,pread64,sendfile"
        with server.traced(f"{calls}:error=EIO"):
            told = {client.ask(target).status for target in ("/new", "/middle", "/folder/", "/missing", "/link") * 3}
        assert told <= {404, 500}, told
        assert client.ask("/middle").body == CONTENT["middle"]
        probe(server.port, "/small", body=SMALL)
    return f"{', '.join(map(str, sorted(told)))} on one connection, and then as before"
