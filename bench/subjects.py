"""All subjects: R reads pages while customers change, P reads pages while nothing changes; L looks up, W upserts, E sends events."""

import functools
import itertools
from dataclasses import dataclass
from pathlib import Path

import workload
from load import Changes, Subject
from mocks import Mock, References

# The share of a store's customers that change in a second while R reads its pages.
CHANGING_SHARE = 0.02

# More than fits into any cache, and few enough for wrk to load.
MAX_CUSTOMERS = 30_000
MAX_PAGES = 1_000


@dataclass(frozen=True)
class Sizes:
    """Numbers of customers."""

    small: int = 1_000
    medium: int = 100_000
    large: int = 1_000_000


QUICK_SIZES = Sizes(medium=5_000, large=10_000)

FAULTS = {
    "none": None,
    "unmatched": {"match": {"operation": "upsertCustomerEvent"}, "status": 503},
    # Its only time is used before the measurement.
    "used up": {"match": {"operation": "retrieveCustomers"}, "times": 1, "status": 200, "body": {"customers": []}},
    "matching": {"match": {"operation": "retrieveCustomers"}, "status": 200, "body": {"customers": []}},
}


class Subjects:
    """Creates subjects by name. Each server starts when it is first needed."""

    def __init__(self, stack, folder, core, worker_cores, binary, reference_binaries, sizes):
        self.stack, self.folder, self.core, self.worker_cores, self.binary = stack, Path(folder), core, worker_cores, binary
        self.sizes = sizes
        self.references = References(stack, self.folder, reference_binaries, core)
        self.makers = {
            "R mock 1,000": lambda name: self.reading(name, self.small, self.small.server, changing=True),
            "R static 1,000": lambda name: self.reading(name, self.small, self.map(self.small), changing=True),
            "R mock 100,000": lambda name: self.reading(name, self.medium, self.medium.server, changing=True),
            "R static 100,000": lambda name: self.reading(name, self.medium, self.map(self.medium), changing=True),
            "R mock tls": lambda name: self.reading(name, self.small, self.small.server, scheme="https"),
            "R static tls": lambda name: self.reading(name, self.small, self.map(self.small, "https"), scheme="https"),
            "P mock": lambda name: self.reading(name, self.small, self.small.server),
            "P static": lambda name: self.reading(name, self.small, self.static_page()),
            "P wiremock-rs": lambda name: self.reading(name, self.small, self.wiremock_page()),
            "L mock": lambda name: self.lookups(name, self.small.server),
            "L static": lambda name: self.lookups(name, self.static_lookup("http")),
            "L mock tls": lambda name: self.lookups(name, self.small.server, "https"),
            "L static tls": lambda name: self.lookups(name, self.static_lookup("https"), "https"),
            "L wiremock-rs": lambda name: self.lookups(name, self.wiremock_lookup()),
            **{f"L fault {kind}": functools.partial(self.with_fault, kind=kind) for kind in FAULTS},
            "L one worker": lambda name: self.with_workers(name, 1, "lookups"),
            "L two workers": lambda name: self.with_workers(name, 2, "lookups"),
            "W one worker": lambda name: self.with_workers(name, 1, "upserts"),
            "W two workers": lambda name: self.with_workers(name, 2, "upserts"),
        }
        for letter, kind in (("W", "upserts"), ("E", "events")):
            self.makers |= {
                f"{letter} mock": functools.partial(self.writes, kind, lambda: self.small.server),
                f"{letter} map": functools.partial(self.writes, kind, lambda: self.map(self.small)),
                f"{letter} mock tls": functools.partial(self.writes, kind, lambda: self.small.server, scheme="https"),
                f"{letter} map tls": functools.partial(self.writes, kind, lambda: self.map(self.small, "https"), scheme="https"),
                f"{letter} static": functools.partial(self.writes, kind, self.static_page),
                f"{letter} wiremock-rs": functools.partial(self.writes, kind, self.wiremock_lookup),
            }

    def __getitem__(self, name):
        return self.makers[name](name)

    @functools.cached_property
    def small(self):
        return self.mock(self.sizes.small)

    @functools.cached_property
    def medium(self):
        return self.mock(self.sizes.medium)

    @functools.cached_property
    def large(self):
        return self.mock(self.sizes.large)

    def mock(self, customers, *flags):
        return Mock(self.stack, self.binary, (self.core,), customers, *flags)

    @functools.cache
    def map(self, mock, scheme="http"):
        """The reference server that stores writes in a map and answers each page query with its recorded bytes."""
        return self.references.start("map", mock, self.page_in_the_middle(mock), self.pages(mock), scheme)

    @functools.cache
    def static_page(self):
        return self.references.start("static", self.small, self.page_in_the_middle(self.small))

    @functools.cache
    def static_lookup(self, scheme):
        return self.references.start("static", self.small, self.lookup, scheme=scheme)

    @functools.cache
    def wiremock_page(self):
        return self.references.start("wiremock", self.small, self.page_in_the_middle(self.small))

    @functools.cache
    def wiremock_lookup(self):
        return self.references.start("wiremock", self.small, self.lookup)

    @property
    def lookup(self):
        return self.small.client.lookups(self.sizes.small, 1)[0]

    @functools.cache
    def pages(self, mock):
        """Pages from all parts of the store."""
        pages = mock.pages()
        return pages[:: max(1, len(pages) // MAX_PAGES)]

    def page_in_the_middle(self, mock):
        pages = self.pages(mock)
        return pages[len(pages) // 2]

    def reading(self, name, mock, server, changing=False, scheme="http"):
        changes = None
        if changing:
            changes = Changes(itertools.cycle(mock.client.upserts(mock.customers, MAX_CUSTOMERS)), mock.customers * CHANGING_SHARE)
        return self.subject(name, server, mock, "pages", lambda: shuffled(self.pages(mock)), changes, scheme)

    def lookups(self, name, server, scheme="http"):
        return self.requests(name, self.small, server, "lookups", scheme)

    def writes(self, kind, server, name, scheme="http"):
        return self.requests(name, self.small, server(), kind, scheme)

    def requests(self, name, mock, server, kind, scheme="http"):
        return self.subject(name, server, mock, kind, lambda: getattr(mock.client, kind)(mock.customers, MAX_CUSTOMERS), scheme=scheme)

    def with_fault(self, name, kind):
        mock = self.mock(self.sizes.small)
        if fault := FAULTS[kind]:
            mock.add_fault(fault)
        if kind == "used up":
            mock.send(mock.client.lookups(mock.customers, 1)[0])
        return self.requests(name, mock, mock.server, "lookups")

    @functools.cache
    def mock_with_workers(self, workers):
        return Mock(self.stack, self.binary, self.worker_cores, self.sizes.small, "--workers", str(workers))

    def with_workers(self, name, workers, kind):
        mock = self.mock_with_workers(workers)
        return self.requests(name, mock, mock.server, kind)

    def subject(self, name, server, mock, kind, requests, changes=None, scheme="http"):
        file = self.folder / f"{kind}-{mock.server.pid}.requests"
        if not file.exists():
            workload.write_requests(file, requests())
        return Subject(name, server, file, changes, scheme)


def shuffled(requests):
    return [requests[index] for index in workload.sample(len(requests), len(requests))]
