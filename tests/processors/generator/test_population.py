"""The default population: every type of incident often enough, a quarter clean, life as it was measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import datetime
from functools import cache
from statistics import median
from typing import Any

import pytest

from processors.generator import Generated, generate, load_scenario
from processors.generator.incidents import REGISTRY
from processors.generator.scenario import Population, Scenario, parse_scenario

_SMALL = {"days": 40, "clean_days": 14, "max_events": 20_000, "population": {"count": 10}}


@cache
def _default() -> Generated:
    return generate(load_scenario(None, seed=5))


@cache
def _calm() -> tuple[int, list[dict[str, Any]]]:
    """How many events there are, and those of influencers to whom nothing happens."""
    troubled = {line["influencer_id"].encode() for line in _default().truth}
    count, events = 0, []
    for record in _default().events():
        count += 1
        if record.key not in troubled:
            events.append(json.loads(record.value))
    return count, events


def _ts(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["occurred_at"]).timestamp()


def test_every_type_comes_at_least_four_times_and_a_quarter_of_the_influencers_is_clean() -> None:
    truth = _default().truth
    types = Counter(line["type"] for line in truth)
    assert types.keys() == REGISTRY.keys()
    assert min(count for kind, count in types.items() if not kind.startswith("negative:")) >= 4
    assert min(types.values()) >= 3
    troubled = {line["influencer_id"] for line in truth}
    assert 45 <= 200 - len(troubled) <= 55
    incidents = sum(bool(line["signals"]) for line in truth)
    assert 100 <= incidents <= 200  # one in four influencer-months, about
    made = _default().scenario
    ends = [datetime.fromisoformat(line["end"]).timestamp() for line in truth if line["signals"]]
    assert sum(end < made.ends_at - 86_400 for end in ends) > 0.7 * len(ends)
    begin = made.starts_at + made.clean_days * 86_400
    assert min(datetime.fromisoformat(line["onset"]).timestamp() for line in truth) >= begin


def test_all_are_watched_and_most_have_a_contract() -> None:
    partnerships = _default().partnerships
    assert len({p["influencer_id"] for p in partnerships}) == 200
    assert sum(bool(p["contracts"]) for p in partnerships) >= 100
    assert all(p["employees"] for p in partnerships)
    declared = {e["kind"] for p in partnerships for e in p["explainers"]}
    assert declared == {"holiday", "giveaway"}


def test_a_seed_stays_within_its_budget() -> None:
    assert 400_000 < _calm()[0] <= 500_000


def test_life_is_as_it_was_measured() -> None:
    """On influencers to whom nothing happens; the numbers are those of evaluation.md."""
    texts: list[str] = []
    seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    ages, asked, answered = [], Counter[str](), Counter[str]()
    posts: dict[str, float] = {}
    comments: dict[str, str] = {}
    for event in _calm()[1]:
        me, actor = event["influencer_id"], event["actor"]["id"]
        if event["kind"] == "post":
            posts[event["object_id"]] = _ts(event)
        elif event["kind"] == "comment" and actor.startswith(f"{me}."):
            texts.append(event["text"])
            seen[me][actor].add(event["target"]["id"])
            asked[me] += 1
            comments[event["object_id"]] = me
        elif event["kind"] == "reply" and actor == me and event["target"]["id"] in comments:
            answered[me] += 1
        elif event["kind"] == "like" and actor != me and event["target"]["id"] in posts:
            ages.append((_ts(event) - posts[event["target"]["id"]]) / 60)
    long = [text for text in texts if len(text.split()) >= 4]
    assert sum(not any(c.isalnum() for c in text) for text in texts) / len(texts) == pytest.approx(
        0.29, abs=0.04
    )
    assert 1 - len(long) / len(texts) == pytest.approx(0.55, abs=0.04)
    assert 1 - len(set(texts)) / len(texts) == pytest.approx(0.31, abs=0.07)
    assert 1 - len(set(long)) / len(long) < 0.05
    often = [len(on) for who in seen.values() for on in who.values()]
    assert sum(count >= 3 for count in often) / len(often) == pytest.approx(0.033, abs=0.025)
    assert median(ages) == pytest.approx(92, rel=0.2)
    rates = sorted(answered[me] / count for me, count in asked.items() if count >= 10)
    assert rates[len(rates) // 4] < 0.06 and rates[-1] > 0.37  # most hardly answer, some really talk


def test_profiles_have_gaps_and_fakes_are_a_minority_with_a_tail() -> None:
    shares = sorted(persona.low_credibility for persona in _default().personas)
    assert 0.12 < median(shares) < 0.22
    assert shares[-1] > 0.5
    told = [event["actor"] for event in _calm()[1] if "followers" in event["actor"]]
    assert 0.03 < sum("created_at" not in actor for actor in told) / len(told) < 0.1


def test_a_purge_takes_followers_from_everyone_and_counters_show_it() -> None:
    made = parse_scenario(
        {**_SMALL, "population": {"count": 10, "types": ["negative:purge"], "negatives": 0.2}, "seed": 3}
    )
    generated = generate(made)
    lines = generated.truth
    assert {line["type"] for line in lines} == {"negative:purge"}
    day = int((datetime.fromisoformat(lines[0]["onset"]).timestamp() - made.starts_at) // 86_400)
    counted: dict[str, list[int]] = defaultdict(list)
    gone: Counter[str] = Counter()
    for record in generated.events():
        event = json.loads(record.value)
        if event["kind"] == "profile":
            counted[event["influencer_id"]].append(event["actor"]["followers"])
        elif (
            event["kind"] == "follow"
            and event.get("op") == "undo"
            and int(_ts(event)) // 86_400 - made.starts_at // 86_400 in (day, day + 1)
        ):
            gone[event["influencer_id"]] += 1
    assert len(counted) == 10
    for series in counted.values():
        assert 0.85 < series[day + 2] / series[day - 1] < 0.99
    assert all(gone[me] >= 1 for me in counted)


@pytest.mark.parametrize("hidden", ["profiles", "countries", "languages"])
def test_hiding_takes_what_is_known_from_that_share(hidden: str) -> None:
    field = {"profiles": "followers", "countries": "country", "languages": "lang"}[hidden]
    made = parse_scenario({**_SMALL, "hide": {hidden: 0.6}, "seed": 2})
    actors = {}
    for record in generate(made).events():
        event = json.loads(record.value)
        if event["actor"]["id"] != event["influencer_id"] and event["kind"] == "like":
            actors[event["actor"]["id"]] = field in event["actor"]
    assert sum(actors.values()) / len(actors) == pytest.approx(0.4, abs=0.06)


def _records(**changes: Any) -> list[tuple[float, dict[str, Any]]]:
    made = parse_scenario({**_SMALL, "seed": 4, **changes})
    return [(record.at, json.loads(record.value)) for record in generate(made).events()]


def test_late_means_the_same_events_out_of_order_by_at_most_so_much() -> None:
    plain, late = _records(), _records(late_hours=6)
    assert sorted(e["event_id"] for _, e in plain) == sorted(e["event_id"] for _, e in late)
    assert [at for at, _ in late] == sorted(at for at, _ in late)
    delays = [at - _ts(event) for at, event in late if "received_at" in event]
    assert 5 * 3_600 < max(delays) < 6.9 * 3_600  # an hour's slack for clocks that are wrong by themselves
    assert len(delays) / len(late) == pytest.approx(1 / 3, abs=0.05)


def test_duplicates_double_every_event_and_change_nothing_else() -> None:
    plain, twice = _records(), _records(duplicates=1.0)
    assert len(twice) == 2 * len(plain)
    assert {json.dumps(event) for _, event in twice} == {json.dumps(event) for _, event in plain}


def test_shuffled_times_keep_events_and_hours_but_not_days() -> None:
    plain, shuffled = _records(), _records(shuffle_times=True)
    assert [at for at, _ in shuffled] == sorted(at for at, _ in shuffled)
    before = {event["event_id"]: at for at, event in plain}
    moved = [abs(at - before[event["event_id"]]) for at, event in shuffled]
    assert len(moved) == len(plain)
    assert median(moved) > 5 * 86_400


def test_another_process_with_another_hash_seed_writes_the_same_bytes() -> None:
    code = (
        "import hashlib, json, sys; from processors.generator import generate;"
        "from processors.generator.scenario import parse_scenario;"
        "g = generate(parse_scenario(json.loads(sys.argv[1]))); h = hashlib.sha256();"
        "[h.update(r.value) for r in g.events()]; h.update(json.dumps([g.truth, g.partnerships]).encode());"
        "print(h.hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, json.dumps(_SMALL)], env={**os.environ, "PYTHONHASHSEED": seed},
            check=True, capture_output=True, text=True,
        ).stdout
        for seed in ("1", "77")
    }  # fmt: skip
    assert len(digests) == 1


def test_only_the_types_asked_for_are_planted() -> None:
    made = Scenario(
        seed=9, days=60, max_events=20_000,
        population=Population(count=12, incidents=1.0, negatives=0.0, second=0.0, types=("silence", "pod")),
    )  # fmt: skip
    assert {line["type"] for line in generate(made).truth} == {"silence", "pod"}
