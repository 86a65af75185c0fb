"""The JSON of the control API, as type checkers see it. `openapi/control.yaml` of the emulator describes it in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

Document = Mapping[str, Any]
"""A JSON object, such as a customer or an event."""
Documents = Sequence[Document]


class Health(TypedDict):
    status: str
    version: str
    uptime_ms: int


class Clock(TypedDict):
    now: str
    """RFC 3339."""
    frozen: bool
    offset_ms: int
    """How far the time of the store is ahead of the shared clock."""


class Settings(TypedDict, total=False):
    """The settings of the emulator or of a store. When they are changed, `None` restores the value of the start."""

    rate_limit: int | None
    """Requests per second and store; 0 means no limit."""
    visibility_delay_ms: int | None
    """The time until an accepted write is visible to reads."""
    empty_result: str | None
    """The response to a search without results: `ok` or `error`."""
    validation: str | None
    """`strict` or `lenient`."""
    enforce_deprecations: bool | None
    issued_tokens_only: bool | None
    body_limit: int | None
    """The limit for a request body of the emulated API, in bytes."""


class FaultMatch(TypedDict, total=False):
    """The requests that a fault applies to. Objects match by subset; `None` means absent; what is left out matches anything."""

    operation: str | None
    store: str | None
    method: str | None
    path: str | None
    query: Mapping[str, Any] | None
    headers: Mapping[str, Any] | None
    body: Any


class FaultSpec(TypedDict, total=False):
    """A fault: the requests that it applies to, and its effect."""

    match: FaultMatch
    after: int
    """The number of matching requests to skip first."""
    times: int
    """The number of requests that it applies to; without it, all."""
    probability: float
    seed: int
    """The seed of the random numbers, by default 0."""
    status: int
    body: Any
    """A string is sent unchanged, any other value as JSON. By default it is Yotpo's error envelope."""
    headers: Mapping[str, str | float]
    content_type: str
    malformed_json: bool
    delay_ms: int | Mapping[str, int]
    """Milliseconds, or `{"min": 50, "max": 200, "seed": 1}`."""
    truncate_bytes: int
    drip_bytes_per_second: int
    expire_token: bool
    connection: str
    """`close` or `reset`."""
    after_commit: bool
    """Processes the request first, so that only the response is lost, changed or late."""


class RequestFilter(TypedDict, total=False):
    """Filters of the request journal, all exact."""

    operation: str
    method: str
    path: str
    status: int
    rule: str
    note: str
    after: int
    before: int


class Expectation(TypedDict, total=False):
    """The requests to count, and the expected number: `count`, or `at_least`, `at_most` or both."""

    operation: str | None
    method: str
    path: str
    status: int
    rule: str | None
    note: str | None
    query: Mapping[str, Any]
    headers: Mapping[str, Any]
    body: Any
    after: int
    """Only requests with a greater number count."""
    count: int
    at_least: int
    at_most: int


class RecordedRequest(TypedDict):
    """What the emulator received. Tokens and secrets are redacted."""

    query: dict[str, Any]
    headers: dict[str, Any]
    body: Any
    """JSON as received, anything else as text; `None` without a body."""
    body_bytes: int | None
    body_cut: bool


class RecordedResponse(TypedDict):
    """What the emulator sent."""

    headers: dict[str, Any]
    body: Any
    body_bytes: int | None
    body_cut: bool


class RequestNote(TypedDict):
    id: str
    fields: list[str]


class JournalEntry(TypedDict):
    """One request to the emulated API, with its response."""

    number: int
    at: str
    store: str | None
    operation: str | None
    method: str
    path: str
    status: int
    """0 if a fault prevented a response."""
    fault: int | None
    rules: list[str]
    notes: list[RequestNote]
    duration_us: int
    request: RecordedRequest
    response: RecordedResponse


class ReportNote(TypedDict):
    grade: str
    """`assumed`, `deprecated`, `tolerated` or `coerced`."""
    count: int
    fields: list[str]


class UnmatchedRequests(TypedDict):
    method: str
    path: str
    status: int
    count: int


class _Report(TypedDict):
    requests: int
    calls: dict[str, dict[str, int]]
    never_called: list[str]
    unmatched: list[UnmatchedRequests]
    unmatched_more: int
    rejections: dict[str, int]
    notes: dict[str, ReportNote]
    server_errors: int
    malformed_requests: int
    injected: int
    not_by_store: int


class Report(_Report, total=False):
    """The counts of all requests since the start, or since the report was cleared."""

    problems: list[str]
    """With `fail_on`, the problems that it found, each in a line for a person."""


class Identifiers(TypedDict):
    external_id: str | None
    email: str | None
    phone_number: str | None


class MergedCustomer(TypedDict):
    number: int
    identifiers: Identifiers


class _LineageStep(TypedDict):
    request: int
    at: str
    step: str
    rule: str
    fields: list[str]


class LineageStep(_LineageStep, total=False):
    """One step in the history of a customer."""

    identifiers: Identifiers
    merged: MergedCustomer


class BrokenRule(TypedDict):
    rule: str
    path: str
    message: str
    evidence: str


class ExplanationNote(TypedDict):
    id: str
    message: str
    fields: list[str]


class _Explanation(TypedDict):
    accepted: bool
    broken: list[BrokenRule]
    notes: list[ExplanationNote]


class Explanation(_Explanation, total=False):
    """The effect that a write would have, or the rules that it breaks."""

    would: str
    rule: str
    number: int
    merged: list[MergedCustomer]
    customer: dict[str, Any]
    matches: list[MergedCustomer]


class StoreSummary(TypedDict):
    id: str
    has_secret: bool
    customers: int
    events: int
    pending: int


class PendingWrite(TypedDict):
    """An accepted write that is not visible yet."""

    request: int
    applies_at: str
    body: dict[str, Any]


class SeedCounts(TypedDict):
    created: int
    replaced: int


class SeededStore(TypedDict):
    id: str
    customers: SeedCounts
    events: SeedCounts


class SavedState(TypedDict):
    file: str
    bytes: int


class Generated(TypedDict):
    customers: int
    events: int
    seed: int
