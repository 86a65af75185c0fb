"""Each method of the client against a running emulator."""

from __future__ import annotations

import json
import multiprocessing
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import yotpo_mock
from yotpo_mock import ControlError, Store, VerificationError, YotpoMock, YotpoMockError, YotpoMockWarning

EMMA = {"external_id": "c-1", "email": "emma@example.com", "phone_number": None}


def send(store: Store, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """A request of the code under test, with a token that the emulator accepts."""
    content = None if body is None else json.dumps(body).encode()
    headers = {"X-Yotpo-Token": "token", "Content-Type": "application/json"}
    request = Request(store.api_url + path, content, headers, method=method)
    try:
        with urlopen(request) as response:
            return response.status, json.loads(response.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def upsert(store: Store, **customer: Any) -> int:
    return send(store, "PATCH", "/customers", {"customer": customer})[0]


@pytest.fixture
def open_store(mock: YotpoMock) -> Store:
    """A store that accepts any token."""
    mock.seed({"stores": [{"id": "open"}]})
    return mock.store("open")


def test_a_running_emulator_can_be_connected_to_and_stays(mock: YotpoMock) -> None:
    with YotpoMock.connect(mock.url + "/") as connected:
        assert connected.url == mock.url
        assert connected.version == yotpo_mock.__version__
        assert connected.log == ""
    assert mock.health()["status"] == "ready"


def test_a_store_has_its_urls_and_its_secret(mock: YotpoMock) -> None:
    store = mock.store("a shop/1", "s3cret")
    assert (store.id, store.secret) == ("a shop/1", "s3cret")
    assert store.url == mock.url
    assert store.api_url == mock.url + "/core/v3/stores/a%20shop%2F1"
    assert repr(store) == "Store('a shop/1')"
    assert repr(mock) == f"YotpoMock('{mock.url}')"


def test_the_emulator_of_exec_is_the_default(mock: YotpoMock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOTPO_API_URL", mock.url)
    assert YotpoMock.connect().url == mock.url


def test_a_new_store_has_content_settings_and_a_token(mock: YotpoMock) -> None:
    store = mock.new_store(
        customers=[{"external_id": "c-1"}],
        events=[{"unique_id": "e-1", "type": "visit", "timestamp": "2029-12-31T00:00:00Z", "customer": {"external_id": "c-1"}}],
        settings={"rate_limit": 7},
        name="orders",
    )
    assert store.id.startswith("orders-")
    assert store.access_token().startswith(f"ymt_0_{store.id}_")
    assert [customer["external_id"] for customer in store.customers()] == ["c-1"]
    assert [event["unique_id"] for event in store.events()] == ["e-1"]
    assert store.settings()["rate_limit"] == 7
    assert mock.settings()["rate_limit"] == 0
    assert mock.new_store().id != store.id
    with pytest.raises(ControlError, match="401.*\nhint: the store has another secret: `mock.store\\(id, secret\\)`"):
        mock.store(store.id, "wrong").access_token()


def test_ids_of_stores_are_encoded(mock: YotpoMock) -> None:
    store = mock.store("ä/b+c d%2F?&#")
    store.seed(customers=[{"external_id": "c-1"}])
    assert len(store.customers()) == 1
    assert upsert(store, external_id="c-2") == 200
    assert [entry["store"] for entry in store.requests()] == [store.id]
    assert store.explain({"customer": {"external_id": "c-2"}})["number"] == 2


def test_stores_are_listed(mock: YotpoMock, store: Store) -> None:
    assert mock.stores() == [{"id": "shop", "has_secret": True, "customers": 1, "events": 1, "pending": 0}]


def test_customers_are_found_by_their_identifiers(store: Store) -> None:
    store.seed(customers=[{"external_id": "c-2", "phone_number": "+4915112345678"}])
    assert [customer["number"] for customer in store.customers()] == [1, 2]
    assert [customer["number"] for customer in store.customers(email="EMMA@example.com")] == [1]
    assert [customer["number"] for customer in store.customers(phone_number="+4915112345678")] == [2]
    assert store.customers(external_id="c-1", phone_number="+4915112345678") == []


def test_events_are_found_by_type_id_and_customer(store: Store) -> None:
    expected = {
        "number": 1,
        "unique_id": "e-1",
        "type": "visit",
        "source": None,
        "timestamp": "2029-12-31T00:00:00",
        "customer": EMMA,
        "properties": {},
    }
    assert store.events() == [expected]
    assert store.events(type="visit", unique_id="e-1", customer="emma@example.com") == [expected]
    assert store.events(type="order") == store.events(unique_id="e-2") == store.events(customer="c-2") == []


def test_lists_are_followed_to_their_last_page(mock: YotpoMock, open_store: Store) -> None:
    assert open_store.generate(customers=1001, events=1001, seed=7) == {"customers": 1001, "events": 1001, "seed": 7}
    assert [customer["number"] for customer in open_store.customers()] == list(range(1, 1002))
    assert [event["number"] for event in open_store.events()] == list(range(1, 1002))
    mock.seed({"stores": [{"id": f"s-{number:04}"} for number in range(1001)]})
    assert len(mock.stores()) == 1002


def test_requests_are_followed_to_their_last_page() -> None:
    with YotpoMock.start(["--journal-entries", "2000"]) as mock:
        for _ in range(1001):
            mock._control.send("GET", "/core/v3/stores/shop/nothing")
        assert [entry["number"] for entry in mock.requests()] == list(range(1, 1002))
        assert [entry["number"] for entry in mock.requests(after=1, before=4)] == [2, 3]


def test_pending_writes_of_both_kinds_are_listed_and_settled(open_store: Store) -> None:
    open_store.change_settings(visibility_delay_ms=60_000)
    event = {
        "unique_id": "e-1",
        "type": "visit",
        "source": "s",
        "timestamp": "2029-12-31T00:00:00Z",
        "customer": {"external_id": "c-1"},
    }
    assert upsert(open_store, external_id="c-1") == 200
    assert send(open_store, "PATCH", "/customer_events", {"customer_event": event})[0] == 200
    assert upsert(open_store, external_id="c-2") == 200
    assert [write["request"] for write in open_store.pending()] == [1, 2, 3]
    assert open_store.customers() == []
    assert open_store.settle() == 3
    assert (len(open_store.customers()), len(open_store.events()), open_store.pending()) == (2, 1, [])


def test_explain_and_lineage_tell_how_profiles_merge(open_store: Store) -> None:
    upsert(open_store, external_id="c-1")
    upsert(open_store, email="emma@example.com")
    body = {"customer": {"external_id": "c-1", "email": "emma@example.com"}}
    explanation = open_store.explain(body)
    assert (explanation["accepted"], explanation["would"], explanation["number"]) == (True, "updated", 1)
    assert [merged["number"] for merged in explanation["merged"]] == [2]
    send(open_store, "PATCH", "/customers", body)
    assert [step["step"] for step in open_store.lineage(1)] == ["created", "updated", "merged"]


def test_a_seed_can_be_a_document_lines_or_a_file(mock: YotpoMock, tmp_path: Path) -> None:
    created = {"created": 1, "replaced": 0}
    none = {"created": 0, "replaced": 0}
    document = {"stores": [{"id": "a", "customers": [{"external_id": "c-1"}]}]}
    lines = [{"store": "b", "customer": {"external_id": "c-1"}}]
    assert mock.seed(document) == [{"id": "a", "customers": created, "events": none}]
    assert mock.seed(iter(lines)) == [{"id": "b", "customers": created, "events": none}]
    as_json, as_lines = tmp_path / "seed.json", tmp_path / "seed.ndjson"
    as_json.write_text(json.dumps(document))
    as_lines.write_text("\n".join(map(json.dumps, lines)))
    replaced = {"created": 0, "replaced": 1}
    assert mock.seed(as_json) == [{"id": "a", "customers": replaced, "events": none}]
    assert mock.seed(as_lines) == [{"id": "b", "customers": replaced, "events": none}]


def test_faults_count_their_requests_and_can_be_removed(mock: YotpoMock, open_store: Store) -> None:
    fault = open_store.fault(match={"operation": "upsertCustomer"}, times=1, status=503)
    assert (fault.hits, fault.matched, fault.is_used_up) == (0, 0, False)
    assert upsert(open_store, external_id="c-1") == 503
    assert upsert(open_store, external_id="c-1") == 200
    assert (fault.hits, fault.matched, fault.is_used_up) == (1, 1, True)
    everywhere = mock.fault(status=500)
    assert [fault.id for fault in mock.faults()] == [1, 2]
    assert [fault.id for fault in open_store.faults()] == [1]
    assert mock.find_fault(1).to_json()["match"] == {"operation": "upsertCustomer", "store": "open"}
    everywhere.remove()
    assert open_store.clear_faults() == 1
    mock.fault(status=500)
    assert mock.clear_faults() == 1
    assert repr(fault) == "Fault(1)"
    with pytest.raises(ControlError, match="no fault"):
        fault.to_json()


def test_something_else_than_a_number_is_rejected_by_the_emulator(mock: YotpoMock, open_store: Store) -> None:
    number: Any = {"number": 1}
    for call in (open_store.lineage, mock.request, mock.find_fault):
        with pytest.raises(ControlError, match="`{"):
            call(number)


def test_requests_are_recorded_oldest_first(mock: YotpoMock, open_store: Store) -> None:
    upsert(open_store, external_id="c-1")
    upsert(open_store, email="nobody")
    send(mock.store("other"), "GET", "/customers?limit=1")
    assert [entry["status"] for entry in mock.requests()] == [200, 400, 200]
    assert [entry["status"] for entry in open_store.requests()] == [200, 400]
    assert [entry["number"] for entry in mock.requests(operation="retrieveCustomers", status=200)] == [3]
    assert mock.request(2)["request"]["body"] == {"customer": {"email": "nobody"}}
    open_store.clear_requests()
    assert [entry["number"] for entry in mock.requests()] == [3]
    mock.clear_requests()
    assert mock.requests() == []


def test_verify_expects_one_request_unless_it_is_given_a_number(open_store: Store) -> None:
    upsert(open_store, external_id="c-1")
    upsert(open_store, external_id="c-2")
    assert open_store.verify(operation="upsertCustomer", body={"customer": {"external_id": "c-1"}}) == 1
    assert open_store.verify(operation="upsertCustomer", count=2) == 2
    assert open_store.verify(operation="upsertCustomer", at_least=1) == 2
    assert open_store.verify(operation="upsertCustomer", at_most=2) == 2
    assert open_store.verify(operation="retrieveCustomers", count=0) == 0


def test_a_failed_verification_shows_how_the_nearest_requests_differ(mock: YotpoMock, open_store: Store) -> None:
    upsert(open_store, external_id="c-1", first_name="Émma")
    upsert(open_store, external_id="c-2")
    with pytest.raises(VerificationError) as failure:
        open_store.verify(operation="upsertCustomer", body={"customer": {"external_id": "c-1", "first_name": "Anna"}})
    assert str(failure.value) == (
        "0 requests instead of 1 match "
        '{"operation": "upsertCustomer", "body": {"customer": {"external_id": "c-1", "first_name": "Anna"}}}\n'
        "request 1:\n"
        '  body.customer.first_name: expected "Anna", found "Émma"\n'
        "request 2:\n"
        '  body.customer.external_id: expected "c-1", found "c-2"\n'
        '  body.customer.first_name: expected "Anna", found null'
    )
    with pytest.raises(AssertionError) as failure_of_range:
        mock.verify(operation="upsertCustomer", at_least=3, at_most=4)
    assert str(failure_of_range.value).startswith("2 requests instead of at least 3 and at most 4 match")
    with pytest.raises(AssertionError, match="^2 requests instead of 1 match {}\nrequest 2: matches\nrequest 1: matches$"):
        mock.verify()


def test_the_report_counts_and_lists_problems(mock: YotpoMock, open_store: Store) -> None:
    send(open_store, "GET", "/customers?surprise=1")
    assert open_store.report()["requests"] == mock.report()["requests"] == 1
    assert "problems" not in mock.report()
    [problem] = mock.report(fail_on=["unmatched", "note:query.unknown_parameter"])["problems"]
    assert "surprise" in problem
    assert mock.report(fail_on="no-requests")["problems"] == []
    open_store.clear_report()
    assert open_store.report()["requests"] == 0
    mock.clear_report()
    assert mock.report()["requests"] == 0


def test_settings_are_changed_for_one_store_or_all(mock: YotpoMock, store: Store) -> None:
    assert store.change_settings(rate_limit=3, validation="lenient")["rate_limit"] == 3
    assert mock.change_settings(empty_result="error")["rate_limit"] == 0
    changed = store.settings()
    assert (changed["rate_limit"], changed["validation"], changed["empty_result"]) == (3, "lenient", "error")
    assert store.change_settings(rate_limit=None)["rate_limit"] == 0


def test_time_stands_goes_on_and_is_set(mock: YotpoMock, store: Store) -> None:
    assert mock.clock() == {"now": "2030-01-01T00:00:00Z", "frozen": True, "offset_ms": 0}
    assert mock.advance(1.5)["now"] == "2030-01-01T00:00:01.500Z"
    assert store.advance(timedelta(days=1)) == {"now": "2030-01-02T00:00:01.500Z", "frozen": True, "offset_ms": 86_400_000}
    assert mock.set_time("2030-01-03T00:00:00Z")["now"] == "2030-01-03T00:00:00Z"
    assert mock.set_time(datetime(2030, 1, 4, tzinfo=timezone.utc))["now"] == "2030-01-04T00:00:00Z"
    assert store.set_time("2030-02-01T00:00:00Z")["now"] == "2030-02-01T00:00:00Z"
    assert store.clock()["now"] == "2030-02-01T00:00:00Z"
    assert mock.unfreeze()["frozen"] is False
    assert mock.freeze()["frozen"] is True
    with pytest.raises(ValueError, match="^`2030-01-05T00:00:00` has no time zone: add one, such as tzinfo=timezone.utc$"):
        mock.set_time(datetime(2030, 1, 5))


def test_states_are_returned_replaced_and_reset(mock: YotpoMock, store: Store) -> None:
    whole, of_store = mock.state(), store.state()
    store.reset(to="empty")
    assert store.customers() == []
    store.replace_state(of_store)
    assert len(store.customers()) == 1
    mock.reset()
    assert mock.stores() == []
    mock.replace_state(whole)
    assert mock.state() == whole


def test_a_store_snapshot_restores_one_store(mock: YotpoMock, store: Store, open_store: Store) -> None:
    snapshot = store.snapshot()
    assert snapshot.state == store.state()
    store.seed(customers=[{"external_id": "c-2"}])
    open_store.seed(customers=[{"external_id": "c-3"}])
    snapshot.restore()
    assert [customer["external_id"] for customer in store.customers()] == ["c-1"]
    assert [customer["external_id"] for customer in open_store.customers()] == ["c-3"]


def test_snapshots_are_taken_listed_restored_and_deleted(mock: YotpoMock, store: Store) -> None:
    snapshot = mock.snapshot("before")
    assert (snapshot.name, snapshot.taken_at) == ("before", "2030-01-01T00:00:00Z")
    assert (snapshot.stores, snapshot.customers, snapshot.events) == (1, 1, 1)
    assert repr(snapshot) == "Snapshot('before')"
    mock.reset(to="empty")
    mock.find_snapshot("before").restore()
    assert len(store.customers()) == 1
    unnamed = mock.snapshot()
    assert [snapshot.name for snapshot in mock.snapshots()] == ["before", unnamed.name]
    unnamed.delete()
    snapshot.delete()
    assert mock.snapshots() == []


def test_the_state_is_saved_to_its_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with YotpoMock.start(["--state", str(path)]) as mock:
        mock.store("shop").seed(customers=[{"external_id": "c-1"}])
        saved = mock.save_state()
        assert saved == {"file": str(path), "bytes": path.stat().st_size}
    with YotpoMock.start(["--state", str(path)]) as mock:
        assert len(mock.store("shop").customers()) == 1


def test_documents_and_the_certificate_are_returned(mock: YotpoMock) -> None:
    assert "/core/v3/stores/{store_id}/customers" in mock.openapi()["paths"]
    assert "/_mock/health" in mock.control_openapi()["paths"]
    assert mock.ca_certificate().startswith("-----BEGIN CERTIFICATE-----\n")


def test_the_environment_routes_clients_to_the_emulator(mock: YotpoMock, store: Store, tmp_path: Path) -> None:
    variables = mock.environment(store, tmp_path)
    assert variables["HTTPS_PROXY"] == variables["YOTPO_API_URL"] == mock.url
    assert (variables["YOTPO_STORE_ID"], variables["YOTPO_STORE_SECRET"]) == ("shop", "s3cret")
    assert Path(variables["SSL_CERT_FILE"]).parent == tmp_path
    assert mock.environment(directory=tmp_path)["YOTPO_STORE_ID"] == "shop"


def test_rejected_control_requests_say_what_to_do(mock: YotpoMock, store: Store) -> None:
    with pytest.raises(ControlError) as failure:
        store.fault(times=0, status=503)
    error = failure.value
    assert error.status == 400
    assert "`times`" in error.error
    assert str(error) == f"{error.error}\nhint: {error.hint}"
    assert isinstance(error, YotpoMockError)
    with pytest.raises(ControlError, match="^`rate_limits` is not a setting"):
        store.change_settings(rate_limits=5)  # type: ignore[call-arg]


def test_warnings_name_the_line_of_the_test(mock: YotpoMock, store: Store) -> None:
    with pytest.warns(YotpoMockWarning, match="nowhere") as recorded:
        mock.store("nowhere").fault(status=503)
    [warning] = recorded
    assert warning.filename == __file__
    with pytest.warns(YotpoMockWarning, match="nowhere") as recorded:
        mock.store("nowhere").verify(count=0)
    assert [warning.filename for warning in recorded] == [__file__]


def test_proxies_of_the_environment_are_ignored(mock: YotpoMock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"]:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert mock.health()["status"] == "ready"


def test_threads_share_an_emulator(mock: YotpoMock) -> None:
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(mock.new_store().id)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == [store["id"] for store in mock.stores()]


def seed_from_a_fork(store: Store) -> None:
    store.seed(customers=[{"external_id": "c-2"}])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the platform cannot fork")
def test_a_forked_process_has_a_connection_of_its_own(store: Store) -> None:
    process = multiprocessing.get_context("fork").Process(target=seed_from_a_fork, args=[store])
    process.start()
    process.join()
    assert process.exitcode == 0
    assert len(store.customers()) == 2


def test_a_control_token_protects_the_control_api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with YotpoMock.start(control_token="t0ken") as mock:
        assert mock.stores() == []
        assert mock.environment(directory=tmp_path)["HTTPS_PROXY"] == mock.url
        assert YotpoMock.connect(mock.url, control_token="t0ken").stores() == []
        with pytest.raises(ControlError, match="token"):
            YotpoMock.connect(mock.url).stores()
        monkeypatch.setenv("YOTPO_MOCK_CONTROL_TOKEN", "t0ken")
        assert YotpoMock.connect(mock.url).stores() == []
