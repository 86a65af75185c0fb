"""The pytest plugin, in runs of its own."""

from __future__ import annotations

import re

import pytest

SEND = """
import json, os, urllib.error, urllib.request
import pytest

def send(store, method, path, body=None):
    content = None if body is None else json.dumps(body).encode()
    headers = {"X-Yotpo-Token": store.access_token(), "Content-Type": "application/json"}
    request = urllib.request.Request(store.api_url + path, content, headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(request).status
    except urllib.error.HTTPError as error:
        return error.code
"""


def plain(lines: list[str], heading: str) -> list[str]:
    """The lines of a section, with the random parts of stores replaced."""
    start = next(number for number, line in enumerate(lines) if heading in line)
    rest = lines[start + 1 :]
    end = next((number for number, line in enumerate(rest) if re.match("^(=|---)", line)), len(rest))
    lines = [re.sub(r"-[0-9a-f]{8}\b", "-XXXXXXXX", line).rstrip() for line in rest[:end]]
    return [line for line in lines if line]


def test_each_test_has_a_store_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SEND
        + """
@pytest.fixture(scope="session")
def ids():
    return set()

@pytest.mark.parametrize("number", range(3))
def test_store(yotpo_store, yotpo_mock, ids, number):
    assert send(yotpo_store, "PATCH", "/customers", {"customer": {"external_id": "c"}}) == 200
    assert len(yotpo_store.customers()) == 1
    ids.add(yotpo_store.id)
    assert len(ids) == number + 1
    assert yotpo_store.id.startswith(f"test_store-{number}-")
    assert {"id": yotpo_store.id, "has_secret": True, "customers": 1, "events": 0, "pending": 0} in yotpo_mock.stores()
"""
    )
    result = pytester.runpytest_subprocess("--strict-markers")
    result.assert_outcomes(passed=3)
    assert plain(result.outlines, "= yotpo-mock =") == ["6 requests"]


