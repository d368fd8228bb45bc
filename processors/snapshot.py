"""What crosses influencers: each partition's part, merged hourly into one snapshot with an id.

    part_of(influencers, facts, clock) -> Part       what one partition knows, in its fenced write
    merge(parts, before) -> Snapshot                 what all of them know; `before`: the last one
    purged(snapshot, day) -> float                   share of influencers that lost > 2 % of followers
    neighbours(snapshot, influencer) -> members      nearest in log followers and topics
    percentile(snapshot, influencer, of)             place among these
    affinity(snapshot, mix)                          topic's share here over its share over all

A snapshot is as old as the last merge and depends on wall time. What a reading or an alert takes from it
is therefore noted in the influencer's state first (processors/crossing, docs/decisions/0009).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from heapq import nsmallest
from math import log
from typing import Final

import msgspec

from processors.influencer import Influencer
from processors.ledgers.coaction import Coaction
from processors.ledgers.followers import Day, Followers
from processors.lockstep import across
from processors.lockstep.within import Seen
from processors.panes import DAY, HOUR
from processors.tiers import tier

#: Influencers of one part, and of a snapshot; beyond it those with the lowest hashes of their ids.
MEMBERS: Final = 2_000
ALL_MEMBERS: Final = 8_000
#: Topics of one member, and counted over all.
TOPICS: Final = 6
ALL_TOPICS: Final = 200
#: Losing more than this share of the followers in a day is unusual; on so many influencers it is a purge.
LOST: Final = 0.02
MIN_INFLUENCERS: Final = 10
KEEP_DAYS: Final = 35
#: Groups across influencers: of how many of a partition (1 ms each, once a day), on how old posts, and how
#: many are told.
ACTS_OF: Final = 400
ACTS_S: Final = 28 * DAY
GROUPS: Final = 40
#: A source is silent as a whole after so many seconds, and three times its longest silence of two weeks;
#: asked of those that had spoken at so many (hourly) looks.
SILENT_S: Final = 3 * HOUR
SILENT_TIMES: Final = 3
SPOKE: Final = 24
SOURCE_DAYS: Final = 14
#: A part of a partition that has been behind the others for so long is left out (hours).
STALE_H: Final = 7 * 24
#: Neighbours that are compared with, and how many with a value it takes.
NEIGHBOURS: Final = 20
MIN_NEIGHBOURS: Final = 5
#: Wholly different topics are as far apart as sizes of 1 to 1.65.
TOPIC_WEIGHT: Final = 0.5


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was found of an influencer at its last hourly reading; None: not measurable. `effective` is the
    distinct credible actors in the target of D28, `topics` acts of 28 days by topic; both daily."""

    effective: float | None = None
    fit: float | None = None
    quality_rate: float | None = None
    reply_rate: float | None = None
    topics: dict[str, int] = {}


