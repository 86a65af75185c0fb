"""The emulator."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from ._binary import PathLike, find_binary
from ._control import Control, not_an_emulator, segment
from ._fault import Fault
from ._process import Process
from ._scope import Scope, pages, to_rfc3339
from ._store import Store
from .errors import VersionError, YotpoMockError
from .types import Clock, Document, Documents, Health, JournalEntry, SavedState, SeededStore, Settings, StoreSummary

VERSION = installed_version("yotpo-mock")
DEFAULT_URL = "http://127.0.0.1:4600"
START_TIMEOUT_SECONDS = 30.0
REQUEST_TIMEOUT_SECONDS = 60.0


class YotpoMock(Scope):
    """An emulator of Yotpo's Customers API, which this process started or is connected to.

    It is a context manager, which stops the emulator that it started.
    """

    def __init__(self, control: Control, process: Process | None, binary: str | None) -> None:
        self._control = control
        self._process = process
        self._chosen_binary = binary

    @classmethod
    def start(
        cls,
        flags: Sequence[str] = (),
        *,
        port: int = 0,
        binary: PathLike | None = None,
        env: Mapping[str, str] | None = None,
        control_token: str | None = None,
        timeout: float = START_TIMEOUT_SECONDS,
    ) -> YotpoMock:
        """Starts an emulator, and waits until it serves requests.

        Args:
            flags: Flags as `yotpo-mock serve --help` lists them.
            port: The port; 0 takes any free one.
            binary: The path of the binary; by default the variable `YOTPO_MOCK`, or the binary in this package.
            env: Further variables for the emulator.
            control_token: A token without which the control API rejects requests.
            timeout: The time for the start, in seconds.

        Raises:
            StartError: if it cannot be started.
            VersionError: if the binary has another version than this package.
        """
        found = find_binary(binary)
        token = {} if control_token is None else {"YOTPO_MOCK_CONTROL_TOKEN": control_token}
        process = Process(found, flags, port, {**(env or {}), **token}, timeout)
        control = Control(process.url, control_token, REQUEST_TIMEOUT_SECONDS, process.describe_end)
        mock = cls(control, process, found)
        try:
            mock._check_version()
        except BaseException:
            mock.stop()
            raise
        return mock

    @classmethod
    def connect(cls, url: str | None = None, *, control_token: str | None = None, binary: PathLike | None = None) -> YotpoMock:
        """Connects to a running emulator. `stop` leaves it running.

        Args:
            url: The URL of the emulator; by default that of `yotpo-mock exec` (`YOTPO_API_URL`), otherwise `http://127.0.0.1:4600`.
            control_token: The token of `--control-token`, if there is one.
            binary: The path of the binary for `environment()`, as for `start`.

        Raises:
            UnreachableError: if there is no emulator at the URL.
            VersionError: if it has another version than this package.
        """
        if url is None:
            url = os.environ.get("YOTPO_API_URL", DEFAULT_URL)
        mock = cls(Control(url, control_token, REQUEST_TIMEOUT_SECONDS), None, None if binary is None else str(binary))
        mock._check_version()
        return mock

    def __enter__(self) -> YotpoMock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"YotpoMock({self.url!r})"

    def stop(self) -> None:
        """Stops the emulator, if this object started it.

        Raises:
            YotpoMockError: if it ended with an error, as when `--state` could not be written.
        """
        self._control.close()
        if self._process is not None:
            self._process.stop()

    @property
    def version(self) -> str:
        """The version of the emulator."""
        return self.health()["version"]

    @property
    def log(self) -> str:
        """The last lines of the emulator's log, if this object started it."""
        return "" if self._process is None else self._process.log

    def health(self) -> Health:
        """The emulator's version, and how long it has been running."""
        return cast(Health, self._control.call("GET", "/health"))

    # Stores

    def store(self, id: str, secret: str | None = None) -> Store:
        """A store by its id, which need not exist yet."""
        return Store(self._control, id, secret)

    def new_store(
        self,
        customers: Documents = (),
        events: Documents = (),
        settings: Settings | None = None,
        *,
        name: str = "store",
    ) -> Store:
        """Creates a store with a random id that begins with `name`, and a random secret, for one test."""
        store = self.store(f"{name}-{secrets.token_hex(4)}", secrets.token_hex(16))
        store._seed({"id": store.id, "secret": store.secret, "customers": list(customers), "events": list(events)})
        if settings:
            store.change_settings(**settings)
        return store

    def stores(self) -> list[StoreSummary]:
        """All stores, ordered by id."""
        return list(pages(self._control, "/stores", "stores", {}))

    # State

    def seed(self, seed: Document | Iterable[Document] | Path) -> list[SeededStore]:
        """Adds a seed to the current state: a document, the lines of NDJSON as objects, or a file of one or the other."""
        if isinstance(seed, Path):
            content = seed.read_bytes()
        else:
            values = [seed] if isinstance(seed, Mapping) else seed
            content = "\n".join(map(json.dumps, values)).encode()
        # The emulator reads a document as NDJSON of one value, however it is formatted.
        status, body = self._control.send("POST", "/_mock/seed", content=content, content_type="application/x-ndjson")
        return cast(list[SeededStore], self._control.parse(status, body)["stores"])

    def replace_state(self, state: Document) -> None:
        """Replaces the whole state, including the time, by one that `state` returned, or by a seed."""
        self._control.call("PUT", "/state", body=state)

    def save_state(self) -> SavedState:
        """Saves the state to the file of `--state`."""
        return cast(SavedState, self._control.call("POST", "/state/save"))

    def snapshot(self, name: str | None = None) -> Snapshot:
        """Keeps the whole state in the emulator's memory. There can be 16 snapshots; a name replaces its earlier one."""
        name = name or f"snapshot-{secrets.token_hex(4)}"
        return Snapshot(self._control, self._control.call("PUT", f"/snapshots/{segment(name)}"))

    def find_snapshot(self, name: str) -> Snapshot:
        """A snapshot by its name."""
        return Snapshot(self._control, self._control.call("GET", f"/snapshots/{segment(name)}"))

    def snapshots(self) -> list[Snapshot]:
        """The snapshots, ordered by name."""
        snapshots = self._control.call("GET", "/snapshots")["snapshots"]
        return [Snapshot(self._control, snapshot) for snapshot in snapshots]

    # Time

    def freeze(self, now: str | datetime | None = None) -> Clock:
        """Stops the clock of all stores, at the current time or at a later one. `advance` still works."""
        return self._set_clock(frozen=True) if now is None else self._set_clock(frozen=True, now=to_rfc3339(now))

    def unfreeze(self) -> Clock:
        """Lets the clock run again."""
        return self._set_clock(frozen=False)

    # Single entries

    def find_fault(self, id: int) -> Fault:
        """A fault by the number in the header `X-Yotpo-Mock-Fault`."""
        return Fault(self._control, self._control.call("GET", f"/faults/{segment(id)}"))

    def request(self, number: int) -> JournalEntry:
        """A request of the journal by the number in the header `X-Yotpo-Mock-Request`."""
        return cast(JournalEntry, self._control.call("GET", f"/requests/{segment(number)}"))

    # Documents and clients

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the emulated API."""
        return cast(dict[str, Any], self._control.call("GET", "/openapi.json"))

    def control_openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the control API."""
        return cast(dict[str, Any], self._control.call("GET", "/control.openapi.json"))

    def ca_certificate(self) -> str:
        """The certificate that TLS clients must trust, in PEM."""
        return self._control.text("/ca.pem")

    def environment(self, store: Store | None = None, directory: PathLike | None = None) -> dict[str, str]:
        """The variables that route clients of `https://api.yotpo.com` here: those of `yotpo-mock env --format json`.

        Args:
            store: The store of `YOTPO_STORE_ID` and `YOTPO_STORE_SECRET`; by default the emulator's first one.
            directory: The folder for the files that the variables refer to; by default one in the user's cache.
        """
        command = [self._chosen_binary or find_binary(), "env", "--format", "json", "--url", self.url]
        if store is not None:
            command += ["--store", f"{store.id}:{store.secret}"]
        if directory is not None:
            command += ["--dir", os.fspath(directory)]
        token = {} if self._control.token is None else {"YOTPO_MOCK_CONTROL_TOKEN": self._control.token}
        result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", env={**os.environ, **token})
        if result.returncode != 0:
            raise YotpoMockError(result.stderr.strip())
        return cast(dict[str, str], json.loads(result.stdout))

    def _check_version(self) -> None:
        health = self._control.call("GET", "/health")
        version = health.get("version") if isinstance(health, dict) else None
        if version is None:
            raise not_an_emulator(self.url)
        if version.split(".")[:2] != VERSION.split(".")[:2]:
            raise VersionError(
                f"the emulator at `{self.url}` has version {version}, but this package has {VERSION}: "
                f"`pip install yotpo-mock=={version}`, or use an emulator of version {VERSION}"
            )


class Snapshot:
    """A snapshot of the whole state in the emulator's memory."""

    def __init__(self, control: Control, summary: dict[str, Any]) -> None:
        self._control = control
        self.name = str(summary["name"])
        self.taken_at = str(summary["taken_at"])
        """RFC 3339, by the shared clock."""
        self.stores = int(summary["stores"])
        """The number of stores."""
        self.customers = int(summary["customers"])
        """The number of customers."""
        self.events = int(summary["events"])
        """The number of events."""

    def __repr__(self) -> str:
        return f"Snapshot({self.name!r})"

    def restore(self) -> None:
        """Restores the state, including the time, which may go back. The journal stays."""
        self._control.call("POST", f"/snapshots/{self.name}/restore")

    def delete(self) -> None:
        """Deletes it."""
        self._control.call("DELETE", f"/snapshots/{self.name}")