def test_markers_set_content_and_settings_and_the_closest_wins(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import pytest

@pytest.mark.yotpo(customers=[{"external_id": "class"}], settings={"rate_limit": 3})
class TestStore:
    @pytest.mark.yotpo(customers=[{"external_id": "test"}], events=[])
    def test_closest(self, yotpo_store):
        assert [customer["external_id"] for customer in yotpo_store.customers()] == ["test"]
        assert yotpo_store.settings()["rate_limit"] == 3

    def test_class(self, yotpo_store):
        assert [customer["external_id"] for customer in yotpo_store.customers()] == ["class"]
"""
    )
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=2)


@pytest.mark.parametrize(("marker", "shown"), [("setings={}", "setings"), ("[{'external_id': 'c-1'}]", '[{"external_id": "c-1"}]')])
def test_an_unknown_argument_of_the_marker_is_named(pytester: pytest.Pytester, marker: str, shown: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.yotpo({marker})\ndef test_store(yotpo_store): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    assert f"`@pytest.mark.yotpo` does not know `{shown}`: it takes customers=[…], events=[…] and settings={{…}}" in result.outlines


def test_a_failing_test_shows_the_requests_of_its_store(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SEND
        + """
def test_red(yotpo_store):
    yotpo_store.fault(match={"operation": "retrieveCustomers"}, connection="close")
    send(yotpo_store, "PATCH", "/customers", {"customer": {"external_id": "c-1", "email": "nobody"}})
    try:
        send(yotpo_store, "GET", "/customers?limit=1")
    except OSError:
        pass
    yotpo_store.verify(operation="upsertCustomer", status=200)

def test_silent(yotpo_store):
    assert False
"""
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=2)
    assert "\n".join(plain(result.outlines, "requests to test_red")[:11]) == EXPECTED_REQUESTS
    assert plain(result.outlines, "requests to test_silent") == ["none"]


EXPECTED_REQUESTS = """\
#1 POST /core/v3/stores/test_red-XXXXXXXX/access_tokens → 200
  sent      {"secret": "[redacted]"}
  received  {"access_token": "[redacted]"}
#2 PATCH /core/v3/stores/test_red-XXXXXXXX/customers → 400
  sent      {"customer": {"email": "nobody", "external_id": "c-1"}}
  received  {"errors": [{"message": "customer.email must be a well-formed e-mail address (got `nobody`)"}]}
#3 POST /core/v3/stores/test_red-XXXXXXXX/access_tokens → 200
  sent      {"secret": "[redacted]"}
  received  {"access_token": "[redacted]"}
#4 GET /core/v3/stores/test_red-XXXXXXXX/customers?limit=1 → no response
  fault     1"""


def test_many_requests_are_shortened(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SEND
        + """
def test_red(yotpo_store):
    for _ in range(11):
        send(yotpo_store, "GET", "/customers")
    assert False
"""
    )
    lines = plain(pytester.runpytest_subprocess().outlines, "requests to test_red")
    assert lines[0] == "the latest 20 of 22:"
    assert len([line for line in lines if line.startswith("#")]) == 20


def test_flags_and_problems_are_configured(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        """
[pytest]
yotpo_mock_flags = --rate-limit 3
yotpo_mock_fail_on = unmatched no-requests
"""
    )
    pytester.makepyfile(
        SEND
        + """
def test_store(yotpo_store):
    assert yotpo_store.settings()["rate_limit"] == 3
    assert send(yotpo_store, "GET", "/nothing") == 404
"""
    )
    result = pytester.runpytest_subprocess()
    assert result.ret == 1
    result.assert_outcomes(passed=1)
    assert plain(result.outlines, "= yotpo-mock =") == [
        "2 requests",
        "rejected by path.unknown: 1",
        "problems:",
        "  unmatched: GET /core/v3/stores/test_store-XXXXXXXX/nothing answered 404",
    ]


def test_an_invalid_kind_of_problem_is_the_emulators_error(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nyotpo_mock_fail_on = unmached")
    pytester.makepyfile("def test_store(yotpo_store): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    [_error] = [line for line in result.outlines if line.startswith("`fail_on` has `unmached`: must be `no-requests`, ")]


def test_a_run_without_a_request_can_be_an_error(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nyotpo_mock_fail_on = no-requests")
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess()
    assert result.ret == 1
    assert plain(result.outlines, "= yotpo-mock =")[-1] == "  no test sent a request to the emulator"
    assert pytester.runpytest_subprocess("--collect-only").ret == 0


def test_a_run_that_does_not_use_the_emulator_does_not_start_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(monkeypatch): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    assert "yotpo-mock" not in "".join(line for line in result.outlines if line.startswith("==="))


def test_the_reports_of_all_workers_are_added(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makeini("[pytest]\nyotpo_mock_fail_on = unmatched no-requests note:query.unknown_parameter")
    pytester.makepyfile(
        SEND
        + """
@pytest.mark.parametrize("number", range(2))
def test_store(yotpo_store, number):
    assert send(yotpo_store, "GET", f"/customers?surprise{number}=1") == 200
    assert send(yotpo_store, "GET", "/customers?limit=0") == 400
"""
    )
    # Each worker runs all tests; otherwise their distribution depends on the time.
    result = pytester.runpytest_subprocess("-n", "2", "--dist", "each")
    assert result.ret == 1
    result.assert_outcomes(passed=4)
    assert plain(result.outlines, "= yotpo-mock =") == [
        "16 requests",
        "rejected by query.limit.range: 4",
        "assumed: query.unknown_parameter of surprise0, surprise1: 4",
        "problems:",
        "  gw0: note:query.unknown_parameter (assumed), 2 times: surprise0, surprise1",
        "  gw1: note:query.unknown_parameter (assumed), 2 times: surprise0, surprise1",
    ]


def test_the_environment_routes_an_unmodified_integration(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SEND
        + """
import subprocess, sys

def test_in_process(yotpo_env, yotpo_store, yotpo_mock):
    assert os.environ["HTTPS_PROXY"] == yotpo_mock.url == yotpo_env["HTTPS_PROXY"]
    url = f"https://api.yotpo.com/core/v3/stores/{os.environ['YOTPO_STORE_ID']}/access_tokens"
    body = json.dumps({"secret": os.environ["YOTPO_STORE_SECRET"]}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as response:
        assert response.status == 200
    yotpo_store.verify(operation="createAccessToken")

def test_afterwards():
    assert "YOTPO_STORE_ID" not in os.environ
"""
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_an_emulator_that_dies_fails_the_test_with_its_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import os, signal

def test_red(yotpo_mock, yotpo_store):
    os.kill(yotpo_mock._process.pid, signal.SIGKILL)
    yotpo_store.customers()
"""
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*UnreachableError: the emulator ended with signal 9*",
            "*requests to test_red*",
            "not known, since the emulator ended with signal 9*",
            "*= yotpo-mock =*",
            "problems:",
            "  the emulator ended with signal 9*",
        ]
    )
