"""Inputs for signals and detection, built by hand: every default is one plain, healthy micro-influencer."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from processors.panes import (
    ANSWERABLE,
    ANSWERED,
    COUNT,
    DAY,
    DIALOGUES,
    HOUR,
    KIND_INDEX,
    KNOWN,
    LOW,
    N_LATENCY,
    OWN_POSTS,
    OWN_REPLIES,
    Pane,
    new_pane,
)
from processors.reference import freeze
from processors.signals.inputs import ActorSample, Exposure, Gap, PostStat, SignalInput
from processors.signals.survival import exposure_of
from schemas import Partnership

#: Monday, 2 November 2026, 00:00 UTC.
NOW = int(dt.datetime(2026, 11, 2, tzinfo=dt.UTC).timestamp())
FOLLOWERS = 40_000
#: Answers of 40 % of the comments, by latency bin, as shares.
LATENCY_MIX = (0.4, 0.2, 0.15, 0.1, 0.05, 0.05, 0.05)


def partnership(**fields: Any) -> Partnership:
    data: dict[str, Any] = {
        "partnership_id": "acme--ann",
        "brand_id": "acme",
        "influencer_id": "x:ann",
        "target_audience": {"country": {"GB": 0.7, "IE": 0.3}, "lang": {"en": 1.0}},
    }
    return Partnership.model_validate(data | fields)


def pane(*, days: float = 1, low: float = 0.1, known: float = 0.8, reply: float = 0.4, **counts: int) -> Pane:
    """A pane of `days` usual days: 900 likes, 60 comments, 20 shares, 20 saves; counts by kind override."""
    usual = {"like": 900, "comment": 60, "share": 20, "save": 20, "follow": 30}
    p = new_pane()
    for kind, count in (usual | counts).items():
        n = round(count * days) if kind not in counts else count
        k = KIND_INDEX[kind]
        p[COUNT + k], p[KNOWN + k] = n, round(n * known)
        p[LOW + k] = round(n * known * low)
    p[ANSWERABLE] = p[COUNT + KIND_INDEX["comment"]]
    for i, share in enumerate(LATENCY_MIX):
        p[ANSWERED + i] = round(p[ANSWERABLE] * reply * share)
    p[DIALOGUES] = round(p[ANSWERABLE] * reply * 0.3)
    p[OWN_POSTS] = round(days)
    p[OWN_REPLIES] = sum(p[ANSWERED : ANSWERED + N_LATENCY])
    return p


def posts(at: int = NOW, *, count: int = 28, every: int = DAY, weight: int = 120_000) -> list[PostStat]:
    """`count` posts, the newest an hour ago, each of `weight` (hundredths) at 24 h, give or take 10 %."""
    made = []
    for i in range(count):
        noise = (90, 100, 110)[i % 3]
        w = weight * noise // 100
        made.append(PostStat(i + 1, at - HOUR - (count - 1 - i) * every, False, [w // 2, w * 3 // 4, w, w]))
    return made


def exposure(days: int = 7, **fields: Any) -> Exposure:
    """Of `days` usual days, all but the last two old enough for every answer."""
    return exposure_of([(NOW - i * DAY, pane(**fields)) for i in range(days)], NOW)


def sample(*, gb: float = 0.8, en: float = 0.9, n: int = 400) -> ActorSample:
    return ActorSample(
        n,
        1.0,
        {"GB": gb * n * 0.9, "US": (1 - gb) * n * 0.9},
        {"en": en * n * 0.9, "fr": (1 - en) * n * 0.9},
        n,
        n,
    )


def signal_input(**fields: Any) -> SignalInput:
    """A healthy partnership at NOW, 28 days measured, no reference yet."""
    data: dict[str, Any] = {
        "at": NOW,
        "partnership": partnership(),
        "followers": FOLLOWERS,
        "first_event_at": NOW - 28 * DAY,
        "h1": new_pane(),
        "d1": pane(),
        "d7": pane(days=7),
        "d28": pane(days=28),
        "posts": posts(),
        "exposure_d7": exposure(),
        "exposure_d28": exposure(28),
        "gap": Gap(NOW - HOUR, (2, 1, 0, 0, 0, 0, 0), 0),
        "actors_d28": sample(),
        "reference": None,
        "last_post_at": NOW - HOUR,
        "day_totals": [(NOW - (28 - i) * DAY, pane()) for i in range(28)],
        "lifetime": (28, 1680, 500, *([9_000] * 9)),
    }
    return SignalInput(**(data | fields))


def with_reference(**fields: Any) -> SignalInput:
    """The same four weeks later, against the reference frozen at NOW; `fields` describe the later time."""
    ref = freeze(signal_input())
    assert ref is not None
    return signal_input(reference=ref, **fields)


def moved(inp: SignalInput, **fields: Any) -> SignalInput:
    return replace(inp, **fields)
