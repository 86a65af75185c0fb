"""Medians, quartiles and confidence intervals. None of them assumes a distribution."""

from math import comb
from statistics import median

CONFIDENCE = 0.95

# Fewer rounds allow no interval for the median with this confidence.
MIN_ROUNDS = 6


def quartiles(values):
    """The bounds of the middle half, interpolated linearly."""
    ordered = sorted(values)

    def quantile(share):
        position = share * (len(ordered) - 1)
        low = int(position)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (position - low)

    return quantile(0.25), quantile(0.75)


def confidence_interval(values):
    """The narrowest interval between order statistics that contains the true median with 95 % confidence, or else the whole range.

    The true median is below the k-th smallest of n values with the probability of fewer than k heads in n coin tosses.
    """
    ordered, count = sorted(values), len(values)
    cut, outside = 0, 2 / 2**count
    while cut + 1 < count - cut - 1 and outside + 2 * comb(count, cut + 1) / 2**count <= 1 - CONFIDENCE:
        cut += 1
        outside += 2 * comb(count, cut) / 2**count
    return ordered[cut], ordered[count - 1 - cut]


def ratios(ours, theirs):
    """The ratio of each round: both sides of it met the same conditions on the machine."""
    return [our / their for our, their in zip(ours, theirs, strict=True)]


__all__ = ["MIN_ROUNDS", "confidence_interval", "median", "quartiles", "ratios"]
