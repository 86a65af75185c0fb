"""A client of yotpo-mock, the local emulator of Yotpo's Customers API."""

from ._fault import Fault
from ._mock import VERSION as __version__
from ._mock import Snapshot, YotpoMock
from ._store import Store, StoreSnapshot
from .errors import (
    ControlError,
    StartError,
    UnreachableError,
    VerificationError,
    VersionError,
    YotpoMockError,
    YotpoMockWarning,
)

__all__ = [
    "ControlError",
    "Fault",
    "Snapshot",
    "StartError",
    "Store",
    "StoreSnapshot",
    "UnreachableError",
    "VerificationError",
    "VersionError",
    "YotpoMock",
    "YotpoMockError",
    "YotpoMockWarning",
    "__version__",
]
