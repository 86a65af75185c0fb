"""The process of an emulator that the client started."""

from __future__ import annotations

import os
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO

from .errors import StartError, YotpoMockError

READY = "yotpo-mock listening on "
KEPT_LOG_LINES = 200
STOP_TIMEOUT_SECONDS = 10.0


class Process:
    """A running emulator, which ends at the latest when this process does: it watches its stdin."""

    def __init__(self, binary: str, flags: Sequence[str], port: int, env: Mapping[str, str], timeout: float) -> None:
        command = [binary, "serve", "--port", str(port), "--until-stdin-closes", *flags]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **env}, encoding="utf-8", errors="replace"
            )
        except OSError as error:
            raise StartError(f"cannot run `{binary}`: {error.strerror or error}") from error
        self._log: deque[str] = deque(maxlen=KEPT_LOG_LINES)
        self._log_reader = threading.Thread(target=self._read_log, name="yotpo-mock log", daemon=True)
        self._log_reader.start()
        self.url = self._read_url(binary, timeout)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """The last lines of the log."""
        return "".join(self._log)

    def stop(self) -> None:
        """Stops the emulator cleanly, and waits for its end."""
        if self._process.returncode is not None:
            self._close()
            return
        self._stdin.close()
        # A forked process may have inherited stdin. Where there are signals, this one is as clean.
        if os.name != "nt":
            self._process.terminate()
        try:
            status = self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise YotpoMockError(f"the emulator did not stop within {STOP_TIMEOUT_SECONDS:.0f} s, and was killed") from None
        finally:
            self._close()
        if status != 0:
            raise YotpoMockError(f"the emulator ended with {describe_status(status)}{self._quoted_log()}")

    def describe_end(self) -> str | None:
        """How the emulator ended; `None` if it is running."""
        try:
            # A closed connection can be seen before the end of the process.
            status = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return None
        self._log_reader.join(timeout=1.0)
        return f"the emulator ended with {describe_status(status)}{self._quoted_log()}"

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin is not None, "it is a pipe"
        return self._process.stdin

    def _read_log(self) -> None:
        assert self._process.stderr is not None, "it is a pipe"
        for line in self._process.stderr:
            self._log.append(line)

    def _read_url(self, binary: str, timeout: float) -> str:
        assert self._process.stdout is not None, "it is a pipe"
        timer = threading.Timer(timeout, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        is_late = not timer.is_alive()
        timer.cancel()
        if line.startswith(READY):
            return line[len(READY) :].strip()
        self._process.kill()
        status = self._process.wait()
        self._close()
        if is_late:
            raise StartError(f"`{binary}` printed no address within {timeout:g} s{self._quoted_log()}")
        reason = self.log.strip()
        if reason.startswith("error: "):
            raise StartError(reason[len("error: ") :])
        raise StartError(f"`{binary}` did not start, but ended with {describe_status(status)}{self._quoted_log()}")

    def _close(self) -> None:
        self._log_reader.join(timeout=1.0)
        for stream in [self._process.stdin, self._process.stdout, self._process.stderr]:
            if stream is not None:
                stream.close()

    def _quoted_log(self) -> str:
        log = self.log.strip()
        return f"; the end of its log:\n{log}" if log else ""


def describe_status(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {-status}"
