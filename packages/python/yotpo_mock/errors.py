"""The errors of the client."""

from __future__ import annotations

__all__ = [
    "ControlError",
    "StartError",
    "UnreachableError",
    "VerificationError",
    "VersionError",
    "YotpoMockError",
    "YotpoMockWarning",
]


class YotpoMockError(Exception):
    """An error of the client or of the emulator, and the base of the others."""


class StartError(YotpoMockError):
    """The emulator could not be started."""


class UnreachableError(YotpoMockError):
    """There is no emulator at the URL, or it has ended."""


class VersionError(YotpoMockError):
    """The emulator has a version that this client does not know."""


class ControlError(YotpoMockError):
    """The emulator rejected a request. `status` is the HTTP status, `error` says what is wrong, `hint` what to do about it."""

    def __init__(self, status: int, error: str, hint: str) -> None:
        super().__init__(f"{error}\nhint: {hint}" if hint else error)
        self.status = status
        self.error = error
        self.hint = hint


class VerificationError(AssertionError):
    """`verify` found another number of requests than expected. The message lists the nearest ones, and how they differ."""


class YotpoMockWarning(UserWarning):
    """Something that the emulator accepted, but that is probably a mistake: a store that does not exist, for example."""
