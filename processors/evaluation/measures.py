"""The numbers: from tallies to the document of `--json`.

    summary(tallies, samples=0) -> dict       what one method reached; with `samples` also 95 % intervals

Rates are over influencer-months of 30 days of event time. A number that nothing speaks of is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from statistics import fmean, median, stdev
from typing import Any, Final

from processors.evaluation.tally import CLEAN, INCIDENTS, NEGATIVES, Outcome, Tally

SAMPLES: Final = 400
_Number = float | None


def ratio(part: float, whole: float) -> _Number:
    """part / whole; None for nothing of nothing."""
    return part / whole if whole else None


def quantile(values: Sequence[float], q: float) -> _Number:
    """Linear between order statistics (type 7)."""
    if not values:
        return None
    ranked = sorted(values)
    place = q * (len(ranked) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


def headline(tallies: Sequence[Tally]) -> dict[str, Any]:
    """What intervals are given for."""
    outcomes = [outcome for one in tallies for outcome in one.outcomes]
    true, false = sum(one.true for one in tallies), sum(one.false for one in tallies)
    wrong = sum(one.wrong for one in tallies)
    recall, precision = ratio(sum(o.found for o in outcomes), len(outcomes)), ratio(true, true + false)
    delays = [o.delay_h for o in outcomes if o.delay_h is not None]
    negatives = [hit for one in tallies for _, hit in one.negatives]
    return {
        "recall": recall,
        "precision": precision,
        "f1": None if recall is None or precision is None else _f1(precision, recall),
        "false_alerts_per_influencer_month": ratio(false, sum(one.months for one in tallies)),
        "delay_h": {"median": quantile(delays, 0.5), "p90": quantile(delays, 0.9)},
        "wrong_signal": ratio(wrong, true + wrong),
        "negatives_alerted": ratio(sum(negatives), len(negatives)),
    }


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def summary(tallies: Sequence[Tally], samples: int = 0) -> dict[str, Any]:
    """All measures of one method; `ci95` with `samples` resamples of influencers (percentile bootstrap)."""
    outcomes = [outcome for one in tallies for outcome in one.outcomes]
    found = headline(tallies)
    true, false = sum(one.true for one in tallies), sum(one.false for one in tallies)
    repeats = sum(one.repeats for one in tallies)
    found |= {
        "precision_repeats_false": ratio(true, true + false + repeats),
        "counts": {
            "influencers": len(tallies), "influencer_months": sum(one.months for one in tallies),
            "incidents": len(outcomes), "negatives": sum(len(one.negatives) for one in tallies),
            "true": true, "false": false, "repeats": repeats, "wrong_signal": sum(t.wrong for t in tallies),
            "repeats_after_end": sum(t.after_end for t in tallies),
        },
        "false_alerts": {
            group: _false_rate([one for one in tallies if one.group == group])
            for group in (CLEAN, NEGATIVES, INCIDENTS)
        },
        "false_by_signal": _sum_up(one.false_by_signal for one in tallies),
        "delay_events": {
            "median": quantile([o.delay_events for o in outcomes if o.delay_events is not None], 0.5),
            "p90": quantile([o.delay_events for o in outcomes if o.delay_events is not None], 0.9),
        },
        "delay_share": quantile([o.delay_share for o in outcomes if o.delay_share is not None], 0.5),
        "actors": _actors(tallies),
        "by_type": {name: _of(rows) for name, rows in _grouped(outcomes, lambda o: o.type).items()},
        "by_tier": _by_tier(tallies),
        "by_negative": _by_negative(tallies),
    }  # fmt: skip
    found["ci95"] = bootstrap(tallies, samples) if samples else {}
    return found


def _false_rate(tallies: Sequence[Tally]) -> _Number:
    return ratio(sum(one.false for one in tallies), sum(one.months for one in tallies))


def _of(rows: Sequence[Outcome]) -> dict[str, Any]:
    delays = [row.delay_h for row in rows if row.delay_h is not None]
    shares = [row.delay_share for row in rows if row.delay_share is not None]
    return {
        "n": len(rows), "recall": ratio(sum(row.found for row in rows), len(rows)),
        "delay_h": quantile(delays, 0.5), "delay_share": quantile(shares, 0.5),
    }  # fmt: skip


def _grouped(rows: Iterable[Outcome], key: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return dict(sorted(groups.items()))


def _by_tier(tallies: Sequence[Tally]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for tier in sorted({one.tier for one in tallies}):
        own = [one for one in tallies if one.tier == tier]
        out[tier] = _of([outcome for one in own for outcome in one.outcomes])
        out[tier] |= {"influencers": len(own), "false_alerts_per_influencer_month": _false_rate(own)}
    return out


def _by_negative(tallies: Sequence[Tally]) -> dict[str, Any]:
    kinds: dict[str, list[bool]] = {}
    for one in tallies:
        for kind, hit in one.negatives:
            kinds.setdefault(kind, []).append(hit)
    return {kind: {"n": len(hits), "alerted": sum(hits) / len(hits)} for kind, hits in sorted(kinds.items())}


def _sum_up(tables: Iterable[Mapping[str, int]]) -> dict[str, int]:
    out: dict[str, int] = {}
    for table in tables:
        for name, count in table.items():
            out[name] = out.get(name, 0) + count
    return dict(sorted(out.items()))


def _actors(tallies: Sequence[Tally]) -> dict[str, _Number]:
    named, right = sum(one.named for one in tallies), sum(one.named_right for one in tallies)
    return {"precision": ratio(right, named), "recall": ratio(right, sum(one.actors for one in tallies))}


def bootstrap(tallies: Sequence[Tally], samples: int = SAMPLES, seed: int = 0) -> dict[str, Any]:
    """95 % percentile intervals of the headline, resampling influencers with what happened to them.

    (Efron 1979; by influencer, as one influencer's incidents and alerts are not independent.)"""
    rng = Random(seed)  # noqa: S311  (resampling, not secrets)
    drawn: dict[str, list[float]] = {}
    for _ in range(samples):
        for name, value in _flat(headline(rng.choices(tallies, k=len(tallies)))) if tallies else ():
            drawn.setdefault(name, []).append(value)
    out: dict[str, Any] = {}
    for name, values in drawn.items():
        bounds = [quantile(values, 0.025), quantile(values, 0.975)]
        head, _, tail = name.partition(".")
        if tail:
            out.setdefault(head, {})[tail] = bounds
        else:
            out[head] = bounds
    return out


def _flat(values: Mapping[str, Any]) -> Iterable[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", number) for inner, number in value.items() if number is not None)
        elif value is not None:
            yield name, value


def spearman(pairs: Sequence[tuple[float, float]]) -> _Number:
    """Rank correlation with mean ranks for ties; None for fewer than three pairs or no spread."""
    if len(pairs) < 3:
        return None
    left, right = _ranks([x for x, _ in pairs]), _ranks([y for _, y in pairs])
    mean = (len(pairs) + 1) / 2
    over = sum((x - mean) * (y - mean) for x, y in zip(left, right, strict=True))
    under = math.sqrt(sum((x - mean) ** 2 for x in left) * sum((y - mean) ** 2 for y in right))
    return over / under if under else None


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    out = [0.0] * len(values)
    start = 0
    while start < len(order):
        stop = start
        while stop < len(order) and values[order[stop]] == values[order[start]]:
            stop += 1
        for place in range(start, stop):
            out[order[place]] = (start + stop + 1) / 2
        start = stop
    return out


def weekly_sd(series: Iterable[Sequence[float]]) -> dict[str, _Number]:
    """Standard deviation of scores from week to week, over influencers with four weeks or more."""
    spread = [stdev(values) for values in series if len(values) >= 4]
    return {"mean": fmean(spread) if spread else None, "median": median(spread) if spread else None}
