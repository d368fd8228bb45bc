"""Who is to be shown anew: influencers that changed since their provisional reading was made.

Those with a partnership are looked at by people, and come first; the others are refreshed more seldom, so
that what nobody looks at takes no time from what is.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Final

from processors.influencer import Influencer

#: Influencers without a partnership are refreshed so many times more seldom.
SELDOM: Final = 10


class Showing:
    """Changed influencers of one partition, oldest first. Times are wall time, s."""

    __slots__ = ("_others", "_others_at", "_watched")

    def __init__(self) -> None:
        self._watched: dict[str, None] = {}
        self._others: dict[str, None] = {}
        self._others_at = 0.0  # when the others were looked through last: there may be very many

    def __bool__(self) -> bool:
        return bool(self._watched or self._others)

    def note(self, changed: Iterable[str], watched: Container[str]) -> None:
        """These influencers have changed; `watched`: who has a partnership."""
        for name in changed:
            (self._watched if name in watched else self._others)[name] = None

    def due(
        self, influencers: Mapping[str, Influencer], now: float, every: float, most: int
    ) -> list[Influencer]:
        """At most `most` that were shown `every` seconds ago, or SELDOM times that without a partnership.
        They are taken for shown; who has to wait comes first next time."""
        out: list[Influencer] = []
        self._take(self._watched, influencers, now, every, most, out)
        if now >= self._others_at + every and len(out) < most:
            self._take(self._others, influencers, now, SELDOM * every, most, out)
            if len(out) < most:
                self._others_at = now
        return out

    @staticmethod
    def _take(
        names: dict[str, None], influencers: Mapping[str, Influencer], now: float, every: float, most: int,
        out: list[Influencer],
    ) -> None:  # fmt: skip
        for name in list(names):
            inf = influencers.get(name)
            if inf is not None and now - inf.shown_at < every:
                continue
            if len(out) >= most:
                break
            del names[name]
            if inf is not None and inf.meta.first_at:
                inf.shown_at = now
                out.append(inf)
