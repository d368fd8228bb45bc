"""A brand's partners side by side, and two partnerships in full.

    portfolio(brand, partnerships, readings, held) -> dict    few and long, macro and micro
    compare(one, other, snapshot) -> dict                     two sides: signals, people, topics

Plain values for printing, made of the newest readings and of what an influencer's hash holds. Macro and micro
are compared by the effective audience (processors/engaged), which counts people and not followers. Sums over
partners count whoever engages with two of them twice; `counted_twice` says how much that is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from processors.engaged import Effective, Sample, effective, overlap, stored_sample
from processors.influencer import decode_meta
from processors.ledgers.audience import Audience
from processors.panes import DAY
from processors.signals.all_in import band
from processors.signals.stats import median, wilson
from processors.snapshot import Snapshot, affinity, alike, percentile
from processors.tiers import BOUNDS, UNKNOWN, tier
from schemas import Partnership, Reading, SignalReading

#: A partnership is long from so many days on.
LONG_D: Final = 180
#: From so many contacts near a contract it is a quick win; from such a share it hangs on one person.
QUICK: Final = 0.8
BUS: Final = 0.6
#: Largest first.
TIERS: Final = ("mega", *(name for _, name in reversed(BOUNDS)), UNKNOWN)
TOPICS: Final = 8
_STRETCH: Final = 28 * DAY
#: Percentiles among neighbours in size: of what.
PLACES: Final = ("effective", "fit", "quality_rate", "reply_rate")
ASSUMES: Final = (
    "What is not known of an actor is taken to be missing at random: it counts with the share found among "
    "those for whom it is known."
)


class Held(msgspec.Struct, frozen=True):
    """Of an influencer's hash, what is needed here. Times: epoch s."""

    followers: int | None
    first_at: float
    at: int
    sample: Sample
    topics: dict[str, float]  # acts of 28 days


class Side(msgspec.Struct, frozen=True):
    """One partnership in a comparison."""

    partnership: Partnership
    reading: Reading
    held: Held


