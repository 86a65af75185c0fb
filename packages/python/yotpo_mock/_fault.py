"""A fault that was injected."""

from __future__ import annotations

from typing import Any

from ._control import Control


class Fault:
    """An injected fault. Its counts are those of the moment."""

    def __init__(self, control: Control, fault: dict[str, Any]) -> None:
        self._control = control
        self.id = int(fault["id"])
        """The number that the header `X-Yotpo-Mock-Fault` of a response has."""

    def __repr__(self) -> str:
        return f"Fault({self.id})"

    @property
    def hits(self) -> int:
        """The number of requests that it applied to."""
        return int(self.to_json()["hits"])

    @property
    def matched(self) -> int:
        """The number of matching requests."""
        return int(self.to_json()["matched"])

    @property
    def is_used_up(self) -> bool:
        """Whether it has applied to as many requests as it may."""
        return bool(self.to_json()["used_up"])

    def remove(self) -> None:
        """Removes it."""
        self._control.call("DELETE", f"/faults/{self.id}")

    def to_json(self) -> dict[str, Any]:
        """The fault as the control API shows it."""
        fault: dict[str, Any] = self._control.call("GET", f"/faults/{self.id}")
        return fault
