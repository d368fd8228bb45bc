"""Harmless explanations: a posting pause, a surge of volume, and what people declared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from processors.detection.verdict import Considered
from processors.panes import COUNT, DAY, HOUR, OWN_POSTS, Pane
from processors.signals.inputs import SignalInput
from processors.signals.quality import sum_mix

#: What a declared explainer can account for, by its kind; kinds not named here account for all signals.
ACCOUNTS_FOR: Final = {
    "posting_pause": frozenset({"connection", "interaction_quality", "health"}),
    "holiday": frozenset({"connection", "interaction_quality", "health"}),
    "purge": frozenset({"interaction_quality", "audience_fit", "health"}),
}
#: A declared explainer still accounts for what windows show so long after its end.
GRACE_S: Final = 48 * HOUR


def acts(pane: Pane) -> int:
    """Acts of the audience that count for volume (no views)."""
    return sum_mix(pane, COUNT)


def growth(inp: SignalInput) -> float:
    """Followers now over followers at freezing, 1 when unknown: more followers make more volume."""
    ref = inp.reference
    if ref is None or not ref.followers or not inp.followers:
        return 1.0
    return inp.followers / ref.followers


def reference_days(inp: SignalInput) -> float:
    """Length of the reference in days (its stretch, quiet days included); at least 1."""
    ref = inp.reference
    return max(1.0, (ref.ends - ref.starts) / DAY) if ref is not None else 1.0


def volume_ratio(inp: SignalInput, pane: Pane, days: float) -> float:
    """Acts a day and follower in a window over those in the reference; 1 without a reference."""
    ref = inp.reference
    usual = acts(ref.total) / reference_days(inp) if ref is not None else 0.0
    return acts(pane) / days / (usual * growth(inp)) if usual > 0 else 1.0


def surge(inp: SignalInput, windows: Iterable[tuple[str, float]]) -> Considered:
    """Volume far beyond the reference brings strangers. `windows`: (name, ratio from which it is a surge)."""
    panes = {"D1": (inp.d1, 1.0), "D7": (inp.d7, 7.0), "D28": (inp.d28, 28.0)}
    seen = []
    for name, limit in windows:
        ratio = volume_ratio(inp, *panes[name])
        seen.append(f"{ratio:.1f} times the usual volume in {name}")
        if ratio > limit:
            return Considered("surge", True, seen[-1])
    return Considered("surge", False, ", ".join(seen))


#: Acts of D28 beyond the reference's busiest day, as a share of all, from which a surge still shapes the mix.
AFTERMATH: Final = 0.12


def aftermath(inp: SignalInput) -> Considered:
    """Whether D28 still holds a surge. Strangers come once and regulars often, so that among distinct people
    a surge weighs more than its acts: it shifts who is there long after the volume is back to the usual."""
    most = max((acts(pane) for _, pane in inp.reference_days), default=0) * max(1.0, growth(inp))
    whole = acts(inp.d28)
    if not most or not whole:
        return Considered("surge", False, "no surge in D28")
    since = inp.at - 28 * DAY
    beyond = sum(max(0.0, acts(pane) - most) for start, pane in inp.day_totals if start >= since)
    share = beyond / whole
    return Considered("surge", share > AFTERMATH, f"{share:.0%} of the acts of D28 came in days of a surge")


def pause(inp: SignalInput, away: str | None) -> Considered:
    """The posting pause with its numbers; `away` as of signals.connection.posting_pause."""
    if away is not None:
        return Considered("posting_pause", True, away)
    return Considered("posting_pause", False, f"{inp.d7[OWN_POSTS]} posts in the window")


def _epoch(time: dt.datetime) -> int:
    return int(time.timestamp())


def declared(inp: SignalInput, signal: str) -> tuple[Considered, ...]:
    """Explainers that people declared for the partnership and that touch the last 28 days."""
    result = []
    for explainer in inp.partnership.explainers:
        starts, ends = _epoch(explainer.starts_at), _epoch(explainer.ends_at)
        if starts > inp.at or ends < inp.at - 28 * DAY:
            continue
        wanted = ACCOUNTS_FOR.get(explainer.kind)
        note = explainer.note or explainer.kind
        if wanted is not None and signal not in wanted:
            result.append(Considered(explainer.kind, False, f"{note}: doesn't account for {signal}"))
        elif ends + GRACE_S >= inp.at:
            when = "declared for now" if ends >= inp.at else f"ended {(inp.at - ends) / HOUR:.0f} h ago"
            result.append(Considered(explainer.kind, True, f"{note}: {when}"))
        else:
            ago = (inp.at - ends) / DAY
            result.append(Considered(explainer.kind, False, f"{note}: ended {ago:.1f} days ago"))
    return tuple(result)
