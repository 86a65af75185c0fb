"""Load: wrk replays requests against one server at a time, in alternating turns."""

import itertools
import json
import pathlib
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from machine import Failure, Server, children_cpu_seconds, connect, log

CONNECTIONS = 32
REPLAY_SCRIPT = pathlib.Path(__file__).with_name("replay.lua")

# How often the writer wakes up, in seconds.
WRITER_INTERVAL = 0.002

# The load by which the CPU cost of a change is measured.
CALIBRATION_PER_SECOND = 2_000
CALIBRATION_SECONDS = 0.3


@dataclass(frozen=True)
class Changes:
    """Writes on one connection while something else is measured. The supply is endless, so each turn continues where the
    previous one ended, and every write changes something."""

    requests: Iterator[bytes]
    per_second: float


@dataclass(frozen=True)
class Subject:
    """A server under a load."""

    name: str
    server: Server
    requests: pathlib.Path
    changes: Changes | None = None
    scheme: str = "http"


@dataclass(frozen=True)
class Turn:
    """The figures of one turn of load."""

    cpu_us: float
    per_second: float
    p50_us: float
    p99_us: float
    # The shares of one core's time that the server and the load used.
    server_busy: float
    load_busy: float
    changes_per_second: float
    # Subtracted from the server's CPU time for each change.
    change_us: float


class Writer(threading.Thread):
    """Writes customers while the load runs. It is part of this process, so it uses the load's core."""

    def __init__(self, subject, per_second):
        super().__init__(daemon=True)
        self.subject, self.per_second, self.written, self.error = subject, per_second, 0, None
        self.is_over = threading.Event()
        self.connection = connect(subject.server.port)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join()
        self.connection.close()
        if self.error:
            hint = "run the server by hand and check its log"
            raise Failure(f"{self.subject.name}: the writer failed: {self.error}", hint) from self.error

    def run(self):
        started = time.monotonic()
        try:
            while not self.is_over.wait(WRITER_INTERVAL):
                due = int((time.monotonic() - started) * self.per_second) - self.written
                if due > 0:
                    write(self.connection, list(itertools.islice(self.subject.changes.requests, due)))
                    self.written += due
        except (OSError, Failure) as error:
            self.error = error


def write(connection, requests):
    """Sends writes on one connection and checks that each is accepted."""
    connection.sendall(b"".join(requests))
    missing, responses = len(requests), b""
    while missing:
        data = connection.recv(1 << 18)
        responses += data
        accepted = responses.count(b"\r\n\r\n{}")
        if not data or responses.count(b"HTTP/1.1 ") != responses.count(b"HTTP/1.1 200 "):
            raise Failure("a server rejected a valid write", responses[-600:].decode(errors="replace"))
        missing -= accepted
        # The rest may be the beginning of the next response.
        responses = responses[responses.rfind(b"\r\n\r\n{}") + 6 :] if accepted else responses


def take_turn(subject, seconds):
    """Runs one turn of load.

    If customers change meanwhile, the CPU time of the changes must not count as the readers': the cost of a change is measured
    right before, without other load, and subtracted for each. Otherwise the fixed rate of changes would weigh more on each read
    of a slower server, and so count its slowness twice.
    """
    if subject.changes is None:
        return replay(subject, seconds)
    change_us = cost_of_a_change(subject)
    with Writer(subject, subject.changes.per_second) as writer:
        return replay(subject, seconds, writer, change_us)


def cost_of_a_change(subject):
    before = subject.server.cpu_seconds()
    with Writer(subject, CALIBRATION_PER_SECOND) as writer:
        time.sleep(CALIBRATION_SECONDS)
    return (subject.server.cpu_seconds() - before) * 1e6 / writer.written


def replay(subject, seconds, writer=None, change_us=0.0):
    """Runs wrk. The server's CPU time is read before wrk starts and after it ends, so it includes the 32 handshakes of either side:
    about a thousandth without TLS, a hundredth with it."""
    server = subject.server
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(REPLAY_SCRIPT)]
    command += [f"{subject.scheme}://127.0.0.1:{server.port}/", "--", str(subject.requests)]
    written = writer.written if writer else 0
    server_before, load_before = server.cpu_seconds(), children_cpu_seconds()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as wrk:
        try:
            output, _ = wrk.communicate()
        finally:
            wrk.kill()
    server_cpu = server.cpu_seconds() - server_before
    load_cpu = children_cpu_seconds() - load_before
    written = (writer.written if writer else 0) - written
    line = next((line for line in output.splitlines() if line.startswith("{")), None)
    if line is None:
        raise Failure(f"wrk failed against {subject.name}: {output.strip()[-400:]}", f"run it by hand: {' '.join(command)}")
    result = json.loads(line)
    if result["error_statuses"] or result["socket_errors"] or not result["requests"]:
        raise Failure(f"{subject.name}: {result}", "every request must be answered with 200: check the log of the server")
    took = result["duration_us"] / 1e6
    return Turn(
        cpu_us=(server_cpu * 1e6 - written * change_us) / result["requests"],
        per_second=result["requests"] / took,
        p50_us=result["p50_us"],
        p99_us=result["p99_us"],
        server_busy=server_cpu / took,
        load_busy=load_cpu / took,
        changes_per_second=written / took,
        change_us=change_us,
    )


def alternate(subjects, rounds, seconds, warm_up_seconds=1):
    """Gives every subject a turn in every round, in rotating order. Returns the turns by the subjects' names."""
    turns = {subject.name: [] for subject in subjects}
    if warm_up_seconds:
        for subject in subjects:
            take_turn(subject, warm_up_seconds)
    for number in range(rounds):
        first = number % len(subjects)
        for subject in subjects[first:] + subjects[:first]:
            turns[subject.name].append(take_turn(subject, seconds))
    for subject in subjects:
        last = turns[subject.name][-1]
        log(f"  {subject.name:<44} {last.cpu_us:8.2f} µs CPU  {last.per_second:9.0f} a second")
    return turns


def to_json(turns):
    return {name: [asdict(turn) for turn in its] for name, its in turns.items()}


def write_all(port, requests, batch=64):
    """Sends every write once on one connection, and returns the seconds that it took."""
    started = time.monotonic()
    with connect(port) as connection:
        for first in range(0, len(requests), batch):
            write(connection, requests[first : first + batch])
    return time.monotonic() - started
