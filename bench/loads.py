"""Who is put under which load: R, a page while customers change; P, a page while nothing changes; L, W and E."""

import functools
import itertools
from pathlib import Path

import shop
from load import Changes, Subject
from mocks import Mock, References

SMALL, MIDDLE, LARGE = 1_000, 100_000, 1_000_000

# The share of a store's customers that changes in a second while its pages are read.
CHANGING = 0.02

# How many customers a load names at most: more than any cache holds, and few enough for wrk to replay.
MOST = 30_000
MOST_LOOKUPS = 100_000
MOST_PAGES = 1_000


class Loads:
    """Everything that can be measured, each server started when it is first needed."""

    def __init__(self, stack, folder, core, binary, references):
        self.stack, self.folder, self.core, self.binary = stack, Path(folder), core, binary
        self.references = References(stack, self.folder, references, core)
        self.subjects = {
            "R mock 1,000": lambda: self.reading("R mock 1,000", self.small, self.small.server, changing=True),
            "R static 1,000": lambda: self.reading("R static 1,000", self.small, self.paging(self.small), changing=True),
            "R mock 100,000": lambda: self.reading("R mock 100,000", self.middle, self.middle.server, changing=True),
            "R static 100,000": lambda: self.reading("R static 100,000", self.middle, self.paging(self.middle), changing=True),
            "P mock 1,000": lambda: self.reading("P mock 1,000", self.small, self.small.server),
            "P mock no journal": lambda: self.reading("P mock no journal", self.silent, self.silent.server),
            "P mock 1,000,000": lambda: self.reading("P mock 1,000,000", self.large, self.large.server),
            "P mock first": lambda: self.reading_one("P mock first", 0),
            "P mock deep": lambda: self.reading_one("P mock deep", -1),
            "P static": lambda: self.reading("P static", self.small, self.bare_page),
            "P wiremock-rs": lambda: self.reading("P wiremock-rs", self.small, self.wiremock_page),
            **self.each("L", "lookups", MOST_LOOKUPS, static=lambda: self.bare_lookup, wiremock=lambda: self.wiremock_lookup),
            **self.each("W", "upserts", MOST, static=lambda: self.bare_page, wiremock=lambda: self.wiremock_lookup),
            **self.each("E", "events", MOST, static=lambda: self.bare_page, wiremock=lambda: self.wiremock_lookup),
        }

    def each(self, letter, kind, most, **others):
        """L, W or E: against emulators of each kind, and against the reference servers."""
        subjects = {
            "mock 1,000": lambda: (self.small, self.small.server),
            "mock no journal": lambda: (self.silent, self.silent.server),
            "mock 1,000,000": lambda: (self.large, self.large.server),
            "map": lambda: (self.small, self.paging(self.small)),
            "static": lambda: (self.small, others["static"]()),
            "wiremock-rs": lambda: (self.small, others["wiremock"]()),
        }

        def subject(side):
            mock, server = subjects[side]()
            return self.subject(f"{letter} {side}", mock, server, kind, lambda: getattr(mock.client, kind)(mock.customers, most))

        return {f"{letter} {side}": functools.partial(subject, side) for side in subjects}

    @functools.cached_property
    def small(self):
        return self.mock(SMALL)

    @functools.cached_property
    def silent(self):
        return self.mock(SMALL, "--journal-entries", "0")

    @functools.cached_property
    def middle(self):
        return self.mock(MIDDLE)

    @functools.cached_property
    def large(self):
        return self.mock(LARGE)

    def mock(self, customers, *flags):
        return Mock(self.stack, self.binary, self.core, customers, *flags)

    @functools.cached_property
    def bare_page(self):
        return self.references.start("bare", self.small, self.page_in_the_middle(self.small))

    @functools.cached_property
    def bare_lookup(self):
        return self.references.start("bare", self.small, self.lookup)

    @functools.cached_property
    def wiremock_page(self):
        return self.references.start("wiremock", self.small, self.page_in_the_middle(self.small))

    @functools.cached_property
    def wiremock_lookup(self):
        return self.references.start("wiremock", self.small, self.lookup)

    @functools.cache
    def paging(self, mock):
        """Answers each page statically, the same bytes for the same query, and keeps what is written, as the customers change."""
        return self.references.start("map", mock, self.page_in_the_middle(mock), self.pages(mock))

    @property
    def lookup(self):
        return self.small.client.lookups(SMALL, 1)[0]

    @functools.cache
    def pages(self, mock):
        """Pages from all over the store."""
        pages = mock.pages()
        return pages[:: max(1, len(pages) // MOST_PAGES)]

    def page_in_the_middle(self, mock):
        pages = self.pages(mock)
        return pages[len(pages) // 2]

    def reading(self, name, mock, server, changing=False):
        changes = None
        if changing:
            changes = Changes(itertools.cycle(mock.client.upserts(mock.customers, MOST)), mock.customers * CHANGING)
        return self.subject(name, mock, server, "pages", lambda: mixed(self.pages(mock)), changes)

    def reading_one(self, name, place):
        return self.subject(name, self.large, self.large.server, f"page{place}", lambda: [self.pages(self.large)[place]])

    def subject(self, name, mock, server, kind, requests, changes=None):
        file = self.folder / f"{kind}-{mock.server.pid}.requests"
        if not file.exists():
            shop.write_down(file, requests())
        return Subject(name, server, file, changes, 3 if mock.customers == LARGE else 1)


def mixed(requests):
    order = shop.some(len(requests), len(requests))
    return [requests[place] for place in order]
