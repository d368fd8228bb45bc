"""Ledger `people`: do the same people comment again? Samples of the commenters, with the days and months of
each.

Two threshold samples by the keyed hash of the actor (its lower 32 bits), so that being in one depends on
the actor only: `recent` holds commenters of the last 36 days with a bit a day, `months` those of 12
months with a bit a month. What they give: return (of the commenters of 28 days, the share seen again in
the 7 days after), regulars (commented in at least 6 of 12 months), evenness (1 - Gini of comment days per
actor). Return by week is kept for 30 weeks, for the reference.

Left out: acts that are flagged as inauthentic, and pod members. At most 480 + 640 actors: under 12 KiB in
Redis. Threshold sampling: Duffield, Lund, Thorup (2007), J. ACM 54, 32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Set
from typing import ClassVar, Final

import msgspec

from processors.factors import POD, flagged
from processors.ledgers.base import AUDIENCE, Act, Ledger
from processors.panes import DAY

#: Actors in the two samples at most.
RECENT: Final = 480
MONTHLY: Final = 640
RECENT_DAYS: Final = 40
MONTH_D: Final = 30
MONTHS: Final = 12
PRIOR_D: Final = 28
WEEK_D: Final = 7
KEEP_WEEKS: Final = 30
BUCKETS: Final = 8
REGULAR: Final = 6

_TOP: Final = (1 << 32) - 1
_DAYS: Final = (1 << RECENT_DAYS) - 1
_MONTHS: Final = (1 << MONTHS) - 1
_WEEK: Final = (1 << WEEK_D) - 1
_PRIOR: Final = ((1 << PRIOR_D) - 1) << WEEK_D
_R = struct.Struct("<I5s")
_M = struct.Struct("<IH")
_HEAD = struct.Struct("<IIIII")
_W = struct.Struct("<IHH")


class Share(msgspec.Struct, frozen=True):
    """`k` of `n` sampled people."""

    k: int
    n: int


def gini(counts: Iterable[int]) -> float:
    """Gini coefficient of positive counts, 0 (all alike) to nearly 1; 0 for none."""
    ordered = sorted(counts)
    total, n = sum(ordered), len(ordered)
    if not total:
        return 0.0
    return sum((2 * i - n - 1) * c for i, c in enumerate(ordered, 1)) / (n * total)


class People(Ledger):
    """Commenters of one influencer; must see acts after all that append factors."""

    name: ClassVar[str] = "people"
    takes: ClassVar[Mapping[str, frozenset[str]]] = {AUDIENCE: frozenset(("comment", "reply"))}

    __slots__ = (
        "_dirty", "_even", "_head_dirty", "cut", "cut_months", "day", "first", "months", "recent", "weeks",
    )  # fmt: skip

    def __init__(self) -> None:
        self.recent: dict[int, int] = {}  # hash -> bit k: commented k days before `day`
        self.months: dict[int, int] = {}  # hash -> bit k: k months of 30 days before `day`'s
        self.day = 0  # newest day, since 1970
        self.first = 0  # first day
        self.cut = self.cut_months = _TOP  # largest hash in the samples
        self.weeks: dict[int, Share] = {}  # week (day // 7) -> of those who commented in 28 days before: back
        self._dirty: set[str] = set()
        self._head_dirty = False
        #: (today, evenness) as last asked for: it rests on whole days before, so most acts change nothing.
        self._even: tuple[int, tuple[float, int] | None] | None = None

    # -- acts -----------------------------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        """Take in one comment or reply."""
        if act.op != "create" or not act.actor:
            return
        hash_ = act.actor & _TOP
        if act.factors and flagged(act):
            if POD in act.factors:
                self._drop(hash_)
            return
        newest = int(act.newest) // DAY
        day = min(int(act.at) // DAY, newest)
        if day > self.day:
            self._turn(day)
        age = self.day - day
        self.first = min(self.first, day)
        if self._even is not None and day < self._even[0]:
            self._even = None
        if hash_ <= self.cut and age < RECENT_DAYS:
            self.recent[hash_] = self.recent.get(hash_, 0) | 1 << age
            self._dirty.add(f"r{hash_ % BUCKETS}")
            if len(self.recent) > RECENT:
                self.cut = self._halve(self.recent, "r")
        months = self.day // MONTH_D - day // MONTH_D
        if hash_ <= self.cut_months and months < MONTHS:
            self.months[hash_] = self.months.get(hash_, 0) | 1 << months
            self._dirty.add(f"m{hash_ % BUCKETS}")
            if len(self.months) > MONTHLY:
                self.cut_months = self._halve(self.months, "m")

    def _drop(self, hash_: int) -> None:
        self._even = None
        if self.recent.pop(hash_, None) is not None:
            self._dirty.add(f"r{hash_ % BUCKETS}")
        if self.months.pop(hash_, None) is not None:
            self._dirty.add(f"m{hash_ % BUCKETS}")

    def _turn(self, day: int) -> None:
        """A new day: weeks that are over are counted, everything moves on."""
        self._head_dirty, self._even = True, None
        if not self.day:
            self.day = self.first = day
            return
        for week in range(max(self.day // WEEK_D, day // WEEK_D - 5), day // WEEK_D):
            ends = (week + 1) * WEEK_D  # first day after it
            if ends - WEEK_D - PRIOR_D >= self.first:
                self.weeks[week] = self._return(self.day - ends + 1)
        for week in [week for week in self.weeks if week <= day // WEEK_D - KEEP_WEEKS]:
            del self.weeks[week]
        by = day - self.day
        self.recent = {h: moved for h, bits in self.recent.items() if (moved := bits << by & _DAYS)}
        self._dirty.update(f"r{bucket}" for bucket in range(BUCKETS))
        turned = day // MONTH_D - self.day // MONTH_D
        if turned:
            self.months = {h: moved for h, bits in self.months.items() if (moved := bits << turned & _MONTHS)}
            self._dirty.update(f"m{bucket}" for bucket in range(BUCKETS))
        if self.cut < _TOP and len(self.recent) < RECENT // 4:
            self.cut = min(_TOP, 2 * self.cut + 1)  # the crowd has gone: take in more of those who come
        self.day = day

    def _halve(self, sample: dict[int, int], prefix: str) -> int:
        """Keep the lower half of the hashes; returns the new cut."""
        self._even = None
        hashes = sorted(sample)
        cut = hashes[len(hashes) // 2]
        for hash_ in hashes[len(hashes) // 2 + 1 :]:
            del sample[hash_]
            self._dirty.add(f"{prefix}{hash_ % BUCKETS}")
        self._head_dirty = True
        return cut

    # -- reading --------------------------------------------------------------------------------------------

    def _return(self, ahead: int) -> Share:
        """Return with the 7 days ending `ahead - 1` days before `day` (0 and less: days after it)."""
        k = n = 0
        for bits in self.recent.values():
            seen = bits >> ahead if ahead >= 0 else bits << -ahead
            if seen & _PRIOR:
                n += 1
                k += bool(seen & _WEEK)
        return Share(k, n)

    def returned(self, today: int) -> Share | None:
        """Of the sampled commenters of the 28 days before the last 7 whole days before `today` (a day), those
        who came back in these 7; None in the first 35 days."""
        if not self.day or today - WEEK_D - PRIOR_D < self.first:
            return None
        return self._return(self.day - today + 1)

    def usual_return(self, starts: int, ends: int) -> Share | None:
        """The reference: return summed over the weeks within days [starts, ends), or else over those that end
        within 28 days after it, when 28 days had been seen before; None for fewer than two weeks."""
        for last in (ends, ends + PRIOR_D):
            found = [
                s for week, s in self.weeks.items() if week * WEEK_D >= starts and (week + 1) * WEEK_D <= last
            ]
            if len(found) >= 2:
                return Share(sum(s.k for s in found), sum(s.n for s in found))
        return None

    def regulars(self, today: int) -> Share | None:
        """Of the sampled commenters of this month and the last, those who commented in at least 6 of 12
        months; None before six months have passed."""
        if not self.day or today - self.first < (REGULAR - 1) * MONTH_D:
            return None
        by = today // MONTH_D - self.day // MONTH_D
        k = n = 0
        for bits in self.months.values():
            seen = (bits << by) & _MONTHS if by >= 0 else bits >> -by
            if seen & 3:
                n += 1
                k += seen.bit_count() >= REGULAR
        return Share(k, n)

    def evenness(self, today: int) -> tuple[float, int] | None:
        """(1 - Gini of days with a comment per commenter in the last 28 whole days, sampled commenters); None
        for nobody."""
        if self._even is None or self._even[0] != today:
            by = self.day - today + 1
            whole = (1 << PRIOR_D) - 1
            counts = [
                n
                for bits in self.recent.values()
                if (n := ((bits >> by if by >= 0 else bits << -by) & whole).bit_count())
            ]
            self._even = today, (1 - gini(counts), len(counts)) if counts else None
        return self._even[1]

    # -- keeping --------------------------------------------------------------------------------------------

    def knows(self, actors: Set[int]) -> bool:
        """Whether one of these actors is in a sample of commenters."""
        return not (actors.isdisjoint(self.recent) and actors.isdisjoint(self.months))

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors from both samples."""
        for actor in actors:
            self._drop(actor)

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """Buckets of both samples, and the head with the weeks."""
        out: list[tuple[str, bytes | None]] = []
        for sub in sorted(self._dirty):
            bucket = int(sub[1:])
            if sub[0] == "r":
                data = b"".join(
                    _R.pack(h, bits.to_bytes(5, "little"))
                    for h, bits in sorted(self.recent.items()) if h % BUCKETS == bucket
                )  # fmt: skip
            else:
                data = b"".join(
                    _M.pack(h, bits) for h, bits in sorted(self.months.items()) if h % BUCKETS == bucket
                )
            out.append((sub, data or None))
        if self._head_dirty or self._dirty:
            head = _HEAD.pack(self.day, self.first, self.cut, self.cut_months, 0)
            weeks = (_W.pack(week, share.k, share.n) for week, share in sorted(self.weeks.items()))
            out.append(("h", head + b"".join(weeks)))
        self._dirty.clear()
        self._head_dirty = False
        return out

    def load(self, sub: str, data: bytes) -> None:
        """Take a stored field back. Raises struct.error for bytes that are none."""
        self._even = None
        if sub == "h":
            self.day, self.first, self.cut, self.cut_months, _ = _HEAD.unpack_from(data)
            self.weeks = {week: Share(k, n) for week, k, n in _W.iter_unpack(data[_HEAD.size :])}
        elif sub[0] == "r":
            self.recent |= {h: int.from_bytes(bits, "little") for h, bits in _R.iter_unpack(data)}
        else:
            self.months |= dict(_M.iter_unpack(data))


__all__ = ["People", "Share", "gini"]
