"""Starting, stopping and losing an emulator."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import yotpo_mock
from yotpo_mock import StartError, UnreachableError, VersionError, YotpoMock, YotpoMockError, _binary

posix = pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")


def pid_of(mock: YotpoMock) -> int:
    assert mock._process is not None
    return mock._process.pid


def test_stopping_twice_is_stopping_once() -> None:
    mock = YotpoMock.start()
    mock.stop()
    mock.stop()
    with pytest.raises(UnreachableError, match="^the emulator ended with exit status 0; the end of its log:\n"):
        mock.health()


def test_flags_and_variables_reach_the_emulator() -> None:
    with YotpoMock.start(["--rate-limit", "3"], env={"YOTPO_MOCK_EMPTY_RESULT": "error"}) as mock:
        settings = mock.settings()
        assert (settings["rate_limit"], settings["empty_result"]) == (3, "error")
    # The log is complete once the emulator has ended.
    assert "rate_limit" in mock.log and "stopped" in mock.log


def test_an_invalid_flag_is_the_emulators_error() -> None:
    with pytest.raises(
        StartError, match="^unexpected argument '--rate-limt' found\n\n  tip: a similar argument exists: '--rate-limit'"
    ):
        YotpoMock.start(["--rate-limt", "3"])


def test_a_port_in_use_is_the_emulators_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as failure:
            YotpoMock.start(port=port)
    assert str(failure.value) == (
        f"cannot listen on `127.0.0.1:{port}`: address already in use\nhint: `--port 0` takes any free port and prints it"
    )


def test_a_binary_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartError) as failure:
        YotpoMock.start(binary="/nowhere/yotpo-mock")
    assert str(failure.value) == "`/nowhere/yotpo-mock` is not an executable file: set it to the path of a yotpo-mock binary"
    monkeypatch.setenv("YOTPO_MOCK", "/nowhere/yotpo-mock")
    with pytest.raises(StartError) as failure:
        YotpoMock.start()
    assert str(failure.value) == (
        "`/nowhere/yotpo-mock`, the value of the variable YOTPO_MOCK, is not an executable file: "
        "set it to the path of a yotpo-mock binary"
    )


def test_a_package_without_a_binary_names_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("YOTPO_MOCK", raising=False)
    monkeypatch.setattr(_binary, "__file__", str(tmp_path / "_binary.py"))
    monkeypatch.setattr("sysconfig.get_platform", lambda: "plan9-mips")
    with pytest.raises(StartError) as failure:
        YotpoMock.start()
    assert str(failure.value) == (
        "this installation of the package yotpo-mock has no binary for plan9-mips: reinstall it with "
        "`pip install --force-reinstall yotpo-mock`, or set the variable YOTPO_MOCK to the path of a binary"
    )


@posix
def test_a_binary_that_is_another_program_is_named(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho hello; echo 'not the emulator' >&2; exit 3\n")
    program.chmod(0o755)
    with pytest.raises(StartError) as failure:
        YotpoMock.start(binary=program)
    assert str(failure.value).startswith(f"`{program}` did not start, but ended with ")
    program.write_text("#!/nowhere/sh\n")
    with pytest.raises(StartError, match="^cannot run `.*/program`: "):
        YotpoMock.start(binary=program)


@posix
def test_a_binary_that_never_gets_ready_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec cat\n")
    program.chmod(0o755)
    with pytest.raises(StartError) as failure:
        YotpoMock.start(binary=program, timeout=0.1)
    assert str(failure.value) == f"`{program}` printed no address within 0.1 s"


@posix
def test_an_emulator_that_dies_is_reported() -> None:
    mock = YotpoMock.start()
    os.kill(pid_of(mock), signal.SIGKILL)
    # What it had not yet logged is lost.
    with pytest.raises(UnreachableError, match="^the emulator ended with signal 9"):
        mock.new_store()
    mock.stop()
    assert mock._process is not None and mock._process._stdin.closed

    other = YotpoMock.start()
    os.kill(pid_of(other), signal.SIGKILL)
    with pytest.raises(YotpoMockError, match="^the emulator ended with signal 9"):
        other.stop()
    other.stop()


def test_a_stop_that_cannot_save_the_state_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    mock = YotpoMock.start(["--state", str(folder / "state.json")])
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    with pytest.raises(YotpoMockError, match="^the emulator ended with exit status 1; (.*\n)*error: cannot save the state"):
        mock.stop()


def test_nothing_at_the_url_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(UnreachableError) as failure:
            YotpoMock.connect(url)
    assert str(failure.value) == (
        f"no emulator answers at `{url}` (Connection refused): run the tests with `yotpo-mock exec`, "
        "start one with `yotpo-mock`, or check the host and the port"
    )


@pytest.mark.parametrize("url", ["127.0.0.1:4600", "ftp://127.0.0.1", "", "http://"])
def test_a_url_must_be_one_of_http(url: str) -> None:
    with pytest.raises(UnreachableError) as failure:
        YotpoMock.connect(url)
    assert str(failure.value) == f"`{url}` is not the URL of an emulator, such as http://127.0.0.1:4600"


class Server(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def other_server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"])
def test_a_server_that_is_not_the_emulator_is_recognised(other_server: str, body: bytes) -> None:
    Server.body = body
    with pytest.raises(UnreachableError) as failure:
        YotpoMock.connect(other_server)
    assert str(failure.value) == f"the server at `{other_server}` is not yotpo-mock: check the host and the port"


def test_another_version_is_refused(other_server: str) -> None:
    Server.body = json.dumps({"status": "ready", "version": "9.8.7", "uptime_ms": 1}).encode()
    with pytest.raises(VersionError) as failure:
        YotpoMock.connect(other_server)
    assert str(failure.value) == (
        f"the emulator at `{other_server}` has version 9.8.7, but this package has {yotpo_mock.__version__}: "
        f"`pip install yotpo-mock==9.8.7`, or use an emulator of version {yotpo_mock.__version__}"
    )


@posix
def test_a_killed_parent_leaves_no_process() -> None:
    program = "from yotpo_mock import YotpoMock; m = YotpoMock.start(); print(m.url, flush=True); input()"
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    host, port = url[len("http://") :].split(":")
    with parent, socket.create_connection((host, int(port))) as connection:
        parent.kill()
        # The end of the emulator ends its connections.
        assert connection.recv(1) == b""


def test_the_module_runs_the_binary() -> None:
    for command in [[sys.executable, "-m", "yotpo_mock"], [str(Path(sys.executable).parent / "yotpo-mock")]]:
        result = subprocess.run([*command, "--version"], capture_output=True, text=True)
        assert result.stdout.startswith(f"yotpo-mock {yotpo_mock.__version__} "), result
    environment = {**os.environ, "YOTPO_MOCK": "/nowhere"}
    result = subprocess.run([sys.executable, "-m", "yotpo_mock"], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: `/nowhere`, the value of the variable YOTPO_MOCK, is not an executable file")
