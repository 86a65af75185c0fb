"""Rows for other tools that `bench/install_peers` installed: their cost for the same lookup. They have no goals."""

import json
import pathlib
import statistics
import time

import workload
from load import Subject, alternate, take_turn
from machine import Failure, Server, log
from mocks import HEALTH, command

# The list of installed tools with their command lines.
PEERS = pathlib.Path(__file__).resolve().parent.parent / "target/peers/peers.json"

STARTS = 3

# Some compile hot code while they run.
WARM_UP_SECONDS = 5


def installed():
    if not PEERS.exists():
        log("no peers are installed: run `bench/install_peers`")
        return []
    return json.loads(PEERS.read_text())


def measure(subjects, rounds, seconds):
    """µs CPU per request, milliseconds from start to first response and MiB at rest, by name; including the emulator."""
    peers = installed()
    if not peers:
        return {}
    log("peers")
    figures, loaded = {}, []
    ours = {"name": "yotpo-mock", "command": command(str(subjects.binary)), "ready": HEALTH.decode(), "setup": []}
    for peer in [ours, *peers]:
        try:
            starts = [start_ms(peer, subjects.core) for _ in range(STARTS)]
            server = subjects.stack.enter_context(Server(peer["name"], peer["command"], subjects.core))
            server.wait_for(peer["ready"].encode())
            time.sleep(1)
            figures[peer["name"]] = {"start_ms": statistics.median(starts), "idle_mib": server.resident_kib() / 1024}
            for request in peer["setup"]:
                server.wait_for(request.encode())
            if peer is ours:
                subject = subjects["L mock"]
            else:
                file = workload.write_requests(subjects.folder / f"peer-{len(loaded)}.requests", [peer["request"].encode()])
                subject = Subject(peer["name"], server, file)
            take_turn(subject, WARM_UP_SECONDS)
            loaded.append(subject)
        except Failure as failure:
            log(f"  {peer['name']} is left out: {failure}")
            figures.pop(peer["name"], None)
    turns = alternate(loaded, rounds, seconds)
    for name, its in turns.items():
        row = figures.get(name) or figures["yotpo-mock"]
        row["cpu_us"] = statistics.median(turn.cpu_us for turn in its)
        row["per_second"] = statistics.median(turn.per_second for turn in its)
    return figures


def start_ms(peer, core):
    began = time.monotonic()
    with Server(peer["name"], peer["command"], core) as server:
        server.wait_for(peer["ready"].encode())
        return (time.monotonic() - began) * 1e3


def table(peers):
    lines = ["| lookup of one customer | µs CPU a request | requests/s | start to first answer, ms | MiB at rest |", "|---|---:|---:|---:|---:|"]
    for name, row in peers.items():
        lines.append(f"| {name} | {row['cpu_us']:.0f} | {row['per_second']:,.0f} | {row['start_ms']:,.0f} | {row['idle_mib']:.0f} |")
    return "\n".join(lines)
