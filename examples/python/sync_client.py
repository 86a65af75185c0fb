"""Keeps the customers of a Yotpo store in step with a shop, and tells Yotpo what they did there."""

import time
from dataclasses import dataclass, field

import requests

ATTEMPTS = 5
TIMEOUT_SECONDS = 30
IDENTIFIERS = ["external_id", "email", "phone_number"]


class Refused(Exception):
    """An answer that no further attempt would change."""


class GaveUp(Exception):
    """There was no such answer after all attempts."""


@dataclass
class Outcome:
    """What became of the shoppers of a run: of each that was written what was, of each that was refused why."""

    written: list = field(default_factory=list)
    unchanged: int = 0
    refused: list = field(default_factory=list)


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
            # The cursor comes percent-encoded, and goes back as it came.
            cursor = page["pagination"]["next_page_info"]
            query = cursor and f"page_info={cursor}"

    def sync(self, shoppers):
        """Writes those shoppers that are not in the store as they should be. One that is refused does not stop the others."""
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
            except Refused as refusal:
                outcome.refused.append(str(refusal))
        return outcome

    def send_event(self, type, fact, at, shopper, properties):
        """Tells of something that happened. `fact` is what the shop calls it: told again, it is the same event."""
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
        """Calls with a token. A dead one is replaced once: were its successor refused too, no third would help."""
        if self._token is None:
            self._log_in()
        answer = self._send(method, path, body)
        if answer.status_code == 401:
            self._log_in()
            answer = self._send(method, path, body)
        return content(answer)

    def _log_in(self):
        answer = self._send("POST", "access_tokens", {"secret": self._secret})
        self._token = content(answer)["access_token"]

    def _send(self, method, path, body):
        """Sends the same request until its answer is final. What arrived twice counts once, since it is the same."""
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._attempt(method, path, body)
            delay = delay_before_retry(answer, attempt)
            if delay is None:
                return answer
            if attempt < ATTEMPTS:
                self._sleep(delay)
        raise GaveUp(f"{method} {path}: {'no answer' if answer is None else answer.status_code} after {ATTEMPTS} attempts")

    def _attempt(self, method, path, body):
        """The answer, or None if the connection was lost before all of it was here."""
        headers = {"X-Yotpo-Token": self._token}
        try:
            return self._session.request(method, f"{self._url}/{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            return None


def delay_before_retry(answer, attempt):
    """How many seconds to wait before the next attempt: None if there need not be one."""
    backoff = 2 ** (attempt - 1)
    if answer is None:
        return backoff
    if answer.status_code == 429:
        return int(answer.headers.get("Retry-After", backoff))
    if answer.status_code >= 500:
        return backoff
    return None


def content(answer):
    if not answer.ok:
        raise Refused(f"{answer.status_code} {answer.text}")
    return answer.json()


def identity(shopper):
    """What names a shopper: the shop's own id, or without one exactly one of e-mail address and phone number."""
    return next((name, shopper[name]) for name in IDENTIFIERS if shopper.get(name))


def by_identity(customers):
    """The customers under each of their identifiers; of several that share one, the latest."""
    return {(name, customer[name]): customer for customer in customers for name in IDENTIFIERS if customer[name]}


def changes(shopper, known):
    """What to write of a shopper: what names it, and what has a value that differs from the known one. Empty if nothing does."""
    name, value = identity(shopper)
    customer = known.get((name, value), {})
    differing = {key: value for key, value in shopper.items() if value is not None and value != customer.get(key)}
    if name != "external_id":
        differing = {key: value for key, value in differing.items() if key == name or key not in IDENTIFIERS}
    return differing and {name: value, **differing}
