"""The goals, and how a figure is judged by them."""

from dataclasses import dataclass

from figures import interval, is_certain, median, quartiles, ratios

# Rows whose goal turned out to be physically wrong, at most two, each with the place where a profile shows why.
EXPLAINED = {}
assert len(EXPLAINED) <= 2, "what cannot be met twice is explained; what cannot be met three times is mended"


# Under full load one of the two cores has hardly a moment to itself.
BUSY = 0.85


@dataclass(frozen=True)
class Ratio:
    """One subject against another, round by round."""

    topic: str
    what: str
    ours: str
    theirs: str
    goal: float
    of: str = "cpu_us"
    # Whether a quick run shows it.
    is_quick: bool = False


@dataclass(frozen=True)
class Limit:
    """A figure that stands by itself, however often it was taken."""

    topic: str
    what: str
    figure: str
    unit: str
    goal: float
    at_least: bool = False
    is_quick: bool = False


# What bounds a latency under full load is the CPU of a request: so each p99 stands against its own row's reference. Against a server
# that does not even parse, a write that meets W's goal would miss that of p99.
RATIOS = [
    Ratio("R", "R: a page of 100, 1,000 customers, 2 % changing a second", "R mock 1,000", "R static 1,000", 1.2, is_quick=True),
    Ratio("R", "R: a page of 100, 100,000 customers, 2 % changing a second", "R mock 100,000", "R static 100,000", 1.35),
    Ratio("L", "L: a lookup by email", "L mock 1,000", "L static", 1.2, is_quick=True),
    Ratio("W", "W: an upsert", "W mock 1,000", "W map", 1.3, is_quick=True),
    Ratio("E", "E: an event", "E mock 1,000", "E map", 1.3, is_quick=True),
    Ratio("p99", "p99 of R, 1,000 customers", "R mock 1,000", "R static 1,000", 2, "p99_us", is_quick=True),
    Ratio("p99", "p99 of R, 100,000 customers", "R mock 100,000", "R static 100,000", 2, "p99_us"),
    Ratio("p99", "p99 of L", "L mock 1,000", "L static", 2, "p99_us", is_quick=True),
    Ratio("p99", "p99 of W", "W mock 1,000", "W map", 2, "p99_us", is_quick=True),
    Ratio("p99", "p99 of E", "E mock 1,000", "E map", 2, "p99_us", is_quick=True),
    Ratio("growth", "R, any page: 1,000,000 customers against 1,000", "P mock 1,000,000", "P mock 1,000", 1.6),
    Ratio("growth", "L: 1,000,000 customers against 1,000", "L mock 1,000,000", "L mock 1,000", 1.3),
    Ratio("growth", "W: 1,000,000 customers against 1,000", "W mock 1,000,000", "W mock 1,000", 1.3),
    Ratio("growth", "E: 1,000,000 customers against 1,000", "E mock 1,000,000", "E mock 1,000", 1.3),
    Ratio("growth", "page 9,991 of 1,000,000 customers against the first", "P mock deep", "P mock first", 1.1),
    Ratio("journal", "R: journal on against off", "P mock 1,000", "P mock no journal", 1.05),
    Ratio("journal", "L: journal on against off", "L mock 1,000", "L mock no journal", 1.05),
    Ratio("journal", "W: journal on against off", "W mock 1,000", "W mock no journal", 1.05),
]

