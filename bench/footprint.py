"""Figures without load: start and stop, memory, and a clean build."""

import os
import signal
import socket
import subprocess
import tempfile
import time

import workload
from load import write_all
from machine import TIMEOUT, Failure, Server, connect, free_port, log, pinned_to, read_response, resident_kib
from mocks import HEALTH, check, command, post

STARTS = 21

# The time for freed memory to go back to the system.
SETTLE_SECONDS = 1.0

FIRST_REQUEST = f"GET {workload.PATH}/customers?limit=1 HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\n\r\n".encode()


def starts(binary, core, rounds):
    """Milliseconds from the spawn to the first response, and from SIGTERM to the end."""
    figures = {"start": [], "stop": []}
    for _ in range(rounds):
        started, stopped = start_and_stop(command(binary), core)
        figures["start"].append(started)
        figures["stop"].append(stopped)
    return figures


def start_and_stop(words, core):
    """One start and one stop, in milliseconds, with a client's idle connection still open.

    Uses `posix_spawn`, as `subprocess` would run Python code in the child before the server.
    """
    port = free_port()
    words = [str(word).replace("{port}", str(port)) for word in words]
    to_null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    with pinned_to(core):
        began = time.perf_counter()
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=to_null)
    try:
        with first_connection(port, pid, words) as connection:
            connection.sendall(FIRST_REQUEST)
            check(read_response(connection), "its first request")
            started = time.perf_counter() - began
            began = time.perf_counter()
            os.kill(pid, signal.SIGTERM)
            _, status = os.waitpid(pid, 0)
            stopped = time.perf_counter() - began
    except BaseException:
        kill(pid)
        raise
    if status:
        raise Failure(f"`{words[0]}` ended with status {status}", "run it by hand and end it with SIGTERM")
    return started * 1e3, stopped * 1e3


def first_connection(port, pid, words):
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and os.waitpid(pid, os.WNOHANG) == (0, 0):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        except ConnectionRefusedError:
            continue
    raise Failure("a server does not accept connections", f"run it by hand and check its log: `{' '.join(words)}`")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        # It had already ended.
        pass


def memory(binary, core, customers):
    """MiB of an emulator: idle, after customers were written one by one, and how much more than idle after a reset."""
    client = workload.Client("any")
    requests = [client.patch("customers", {"customer": workload.customer(number)}) for number in range(customers)]
    with Server("yotpo-mock", command(binary), core) as server:

        def mib():
            time.sleep(SETTLE_SECONDS)
            return resident_kib(server.pid) / 1024

        server.wait_for(HEALTH)
        idle = mib()
        took = write_all(server.port, requests)
        written = mib()
        with connect(server.port) as connection:
            connection.sendall(post("/_mock/reset", b'{"to":"empty"}'))
            check(read_response(connection), "a reset")
        after_reset = mib()
    log(f"  {customers:,} customers were written in {took:.1f} s; {idle:.1f}, {written:.1f}, and after a reset {after_reset:.1f} MiB")
    return {"idle": [idle], "100,000 written": [written], "after reset": [after_reset - idle]}


def clean_build(root):
    """Seconds of a build from nothing, on all cores."""
    with tempfile.TemporaryDirectory() as target:
        # Downloads do not count.
        subprocess.run(["cargo", "fetch", "--locked"], cwd=root, check=True)
        began = time.monotonic()
        subprocess.run(["cargo", "build", "--release", "--locked", "--target-dir", target], cwd=root, check=True)
        return {"build": [time.monotonic() - began]}
