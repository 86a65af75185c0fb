#!/usr/bin/env python3
"""Prints how the cost of a request grows with the store: its instructions at 1,000, 100,000 and 1,000,000 customers, and the
peak memory with the largest number; and how the cost of a line of a seed grows with its lines.

    python3 benches/growth.py                    builds the benchmark and prints the table, in about three minutes
    python3 benches/growth.py --sizes 1000 100000

Needs valgrind (callgrind) on Linux and x86-64. Exits with 1 if a workload takes more than 1.5 times as many instructions at the
largest size as at the smallest, if a line of a seed does, or if the largest store takes more than 2 GiB. Times are reported by `cargo bench --bench store`.
"""

import argparse
import os
import subprocess
import sys

import callgrind

MAX_GROWTH = 1.5
MAX_MEMORY_KIB = 2 * 1024 * 1024


def peak_kib(binary, size):
    """Returns the peak resident memory of the benchmark when it builds a store of one size."""
    child = subprocess.Popen([binary, str(size)])
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"error: the benchmark exited with status {status}")
    return usage.ru_maxrss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    sizes = sorted(parser.parse_args().sizes)
    binary = callgrind.build()
    memory = peak_kib(binary, sizes[-1])
    counted = callgrind.count(binary, *sizes, "seed")
    seed = counted.pop("Seed", {})
    print("| instructions | " + " | ".join(f"{size:,}" for size in sizes) + " | growth |")
    print("|---|" + "---:|" * (len(sizes) + 1))
    errors = []
    for workload, by_size in counted.items():
        growth = by_size[sizes[-1]] / by_size[sizes[0]]
        print(f"| {workload.removeprefix('Workload::').lower()} | " + " | ".join(f"{by_size[size]:,}" for size in sizes) + f" | {growth:.2f} |")
        if growth > MAX_GROWTH:
            errors.append(f"{workload} grows by {growth:.2f}, more than {MAX_GROWTH}")
    lines = sorted(seed)
    print("\n| instructions | " + " | ".join(f"{count:,} lines" for count in lines) + " | growth |\n|---|" + "---:|" * (len(lines) + 1))
    growth = seed[lines[-1]] / seed[lines[0]]
    print("| a line of a seed | " + " | ".join(f"{seed[count]:,}" for count in lines) + f" | {growth:.2f} |")
    if growth > MAX_GROWTH:
        errors.append(f"a line of a seed grows by {growth:.2f}, more than {MAX_GROWTH}")
    print(f"\n{sizes[-1]:,} customers: at most {memory / 1024:,.0f} MiB resident")
    if memory > MAX_MEMORY_KIB:
        errors.append(f"{sizes[-1]:,} customers take {memory} KiB, more than {MAX_MEMORY_KIB}")
    if len(counted) != 5 or any(len(by_size) != len(sizes) for by_size in counted.values()):
        errors.append("callgrind did not count everything")
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
