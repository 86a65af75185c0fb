"""The README of the package: its examples run, and its table has each operation of the control API and each method."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import yotpo_mock
from yotpo_mock import Fault, Snapshot, Store, StoreSnapshot, YotpoMock

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text()
CRATE = PACKAGE.parent.parent
# Public names that are not requests to the control API.
OTHER_NAMES = {
    "connect", "environment", "log", "start", "stop", "store", "url", "access_token", "api_url", "id", "secret", "name",
    "taken_at", "stores", "customers", "events", "state",
}  # fmt: skip


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def table() -> dict[str, list[str]]:
    """The methods for each request."""
    [rows] = re.findall("<!-- control API -->\n(.*?)<!-- end of control API -->", README, re.DOTALL)
    cells = re.findall(r"^\| (`.*`) \| `(.*)` \|$", rows, re.MULTILINE)
    return {request: re.findall(r"`([^`]+)`", methods) for methods, request in cells}


def test_the_table_has_each_operation() -> None:
    paths = yaml.safe_load((CRATE / "openapi" / "control.yaml").read_text())["paths"]
    operations = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if method != "parameters"]
    assert list(table()) == operations


@pytest.mark.parametrize(
    ("type", "variable"),
    [(YotpoMock, "mock"), (Store, "store"), (Fault, "fault"), (Snapshot, "snapshot"), (StoreSnapshot, "store_snapshot")],
)
def test_the_table_has_each_method(type: type[object], variable: str) -> None:
    named = [method.rstrip("()") for methods in table().values() for method in methods]
    in_table = {name.split(".")[1] for name in named if name.split(".")[0] == variable}
    public = {name for name in dir(type) if not name.startswith("_")}
    assert in_table - public == set()
    assert public - in_table - OTHER_NAMES == set()


def test_the_first_example_is_a_test_that_passes(pytester: pytest.Pytester) -> None:
    pytest.importorskip("requests")
    pytester.makepyfile(python_blocks()[0])
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize("block", python_blocks()[1:])
def test_the_other_examples_run(block: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", block], check=True)


def test_the_configuration_is_valid(pytester: pytest.Pytester) -> None:
    [configuration] = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    pytester.makepyprojecttoml(configuration)
    pytester.makepyfile(
        """
def test_store(yotpo_store):
    assert yotpo_store.settings()["rate_limit"] == 10
    yotpo_store.access_token()
"""
    )
    result = pytester.runpytest_subprocess()
    assert result.ret == 0


def test_the_version_is_that_of_the_emulator() -> None:
    versions: set[str] = set(re.findall(r'^version = "(.+)"$', (CRATE / "Cargo.toml").read_text(), re.MULTILINE))
    assert versions == {yotpo_mock.__version__}


def test_the_licences_are_those_of_the_emulator() -> None:
    for name in ["LICENSE-APACHE", "LICENSE-MIT"]:
        assert (PACKAGE / name).read_text() == (CRATE / name).read_text()