class Member(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One watched influencer. `newest`: epoch s; `changes`: (epoch day, relative change of the followers) of
    the last two whole days, where it is known."""

    influencer: str
    followers: int | None
    source: str
    newest: int
    changes: tuple[tuple[int, float], ...]
    facts: Facts

    @property
    def tier(self) -> str:
        """Size class."""
        return tier(self.followers)


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One partition at one hour (epoch s // 3600) of its clock. `sources`: newest event of each, epoch s;
    `acts`: who acted on which posts, as of `acts_hour`."""

    hour: int
    members: tuple[Member, ...]
    sources: dict[str, int] = {}
    acts_hour: int = 0
    acts: across.Part | None = None
    forgot: float = 0.0  # changes when an influencer forgot an actor


class Source(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One source over all partitions. Times: epoch s. `now`: up to where all that hear it have come; `days`:
    epoch day -> (longest silence that ended, s; looks at which it had spoken since the one before);
    `silent`: since when it is silent as a whole, 0: it is not."""

    newest: int
    now: int
    days: dict[int, tuple[int, int]] = {}
    silent: int = 0

    @property
    def usual(self) -> int:
        """Its longest silence of the last two weeks, s."""
        return max((longest for longest, _ in self.days.values()), default=0)


class Snapshot(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """All partitions. `days`: epoch day -> (influencers whose change is known, those that lost > 2 %);
    `topics`: acts of 28 days over all; `groups`: accounts that act together on several influencers, as of
    the parts' hours `joint`."""

    id: str
    hour: int
    members: tuple[Member, ...]
    days: dict[int, tuple[int, int]]
    topics: dict[str, int]
    sources: dict[str, Source] = {}
    joint: tuple[int, ...] = ()
    groups: tuple[across.Found, ...] = ()

    def of(self, influencer: str) -> Member | None:
        """One member; None when it isn't known."""
        return self.by_id.get(influencer)

    @cached_property
    def by_id(self) -> dict[str, Member]:
        """Members by influencer."""
        return {member.influencer: member for member in self.members}

    @cached_property
    def by_size(self) -> list[tuple[float, str]]:
        """(log followers, influencer) of those whose followers are known, in order."""
        return sorted(
            (log(member.followers), member.influencer) for member in self.members if member.followers
        )


_encode = msgspec.msgpack.Encoder().encode
_part = msgspec.msgpack.Decoder(Part).decode
_snapshot = msgspec.msgpack.Decoder(Snapshot).decode
_NONE: Final = Facts()


def encode(value: Part | Snapshot) -> bytes:
    """As msgpack: some 60 to 150 bytes a member."""
    return _encode(value)


def decode_part(data: bytes) -> Part:
    """Back. Raises msgspec.DecodeError or msgspec.ValidationError."""
    return _part(data)


def decode_snapshot(data: bytes) -> Snapshot:
    """Back. Raises msgspec.DecodeError or msgspec.ValidationError."""
    return _snapshot(data)


def _rank(influencer: str) -> bytes:
    return hashlib.blake2b(influencer.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def part_of(
    influencers: Iterable[Influencer], facts: Mapping[str, Facts], clock: float,
    sources: Mapping[str, int] | None = None, before: Part | None = None,
) -> Part:  # fmt: skip
    """What a partition knows of these influencers at `clock` (epoch s), some 2 us each. Who acted on which
    posts is looked at anew once a day, up to 1 ms each; else that of `before` is told again."""
    held = [inf for inf in influencers if inf.meta.first_at]
    if len(held) > MEMBERS:
        held = sorted(held, key=lambda inf: _rank(inf.id))[:MEMBERS]
    forgot = sum(inf.meta.forgot for inf in held)  # then who acted is looked at at once
    same_day = before is not None and before.acts_hour * HOUR // DAY == int(clock) // DAY
    if before is not None and same_day and before.forgot == forgot:
        acts_hour, acts = before.acts_hour, before.acts
    else:
        some = held if len(held) <= ACTS_OF else sorted(held, key=lambda inf: _rank(inf.id))[:ACTS_OF]
        acts_hour, acts = int(clock) // HOUR, across.part({inf.id: _seen(inf, clock) for inf in some})
    today = int(clock) // DAY
    return Part(
        int(clock) // HOUR,
        tuple([
            Member(
                inf.id, inf.meta.followers, inf.meta.source, int(inf.meta.max_at),
                _changes(inf, today), facts.get(inf.id, _NONE),
            )
            for inf in held
        ]),
        dict(sources or {}), acts_hour, acts if acts is not None and acts.posts else None, forgot,
    )  # fmt: skip


def _seen(inf: Influencer, clock: float) -> list[Seen]:
    """Posts of the last 28 days, with a sample of who acted on them; newcomers where they can be told."""
    ledger = inf.ledgers.get(Coaction.name)
    if not isinstance(ledger, Coaction):
        return []
    return [
        post if post.at >= ledger.warm_from else msgspec.structs.replace(post, new=frozenset())
        for post in ledger.seen(clock)
        if post.at > clock - ACTS_S
    ]


def _changes(inf: Influencer, today: int) -> tuple[tuple[int, float], ...]:
    """Of the two whole days before `today`."""
    ledger = inf.ledgers.get(Followers.name)
    if not isinstance(ledger, Followers):
        return ()
    found = []
    for day in (today - 2, today - 1):
        row = ledger.days.get(day)
        if row is not None:
            change = _change(ledger, day, row, inf.meta.followers)
            if change is not None:
                found.append((day, round(change, 5)))
    return tuple(found)


def _change(ledger: Followers, day: int, row: Day, followers: int | None) -> float | None:
    """By polled totals where there are some, else by single follows and unfollows."""
    if row.totals:
        before = next((r for d in (day - 1, day - 2) if (r := ledger.days.get(d)) and r.totals), None)
        if before is not None and before.totals[-1][1]:
            return row.totals[-1][1] / before.totals[-1][1] - 1
    if followers and (row.joins or row.unfollows):
        return (row.joins - row.unfollows) / max(followers, row.unfollows)
    return None


def merge(parts: Iterable[Part], before: Snapshot | None = None) -> Snapshot:
    """One snapshot of all parts, in any order. Of days that `before` saw and no part tells any more, it is
    carried on for 35 days."""
    held = sorted(parts, key=lambda part: part.hour)
    hour = held[-1].hour if held else 0
    by_id = {m.influencer: m for part in held if part.hour >= hour - STALE_H for m in part.members}
    names = sorted(by_id)
    if len(names) > ALL_MEMBERS:
        names = sorted(sorted(names, key=_rank)[:ALL_MEMBERS])
    members = tuple([by_id[name] for name in names])
    seen: dict[int, tuple[int, int]] = {}
    topics: dict[str, int] = {}
    for member in members:
        for day, change in member.changes:
            known, lost = seen.get(day, (0, 0))
            seen[day] = known + 1, lost + (change < -LOST)
        for topic, acts in member.facts.topics.items():
            topics[topic] = topics.get(topic, 0) + acts
    days = dict(before.days) if before is not None else {}
    for day, counts in seen.items():
        # Partitions reach the day's end one by one, and leave it one by one: who saw most stands.
        days[day] = max(counts, days.get(day, (0, 0)))
    floor = hour * HOUR // DAY - KEEP_DAYS
    days = {day: days[day] for day in sorted(days) if day >= floor}
    most = dict(sorted(topics.items(), key=lambda item: (-item[1], item[0]))[:ALL_TOPICS])
    joint = tuple(sorted(part.acts_hour for part in held if part.acts is not None))
    if before is not None and before.joint == joint:
        groups = before.groups
    else:
        groups = across.groups(across.merge(part.acts for part in held if part.acts is not None))[:GROUPS]
    made = Snapshot("", hour, members, days, most, _sources(held, hour, before), joint, groups)
    id_ = hashlib.blake2b(_encode(made), digest_size=8, person=b"rapport-snapshot").hexdigest()
    return msgspec.structs.replace(made, id=id_)


def _sources(parts: Iterable[Part], hour: int, before: Snapshot | None) -> dict[str, Source]:
    """What is known of each source; one that is in no part any more, or was silent for two weeks, goes."""
    newest: dict[str, int] = {}
    now: dict[str, int] = {}
    for part in parts:
        if part.hour < hour - STALE_H:
            continue
        for name, at in part.sources.items():
            # Who lags has perhaps not yet come to what the source sent: it is waited for.
            now[name] = min(part.hour * HOUR, now.get(name, part.hour * HOUR))
            newest[name] = max(at, newest.get(name, at))
    told = before.sources if before is not None else {}
    made = {}
    for name in sorted(newest):
        if newest[name] > (hour - SOURCE_DAYS * 24) * HOUR:
            made[name] = _source(newest[name], now[name], told.get(name))
    return made


def _source(newest: int, now: int, old: Source | None) -> Source:
    if old is None:
        return Source(newest, now)
    days = {day: kept for day, kept in old.days.items() if day >= now // DAY - SOURCE_DAYS}
    if newest > old.newest:
        longest, spoke = days.get(now // DAY, (0, 0))
        if not old.silent:  # an outage is nothing usual
            longest = max(longest, old.now - old.newest)
        days[now // DAY] = longest, spoke + 1
    made = Source(newest, now, days)
    limit = max(SILENT_S, SILENT_TIMES * (made.usual + HOUR))
    silent = now - newest > limit and sum(spoke for _, spoke in days.values()) >= SPOKE
    return msgspec.structs.replace(made, silent=newest) if silent else made


def purged(snapshot: Snapshot | None, day: int) -> float:
    """Share of the influencers that lost more than 2 % of their followers on an epoch day; 0 without a
    snapshot, and where it is known of fewer than 10. The day after counts as well: where totals are polled in
    the morning, that day tells what the night before took."""
    days = snapshot.days if snapshot is not None else {}
    told = [days[d] for d in (day, day + 1) if d in days]
    return max((lost / known for known, lost in told if known >= MIN_INFLUENCERS), default=0.0)


def neighbours(snapshot: Snapshot, influencer: str, count: int = NEIGHBOURS) -> list[Member]:
    """The nearest members by size (log followers) and topics, nearest first, without the influencer."""
    mine = snapshot.of(influencer)
    if mine is None or not mine.followers:
        return []
    topics = mine.facts.topics
    found: list[tuple[float, str, Member]] = []
    for apart, name in _nearest(snapshot.by_size, log(mine.followers)):
        if len(found) >= count and apart > nsmallest(count, (f[0] for f in found))[-1]:
            break  # whoever is farther in size alone can't be nearer
        if name != influencer:
            other = snapshot.by_id[name]
            found.append((apart + TOPIC_WEIGHT * (1 - alike(topics, other.facts.topics)), name, other))
    return [other for _, _, other in sorted(found, key=lambda item: item[:2])[:count]]


def _nearest(by_size: list[tuple[float, str]], size: float) -> Iterator[tuple[float, str]]:
    """(distance in size, influencer), the nearest first."""
    right = bisect_left(by_size, (size, ""))
    left = right - 1
    while left >= 0 or right < len(by_size):
        down = size - by_size[left][0] if left >= 0 else float("inf")
        up = by_size[right][0] - size if right < len(by_size) else float("inf")
        if down <= up:
            yield down, by_size[left][1]
            left -= 1
        else:
            yield up, by_size[right][1]
            right += 1


def alike(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Overlap sum min(p, q) of two mixes, 0 to 1; a half where one is not known."""
    all_one, all_other = sum(one.values()), sum(other.values())
    if not all_one or not all_other:
        return 0.5
    return sum(min(n / all_one, other.get(topic, 0) / all_other) for topic, n in one.items())


class Place(msgspec.Struct, frozen=True):
    """Where a value stands among the neighbours': 0 to 100, and among how many."""

    percentile: float
    n: int


def percentile(snapshot: Snapshot, influencer: str, of: str) -> Place | None:
    """Place of one of the `Facts` (effective: per follower) among the neighbours' values; None with fewer
    than five of them."""
    mine = snapshot.of(influencer)
    value = _value(mine, of) if mine is not None else None
    if value is None:
        return None
    near = neighbours(snapshot, influencer)
    others = [other for member in near if (other := _value(member, of)) is not None]
    if len(others) < MIN_NEIGHBOURS:
        return None
    below = sum(other < value for other in others) + 0.5 * sum(other == value for other in others)
    return Place(100 * below / len(others), len(others))


def _value(member: Member, of: str) -> float | None:
    value: float | None = getattr(member.facts, of)
    if of == "effective":
        return value / member.followers if value is not None and member.followers else None
    return value


def affinity(snapshot: Snapshot | None, mix: Mapping[str, float], least: float = 10) -> dict[str, float]:
    """Topic -> its share here over its share over all, strongest first; topics with fewer than `least` acts
    here are left out, and all where nothing is known of the others."""
    here, everywhere = sum(mix.values()), sum(snapshot.topics.values()) if snapshot is not None else 0
    if snapshot is None or not here or not everywhere:
        return {}
    found = {
        topic: (n / here) / (snapshot.topics[topic] / everywhere)
        for topic, n in mix.items() if n >= least and snapshot.topics.get(topic)
    }  # fmt: skip
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
