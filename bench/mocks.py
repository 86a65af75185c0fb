"""The emulator with so many customers, and the reference servers with the answers that it gave."""

import json
import re
import socket

import shop
from machine import Failure, Server, answer_from, exchange, tell

# How many customers go into one seed: its body stays below the control surface's limit.
SEEDED_AT_ONCE = 50_000

PAGE = 100

HEALTH = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
FIRST_PAGE = f"limit={PAGE}"


def post(path, body):
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def command(binary, *flags):
    """How the emulator is started: as shipped, but that it does not log each request, since no reference server does."""
    return [binary, "--quiet", "--port", "{port}", *flags]


class Mock:
    """An emulator whose store has so many customers of the vendor's ordinary size."""

    def __init__(self, stack, binary, core, customers, *flags):
        self.customers = customers
        self.server = stack.enter_context(Server("yotpo-mock", command(binary, *flags), core))
        self.server.wait(HEALTH)
        for first in range(0, customers, SEEDED_AT_ONCE):
            self.control("/_mock/seed", shop.seed(range(first, min(first + SEEDED_AT_ONCE, customers))))
        self.seeded_kib = self.server.resident_kib()
        # A sync client asks for a token first, and so does this one.
        answer = exchange(self.server.port, post(f"{shop.PATH}/access_tokens", b'{"secret":"any"}'))
        self.client = shop.Client(json.loads(body_of(answer))["access_token"])

    def control(self, path, body=b"{}"):
        return ok(exchange(self.server.port, post(path, body)), path)

    def ask(self, request):
        return ok(exchange(self.server.port, request), request[:200].decode())

    def pages(self):
        """The requests of all full pages, in their order, each with the cursor that the page before it gave."""
        requests = [self.client.get(FIRST_PAGE)]
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as connection:
            while len(requests) * PAGE < self.customers:
                connection.sendall(requests[-1])
                end = ok(answer_from(connection), "a page")[-4096:].decode()
                requests.append(self.client.get(f"page_info={re.search(r'next_page_info.:.([^ ]+?).}}', end)[1]}"))
        return requests


def ok(answer, asked):
    if not answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")):
        told = answer[:600].decode(errors="replace")
        raise Failure(f"the emulator answered `{asked}` with {told}", "the benchmark asks for nothing that may be refused")
    return answer


def body_of(answer):
    return answer.partition(b"\r\n\r\n")[2]


def shape(answer):
    """What must be alike in two answers: the body, and the headers but for what differs from answer to answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = [line for line in head.lower().split(b"\r\n") if not line.startswith((b"date:", b"x-yotpo-mock-request:"))]
    return sorted(headers), body


def write_pages(path, mock, requests):
    """Writes down the bodies of pages by their queries, as the reference servers read them."""
    with path.open("wb") as file, socket.create_connection(("127.0.0.1", mock.server.port), timeout=60) as connection:
        for request in requests:
            connection.sendall(request)
            body = body_of(ok(answer_from(connection), "a page"))
            query = re.match(rb"GET [^ ?]+\?([^ ]*) ", request)[1]
            file.write(b"%s\n%d\n%s" % (query, len(body), body))


class References:
    """Starts reference servers that answer as the emulator does."""

    def __init__(self, stack, folder, built, core):
        self.stack, self.folder, self.built, self.core = stack, folder, built, core

    def start(self, name, mock, read, pages=()):
        """A server that answers `read`, writes and pages with the bytes with which the emulator answers now."""
        client = mock.client
        asked = [
            read,
            client.patch("customers", {"customer": shop.customer(0)}),
            client.patch("customer_events", {"customer_event": shop.event(0)}),
        ]
        answers = [mock.ask(request) for request in asked]
        files = []
        for place, answer in enumerate(answers):
            files.append(self.folder / f"{name}-{len(answers[0])}-{place}.http")
            files[-1].write_bytes(answer)
        if pages:
            files.append(self.folder / f"{name}-{mock.server.pid}.pages")
            write_pages(files[-1], mock, pages)
        server = self.stack.enter_context(Server(name, [self.built / name, "{port}", *files], self.core))
        for request, answer in zip(asked, answers, strict=True):
            told = server.wait(request)
            if shape(told) != shape(answer):
                raise Failure(
                    f"{name} answers\n{told[:600].decode()}\nwhere the emulator answers\n{answer[:600].decode()}",
                    "the comparison is fair only if both say the same: mend bench/servers",
                )
        headers, body = shape(answers[0])
        tell(f"  {name} answers {len(body):,} bytes as the emulator does, with {len(headers) + 1} headers")
        return server
