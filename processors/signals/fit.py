"""Audience fit: `audience_fit(inp: SignalInput) -> Score`, 0-100.

    Fit_j = sum s m_j / sum s over distinct engaged actors of D28 whose attribute j is known
    fit   = 100 * mean of Fit_j over the attributes with at least MIN_KNOWN known actors

Country and language come from the sample of distinct actors; topics, age band and segment from the daily
mixes of genuine acts (ledger `audience`), where one act stands for ACTS_PER_ACTOR-th of an actor. Beside
them, per attribute: `shape_<attribute>`, the overlap sum min(p, q) of the engaged audience's mix with the
target's, which says which one drifted, and `divergence_<attribute>`, the Jensen-Shannon divergence of the two
(Lin 1991, IEEE Trans. Inf. Theory 37, 145; base 2: 0 for the same mix, 1 for nothing in common).

`new_actors`: of those who engaged with the newest posts, who was never seen before (ledger `coaction`). Fit
beyond TOO_WELL with few of them is too much of it: an insight, no alert (`too_much_fit`).

s = the actor's credibility, m_j = the attribute's value is named in the partnership's target. Attributes
weigh the same (v_j = 1). n per attribute = sum s: a lower bound of Kish's effective n, as s <= 1. The part
`coverage` is the share of sampled actors for whom an attribute is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2, sqrt
from typing import Final

from processors.ledgers.audience import ATTRIBUTES as COLUMNS
from processors.ledgers.audience import UNIT, Audience, Row
from processors.ledgers.coaction import Coaction
from processors.panes import DAY
from processors.scores import Score
from processors.signals.inputs import SignalInput
from processors.signals.stats import wilson

NAME: Final = "audience_fit"
WINDOW: Final = "D28"
MIN_KNOWN: Final = 30
#: Known for distinct actors; the others are known by acts.
ATTRIBUTES: Final = ("country", "lang")
BY_ACTS: Final = ("topics", "age_band", "segment")
TARGETED: Final = (*ATTRIBUTES, *BY_ACTS)
#: Acts that rest on one actor's attributes, about: likers act on several posts a month.
ACTS_PER_ACTOR: Final = 3.0
STRETCH: Final = 28 * DAY
#: Fit beyond this, with fewer new people than that, preaches to the converted: fit pays in an inverted U
#: (Leung and others 2022, J. Mark. 86, 93).
TOO_WELL, FEW_NEW = 85.0, 0.20


def in_target(attribute: str, value: str, target: Mapping[str, float]) -> bool:
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
        if in_target(attribute, value, target):
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
    for attribute in TARGETED:
        wanted: Mapping[str, float] = getattr(target, attribute)
        if not wanted:
            continue
        base = ref.fit_by.get(attribute) if ref is not None else None
        if attribute in ATTRIBUTES:
            seen: Mapping[str, float] = getattr(actors, attribute)
            known: int = getattr(actors, f"{attribute}_known")
            known_most = max(known_most, known)
        else:
            seen = {v: n / ACTS_PER_ACTOR for v, n in audience_mix(inp, attribute).items()}
            known = int(sum(seen.values()))
        part = _attribute(attribute, seen, known, wanted, base[0] if base else None)
        parts[attribute] = part
        if part.value is not None:
            measured.append(part)
            shape, divergence = _against(seen, wanted)
            parts[f"shape_{attribute}"] = Score(shape, part.n, *wilson(shape, part.n), None, WINDOW)
            # No interval: its bias in small samples, (values - 1)/(2 n ln 2) bits at most, is as large.
            parts[f"divergence_{attribute}"] = Score(divergence, part.n, None, None, None, WINDOW)
    if not parts:
        return Score(
            None,
            0.0,
            None,
            None,
            None,
            WINDOW,
            False,
            "the partnership names no target audience",
        )
    if actors.actors:
        share = min(1.0, known_most / actors.actors)
        parts["coverage"] = Score(share, actors.actors, *wilson(share, actors.actors), None, WINDOW)
    if (new := new_actors(inp)) is not None:
        parts["new_actors"] = new
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


def _against(seen: Mapping[str, float], wanted: Mapping[str, float]) -> tuple[float, float]:
    """(overlap, Jensen-Shannon divergence) of the mix seen with the one aimed at, both taken to add up to 1;
    (0, 1) where one of them holds nothing."""
    total, aimed = sum(seen.values()), sum(wanted.values())
    if total <= 0 or aimed <= 0:
        return 0.0, 1.0
    folded: dict[str, float] = {}
    for value, weight in seen.items():
        name = next((v for v in wanted if v == value or in_target("lang", value, {v: 1.0})), value)
        folded[name] = folded.get(name, 0.0) + weight / total
    overlap = divergence = 0.0
    for value in {**folded, **wanted}:
        p, q = folded.get(value, 0.0), wanted.get(value, 0.0) / aimed
        overlap += min(p, q)
        divergence += sum(x * log2(2 * x / (p + q)) / 2 for x in (p, q) if x > 0)
    return min(1.0, overlap), min(1.0, max(0.0, divergence))


def new_actors(inp: SignalInput) -> Score | None:
    """Of those who engaged with posts of the last 28 days (of the newest ten, a sample), the share that was
    never seen before; None before newcomers can be told, and for fewer than MIN_KNOWN people."""
    ledger = inp.ledgers.get("coaction")
    if not isinstance(ledger, Coaction) or not ledger.warm:
        return None
    since = max(inp.at - STRETCH, ledger.warm_from)
    posts = [post for post in ledger.seen(inp.at) if post.at >= since]
    people = len(set().union(*(post.acts for post in posts)))
    if people < MIN_KNOWN:
        return None
    share = len(set().union(*(post.new for post in posts))) / people
    return Score(share, people, *wilson(share, people), None, WINDOW)


def too_much_fit(fit: float | None, new: float | None) -> bool:
    """Whether the audience fits so well, with so few new people, that little is left to win among it."""
    return fit is not None and new is not None and fit > TOO_WELL and new < FEW_NEW


def audience_days(inp: SignalInput, start: int, end: int) -> list[tuple[int, Row]]:
    """(day start, row) of the audience ledger, whole days in [start, end)."""
    ledger = inp.ledgers.get("audience")
    return ledger.days(start, min(end, inp.at)) if isinstance(ledger, Audience) else []


def audience_mix(inp: SignalInput, attribute: str) -> dict[str, float]:
    """Genuine acts of the last 28 days by value of an attribute."""
    ledger = inp.ledgers.get("audience")
    return ledger.mix(inp.at - STRETCH, inp.at, attribute) if isinstance(ledger, Audience) else {}


def daily_shares(inp: SignalInput, attribute: str, rows: Sequence[tuple[int, Row]]) -> list[tuple[int, int]]:
    """Per day (acts in the target, acts known) of one attribute; empty where nothing is aimed at."""
    wanted: Mapping[str, float] = getattr(inp.partnership.target_audience, attribute)
    if not wanted:
        return []
    column = COLUMNS.index(attribute)
    out = []
    for _, row in rows:
        by = row.by[column]
        known = sum(by.values())
        hit = sum(n for value, n in by.items() if in_target(attribute, value, wanted))
        out.append((round(hit / UNIT), round(known / UNIT)))
    return out
