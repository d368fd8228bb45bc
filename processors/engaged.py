"""How many people: distinct engaged actors from threshold samples (processors/actors).

    effective(sample: Sample, target: TargetAudience) -> Effective    credible, and in the target
    overlap(a: Sample, b: Sample) -> Overlap                          who engages with both

An actor is in a sample when the keyed hash of the id lies under its threshold, so a sample of rate r holds
each actor with probability r, the same people in every influencer's sample: counts are those of the sample
over r (Horvitz-Thompson), and two samples are compared under the lower of their thresholds (Duffield, Lund,
Thorup 2007; Cohen and Kaplan 2007, bottom-k sketches of coordinated samples).

What isn't known of an actor (credibility, country, language) is taken to be missing at random: it counts with
the share found among those for whom it is known. That can be wrong where people hide on purpose; `known` says
how many it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Final

import msgspec

from processors.actors import BUCKETS, KEEP_DAYS, ActorSampler
from processors.signals.fit import ATTRIBUTES, BY_ACTS, in_target
from processors.signals.stats import Z95
from schemas.partnerships import TargetAudience

#: Credible: more than this, in hundredths (low credibility is s <= .5).
CREDIBLE: Final = 50
#: Actors of whom something must be known before it is asked of the others.
MIN_KNOWN: Final = 30
_COUNTRY: Final = 2
_LANG: Final = 3
_CREDIBILITY: Final = 4
_SPACE: Final = 1 << 64
_Entry = tuple[int, int, str, str, int]
_entries = msgspec.msgpack.Decoder(list[_Entry]).decode


class Sample(msgspec.Struct, frozen=True):
    """Actors of 28 days: (hash, epoch day last seen, country, language, credibility in hundredths or -1).
    `rate`: the share of all actors that is in it, by hash."""

    entries: tuple[_Entry, ...]
    rate: float
    threshold: int


class Effective(msgspec.Struct, frozen=True):
    """Distinct credible actors in the target, with a 95 % interval. None: not measurable, `why`.

    `n`: actors in the sample; `asked`: what was asked of them; `known`: of how many each is known;
    `not_asked`: what the target names and is not known of single actors, or of too few."""

    value: float | None
    lo: float | None
    hi: float | None
    n: int
    rate: float
    asked: tuple[str, ...] = ()
    known: dict[str, int] = {}
    not_asked: tuple[str, ...] = ()
    why: str | None = None


class Overlap(msgspec.Struct, frozen=True):
    """Of two audiences: Jaccard index and |A and B| with standard errors; `n`: actors compared."""

    jaccard: float | None
    jaccard_se: float | None
    both: float | None
    both_se: float | None
    n: int
    rate: float


def sample_of(actors: ActorSampler, today: int) -> Sample:
    """The sample of the 28 days before `today` (epoch day)."""
    entries = (entry for bucket in actors.buckets for entry in bucket.values())
    return _sample(entries, actors.threshold, today)


def stored_sample(fields: Mapping[str, bytes], threshold: int, today: int) -> Sample:
    """The same from the fields `a:<bucket>` of an influencer's hash. Raises msgspec.DecodeError."""
    held = (fields.get(f"a:{bucket}") for bucket in range(BUCKETS))
    return _sample((entry for data in held if data for entry in _entries(data)), threshold, today)


def _sample(entries: Iterable[_Entry], threshold: int, today: int) -> Sample:
    kept = tuple(entry for entry in entries if entry[1] >= today - KEEP_DAYS)
    return Sample(kept, (threshold + 1) / _SPACE, threshold)


def effective(sample: Sample, target: TargetAudience) -> Effective:
    """The effective audience: credible actors in all of the target's attributes that are known of actors."""
    entries, rate = sample.entries, sample.rate
    n = len(entries)
    asked: list[str] = []
    known: dict[str, int] = {}
    left: list[str] = [name for name in BY_ACTS if getattr(target, name)]
    columns: list[list[float | None]] = []
    for name in ("credibility", *ATTRIBUTES):
        if name != "credibility" and not getattr(target, name):
            continue
        column = _column(entries, name, target)
        known[name] = sum(hit is not None for hit in column)
        if known[name] < min(MIN_KNOWN, max(1, n)):
            left.append(name)
            continue
        asked.append(name)
        columns.append(column)
    if n < MIN_KNOWN or "credibility" not in asked:
        why = (
            f"{n} sampled actors; {MIN_KNOWN} would be needed" if n < MIN_KNOWN
            else f"the profiles of {known['credibility']} actors are known; {MIN_KNOWN} would be needed"
        )  # fmt: skip
        return Effective(None, None, None, n, rate, tuple(asked), known, tuple(left), why)
    value, variance, sure = _estimate(columns, rate)
    half = Z95 * sqrt(variance)
    return Effective(
        value, max(float(sure), value - half), value + half, n, rate, tuple(asked), known, tuple(left)
    )


def _column(entries: Sequence[_Entry], name: str, target: TargetAudience) -> list[float | None]:
    """Per actor 1 or 0, None where it isn't known."""
    if name == "credibility":
        return [None if e[_CREDIBILITY] < 0 else float(e[_CREDIBILITY] > CREDIBLE) for e in entries]
    wanted: Mapping[str, float] = getattr(target, name)
    seen: dict[str, float] = {}
    out: list[float | None] = []
    for value in [e[_COUNTRY] for e in entries] if name == "country" else [e[_LANG] for e in entries]:
        if not value:
            out.append(None)
            continue
        hit = seen.get(value)
        if hit is None:
            hit = seen[value] = float(in_target(name, value, wanted))
        out.append(hit)
    return out


def _estimate(columns: Sequence[Sequence[float | None]], rate: float) -> tuple[float, float, int]:
    """(estimate, its variance, actors surely in) by Horvitz-Thompson; three sources of variance: who was
    sampled, what is imputed, and the shares that it is imputed with."""
    shares = []
    for column in columns:
        told = [hit for hit in column if hit is not None]
        shares.append((sum(told) / len(told), len(told)))
    total = squares = imputed = 0.0
    slopes = [0.0] * len(columns)
    sure = 0
    for row in zip(*columns, strict=True):
        p = 1.0
        for hit, (share, _) in zip(row, shares, strict=True):
            p *= share if hit is None else hit
        if not p:
            continue
        total += p
        squares += p * p
        missing = [j for j, hit in enumerate(row) if hit is None]
        if not missing:
            sure += 1
            continue
        imputed += p * (1 - p)
        for j in missing:
            slopes[j] += p / shares[j][0]
    spread = sum(s * s * q * (1 - q) / n for s, (q, n) in zip(slopes, shares, strict=True))
    return total / rate, (squares * (1 - rate) + imputed + spread) / rate**2, sure


def overlap(a: Sample, b: Sample) -> Overlap:
    """Who engages with both, under the lower of the two thresholds."""
    threshold = min(a.threshold, b.threshold)
    rate = min(a.rate, b.rate)
    one = {entry[0] for entry in a.entries if entry[0] <= threshold}
    other = {entry[0] for entry in b.entries if entry[0] <= threshold}
    both, either = len(one & other), len(one | other)
    if not either:
        return Overlap(None, None, None, None, 0, rate)
    jaccard = both / either
    # Of the union a share `rate` was drawn: none of the error is left when all were.
    error = sqrt(jaccard * (1 - jaccard) / either * (1 - rate))
    return Overlap(jaccard, error, both / rate, sqrt(both * (1 - rate)) / rate, either, rate)
