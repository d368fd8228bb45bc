"""Ledger `ties`: who of a brand's people is in touch with the influencer, both ways, and when.

Per account (employee or brand): decayed intensity T of both directions (half-life 30 d), and bitmaps of
the last 182 days on which each side acted, and of 104 days with a two-way thread. Gaps, overdue, weeks of
contact and stages are read off the bitmaps, so nothing depends on when somebody looked. Per brand: days
on which the influencer talked to its people, and on which a post named it, paid or not. State holds no
account id: a tie is found again by its keyed hash; what names it from the book is a 16-bit mark, shared by
one account in 65,536.

At most 48 ties of 91 bytes and 20 brands of 67: under 6 KiB in Redis.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import ClassVar, Final

import msgspec
import xxhash

from processors.ledgers.base import BRAND, EMPLOYEE, INFLUENCER, Act, Ledger
from processors.panes import DAY
from schemas import Partnership

HALF_LIFE_D: Final = 30.0
#: Days of contact, of threads and talk, that are kept.
DAYS: Final = 182
SHORT_DAYS: Final = 104
#: An act answers the other side's if that acted so many days before at most.
ANSWER_D: Final = 7
MAX_TIES: Final = 48
MAX_BRANDS: Final = 20
QUARTER_D: Final = 91
QUARTERS: Final = 8

#: w(kind) as in signals.md; a post or a mention that names the other is a mention.
WEIGHT: Final = {
    "like": 1.0, "share": 2.0, "comment": 6.75, "reply": 6.75, "save": 3.0, "mention": 3.0, "quote": 4.0,
    "follow": 2.0, "click": 2.0, "post": 3.0,
}  # fmt: skip
_TALK: Final = frozenset(("comment", "reply", "quote", "mention"))
_THREAD: Final = frozenset(("comment", "reply"))
_ALL: Final = (1 << DAYS) - 1
_SHORT: Final = (1 << SHORT_DAYS) - 1
_TIE = struct.Struct("<QHIHdd23s23s13s")
_BRAND = struct.Struct("<II13s13s13s16sI")
_OWN = struct.Struct("<I23s")
BUCKETS: Final = 8


class Tie(msgspec.Struct, gc=False):
    """One account. Bit k of a bitmap: the day k days before `day` (days since 1970)."""

    hash: int
    mark: int
    day: int  # newest day with an act
    since: int  # first day with an act
    to: float = 0.0  # T of acts towards the influencer, decayed to the start of `day`
    back: float = 0.0  # T of the influencer's acts towards the account
    to_days: int = 0
    back_days: int = 0
    threads: int = 0


class BrandTalk(msgspec.Struct, gc=False):
    """The influencer towards one brand as a whole."""

    key: int
    day: int
    talk: int = 0  # days on which they wrote to its people or named it
    organic: int = 0  # days on which they named it without being paid
    named: int = 0  # days on which a post named it, paid or not
    quarters: bytes = bytes(
        2 * QUARTERS
    )  # per quarter (index % 8): unpaid mentions, all mentions; at most 255
    quarter: int = 0  # newest quarter, day // 91


def mark_of(influencer_id: str, account_id: str) -> int:
    """What finds an account of the book among the ties: 16 bits, so it tells nobody who it is."""
    return xxhash.xxh32_intdigest(f"{influencer_id}\0{account_id}".encode("utf-8", "surrogatepass")) & 0xFFFF


def brand_key(influencer_id: str, brand_id: str) -> int:
    """Key of a brand in the ledger of an influencer."""
    return xxhash.xxh32_intdigest(f"{influencer_id}\0\0{brand_id}".encode("utf-8", "surrogatepass"))


def accounts_of(partnership: Partnership) -> tuple[str, ...]:
    """Account ids on the brand's side: employees, then its own."""
    people = (employee.account_id for employee in partnership.employees)
    return tuple(dict.fromkeys((*people, *partnership.brand_account_ids)))


@lru_cache(maxsize=4_096)
def _pattern(terms: tuple[str, ...]) -> re.Pattern[str] | None:
    words = [re.escape(term.casefold().lstrip("#@")) for term in terms if term.strip("#@ ")]
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)") if words else None


