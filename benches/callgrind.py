"""Counts the instructions of `benches/instructions.rs` under callgrind, for the scripts beside this one. Needs valgrind on
Linux and x86-64.

The same sources, compiler, libc and valgrind give the same counts, to the last instruction:

- The allocator keeps small blocks that were freed in a cache which here is never full. With its usual size, what one piece of
  work frees may double what it costs to free the next.
- Valgrind shows the program a processor of its own making, the same on every machine that has AVX2. Elsewhere the libc copies
  and searches bytes in other ways, which moved no count by more than 1.2 %.
- The program gets no environment, and a store built from numbers.
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
    """Gives the path of the benchmark's binary."""
    command = ["cargo", "bench", "--locked", "--features", "internals", "--bench", "instructions", "--no-run", "--message-format", "json"]
    messages = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    built = (json.loads(message) for message in messages)
    return next(m["executable"] for m in built if m.get("executable") and m["target"]["name"] == "instructions")


def count(binary, *wanted):
    """Instructions of one round, by work and size of the store. Sizes of the store are wanted, and `rooms`."""
    counted = collections.defaultdict(dict)
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        callgrind = ["--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no", f"--callgrind-out-file={out}"]
        subprocess.run(["valgrind", "--quiet", *callgrind, binary, *map(str, wanted)], check=True, env=environment())
        # They are numbered in their order: `out.1`, `out.2`. What is left at the end stands in `out`.
        for dump in sorted(out.parent.glob("out.*"), key=lambda dump: int(dump.suffix[1:])):
            text = dump.read_text(encoding="utf-8", errors="replace")
            work, size, rounds = re.search(r"^desc: Trigger: Client Request: (.+) (\d+) (\d+)$", text, re.M).groups()
            total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1]
            counted[work][int(size)] = int(total) // int(rounds)
    return counted


def environment():
    kept = {name: os.environ[name] for name in ("PATH", "VALGRIND_LIB") if name in os.environ}
    return {**kept, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=65535"}


def measured_with():
    """What instructions depend on besides the sources."""

    def first_line(*command):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]

    return {
        "rustc": first_line(os.environ.get("RUSTC", "rustc"), "--version"),
        "libc": " ".join(platform.libc_ver()),
        "valgrind": first_line("valgrind", "--version"),
    }
