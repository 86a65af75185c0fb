"""The pytest plugin: an emulator for the run, and a store of its own for each test."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from typing import Any

import pytest

from ._mock import YotpoMock
from ._scope import count_of_requests, to_text
from ._store import Store
from .errors import YotpoMockError
from .types import JournalEntry, Report

MARKER_ARGUMENTS = ("customers", "events", "settings")
MAX_SHOWN_REQUESTS = 20
MAX_NAME_LENGTH = 40
FAIL_ON_NO_REQUESTS = "no-requests"
WORKER_REPORT = "yotpo_mock_report"


class Run:
    """The emulator of this process, and the reports of it and of the emulators of xdist's workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._flags: list[str] = config.getini("yotpo_mock_flags")
        self._is_collect_only = bool(config.option.collectonly)
        self._fail_on = [kind for value in config.getini("yotpo_mock_fail_on") for kind in value.split(",")]
        self._mock: YotpoMock | None = None
        self.reports: list[Report] = []
        self.errors: list[str] = []

    def mock(self) -> YotpoMock:
        if self._mock is None:
            self._mock = YotpoMock.start(self._flags)
            # An invalid kind of problem is an error before the tests, not after them.
            self._report(self._mock)
        return self._mock

    def end(self) -> None:
        """Stops the emulator of this process, and keeps its report."""
        if self._mock is None:
            return
        try:
            with self._mock as mock:
                self.reports.append(self._report(mock))
        except YotpoMockError as error:
            self.errors.append(str(error))

    def problems(self) -> list[str]:
        """The problems of the kinds in `yotpo_mock_fail_on`, and errors of the emulator itself."""
        if self._is_collect_only:
            return []
        problems = self.errors + sorted(problem for report in self.reports for problem in report.get("problems", []))
        if FAIL_ON_NO_REQUESTS in self._fail_on and not any(report["requests"] for report in self.reports):
            problems.append("no test sent a request to the emulator")
        return problems

    def _report(self, mock: YotpoMock) -> Report:
        # Whether there were no requests is known when all workers have ended.
        return mock.report([kind for kind in self._fail_on if kind != FAIL_ON_NO_REQUESTS])

    def summary(self) -> list[str]:
        """What the run depended on: a line for the requests, one for each rule that rejected some, and for each note."""
        rejections: dict[str, int] = {}
        notes: dict[str, dict[str, Any]] = {}
        for report in self.reports:
            for rule, count in report["rejections"].items():
                rejections[rule] = rejections.get(rule, 0) + count
            for id, note in report["notes"].items():
                total = notes.setdefault(id, {"grade": note["grade"], "count": 0, "fields": []})
                total["count"] += note["count"]
                total["fields"] += [field for field in note["fields"] if field not in total["fields"]]
        lines = [count_of_requests(sum(report["requests"] for report in self.reports))]
        lines += [f"rejected by {rule}: {count}" for rule, count in sorted(rejections.items())]
        lines += [
            f"{note['grade']}: {id}{' of ' + ', '.join(note['fields']) if note['fields'] else ''}: {note['count']}"
            for id, note in sorted(notes.items(), key=lambda item: (item[1]["grade"], item[0]))
        ]
        return lines


RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("yotpo_mock_flags", "flags of the emulator, as `yotpo-mock serve --help` lists them", type="args", default=[])
    parser.addini(
        "yotpo_mock_fail_on",
        "fail the run if it has problems of these kinds: no-requests, unmatched, server-error, note, note:GRADE, note:ID",
        type="args",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "yotpo(customers=[…], events=[…], settings={…}): the content and the settings of the test's `yotpo_store`",
    )
    config.stash[RUN] = Run(config)


@pytest.fixture(scope="session")
def yotpo_mock(pytestconfig: pytest.Config) -> YotpoMock:
    """An emulator of Yotpo's API that runs until the last test ends; with pytest-xdist, one for each worker."""
    try:
        return pytestconfig.stash[RUN].mock()
    except YotpoMockError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def yotpo_store(yotpo_mock: YotpoMock, request: pytest.FixtureRequest) -> Store:
    """A new store for this test, with the content and the settings of `@pytest.mark.yotpo(…)`."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("yotpo"))):
        unknown = [to_text(argument) for argument in marker.args] + [name for name in marker.kwargs if name not in MARKER_ARGUMENTS]
        if unknown:
            pytest.fail(
                f"`@pytest.mark.yotpo` does not know `{unknown[0]}`: it takes customers=[…], events=[…] and settings={{…}}",
                pytrace=False,
            )
        options.update(marker.kwargs)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name)[:MAX_NAME_LENGTH]
    return yotpo_mock.new_store(**options, name=name)


@pytest.fixture
def yotpo_env(
    yotpo_mock: YotpoMock,
    yotpo_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """Sets the variables that route clients of `https://api.yotpo.com` to the emulator, until the test ends."""
    variables = yotpo_mock.environment(yotpo_store, tmp_path_factory.getbasetemp() / "yotpo-mock")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    store = getattr(item, "funcargs", {}).get("yotpo_store")
    if report.failed and isinstance(store, Store):
        report.sections.append((f"requests to {store.id}", describe_requests(store)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    run = session.config.stash[RUN]
    run.end()
    worker_output = getattr(session.config, "workeroutput", None)
    if worker_output is not None:
        worker_output[WORKER_REPORT] = json.dumps([run.reports, run.errors])
    elif run.problems() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Takes the reports of a worker of pytest-xdist."""
    output = getattr(node, "workeroutput", {}).get(WORKER_REPORT)
    if output is None:
        return
    run = node.config.stash[RUN]
    reports, errors = json.loads(output)
    for report in reports:
        report["problems"] = [f"{node.gateway.id}: {problem}" for problem in report.get("problems", [])]
    run.reports += reports
    run.errors += [f"{node.gateway.id}: {error}" for error in errors]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    run = config.stash[RUN]
    problems = run.problems()
    if run.reports or problems:
        terminalreporter.section("yotpo-mock")
        for line in run.summary():
            terminalreporter.line(line)
    if problems:
        terminalreporter.line("problems:", red=True)
        for problem in problems:
            terminalreporter.line("  " + problem.replace("\n", "\n  "), red=True)


def describe_requests(store: Store) -> str:
    """The latest requests to a store, for the report of a test."""
    try:
        entries = store.requests()
    except YotpoMockError as error:
        return f"not known, since {str(error).splitlines()[0]}"
    if not entries:
        return "none"
    lines = [] if len(entries) <= MAX_SHOWN_REQUESTS else [f"the latest {MAX_SHOWN_REQUESTS} of {len(entries)}:"]
    return "\n".join(lines + [describe_request(entry) for entry in entries[-MAX_SHOWN_REQUESTS:]])


def describe_request(entry: JournalEntry) -> str:
    query = "&".join(f"{name}={value}" for name, value in entry["request"]["query"].items())
    target = f"{entry['path']}?{query}" if query else entry["path"]
    lines = [f"#{entry['number']} {entry['method']} {target} → {entry['status'] or 'no response'}"]
    if entry["request"]["body"] is not None:
        lines.append(f"  sent      {to_text(entry['request']['body'])}")
    if entry["response"]["body"] is not None:
        lines.append(f"  received  {to_text(entry['response']['body'])}")
    if entry["fault"] is not None:
        lines.append(f"  fault     {entry['fault']}")
    if entry["notes"]:
        lines.append("  notes     " + ", ".join(note["id"] for note in entry["notes"]))
    return "\n".join(lines)
