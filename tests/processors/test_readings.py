"""Readings keep their contract whatever the scores are."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from processors.book import implicit
from processors.readings import packed, reading, rfc3339, unpacked
from processors.scores import METHOD_VERSION, Score
from schemas import Reading
from tests.processors.core import START, partnership

NUMBERS = st.floats(0, 100)
MAYBE = st.none() | NUMBERS
LEAF = st.builds(
    Score, MAYBE, NUMBERS, MAYBE, MAYBE, MAYBE, st.sampled_from((None, "D7", "D28")), st.booleans(),
    st.none() | st.text(max_size=20),
)  # fmt: skip
SCORES = st.recursive(
    LEAF,
    lambda inner: st.builds(
        Score,
        MAYBE,
        NUMBERS,
        window=st.just("D7"),
        parts=st.dictionaries(st.text("abc_", max_size=5), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(SCORES, st.dictionaries(st.sampled_from(("connection", "audience_fit")), SCORES), st.booleans())
def test_every_reading_keeps_its_contract(health, signals, complete):
    body = reading(partnership(), 50_000, START, health, signals, complete=complete)
    found = Reading.model_validate_json(body)
    assert found.health.value == health.value
    assert set(found.signals) == set(signals)
    assert (found.provisional, found.health.complete) == (not complete, complete)
    assert found.tier == "micro"
    assert found.at.timestamp() == START
    assert found.method_version == METHOD_VERSION


def test_an_influencer_without_partnership_has_no_brand():
    body = json.loads(reading(implicit("x:ann"), None, START, Score(None), {}, complete=True))
    assert (body["brand_id"], body["partnership_id"]) == (None, "none--x:ann")


def test_what_cannot_be_measured_says_why():
    body = json.loads(reading(partnership(), None, START, Score.unmeasurable("too young"), {}, complete=True))
    assert body["health"]["value"] is None
    assert body["health"]["measurable"] is False
    assert body["health"]["why"] == "too young"


def test_times_are_rfc_3339_in_utc():
    assert rfc3339(START) == "2026-11-02T00:00:00Z"
    assert rfc3339(START + 0.25).startswith("2026-11-02T00:00:00.25")


def test_a_reading_is_packed_in_the_store_and_read_in_either_form() -> None:
    body = b'{"partnership_id": "acme--ann", "signals": {}}' * 20
    assert unpacked(packed(body)) == unpacked(body) == body and len(packed(body)) < len(body) / 5
    assert unpacked(b"broken") == b"broken"
