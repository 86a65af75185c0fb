"""A small integration and its tests against yotpo-mock."""

import pytest
import requests


class Integration:
    """Represents your own code: saves customers, retries once, and replaces an expired token."""

    def __init__(self, url, store, secret):
        self.url, self.secret, self.token = f"{url}/core/v3/stores/{store}", secret, None

    def save(self, customer):
        if self.token is None:
            self._log_in()
        response = self._patch(customer)
        if response.status_code == 401:
            self._log_in()
            response = self._patch(customer)
        if response.status_code >= 500:
            response = self._patch(customer)
        response.raise_for_status()

    def _log_in(self):
        self.token = requests.post(f"{self.url}/access_tokens", json={"secret": self.secret}).json()["access_token"]

    def _patch(self, customer):
        return requests.patch(f"{self.url}/customers", json={"customer": customer}, headers={"X-Yotpo-Token": self.token})


@pytest.fixture
def integration(store):
    return Integration(store.url, store.id, store.secret)


def test_a_customer_is_saved_under_its_external_id(store, integration):
    store.seed(customers=[{"external_id": "c-1", "email": "emma@example.com", "first_name": "Emma"}])

    integration.save({"external_id": "c-1", "last_name": "Johnson"})

    [customer] = store.customers()
    assert (customer["first_name"], customer["last_name"]) == ("Emma", "Johnson")


def test_a_customer_is_sent_again_after_a_server_error(store, integration):
    store.fault({"operation": "upsertCustomer"}, times=1, status=503)

    integration.save({"external_id": "c-1"})

    store.verify(operation="upsertCustomer", status=503, count=1)
    store.verify(operation="upsertCustomer", status=200, body={"customer": {"external_id": "c-1"}}, count=1)


def test_an_expired_token_is_replaced(store, integration):
    integration.save({"external_id": "c-1"})
    store.advance(seconds=15 * 24 * 3600)

    integration.save({"external_id": "c-2"})

    store.verify(operation="createAccessToken", count=2)
    store.verify(operation="upsertCustomer", status=200, count=2)