def held_of(fields: Mapping[str, bytes]) -> Held | None:
    """From the fields `meta`, `a:*` and `l:audience:*`; None without `meta`. Raises msgspec.MsgspecError."""
    if "meta" not in fields:
        return None
    meta = decode_meta(fields["meta"])
    at = max(int(meta.max_at), meta.evaluated)
    ledger, prefix = Audience(), f"l:{Audience.name}:"
    for name, value in fields.items():
        if name.startswith(prefix):
            ledger.load(name.removeprefix(prefix), value)
    sample = stored_sample(fields, meta.sample_threshold, at // DAY)
    topics = ledger.mix(at - _STRETCH, at, "topics")
    return Held(meta.followers, meta.first_at, at, sample, topics)


# -- portfolio ----------------------------------------------------------------------------------------------


def portfolio(
    brand: str,
    partnerships: Iterable[Partnership],
    readings: Mapping[str, Reading],
    held: Mapping[str, Held],
) -> dict[str, Any]:
    """All partners of a brand. `readings` by partnership, `held` by influencer; either may be missing."""
    partners = [
        _partner(item, readings.get(item.partnership_id), held.get(item.influencer_id))
        for item in partnerships
    ]
    order = {name: number for number, name in enumerate(TIERS)}
    partners.sort(key=lambda p: (order[p["tier"]], -(p["effective"]["value"] or 0), p["partnership_id"]))
    samples = {
        p["influencer_id"]: held[p["influencer_id"]].sample for p in partners if p["influencer_id"] in held
    }
    return {
        "brand": brand,
        "partners": partners,
        "by_tier": [row for name in TIERS if (row := _sums(name, partners))["partners"]],
        "all": _sums("all", partners) | {"counted_twice": _twice(list(samples.values()))},
        "assumes": ASSUMES,
    }


def _partner(item: Partnership, reading: Reading | None, held: Held | None) -> dict[str, Any]:
    followers = held.followers if held is not None else None
    counted = effective(held.sample, item.target_audience) if held is not None else None
    tenure = _tenure(item, held)
    share = _part(reading, "all_in", "saturation")
    high = band(followers)[1]
    return {
        "partnership_id": item.partnership_id,
        "influencer_id": item.influencer_id,
        "tier": tier(followers),
        "followers": followers,
        "tenure_days": tenure,
        "long": None if tenure is None else tenure > LONG_D,
        "health": _signal(reading.health if reading is not None else None),
        "effective": _effective(counted, followers),
        "quick_win": _part(reading, "relationship", "quick_win"),
        "bus_factor": _part(reading, "relationship", "bus_factor"),
        "saturation": share,
        "over_saturated": None if share is None else share > high,
    }


def _tenure(item: Partnership, held: Held | None) -> int | None:
    """Days since the relationship began: as declared, by the first contract, or since the first event."""
    if held is None:
        return None
    first = item.since or min((c.starts_on for c in item.contracts), default=None)
    if first is None:
        return max(0, int(held.at - held.first_at) // DAY)
    return max(0, held.at // DAY - (first - dt.date(1970, 1, 1)).days)


def _signal(signal: SignalReading | None) -> dict[str, Any]:
    if signal is None:
        return {"value": None, "lo": None, "hi": None, "baseline": None, "n": 0.0, "why": "no reading yet"}
    value = signal.value if signal.measurable else None
    return {
        "value": value, "lo": signal.lo, "hi": signal.hi, "baseline": signal.baseline, "n": signal.n,
        "why": signal.why,
    }  # fmt: skip


def _part(reading: Reading | None, signal: str, part: str) -> float | None:
    whole = reading.signals.get(signal) if reading is not None else None
    found = whole.parts.get(part) if whole is not None else None
    return found.value if found is not None and found.measurable else None


def _effective(counted: Effective | None, followers: int | None) -> dict[str, Any]:
    if counted is None:
        return {"value": None, "lo": None, "hi": None, "per_1000": None, "why": "nothing read yet"}
    found: dict[str, Any] = msgspec.to_builtins(counted)
    value = counted.value
    found["per_1000"] = (
        {end: 1_000 * found[end] / followers for end in ("value", "lo", "hi")}
        if value is not None and followers else None
    )  # fmt: skip
    return found


def _sums(name: str, partners: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums over one tier, or over all."""
    those = [p for p in partners if name in ("all", p["tier"])]
    told = [p for p in those if p["effective"]["value"] is not None]
    value = sum(p["effective"]["value"] for p in told)
    # Independent samples of different audiences: half-widths add in quadrature.
    down = sum((p["effective"]["value"] - p["effective"]["lo"]) ** 2 for p in told) ** 0.5
    up = sum((p["effective"]["hi"] - p["effective"]["value"]) ** 2 for p in told) ** 0.5
    followers = sum(p["followers"] for p in told if p["followers"])
    lasting = [p["long"] for p in those if p["long"] is not None]
    share = sum(lasting) / len(lasting) if lasting else None
    health = sorted(p["health"]["value"] for p in those if p["health"]["value"] is not None)
    quick = [p["quick_win"] for p in those if p["quick_win"] is not None]
    bus = [p["bus_factor"] for p in those if p["bus_factor"] is not None]
    over = [p["over_saturated"] for p in those if p["over_saturated"] is not None]
    return {
        "tier": name,
        "partners": len(those),
        "followers": sum(p["followers"] for p in those if p["followers"]),
        "effective": {"value": value, "lo": value - down, "hi": value + up, "of": len(told)}
        if told
        else None,
        "per_1000": 1_000 * value / followers if told and followers else None,
        "long_share": share,
        "long_interval": list(wilson(share, len(lasting))) if share is not None else None,
        "health": median(health) if health else None,
        "quick_wins": sum(q >= QUICK for q in quick),
        "quick_wins_of": len(quick),
        "on_one_person": sum(b > BUS for b in bus),
        "on_one_person_of": len(bus),
        "over_saturated": sum(over),
        "over_saturated_of": len(over),
    }


def _twice(samples: Sequence[Sample]) -> float | None:
    """Of the engaged people summed over influencers, the share that was counted before: by the union of the
    samples under the lowest threshold."""
    held = [sample for sample in samples if sample.entries]
    if len(held) < 2:
        return None
    cut = min(sample.threshold for sample in held)
    people: set[int] = set()
    total = 0
    for sample in held:
        those = {entry[0] for entry in sample.entries if entry[0] <= cut}
        total += len(those)
        people |= those
    return 1 - len(people) / total if total else None


# -- compare ------------------------------------------------------------------------------------------------


def compare(one: Side, other: Side, snapshot: Snapshot | None) -> dict[str, Any]:
    """Two partnerships side by side. Without a snapshot there are no percentiles and no affinity."""
    both = overlap(one.held.sample, other.held.sample)
    found: dict[str, Any] = msgspec.to_builtins(both)
    names = list(dict.fromkeys((*one.reading.signals, *other.reading.signals)))
    signals = [_row("health", one.reading.health, other.reading.health)]
    signals += [_row(n, one.reading.signals.get(n), other.reading.signals.get(n)) for n in names]
    return {
        "a": _side(one, snapshot),
        "b": _side(other, snapshot),
        "signals": signals,
        "overlap": found,
        "topics": _topics(one.held.topics, other.held.topics, snapshot),
        "snapshot_id": snapshot.id if snapshot is not None else None,
        "assumes": ASSUMES,
    }


def _side(side: Side, snapshot: Snapshot | None) -> dict[str, Any]:
    held, item = side.held, side.partnership
    places: dict[str, Any] = {}
    for name in PLACES:
        place = percentile(snapshot, item.influencer_id, name) if snapshot is not None else None
        places[name] = None if place is None else {"percentile": place.percentile, "n": place.n}
    return {
        "partnership_id": item.partnership_id,
        "influencer_id": item.influencer_id,
        "at": side.reading.at,
        "tier": tier(held.followers),
        "followers": held.followers,
        "tenure_days": _tenure(item, held),
        "effective": _effective(effective(held.sample, item.target_audience), held.followers),
        "places": places,
    }


def _row(name: str, one: SignalReading | None, other: SignalReading | None) -> dict[str, Any]:
    a, b = _signal(one), _signal(other)
    differs = None
    if None not in (a["value"], b["value"], a["lo"], a["hi"], b["lo"], b["hi"]):
        differs = bool(a["lo"] > b["hi"] or b["lo"] > a["hi"])
    return {"signal": name, "a": a, "b": b, "differs": differs}


def _topics(
    one: Mapping[str, float], other: Mapping[str, float], snapshot: Snapshot | None
) -> dict[str, Any]:
    all_one, all_other = sum(one.values()), sum(other.values())
    share = {t: (one.get(t, 0) / (all_one or 1), other.get(t, 0) / (all_other or 1)) for t in {*one, *other}}
    mine, theirs = affinity(snapshot, one), affinity(snapshot, other)
    names = sorted(share, key=lambda t: (-max(share[t]), t))[:TOPICS]
    return {
        "overlap": alike(one, other) if all_one and all_other else None,
        "rows": [
            {
                "topic": t, "share_a": share[t][0], "share_b": share[t][1], "affinity_a": mine.get(t),
                "affinity_b": theirs.get(t),
            }
            for t in names
        ],
    }  # fmt: skip
