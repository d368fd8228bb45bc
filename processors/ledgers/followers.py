"""Who joined and who left, by day: the ledger behind new followers, bursts, drips, and churn.

Panes already count follows with their known and low profiles, by hour (48 h) and by day. What they lack lies
here: the spread over the hours of the day, mass followers, which cohort leaves again, unfollows whose follow
nobody remembers, and polled totals of followers, which may be all that a source sends.

A day's row takes some 60 bytes, up to 250 with a full sample; weeks keep the sums that a reference needs when
its days are gone. Cohorts are followed in two ways: exactly for 7 days (the undo finds its follow), and up
to 30 days by a sample of each day's joiners (those with the smallest keyed hashes, so it doesn't matter in
which order they came).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Set
from typing import ClassVar, Final

import msgspec

from processors.ledgers.base import AUDIENCE, INFLUENCER, Act, Ledger
from processors.panes import DAY, HOUR

KEEP_DAYS: Final = 35
KEEP_WEEKS: Final = 57  # 400 days
#: Hours of the day (UTC) are told apart in eight bins, polled totals in four slots.
BIN_S: Final = 3 * HOUR
BINS: Final = DAY // BIN_S
SLOT_S: Final = 6 * HOUR
SLOTS: Final = DAY // SLOT_S
#: Cohorts: exact so long, by sample so long (days).
EXACT_DAYS: Final = 7
SAMPLED_DAYS: Final = 30
SAMPLE: Final = 24
#: More followings than this: a mass follower (HypeAuditor's bound). A share of its own, not a fake.
MASS: Final = 1_500
_BITS: Final = 0xFFFFFFFF


class Day(msgspec.Struct, array_like=True, gc=False):
    """What came in on one day. Counts of events; leavers stand on the day on which they left."""

    joins: int = 0
    following_known: int = 0  # of the joins: those that say how many they follow
    mass: int = 0  # of these: mass followers
    bins: list[int] = msgspec.field(default_factory=lambda: [0] * BINS)
    unfollows: int = 0
    resolved: int = 0  # unfollows whose follow was found (at most seven days old)
    resolved_low: int = 0  # of these: low credibility
    left: list[int] = msgspec.field(default_factory=list)  # resolved, by age of the follow in whole days
    left_sampled: list[int] = msgspec.field(default_factory=list)  # of the sampled joiners, by age in days
    tagged: int = 0  # comments that name somebody: giveaways ask for that
    polled_likes: int = 0  # totals of likes, comments that were polled instead of sent one by one
    polled_comments: int = 0
    totals: list[tuple[int, int]] = msgspec.field(default_factory=list)  # (epoch s, followers), newest a slot
    sample: list[int] = msgspec.field(
        default_factory=list
    )  # 32 bits of joiners' keyed hashes, smallest first


class Week(msgspec.Struct, array_like=True, gc=False):
    """Sums over seven days (epoch day // 7). Leavers stand in the week in which they joined."""

    joins: int = 0
    following_known: int = 0
    mass: int = 0
    bins: list[int] = msgspec.field(default_factory=lambda: [0] * BINS)
    left_7: int = 0
    sampled: int = 0  # joiners in the days' samples
    left_30: int = 0  # of the sampled
    unfollows: int = 0


_encode = msgspec.msgpack.Encoder().encode
_day = msgspec.msgpack.Decoder(Day).decode
_days = msgspec.msgpack.Decoder(dict[int, Day]).decode
_week = msgspec.msgpack.Decoder(Week).decode


class Followers(Ledger):
    """Rows by day (35) and by week (57). Indices: epoch seconds // DAY, and that // 7."""

    name: ClassVar[str] = "followers"
    takes: ClassVar[Mapping[str, frozenset[str]]] = {
        AUDIENCE: frozenset(("follow", "comment", "counter")),
        INFLUENCER: frozenset(("post", "profile", "counter")),
    }

    __slots__ = ("_dirty", "_gone", "_who", "days", "weeks")

    def __init__(self) -> None:
        self.days: dict[int, Day] = {}
        self.weeks: dict[int, Week] = {}
        self._who: dict[int, int] = {}  # sampled joiner -> day of joining
        self._dirty: set[str] = set()
        self._gone: set[str] = set()

    # -- taking in ------------------------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        """Take in a follow, an unfollow, a comment, or a fact about totals."""
        day = int(act.at) // DAY
        today = int(act.newest) // DAY
        if not today - KEEP_DAYS <= day <= today:
            return
        kind = act.kind
        if kind == "comment":
            if act.op == "create" and _names_somebody(act):
                self._row(day).tagged += 1
        elif kind != "follow":
            self._fact(day, act)
        elif act.op == "undo":
            self._leave(day, today, act)
        elif act.op == "create":
            self._join(day, today, act)

    def _join(self, day: int, today: int, act: Act) -> None:
        row, week = self._row(day), self._week(day)
        spot = int(act.at) % DAY // BIN_S
        row.joins += 1
        week.joins += 1
        row.bins[spot] += 1
        week.bins[spot] += 1
        actor = act.event.actor
        if actor is not None and actor.following is not None:
            row.following_known += 1
            week.following_known += 1
            if actor.following > MASS:
                row.mass += 1
                week.mass += 1
        self._draw(day, today, row, week, act.actor & _BITS)

    def _draw(self, day: int, today: int, row: Day, week: Week, who: int) -> None:
        """Into the day's sample, if its hash is among the smallest."""
        sample = row.sample
        if len(sample) >= SAMPLE and who >= sample[-1]:
            return
        if self._who.get(who, -1) >= today - KEEP_DAYS:  # followed before and sampled then: that counts
            return
        insort(sample, who)
        self._who[who] = day
        if len(sample) > SAMPLE:
            last = sample.pop()
            if self._who.get(last) == day:
                del self._who[last]
        else:
            week.sampled += 1

    def _leave(self, day: int, today: int, act: Act) -> None:
        row, week = self._row(day), self._week(day)
        row.unfollows += 1
        week.unfollows += 1
        if act.undone_at is not None:
            joined = int(act.undone_at) // DAY
            row.resolved += 1
            row.resolved_low += act.low
            if 0 <= day - joined <= EXACT_DAYS:
                _count(row.left, day - joined)
                self._week(joined).left_7 += 1
        known = self._who.get(act.actor & _BITS)
        if known is None or known < today - KEEP_DAYS or not 0 <= day - known <= SAMPLED_DAYS:
            return
        _count(row.left_sampled, day - known)
        self._week(known).left_30 += 1

    def _fact(self, day: int, act: Act) -> None:
        event = act.event
        total: int | None = None
        if act.kind == "counter":
            if event.metric == "likes":
                self._row(day).polled_likes += 1
            elif event.metric == "comments":
                self._row(day).polled_comments += 1
            elif event.metric == "followers" and event.cumulative:
                target = event.target
                if target is None or target.id == event.influencer_id:
                    total = event.count
        elif event.actor is not None and act.op != "undo":
            total = event.actor.followers
        if total is not None:
            self._total(self._row(day), int(act.at), total)

    @staticmethod
    def _total(row: Day, at: int, total: int) -> None:
        """Of each slot the newest stays; of the same second the larger, so that order doesn't matter."""
        slot = at % DAY // SLOT_S
        for i, (seen_at, seen) in enumerate(row.totals):
            if seen_at % DAY // SLOT_S == slot:
                if (at, total) > (seen_at, seen):
                    row.totals[i] = (at, total)
                return
        insort(row.totals, (at, total))

    def _row(self, day: int) -> Day:
        self._dirty.add(_sub(day))
        row = self.days.get(day)
        if row is None:
            row = self.days[day] = Day()
        return row

    def _week(self, day: int) -> Week:
        index = day // 7
        self._dirty.add(f"w{index}")
        week = self.weeks.get(index)
        if week is None:
            week = self.weeks[index] = Week()
        return week

    # -- keeping --------------------------------------------------------------------------------------------

    def trim(self, newest: float) -> None:
        """Forget days and weeks past their time, and whom a row sampled more than 30 days ago."""
        today = int(newest) // DAY
        for day in [day for day in self.days if day < today - KEEP_DAYS]:
            for who in self.days.pop(day).sample:
                if self._who.get(who) == day:
                    del self._who[who]
            self._dirty.add(_sub(day))
        for index in [index for index in self.weeks if index < today // 7 - KEEP_WEEKS]:
            del self.weeks[index]
            self._forget(f"w{index}")

    def _forget(self, sub: str) -> None:
        self._dirty.discard(sub)
        self._gone.add(sub)

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors from the samples; counts stay."""
        for day, row in self.days.items():
            if not actors.isdisjoint(row.sample):
                row.sample = [who for who in row.sample if who not in actors]
                self._dirty.add(_sub(day))
        self._who = {who: day for who, day in self._who.items() if who not in actors}

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """Rows that changed, and rows that are gone."""
        for sub in sorted(self._dirty):
            if sub[0] == "w":
                yield sub, _encode(self.weeks[int(sub[1:])])
            else:
                first = 7 * int(sub[1:])
                held = {day: self.days[day] for day in range(first, first + 7) if day in self.days}
                yield sub, _encode(held) if held else None
        for sub in sorted(self._gone - self._dirty):
            yield sub, None
        self._dirty.clear()
        self._gone.clear()

    def load(self, sub: str, data: bytes) -> None:
        """A row back. Raises msgspec.DecodeError or msgspec.ValidationError."""
        if sub[0] == "w":
            self.weeks[int(sub[1:])] = _week(data)
            return
        if sub[0] == "d":
            rows = _days(data)
        else:  # a day of its own, as it was stored once
            rows = {int(sub): _day(data)}
            self._dirty.add(_sub(int(sub)))
            self._gone.add(sub)
        self.days |= rows
        for day, row in rows.items():
            for who in row.sample:
                self._who[who] = max(day, self._who.get(who, day))

    # -- reading --------------------------------------------------------------------------------------------

    def rows(self, at: int, days: int = KEEP_DAYS) -> list[tuple[int, Day]]:
        """(epoch day, row) of at most `days` whole days before `at`, oldest first; quiet days left out."""
        today = at // DAY
        first = today - min(days, KEEP_DAYS)
        return [(day, self.days[day]) for day in sorted(self.days) if first <= day < today]

    def weeks_in(self, starts: int, ends: int) -> list[Week]:
        """Weeks that lie wholly within [starts, ends), epoch s."""
        first, last = -(-starts // (7 * DAY)), ends // (7 * DAY)
        return [self.weeks[index] for index in range(first, last) if index in self.weeks]

    def totals(self, at: int, days: int = KEEP_DAYS) -> list[tuple[int, int]]:
        """(epoch s, followers) as polled, at most four a day, up to `at`, oldest first."""
        first = at // DAY - min(days, KEEP_DAYS)
        return [
            point for day in sorted(self.days) if first <= day for point in self.days[day].totals
            if point[0] <= at
        ]  # fmt: skip


def _sub(day: int) -> str:
    """The field of a day: seven lie in one, as a field of its own costs as much again as a day holds."""
    return f"d{day // 7}"


def _names_somebody(act: Act) -> bool:
    event = act.event
    return bool(event.mentions) or (event.text is not None and "@" in event.text)


def _count(ages: list[int], age: int) -> None:
    while len(ages) <= age:
        ages.append(0)
    ages[age] += 1
