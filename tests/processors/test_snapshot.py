"""The snapshot of what crosses influencers: parts, merging, purges, neighbours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.influencer import Influencer
from processors.ledgers.followers import Day, Followers
from processors.panes import DAY, HOUR
from processors.snapshot import (
    MEMBERS,
    Facts,
    Member,
    Part,
    affinity,
    decode_part,
    decode_snapshot,
    encode,
    merge,
    neighbours,
    part_of,
    percentile,
    purged,
)
from tests.processors.core import KEYS, START, Core, event, records

TODAY = START // DAY
HOURS = START // HOUR


def member(name: str, followers: int | None = 10_000, **more: object) -> Member:
    values = {"source": "x", "newest": START, "changes": (), "facts": Facts()} | more
    return Member(name, followers, **values)  # type: ignore[arg-type]


def lost(names: int, share: float, day: int = TODAY - 1) -> Part:
    return Part(
        HOURS,
        tuple(member(f"i{n}", changes=((day, -0.05 if n < names * share else 0.001),)) for n in range(names)),
    )


def influencer(rows: dict[int, Day], followers: int | None = 1_000) -> Influencer:
    inf = Influencer("ann")
    inf.meta.first_at, inf.meta.followers = float(START - DAY), followers
    ledger = inf.ledger(Followers)
    assert isinstance(ledger, Followers)
    ledger.days.update(rows)
    return inf


def test_a_change_is_told_by_single_acts_or_by_polled_totals() -> None:
    rows = {TODAY - 2: Day(joins=10, unfollows=50), TODAY - 1: Day(totals=[(START - 9, 900)])}
    (one,) = part_of([influencer(rows)], {}, START).members
    assert one.changes == ((TODAY - 2, -0.04),)  # totals of a single day say nothing
    rows[TODAY - 2] = Day(joins=1, totals=[(START - DAY - 9, 1_000)])
    (one,) = part_of([influencer(rows)], {}, START).members
    assert one.changes == ((TODAY - 2, 0.001), (TODAY - 1, -0.1))
    assert part_of([influencer({TODAY - 1: Day(tagged=3)})], {}, START).members[0].changes == ()


def test_a_purge_is_seen_across_influencers_and_remembered() -> None:
    first = merge([lost(20, 0.5)])
    assert purged(first, TODAY - 1) == 0.5
    assert purged(first, TODAY - 2) == 0.5  # totals polled in the morning tell of the day before
    assert purged(first, TODAY) == purged(first, TODAY - 3) == 0.0 and purged(None, TODAY) == 0.0
    assert purged(merge([lost(9, 1.0)]), TODAY - 1) == 0.0  # too few to say
    later = merge([Part(HOURS + 20 * 24, (member("i1"),))], first)
    assert purged(later, TODAY - 1) == 0.5
    assert purged(merge([Part(HOURS + 40 * 24, ())], later), TODAY - 1) == 0.0


@given(st.permutations(range(4)))
def test_the_order_of_parts_does_not_matter(order: list[int]) -> None:
    parts = [
        Part(HOURS + n, (member(f"i{n}", facts=Facts(topics={"a": n, "b": 1})), member("moved", n)))
        for n in range(4)
    ]
    made = merge([parts[n] for n in order])
    assert made == merge(parts)
    assert made.topics == {"a": 6, "b": 4}
    newest = made.of("moved")
    assert newest is not None and newest.followers == 3


def test_the_id_names_the_content() -> None:
    one, other = merge([lost(20, 0.5)]), merge([lost(20, 0.4)])
    assert one.id == merge([lost(20, 0.5)]).id != other.id


def test_parts_and_snapshots_survive_the_store_within_bounds() -> None:
    held = []
    for n in range(MEMBERS + 50):
        inf = Influencer(f"bluesky:did:plc:{n:024}")
        inf.meta.first_at, inf.meta.followers, inf.meta.source = 1.0, n, "bluesky"
        held.append(inf)
    facts = {i.id: Facts(1234.5, 61.2, 0.0123, 0.34, {f"topic{k}": k for k in range(6)}) for i in held}
    part = part_of(held, facts, START)
    assert len(part.members) == MEMBERS and len(encode(part)) < 200 * MEMBERS
    assert decode_part(encode(part)) == part
    made = merge([part, lost(20, 0.5)])
    assert decode_snapshot(encode(made)) == made
    assert merge([]).members == ()


def test_who_has_fallen_far_behind_is_left_out() -> None:
    made = merge([Part(HOURS, (member("old"),)), Part(HOURS + 8 * 24, (member("new"),))])
    assert [m.influencer for m in made.members] == ["new"]


def test_neighbours_are_of_the_same_size_and_topics() -> None:
    own = Facts(effective=500.0, quality_rate=0.02, topics={"food": 10})
    near = [member(f"n{k}", 9_000 + 100 * k, facts=Facts(700.0, None, 0.01 * k)) for k in range(8)]
    far = [member(f"f{k}", 2_000_000, facts=own) for k in range(30)]
    alike = member("alike", 11_000, facts=Facts(topics={"food": 3}))
    made = merge([Part(HOURS, (member("ann", facts=own), alike, *near, *far, member("none", None)))])
    found = neighbours(made, "ann", 9)
    assert found[0].influencer == "alike" and {m.influencer for m in found[1:]} == {f"n{k}" for k in range(8)}
    place = percentile(made, "ann", "quality_rate")
    assert place is not None and 0 < place.percentile < 100 and place.n > 8
    assert percentile(made, "ann", "fit") is None  # it has none itself
    assert percentile(made, "nobody", "fit") is None
    assert neighbours(made, "none") == []


def test_affinity_is_the_share_here_over_the_share_of_all() -> None:
    part = Part(HOURS, (member("a", facts=Facts(topics={"food": 30, "art": 10})),
                        member("b", facts=Facts(topics={"art": 40}))))  # fmt: skip
    made = merge([part])
    found = affinity(made, {"food": 30, "art": 10, "rare": 3})
    assert list(found) == ["food", "art"]
    assert round(found["food"], 2) == round((30 / 43) / (30 / 80), 2)
    assert affinity(None, {"food": 30}) == {}


def test_a_partition_writes_its_part_when_the_hour_turns() -> None:
    core = Core()
    core.run(records([(START + 10, event("e1", "like", START + 10))]))
    first = decode_part(core.store.strings[KEYS.part])
    assert (first.hour, [m.influencer for m in first.members]) == (HOURS, ["ann"])
    del core.store.strings[KEYS.part]
    core.run(records([(START + 600, event("e2", "like", START + 600))], 1))
    assert KEYS.part not in core.store.strings
    core.run(records([(START + 7_300, event("e3", "like", START + 7_300))], 2))
    assert decode_part(core.store.strings[KEYS.part]).hour == HOURS + 2
