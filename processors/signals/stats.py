"""Statistics that signals share: intervals, effective samples, overdispersion, shrinkage. Pure and small.

Sources of the formulas:
    Wilson interval: E. B. Wilson (1927), JASA 22, 209; recommended for small n by Brown, Cai, DasGupta
    (2001). Effective n (sum w)^2 / sum w^2: L. Kish (1965), Survey Sampling.
    Overdispersion by Pearson's chi-square over its degrees of freedom: McCullagh and Nelder (1989), ch. 4.5.
    Interval of a combination of estimates from their intervals (MOVER): Zou and Donner (2008), Stat. Med. 27.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log, sqrt
from typing import Final

#: Two-sided 95 % point of the normal distribution.
Z95: Final = 1.959964
#: Variance of a sample median over that of the mean, in normal data: pi / 2 (its root is 1.2533).
MEDIAN_SE: Final = 1.2533


def wilson(share: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of a share seen on (effective) sample size n; (0, 1) for n <= 0.

    `share` is in [0, 1]; the interval always holds it and stays within [0, 1].
    """
    if n <= 0:
        return 0.0, 1.0
    zz = z * z / n
    centre = share + zz / 2
    half = z * sqrt(share * (1 - share) / n + zz / (4 * n))
    scale = 1 + zz
    lo, hi = (centre - half) / scale, (centre + half) / scale
    return (lo if lo < share else share) if lo > 0 else 0.0, (hi if hi > share else share) if hi < 1 else 1.0


def effective_n(weights: Iterable[float]) -> float:
    """Kish's effective sample size; 0 for none. Unchanged when all weights are multiplied by one factor."""
    total = squares = 0.0
    for weight in weights:
        total += weight
        squares += weight * weight
    return total * total / squares if squares > 0 else 0.0


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    """Sum(w x) / sum(w); None when the weights sum to nothing. Raises ValueError on unequal lengths."""
    total = sum(weights)
    if total <= 0:
        return None
    return sum(v * w for v, w in zip(values, weights, strict=True)) / total


def overdispersion(counts: Sequence[tuple[int, int]]) -> float:
    """phi >= 1: how much more k of daily (k, n) varies than a binomial with one share would.

    Pearson: phi = 1/(D-1) * sum (k - n p)^2 / (n p (1 - p)), p pooled, over the D days with n > 0; 1.0 where
    it can't be known (fewer than three such days, or p at 0 or 1).
    """
    used = [(k, n) for k, n in counts if n > 0]
    total = sum(n for _, n in used)
    if len(used) < 3 or total == 0:
        return 1.0
    p = sum(k for k, _ in used) / total
    if not 0 < p < 1:
        return 1.0
    chi2 = sum((k - n * p) ** 2 / (n * p * (1 - p)) for k, n in used)
    return max(1.0, chi2 / (len(used) - 1))


def shrink(value: float, n: float, prior: float, strength: float) -> float:
    """Mean of `value` (on n) and `prior` (worth `strength` observations). For display only: tests use raw
    counts, or the collapse of a small account would never show."""
    total = n + strength
    return (value * n + prior * strength) / total if total > 0 else prior


def median(ordered: Sequence[float]) -> float:
    """Median of a non-empty sequence already in ascending order."""
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def log_sd(values: Sequence[float]) -> float | None:
    """Standard deviation of log(value), by 1.4826 MAD so that one viral post doesn't widen it; None for <
    3."""
    if len(values) < 3:
        return None
    logs = sorted(log(max(v, 1e-12)) for v in values)
    centre = median(logs)
    return 1.4826 * median(sorted(abs(x - centre) for x in logs))


def geometric(parts: Sequence[tuple[float, float, float, float]], floor: float) -> tuple[float, float, float]:
    """Weighted geometric mean of shares, with its interval by MOVER on the logs.

    `parts`: (weight, value, lo, hi) with value, lo, hi in [0, 1] and lo <= value <= hi, at least one with
    weight > 0; weights need not sum to 1. Values under `floor` (> 0) count as the floor. Returns (value, lo,
    hi), each in [0, 1].
    """
    centre = down = up = weights = 0.0
    bottom = log(floor)
    for weight, value, lo, hi in parts:
        weights += weight
        here = log(value) if value > floor else bottom
        centre += weight * here
        below = weight * (here - log(lo)) if lo > floor else weight * (here - bottom)
        above = weight * (log(hi) - here) if hi > floor else 0.0
        down += below * below
        up += above * above
    mean = centre / weights
    low, high = mean - sqrt(down) / weights, mean + sqrt(up) / weights
    return exp(mean), exp(low), exp(high) if high < 0 else 1.0
