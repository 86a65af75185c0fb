#!/usr/bin/env python3
"""How cost grows with the store: instructions at 1,000, 100,000 and 1,000,000 customers, and the memory of a million.

    python3 benches/growth.py                    builds what it needs and prints the table, in about three minutes
    python3 benches/growth.py --sizes 1000 100000

Needs valgrind (callgrind) on Linux and x86-64. Ends with 1 if a piece of work takes more than 1.5 times the instructions at
the largest size than at the smallest, or if the largest store takes more than 2 GiB. Times are not looked at here: `cargo
bench --features internals --bench store` tells them.
"""

import argparse
import os
import subprocess
import sys

import callgrind

MOST_GROWTH = 1.5
MOST_MEMORY_KIB = 2 * 1024 * 1024


def peak_kib(binary, size):
    """The most memory that the benchmark held by itself, its own and nobody else's."""
    child = subprocess.Popen([binary, str(size)])
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"error: the benchmark ended with status {status}")
    return usage.ru_maxrss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    sizes = sorted(parser.parse_args().sizes)
    binary = callgrind.build()
    memory = peak_kib(binary, sizes[-1])
    counted = callgrind.count(binary, *sizes)
    print("| instructions | " + " | ".join(f"{size:,}" for size in sizes) + " | growth |")
    print("|---|" + "---:|" * (len(sizes) + 1))
    too_much = []
    for work, by_size in counted.items():
        growth = by_size[sizes[-1]] / by_size[sizes[0]]
        print(f"| {work.removeprefix('Work::').lower()} | " + " | ".join(f"{by_size[size]:,}" for size in sizes) + f" | {growth:.2f} |")
        if growth > MOST_GROWTH:
            too_much.append(f"{work} grows by {growth:.2f}, more than {MOST_GROWTH}")
    print(f"\n{sizes[-1]:,} customers of the contract's size: at most {memory / 1024:,.0f} MiB resident")
    if memory > MOST_MEMORY_KIB:
        too_much.append(f"{sizes[-1]:,} customers take {memory} KiB, more than {MOST_MEMORY_KIB}")
    if len(counted) != 5 or any(len(by_size) != len(sizes) for by_size in counted.values()):
        too_much.append("callgrind did not count everything")
    for complaint in too_much:
        print(f"error: {complaint}", file=sys.stderr)
    sys.exit(1 if too_much else 0)


if __name__ == "__main__":
    main()
