"""What is not a load: start and stop, reset and restore, memory, the size of the binary, and a clean build."""

import contextlib
import itertools
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import shop
from figures import FEWEST_ROUNDS
from load import load_whole
from machine import PATIENCE, Failure, Server, answer_from, free_port, on, resident_kib, tell
from mocks import HEALTH, Mock, command, ok, post

STARTS = 21
RESETS = 21
SEED_CUSTOMERS = 1_000
RESET_CUSTOMERS = 10_000
WRITTEN = 100_000

# How much more two threads do that share nothing, where there are two cores for them.
TWO_CORES = 1.85

# How long memory has to come back after a reset.
GIVE_BACK_SECONDS = 1.0

FIRST_ASKED = f"GET {shop.PATH}/customers?limit=1 HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\n\r\n".encode()


def starts(folder, binary, core, rounds=STARTS):
    """Milliseconds from the spawn to the first answer, without and with a seed, and from SIGTERM to the end; by turns."""
    seed = folder / "thousand.ndjson"
    seed.write_bytes(shop.seed(range(SEED_CUSTOMERS)))
    told = {"start": [], "start seeded": [], "stop": []}
    for _ in range(rounds):
        started, stopped = start_and_stop(command(binary), core, FIRST_ASKED)
        told["start"].append(started)
        told["stop"].append(stopped)
        started, _ = start_and_stop(command(binary, "--seed", seed), core, FIRST_ASKED)
        told["start seeded"].append(started)
    return told


def start_and_stop(words, core, request):
    """One start and one stop, a client's idle connection still open, in milliseconds.

    The child inherits its core, so that nothing runs in it but the server.
    """
    port = free_port()
    words = [str(word).replace("{port}", str(port)) for word in words]
    silence = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    with on(core):
        began = time.perf_counter()
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=silence)
    try:
        with first_connection(port, pid, words) as connection:
            connection.sendall(request)
            ok(answer_from(connection), "its first request")
            started = time.perf_counter() - began
            began = time.perf_counter()
            os.kill(pid, signal.SIGTERM)
            _, status = os.waitpid(pid, 0)
            stopped = time.perf_counter() - began
    except BaseException:
        end(pid)
        raise
    if status:
        raise Failure(f"`{words[0]}` ended with status {status}", "run it by hand and end it with SIGTERM")
    return started * 1e3, stopped * 1e3


def first_connection(port, pid, words):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and os.waitpid(pid, os.WNOHANG) == (0, 0):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            continue
    raise Failure("a server does not take connections", f"run it by hand and look at its log: `{' '.join(words)}`")


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        # It has ended and was waited for.
        pass


def resets(folder, binary, core, rounds=RESETS):
    """Milliseconds that a reset or a restore takes together with the first write after it, each after fifty writes."""
    seed = folder / "ten-thousand.ndjson"
    seed.write_bytes(shop.seed(range(RESET_CUSTOMERS)))
    told = {"reset": [], "restore": []}
    with contextlib.ExitStack() as stack:
        mock = Mock(stack, binary, core, 0, "--seed", seed)
        mock.ask(b"PUT /_mock/snapshots/full HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", mock.server.port), timeout=PATIENCE))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ask(request):
            connection.sendall(request)
            return ok(answer_from(connection), request[:80].decode())

        # A reset takes the tokens back, so this client has one that nobody issued.
        client = shop.Client("any")
        writes = [client.patch("customers", {"customer": shop.customer(number, 1)}) for number in range(51)]
        for _ in range(rounds):
            for what, path in (("reset", "/_mock/reset"), ("restore", "/_mock/snapshots/full/restore")):
                for write in writes[1:]:
                    ask(write)
                began = time.perf_counter()
                ask(post(path, b""))
                ask(writes[0])
                told[what].append((time.perf_counter() - began) * 1e3)
    return told


def idle(binary, core):
    with Server("yotpo-mock", command(binary), core) as server:
        server.wait(HEALTH)
        time.sleep(0.2)
        return {"idle": [resident_kib(server.pid) / 1024]}


def memory(binary, core):
    """MiB of an emulator that is filled twice with the same and then reset."""
    client = shop.Client("any")
    requests = [client.patch("customers", {"customer": shop.customer(number)}) for number in range(WRITTEN)]
    with Server("yotpo-mock", command(binary), core) as server:

        def mib():
            time.sleep(GIVE_BACK_SECONDS)
            return server.resident_kib() / 1024

        server.wait(HEALTH)
        at_first = mib()
        took = load_whole(server.port, requests)
        once = mib()
        load_whole(server.port, requests)
        twice = mib()
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
            connection.sendall(post("/_mock/reset", b'{"to":"empty"}'))
            ok(answer_from(connection), "a reset")
        after = mib()
    tell(f"  {WRITTEN:,} customers were written in {took:.1f} s; {at_first:.1f}, {once:.1f}, {twice:.1f}, and after a reset {after:.1f} MiB")
    return {"100,000 written": [once], "written again": [twice / once], "after reset": [after - at_first]}


def threads(root):
    """How much more two threads do in process than one, a ratio per round in which the machine had two cores for them: a host may
    let two virtual cores share one, for minutes, and then no two threads do more."""
    words = ["cargo", "bench", "--locked", "--features", "internals", "--bench", "threads"]
    told = subprocess.run(words, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.findall(r"^ratios (\w+):((?: [\d.]+)+)$", told, re.M)
    ratios = {kind: [float(ratio) for ratio in ratios.split()] for kind, ratios in found}
    machine = ratios.pop("machine")
    had_two = [ratio >= TWO_CORES for ratio in machine]
    tell(f"  the machine had two cores in {sum(had_two)} of {len(machine)} rounds: {min(machine)} to {max(machine)}")
    if sum(had_two) < FEWEST_ROUNDS:
        tell("warning: `threads` is left out: run it again when the machine's host is less busy")
        had_two = [False] * len(machine)
    return {f"threads {kind}": list(itertools.compress(its, had_two)) for kind, its in ratios.items()}


def clean_build(root):
    """Seconds of a build from nothing, on both cores."""
    with tempfile.TemporaryDirectory() as target:
        # What is to be fetched is fetched before.
        subprocess.run(["cargo", "fetch", "--locked"], cwd=root, check=True)
        began = time.monotonic()
        subprocess.run(["cargo", "build", "--release", "--locked", "--target-dir", target], cwd=root, check=True)
        return {"build": [time.monotonic() - began]}


def size(binary):
    return {"binary": [pathlib.Path(binary).stat().st_size / 1e6]}
