"""Fixtures for tests against yotpo-mock: one emulator for the whole run, and for each test a store of its own.

`YOTPO_MOCK` tells where the binary is; without it, the one on the PATH is taken.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading

import pytest
import requests

REPORT = pytest.StashKey[dict]()


@pytest.fixture(scope="session")
def mock(pytestconfig):
    """The address of an emulator that runs for as long as the tests do. Its clock stands still until a test advances it."""
    binary = os.environ.get("YOTPO_MOCK", "yotpo-mock")
    if shutil.which(binary) is None:
        pytest.fail(f"there is no `{binary}`: install it, or let YOTPO_MOCK say where it is", pytrace=False)
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen([binary, "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True) as process:
            try:
                overdue = threading.Timer(10, process.kill)
                overdue.start()
                ready = process.stdout.readline()
                overdue.cancel()
                if not ready.startswith("yotpo-mock listening on "):
                    log.seek(0)
                    pytest.fail(f"`{binary}` did not start: {log.read().decode()}", pytrace=False)
                url = ready.split()[-1]
                requests.put(f"{url}/_mock/clock", json={"now": "2030-01-01T00:00:00Z", "frozen": True})
                yield url
                pytestconfig.stash[REPORT] = requests.get(f"{url}/_mock/report").json()
                process.terminate()
                assert process.wait(timeout=10) == 0, "the emulator did not end well"
            finally:
                process.kill()


def pytest_terminal_summary(terminalreporter, config):
    if report := config.stash.get(REPORT, None):
        terminalreporter.section("what yotpo-mock saw")
        terminalreporter.line(json.dumps(report, indent=2))


@pytest.fixture
def store(mock, request):
    """A store that no other test knows, empty."""
    return Store(mock, id=re.sub(r"\W+", "-", request.node.nodeid), secret="s3cret")


class Store:
    """One store: what an integration is told of it, and what a test can do to it and see of it."""

    def __init__(self, mock, id, secret):
        self.url, self.id, self.secret = mock, id, secret
        self.seed()

    def seed(self, customers=(), events=()):
        """Adds customers and events, as they are."""
        seed = {"id": self.id, "secret": self.secret, "customers": list(customers), "events": list(events)}
        self._control("POST", "seed", json={"stores": [seed]})

    def customers(self):
        return self._control("GET", f"stores/{self.id}/customers")["customers"]

    def events(self):
        return self._control("GET", f"stores/{self.id}/events")["events"]

    def fault(self, match=None, **fault):
        """Makes the vendor misbehave: `store.fault({"operation": "upsertCustomer"}, times=2, status=503)`."""
        self._control("POST", "faults", json={"match": {"store": self.id, **(match or {})}, **fault})

    def set(self, **settings):
        """Changes settings: `store.set(rate_limit=5)`."""
        self._control("PATCH", "settings", params={"store": self.id}, json=settings)

    def advance(self, seconds):
        """Lets time pass: tokens expire, rate windows pass, delayed writes appear."""
        self._control("POST", "clock/advance", params={"store": self.id}, json={"seconds": seconds})

    def requests(self, **filters):
        """The requests so far with their answers, the oldest first."""
        return self._control("GET", "requests", params={"store": self.id, **filters})["requests"][::-1]

    def verify(self, count=1, **expected):
        """Fails unless so many requests were as expected, and tells how the nearest differ."""
        __tracebackhide__ = True
        answer = self._ask("POST", "requests/verify", json={"store": self.id, **expected, "count": count})
        if answer.status_code == 409:
            found = answer.json()
            raise AssertionError(
                f"{found['actual']} requests instead of {count} were like {json.dumps(expected)}"
                + "".join(
                    f"\nrequest {near['number']}: {difference['path']}: "
                    f"expected {json.dumps(difference['expected'])}, found {json.dumps(difference['found'])}"
                    for near in found["nearest"]
                    for difference in near["differences"]
                )
            )
        assert answer.ok, answer.text

    def _control(self, method, path, **arguments):
        __tracebackhide__ = True
        answer = self._ask(method, path, **arguments)
        assert answer.ok, answer.text
        return answer.json()

    def _ask(self, method, path, **arguments):
        return requests.request(method, f"{self.url}/_mock/{path}", **arguments)
