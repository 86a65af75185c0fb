"""Tests of the sync client against yotpo-mock."""

import pytest
from sync_client import GaveUp, Rejected, SyncClient

EMMA = {"external_id": "c-1", "email": "emma@example.com", "first_name": "Emma", "tags": "vip"}
RETURN = {"type": "item_returned", "fact": "R-77", "at": "2029-12-31T10:00:00Z", "shopper": EMMA, "properties": {"order": "1001"}}


@pytest.fixture
def waits():
    """The client's waits in seconds."""
    return []


@pytest.fixture
def client(store, waits):
    def sleep(seconds):
        waits.append(seconds)
        store.advance(seconds)

    return SyncClient(store.url, store.id, store.secret, page_size=2, sleep=sleep)


# Reading


def test_all_pages_are_read(store, client):
    ids = [f"c-{number}" for number in range(1, 8)]
    store.seed(customers=[{"external_id": id} for id in ids])

    assert [customer["external_id"] for customer in client.customers()] == ids, "customers are missing"


def test_an_empty_store_has_no_customers(client):
    assert list(client.customers()) == []


def test_the_cursor_is_sent_unchanged(store, client):
    store.fault(
        {"operation": "retrieveCustomers"},
        times=1,
        status=200,
        body={"customers": [], "pagination": {"next_page_info": "eyJhIjoi%2BfQ%2Fg%3D%3D"}},
    )
    store.fault(
        {"operation": "retrieveCustomers"},
        times=1,
        status=200,
        body={"customers": [], "pagination": {"next_page_info": None}},
    )

    list(client.customers())

    store.verify(operation="retrieveCustomers", query={"page_info": "eyJhIjoi+fQ/g=="})


def test_a_truncated_page_is_read_again(store, client):
    store.seed(customers=[EMMA])
    store.fault({"operation": "retrieveCustomers"}, times=1, truncate_bytes=20)

    assert [customer["external_id"] for customer in client.customers()] == ["c-1"]


# Writing


def test_only_the_fields_that_changed_are_written(store, client):
    store.seed(customers=[EMMA])

    client.sync([EMMA | {"tags": "vip,returns"}])

    assert written(store) == [{"external_id": "c-1", "tags": "vip,returns"}]


def test_a_second_run_writes_nothing(store, client):
    shoppers = [EMMA, {"email": "noah@example.com", "first_name": "Noah"}]
    client.sync(shoppers)

    assert client.sync(shoppers).unchanged == 2
    store.verify(operation="upsertCustomer", count=2)


def test_an_unknown_value_is_omitted(store, client):
    store.seed(customers=[EMMA])

    client.sync([{"external_id": "c-1", "email": None, "first_name": "Em", "tags": None}])

    # Only the request journal shows this: Yotpo treats null like an absent field.
    assert written(store) == [{"external_id": "c-1", "first_name": "Em"}], "null was written"


def test_a_guest_is_written_under_one_identifier(store, client):
    guest = {"external_id": None, "email": "noah@example.com", "phone_number": "+14155552671", "first_name": "Noah"}

    outcome = client.sync([guest])

    assert outcome.rejected == [], "a guest was rejected"
    assert written(store) == [{"email": "noah@example.com", "first_name": "Noah"}]


def test_a_rejected_shopper_does_not_stop_the_others(store, client):
    outcome = client.sync([{"external_id": "c-1", "gender": "female"}, {"external_id": "c-2", "gender": "F"}])

    assert [customer["external_id"] for customer in store.customers()] == ["c-2"]
    assert outcome.rejected == ['400 {"errors":[{"message":"customer.gender must be `F`, `M` or `Other` (got `female`)"}]}']


# Events


def test_an_event_is_stored_with_all_its_fields(store, client):
    client.send_event(**RETURN)

    [event] = store.events()
    assert (event["unique_id"], event["type"], event["timestamp"]) == ("item_returned:R-77", "item_returned", "2029-12-31T10:00:00")
    assert (event["customer"]["external_id"], event["properties"]) == ("c-1", {"order": "1001"})


def test_an_event_that_is_sent_twice_counts_once(store, client):
    client.send_event(**RETURN)
    client.send_event(**RETURN)

    assert [event["unique_id"] for event in store.events()] == ["item_returned:R-77"]


def test_an_event_whose_response_was_lost_counts_once(store, client):
    store.fault({"operation": "upsertCustomerEvent"}, times=1, connection="reset", after_commit=True)

    client.send_event(**RETURN)

    store.verify(operation="upsertCustomerEvent", count=2)
    assert len(store.events()) == 1, "the event counts twice"


# Failures


def test_a_429_is_retried_after_the_time_in_retry_after(store, client, waits):
    store.fault({"operation": "upsertCustomer"}, times=1, status=429, headers={"Retry-After": 7})

    client.sync([EMMA])

    store.verify(operation="upsertCustomer", status=200)
    assert waits == [7]


def test_the_rate_limit_delays_and_loses_nothing(store, client, waits):
    store.set(rate_limit=5)

    client.sync({"external_id": f"c-{number}"} for number in range(12))

    assert len(store.customers()) == 12
    assert waits == [1, 1], "a token, a page and twelve writes at five a second"


def test_a_server_error_is_retried_with_backoff(store, client, waits):
    store.fault({"operation": "upsertCustomer"}, times=3, status=503)

    client.sync([EMMA])

    store.verify(operation="upsertCustomer", status=200)
    assert waits == [1, 2, 4]


def test_a_lost_connection_is_retried(store, client, waits):
    store.fault({"operation": "upsertCustomer"}, times=1, connection="close")

    client.sync([EMMA])

    assert [customer["external_id"] for customer in store.customers()] == ["c-1"]
    assert waits == [1]


def test_the_client_gives_up_after_five_attempts(store, client, waits):
    store.fault({"operation": "upsertCustomer"}, status=503)

    with pytest.raises(GaveUp, match="PATCH customers: 503 after 5 attempts"):
        client.sync([EMMA])
    assert waits == [1, 2, 4, 8]


def test_a_token_that_expires_during_a_run_is_replaced(store, client):
    store.fault({"operation": "upsertCustomer"}, times=1, expire_token=True)

    client.sync([EMMA])

    store.verify(operation="upsertCustomer", status=200)
    store.verify(operation="createAccessToken", count=2)


def test_a_token_that_expired_since_the_last_run_is_replaced(store, client):
    client.sync([EMMA])
    store.advance(seconds=15 * 24 * 3600)

    assert client.sync([EMMA]).unchanged == 1
    store.verify(operation="createAccessToken", count=2)


def test_a_token_is_replaced_only_once(store, client):
    store.fault({"operation": "retrieveCustomers"}, status=401)

    with pytest.raises(Rejected, match="401"):
        list(client.customers())
    store.verify(operation="createAccessToken", count=2)


def written(store):
    """The bodies of the client's customer writes."""
    return [request["request"]["body"]["customer"] for request in store.requests(operation="upsertCustomer")]
