"""What is taken from the snapshot into an influencer's state, and what readings and detectors make of it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import msgspec
import pytest

from processors.beside import beside
from processors.book import Book
from processors.crossing import MEMBERS, source_silent, take
from processors.detection.across import lockstep_across
from processors.detection.look import Look
from processors.influencer import Influencer
from processors.ledgers.across import KEEP_S, Across, Taken
from processors.lockstep.across import Found
from processors.panes import DAY, HOUR
from processors.reference import freeze
from processors.scores import Score
from processors.snapshot import Facts, Member, Part, Snapshot, Source, merge
from tests.processors.builders import NOW, signal_input
from tests.processors.core import Core, partnership, records, stream

GROUP = Found(tuple(range(60)), ("ann", "bob"), 5, 6, 60, 1.0, NOW - DAY)


def snapshot(hour: int = NOW // HOUR, groups: tuple[Found, ...] = (GROUP,), silent: int = 0) -> Snapshot:
    members = tuple(
        Member(name, 10_000 + n, "x", NOW, (), Facts(None, None, 0.01 * n, 0.1 * n, {"food": 40, name: 9}))
        for n, name in enumerate(("ann", "bob", "cid", "dee", "eve", "fay", "gus"), 1)
    )
    made = merge([Part(hour, members)])
    return msgspec.structs.replace(
        made, groups=groups, sources={"x": Source(NOW - 9 * HOUR, NOW, {}, silent)}
    )


def taken(at: int = NOW, **more: object) -> Influencer:
    inf = Influencer("ann")
    inf.meta.source = "x"
    take(inf, snapshot(**more), at)  # type: ignore[arg-type]
    return inf


def ledger(inf: Influencer) -> Across:
    held = inf.ledgers["across"]
    assert isinstance(held, Across)
    return held


def test_it_is_taken_at_boundaries_from_a_snapshot_of_the_same_day_and_survives_the_store() -> None:
    inf = taken()
    here = ledger(inf).of(NOW)
    assert here is not None and here.rates == (0.02, 0.03, 0.04, 0.05, 0.06, 0.07)
    assert [len(g.members) for g in here.groups] == [MEMBERS] and here.groups[0].size == 60
    assert list(here.affinity) == ["food"]
    assert not taken(NOW + HOUR).ledgers  # not a boundary at which it is looked at
    for hours in (-25, 25):  # a replay must not look into its future
        assert not taken(hour=NOW // HOUR + hours).ledgers
    back = Across()
    for sub, data in ledger(inf).writes():
        assert data is not None
        back.load(sub, data)
    assert back.of(NOW) == here and back.of(NOW + KEEP_S) is None and back.of(NOW - 1) is None
    assert list(ledger(inf).writes()) == []
    take(inf, snapshot(), NOW + 6 * HOUR)  # the same snapshot again changes nothing
    assert list(ledger(inf).writes()) == []


def test_a_source_that_is_silent_is_noted_until_it_speaks() -> None:
    inf = taken(silent=NOW - 9 * HOUR)
    assert source_silent(inf.ledgers) == NOW - 9 * HOUR
    assert ("silent", str(NOW - 9 * HOUR).encode()) in ledger(inf).writes()
    take(inf, snapshot(), NOW + HOUR)
    assert source_silent(inf.ledgers) == 0 and ("silent", None) in ledger(inf).writes()
    assert source_silent({}) == 0


def look(*groups: Found, reference: bool = True) -> Look:
    inp = signal_input()
    held = Across()
    held.take(Taken(NOW, "snap", groups))
    inp = replace(inp, ledgers={"across": held}, reference=freeze(inp) if reference else None)
    return Look(inp)


def test_a_group_of_newcomers_is_told_with_its_snapshot_and_actors() -> None:
    verdict = lockstep_across(look(GROUP))
    assert verdict.breached and verdict.severity == "critical"
    assert (verdict.snapshot_id, verdict.actor_ids, verdict.actors) == ("snap", GROUP.members, 60)
    assert "2 influencers" in (verdict.summary or "")


@pytest.mark.parametrize("change", [{"new": 0.2}, {"last": NOW - 20 * DAY}])
def test_fans_and_what_is_long_ago_are_not(change: dict[str, object]) -> None:
    verdict = lockstep_across(look(msgspec.structs.replace(GROUP, **change)))
    assert verdict.measurable and verdict.recovered and not verdict.breached


def test_without_a_snapshot_or_a_reference_it_cannot_say() -> None:
    assert not lockstep_across(look(GROUP, reference=False)).measurable
    assert not lockstep_across(Look(replace(signal_input(), ledgers={}))).measurable


def test_neighbours_stand_beside_the_own_numbers() -> None:
    part = Score(0.045, 5.0, window="D7")
    signals = {
        "interaction_quality": Score(80.0, parts={"quality_rate": part}), "audience_fit": Score(50.0),
        "connection": Score(50.0, parts={"reply_rate": Score.unmeasurable("too few")}),
    }  # fmt: skip
    here = ledger(taken()).of(NOW)
    assert here is not None
    out = beside(signals, here)
    near = out["interaction_quality"].parts["quality_rate_neighbours"]
    assert near.value == pytest.approx(0.045) and near.n == 6.0 and near.parts["rank"].value == 50.0
    assert set(out["connection"].parts) == {"reply_rate"}
    assert out["audience_fit"].parts["affinity"].parts["food"].value == here.affinity["food"]
    assert signals["interaction_quality"].parts == {"quality_rate": part}  # not changed in place


def test_where_writes_and_crashes_fall_does_not_show() -> None:
    names = ("ann", "bob", "eve")
    recs = records(stream(6, 120, step=900.0, disorder=0.1))
    hour = int(recs[0].timestamp // 3_600_000) + 12
    offered = snapshot(hour, (msgspec.structs.replace(GROUP, last=hour * HOUR),), silent=(hour - 9) * HOUR)
    offered = msgspec.structs.replace(offered, sources={"bluesky": offered.sources["x"]})

    def run(*cuts: int, crash: bool = False) -> Core:
        core = Core(Book([partnership(name) for name in names]), watched=names)
        for first, last in itertools.pairwise((0, *cuts, len(recs))):
            core.partition.evaluator.snapshot = offered
            core.fold(recs[first:last])
            if crash:  # work since the last fence is lost, and done again
                core.claim()
                core.partition.evaluator.snapshot = offered
                core.fold(recs[first:last])
            core.write()
        return core

    whole = run()
    assert any("across" in inf.ledgers for inf in whole.partition.influencers.values())
    assert any(json.loads(body)["snapshot_id"] == offered.id for _, body, _ in whole.readings)
    for other in (run(7, 50, 90), run(31, 77, crash=True)):
        assert other.state() == whole.state()
        assert sorted(other.readings) == sorted(whole.readings)
