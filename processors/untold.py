"""What an influencer's source cannot tell, said where a reading has no value for it.

    explained(signal, score, untold) -> Score      the score, with the reason where it has no value

A value that is there stays: what came in counts for more than what the source is said to tell. Only what
rests on recognising people is withheld where the source names no authors (`Untold.authors`, which
`signals.connection` reads): every comment would seem to be somebody new.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from processors.scores import Score


class Untold(msgspec.Struct, frozen=True):
    """What one source does not tell. `parts`: signal, or signal.part -> why, for people. `authors`: why
    nobody knows who wrote a comment; None: the source says who."""

    parts: Mapping[str, str] = {}
    authors: str | None = None


NOTHING: Final = Untold()
_SAY: Final = "not measurable here: "


def withheld(why: str, score: Score) -> Score:
    """The score without its value, as it would rest on what the source does not tell."""
    return Score.unmeasurable(_SAY + why, window=score.window)


def explained(signal: str, score: Score, untold: Untold) -> Score:
    """Reasons of the source in place of "too few came", for the signal and its parts."""
    whys = untold.parts
    if not whys:
        return score
    parts = score.parts
    changed = {
        name: _said(part, why)
        for name, part in parts.items()
        if part.value is None and (why := whys.get(f"{signal}.{name}")) is not None
    }
    if changed:
        score = msgspec.structs.replace(score, parts={**parts, **changed})
    why = whys.get(signal)
    return _said(score, why) if why is not None and score.value is None else score


def _said(score: Score, why: str) -> Score:
    return msgspec.structs.replace(score, measurable=False, why=_SAY + why)