def names_brand(act: Act, partnership: Partnership) -> bool:
    """Whether a text names the brand: one of its terms, tags, or accounts."""
    event = act.event
    if event.mentions and not set(event.mentions).isdisjoint(accounts_of(partnership)):
        return True
    pattern = _pattern(tuple(partnership.brand_terms))
    if pattern is None:
        return False
    said = " ".join((event.text or "", *event.tags)).casefold()
    return pattern.search(said) is not None


def _paid(act: Act) -> bool:
    if act.sponsored is not None and act.sponsored[0]:
        return True
    told = act.event.sponsored
    return told is not None and bool(told.label or told.disclosed or told.brand_id or told.ad_id)


def later(bits: int, by: int, mask: int = _ALL) -> int:
    """A bitmap seen from `by` days later (negative: earlier; what lies after that day is left out)."""
    return (bits << by) & mask if by >= 0 else bits >> -by


def spread(bits: int) -> int:
    """Days on which, or at most ANSWER_D before which, a bit is set."""
    out = bits
    for k in range(1, ANSWER_D + 1):
        out |= bits >> k
    return out


class Ties(Ledger):
    """Contacts of one influencer with the accounts of its partnerships."""

    name: ClassVar[str] = "ties"
    _KINDS: ClassVar[frozenset[str]] = frozenset(WEIGHT)
    takes: ClassVar[Mapping[str, frozenset[str]]] = {INFLUENCER: _KINDS, EMPLOYEE: _KINDS, BRAND: _KINDS}

    __slots__ = ("_brands_dirty", "_dirty", "_own_dirty", "brands", "own", "own_day", "ties")

    def __init__(self) -> None:
        self.ties: dict[int, Tie] = {}
        self.brands: dict[int, BrandTalk] = {}
        self.own_day, self.own = 0, 0  # days on which the influencer did anything
        self._dirty: set[int] = set()
        self._brands_dirty = self._own_dirty = False

    # -- acts -----------------------------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        """Take in an act of the influencer or of one of the brand's people."""
        if act.op == "update":
            return
        if act.role != INFLUENCER:
            account = act.event.actor.id if act.event.actor is not None else ""
            self._contact(act, act.actor, account, out=True)
            return
        if act.op == "create":
            self._present(int(act.at) // DAY, act.newest)
        target = act.event.target
        author = target.author_id if target is not None else None
        if act.other and author is not None and act.kind != "post":
            self._towards(act, author)
        elif act.kind == "post" and act.op == "create":
            self._post(act)

    def _present(self, day: int, newest: float) -> None:
        day = min(day, int(newest) // DAY)  # a clock that runs ahead must not shift the others out
        if day > self.own_day:
            self.own = later(self.own, day - self.own_day) if self.own_day else 0
            self.own_day = day
        if self.own_day - day < DAYS:
            self.own |= 1 << (self.own_day - day)
            self._own_dirty = True

    def _towards(self, act: Act, author: str) -> None:
        known = False
        for partnership in act.partnerships:
            if author in accounts_of(partnership):
                known = True
                if act.kind in _TALK and act.op == "create":
                    talk = self._brand(act, partnership)
                    if talk is not None:
                        talk.talk |= self._bit(talk.day, act)
        if known:
            self._contact(act, act.other, author, out=False)

    def _post(self, act: Act) -> None:
        for partnership in act.partnerships:
            if not names_brand(act, partnership):
                continue
            talk = self._brand(act, partnership)
            if talk is None:
                continue
            bit = self._bit(talk.day, act)
            talk.talk |= bit
            talk.named |= bit
            unpaid = not _paid(act)
            if unpaid:
                talk.organic |= bit
            self._count_quarter(talk, int(act.at) // DAY // QUARTER_D, unpaid)

    @staticmethod
    def _bit(newest: int, act: Act) -> int:
        age = newest - int(act.at) // DAY
        return 1 << age if 0 <= age < SHORT_DAYS else 0

    @staticmethod
    def _count_quarter(talk: BrandTalk, quarter: int, unpaid: bool) -> None:
        counts = bytearray(talk.quarters)
        if quarter > talk.quarter:
            for past in range(max(talk.quarter + 1, quarter - QUARTERS + 1), quarter + 1):
                counts[2 * (past % QUARTERS)] = counts[2 * (past % QUARTERS) + 1] = 0
            talk.quarter = quarter
        elif quarter <= talk.quarter - QUARTERS:
            return
        at = 2 * (quarter % QUARTERS)
        counts[at] = min(255, counts[at] + unpaid)
        counts[at + 1] = min(255, counts[at + 1] + 1)
        talk.quarters = bytes(counts)

    def _brand(self, act: Act, partnership: Partnership) -> BrandTalk | None:
        """The brand's record, moved on to the act's day; None for an act that is too old."""
        day = min(int(act.at), int(act.newest)) // DAY
        key = brand_key(partnership.influencer_id, partnership.brand_id)
        talk = self.brands.get(key)
        if talk is None:
            if len(self.brands) >= MAX_BRANDS:
                oldest = min(self.brands.values(), key=lambda b: (b.day, b.key))
                del self.brands[oldest.key]
            talk = self.brands[key] = BrandTalk(key, day, quarter=day // QUARTER_D)
        if day > talk.day:
            talk.talk = later(talk.talk, day - talk.day, _SHORT)
            talk.organic = later(talk.organic, day - talk.day, _SHORT)
            talk.named = later(talk.named, day - talk.day, _SHORT)
            talk.day = day
        self._brands_dirty = True
        return talk if talk.day - day < SHORT_DAYS else None

    def _contact(self, act: Act, hash_: int, account: str, *, out: bool) -> None:
        at = min(act.at, act.newest)
        day = int(at) // DAY
        tie = self.ties.get(hash_)
        if act.op == "undo":
            if tie is not None and act.undone_at is not None:
                self._take_back(tie, act, out)
            return
        if tie is None:
            if day <= int(act.newest) // DAY - DAYS:
                return
            tie = self._new(hash_, mark_of(act.event.influencer_id, account), day)
        self._dirty.add(hash_ % BUCKETS)
        if day > tie.day:
            self._move(tie, day)
        age = tie.day - day
        if age >= DAYS:
            return
        tie.since = min(tie.since, day)
        weight = WEIGHT[act.kind] * 2.0 ** ((at / DAY - tie.day) / HALF_LIFE_D)
        recent = ((1 << (ANSWER_D + 1)) - 1) << age
        other = tie.back_days if out else tie.to_days
        if act.kind in _THREAD and other & recent and age < SHORT_DAYS and act.event.target is not None:
            tie.threads |= 1 << age
        if out:
            tie.to += weight
            tie.to_days |= 1 << age
        else:
            tie.back += weight
            tie.back_days |= 1 << age

    def _take_back(self, tie: Tie, act: Act, out: bool) -> None:
        assert act.undone_at is not None
        weight = WEIGHT[act.kind] * 2.0 ** ((act.undone_at / DAY - tie.day) / HALF_LIFE_D)
        if out:
            tie.to = max(0.0, tie.to - weight)
        else:
            tie.back = max(0.0, tie.back - weight)
        self._dirty.add(tie.hash % BUCKETS)

    @staticmethod
    def _move(tie: Tie, day: int) -> None:
        by = day - tie.day
        shrink = 2.0 ** (-by / HALF_LIFE_D)
        tie.to *= shrink
        tie.back *= shrink
        tie.to_days, tie.back_days = later(tie.to_days, by), later(tie.back_days, by)
        tie.threads = later(tie.threads, by, _SHORT)
        tie.day = day

    def _new(self, hash_: int, mark: int, day: int) -> Tie:
        if len(self.ties) >= MAX_TIES:
            oldest = min(self.ties.values(), key=lambda t: (t.day, t.hash))
            del self.ties[oldest.hash]
            self._dirty.add(oldest.hash % BUCKETS)
        tie = self.ties[hash_] = Tie(hash_, mark, day, day)
        return tie

    # -- reading --------------------------------------------------------------------------------------------

    def seen(self, marks: Sequence[int], today: int) -> list[Tie]:
        """The ties with these marks as they stand on day `today` (T decayed to its start); those without an
        act in the last DAYS days left out. Acts after that day are left out of the bitmaps."""
        wanted = set(marks)
        found = []
        for tie in self.ties.values():
            by = today - tie.day
            if tie.mark not in wanted or by >= DAYS:
                continue
            shrink = 2.0 ** (-max(0, by) / HALF_LIFE_D)
            found.append(
                Tie(
                    tie.hash, tie.mark, min(tie.day, today), tie.since, tie.to * shrink, tie.back * shrink,
                    later(tie.to_days, by), later(tie.back_days, by), later(tie.threads, by, _SHORT),
                )
            )  # fmt: skip
        return found

    def present(self, today: int) -> int:
        """Days on which the influencer did anything, bit k: k days before `today`."""
        return later(self.own, today - self.own_day) if self.own_day else 0

    def towards_brand(self, key: int, today: int) -> BrandTalk | None:
        """The influencer towards one brand, seen from day `today`."""
        talk = self.brands.get(key)
        if talk is None:
            return None
        by = today - talk.day
        return BrandTalk(
            key, today, later(talk.talk, by, _SHORT), later(talk.organic, by, _SHORT),
            later(talk.named, by, _SHORT), talk.quarters, talk.quarter,
        )  # fmt: skip

    # -- keeping --------------------------------------------------------------------------------------------

    def forget(self, actors: Set[int]) -> None:
        """Erase the ties with these actors; the days on which the brand as a whole was talked to stay."""
        for hash_ in [hash_ for hash_ in self.ties if hash_ & 0xFFFFFFFF in actors]:
            del self.ties[hash_]
            self._dirty.add(hash_ % BUCKETS)

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """Ties by bucket of their hash, brands, and the own days."""
        out: list[tuple[str, bytes | None]] = []
        for bucket in sorted(self._dirty):
            packed = b"".join(_pack_tie(t) for h, t in sorted(self.ties.items()) if h % BUCKETS == bucket)
            out.append((str(bucket), packed or None))
        if self._brands_dirty:
            out.append(("b", b"".join(_pack_brand(b) for _, b in sorted(self.brands.items()))))
        if self._own_dirty:
            out.append(("o", _OWN.pack(self.own_day, self.own.to_bytes(23, "little"))))
        self._dirty.clear()
        self._brands_dirty = self._own_dirty = False
        return out

    def load(self, sub: str, data: bytes) -> None:
        """Take a stored field back. Raises struct.error for bytes that are none."""
        if sub == "o":
            self.own_day, own = _OWN.unpack(data)
            self.own = int.from_bytes(own, "little")
        elif sub == "b":
            for key, day, talk, organic, named, quarters, quarter in _BRAND.iter_unpack(data):
                self.brands[key] = BrandTalk(
                    key, day, _int(talk), _int(organic), _int(named), quarters, quarter
                )
        else:
            for hash_, mark, day, age, to, back, to_days, back_days, threads in _TIE.iter_unpack(data):
                self.ties[hash_] = Tie(
                    hash_, mark, day, day - age, to, back, _int(to_days), _int(back_days), _int(threads)
                )


def _int(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _pack_tie(tie: Tie) -> bytes:
    tie.since = max(tie.since, tie.day - 0xFFFF)
    return _TIE.pack(
        tie.hash, tie.mark, tie.day, tie.day - tie.since, tie.to, tie.back,
        tie.to_days.to_bytes(23, "little"), tie.back_days.to_bytes(23, "little"),
        tie.threads.to_bytes(13, "little"),
    )  # fmt: skip


def _pack_brand(brand: BrandTalk) -> bytes:
    return _BRAND.pack(
        brand.key, brand.day, brand.talk.to_bytes(13, "little"), brand.organic.to_bytes(13, "little"),
        brand.named.to_bytes(13, "little"), brand.quarters, brand.quarter,
    )  # fmt: skip


__all__ = ["BrandTalk", "Tie", "Ties", "accounts_of", "brand_key", "mark_of", "names_brand", "spread"]
