"""What neighbours in size say beside an influencer's own numbers: parts of a reading, of no test.

    beside(signals, taken) -> signals     with further parts, where the snapshot gave something to compare

`<part>_neighbours` is the median of the nearest 20 in size and topics, its part `rank` the share of them that
lie below, 0 to 100. Rates are at equal post age on both sides (24 h). `affinity` is the strongest topic's
share here over its share over all, with the topics as its parts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from processors.ledgers.across import Taken
from processors.scores import Score
from processors.signals.stats import median
from processors.snapshot import MIN_NEIGHBOURS

WINDOW: Final = "D28"


def beside(signals: dict[str, Score], taken: Taken) -> dict[str, Score]:
    """The same signals, some with more parts."""
    out = dict(signals)
    for signal, part, values in (
        ("interaction_quality", "quality_rate", taken.rates),
        ("connection", "reply_rate", taken.replies),
    ):
        own = signals[signal].parts.get(part)
        if own is not None and own.value is not None and len(values) >= MIN_NEIGHBOURS:
            _add(out, signal, f"{part}_neighbours", _place(own, values))
    if taken.affinity:
        topics = {topic: Score(value, window=WINDOW) for topic, value in taken.affinity.items()}
        first = next(iter(topics.values()))
        _add(out, "audience_fit", "affinity", replace(first, parts=topics))
    return out


def _add(signals: dict[str, Score], signal: str, name: str, part: Score) -> None:
    whole = signals[signal]
    signals[signal] = replace(whole, parts={**whole.parts, name: part})


def _place(own: Score, values: Sequence[float]) -> Score:
    assert own.value is not None
    below = (bisect_left(values, own.value) + bisect_right(values, own.value)) / 2
    n = float(len(values))
    rank = Score(100 * below / n, n, window=own.window)
    return Score(median(values), n, values[0], values[-1], window=own.window, parts={"rank": rank})
