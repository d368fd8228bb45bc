"""What crosses influencers comes into one influencer's state: at boundaries of event time, and noted there.

    take(inf, snapshot, at)         every six hours what compares; every hour whether its source is silent
    source_silent(ledgers) -> int   since when (epoch s) the source is silent as a whole; 0: it is not

A snapshot that is more than a day away from the boundary is not taken: a replay of the past must not look
into what was its future.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from processors.influencer import Influencer
from processors.ledgers.across import Across, Taken
from processors.ledgers.base import Ledger
from processors.panes import DAY, HOUR
from processors.snapshot import Snapshot, affinity, neighbours

#: Between two takes, s of event time; whether the source is silent is looked at every hour.
TAKE_S: Final = 6 * HOUR
APART_S: Final = DAY
#: Groups and members of one that are kept of each influencer.
GROUPS: Final = 3
MEMBERS: Final = 50
#: Topics whose affinity is kept, and acts (of 28 days) that one must have.
TOPICS: Final = 5
LEAST: Final = 30


def take(inf: Influencer, snapshot: Snapshot | None, at: int) -> None:
    """Note what the snapshot says about the influencer at boundary `at` (epoch s)."""
    if snapshot is None or at % HOUR or abs(snapshot.hour * HOUR - at) > APART_S:
        return
    ledger = inf.ledgers.get(Across.name)
    source = snapshot.sources.get(inf.meta.source)
    since = source.silent if source is not None else 0
    if since or ledger is not None:
        ledger = inf.ledger(Across)
        assert isinstance(ledger, Across)
        ledger.hush(since)
    if at % TAKE_S or snapshot.of(inf.id) is None:
        return
    ledger = inf.ledger(Across)
    assert isinstance(ledger, Across)
    if ledger.snapshot_id != snapshot.id:
        ledger.take(_taken(inf.id, snapshot, at))


def _taken(influencer: str, snapshot: Snapshot, at: int) -> Taken:
    mine = snapshot.by_id[influencer]
    near = [other.facts for other in neighbours(snapshot, influencer)]
    here = [group for group in snapshot.groups if influencer in group.influencers][:GROUPS]
    likes = affinity(snapshot, mine.facts.topics, LEAST)
    return Taken(
        at, snapshot.id,
        tuple(type(g)(g.members[:MEMBERS], g.influencers, g.posts, g.times, g.size, g.new, g.last)
              for g in here),
        tuple(sorted(round(f.quality_rate, 6) for f in near if f.quality_rate is not None)),
        tuple(sorted(round(f.reply_rate, 4) for f in near if f.reply_rate is not None)),
        {topic: round(value, 3) for topic, value in list(likes.items())[:TOPICS]},
    )  # fmt: skip


def taken_by(inf: Influencer, at: int) -> Taken | None:
    """What was noted of an influencer and holds at `at` (epoch s)."""
    ledger = inf.ledgers.get(Across.name)
    return ledger.of(at) if isinstance(ledger, Across) else None


def source_silent(ledgers: Mapping[str, Ledger]) -> int:
    """Since when the influencer's source is silent as a whole, epoch s; 0: it is not."""
    ledger = ledgers.get(Across.name)
    return ledger.silent if isinstance(ledger, Across) else 0
