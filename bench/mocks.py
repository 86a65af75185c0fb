"""The emulator with seeded customers, and reference servers with the responses that it gave."""

import json
import re

import workload
from machine import Failure, Server, connect, exchange, log, read_response

# Keeps the body of a seed below the control API's limit.
CUSTOMERS_PER_SEED = 50_000

PAGE_SIZE = 100

HEALTH = b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(path, body):
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def command(binary, *flags):
    """The emulator's command line: defaults, except for the log of requests, which no reference server has."""
    return [binary, "--quiet", "--port", "{port}", *flags]


class Mock:
    """An emulator whose store has customers of an ordinary size."""

    def __init__(self, stack, binary, cores, customers, *flags):
        self.customers = customers
        self.server = stack.enter_context(Server("yotpo-mock", command(binary, *flags), *cores))
        self.server.wait_for(HEALTH)
        for first in range(0, customers, CUSTOMERS_PER_SEED):
            self.control("/_mock/seed", workload.seed(range(first, min(first + CUSTOMERS_PER_SEED, customers))))
        self.seeded_kib = self.server.resident_kib()
        # Like a sync client, with an issued token.
        response = exchange(self.server.port, post(f"{workload.PATH}/access_tokens", b'{"secret":"any"}'))
        self.client = workload.Client(json.loads(body_of(response))["access_token"])

    def control(self, path, body=b"{}"):
        return check(exchange(self.server.port, post(path, body)), path)

    def send(self, request, scheme="http"):
        return check(exchange(self.server.port, request, scheme), request[:200].decode())

    def add_fault(self, fault):
        self.control("/_mock/faults", json.dumps(fault).encode())

    def pages(self):
        """The requests for all full pages in order, each with the cursor of the page before it."""
        requests = [self.client.get(f"limit={PAGE_SIZE}")]
        with connect(self.server.port) as connection:
            while len(requests) * PAGE_SIZE < self.customers:
                connection.sendall(requests[-1])
                end = check(read_response(connection), "a page")[-4096:].decode()
                requests.append(self.client.get(f"page_info={re.search(r'next_page_info.:.([^ ]+?).}}', end)[1]}"))
        return requests


def check(response, request):
    """Returns a response, which must have status 200 or 201."""
    if not response.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")):
        text = response[:600].decode(errors="replace")
        raise Failure(f"the emulator answered `{request}` with {text}", "the benchmark sends valid requests only: has their format changed?")
    return response


def body_of(response):
    return response.partition(b"\r\n\r\n")[2]


def comparable(response):
    """The parts that two responses must have in common: the body, and all headers that do not differ from response to response."""
    head, _, body = response.partition(b"\r\n\r\n")
    headers = [line for line in head.lower().split(b"\r\n") if not line.startswith((b"date:", b"x-yotpo-mock-request:"))]
    return sorted(headers), body


def write_pages(path, mock, requests):
    """Writes the bodies of pages by their queries, in the format of the reference servers."""
    with path.open("wb") as file, connect(mock.server.port) as connection:
        for request in requests:
            connection.sendall(request)
            body = body_of(check(read_response(connection), "a page"))
            query = re.match(rb"GET [^ ?]+\?([^ ]*) ", request)[1]
            file.write(b"%s\n%d\n%s" % (query, len(body), body))


class References:
    """Starts reference servers that give the emulator's responses."""

    def __init__(self, stack, folder, binaries, core):
        self.stack, self.folder, self.binaries, self.core = stack, folder, binaries, core
        self.started = 0

    def start(self, name, mock, read, pages=(), scheme="http"):
        """Starts a server that answers `read`, writes and pages with the bytes of the emulator's current responses."""
        self.started += 1
        client = mock.client
        requests = [
            read,
            client.patch("customers", {"customer": workload.customer(0)}),
            client.patch("customer_events", {"customer_event": workload.event(0)}),
        ]
        responses = [mock.send(request, scheme) for request in requests]
        files = []
        for index, response in enumerate(responses):
            files.append(self.folder / f"{self.started}-{index}.http")
            files[-1].write_bytes(response)
        if pages:
            files.append(self.folder / f"{self.started}.pages")
            write_pages(files[-1], mock, pages)
        flags = ["--tls"] if scheme == "https" else []
        server = self.stack.enter_context(Server(name, [self.binaries / name, *flags, "{port}", *files], self.core, scheme=scheme))
        for request, response in zip(requests, responses, strict=True):
            answer = server.wait_for(request)
            if comparable(answer) != comparable(response):
                raise Failure(
                    f"{name} answers\n{answer[:600].decode()}\nwhere the emulator answers\n{response[:600].decode()}",
                    "the comparison is fair only with equal responses: fix bench/servers",
                )
        headers, body = comparable(responses[0])
        log(f"  {name} gives the emulator's responses over {scheme}: {len(body):,} bytes for a read, {len(headers) + 1} headers")
        return server
