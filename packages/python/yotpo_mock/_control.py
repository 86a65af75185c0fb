"""Requests to the control API of an emulator."""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable
from urllib.parse import quote, urlencode, urlsplit

from .errors import ControlError, UnreachableError, YotpoMockWarning

# The server closed a connection that was idle.
STALE = (http.client.RemoteDisconnected, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


class Control:
    """One connection to the emulator, which threads share. It uses no proxy of the environment."""

    def __init__(self, url: str, token: str | None, timeout: float, describe_end: Callable[[], str | None] = lambda: None) -> None:
        self.url = url.rstrip("/")
        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise UnreachableError(f"`{url}` is not the URL of an emulator, such as http://127.0.0.1:4600")
        self._kind: type[http.client.HTTPConnection] = (
            http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        )
        self._host, self._port, self._timeout = address.hostname, address.port, timeout
        self._connection = self._new_connection()
        self.token = token or os.environ.get("YOTPO_MOCK_CONTROL_TOKEN")
        self._headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        self._describe_end = describe_end
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    def call(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """Sends a request with a JSON body, unless it is None, and returns the JSON of the response."""
        content = None if body is None else json.dumps(body).encode()
        return self.parse(*self.send(method, "/_mock" + path, query, content))

    def text(self, path: str) -> str:
        status, body = self.send("GET", "/_mock" + path)
        if status >= 400:
            raise error_of(status, body)
        return body.decode()

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        content_type: str = "application/json",
    ) -> tuple[int, bytes]:
        """Sends a request, and returns the status and the body of the response."""
        known = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(known, quote_via=quote)}" if known else path
        headers = dict(self._headers)
        if content is not None:
            headers["Content-Type"] = content_type
        with self._lock:
            try:
                return self._exchange(method, target, content, headers)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise UnreachableError(self._describe(error)) from error

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _new_connection(self) -> http.client.HTTPConnection:
        return self._kind(self._host, self._port, timeout=self._timeout)

    def _exchange(self, method: str, target: str, content: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self._process_id != os.getpid():
            # The connection belongs to the process that this one was forked from.
            self._connection, self._process_id = self._new_connection(), os.getpid()
        is_reused = self._connection.sock is not None
        try:
            self._connection.request(method, target, content, dict(headers))
            response = self._connection.getresponse()
        except STALE:
            self._connection.close()
            if not is_reused:
                raise
            self._connection.request(method, target, content, dict(headers))
            response = self._connection.getresponse()
        return response.status, response.read()

    def _describe(self, error: Exception) -> str:
        end = self._describe_end()
        if end is not None:
            return end
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        return (
            f"no emulator answers at `{self.url}` ({reason}): run the tests with `yotpo-mock exec`, "
            "start one with `yotpo-mock`, or check the host and the port"
        )

    def parse(self, status: int, body: bytes) -> Any:
        """The JSON of a response. A warning in it becomes one of Python.

        Raises:
            ControlError: if the status is not one of success.
        """
        if status >= 400:
            raise error_of(status, body)
        try:
            result = json.loads(body)
        except ValueError:
            raise not_an_emulator(self.url) from None
        if isinstance(result, dict) and "warning" in result:
            warnings.warn(result.pop("warning"), YotpoMockWarning, stacklevel=depth_of_caller())
        return result


def not_an_emulator(url: str) -> UnreachableError:
    return UnreachableError(f"the server at `{url}` is not yotpo-mock: check the host and the port")


def error_of(status: int, body: bytes, hint: str = "") -> ControlError:
    try:
        problem = json.loads(body)
        return ControlError(status, problem["error"], problem["hint"])
    except (ValueError, KeyError, TypeError):
        text = body.decode(errors="replace")
        return ControlError(status, f"the response has the status {status} and this body: {text[:500]}", hint)


def depth_of_caller() -> int:
    """The `stacklevel` with which a warning of the calling function names the line that called this package."""
    package = str(Path(__file__).parent)
    depth = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
        depth += 1
    return depth


def segment(value: object) -> str:
    """A value as one segment of a path."""
    return quote(str(value), safe="")
