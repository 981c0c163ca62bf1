"""`attacks.py SECONDS PROGRAM [NAME=PROGRAM…]`: denial of service, against our server and its peers.

While an attack goes on, a client of its own asks for a small file ten times a second. The
table says how that one fared, and what the attack cost in processor time and memory. Ours
has to pass, and the attack has to have taken place; of the others there are only the figures.
"""

import contextlib
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from client import HOST, Broken, Client
from server import Process

MIB = 1 << 20
# Of connections, as operators would set it; ten thousand idle ones want more.
MOST, MOST_IDLE = 2000, 11_000
NGINX = """
worker_processes 2;
worker_rlimit_nofile 20000;
pid {home}/pid;
error_log {home}/error crit;
events {{ worker_connections {most}; }}
http {{
    client_body_temp_path {home}/1; proxy_temp_path {home}/2; fastcgi_temp_path {home}/3;
    uwsgi_temp_path {home}/4; scgi_temp_path {home}/5;
    access_log off;
    sendfile on;
    server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; }}
}}
"""


def serve(program, port, root, home, most):
    options = ["--threads", "2", "--max-connections", str(most), "--log", "off"]
    return [program, "--bind", f"{HOST}:{port}", "--root", root, *options]


def nginx(program, port, root, home, most):
    config = Path(home, "conf")
    config.write_text(NGINX.format(port=port, root=root, home=home, most=most))
    return [program, "-p", home, "-e", f"{home}/error", "-c", config, "-g", "daemon off;"]


def static_web_server(program, port, root, home, most):
    return [program, "--host", HOST, "--port", str(port), "--root", root, "--log-level", "error"]


STARTS = {"serve": serve, "nginx": nginx, "static-web-server": static_web_server}


class Family(Process):
    """A server and the processes that it has begun."""

    def pids(self):
        found = [self.pid]
        for pid in found:
            for task in os.listdir(f"/proc/{pid}/task"):
                found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        return found

    def seconds(self):
        return sum(Process.seconds(Process(pid)) for pid in self.pids())

    def memory(self):
        """In MiB; what several processes share is counted once."""
        rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.pids())
        lines = (line for rollup in rollups for line in rollup.splitlines() if line.startswith("Pss:"))
        return sum(int(line.split()[1]) for line in lines) / 1024


class Ages:
    """How long connections to a port have been there, seen from second to second."""

    def __init__(self, port):
        self.suffix, self.first_seen, self.oldest, self.most = f":{port:04X}", {}, 0.0, 0

    def look(self):
        now, open_now = time.monotonic(), {}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, *_ = line.split()
            # ESTABLISHED, or half-closed by the client.
            if local.endswith(self.suffix) and state in ("01", "08"):
                open_now[remote] = self.first_seen.get(remote, now)
        self.first_seen = open_now
        self.most = max(self.most, len(open_now))
        self.oldest = max([self.oldest, *(now - then for then in open_now.values())])


