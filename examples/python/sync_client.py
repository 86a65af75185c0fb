"""Synchronizes the customers of a shop to a Yotpo store, and sends their events."""

import time
from dataclasses import dataclass, field

import requests

ATTEMPTS = 5
TIMEOUT_SECONDS = 30
IDENTIFIERS = ["external_id", "email", "phone_number"]


class Rejected(Exception):
    """A response that a retry would not change."""


class GaveUp(Exception):
    """All attempts failed."""


@dataclass
class Outcome:
    """The result of a run: the changes written, the number of unchanged shoppers, and the reasons for rejections."""

    written: list = field(default_factory=list)
    unchanged: int = 0
    rejected: list = field(default_factory=list)


class SyncClient:
    def __init__(self, url, store, secret, page_size=100, sleep=time.sleep):
        self._url = f"{url}/core/v3/stores/{store}"
        self._secret = secret
        self._page_size = page_size
        self._sleep = sleep
        self._session = requests.Session()
        self._token = None

    def customers(self):
        """All customers of the store, page by page."""
        query = f"limit={self._page_size}"
        while query:
            page = self._call("GET", f"customers?{query}")
            yield from page["customers"]
            # The cursor is percent-encoded already, and must be sent unchanged.
            cursor = page["pagination"]["next_page_info"]
            query = cursor and f"page_info={cursor}"

    def sync(self, shoppers):
        """Writes the shoppers that differ from the store. A rejected one does not stop the others."""
        known = by_identity(self.customers())
        outcome = Outcome()
        for shopper in shoppers:
            change = changes(shopper, known)
            if not change:
                outcome.unchanged += 1
                continue
            try:
                self._call("PATCH", "customers", {"customer": change})
                outcome.written.append(change)
            except Rejected as rejection:
                outcome.rejected.append(str(rejection))
        return outcome

    def send_event(self, type, fact, at, shopper, properties):
        """Sends an event. `fact` is its id in the shop, so that sending it again does not add another event."""
        name, value = identity(shopper)
        event = {
            "source": "shop_sync",
            "type": type,
            "timestamp": at,
            "unique_id": f"{type}:{fact}",
            "customer": {name: value},
            "properties": properties,
        }
        self._call("PATCH", "customer_events", {"customer_event": event})

    def _call(self, method, path, body=None):
        """Makes a call with a token, and replaces a rejected one once: if the new one is rejected, too, a third would not help."""
        if self._token is None:
            self._log_in()
        response = self._send(method, path, body)
        if response.status_code == 401:
            self._log_in()
            response = self._send(method, path, body)
        return content(response)

    def _log_in(self):
        response = self._send("POST", "access_tokens", {"secret": self._secret})
        self._token = content(response)["access_token"]

    def _send(self, method, path, body):
        """Sends a request until its response is final. All writes are idempotent, so sending one twice does no harm."""
        for attempt in range(1, ATTEMPTS + 1):
            response = self._attempt(method, path, body)
            delay = delay_before_retry(response, attempt)
            if delay is None:
                return response
            if attempt < ATTEMPTS:
                self._sleep(delay)
        raise GaveUp(f"{method} {path}: {'no response' if response is None else response.status_code} after {ATTEMPTS} attempts")

    def _attempt(self, method, path, body):
        """The response, or None if the connection was lost before it was complete."""
        headers = {"X-Yotpo-Token": self._token}
        try:
            return self._session.request(method, f"{self._url}/{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            return None


def delay_before_retry(response, attempt):
    """The seconds to wait before the next attempt, or None if the response is final."""
    backoff = 2 ** (attempt - 1)
    if response is None:
        return backoff
    if response.status_code == 429:
        return int(response.headers.get("Retry-After", backoff))
    if response.status_code >= 500:
        return backoff
    return None


def content(response):
    if not response.ok:
        raise Rejected(f"{response.status_code} {response.text}")
    return response.json()


def identity(shopper):
    """The identifier of a shopper: the shop's own id, or without one exactly one of e-mail address and phone number."""
    return next((name, shopper[name]) for name in IDENTIFIERS if shopper.get(name))


def by_identity(customers):
    """The customers by each of their identifiers. The last one wins if several share an identifier."""
    return {(name, customer[name]): customer for customer in customers for name in IDENTIFIERS if customer[name]}


def changes(shopper, known):
    """The fields of a shopper to write: those that differ from the known customer, and the identifier. Empty if none differ."""
    name, value = identity(shopper)
    customer = known.get((name, value), {})
    differing = {key: value for key, value in shopper.items() if value is not None and value != customer.get(key)}
    if name != "external_id":
        differing = {key: value for key, value in differing.items() if key == name or key not in IDENTIFIERS}
    return differing and {name: value, **differing}
