"""Counts the instructions of `benches/instructions.rs` under callgrind, for the scripts in this folder. Needs valgrind on
Linux and x86-64.

With the same sources, compiler, libc and valgrind, the counts are the same:

- The allocator's cache of small freed blocks never fills here. With its default size, the blocks that one run frees can double
  the cost of freeing the next.
- Valgrind emulates the same processor on every machine with AVX2. Elsewhere the libc copies and searches bytes differently,
  which changed no count by more than 1.2 %.
- The program gets no environment variables, and its stores contain no random data.
"""

import collections
import json
import os
import pathlib
import platform
import re
import subprocess
import tempfile

def build():
    """Builds the benchmark and returns the path of its binary."""
    command = ["cargo", "bench", "--locked", "--bench", "instructions", "--no-run", "--message-format", "json"]
    messages = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    built = (json.loads(message) for message in messages)
    return next(m["executable"] for m in built if m.get("executable") and m["target"]["name"] == "instructions")


def count(binary, *arguments):
    """Returns the instructions of one round, by name and size of the store. The arguments are the benchmark's."""
    counted = collections.defaultdict(dict)
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        callgrind = ["--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no", f"--callgrind-out-file={out}"]
        subprocess.run(["valgrind", "--quiet", *callgrind, binary, *map(str, arguments)], check=True, env=environment())
        # The dumps are `out.1`, `out.2` and so on; `out` is the rest at exit.
        for dump in sorted(out.parent.glob("out.*"), key=lambda dump: int(dump.suffix[1:])):
            text = dump.read_text(encoding="utf-8", errors="replace")
            name, size, rounds = re.search(r"^desc: Trigger: Client Request: (.+) (\d+) (\d+)$", text, re.M).groups()
            total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1]
            counted[name][int(size)] = int(total) // int(rounds)
    return counted


def environment():
    kept = {name: os.environ[name] for name in ("PATH", "VALGRIND_LIB") if name in os.environ}
    return {**kept, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=65535"}


def measured_with():
    """Returns the versions on which the counts depend."""

    def first_line(*command):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]

    return {
        "rustc": first_line(os.environ.get("RUSTC", "rustc"), "--version"),
        "libc": " ".join(platform.libc_ver()),
        "valgrind": first_line("valgrind", "--version"),
    }
