#!/usr/bin/env python3
"""Whether work takes more instructions than it did: each room's on the way of a request, and the whole of it.

    python3 benches/instructions.py              builds what it needs, prints the table and judges
    python3 benches/instructions.py --update     makes what it counts the new baseline, `benches/instructions.json`

Needs valgrind (callgrind) on Linux and x86-64. Ends with 1 if a piece of work takes over 5 % more than the baseline says, or
stands in only one of the two. A fall by as much is told, so that the baseline follows it, and lets nothing fail.

With another compiler, libc or valgrind than the baseline's, 15 % pass, and that is said: on the day that a new one comes out,
nothing here has changed. A compiler two releases on moved no count by more than 2 %; another allocator in the libc may move
more. Times are not looked at here: `cargo bench --features internals --bench rooms` tells them.
"""

import argparse
import json
import pathlib
import sys

import callgrind

BASELINE = pathlib.Path(__file__).with_suffix(".json")
CUSTOMERS = 1_000
MOST_RISE = 0.05
MOST_RISE_ELSEWHERE = 0.15


def count():
    counted = callgrind.count(callgrind.build(), CUSTOMERS, "rooms")
    return {work: by_size[CUSTOMERS] for work, by_size in counted.items()}


def table(before, now):
    lines = ["| instructions | baseline | now | change |", "|---|---:|---:|---:|"]
    for work in now | before:
        old, new = before.get(work), now.get(work)
        change = f"{new / old - 1:+.1%}" if old and new else ""
        lines.append(f"| {work} | {old or 0:,} | {new or 0:,} | {change} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true")
    update = parser.parse_args().update
    baseline = json.loads(BASELINE.read_text())
    before, then_with = baseline["instructions"], baseline["measured_with"]
    now, now_with = count(), callgrind.measured_with()
    print(table(before, now))
    others = [what for what in now_with if now_with[what] != then_with.get(what)]
    for other in others:
        print(f"note: the baseline was measured with {then_with.get(other)}, and this is {now_with[other]}")
    if update:
        BASELINE.write_text(json.dumps({"measured_with": now_with, "instructions": now}, indent=2) + "\n")
        return

    most = MOST_RISE_ELSEWHERE if others else MOST_RISE
    wrong = []
    for work in now | before:
        old, new = before.get(work), now.get(work)
        if old is None or new is None:
            wrong.append(f"`{work}` is {'not in the baseline' if old is None else 'in the baseline and was not counted'}")
        elif new > old * (1 + most):
            wrong.append(f"`{work}` takes {new / old - 1:.1%} more instructions than the baseline, where {most:.0%} pass")
        elif new > old * (1 + MOST_RISE):
            print(f"note: `{work}` takes {new / old - 1:.1%} more, which may be due to what it is measured with, and passes")
        elif new < old * (1 - most):
            print(f"note: `{work}` takes {1 - new / old:.1%} fewer: `--update` the baseline, so that it stays so")
    for complaint in wrong:
        print(f"error: {complaint}", file=sys.stderr)
    if wrong:
        sys.exit("hint: if the change is worth it, commit with it what `python3 benches/instructions.py --update` writes")


if __name__ == "__main__":
    main()
