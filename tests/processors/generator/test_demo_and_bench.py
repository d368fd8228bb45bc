"""The demo's story and the bench's mix are what they are said to be."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from processors.generator.bench import bench_events
from processors.generator.demo import PAST_DAYS, SLIPS, SPEED, demo
from processors.generator.texts import comment
from schemas import EngagementEvent, Partnership

_NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


def _is_answer(event: dict[str, Any]) -> bool:
    return bool(event["kind"] == "reply" and event["actor"]["id"] == event["influencer_id"])


def test_the_past_is_a_month_of_moderate_size_in_which_all_answer() -> None:
    story = demo(_NOW)
    events = [json.loads(r.value) for r in story.generated.events(end=story.live_from)]
    assert 20_000 <= len(events) <= 30_000
    comments = Counter(e["influencer_id"] for e in events if e["kind"] == "comment")
    answers = Counter(e["influencer_id"] for e in events if _is_answer(e))
    assert comments["gen:sol.cooks"] / PAST_DAYS >= 60
    assert 0.4 < answers["gen:sol.cooks"] / comments["gen:sol.cooks"] < 0.6
    partners = [Partnership.model_validate(p) for p in story.generated.partnerships]
    assert len(partners) == 6
    assert sorted(Counter(p.brand_id for p in partners).values()) == [1, 1, 1, 1, 2]
    assert {p.influencer_id for p in partners} < {e["influencer_id"] for e in events}


def test_one_influencer_falls_silent_when_the_live_part_begins_and_nobody_else_does() -> None:
    story = demo(_NOW)
    (truth,) = story.generated.truth
    assert truth["partnership_id"] == SLIPS
    assert 0 <= datetime.fromisoformat(truth["onset"]).timestamp() - story.live_from < 86_400
    week = story.live_from + 7 * 86_400
    answers: Counter[str] = Counter()
    comments = 0
    for record in story.generated.events(story.live_from, week):
        event = json.loads(record.value)
        answers[event["influencer_id"]] += _is_answer(event)
        comments += event["influencer_id"] == "gen:sol.cooks" and event["kind"] == "comment"
    assert answers["gen:sol.cooks"] == 0
    assert comments > 300
    assert all(answers[p["influencer_id"]] > 20 for p in story.generated.partnerships
               if p["partnership_id"] != SLIPS)  # fmt: skip


def test_every_second_of_the_live_part_shows_life_and_none_lies_in_the_future() -> None:
    story = demo(_NOW, live_days=60)
    seconds = Counter(int((r.at - story.live_from) // SPEED) for r in story.generated.events(story.live_from))
    assert min(seconds[second] for second in range(60 * 86_400 // int(SPEED))) > 0
    assert story.ends_at <= _NOW.timestamp()


def test_the_bench_has_the_mix_it_promises() -> None:
    records = list(bench_events(20_000, start=1.78e9, stretch_s=86_400, seed=2))
    assert records == list(bench_events(20_000, start=1.78e9, stretch_s=86_400, seed=2))
    assert all(a.at <= b.at for a, b in pairwise(records))
    events = [json.loads(r.value) for r in records]
    kinds = Counter(e["kind"] for e in events)
    assert (kinds["like"] + kinds["view"]) / 20_000 == pytest.approx(0.70, abs=0.015)
    assert kinds["comment"] / 20_000 == pytest.approx(0.12, abs=0.01)
    assert sum("has_bio" in e["actor"] for e in events) / 20_000 == pytest.approx(0.30, abs=0.015)
    assert 650 <= median(len(r.value) for r in records) <= 750
    assert len({e["event_id"] for e in events}) == 20_000
    for record in records[::10]:
        EngagementEvent.model_validate_json(record.value)
    busiest = Counter(r.key for r in records).most_common(1)[0][1]
    assert 0.05 < busiest / 20_000 < 0.2


def test_comments_are_as_short_as_real_ones() -> None:
    from random import Random

    rng = Random(1)
    texts = [comment(rng, "en") for _ in range(4_000)]
    assert sum(not any(c.isalnum() for c in t) for t in texts) / 4_000 == pytest.approx(0.29, abs=0.03)
    assert sum(len(t.split()) <= 3 for t in texts) / 4_000 == pytest.approx(0.55, abs=0.03)
    long = [t for t in texts if len(t.split()) >= 4]
    assert 1 - len(set(long)) / len(long) < 0.12
