"""Each model: what it takes, what it refuses, and that the refusal says what to do."""

import datetime as dt
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas import (
    Alert,
    Control,
    EngagementEvent,
    EnrichedEvent,
    Partnership,
    Reading,
    RejectedEvent,
    SignalReading,
)
from schemas.topics import TOPICS

EXAMPLES = Path(__file__).parent / "examples"


def example(topic: str) -> dict:
    return json.loads((EXAMPLES / f"{topic}.json").read_text())


def event(**changes) -> dict:
    return {**example("engagement.events.v1"), **changes}


def partnership(**changes) -> dict:
    return {**example("partnerships.v1"), **changes}


def errors(model, value: dict) -> dict[str, str]:
    """Message by dotted path."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(value))
    return {".".join(map(str, one["loc"])): one["msg"] for one in caught.value.errors()}


@pytest.mark.parametrize("topic", TOPICS)
def test_example_is_read_and_written_again_without_loss(topic):
    model, raw = TOPICS[topic].model, example(topic)
    record = model.model_validate_json(json.dumps(raw))
    assert record.model_extra in ({}, None)  # all fields of the contract are known
    again = record.model_dump(mode="json", by_alias=True)
    assert model.model_validate(again) == record
    assert raw.keys() <= again.keys()


@pytest.mark.parametrize("topic", TOPICS)
def test_unknown_fields_are_accepted_and_kept(topic):
    record = TOPICS[topic].model.model_validate({**example(topic), "of_tomorrow": {"a": 1}})
    assert record.model_dump()["of_tomorrow"] == {"a": 1}


@pytest.mark.parametrize("topic", TOPICS)
def test_records_are_immutable(topic):
    record = TOPICS[topic].model.model_validate(example(topic))
    with pytest.raises(ValidationError, match="frozen"):
        record.at = None


@pytest.mark.parametrize("field", ["event_id", "source", "kind", "occurred_at", "influencer_id"])
def test_event_without_a_required_field(field):
    raw = event()
    del raw[field]
    assert errors(EngagementEvent, raw) == {field: "Field required"}


def test_event_of_the_required_fields_only_has_the_defaults_of_the_contract():
    raw = event()
    keep = ("event_id", "source", "kind", "occurred_at", "influencer_id")
    least = EngagementEvent.model_validate({name: raw[name] for name in keep} | {"actor": {"id": "a"}})
    assert (least.op, least.clock, least.cumulative, least.tags) == ("create", "event", True, [])
    assert least.actor.followers is None  # unknown, never 0


def test_actor_is_required_unless_counter():
    assert "unless `kind` is counter" in errors(EngagementEvent, event(actor=None))[""]
    counter = event(kind="counter", actor=None, metric="likes", count=3)
    assert EngagementEvent.model_validate(counter).cumulative is True
    assert "needs `metric` and `count`" in errors(EngagementEvent, counter | {"count": None})[""]


@pytest.mark.parametrize("time", [
    1_795_000_000, 1.5, True, None, "", "yesterday", "2026-11-22", "2026-11-22T10:15:30",
    "2026-02-30T00:00:00Z", "1795000000", ["2026-11-22T10:15:30Z"],
])  # fmt: skip
def test_times_that_are_none(time):
    assert "2026-11-22T10:15:30Z" in errors(EngagementEvent, event(occurred_at=time))["occurred_at"]


@pytest.mark.parametrize(
    "time", ["2026-11-22T10:15:30Z", "2026-11-22T12:15:30+02:00", "2026-11-22t10:15:30.000z"]
)
def test_times_with_any_offset_are_the_same_instant(time):
    assert EngagementEvent.model_validate(event(occurred_at=time)).occurred_at == dt.datetime(
        2026, 11, 22, 10, 15, 30, tzinfo=dt.UTC
    )


def test_time_before_2004_is_refused_but_an_account_may_be_that_old():
    assert "before 2004" in errors(EngagementEvent, event(occurred_at="2003-12-31T23:59:59Z"))["occurred_at"]
    old = EngagementEvent.model_validate(event(actor={"id": "a", "created_at": "1970-01-01T00:00:00Z"}))
    assert old.actor.created_at.year == 1970


def test_naive_datetime_is_refused_in_python_too():
    with pytest.raises(ValidationError, match="no offset"):
        EngagementEvent.model_validate(event(occurred_at=dt.datetime(2026, 1, 1)))


@pytest.mark.parametrize("count", ["3", 3.0, 3.5, True, -1, 2**53])
def test_counts_are_whole_numbers_and_nothing_else(count):
    assert "actor.followers" in errors(EngagementEvent, event(actor={"id": "a", "followers": count}))


@pytest.mark.parametrize("bad", ["", "x" * 257, 7, None])
def test_ids_have_1_to_256_characters(bad):
    assert "influencer_id" in errors(EngagementEvent, event(influencer_id=bad))
    assert EngagementEvent.model_validate(event(influencer_id="é" * 256))


def test_long_text_is_cut_and_marked():
    cut = EngagementEvent.model_validate(event(text="ä" * 10_001))
    assert (len(cut.text), cut.text_truncated) == (10_000, True)
    whole = EngagementEvent.model_validate(event(text="ä" * 10_000))
    assert (len(whole.text), whole.text_truncated) == (10_000, False)


@pytest.mark.parametrize("version", [2, "1", 1.0, True])
def test_only_version_1_is_read(version):
    assert "schema_version" in errors(EngagementEvent, event(schema_version=version))


def test_a_list_full_of_errors_gives_one():
    assert list(errors(EngagementEvent, event(tags=[1] * 1000))) == ["tags.0"]


@pytest.mark.parametrize(("changes", "field", "says"), [
    ({"contracts": [{"starts_on": "2026-12-31", "ends_on": "2026-10-01"}]}, "contracts.0", "lies before"),
    ({"contracts": [{"starts_on": "soon", "ends_on": "2026-10-01"}]}, "contracts.0.starts_on",
     "like 2026-11-22"),
    ({"contracts": [{"starts_on": "2026-01-01", "ends_on": "2026-10-01", "kind": "won"}]}, "contracts.0.kind",
     "paid"),
    ({"target_audience": {"country": {"GB": 70}}}, "target_audience.country.GB", "less than or equal to 1"),
    ({"target_audience": {"country": {"GB": "0.7"}}}, "target_audience.country.GB", "number"),
    ({"target_audience": {"lang": {"en": 0.7, "fr": 0.7}}}, "target_audience.lang", "add up to 1.4"),
    ({"employees": [{"account_id": "a"}, {"account_id": "a"}]}, "employees", "more than once: a"),
    ({"since": 20250301}, "since", "like 2026-11-22"),
    ({"explainers": [{"kind": "ad", "starts_at": "2026-11-28T00:00:00Z", "ends_at": "2026-11-27T00:00:00Z"}]},
     "explainers.0", "must lie after"),
])  # fmt: skip
def test_partnership_says_what_is_wrong(changes, field, says):
    assert says in errors(Partnership, partnership(**changes))[field]


def test_partnership_takes_dates_as_yaml_gives_them():
    record = Partnership.model_validate(partnership(since=dt.date(2025, 3, 1)))
    assert record.since == dt.date(2025, 3, 1)
    with pytest.raises(ValidationError, match="like 2026-11-22"):
        Partnership.model_validate(partnership(since=dt.datetime(2025, 3, 1, tzinfo=dt.UTC)))


def test_partnership_needs_three_ids_only():
    least = Partnership(partnership_id="p", brand_id="b", influencer_id="i")
    assert (least.since, least.contracts, least.target_audience.country) == (None, [], {})


def test_topics_of_an_audience_may_overlap():
    record = Partnership.model_validate(partnership(target_audience={"topics": {"a": 0.8, "b": 0.8}}))
    assert record.target_audience.topics == {"a": 0.8, "b": 0.8}


def test_control_needs_what_its_kind_is_about():
    least = {"subject": "acme--ann", "by": "mia", "at": "2026-11-22T10:15:30Z"}
    assert Control.model_validate({**least, "kind": "forget"}).key == "forget:acme--ann"
    assert "needs `explainer`" in errors(Control, {**least, "kind": "explainer"})[""]
    assert "needs `rules`" in errors(Control, {**least, "kind": "override"})[""]


def test_alert_is_about_a_partnership_unless_of_operations():
    raw = example("partnership.alerts.v1") | {"partnership_id": None}
    assert "unless `signal` is source" in errors(Alert, raw)[""]
    assert Alert.model_validate(raw | {"signal": "source"}).partnership_id is None


def test_enriched_event_keeps_the_words_of_the_contract():
    raw = EnrichedEvent.model_validate(example("engagement.enriched.v1")).model_dump(
        mode="json", by_alias=True
    )
    assert raw["enrichment"]["sponsored"]["is"] is False


def test_reading_refuses_numbers_that_are_none():
    with pytest.raises(ValidationError, match="finite"):
        SignalReading(value=float("nan"))
    raw = example("partnership.readings.v1")
    assert Reading.model_validate(raw).signals["connection"].parts["reply_rate"].value == 0.41


def test_reject_reasons_are_those_of_the_contract():
    assert "reason" in errors(RejectedEvent, example("engagement.rejected.v1") | {"reason": "bad"})
