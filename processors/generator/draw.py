"""Random numbers that stay put: every post and every day has a source of its own.

So a change in one place (an incident, a post that is not made) leaves everything before it, and everything
beside it, as it was; that is what makes "onset is the first event that differs" exact.
"""

from __future__ import annotations

import math
from random import Random

from xxhash import xxh3_64_intdigest, xxh3_128_intdigest


def source(seed: int, *names: object) -> Random:
    """A random source that depends only on the seed and the names."""
    return Random(xxh3_64_intdigest("/".join(map(str, (seed, *names))).encode()))  # noqa: S311 - not for secrets


def bits(seed: int, name: str) -> int:
    """128 fixed random bits for a name."""
    return xxh3_128_intdigest(f"{seed}/{name}".encode())


def poisson(rng: Random, mean: float) -> int:
    """A Poisson count; above 60 by its normal approximation (error of the tail is of no matter here)."""
    if mean <= 0:
        return 0
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit = math.exp(-mean)
    count, product = 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