LIMITS = [
    Limit("threads", "two threads on two stores, in process, against one", "threads different", "times", 1.7, at_least=True),
    Limit("threads", "two threads on one hot store, in process, against one", "threads hot", "times", 1.4, at_least=True),
    Limit("start", "start to first answer", "start", "ms", 10, is_quick=True),
    Limit("start", "start to first answer, with 1,000 customers", "start seeded", "ms", 30, is_quick=True),
    Limit("start", "stop", "stop", "ms", 20, is_quick=True),
    Limit("reset", "reset and the first write after it, 10,000 customers", "reset", "ms", 1, is_quick=True),
    Limit("reset", "restore and the first write after it, 10,000 customers", "restore", "ms", 1, is_quick=True),
    Limit("memory", "idle", "idle", "MiB", 8, is_quick=True),
    Limit("memory", "100,000 customers, written one by one", "100,000 written", "MiB", 200),
    Limit("memory", "the same 100,000 written again, against before", "written again", "times", 1.05),
    Limit("memory", "a second after a reset, above idle", "after reset", "MiB", 16),
    Limit("memory", "1,000,000 customers, seeded", "1,000,000 seeded", "MiB", 2048),
    Limit("binary", "size of the binary, stripped, without TLS", "binary", "MB", 6),
    Limit("build", "clean `cargo build --release`", "build", "s", 120),
]


@dataclass(frozen=True)
class Judged:
    """A line of the table."""

    what: str
    figures: str
    value: str
    range: str
    goal: str
    verdict: str

    @property
    def is_missed(self):
        return self.verdict == "MISS"


def judge_ratio(row, turns):
    """Judges by the ratios of the rounds: both sides of each met the same moments of the machine."""
    ours, theirs = ([getattr(turn, row.of) for turn in turns[name]] for name in (row.ours, row.theirs))
    figures = f"{spread(ours)} µs / {spread(theirs)} µs"
    return judged(row.what, figures, ratios(ours, theirs), "", row.goal, False)


def judge_limit(row, values):
    return judged(row.what, "" if len(values) == 1 else f"{len(values)} times", values, row.unit, row.goal, row.at_least)


def judged(what, figures, values, unit, goal, at_least):
    low, high = interval(values)
    misses = high < goal if at_least else low > goal
    is_beyond = median(values) < goal if at_least else median(values) > goal
    # A figure that is taken once is exact: a size, or what a process holds. Of several, too few prove nothing.
    is_sure = len(values) == 1 or is_certain(values)
    if what in EXPLAINED:
        verdict = f"explained: {EXPLAINED[what]}"
    elif is_beyond and not is_sure:
        verdict = "not judged"
    elif misses:
        verdict = "MISS"
    else:
        verdict = "within noise: ok" if is_beyond else "ok"
    range_ = "" if len(values) == 1 else f"{number(low)} to {number(high)}"
    sign = "≥" if at_least else "≤"
    return Judged(what, figures, f"{number(median(values))} {unit}".strip(), range_, f"{sign} {number(goal)} {unit}".strip(), verdict)


def spread(values):
    low, high = quartiles(values)
    return f"{number(median(values))} ± {number((high - low) / 2)}"


def number(value):
    """Three digits that tell something."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def table(rows):
    lines = ["| what | median ± half of IQR, ours / theirs | ratio or value | 95 % interval of the median | goal | |", "|---|---:|---:|---:|---:|---|"]
    lines += [f"| {row.what} | {row.figures} | {row.value} | {row.range} | {row.goal} | {row.verdict} |" for row in rows]
    return "\n".join(lines)


def plain_table(turns):
    """Every subject by itself."""
    lines = ["| subject | µs CPU a request | requests/s | p50 µs | p99 µs | server busy | generator busy |", "|---|---:|---:|---:|---:|---:|---:|"]
    for name, its in turns.items():
        cpu, *rest = ([getattr(turn, of) for turn in its] for of in ("cpu_us", "per_second", "p50_us", "p99_us", "server_busy", "generator_busy"))
        rate, p50, p99, server, generator = map(median, rest)
        lines.append(f"| {name} | {spread(cpu)} | {rate:,.0f} | {p50:,.0f} | {p99:,.0f} | {server:.0%} | {generator:.0%} |")
    return "\n".join(lines)


def disturbed(turns):
    """The subjects in whose turns neither core was busy most of the time: something else had them."""

    def busy(its):
        return max(median(turn.server_busy for turn in its), median(turn.generator_busy for turn in its))

    return [name for name, its in turns.items() if busy(its) < BUSY]
