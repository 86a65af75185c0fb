"""`python -m yotpo_mock`: runs the binary of the emulator with the same arguments."""

from __future__ import annotations

import os
import subprocess
import sys

from ._binary import find_binary
from .errors import StartError


def main() -> None:
    try:
        binary = find_binary()
    except StartError as error:
        sys.exit(f"error: {error}")
    command = [binary, *sys.argv[1:]]
    if os.name != "nt":
        os.execv(binary, command)
    # Windows cannot replace a process. Ctrl-C reaches the emulator, too, which then stops.
    process = subprocess.Popen(command)
    while True:
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    main()
