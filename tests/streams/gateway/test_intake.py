"""Bodies cut into events and judged: what is good is taken, what is bad is named, nothing hangs or breaks."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.decode import Event, FieldFault, decode
from streams.gateway.answers import Refusal
from streams.gateway.intake import JSON, Candidate, Verdict, judge, split

NOW_MS = 1_795_000_000_000
NDJSON = "application/x-ndjson"


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"shop/{number}", "source": "shop", "kind": "like",
        "occurred_at": "2026-11-18T10:00:00Z", "influencer_id": f"shop:{number % 3}",
        "actor": {"id": "shop:a"},
    } | more  # fmt: skip


def anything(_: Event) -> None:
    return None


def take(body: bytes, media: str = JSON, most: int = 100) -> tuple[list[Candidate], list[Verdict]]:
    items, _ = split(body, media, most)
    return judge(items, 0, NOW_MS, anything)


def test_an_object_is_one_event_and_a_list_is_many() -> None:
    assert split(json.dumps(event()).encode(), JSON, 9)[1] is True
    items, single = split(b' [ {"a": 1} ,\n{"b":2}] ', JSON, 9)
    assert (items, single) == ([b'{"a": 1}', b'{"b":2}'], False)


def test_blank_lines_and_windows_line_ends_are_no_events() -> None:
    good, bad = take(b"\r\n" + json.dumps(event()).encode() + b"\r\n\n  \n", NDJSON)
    assert len(good) == 1 and not bad


def test_bad_events_do_not_spoil_the_others() -> None:
    wrong = [event(2, kind="applause"), event(3, occurred_at="yesterday"), {"event_id": "x"}, 7, None, "text"]
    good, bad = take(json.dumps([event(1), *wrong, event(4)]).encode())
    assert [one.place for one in good] == [0, 7]
    told = {one.index: (one.event_id, one.reason, [fault.field for fault in one.errors]) for one in bad}
    assert told[1] == ("shop/2", "schema", ["kind"])
    assert told[2] == ("shop/3", "schema", ["occurred_at"])
    assert told[3][0] == "x" and "influencer_id" in told[3][2]
    assert all(told[place][1] == "schema" for place in (4, 5, 6))


def test_a_broken_line_does_not_spoil_the_others() -> None:
    lines = [json.dumps(event(1)), '{"event_id": ', "\udcff", json.dumps(event(2)), "[" * 100]
    body = "\n".join(lines).encode("utf-8", "surrogateescape")
    good, bad = take(body, NDJSON)
    assert [one.place for one in good] == [0, 3]
    assert [one.reason for one in bad] == ["not_json", "encoding", "depth"]


def test_half_of_a_surrogate_pair_spoils_only_its_own_event() -> None:
    pair, half = event(1, text="😀"), event(2, text="X")
    body = json.dumps([pair, half, event(3, text='a "quoted" \\ud800 that is text')])
    good, bad = take(body.replace('"X"', '"\\ud800"').encode())
    assert [one.place for one in good] == [0, 2]
    assert [(one.index, one.reason) for one in bad] == [(1, "encoding")]
    assert decode(good[0].key, good[0].value, NOW_MS).text == "😀"


def test_a_key_given_twice_means_the_last_one_here_and_in_the_worker() -> None:
    twice = json.dumps(event())[:-1] + ', "influencer_id": "shop:other"}'
    (one,), _ = take(twice.encode())
    assert one.key == b"shop:other"
    assert decode(one.key, one.value, NOW_MS).influencer_id == "shop:other"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"  \n", 400), (b"[]", 400), (b"[1, 2", 400), (b"[NaN]", 400), (b"[" * 200_000, 400),
        (b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", 400),
        (b"[" + b"1," * 500 + b"1]", 413), (b"[" + b"1," * 3_000_000 + b"1]", 413),
    ],
)  # fmt: skip
def test_bodies_that_are_no_batch_are_refused_at_once(body: bytes, status: int) -> None:
    began = time.perf_counter()
    with pytest.raises(Refusal) as refused:
        split(body, JSON, 100)
    assert refused.value.status == status
    assert time.perf_counter() - began < 1.0


def test_millions_of_line_ends_are_refused_before_they_become_objects() -> None:
    with pytest.raises(Refusal) as refused:
        split(b"\n" * 8_000_000, NDJSON, 100)
    assert refused.value.status == 413


def test_huge_numbers_and_texts_are_judged_as_the_worker_does() -> None:
    bodies = [
        json.dumps(event(1, count=10**400)), json.dumps(event(2, count=1e300)),
        json.dumps(event(3))[:-1] + ', "n": 1e999}', json.dumps(event(4, text="x" * 20_000)),
        json.dumps(event(5, text="x" * 70_000)), json.dumps(event(6, event_id="x" * 257)),
    ]  # fmt: skip
    good, bad = take("\n".join(bodies).encode(), NDJSON)
    assert [one.place for one in good] == [3]
    assert {one.index: one.reason for one in bad} == {
        0: "schema", 1: "schema", 2: "not_json", 4: "too_large", 5: "schema",
    }  # fmt: skip


def test_what_the_sender_may_not_send_is_forbidden_by_field() -> None:
    def fault(one: Event) -> FieldFault | None:
        return FieldFault("source", "not yours") if one.source != "shop" else None

    items, _ = split(json.dumps([event(1), event(2, source="else")]).encode(), JSON, 9)
    good, bad = judge(items, 0, NOW_MS, fault)
    assert [one.place for one in good] == [0]
    assert (bad[0].reason, bad[0].errors[0].field) == ("forbidden", "source")


def test_the_same_event_id_of_two_influencers_are_two_events() -> None:
    good, _ = take(json.dumps([event(1), event(1, influencer_id="shop:z"), event(1)]).encode())
    assert good[0].mark == good[2].mark != good[1].mark


_numbers = st.floats(allow_nan=False, allow_infinity=False)
_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(_plain | _plain.map(lambda value: event(1, text=value)), min_size=1, max_size=6))
def test_every_item_of_a_list_is_told_of_once(values: list[Any]) -> None:
    items, _ = split(json.dumps(values).encode("utf-8", "surrogatepass"), JSON, 10_000)
    good, bad = judge(items, 0, NOW_MS, anything)
    assert sorted([one.place for one in good] + [one.index for one in bad]) == list(range(len(values)))
    for one in good:
        assert decode(one.key, one.value, NOW_MS).event_id == one.event_id


@given(st.binary(max_size=400), st.sampled_from([JSON, NDJSON]))
def test_any_bytes_are_judged_or_refused(body: bytes, media: str) -> None:
    try:
        items, _ = split(body, media, 1_000)
    except Refusal as refused:
        assert refused.status in (400, 413)
        return
    good, bad = judge(items, 0, NOW_MS, anything)
    assert len(good) + len(bad) == len(items)
