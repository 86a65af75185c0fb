"""Puts the emulator's binary into the wheel, and the sources of the emulator into the sdist.

`BUNDLED_BINARY` is the path of a binary that was built before; `BUNDLED_WHEEL_TAG` is then the tag of the platforms that it runs
on, such as `py3-none-manylinux2014_x86_64`, and `BUNDLED_LICENSES` a file with the licences of the crates in it. Without
`BUNDLED_BINARY`, cargo builds the binary for this machine.
"""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

EXECUTABLE = "yotpo-mock.exe" if os.name == "nt" else "yotpo-mock"
HERE = Path(__file__).resolve().parent
# The files that cargo needs to build the binary.
CRATE_FILES = ["Cargo.lock", "build.rs", "src", "openapi", "README.md"]


def crate() -> Path:
    """The folder of the Rust crate: in an sdist it is inside this one."""
    return next(folder for folder in [HERE / "crate", HERE.parent.parent] if (folder / "Cargo.toml").exists())


def version() -> str:
    found = re.search(r'^version = "(.+)"$', (crate() / "Cargo.toml").read_text(), re.MULTILINE)
    assert found, "Cargo.toml has a version"
    return found[1]


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is the kind of the wheel: `standard` or `editable`."""
        scratch = Path(self.directory) / "build"
        scratch.mkdir(parents=True, exist_ok=True)
        included = build_data["force_include"]
        if self.target_name == "sdist":
            included.update({str(crate() / file): f"crate/{file}" for file in CRATE_FILES})
            manifest = scratch / "Cargo.toml"
            manifest.write_text(without_other_targets((crate() / "Cargo.toml").read_text()))
            included[str(manifest)] = "crate/Cargo.toml"
        elif version == "standard":
            binary = scratch / EXECUTABLE
            shutil.copy(os.environ.get("BUNDLED_BINARY") or build(), binary)
            binary.chmod(0o755)
            included[str(binary)] = f"yotpo_mock/bin/{EXECUTABLE}"
            if licenses := os.environ.get("BUNDLED_LICENSES"):
                included[licenses] = "yotpo_mock/bin/THIRD-PARTY-LICENSES.html"
            build_data["pure_python"] = False
            build_data["tag"] = os.environ.get("BUNDLED_WHEEL_TAG") or f"py3-none-{this_platform()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(Path(self.directory) / "build")


def without_other_targets(manifest: str) -> str:
    """Cargo rejects a manifest that names the files of tests, examples and benchmarks if they are missing."""
    return re.sub(r"^\[\[(bench|example|test)\]\]\n(.+\n)*", "", manifest, flags=re.MULTILINE)


def build() -> Path:
    """Builds the binary for this machine. pip asks for it twice, once for the metadata alone, so the results of cargo stay."""
    if shutil.which("cargo") is None:
        raise SystemExit(
            "There is no wheel of yotpo-mock for this platform, and cargo, which could build it, is not installed: "
            "install Rust from https://rustup.rs and try again."
        )
    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "yotpo-mock"], cwd=crate(), check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR") or crate() / "target") / "release" / EXECUTABLE


def this_platform() -> str:
    return re.sub(r"[-.]", "_", sysconfig.get_platform())
