#!/usr/bin/env python3
"""Compares the instructions of each workload, and of each stage of a request, with the committed baseline.

    python3 benches/instructions.py              builds the benchmark, prints the table and compares
    python3 benches/instructions.py --update     writes the counts to the baseline, `benches/instructions.json`

Needs valgrind (callgrind) on Linux and x86-64. Exits with 1 if a count is over 5 % above the baseline, or is missing on either
side. A count that fell by as much is reported only, so that somebody updates the baseline.

With another compiler, libc or valgrind than the baseline's the tolerance is 15 %, and a note says so: a new release of one must
not fail a build. A compiler two releases newer changed no count by more than 2 %; another libc's allocator may change more. Times
are reported by `cargo bench --bench stages`.
"""

import argparse
import json
import pathlib
import sys

import callgrind

BASELINE = pathlib.Path(__file__).with_suffix(".json")
CUSTOMERS = 1_000
TOLERANCE = 0.05
TOLERANCE_WITH_OTHER_TOOLS = 0.15


def count():
    counted = callgrind.count(callgrind.build(), CUSTOMERS, "stages")
    return {name: by_size[CUSTOMERS] for name, by_size in counted.items()}


def table(baseline, counts):
    lines = ["| instructions | baseline | now | change |", "|---|---:|---:|---:|"]
    for name in counts | baseline:
        old, new = baseline.get(name), counts.get(name)
        change = f"{new / old - 1:+.1%}" if old and new else ""
        lines.append(f"| {name} | {old or 0:,} | {new or 0:,} | {change} |")
    return "\n".join(lines)


def compare(baseline, counts, tolerance):
    """Prints notes, and returns the errors."""
    errors = []
    for name in counts | baseline:
        old, new = baseline.get(name), counts.get(name)
        if old is None or new is None:
            errors.append(f"`{name}` is {'not in the baseline' if old is None else 'in the baseline but was not counted'}")
        elif new > old * (1 + tolerance):
            errors.append(f"`{name}` takes {new / old - 1:.1%} more instructions than the baseline; the tolerance is {tolerance:.0%}")
        elif new > old * (1 + TOLERANCE):
            print(f"note: `{name}` takes {new / old - 1:.1%} more instructions, possibly because of the tools")
        elif new < old * (1 - tolerance):
            print(f"note: `{name}` takes {1 - new / old:.1%} fewer instructions: `--update` the baseline to keep that")
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true")
    update = parser.parse_args().update
    stored = json.loads(BASELINE.read_text())
    counts, tools = count(), callgrind.measured_with()
    print(table(stored["instructions"], counts))
    others = [tool for tool in tools if tools[tool] != stored["measured_with"].get(tool)]
    for tool in others:
        print(f"note: the baseline was measured with {stored['measured_with'].get(tool)}, this run with {tools[tool]}")
    if update:
        BASELINE.write_text(json.dumps({"measured_with": tools, "instructions": counts}, indent=2) + "\n")
        return

    errors = compare(stored["instructions"], counts, TOLERANCE_WITH_OTHER_TOOLS if others else TOLERANCE)
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    if errors:
        sys.exit("hint: if the change is worth its cost, run `python3 benches/instructions.py --update` and commit the result")


if __name__ == "__main__":
    main()
