"""A store of the emulator."""

from __future__ import annotations

import json
from typing import Any, cast

from ._control import Control, error_of, segment
from ._scope import Scope, pages
from .types import Document, Documents, Explanation, Generated, LineageStep, PendingWrite, SeededStore

WRONG_SECRET = "the store has another secret: `mock.store(id, secret)`"


class Store(Scope):
    """One store, with its own customers, events, tokens, settings, faults and time."""

    def __init__(self, control: Control, id: str, secret: str | None) -> None:
        self._control = control
        self._store_id = id
        self.id = id
        """The `store_id` of the paths of Yotpo's API."""
        self.secret = secret or "any secret"
        """The secret that gets access tokens, as it was passed to `mock.store`. If the store has none, any text does."""

    def __repr__(self) -> str:
        return f"Store({self.id!r})"

    @property
    def api_url(self) -> str:
        """The URL before `/customers` and the other paths of this store."""
        return f"{self._control.url}/core/v3/stores/{segment(self.id)}"

    def access_token(self) -> str:
        """A token for the header `X-Yotpo-Token`, valid for 14 days. It is requested as a client would: the journal has it."""
        path = f"/core/v3/stores/{segment(self.id)}/access_tokens"
        status, body = self._control.send("POST", path, content=json.dumps({"secret": self.secret}).encode())
        if status != 200:
            raise error_of(status, body, WRONG_SECRET if status == 401 else "")
        return str(json.loads(body)["access_token"])

    # Content

    def customers(
        self, *, email: str | None = None, phone_number: str | None = None, external_id: str | None = None
    ) -> list[dict[str, Any]]:
        """The visible customers in the order of creation, complete. Several identifiers narrow each other."""
        query = {"email": email, "phone_number": phone_number, "external_id": external_id}
        return list(pages(self._control, f"{self._path}/customers", "customers", query))

    def events(self, *, type: str | None = None, unique_id: str | None = None, customer: str | None = None) -> list[dict[str, Any]]:
        """The visible events in the order of arrival. `customer` is an external id, an e-mail address or a phone number."""
        query = {"type": type, "unique_id": unique_id, "customer": customer}
        return list(pages(self._control, f"{self._path}/events", "events", query))

    def pending(self) -> list[PendingWrite]:
        """The accepted writes that are not visible yet, in the order of acceptance."""
        # Each list has the writes of its own kind.
        pending = [
            write
            for kind in ("customers", "events")
            for write in self._control.call("GET", f"{self._path}/{kind}", {"limit": 1})["pending"]
        ]
        return sorted(pending, key=lambda write: int(write["request"]))

    def seed(self, customers: Documents = (), events: Documents = ()) -> SeededStore:
        """Adds customers and events without validation of their rules. A customer replaces the one with the same `external_id`."""
        return self._seed({"id": self.id, "customers": list(customers), "events": list(events)})

    def generate(self, *, customers: int = 0, events: int = 0, seed: int = 0) -> Generated:
        """Adds plausible customers and events, the same ones for the same seed."""
        body = {"customers": customers, "events": events, "seed": seed}
        return cast(Generated, self._control.call("POST", f"{self._path}/generate", body=body))

    def explain(self, body: Document) -> Explanation:
        """The effect that a write with this body would have, such as `{"customer": {…}}` or `{"customer_event": {…}}`."""
        return cast(Explanation, self._control.call("POST", f"{self._path}/explain", body=body))

    def lineage(self, number: int) -> list[LineageStep]:
        """The last 32 steps in the history of a customer, oldest first, by the `number` in `customers()`."""
        steps = self._control.call("GET", f"{self._path}/customers/{segment(number)}/lineage")["steps"]
        return cast(list[LineageStep], steps)

    # State

    def replace_state(self, state: Document) -> None:
        """Replaces the state of this store by one that `state` returned, or by a seed."""
        self._control.call("PUT", "/state", self._query, state)

    def snapshot(self) -> StoreSnapshot:
        """Keeps the state of this store, to restore it later."""
        return StoreSnapshot(self, self.state())

    @property
    def _path(self) -> str:
        return f"/stores/{segment(self.id)}"

    def _seed(self, store: dict[str, Any]) -> SeededStore:
        return cast(SeededStore, self._control.call("POST", "/seed", body={"stores": [store]})["stores"][0])


class StoreSnapshot:
    """The state of a store at some time."""

    def __init__(self, store: Store, state: dict[str, Any]) -> None:
        self._store = store
        self.state = state
        """The state as JSON."""

    def restore(self) -> None:
        """Restores the state, including the time, which may go back."""
        self._store.replace_state(self.state)
