"""How likely so many are by chance."""

from __future__ import annotations

from math import comb, exp, lgamma, log


def at_least(k: int, n: int, p: float) -> float:
    """P(X >= k) for X ~ Binomial(n, p)."""
    if k <= 0:
        return 1.0
    if p <= 0:
        return 0.0
    if n <= 100:
        return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
    yes, no, all_ = log(p), log(max(1 - p, 1e-12)), lgamma(n + 1)  # in logs: the coefficients grow too large
    return min(
        1.0,
        sum(exp(all_ - lgamma(i + 1) - lgamma(n - i + 1) + i * yes + (n - i) * no) for i in range(k, n + 1)),
    )


def tail(m: int, expected: float) -> float:
    """P(X >= m) for X ~ Poisson(expected): an upper bound for a sum of unequal rare events (Le Cam 1960)."""
    if m <= 0:
        return 1.0
    if expected <= 0:
        return 0.0
    if m <= expected:
        return 1.0
    term = exp(m * log(expected) - expected - lgamma(m + 1))
    total = 0.0
    while term > total * 1e-9:
        total += term
        m += 1
        term *= expected / m
    return min(1.0, total)
