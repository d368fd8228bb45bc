"""Sequential tests on raw increments: CUSUMs, their limits, overdispersion, robust scale. Pure and small.

    cusum_share(days, p0, phi, shift, ref_n, tau) -> Cusum          share k/n a day against the reference's p0
    cusum_rate(counts, exposures, mean, phi, factor, ...) -> Cusum  counts against a rate
    cusum_log(values, mu, sd, k, ...) -> Cusum                      a positive measure per post, on robust z
    limit(per_month, looks_per_day, k, past) -> float               h of a z-CUSUM for a false-alert budget
    llr_limit(per_month, looks_per_day, delta, past) -> float       the same for cusum_share and cusum_rate
    share_dispersion(days) / rate_dispersion(counts, exposures) -> phi >= 1
    location_scale(values, ...) -> Scale                            median and MAD, with a prior and a floor

How to use one: `found = cusum_share(days_since_reference, p0, phi, +.05, ref_n, tau=.02)`; alert when
`found.now > llr_limit(.004, 1, found.delta)` *and* `found.z > 3` *and* the estimate differs by what matters.
The CUSUM says when (and is quick on slow changes), z says how sure (and holds the reference's uncertainty).

Two things make false alerts that textbook CUSUMs don't know. The reference is itself an estimate (28 days,
a dozen posts); and levels wander without any cause (tau; log-sd .14 over two months was measured on real
accounts). So the null hypothesis is not p0 but everything up to one standard deviation of both beyond it
(`guard`): steps are drawn from there on, and z has both in its denominator.

Sources: Page (1954), Biometrika 41, 100 (CUSUM); Moustakides (1986), Ann. Stat. 14, 1379 (its optimality
for a log-likelihood ratio); Siegmund (1985), Sequential Analysis, eq. 2.57 (run length, with 1.166 for the
overshoot); Lundberg's exponent for steps that are not normal: Asmussen and Albrecher (2010), ch. IV; Jones,
Champ and Rigdon (2004), Technometrics 46, 464 (estimated parameters shorten run lengths); quasi-likelihood:
McCullagh and Nelder (1989), ch. 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import exp, inf, log, sqrt
from typing import Final

import msgspec

from processors.signals.stats import median

#: Days in a month, for budgets.
MONTH: Final = 30.0
#: Siegmund's correction for the overshoot of normal steps over a barrier.
OVERSHOOT: Final = 1.166
#: A robust z beyond this says no more than "far": one viral post must not carry a CUSUM alone.
Z_CAP: Final = 4.0


class Cusum(msgspec.Struct, frozen=True):
    """What a CUSUM saw. Indices count the increments handed in; `start` = their number when nothing runs.

    now: statistic after the last increment (>= 0). peak, peak_at: its largest value and where it stood.
    start: first increment after the statistic last stood at 0, the maximum likelihood estimate of the onset.
    n: increments since `start`; weight: what they rest on (acts, exposure, posts).
    estimate: the pooled level since `start` (share, rate, or log); the reference's where nothing runs.
    z: (estimate - reference) over the root of both variances and tau^2, positive in the direction watched.
    delta: distance between the null's edge and the alternative in standard deviations of a usual increment:
    what `llr_limit` needs (for `cusum_log`: twice the k in force).
    """

    now: float
    peak: float
    peak_at: int
    start: int
    n: int
    weight: float
    estimate: float
    z: float
    delta: float
    path: tuple[float, ...] = ()


class Scale(msgspec.Struct, frozen=True):
    """Robust location and scale of `n` values."""

    centre: float
    sd: float
    n: int


def _walk(steps: Iterable[float], cap: float) -> tuple[list[float], int]:
    """(path of S = max(0, S + min(step, cap)), index after the last zero)."""
    path: list[float] = []
    level, start = 0.0, 0
    for i, step in enumerate(steps):
        level += min(step, cap)
        if level <= 0:
            level, start = 0.0, i + 1
        path.append(level)
    return path, start


def _peak(path: Sequence[float]) -> tuple[float, int]:
    peak = max(path, default=0.0)
    return peak, path.index(peak) if path else 0


def cusum_share(
    days: Sequence[tuple[int, int]],
    p0: float,
    phi: float,
    shift: float,
    ref_n: float,
    tau: float = 0.0,
    *,
    guard: float = 1.0,
    cap: float = inf,
) -> Cusum:
    """CUSUM of the quasi-binomial log-likelihood ratio over `days` of (k, n), 0 <= k <= n.

    p0: the reference's share, on `ref_n` acts (a prior count of half an act on each side is added: a share of
    0 is never certain). phi >= 1: overdispersion. shift: the change to be found, in share, its sign the
    direction. tau: wandering of the share (sd). guard: how many sd of (reference, wandering) belong to the
    null. cap: most that one day may add. Days with n = 0 change nothing. Raises ValueError for phi <= 0 or
    shift = 0.
    """
    if phi <= 0 or shift == 0:
        raise ValueError("phi must be positive and shift not 0")
    base = (p0 * ref_n + 0.5) / (ref_n + 1.0) if ref_n > 0 else p0
    base = min(0.999, max(0.001, base))
    spread = base * (1 - base)
    loose = phi * spread / max(ref_n, 1.0) + tau * tau
    sign = 1.0 if shift > 0 else -1.0
    edge = base + sign * guard * sqrt(loose)
    # The alternative lies at least half a shift beyond the null's edge, or there would be nothing to find.
    far = sign * max(sign * (base + shift), sign * edge + abs(shift) / 2)
    edge, far = min(0.999, max(0.001, edge)), min(0.9995, max(0.0005, far))
    yes, no = log(far / edge) / phi, log((1 - far) / (1 - edge)) / phi
    path, start = _walk((k * yes + (n - k) * no for k, n in days), cap)
    k_after = sum(k for k, _ in days[start:])
    n_after = sum(n for _, n in days[start:])
    estimate = k_after / n_after if n_after else p0
    z = sign * (estimate - base) / sqrt(phi * spread / n_after + loose) if n_after else 0.0
    used = [n for _, n in days if n > 0]
    usual = sum(used) / len(used) if used else 0.0
    delta = abs(far - edge) * sqrt(usual / (phi * edge * (1 - edge)))
    peak, at = _peak(path)
    now = path[-1] if path else 0.0
    return Cusum(now, peak, at, start, len(days) - start, n_after, estimate, z, delta, tuple(path))


def cusum_rate(
    counts: Sequence[float],
    exposures: Sequence[float],
    mean: float,
    phi: float,
    factor: float,
    ref_count: float = inf,
    tau: float = 0.0,
    *,
    guard: float = 1.0,
    cap: float = inf,
) -> Cusum:
    """CUSUM of the quasi-Poisson log-likelihood ratio: mean `mean` x exposure, variance phi times that.

    factor: the change to be found, as a multiple of the rate (under 1: a fall). ref_count: counts that `mean`
    rests on. tau: wandering, sd of the log rate. Else as cusum_share. The estimate is the rate per exposure.
    Raises ValueError for a mean, phi or factor <= 0, for factor = 1, and for unequal lengths.
    """
    if mean <= 0 or phi <= 0 or factor <= 0 or factor == 1:
        raise ValueError("mean, phi and factor must be positive, and factor not 1")
    loose = phi / max(ref_count, 1.0) + tau * tau
    sign = 1.0 if factor > 1 else -1.0
    edge = log(mean) + sign * guard * sqrt(loose)
    far = sign * max(sign * (log(mean) + log(factor)), sign * edge + abs(log(factor)) / 2)
    low, high = exp(edge), exp(far)
    steps = [(x * (far - edge) - e * (high - low)) / phi for x, e in zip(counts, exposures, strict=True)]
    path, start = _walk(steps, cap)
    came, exposure = sum(counts[start:]), sum(exposures[start:])
    estimate = came / exposure if exposure > 0 else mean
    expected = mean * exposure
    z = sign * log(max(came, 0.5) / expected) / sqrt(phi / expected + loose) if expected > 0 else 0.0
    used = [e for e in exposures if e > 0]
    usual = low * sum(used) / len(used) if used else 0.0
    delta = abs(far - edge) * sqrt(usual / phi)
    peak, at = _peak(path)
    now = path[-1] if path else 0.0
    return Cusum(now, peak, at, start, len(counts) - start, exposure, estimate, z, delta, tuple(path))


def cusum_log(
    values: Sequence[float],
    mu: float,
    sd: float,
    k: float = 0.5,
    ref_n: float = inf,
    tau: float = 0.0,
    *,
    down: bool = False,
    guard: float = 1.0,
    cap: float = Z_CAP,
) -> Cusum:
    """CUSUM of robust z = (log value - mu)/sd per post, each at most `cap`, with reference value `k`.

    mu, sd: median and scale of the past's logs, on `ref_n` posts; tau: wandering, sd of the log level. k in
    sd: finds shifts of about 2k; the guard is added to it. Values under 1e-9 count as 1e-9. The estimate is
    the mean of the (capped) logs since `start`. Raises ValueError for sd <= 0.
    """
    if sd <= 0:
        raise ValueError("sd must be positive")
    sign = -1.0 if down else 1.0
    # pi/2: a median's variance over a mean's.
    loose = 1.57 / max(ref_n, 1.0) + (tau / sd) ** 2
    z_of = [max(-cap, min(cap, sign * (log(max(v, 1e-9)) - mu) / sd)) for v in values]
    whole = k + guard * sqrt(loose)
    path, start = _walk((z - whole for z in z_of), inf)
    after = z_of[start:]
    mean = sum(after) / len(after) if after else 0.0
    z = mean / sqrt(1 / len(after) + loose) if after else 0.0
    peak, at = _peak(path)
    now = path[-1] if path else 0.0
    return Cusum(
        now, peak, at, start, len(after), float(len(after)), mu + sign * mean * sd, z, 2 * whole, tuple(path)
    )


def run_length(h: float, k: float) -> float:
    """Mean steps to a false alarm of S = max(0, S + z - k) > h, z standard normal (Siegmund 1985)."""
    b = h + OVERSHOOT
    if k < 1e-6:
        return b * b
    try:
        return (exp(2 * k * b) - 2 * k * b - 1) / (2 * k * k)
    except OverflowError:
        return inf


def exponent(steps: Sequence[float], most: float) -> float:
    """Lundberg's exponent: theta > 0 with mean exp(theta x) = 1 over the steps, at most `most`.

    It is what 2k is for normal steps: P(an excursion exceeds h) falls like exp(-theta h). 0 where the steps'
    mean isn't negative (a CUSUM would run away); `most` where no step is positive."""
    if not steps or sum(steps) >= 0:
        return 0.0
    if max(steps) <= 0:
        return most

    def over(theta: float) -> float:
        return sum(exp(min(700.0, theta * x)) for x in steps) / len(steps) - 1

    if over(most) <= 0:
        return most
    low, high = 0.0, most
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if over(middle) <= 0 else (low, middle)
    return low


