"""Medians, their spread, and how sure one can be of them. Nothing here assumes that anything is distributed in any way."""

from math import comb
from statistics import median

# Fewer rounds than this bound no median with so much certainty.
FEWEST_ROUNDS = 6
CERTAINTY = 0.95


def quartiles(values):
    """The middle half: a quarter lies below the first, a quarter above the second."""
    ordered = sorted(values)

    def at(share):
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return at(0.25), at(0.75)


def interval(values):
    """Where the true median lies, by order statistics: the narrowest that is at least 95 % certain, or else all.

    The true median is below the k-th smallest of n values with the probability that fewer than k of n coins show heads.
    """
    ordered, total = sorted(values), len(values)
    cut, outside = 0, 2 / 2**total
    while cut + 1 < total - cut - 1 and outside + 2 * comb(total, cut + 1) / 2**total <= 1 - CERTAINTY:
        cut += 1
        outside += 2 * comb(total, cut) / 2**total
    return ordered[cut], ordered[total - 1 - cut]


def is_certain(values):
    return len(values) >= FEWEST_ROUNDS


def ratios(ours, theirs):
    """Pair by pair: both of a pair met the same moments of the machine."""
    return [our / their for our, their in zip(ours, theirs, strict=True)]


__all__ = ["FEWEST_ROUNDS", "interval", "is_certain", "median", "quartiles", "ratios"]
