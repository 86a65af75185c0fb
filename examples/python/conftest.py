"""Fixtures for tests against yotpo-mock: one mock for the whole run, and an isolated store for each test.

`YOTPO_MOCK` is the path of the binary. Without it, `yotpo-mock` must be on the PATH.
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
    """The URL of a mock that runs until the last test ends. Its clock is frozen, and only tests advance it."""
    binary = os.environ.get("YOTPO_MOCK", "yotpo-mock")
    if shutil.which(binary) is None:
        pytest.fail(f"`{binary}` not found: install yotpo-mock, or set YOTPO_MOCK to its path", pytrace=False)
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen([binary, "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True) as process:
            try:
                timeout = threading.Timer(10, process.kill)
                timeout.start()
                ready = process.stdout.readline()
                timeout.cancel()
                if not ready.startswith("yotpo-mock listening on "):
                    log.seek(0)
                    pytest.fail(f"`{binary}` did not start: {log.read().decode()}", pytrace=False)
                url = ready.split()[-1]
                requests.put(f"{url}/_mock/clock", json={"now": "2030-01-01T00:00:00Z", "frozen": True})
                yield url
                pytestconfig.stash[REPORT] = requests.get(f"{url}/_mock/report").json()
                process.terminate()
                assert process.wait(timeout=10) == 0, "the mock did not stop cleanly"
            finally:
                process.kill()


def pytest_terminal_summary(terminalreporter, config):
    if report := config.stash.get(REPORT, None):
        terminalreporter.section("report of yotpo-mock")
        terminalreporter.line(json.dumps(report, indent=2))


@pytest.fixture
def store(mock, request):
    """An empty store for this test alone."""
    return Store(mock, id=re.sub(r"\W+", "-", request.node.nodeid), secret="s3cret")


class Store:
    """A store: the credentials for an integration, and everything that a test can do with it."""

    def __init__(self, mock, id, secret):
        self.url, self.id, self.secret = mock, id, secret
        self.seed()

    def seed(self, customers=(), events=()):
        """Adds customers and events unchanged."""
        seed = {"id": self.id, "secret": self.secret, "customers": list(customers), "events": list(events)}
        self._control("POST", "seed", json={"stores": [seed]})

    def customers(self):
        return self._control("GET", f"stores/{self.id}/customers")["customers"]

    def events(self):
        return self._control("GET", f"stores/{self.id}/events")["events"]

    def fault(self, match=None, **fault):
        """Injects a fault: `store.fault({"operation": "upsertCustomer"}, times=2, status=503)`."""
        self._control("POST", "faults", json={"match": {"store": self.id, **(match or {})}, **fault})

    def set(self, **settings):
        """Changes settings: `store.set(rate_limit=5)`."""
        self._control("PATCH", "settings", params={"store": self.id}, json=settings)

    def advance(self, seconds):
        """Advances the clock: tokens expire, the rate limit resets, delayed writes become visible."""
        self._control("POST", "clock/advance", params={"store": self.id}, json={"seconds": seconds})

    def requests(self, **filters):
        """The requests so far with their responses, oldest first."""
        return self._control("GET", "requests", params={"store": self.id, **filters})["requests"][::-1]

    def verify(self, count=1, **expected):
        """Fails unless exactly `count` requests match, and shows how the nearest ones differ."""
        __tracebackhide__ = True
        response = self._ask("POST", "requests/verify", json={"store": self.id, **expected, "count": count})
        if response.status_code == 409:
            found = response.json()
            raise AssertionError(
                f"{found['actual']} requests instead of {count} match {json.dumps(expected)}"
                + "".join(
                    f"\nrequest {near['number']}: {difference['path']}: "
                    f"expected {json.dumps(difference['expected'])}, found {json.dumps(difference['found'])}"
                    for near in found["nearest"]
                    for difference in near["differences"]
                )
            )
        assert response.ok, response.text

    def _control(self, method, path, **arguments):
        __tracebackhide__ = True
        response = self._ask(method, path, **arguments)
        assert response.ok, response.text
        return response.json()

    def _ask(self, method, path, **arguments):
        return requests.request(method, f"{self.url}/_mock/{path}", **arguments)