#: The own past stays the same from look to look.
_exponent = lru_cache(maxsize=1_024)(exponent)


def limit(per_month: float, looks_per_day: float, k: float = 0.5, past: Sequence[float] = ()) -> float:
    """Limit h of a z-CUSUM with reference value `k` for a budget of false alerts.

    per_month: false alerts per influencer-month; looks_per_day: increments a day. past: the own past's z, if
    there are at least eight: where they run wilder than normal, singly or in blocks of two and four (days in
    a row resemble each other), h is raised, by at most a factor of about 2.5. Never under 1. Raises
    ValueError for a budget or rate that isn't positive.
    """
    if per_month <= 0 or looks_per_day <= 0:
        raise ValueError("the budget and the looks a day must be positive")
    wanted = max(2.0, looks_per_day * MONTH / per_month)
    k = max(k, 0.05)
    theta = 2 * k
    for size in (1, 2, 4) if len(past) >= 8 else ():
        whole = len(past) // size * size
        blocks = [sum(past[i : i + size]) - size * k for i in range(0, whole, size)]
        theta = min(theta, _exponent(tuple(blocks), 2 * k))
    theta = max(theta, 0.8 * k)
    return max(1.0, _height(wanted, round(theta, 3)))


@lru_cache(maxsize=4_096)
def _height(wanted: float, theta: float) -> float:
    """The barrier whose run length is `wanted`."""
    low, high = 0.0, 200.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle, theta / 2) < wanted else (low, middle)
    return high


