"""Audience fit by country and language: `audience_fit(inp: SignalInput) -> Score`, 0-100.

    Fit_j = sum s m_j / sum s over distinct engaged actors of D28 whose attribute j is known
    fit   = 100 * mean of Fit_j over the attributes with at least MIN_KNOWN known actors

s = the actor's credibility, m_j = the attribute's value is named in the partnership's target. Attributes
weigh the same (v_j = 1). n per attribute = sum s: a lower bound of Kish's effective n, as s <= 1. The part
`coverage` is the share of sampled actors for whom an attribute is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Final

from processors.scores import Score
from processors.signals.inputs import SignalInput
from processors.signals.stats import wilson

NAME: Final = "audience_fit"
WINDOW: Final = "D28"
MIN_KNOWN: Final = 30
ATTRIBUTES: Final = ("country", "lang")


def _in_target(attribute: str, value: str, target: Mapping[str, float]) -> bool:
    """Whether the value is aimed at; "en-GB" counts as "en" if only that is named."""
    if target.get(value, 0) > 0:
        return True
    if attribute == "country":
        return target.get(value.upper(), 0) > 0
    short = value.replace("_", "-").split("-", 1)[0].lower()
    return target.get(short, 0) > 0


def _attribute(
    attribute: str, seen: Mapping[str, float], known: int, target: Mapping[str, float], baseline: float | None
) -> Score:
    total = 0.0
    hit = 0.0
    for value, weight in seen.items():
        total += weight
        if _in_target(attribute, value, target):
            hit += weight
    if known < MIN_KNOWN or total <= 0:
        return Score(
            None,
            total,
            None,
            None,
            baseline,
            WINDOW,
            False,
            f"the {attribute} of {known} engaged actors is known; {MIN_KNOWN} would be needed",
        )
    share = min(1.0, hit / total)
    lo, hi = wilson(share, total)
    return Score(share, total, lo, hi, baseline, WINDOW)


def audience_fit(inp: SignalInput) -> Score:
    """The signal with its parts country, lang (shares in the target) and coverage."""
    target = inp.partnership.target_audience
    actors = inp.actors_d28
    ref = inp.reference
    parts: dict[str, Score] = {}
    measured: list[Score] = []
    known_most = 0
    for attribute, wanted, seen, known in (
        ("country", target.country, actors.country, actors.country_known),
        ("lang", target.lang, actors.lang, actors.lang_known),
    ):
        if not wanted:
            continue
        base = ref.fit_by.get(attribute) if ref is not None else None
        part = _attribute(attribute, seen, known, wanted, base[0] if base else None)
        parts[attribute] = part
        known_most = max(known_most, known)
        if part.value is not None:
            measured.append(part)
    if not parts:
        return Score(
            None,
            0.0,
            None,
            None,
            None,
            WINDOW,
            False,
            "no country or language to reach is named",
        )
    if actors.actors:
        share = min(1.0, known_most / actors.actors)
        parts["coverage"] = Score(share, actors.actors, *wilson(share, actors.actors), None, WINDOW)
    if not measured:
        why = "; ".join(part.why for part in parts.values() if part.why)
        return Score(None, 0.0, None, None, None, WINDOW, False, why, parts)
    count = len(measured)
    value = down = up = before = 0.0
    complete = True
    n = measured[0].n
    for part in measured:
        if part.value is None or part.lo is None or part.hi is None:  # can't be: measured ones have all three
            continue
        value += part.value
        # Mean of independent shares: half-widths add in quadrature (MOVER).
        down += (part.value - part.lo) ** 2
        up += (part.hi - part.value) ** 2
        n = min(n, part.n)
        if part.baseline is None:
            complete = False
        else:
            before += part.baseline
    lo, hi = max(0.0, value - sqrt(down)), min(float(count), value + sqrt(up))
    scale = 100 / count
    baseline = before * scale if complete else None
    return Score(value * scale, n, lo * scale, hi * scale, baseline, WINDOW, True, None, parts)
