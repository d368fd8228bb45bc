"""The core as a whole: what comes out depends on the records and their order, and on nothing else."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from processors.book import Book
from processors.partition import CROWD, EXPIRY_S, OPEN_SLACK
from processors.records import Config
from schemas import Alert, EnrichedEvent, Reading
from tests.processors.core import ARRIVAL, KEYS, START, Core, event, partnership, records, stream

SEEDS = st.integers(0, 2**32)
#: A seed cannot be made simpler, so nothing is shrunk.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
BOOK = (partnership("ann"), partnership("bob"))
WATCHED = ("ann", "bob")


def core(**changes):
    return Core(Book(BOOK), watched=WATCHED, **changes)


def whole(seed, **options):
    """The records of a stream, and what an undisturbed run in one slice makes of them."""
    recs = records(stream(seed, **options))
    return recs, core().run(recs)


def same(one, other):
    assert one.state() == other.state()
    assert sorted(one.readings) == sorted(other.readings)
    assert one.transitions == other.transitions
    assert one.enriched == other.enriched


@settings(max_examples=15, deadline=None, phases=PHASES)
@given(SEEDS, st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(0, 2**16))
def test_slices_and_writes_change_nothing(seed, sizes, dice):
    recs, undisturbed = whole(seed)
    rng = Random(dice)
    sliced = core()
    while recs:
        part, recs = recs[: (size := rng.choice(sizes))], recs[size:]
        sliced.fold(part)
        if rng.random() < 0.4:
            sliced.write(provisional=rng.random() < 0.5)
    sliced.write()
    same(sliced, undisturbed)


@settings(max_examples=15, deadline=None, phases=PHASES)
@given(SEEDS, st.lists(st.integers(0, 150), min_size=1, max_size=4), st.integers(0, 10))
def test_a_restart_from_the_store_at_any_cut_changes_nothing(seed, cuts, lost):
    """Unwritten work after the cut is lost with the process, and done again."""
    recs, undisturbed = whole(seed)
    restarted = core()
    done = 0
    for cut in sorted(set(cuts)):
        restarted.fold(recs[done:cut])
        restarted.write(provisional=cut % 2 == 0)
        restarted.fold(recs[cut : cut + lost])
        restarted.claim()
        done = cut
    restarted.fold(recs[done:])
    restarted.write()
    same(restarted, undisturbed)


@settings(max_examples=20, deadline=None, phases=PHASES)
@given(SEEDS)
def test_duplicates_change_nothing(seed):
    events = stream(seed)
    once = core().run(records(events))
    twice = core().run(records([item for item in events for _ in range(2)]))
    assert twice.partition.totals.duplicate == len(events)
    assert twice.partition.totals.read == 2 * len(events)
    one, two = once.state(), twice.state()
    assert one.pop("totals") | {"read": 2 * len(events), "duplicate": len(events)} == two.pop("totals")
    assert one == two
    assert once.readings == twice.readings
    assert [body for _, body, _, _ in once.enriched] == [body for _, body, _, _ in twice.enriched]


@settings(max_examples=20, deadline=None, phases=PHASES)
@given(SEEDS, st.integers(0, 40))
def test_every_record_read_has_exactly_one_outcome(seed, bad):
    rng = Random(seed)
    events = stream(seed, 100)
    for _ in range(bad):
        where = rng.randrange(len(events))
        events.insert(
            where, (events[where][0], rng.choice((b"{", b"[]", b'{"kind":"like"}', events[where][1])))
        )
    old = event("old", "like", START - 2 * EXPIRY_S)
    events.append((events[-1][0], old))
    run = core().run(records(events))
    totals = run.partition.totals
    assert totals.read == len(events)
    assert totals.read == totals.counted + totals.duplicate + totals.rejected + totals.expired
    assert totals.rejected == len(run.rejected)
    assert len(run.enriched) == totals.counted + totals.expired


@settings(max_examples=5, deadline=None, phases=PHASES)
@given(SEEDS)
def test_all_outputs_keep_their_contracts(seed):
    recs, run = whole(seed)
    run.fold(recs[-1:])
    run.partition.provisional(1.0, 0.0, 100)
    assert run.readings
    for pid, body, at in run.readings:
        reading = Reading.model_validate_json(body)
        assert (reading.partnership_id, reading.at.timestamp(), reading.provisional) == (pid, at, False)
        assert reading.brand_id == (None if pid.startswith("none--") else "acme")
    for _, body in run.partition.evaluator.out.newest.values():
        assert Reading.model_validate_json(body).provisional
    for key, body, _, offset in run.enriched:
        enriched = EnrichedEvent.model_validate_json(body)
        assert enriched.influencer_id.encode() == key
        assert enriched.event_id == json.loads(recs[offset].value)["event_id"]


def quiet_then_silent(days=40, silent_from=33):
    """A partnership with a lively month behind it, whose influencer stops answering."""
    rng = Random(5)
    out = []
    for hour in range(days * 24):
        at = START + hour * 3_600
        if hour % 24 == 8:
            out.append((at, event(f"p{hour}", "post", at, actor={"id": "ann", "followers": 40_000},
                                  object_id=f"post{hour}")))  # fmt: skip
        for i in range(8):
            fan = {"id": f"fan{rng.randrange(300)}", "posts": 5, "has_bio": True, "country": "GB"}
            said = at + 60 * i
            out.append((said, event(f"c{hour}-{i}", "comment", said, actor=fan, object_id=f"o{hour}-{i}")))
            out.append((said, event(f"l{hour}-{i}", "like", said, actor=fan)))
            if hour < silent_from * 24 and i % 2:
                answered = said + 1_800
                target = {"id": f"o{hour}-{i}"}
                out.append((answered, event(f"a{hour}-{i}", "reply", answered, actor="ann",
                                            object_id=f"x{hour}-{i}", target=target)))  # fmt: skip
    return sorted(out, key=lambda item: item[0])


@pytest.fixture(scope="module")
def silenced():
    recs = records(quiet_then_silent())
    return recs, Core(Book([partnership()])).run(recs)


def test_an_influencer_who_stops_answering_is_told_of_under_contract(silenced):
    _, run = silenced
    assert run.influencer().references, "28 measured days: a reference stands"
    fired = [alert for alert in run.transitions if alert["state"] == "firing"]
    assert fired
    assert {alert["signal"] for alert in fired} <= {"connection", "health", "interaction_quality"}
    for alert in run.transitions:
        Alert.model_validate(alert)
    first = fired[0]["at"]
    assert first > "2026-12-05", "nothing fires while the influencer answers"


def test_alerts_and_references_survive_restarts(silenced):
    recs, undisturbed = silenced
    restarted = Core(Book([partnership()]))
    for start in range(0, len(recs), 997):
        restarted.fold(recs[start : start + 997])
        restarted.write(provisional=True)
        restarted.claim()
    same(restarted, undisturbed)
    entries = [json.loads(body) for _, body in restarted.store.streams[KEYS.outbox]]
    assert [entry["transition_id"] for entry in entries] == [
        alert["transition_id"] for alert in undisturbed.transitions
    ]


def test_expired_events_count_in_lifetime_only():
    now = START
    before = Core().run(records([(now, event("a", "like", now))]))
    after = Core()
    after.run(records([(now, event("a", "like", now)), (now, event("b", "share", now - EXPIRY_S - 60))]))
    assert (after.partition.totals.counted, after.partition.totals.expired) == (1, 1)
    inf = after.influencer()
    assert inf.meta.lifetime[4] == 1 and inf.meta.expired == 1
    for panes in ("minutes", "hours", "days"):
        assert getattr(inf, panes).by_index == getattr(before.influencer(), panes).by_index
    assert not inf.short


def test_unknown_influencers_are_scored_without_partnership():
    run = Core(Book(), watched=())
    at = START
    run.run(records([(at + 60 * i, event(f"a{i}", "like", at + 60 * i)) for i in range(20)]))
    assert {pid for pid, _, _ in run.readings} == {"none--ann"}
    assert all(Reading.model_validate_json(body).brand_id is None for _, body, _ in run.readings)
    assert b"none--ann" in run.store.hashes[KEYS.readings_none]
    assert KEYS.readings not in run.store.hashes


def test_the_forgotten_come_back_from_the_store_as_they_were():
    """Memory is bounded: idle influencers are evicted, and loaded when they speak again."""
    recs = records(stream(11, 400))
    evicting = core()
    for start in range(0, len(recs), 20):
        evicting.fold(recs[start : start + 20])
        evicting.write()
        evicting.partition.evict(0)
    assert "eve" not in evicting.partition.influencers or evicting.partition._open
    same(evicting, core().run(recs))


def test_enriched_output_can_be_switched_off():
    recs = records(stream(3, 50))
    assert not core(config=Config(enriched=False)).run(recs).enriched


def test_the_enriched_event_says_what_was_found_out():
    low = {"id": "bot", "bot": True, "posts": 0}
    at = START
    events = [
        (at, event("1", "comment", at, actor=low)),
        (at, event("2", "like", at, actor="staff")),
        (at, event("3", "post", at, actor="ann", tags=["x"])),
        (at + 900, event("4", "like", at + 2, actor={"id": "fan", "posts": 3, "has_bio": True})),
    ]
    run = Core().run(records(events))
    found = [EnrichedEvent.model_validate_json(body) for _, body, _, _ in run.enriched]
    assert [one.enrichment.actor_role for one in found] == ["audience", "employee", "influencer", "audience"]
    assert found[0].enrichment.actor_credibility == 0.0
    assert found[0].enrichment.factors == ["low_credibility"] and found[0].enrichment.inauthentic == 1
    assert found[3].enrichment.late_by_s == pytest.approx(838)
    assert found[3].enrichment.actor_credibility == 1.0
    assert all(one.enrichment.partnership_ids == ["acme--ann"] for one in found)


def test_provisional_readings_are_bounded_in_number_and_in_time():
    run = Core(Book(), watched=[f"i{i}" for i in range(10)])
    run.fold(records([(START, event(f"e{i}", "like", START, influencer_id=f"i{i}")) for i in range(10)]))
    p = run.partition
    assert len(p.provisional(100.0, 1.0, 4)) == 4
    assert len(p.provisional(100.5, 1.0, 4)) == 4
    assert len(p.provisional(100.9, 1.0, 4)) == 2
    assert p.provisional(100.95, 1.0, 4) == []
    assert len(p.provisional(101.0, 1.0, 100)) == 4


def test_whom_nobody_watches_is_shown_more_seldom_and_after_the_others():
    run = Core(Book(), watched=["i2"])
    run.fold(records([(START, event(f"e{i}", "like", START, influencer_id=f"i{i}")) for i in range(3)]))
    p = run.partition
    assert [pid for pid, _ in p.provisional(100.0, 1.0, 2)] == ["none--i2", "none--i0"]
    assert [pid for pid, _ in p.provisional(100.1, 1.0, 2)] == ["none--i1"]
    run.write()
    again = [(START, event(f"f{i}", "like", START, influencer_id=f"i{i}")) for i in range(3)]
    run.fold(records(again, first=3))
    assert [pid for pid, _ in p.provisional(101.2, 1.0, 9)] == ["none--i2"]
    run.write()
    assert p.provisional(109.9, 1.0, 9) == []
    assert [pid for pid, _ in p.provisional(111.0, 1.0, 9)] == ["none--i0", "none--i1"]
    run.write()
    assert not p.pending


def test_the_last_change_before_a_silence_is_shown_too():
    """Within the second that a reading is left alone, and though nothing comes after it."""
    run = Core()
    run.fold(records([(START, event("a", "like", START))]))
    p = run.partition
    assert len(p.provisional(100.0, 1.0, 10)) == 1
    run.write()
    run.fold(records([(START, event("b", "like", START))], first=1))
    assert p.provisional(100.2, 1.0, 10) == []
    run.write()
    assert p.pending
    assert p.provisional(100.9, 1.0, 10) == []
    assert len(p.provisional(101.1, 1.0, 10)) == 1
    run.write()
    assert not p.pending


def test_an_hour_of_arrival_that_turns_keeps_what_it_knows():
    run = Core()
    recs = records([(START, event("a", "like", START)), (START, event("a", "like", START))])
    run.fold(recs[:1], ARRIVAL)
    run.fold(recs[1:], ARRIVAL + 30)
    run.write()
    assert run.partition.totals.duplicate == 1


def test_a_backfill_is_evaluated_by_full_hours_and_by_five_minutes_only_at_its_end():
    now = START + 60 * 86_400
    old = [(now + i / 100, event(f"e{i}", "like", START + 3_000 * i)) for i in range(60 * 28)]
    ends = [(now + 30 * i, event(f"z{i}", "like", now + 30 * i)) for i in range(1, 30)]
    for book, most in ((BOOK, 40 * 24 + 30), ((), 30)):
        run = Core(Book(book)).run(records([*old, *ends]))
        for hours in range(1, 8):  # the source's delay of 6 h
            run.partition.idle(now + hours * 3_600)
        run.write()
        assert 0 < len(run.readings) <= most
        assert len({at for _, _, at in run.readings}) == len(run.readings)


def test_a_flood_of_influencers_nobody_watches_is_bounded_before_their_boundary_comes():
    flood = [
        (START + i / 400, event(f"e{i}", "like", START + i / 400, influencer_id=f"inf{i}"))
        for i in range(4_000)
    ]
    run = core()
    for start in range(0, 4_000, 1_000):
        run.run(records(flood[start : start + 1_000], first=start))
        run.partition.evict(100)
        assert len(run.partition.influencers) <= 200 + OPEN_SLACK
    run.run(records([(START + 11, event("again", "like", START + 11, influencer_id="inf0"))], first=4_000))
    assert run.influencer("inf0").meta.lifetime[3] == 2


def test_the_reading_after_a_late_event_says_that_it_corrects():
    times = [START + 400 * i for i in range(7)]
    usual = [(at, event(f"a{at}", "like", at)) for at in times]
    late = (START + 1_000, event("late", "like", START + 10))
    run = core()
    for part in (usual[:3], [late], usual[3:]):
        run.run(records(part, first=run.next))
        run.claim()
    corrected = [json.loads(body)["corrected"] for _, body, _ in run.readings]
    assert corrected == [False, False, False, True, False, False]
    assert not any(json.loads(body)["corrected"] for _, body, _ in core().run(records(usual)).readings)


def test_many_changed_influencers_ask_for_a_write():
    crowd = [(START, event(f"e{i}", "like", START, influencer_id=f"inf{i}")) for i in range(CROWD + 1)]
    run = core()
    run.fold(records(crowd[:CROWD]))
    assert not run.partition.crowded
    run.fold(records(crowd[CROWD:], first=CROWD))
    assert run.partition.crowded
    run.write()
    assert not run.partition.crowded
