"""Which rejected records go back, and as what."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas import FieldError, RejectedEvent
from streams.errors import InputError
from streams.mending import Mended, Skipped, as_it_was, edit_line, mended_lines, preview, record_id, wanted

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NOW = AT + timedelta(days=1)
EVENT = {
    "event_id": "e1",
    "source": "test",
    "kind": "like",
    "occurred_at": "2026-11-22T09:00:00Z",
    "influencer_id": "ann",
    "actor": {"id": "x"},
}


def rejected(payload: bytes | None, **more: Any) -> RejectedEvent:
    encoded = None if payload is None else base64.b64encode(payload).decode()
    return RejectedEvent(
        **{
            "reason": "schema",
            "topic": "engagement.events.v1",
            "partition": 3,
            "offset": 7,
            "timestamp": AT,
            "at": AT,
            "payload_base64": encoded,
            **more,
        }
    )


def test_a_record_goes_back_as_it_was_keyed_and_with_its_own_time() -> None:
    payload = b' {"influencer_id": "\\u00e1nn", "kind": 1}'
    assert as_it_was(rejected(payload)) == Mended(
        "engagement.events.v1-3-7", "ánn".encode(), payload, int(AT.timestamp() * 1000)
    )


@pytest.mark.parametrize(
    "payload",
    [
        None,
        b"",
        b"not json",
        b"[]",
        b'"x"',
        b"{}",
        b'{"influencer_id": 5}',
        b'{"influencer_id": ""}',
        b'{"influencer_id": "\\ud800"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_names_no_influencer_is_skipped_with_the_reason(payload: bytes | None) -> None:
    skipped = as_it_was(rejected(payload))
    assert isinstance(skipped, Skipped) and skipped.why


def test_a_cut_payload_is_never_sent() -> None:
    assert isinstance(as_it_was(rejected(json.dumps(EVENT).encode(), truncated=True)), Skipped)


def test_filters() -> None:
    item = rejected(b"{}")
    assert wanted(item)
    assert wanted(item, ids={record_id(item)}, reasons=["schema"], since=AT)
    assert not wanted(item, ids={"x"})
    assert not wanted(item, reasons=["clock"])
    assert not wanted(item, since=AT + timedelta(seconds=1))


def test_an_edit_file_goes_out_and_comes_back() -> None:
    line = edit_line(
        rejected(
            json.dumps(EVENT | {"kind": 5}).encode(),
            errors=[FieldError(field="kind", message="is not one of …")],
        )
    )
    assert line["event"]["kind"] == 5 and line["errors"] == ["kind: is not one of …"]
    line["event"]["kind"] = "like"
    (mended,) = mended_lines([json.dumps(line), "", "  "], NOW)
    assert isinstance(mended, Mended)
    assert (
        mended.id == "engagement.events.v1-3-7" and mended.key == b"ann" and json.loads(mended.value) == EVENT
    )


def test_lines_of_an_edit_file_may_be_plain_events_and_are_validated() -> None:
    good, bad = mended_lines([json.dumps(EVENT), json.dumps(EVENT | {"occurred_at": "yesterday"})], NOW)
    assert isinstance(good, Mended) and good.id == "line 1"
    assert isinstance(bad, Skipped) and "occurred_at" in bad.why


@pytest.mark.parametrize(
    ("occurred_at", "stamp"),
    [("2026-11-22T09:00:00Z", AT - timedelta(hours=1)), ("2126-11-22T09:00:00Z", NOW)],
)
def test_a_mended_event_is_stamped_with_its_own_time_but_never_ahead_of_now(
    occurred_at: str, stamp: datetime
) -> None:
    (mended,) = mended_lines([json.dumps(EVENT | {"occurred_at": occurred_at})], NOW)
    assert isinstance(mended, Mended) and mended.timestamp_ms == stamp.timestamp() * 1_000


@pytest.mark.parametrize("line", ["{", "[]", "5", "[" * 100_000])
def test_a_broken_edit_file_names_the_line(line: str) -> None:
    with pytest.raises(InputError, match="line 2"):
        mended_lines([json.dumps(EVENT), line], NOW)


def test_a_preview_is_safe() -> None:
    assert preview(rejected(b"\x1b[31m\xff[red]x\n\ny")) == "�[red]x y"
