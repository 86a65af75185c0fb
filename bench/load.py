"""Load: wrk, on this process's core, replays requests against a server on another, by turns with the other servers of its group."""

import itertools
import json
import pathlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from machine import Failure, Server, children_seconds, tell

CONNECTIONS = 32
REPLAY = pathlib.Path(__file__).with_name("replay.lua")

# How often the writer wakes up.
TICK = 0.002

# How it is found out what a change costs.
ALONE_PER_SECOND = 2_000
ALONE_SECONDS = 0.3


@dataclass(frozen=True)
class Changes:
    """Writes that go on while something else is measured: so many a second, from one connection.

    They are taken from an endless supply, so that a turn goes on where the one before it ended, and each changes something."""

    requests: Iterator[bytes]
    per_second: float


@dataclass(frozen=True)
class Subject:
    """A server under a load."""

    name: str
    server: Server
    requests: pathlib.Path
    changes: Changes | None = None
    warm_up_seconds: int = 1


@dataclass(frozen=True)
class Turn:
    """What one turn of load came to."""

    cpu_us: float
    per_second: float
    p50_us: float
    p99_us: float
    # Of their cores, the shares that the server and the generator were busy.
    server_busy: float
    generator_busy: float
    changes_per_second: float
    # What was taken off for each change.
    change_us: float


class Writer(threading.Thread):
    """Changes customers while the load runs. It lives in this process, so on the generator's core."""

    def __init__(self, subject, per_second):
        super().__init__(daemon=True)
        self.subject, self.per_second, self.written, self.failed = subject, per_second, 0, None
        self.is_over = threading.Event()
        self.connection = socket.create_connection(("127.0.0.1", subject.server.port), timeout=10)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join()
        self.connection.close()
        if self.failed:
            hint = "run the server by hand and look at its log"
            raise Failure(f"{self.subject.name}: the writer failed: {self.failed}", hint) from self.failed

    def run(self):
        began = time.monotonic()
        try:
            while not self.is_over.wait(TICK):
                due = int((time.monotonic() - began) * self.per_second) - self.written
                if due > 0:
                    write(self.connection, list(itertools.islice(self.subject.changes.requests, due)))
                    self.written += due
        except (OSError, Failure) as error:
            self.failed = error


def write(connection, requests):
    """Sends writes on one connection and reads that each was taken."""
    connection.sendall(b"".join(requests))
    missing, answers = len(requests), b""
    while missing:
        data = connection.recv(1 << 18)
        answers += data
        taken = answers.count(b"\r\n\r\n{}")
        if not data or answers.count(b"HTTP/1.1 ") != answers.count(b"HTTP/1.1 200 "):
            raise Failure("a server refused a write that it should take", answers[-600:].decode(errors="replace"))
        missing -= taken
        # What is left may end in the middle of the next answer.
        answers = answers[answers.rfind(b"\r\n\r\n{}") + 6 :] if taken else answers


def turn(subject, seconds):
    """One turn. Where customers change meanwhile, the CPU that the changes take is not the readers': what one costs is measured
    right before, with nothing else going on, and taken off for each. A fixed number of changes a second would weigh the more on
    each read the slower the reads are, and so count the same difference twice."""
    if subject.changes is None:
        return replay(subject, seconds)
    cost_us = cost_of_a_change(subject)
    with Writer(subject, subject.changes.per_second) as writer:
        return replay(subject, seconds, writer, cost_us)


def cost_of_a_change(subject):
    before = subject.server.cpu_seconds()
    with Writer(subject, ALONE_PER_SECOND) as writer:
        time.sleep(ALONE_SECONDS)
    return (subject.server.cpu_seconds() - before) * 1e6 / writer.written


def replay(subject, seconds, writer=None, change_us=0.0):
    """Lets wrk loose. The server's CPU is read before wrk starts and after it has ended: its 32 connections are in it, on every
    side alike, and they are a thousandth of it."""
    server = subject.server
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(REPLAY)]
    command += [f"http://127.0.0.1:{server.port}/", "--", str(subject.requests)]
    written = writer.written if writer else 0
    server_before, generator_before = server.cpu_seconds(), children_seconds()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as wrk:
        try:
            output, _ = wrk.communicate()
        finally:
            wrk.kill()
    cpu = server.cpu_seconds() - server_before
    generator = children_seconds() - generator_before
    written = (writer.written if writer else 0) - written
    told = next((line for line in output.splitlines() if line.startswith("{")), None)
    if told is None:
        raise Failure(f"wrk failed against {subject.name}: {output.strip()[-400:]}", f"run it by hand: {' '.join(command)}")
    told = json.loads(told)
    if told["refused"] or told["broken"] or not told["requests"]:
        raise Failure(f"{subject.name}: {told}", "every request must be answered with 200: look at the log of the server")
    took = told["duration_us"] / 1e6
    return Turn(
        cpu_us=(cpu * 1e6 - written * change_us) / told["requests"],
        per_second=told["requests"] / took,
        p50_us=told["p50_us"],
        p99_us=told["p99_us"],
        server_busy=cpu / took,
        generator_busy=generator / took,
        changes_per_second=written / took,
        change_us=change_us,
    )


def by_turns(subjects, rounds, seconds):
    """Lets every subject have its turn in every round, each round begun by another; gives the turns by the subjects' names."""
    turns = {subject.name: [] for subject in subjects}
    for subject in subjects:
        turn(subject, subject.warm_up_seconds)
    for number in range(rounds):
        first = number % len(subjects)
        for subject in subjects[first:] + subjects[:first]:
            turns[subject.name].append(turn(subject, seconds))
    for subject in subjects:
        last = turns[subject.name][-1]
        tell(f"  {subject.name:<44} {last.cpu_us:8.2f} µs CPU  {last.per_second:9.0f} a second")
    return turns


def in_raw(turns):
    return {name: [asdict(turned) for turned in its] for name, its in turns.items()}


def load_whole(port, requests, batch=64):
    """Sends every request once, as fast as one connection takes them; gives the seconds."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for at in range(0, len(requests), batch):
            write(connection, requests[at : at + batch])
    return time.monotonic() - began

