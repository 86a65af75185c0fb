"""Finds the binary of the emulator."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path
from typing import Union

from .errors import StartError

PathLike = Union[str, "os.PathLike[str]"]


def find_binary(binary: PathLike | None = None) -> str:
    """The path of `binary`, or of the one that `YOTPO_MOCK` names, or of the one in this package."""
    chosen = os.fspath(binary) if binary is not None else os.environ.get("YOTPO_MOCK")
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            source = "" if binary is not None else ", the value of the variable YOTPO_MOCK,"
            raise StartError(f"`{chosen}`{source} is not an executable file: set it to the path of a yotpo-mock binary")
        return found
    packaged = Path(__file__).parent / "bin" / ("yotpo-mock.exe" if os.name == "nt" else "yotpo-mock")
    if not packaged.exists():
        raise StartError(
            f"this installation of the package yotpo-mock has no binary for {sysconfig.get_platform()}: "
            "reinstall it with `pip install --force-reinstall yotpo-mock`, or set the variable YOTPO_MOCK to the path of a binary"
        )
    return str(packaged)
