"""The frozen reference that a partnership is held against.

    due(inp: SignalInput) -> bool                                   may and should a reference be frozen now?
    freeze(inp: SignalInput, *, ends: int | None = None) -> Reference | None
    encode_reference(ref: Reference) -> bytes      decode_reference(data: bytes) -> Reference

Called at day boundaries with `day_totals` filled (the last 35 day panes). The stretch is the 28 days before
the first contract if they are measured and still kept, else the first 28 measured days. A day is measured
when it lies after the influencer's first event, also if it was quiet. A reference frozen from the first 28
days is replaced once, when the first contract starts. `ends` (a person accepted a new normal) takes the 28
days before that instead. A moving baseline hides a slow leak: nothing else ever moves it, but for a new
method version, which starts it over (processors/refreezing).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from processors import scores
from processors.detection.sequential import share_dispersion
from processors.panes import ANSWERABLE, ANSWERED, DAY, N_LATENCY, WIDTH, Pane, sum_panes
from processors.signals.fit import ATTRIBUTES, MIN_KNOWN, TARGETED, audience_days, audience_fit, daily_shares
from processors.signals.inputs import Reference, SignalInput
from processors.signals.quality import deep_and_all, kind_mix, matured_rates, reference_genuineness
from processors.signals.stats import log_sd, median, overdispersion
from processors.signals.survival import answered_by, exposure_of, latency_quantile

DAYS: Final = 28
STRETCH: Final = DAYS * DAY
#: How long after a contract's start the days before it are still in the 35 day panes that are kept.
KEPT_AFTER: Final = 7 * DAY
#: Days with any event that a reference needs; fewer than two weeks of them is no picture of a usual month.
MIN_ACTIVE_DAYS: Final = 14
MIN_POSTS: Final = 3

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reference).decode


def _first_start(inp: SignalInput) -> int | None:
    """Start of the first contract, epoch s."""
    starts = [contract.starts_on for contract in inp.partnership.contracts]
    if not starts:
        return None
    return int(dt.datetime.combine(min(starts), dt.time(), dt.UTC).timestamp())


def _first_day(inp: SignalInput) -> int:
    """Start of the first measured day."""
    return inp.first_event_at // DAY * DAY


def stretch(inp: SignalInput) -> tuple[int, int] | None:
    """(starts, ends) of the reference that holds at `inp.at`, in epoch s; None while too little was
    measured."""
    first = _first_day(inp)
    contract = _first_start(inp)
    if contract is not None and contract <= inp.at < contract + KEPT_AFTER and first <= contract - STRETCH:
        return contract - STRETCH, contract
    if inp.at < first + STRETCH:
        return None
    kept = inp.day_totals[0][0] if inp.day_totals else first
    starts = max(first, min(kept, inp.at // DAY * DAY - STRETCH))
    return starts, starts + STRETCH


def due(inp: SignalInput) -> bool:
    """Whether `freeze` should be called: no reference yet and 28 days measured, or the first contract has
    just started and the reference still shows days before that stretch."""
    here = stretch(inp)
    if here is None:
        return False
    if inp.reference is None:
        return True
    contract = _first_start(inp)
    # An accepted new normal ends later than the contract's start and stays.
    return contract is not None and here[1] == contract and inp.reference.ends < contract


def freeze(inp: SignalInput, *, ends: int | None = None) -> Reference | None:
    """The reference over its stretch (or the 28 days before `ends`); None when too few days had any event."""
    if ends is not None:
        ends = ends // DAY * DAY
        span: tuple[int, int] | None = (ends - STRETCH, ends)
    else:
        span = stretch(inp)
    if span is None:
        return None
    days = [(start, pane) for start, pane in inp.day_totals if span[0] <= start and start + DAY <= span[1]]
    active = sum(1 for _, pane in days if any(pane))
    if active < MIN_ACTIVE_DAYS:
        return None
    total = sum_panes(pane for _, pane in days)
    curve, reply_n = answered_by(exposure_of(((start + DAY, pane) for start, pane in days), inp.at))
    answered_days = [
        (min(sum(pane[ANSWERED : ANSWERED + N_LATENCY]), pane[ANSWERABLE]), pane[ANSWERABLE])
        for start, pane in days
        if start + 3 * DAY <= inp.at  # all of its comments have had their 48 h
    ]
    deep, acts = deep_and_all(total)
    mix = kind_mix(total)
    rates = sorted(_rates(inp, span))
    fit = audience_fit(inp)
    fit_by = {
        name: (part.value, part.n)
        for name in ATTRIBUTES
        if (part := fit.parts.get(name)) is not None and part.value is not None
    }
    rows = audience_days(inp, *span)
    mix_by: dict[str, tuple[float, float, float]] = {}
    for name in TARGETED:
        shares = daily_shares(inp, name, rows)
        known = sum(n for _, n in shares)
        if known >= MIN_KNOWN:
            mix_by[name] = (sum(k for k, _ in shares) / known, float(known), share_dispersion(shares))
    return Reference(
        starts=span[0],
        ends=span[1],
        frozen_at=inp.at,
        days=active,
        total=total,
        reply_rate=curve[-1] if reply_n >= 1 else None,
        reply_n=reply_n,
        reply_curve=tuple(curve),
        reply_phi=overdispersion(answered_days),
        depth=deep / acts if acts else None,
        depth_phi=overdispersion([deep_and_all(pane) for _, pane in days]),
        quality_rate=median(rates) if len(rates) >= MIN_POSTS else None,
        quality_rate_log_sd=log_sd(rates),
        quality_posts=len(rates),
        kind_mix=mix,
        fit=fit.value,
        fit_n=fit.n,
        followers=inp.followers,
        fit_by=fit_by,
        mix_by=mix_by,
        busiest_day=max((row.acts for _, row in rows), default=0),
        reply_median_s=latency_quantile(curve, 0.5) if curve[-1] > 0 else 0.0,
        genuineness=reference_genuineness(total, mix),
        method=scores.METHOD_VERSION,
        quiet_s=_longest_quiet(answered_days) * DAY,
    )


def _rates(inp: SignalInput, span: tuple[int, int]) -> list[float]:
    """Quality rates at 24 h of the stretch's posts."""
    if not inp.followers:
        return []
    posts = [post for post in inp.posts if post.at < span[1]]
    return matured_rates(posts, inp.followers, span[0], inp.at)


def _longest_quiet(days: Sequence[tuple[int, int]]) -> int:
    """Most days in a row on which comments came and none of them was ever answered; days without comments
    neither break nor lengthen the row."""
    longest = run = 0
    for answered, comments in days:
        if answered:
            run = 0
        elif comments:
            run += 1
            longest = max(longest, run)
    return longest


def encode_reference(ref: Reference) -> bytes:
    """As msgpack, for state (some 500 bytes)."""
    return _encode(ref)


def decode_reference(data: bytes) -> Reference:
    """Back from state, panes padded to today's width. Raises msgspec.DecodeError or
    msgspec.ValidationError."""
    ref = _decode(data)
    total: Pane = ref.total
    if len(total) < WIDTH:
        total.extend([0] * (WIDTH - len(total)))
    return ref