def llr_limit(per_month: float, looks_per_day: float, delta: float, past: Sequence[float] = ()) -> float:
    """Limit of a log-likelihood CUSUM (cusum_share, cusum_rate) whose usual step is delta z - delta^2/2.

    delta: `Cusum.delta`. past: own past's standardised increments z, as for `limit`. At least log(10): no
    budget makes evidence of under ten to one enough.
    """
    delta = max(delta, 0.1)
    return max(log(10.0), delta * limit(per_month, looks_per_day, delta / 2, past))


def share_dispersion(days: Sequence[tuple[int, int]], prior: float = 1.5, prior_n: float = 7.0) -> float:
    """phi >= 1 of daily (k, n): Pearson's chi-square over its degrees of freedom, a prior worth `prior_n`
    days beside it, since few quiet days must not promise a calm that isn't there."""
    used = [(k, n) for k, n in days if n > 0]
    total = sum(n for _, n in used)
    if len(used) < 2 or not total:
        return max(1.0, prior)
    p = min(0.999, max(0.001, sum(k for k, _ in used) / total))
    chi2 = sum((k - n * p) ** 2 / (n * p * (1 - p)) for k, n in used)
    return max(1.0, (chi2 + prior * prior_n) / (len(used) - 1 + prior_n))


def rate_dispersion(
    counts: Sequence[float], exposures: Sequence[float], prior: float = 1.5, prior_n: float = 7.0
) -> float:
    """phi >= 1 of counts against one rate per exposure, with a prior as in share_dispersion."""
    pairs = [(x, e) for x, e in zip(counts, exposures, strict=True) if e > 0]
    exposure = sum(e for _, e in pairs)
    total = sum(x for x, _ in pairs)
    if len(pairs) < 2 or total <= 0:
        return max(1.0, prior)
    mean = total / exposure
    chi2 = sum((x - mean * e) ** 2 / (mean * e) for x, e in pairs)
    return max(1.0, (chi2 + prior * prior_n) / (len(pairs) - 1 + prior_n))


def location_scale(
    values: Sequence[float], floor: float = 0.0, prior: float = 0.0, prior_n: float = 0.0
) -> Scale:
    """Median, and a scale for judging *new* values: 1.4826 MAD pooled with a prior sd worth `prior_n` values,
    at least `floor`, widened by sqrt((n - 1)/(n - 3)) as Student's t is (n with the prior's values).

    Raises ValueError for no values.
    """
    if not values:
        raise ValueError("no values")
    centre = median(sorted(values))
    sd = 1.4826 * median(sorted(abs(v - centre) for v in values))
    n = len(values)
    whole = n + prior_n
    if prior_n > 0:
        sd = sqrt((n * sd * sd + prior_n * prior * prior) / whole)
    widen = sqrt((whole - 1) / (whole - 3)) if whole > 4 else 2.0
    return Scale(centre, max(floor, sd * widen), n)
