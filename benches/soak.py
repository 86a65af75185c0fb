#!/usr/bin/env python3
"""A soak: many mixed requests against one emulator; its memory must be flat in the second half.

    python3 benches/soak.py                         a million requests, about two minutes
    python3 benches/soak.py --requests 100000       a short one, as CI runs it

Starts the release binary (`cargo build --release` first, or `--binary PATH`), writes a bounded set of customers and events
over and over, reads, searches, pages, fetches tokens and breaks rules, and looks at the emulator's resident memory ten
times. Ends with 1 if memory grew by more than 5 % and 2 MiB from the middle to the end, or if any answer was not the one
that the request asks for. Linux only: memory is read from /proc.
"""

import argparse
import json
import random
import socket
import subprocess
import sys
import time

# Bounded, so that nothing grows but what the emulator would keep by mistake.
CUSTOMERS, EVENTS, STORES = 250, 2_000, 4
# How often each customer is written before anything is measured: then its lineage is as long as it gets.
FIRST_WRITES = 64
# Requests are sent in batches on one connection: the emulator is measured, not the round trips.
BATCH = 50
LOOKS = 10
# What the second half may grow by.
GROWTH_SHARE, GROWTH_KIB = 0.05, 2048


def request(method, path, body=None):
    body = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def customer(rng, number):
    return {
        "external_id": f"c-{number}", "email": f"shopper.{number}@example.com", "first_name": rng.choice(["Emma", "Žofie", ""]),
        "tags": "vip,," * rng.randrange(8), "address": {"city": "Austin", "country_code": "US"},
        "last_name": "Johnson", "custom_properties": {"score": rng.random()},
    }


def event(unique_id, number):
    return {
        "type": "order_shipped", "unique_id": unique_id, "customer": {"email": f"shopper.{number}@example.com"},
        "properties": {"amount": 1.5},
    }


def everybody(rng):
    """Each customer and event: after these nothing is kept that is not there already."""
    for store in range(STORES):
        for number in list(range(CUSTOMERS)) * FIRST_WRITES:
            yield request("PATCH", f"/core/v3/stores/soak-{store}/customers", {"customer": customer(rng, number)}), 200
        for number in range(EVENTS):
            yield request("PATCH", f"/core/v3/stores/soak-{store}/customer_events", {"customer_event": event(number, number % CUSTOMERS)}), 200


def mixed(rng):
    """One request of the mix, and the status that it must get."""
    store = f"/core/v3/stores/soak-{rng.randrange(STORES)}"
    number = rng.randrange(CUSTOMERS)
    email, kind = f"shopper.{number}@example.com", rng.random()
    if kind < 0.40:
        return request("PATCH", f"{store}/customers", {"customer": customer(rng, number)}), 200
    if kind < 0.50:
        return request("PATCH", f"{store}/customers", {"customer": {"email": email, "last_name": "Johnson"}}), 200
    if kind < 0.65:
        return request("PATCH", f"{store}/customer_events", {"customer_event": event(rng.randrange(EVENTS), number)}), 200
    if kind < 0.85:
        return request("GET", f"{store}/customers?email=shopper.{number}%40example.com"), 200
    if kind < 0.90:
        return request("GET", f"{store}/customers?limit=10&include_custom_properties=true"), 200
    if kind < 0.94:
        return request("PATCH", f"{store}/customers", {"customer": {"email": "no address", "gender": 7}}), 400
    if kind < 0.97:
        return request("POST", f"{store}/access_tokens", {"secret": "any"}), 200
    return request("GET", f"{store}/nowhere/{number}"), 404


def status_of(answers):
    """Reads one whole answer; gives its status."""
    status, length = answers.readline(), 0
    while (line := answers.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if not status or len(answers.read(length)) < length:
        sys.exit("error: the emulator closed the connection")
    return int(status.split()[1])


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def send(connection, answers, batch):
    connection.sendall(b"".join(data for data, _ in batch))
    for data, expected in batch:
        status = status_of(answers)
        if status != expected:
            sys.exit(f"error: {status} instead of {expected} for\n{data.decode()}")


def soak(server, address, requests):
    rng = random.Random(1)
    connection = socket.create_connection(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = connection.makefile("rb", 1 << 20)
    first = list(everybody(rng))
    for at in range(0, len(first), BATCH):
        send(connection, answers, first[at : at + BATCH])
    sent, looks, started = 0, [], time.monotonic()
    while sent < requests:
        batch = [mixed(rng) for _ in range(min(BATCH, requests - sent))]
        send(connection, answers, batch)
        sent += len(batch)
        if sent * LOOKS // requests > len(looks):
            looks.append(resident_kib(server.pid))
            print(f"{sent:>10} requests  {looks[-1] / 1024:6.1f} MiB  {sent / (time.monotonic() - started):8.0f} requests/s", flush=True)
    return looks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--binary", default="target/release/yotpo-mock")
    options = parser.parse_args()
    if options.requests < LOOKS * BATCH:
        parser.error(f"--requests must be at least {LOOKS * BATCH}")
    with subprocess.Popen([options.binary, "--port", "0", "--quiet"], stdout=subprocess.PIPE, text=True) as server:
        try:
            host, port = server.stdout.readline().split("http://")[1].strip().split(":")
            looks = soak(server, (host, int(port)), options.requests)
        finally:
            server.terminate()
    middle, end = looks[LOOKS // 2 - 1], looks[-1]
    flat = end - middle <= max(middle * GROWTH_SHARE, GROWTH_KIB)
    print(f"memory from the middle to the end: {middle / 1024:.1f} to {end / 1024:.1f} MiB, {'flat' if flat else 'GROWING'}")
    sys.exit(0 if flat and server.returncode == 0 else 1)


if __name__ == "__main__":
    main()