def slowhttptest(*options, target="/"):
    def attack(port, seconds, _):
        command = ["slowhttptest", *options, "-l", str(int(seconds)), "-u", f"http://{HOST}:{port}{target}"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    return attack


def paced(rate, seconds):
    """So many rounds a second."""
    start, rounds = time.monotonic(), 0
    while time.monotonic() - start < seconds:
        yield rounds
        rounds += 1
        time.sleep(max(0.0, start + rounds / rate - time.monotonic()))


def downloads(*fields):
    """Of a file of 1 MiB, 50 a second; tells how many bytes an answer had at most."""

    def attack(port, seconds, told):
        for _ in paced(50, seconds):
            with Client(port, timeout=60) as client:
                client.request("/1m", *fields, "Connection: close")
                told.value = max(told.value, len(client.rest()[0]))

    return attack


RANGES = "Range: bytes=" + ",".join(f"{n}-" for n in range(1301))


def header_bomb(port, seconds, told):
    """Heads that never end, 8 MiB of them or as much as is taken, on 100 connections a second."""
    field = b"X-Bomb: " + b"a" * 1000 + b"\r\n"
    for _ in paced(100, seconds):
        try:
            with Client(port, timeout=10) as client:
                client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
                for count in range(8):
                    client.send(field * 1000)
                    told.value = max(told.value, count * len(field) * 1000)
        except (Broken, OSError):
            pass


def pipelining(port, seconds, _):
    """A hundred thousand requests on each of 50 connections, and not one answer is read."""
    end = time.monotonic() + seconds
    requests = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000
    left, opened = {}, []
    for _ in range(50):
        one = socket.create_connection((HOST, port))
        one.setblocking(False)
        left[one] = 100_000 * len(requests) // 1000
        opened.append(one)
    while time.monotonic() < end:
        for one in list(left):
            try:
                left[one] -= one.send(requests[: left[one]])
            except BlockingIOError:
                continue
            except OSError:
                left[one] = 0
            if left[one] <= 0:
                del left[one]
        time.sleep(0.01)


def idle(port, seconds, _):
    """Each has asked for something, and then says nothing more."""
    end, opened = time.monotonic() + seconds, []
    while len(opened) < 10_000 and time.monotonic() < end:
        try:
            client = Client(port, timeout=5)
            client.ask("/")
        except (OSError, Broken):
            time.sleep(0.01)
            continue
        opened.append(client)
    time.sleep(max(0.0, end - time.monotonic()))


def churn(port, seconds, _):
    """A thousand connections a second, with one request each."""
    for _ in paced(1000, seconds):
        try:
            with Client(port, timeout=5) as client:
                client.ask("/", "Connection: close")
        except (OSError, Broken):
            pass


SLOW = ["-c", "1500", "-r", "200"]


@dataclass
class Attack:
    """An attack, and what it may cost us."""

    name: str
    run: Callable
    # So many connections have to be made in that many seconds, or it was none.
    made: Callable[[float], float]
    # For ours: MiB, part of a processor, seconds that a connection of it may last.
    memory: int = 32
    share: float | None = None
    oldest: float | None = None
    # Connections that the server allows.
    most: int = MOST


# The limits of R16 and R17, and a second or two for looking once a second.
HEAD, SEND = 12, 33
ATTACKS = [
    Attack(
        "slow headers (slowloris)",
        slowhttptest("-H", *SLOW, "-i", "5", "-x", "24", "-p", "2"),
        lambda seconds: min(1500, 100 * seconds),
        memory=94,
        share=0.3,
        oldest=HEAD,
    ),
    Attack(
        "slow body (R-U-Dead-Yet)",
        slowhttptest("-B", *SLOW, "-i", "10", "-s", "8192", "-x", "10", "-t", "POST"),
        lambda seconds: min(1500, 100 * seconds),
        memory=94,
        share=0.3,
        oldest=HEAD,
    ),
    Attack(
        "ranges (Apache Killer)",
        slowhttptest("-R", "-a", "10", "-b", "3000", "-c", "500", "-r", "200", "-t", "HEAD"),
        lambda seconds: min(500, 100 * seconds),
        share=0.3,
    ),
    Attack(
        "slow read",
        slowhttptest("-X", *SLOW, "-w", "1", "-y", "512", "-n", "2", "-z", "5", "-k", "3", target="/100m"),
        lambda seconds: min(1500, 100 * seconds),
        memory=94,
        share=0.3,
        oldest=SEND,
    ),
    Attack("1 MiB, 50 a second, for comparison", downloads(), lambda seconds: 40 * seconds),
    Attack("the same with 1301 ranges", downloads(RANGES), lambda seconds: 40 * seconds),
    Attack("endless headers, 100 a second", header_bomb, lambda seconds: 80 * seconds, oldest=HEAD),
    Attack("5,000,000 requests, no answer read", pipelining, lambda _: 50, oldest=SEND),
    Attack(
        "10,000 idle connections",
        idle,
        lambda seconds: min(10_000, 200 * seconds),
        memory=40,
        share=0.3,
        most=MOST_IDLE,
    ),
    Attack("1,000 connections a second", churn, lambda seconds: 800 * seconds),
]


def free_port():
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


def accepted():
    """TCP connections that any server of this machine has taken since it was started."""
    lines = Path("/proc/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("PassiveOpens")])


def probe_once(port):
    """How long a new client waits for its answer; None if it gets none within a second."""
    start = time.monotonic()
    try:
        with Client(port, timeout=1.0) as client:
            if client.ask("/", "Connection: close").body != b"hello":
                return None
    except (OSError, Broken, ValueError):
        return None
    took = time.monotonic() - start
    return took if took < 1.0 else None


@contextlib.contextmanager
def attacking(attack, *arguments):
    """In processes of its own, all of which end with the block."""

    def run():
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        attack(*arguments)

    attacker = multiprocessing.Process(target=run)
    attacker.start()
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(attacker.pid, signal.SIGKILL)
        attacker.join()


def observe(family, port, seconds):
    """What is seen from outside while the attack goes on."""
    probes, ages, memory, ticks, slept = [], Ages(port), 0.0, 0, [1e-9, 0.0]
    start, before = time.monotonic(), family.seconds()
    while time.monotonic() < start + seconds:
        probes.append(probe_once(port))
        if ticks % 10 == 0:
            ages.look()
            memory = max(memory, family.memory())
        ticks += 1
        began, pause = time.monotonic(), max(0.0, start + ticks / 10 - time.monotonic())
        time.sleep(pause)
        slept = [slept[0] + pause, slept[1] + time.monotonic() - began]
    share = (family.seconds() - before) / (time.monotonic() - start)
    times = sorted(took for took in probes if took is not None) or [0.0]
    return {
        "unserved": probes.count(None),
        "probes": len(probes),
        "median": times[len(times) // 2] * 1000,
        "p99": times[int((len(times) - 1) * 0.99)] * 1000,
        "share": share,
        "memory": memory,
        "oldest": ages.oldest,
        "late": slept[1] / slept[0] - 1,
        "most": ages.most,
    }


def one(name, program, root, attack, seconds):
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="attack-") as home:
        command = STARTS[name](program, port, root, home, attack.most)
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            end = time.monotonic() + 10
            while probe_once(port) is None:
                assert time.monotonic() < end and server.poll() is None, f"{name} did not start"
                time.sleep(0.05)
            family = Family(server.pid)
            at_first = family.memory()
            told = multiprocessing.Value("q", 0)
            # Before it begins: it may be there at once.
            before = accepted()
            with attacking(attack.run, port, seconds, told):
                seen = observe(family, port, seconds)
            made = accepted() - before - seen["probes"]
            seen.update(at_first=at_first, told=told.value, ended=server.poll(), made=made)
            return seen
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def judge(attack, seen, seconds):
    """What of it is not as it has to be."""
    if seen["ended"] is not None:
        yield f"it ended with {seen['ended']}"
    if seen["late"] > 0.1:
        # Then the others waited for the machine, and so may the clients have done.
        yield f"the machine is too busy for this: our own sleep took {seen['late']:.0%} longer"
    if seen["made"] < attack.made(seconds):
        yield f"this was no attack: {seen['made']} connections, of {attack.made(seconds):.0f}"
    if seen["unserved"]:
        yield f"{seen['unserved']} of {seen['probes']} clients were not served within a second"
    if seen["p99"] > 100:
        yield f"one of a hundred clients waited for {seen['p99']:.0f} ms"
    if attack.oldest is not None and seen["oldest"] > attack.oldest:
        yield f"a connection of it lasted for {seen['oldest']:.0f} s, of {attack.oldest}"
    if seen["memory"] - seen["at_first"] > attack.memory:
        yield f"{seen['memory'] - seen['at_first']:.0f} MiB more than before, of {attack.memory}"
    if attack.share is not None and seen["share"] > attack.share:
        yield f"{seen['share']:.0%} of a processor, of {attack.share:.0%}"
    if "1301 ranges" in attack.name and not MIB <= seen["told"] <= MIB + 4096:
        yield f"an answer of {seen['told']} bytes to a file of {MIB}"


def main(seconds, servers):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    trouble, shares = [], {}
    with tempfile.TemporaryDirectory(prefix="attacks-") as root:
        # Workers of other users read it.
        os.chmod(root, 0o755)
        for name, size in (("1m", MIB), ("100m", 100 * MIB)):
            Path(root, name).write_bytes(os.urandom(MIB) * (size // MIB))
        Path(root, "index.html").write_text("hello")
        print("| attack | server | unserved | median | p99 | processor | memory | made | at once | oldest |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for attack in ATTACKS:
            for name, program in servers:
                seen = one(name, program, root, attack, seconds)
                print(
                    f"| {attack.name} | {name} | {seen['unserved']} of {seen['probes']} | {seen['median']:.1f} ms "
                    f"| {seen['p99']:.1f} ms | {seen['share']:.1%} "
                    f"| {seen['at_first']:.1f} → {seen['memory']:.1f} MiB "
                    f"| {seen['made']} | {seen['most']} | {seen['oldest']:.0f} s |",
                    flush=True,
                )
                if name == "serve":
                    shares[attack.name] = seen["share"]
                    trouble += [f"{attack.name}: {word}" for word in judge(attack, seen, seconds)]
    plain, bomb = shares["1 MiB, 50 a second, for comparison"], shares["the same with 1301 ranges"]
    if bomb > 2 * plain + 0.02:
        trouble.append(f"ranges take {bomb:.1%} of a processor, and plain requests {plain:.1%}")
    for line in trouble:
        print(f"FAILED: {line}")
    return 1 if trouble else 0


if __name__ == "__main__":
    # Whoever ends this ends in order what it has begun.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = [("serve", sys.argv[2]), *(word.split("=", 1) for word in sys.argv[3:])]
    sys.exit(main(float(sys.argv[1]), given))
