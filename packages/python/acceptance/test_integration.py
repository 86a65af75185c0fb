"""Ten tests of the integration. One fails on purpose, to show its report."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
import requests
from integration import Integration

from yotpo_mock import Store, YotpoMock


@pytest.fixture
def integration(yotpo_store: Store) -> Integration:
    return Integration(yotpo_store.api_url, yotpo_store.secret)


def test_a_customer_is_saved(yotpo_store: Store, integration: Integration) -> None:
    integration.save({"external_id": "c-1", "email": "emma@example.com"})
    [customer] = yotpo_store.customers()
    assert customer["email"] == "emma@example.com"


@pytest.mark.yotpo(customers=[{"external_id": "c-1", "first_name": "Emma"}])
def test_a_customer_is_updated(yotpo_store: Store, integration: Integration) -> None:
    integration.save({"external_id": "c-1", "last_name": "Johnson"})
    [customer] = yotpo_store.customers(external_id="c-1")
    assert (customer["first_name"], customer["last_name"]) == ("Emma", "Johnson")


@pytest.mark.yotpo(customers=[{"external_id": "c-1", "email": "emma@example.com"}])
def test_a_customer_is_found(integration: Integration) -> None:
    found = integration.find("emma@example.com")
    assert found is not None and found["external_id"] == "c-1"


def test_an_event_is_tracked(yotpo_store: Store, integration: Integration) -> None:
    event = {"unique_id": "e-1", "type": "visit", "source": "shop", "timestamp": "2026-01-01T00:00:00Z"}
    integration.track({**event, "customer": {"external_id": "c-1"}})
    assert [event["type"] for event in yotpo_store.events()] == ["visit"]


def test_a_server_error_is_tried_again(yotpo_store: Store, integration: Integration) -> None:
    fault = yotpo_store.fault(match={"operation": "upsertCustomer"}, times=2, status=503)
    integration.save({"external_id": "c-1"})
    assert fault.hits == 2
    assert yotpo_store.verify(operation="upsertCustomer", status=503, count=2) == 2


def test_an_expired_token_is_replaced(yotpo_store: Store, integration: Integration) -> None:
    integration.save({"external_id": "c-1"})
    yotpo_store.advance(timedelta(days=15))
    integration.save({"external_id": "c-2"})
    yotpo_store.verify(operation="createAccessToken", count=2)


@pytest.mark.yotpo(settings={"visibility_delay_ms": 60_000})
def test_a_write_is_visible_later(yotpo_store: Store, integration: Integration) -> None:
    integration.save({"external_id": "c-1", "email": "emma@example.com"})
    assert integration.find("emma@example.com") is None
    yotpo_store.advance(60)
    assert integration.find("emma@example.com") is not None


def test_an_invalid_customer_is_an_error(yotpo_mock: YotpoMock, yotpo_store: Store, integration: Integration) -> None:
    with pytest.raises(requests.HTTPError):
        integration.save({"external_id": "c-1", "email": "nobody"})
    assert yotpo_store.report()["rejections"] == {"customer.email.format": 1}
    assert yotpo_mock.request(yotpo_store.requests()[-1]["number"])["status"] == 400


def test_an_unmodified_integration_is_routed(yotpo_env: dict[str, str], yotpo_store: Store) -> None:
    program = """
import os, requests
url = f"https://api.yotpo.com/core/v3/stores/{os.environ['YOTPO_STORE_ID']}/access_tokens"
requests.post(url, json={"secret": os.environ["YOTPO_STORE_SECRET"]}).raise_for_status()
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    yotpo_store.verify(operation="createAccessToken", status=200)


def test_red_on_purpose(yotpo_store: Store, integration: Integration) -> None:
    integration.save({"external_id": "c-1", "email": "emma@example.com"})
    yotpo_store.verify(operation="upsertCustomer", body={"customer": {"email": "anna@example.com"}})
