"""Rows for peers, where `bench/peers` installed them: what one pays for the same answer with each. No goals: they are other tools."""

import json
import pathlib
import statistics
import time

import shop
from load import Subject, by_turns, turn
from machine import Failure, Server, tell
from mocks import HEALTH, command

# What `bench/peers` installed, and how each is started.
PEERS = pathlib.Path(__file__).resolve().parent.parent / "target/peers/peers.json"

STARTS = 3

# Some compile what is hot while they run.
WARM_UP_SECONDS = 5


def installed():
    if not PEERS.exists():
        tell("no peers are installed: `bench/peers` does it")
        return []
    return json.loads(PEERS.read_text())


def measure(loads, rounds, seconds):
    """µs CPU per request, milliseconds from start to first answer and MiB at rest, by peer; the emulator among them."""
    peers = installed()
    if not peers:
        return {}
    tell("peers")
    told, subjects = {}, []
    ours = {"name": "yotpo-mock", "command": command(str(loads.binary)), "ready": HEALTH.decode(), "setup": []}
    for peer in [ours, *peers]:
        try:
            starts = [start(peer, loads.core) for _ in range(STARTS)]
            server = loads.stack.enter_context(Server(peer["name"], peer["command"], loads.core))
            server.wait(peer["ready"].encode())
            time.sleep(1)
            told[peer["name"]] = {"start_ms": statistics.median(starts), "idle_mib": server.resident_kib() / 1024}
            for request in peer["setup"]:
                server.wait(request.encode())
            if peer is ours:
                subject = loads.subjects["L mock 1,000"]()
            else:
                file = shop.write_down(loads.folder / f"peer-{len(subjects)}.requests", [peer["request"].encode()])
                subject = Subject(peer["name"], server, file)
            turn(subject, WARM_UP_SECONDS)
            subjects.append(subject)
        except Failure as failure:
            tell(f"  {peer['name']} is left out: {failure}")
            told.pop(peer["name"], None)
    turns = by_turns(subjects, rounds, seconds)
    for name, its in turns.items():
        of = told.get(name) or told["yotpo-mock"]
        of["cpu_us"] = statistics.median(turn.cpu_us for turn in its)
        of["per_second"] = statistics.median(turn.per_second for turn in its)
    return told


def start(peer, core):
    """Milliseconds until it answers with 200."""
    began = time.monotonic()
    with Server(peer["name"], peer["command"], core) as server:
        server.wait(peer["ready"].encode())
        return (time.monotonic() - began) * 1e3


def table(peers):
    lines = ["| for one customer | µs CPU a request | requests/s | start to first answer, ms | MiB at rest |", "|---|---:|---:|---:|---:|"]
    for name, told in peers.items():
        lines.append(f"| {name} | {told['cpu_us']:.0f} | {told['per_second']:,.0f} | {told['start_ms']:,.0f} | {told['idle_mib']:.0f} |")
    return "\n".join(lines)
