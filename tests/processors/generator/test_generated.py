"""Generated streams are valid, in order, the same for a seed; they differ only where the truth says so."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from processors.decode import decode
from processors.generator import Generated, Record, Scenario, generate, load_scenario
from processors.generator.incidents import REGISTRY
from processors.generator.scenario import (
    ContractSpec,
    EmployeeSpec,
    IncidentSpec,
    InfluencerSpec,
    PartnershipSpec,
    Population,
)
from schemas import EngagementEvent, Partnership

_PARTNERSHIP = PartnershipSpec(
    brand="acme", contracts=(ContractSpec(0, 60),), brand_terms=("#acme",), brand_acts_per_week=2,
    employees=(EmployeeSpec(account="acme.eve", acts_per_week=8), EmployeeSpec(account="acme.kit")),
)  # fmt: skip
_ANN = InfluencerSpec(
    handle="ann", tier="micro", followers=20_000, engagement=0.005, comments_per_like=0.3, posts_per_day=1.5,
    reply_rate=0.5, reply_p90_h=6.0, audience={"GB": 1.0}, partnerships=(_PARTNERSHIP,),
)  # fmt: skip
_BEN = InfluencerSpec(handle="ben", tier="nano", followers=3_000, posts_per_day=1.0)


def scenario(*incidents: IncidentSpec, **changes: Any) -> Scenario:
    base = Scenario(
        seed=3, days=40, clean_days=14, influencers=(_ANN, _BEN), incidents=incidents,
        profiles_known=0.7, countries_known=0.6, langs_known=0.5,
    )  # fmt: skip
    return replace(base, **changes)


def digest(generated: Generated) -> str:
    found = hashlib.sha256()
    for record in generated.events():
        found.update(record.key + record.value)
    return found.hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    silence = IncidentSpec(type="silence", influencer="ann", day=20)
    assert digest(generate(scenario(silence))) == digest(generate(scenario(silence)))
    assert digest(generate(scenario(silence))) != digest(generate(scenario(silence, seed=4)))


def test_asking_twice_gives_the_same_events_and_truth() -> None:
    generated = generate(scenario(IncidentSpec(type="bought_likes", influencer="ann", day=20)))
    truth = generated.truth
    assert digest(generated) == digest(generated)
    assert generated.truth == truth


def test_events_come_in_order_of_time_with_their_influencer_as_key_and_ids_of_their_own() -> None:
    made = scenario(IncidentSpec(type="comment_bots", influencer="ann", day=20))
    records = list(generate(made).events())
    assert [r.at for r in records] == sorted(r.at for r in records)
    assert made.starts_at <= records[0].at and records[-1].at < made.ends_at
    events = [json.loads(r.value) for r in records]
    assert all(e["influencer_id"].encode() == r.key for r, e in zip(records, events, strict=True))
    assert max(Counter(e["event_id"] for e in events).values()) == 1
    undone = {e["undoes"] for e in events if "undoes" in e}
    assert undone and undone <= {e["event_id"] for e in events}


def test_every_event_is_valid_in_both_readers_and_every_kind_of_act_occurs() -> None:
    punctual = [kind for kind in sorted(REGISTRY) if not REGISTRY[kind].delivers]
    incidents = [IncidentSpec(type=kind, influencer="ann", day=15) for kind in punctual]
    kinds: Counter[str] = Counter()
    for record in generate(scenario(*incidents)).events():
        event = EngagementEvent.model_validate_json(record.value)
        assert abs(event.occurred_at.timestamp() - record.at) < 0.0015
        decode(record.key, record.value, round(record.at * 1_000))
        kinds[event.kind + ("/undo" if event.op == "undo" else "")] += 1
    acts = {"post", "comment", "reply", "like", "share", "save", "follow", "profile"}
    assert set(kinds) >= acts | {"like/undo", "follow/undo"}


@cache
def _clean() -> list[Record]:
    return list(generate(scenario()).events())


@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_onset_is_the_first_event_that_differs(kind: str) -> None:
    incident = IncidentSpec(type=kind, influencer="ann", day=18.4)
    changed = generate(scenario(incident))
    (line,) = changed.truth
    onset = datetime.fromisoformat(line["onset"]).timestamp()
    records = list(changed.events())
    before, after = ([r for r in g if r.key == b"gen:ann"] for g in (_clean(), records))
    differing = Counter(before)
    differing.subtract(after)
    differing = Counter({record: count for record, count in differing.items() if count})
    assert min(record.at for record in differing) == pytest.approx(onset, abs=0.001)
    others = ([r for r in g if r.key == b"gen:ben"] for g in (_clean(), records))
    if kind not in ("click_farm", "negative:purge"):  # these concern others too
        assert next(others) == next(others)
    assert line["type"] == kind
    assert bool(line["signals"]) != kind.startswith("negative:")
    assert line["partnership_id"] == "acme--ann"


def test_an_incident_without_any_effect_is_dropped() -> None:
    alone = replace(_PARTNERSHIP, employees=(), brand_acts_per_week=0.0)
    never_answers = replace(_ANN, reply_rate=0.0, partnerships=(alone,))
    silence = IncidentSpec(type="silence", influencer="ann", day=20, with_={"mentions": 1.0})
    assert generate(scenario(silence, influencers=(never_answers,))).truth == []


def test_silence_means_no_answers_and_then_answers_again() -> None:
    silence = IncidentSpec(type="silence", influencer="ann", day=20, days=10)
    made = scenario(silence)
    answers, comments = Counter[bool](), Counter[bool]()
    later = 0
    for record in generate(made).events():
        event = json.loads(record.value)
        silent = 20 <= (record.at - made.starts_at) / 86_400 < 30
        if event["kind"] == "comment" and event["actor"]["id"] != "gen:ann" and record.key == b"gen:ann":
            comments[silent] += 1
        if event["kind"] == "reply" and event["actor"]["id"] == "gen:ann":
            answers[silent] += 1
            later += (record.at - made.starts_at) / 86_400 > 30
    assert comments[True] > 200
    assert answers[True] == 0
    assert later > 50
    assert 0.42 < answers[False] / comments[False] < 0.55


def test_thinning_keeps_a_population_within_its_budget_and_leaves_the_small_whole() -> None:
    made = Scenario(seed=5, days=40, clean_days=14, max_events=40_000, population=Population(count=12))
    generated = generate(made)
    assert 20_000 < sum(1 for _ in generated.events()) <= 40_000
    assert min(generated.thinning.values()) < 0.05
    assert max(generated.thinning.values()) == 1.0


def test_write_gives_the_layout_that_evaluation_reads(tmp_path: Path) -> None:
    generated = generate(scenario(IncidentSpec(type="silence", influencer="ann", day=20), days=30))
    told: list[tuple[int, int]] = []
    count = generated.write(tmp_path / "out", on_progress=lambda done, total: told.append((done, total)))
    lines = (tmp_path / "out" / "events.ndjson").read_bytes().splitlines()
    assert len(lines) == count == sum(1 for _ in generated.events())
    partnerships = json.loads((tmp_path / "out" / "partnerships.json").read_text())
    assert [Partnership.model_validate(p).partnership_id for p in partnerships] == ["acme--ann"]
    (truth,) = [json.loads(line) for line in (tmp_path / "out" / "truth.ndjson").read_text().splitlines()]
    assert truth.keys() == {"incident", "influencer_id", "partnership_id", "signals", "type", "onset", "end",
                            "allowed_delay_s", "severity", "actors", "also"}  # fmt: skip
    assert generate(generated.scenario).truth == [
        truth
    ]  # written from the same pass as the events, asked for from one of its own
    assert json.loads((tmp_path / "out" / "meta.json").read_text())["thinning"].keys() == {
        "gen:ann",
        "gen:ben",
    }
    assert told[-1] == (720, 720)


def test_the_default_scenario_is_200_influencers_over_120_days() -> None:
    made = load_scenario(None, seed=11)
    assert (made.seed, made.days, made.clean_days, made.max_events) == (11, 120, 28, 500_000)
    assert len(generate(made).personas) == 200


def test_events_between_two_times_are_those_of_the_whole_run() -> None:
    made = scenario()
    start, end = made.starts_at + 5.5 * 86_400 + 1_234, made.starts_at + 7.1 * 86_400
    whole = [r for r in generate(made).events() if start <= r.at < end]
    assert whole and list(generate(made).events(start, end)) == whole
    assert datetime.fromtimestamp(whole[0].at, UTC) >= made.start
