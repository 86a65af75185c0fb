"""What a test can do with one store as well as with the whole emulator."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from ._control import Control
from ._fault import Fault
from .errors import VerificationError
from .types import Clock, Expectation, FaultSpec, JournalEntry, Report, RequestFilter, Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

PAGE_SIZE = 1000


class Scope:
    """The part of the emulator that the calls apply to: one store, or all of them."""

    _control: Control
    _store_id: str | None = None

    @property
    def url(self) -> str:
        """The URL of the emulator, which replaces `https://api.yotpo.com`."""
        return self._control.url

    # Faults

    def fault(self, **fault: Unpack[FaultSpec]) -> Fault:
        """Injects a fault: `fault(match={"operation": "upsertCustomer"}, times=2, status=503)`."""
        return Fault(self._control, self._control.call("POST", "/faults", body=self._with_store(fault)))

    def faults(self) -> list[Fault]:
        """The faults, oldest first; of a store, those that match this store and no other."""
        faults = self._control.call("GET", "/faults", self._query)["faults"]
        return [Fault(self._control, fault) for fault in faults]

    def clear_faults(self) -> int:
        """Removes these faults, and returns their number."""
        return int(self._control.call("DELETE", "/faults", self._query)["removed"])

    # Requests

    def requests(self, **filters: Unpack[RequestFilter]) -> list[JournalEntry]:
        """The requests in the journal, oldest first."""
        entries: list[JournalEntry] = []
        query: dict[str, Any] = {"limit": PAGE_SIZE, **filters, **self._query}
        while True:
            page = self._control.call("GET", "/requests", query)
            entries += page["requests"]
            if page["next_before"] is None:
                return entries[::-1]
            query["before"] = page["next_before"]

    def verify(self, **expectation: Unpack[Expectation]) -> int:
        """Counts the matching requests, and returns their number.

        Exactly one is expected, unless there is a `count`, `at_least` or `at_most`. Objects match by subset, arrays and scalars
        exactly, and `None` means absent.

        Raises:
            VerificationError: if the number is not as expected. The message shows how the nearest requests differ.
        """
        __tracebackhide__ = True
        expected: dict[str, Any] = {**expectation}
        if not {"count", "at_least", "at_most"} & set(expected):
            expected["count"] = 1
        if self._store_id is not None:
            expected["store"] = self._store_id
        status, body = self._control.send("POST", "/_mock/requests/verify", content=json.dumps(expected).encode())
        if status == 409:
            raise VerificationError(describe_failure(expectation, json.loads(body)))
        return int(self._control.parse(status, body)["matched"])

    def clear_requests(self) -> None:
        """Clears the journal. Numbering continues, and the report is unchanged."""
        self._control.call("DELETE", "/requests", self._query)

    def report(self, fail_on: str | Iterable[str] = ()) -> Report:
        """The counts of all requests, regardless of the size of the journal.

        With `fail_on`, `problems` lists what `yotpo-mock exec --fail-on` would find: `no-requests`, `unmatched`, `server-error`,
        `note`, `note:assumed` or the note with an id, such as `note:query.unknown_parameter`.
        """
        kinds = fail_on if isinstance(fail_on, str) else ",".join(fail_on)
        return cast(Report, self._control.call("GET", "/report", {**self._query, "fail_on": kinds or None}))

    def clear_report(self) -> None:
        """Clears the report."""
        self._control.call("DELETE", "/report", self._query)

    # Settings

    def settings(self) -> Settings:
        """The current settings."""
        return cast(Settings, self._control.call("GET", "/settings", self._query)["settings"])

    def change_settings(self, **settings: Unpack[Settings]) -> Settings:
        """Changes settings, and returns all. `None` restores the value of the start or, for a store, that of all stores."""
        return cast(Settings, self._control.call("PATCH", "/settings", self._query, settings)["settings"])

    # Time

    def clock(self) -> Clock:
        """The current time."""
        return cast(Clock, self._control.call("GET", "/clock", self._query))

    def advance(self, by: float | timedelta) -> Clock:
        """Advances the time by seconds or a `timedelta`: tokens and rate limits expire, delayed writes become visible."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        return cast(Clock, self._control.call("POST", "/clock/advance", self._query, {"seconds": seconds}))

    def set_time(self, now: str | datetime) -> Clock:
        """Sets the time, which cannot go back. A text is RFC 3339; a `datetime` must have a time zone."""
        return self._set_clock(now=to_rfc3339(now))

    def settle(self) -> int:
        """Makes all accepted writes visible, and returns their number."""
        return int(self._control.call("POST", "/settle", self._query)["applied"])

    # State

    def reset(self, to: str = "seed") -> None:
        """Restores the state of the start: the `seed`, or with `empty` nothing but the declared stores. Removes faults."""
        self._control.call("POST", "/reset", self._query, {"to": to})

    def state(self) -> dict[str, Any]:
        """The state, as `replace_state` and `--state` accept it. It contains secrets."""
        return cast(dict[str, Any], self._control.call("GET", "/state", self._query))

    @property
    def _query(self) -> dict[str, str | None]:
        return {"store": self._store_id}

    def _set_clock(self, **clock: str | bool) -> Clock:
        return cast(Clock, self._control.call("PUT", "/clock", self._query, clock))

    def _with_store(self, fault: FaultSpec) -> dict[str, Any]:
        if self._store_id is None:
            return {**fault}
        return {**fault, "match": {**(fault.get("match") or {}), "store": self._store_id}}


def pages(control: Control, path: str, key: str, query: dict[str, Any]) -> Iterator[Any]:
    """The entries of all pages of a list."""
    after = None
    while True:
        page = control.call("GET", path, {"limit": PAGE_SIZE, **query, "after": after})
        yield from page[key]
        after = page["next_after"]
        if after is None:
            return


def to_rfc3339(time: str | datetime) -> str:
    if isinstance(time, str):
        return time
    if time.tzinfo is None:
        raise ValueError(f"`{time.isoformat()}` has no time zone: add one, such as tzinfo=timezone.utc")
    return time.isoformat()


def describe_failure(expectation: Expectation, failure: dict[str, Any]) -> str:
    """What was found instead of the expected number of requests."""
    wanted = {name: value for name, value in expectation.items() if name not in ("count", "at_least", "at_most")}
    actual, expected = failure["actual"], failure["expected"]
    if isinstance(expected, dict):
        bounds = [f"at {bound} {expected[key]}" for bound, key in (("least", "at_least"), ("most", "at_most")) if key in expected]
        expected = " and ".join(bounds)
    lines = [f"{count_of_requests(actual)} instead of {expected} match {json.dumps(wanted, ensure_ascii=False)}"]
    for near in failure["nearest"]:
        differences = near["differences"]
        lines.append(f"request {near['number']}:" + ("" if differences else " matches"))
        lines += [
            f"  {difference['path']}: expected {to_text(difference['expected'])}, found {to_text(difference['found'])}"
            for difference in differences
        ]
    return "\n".join(lines)


def count_of_requests(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'}"


def to_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
