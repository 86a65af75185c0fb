"""The tests of the client. They need pytest, PyYAML and the package itself; `YOTPO_MOCK` may name the binary to test with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from yotpo_mock import Store, YotpoMock

pytest_plugins = ["pytester"]
NOW = "2030-01-01T00:00:00Z"


@pytest.fixture
def mock() -> Iterator[YotpoMock]:
    """An emulator of its own, whose clock is frozen."""
    with YotpoMock.start() as mock:
        mock.freeze(NOW)
        yield mock


@pytest.fixture
def store(mock: YotpoMock) -> Store:
    """A store with one customer and one event."""
    mock.seed(
        {
            "stores": [
                {
                    "id": "shop",
                    "secret": "s3cret",
                    "customers": [{"external_id": "c-1", "email": "emma@example.com"}],
                    "events": [
                        {
                            "unique_id": "e-1",
                            "type": "visit",
                            "timestamp": "2029-12-31T00:00:00Z",
                            "customer": {"external_id": "c-1"},
                        }
                    ],
                }
            ]
        }
    )
    return mock.store("shop", "s3cret")
