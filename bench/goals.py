"""The rows of the report with their goals, and how figures are judged by them."""

from dataclasses import dataclass

from stats import MIN_ROUNDS, confidence_interval, median, quartiles, ratios

# Under full load, one of the two cores is busy at least this share of the time.
BUSY = 0.85


@dataclass(frozen=True)
class Ratio:
    """The CPU per request of one subject relative to another, round by round. Without a goal it is information only."""

    topic: str
    title: str
    ours: str
    theirs: str
    goal: float | None = None


@dataclass(frozen=True)
class Limit:
    """A figure with a maximum."""

    topic: str
    title: str
    figure: str
    unit: str
    goal: float | None = None


RATIOS = [
    Ratio("R", "R: a page of 100, 1,000 customers, 2 % changing a second", "R mock 1,000", "R static 1,000", 1.25),
    Ratio("R", "R: a page of 100, 100,000 customers, 2 % changing a second", "R mock 100,000", "R static 100,000", 1.5),
    Ratio("L", "L: a lookup by email", "L mock", "L static", 1.0),
    Ratio("W", "W: an upsert", "W mock", "W map", 1.2),
    Ratio("E", "E: an event", "E mock", "E map", 1.2),
    Ratio("tls", "R over TLS 1.3, customers not changing", "R mock tls", "R static tls", 1.3),
    Ratio("tls", "L over TLS 1.3", "L mock tls", "L static tls", 1.3),
    Ratio("tls", "W over TLS 1.3", "W mock tls", "W map tls", 1.3),
    Ratio("tls", "E over TLS 1.3", "E mock tls", "E map tls", 1.3),
    Ratio("faults", "L with a fault for another operation, against none", "L fault unmatched", "L fault none", 1.05),
    Ratio("faults", "L with a used-up fault, against none", "L fault used up", "L fault none", 1.05),
    Ratio("faults", "L answered by a matching fault, against none", "L fault matching", "L fault none"),
    Ratio("workers", "L with two workers against one", "L two workers", "L one worker"),
    Ratio("workers", "W with two workers against one, all in one store", "W two workers", "W one worker"),
]

LIMITS = [
    Limit("start", "start to first answer", "start", "ms", 10),
    Limit("start", "stop", "stop", "ms", 20),
    Limit("memory", "idle", "idle", "MiB", 8),
    Limit("memory", "100,000 customers, written one by one", "100,000 written", "MiB", 170),
    Limit("memory", "a second after a reset of these, above idle", "after reset", "MiB"),
    Limit("memory", "1,000,000 customers, seeded", "1,000,000 seeded", "MiB", 2253),
    Limit("build", "clean `cargo build --release`", "build", "s", 120),
]


@dataclass(frozen=True)
class Judgment:
    """A line of the report."""

    title: str
    details: str
    value: str
    interval: str
    goal: str
    verdict: str

    @property
    def is_missed(self):
        return self.verdict == "MISS"


def judge_ratio(row, turns):
    """Judges the median of the ratios of all rounds."""
    ours, theirs = ([turn.cpu_us for turn in turns[name]] for name in (row.ours, row.theirs))
    values = ratios(ours, theirs)
    return judge(row, f"{with_spread(ours)} µs / {with_spread(theirs)} µs", values, "", is_certain=len(values) >= MIN_ROUNDS)


def judge_limit(row, values):
    """Judges a figure. If it was measured once, it is exact, such as the memory of a process."""
    is_exact = len(values) == 1
    return judge(row, "" if is_exact else f"{len(values)} times", values, row.unit, is_certain=is_exact or len(values) >= MIN_ROUNDS)


def judge(row, details, values, unit, is_certain):
    low, high = confidence_interval(values)
    if row.goal is None:
        verdict = ""
    elif median(values) <= row.goal:
        verdict = "ok"
    elif not is_certain:
        verdict = "not judged"
    else:
        verdict = "MISS" if low > row.goal else "within noise: ok"
    goal = "" if row.goal is None else f"≤ {number(row.goal)} {unit}".strip()
    interval = "" if len(values) == 1 else f"{number(low)} to {number(high)}"
    return Judgment(row.title, details, f"{number(median(values))} {unit}".strip(), interval, goal, verdict)


def with_spread(values):
    low, high = quartiles(values)
    return f"{number(median(values))} ± {number((high - low) / 2)}"


def number(value):
    """Rounded to three significant digits below 1,000."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def table(judgments):
    lines = ["| what | median ± half of IQR, ours / theirs | ratio or value | 95 % interval of the median | goal | |", "|---|---:|---:|---:|---:|---|"]
    lines += [f"| {row.title} | {row.details} | {row.value} | {row.interval} | {row.goal} | {row.verdict} |" for row in judgments]
    return "\n".join(lines)


def subject_table(turns):
    """Every subject by itself."""
    lines = ["| subject | µs CPU a request | requests/s | p50 µs | p99 µs | server busy | load busy |", "|---|---:|---:|---:|---:|---:|---:|"]
    for name, its in turns.items():
        cpu, *rest = ([getattr(turn, field) for turn in its] for field in ("cpu_us", "per_second", "p50_us", "p99_us", "server_busy", "load_busy"))
        rate, p50, p99, server, load = map(median, rest)
        lines.append(f"| {name} | {with_spread(cpu)} | {rate:,.0f} | {p50:,.0f} | {p99:,.0f} | {server:.0%} | {load:.0%} |")
    return "\n".join(lines)


def disturbed(turns):
    """The subjects during whose turns neither core was busy most of the time: other processes used the cores."""

    def busy(its):
        return max(median(turn.server_busy for turn in its), median(turn.load_busy for turn in its))

    return [name for name, its in turns.items() if busy(its) < BUSY]
