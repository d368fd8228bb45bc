"""Files of events: what is sent, in which order, and which lines cannot be."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from schemas import EngagementEvent
from streams.errors import InputError
from streams.files import BadLine, Line, open_recording


def event(number: int, when: str = "2026-01-01T00:00:00Z") -> bytes:
    return json.dumps({"event_id": f"e{number}", "source": "t", "kind": "like", "occurred_at": when,
                       "influencer_id": "t:ann", "actor": {"id": "t:u"}}).encode()  # fmt: skip


def read(path: Path | str, kind: str = "ndjson") -> tuple[list[Line], list[BadLine]]:
    bad: list[BadLine] = []
    with open_recording(path, kind) as recording:
        return list(recording.lines(bad.append)), bad


def test_lines_are_sent_byte_by_byte_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    lines = [event(1, "2026-01-02T00:00:00Z"), event(2, "2026-01-01T00:00:00.5Z"), event(3)]
    path.write_bytes(b"\n".join(lines) + b"\n\n")
    found, bad = read(path)
    assert [line.value for line in found] == lines
    assert [line.event_id for line in found] == ["e1", "e2", "e3"]
    assert [line.at for line in found] == [1767312000.0, 1767225600.5, 1767225600.0]
    assert {line.key for line in found} == {b"t:ann"}
    assert bad == []


def test_a_line_without_a_key_is_left_out_and_named_and_other_faults_are_the_workers_to_judge(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.ndjson"
    unknown_kind = b'{"influencer_id":"t:ann","event_id":7,"kind":"dance","occurred_at":"yesterday"}'
    lines = [event(1), b"{not json", b'{"event_id":"x"}', b'{"influencer_id":""}', b"\xff\xfe{}",
    unknown_kind,
             event(2)]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    found, bad = read(path)
    assert [line.value for line in found] == [event(1), unknown_kind, event(2)]
    assert found[1].at == found[0].at
    assert [line.number for line in bad] == [2, 3, 4, 5]
    assert "not JSON" in bad[0].why
    assert "influencer_id" in bad[1].why


def test_a_time_that_has_not_come_is_not_taken_as_the_records_own(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(event(1) + b"\n" + event(2, "2199-01-01T00:00:00Z"))
    found, _ = read(path)
    assert found[1].at == found[0].at


def test_gzip_and_standard_input_are_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zipped = tmp_path / "events"
    zipped.write_bytes(gzip.compress(event(1) + b"\n" + event(2)))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(zipped.read_bytes())))
    assert read(zipped) == read("-")
    assert len(read(zipped)[0]) == 2


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (None, "ndjson", "cannot be read"),
        (b"", "csv", "unknown format 'csv': it may be ndjson or retweets"),
        (b"a,b\n", "retweets", "is not a retweets file"),
        (gzip.compress(b"x" * 9_000)[:-9], "ndjson", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_sentence(
    tmp_path: Path, content: bytes | None, kind: str, told: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=told):
        read(path, kind)


def test_retweets_come_sorted_as_valid_shares_and_bad_rows_are_named(tmp_path: Path) -> None:
    path = tmp_path / "retweets.csv"
    path.write_text(
        "object_id,account_id,content_id,timestamp_share\no,a,c2,200.0\no,a,c1,100.0\no,a\no,a,c,x\n"
    )
    found, bad = read(path, "retweets")
    assert [line.at for line in found] == [100.0, 200.0]
    assert [line.number for line in bad] == [4, 5]
    assert json.loads(found[0].value)["target"] == {"id": "o", "type": "post", "author_id": "retweets:o"}


def test_the_real_retweets_have_one_duplicate_and_run_forward(shared_data: Callable[[str], Path]) -> None:
    found, bad = read(shared_data("retweets/retweets.csv.gz"), "retweets")
    assert len(found) == 35_125
    assert bad == []
    assert len({(line.key, line.event_id) for line in found}) == 35_124
    assert all(a.at <= b.at for a, b in pairwise(found))
    assert Counter(line.key for line in found).most_common(1)[0][1] == 1_053
    for line in found[::50]:
        parsed = EngagementEvent.model_validate_json(line.value)
        assert parsed.kind == "share"
        assert parsed.occurred_at.timestamp() == line.at
        assert parsed.influencer_id.encode() == line.key
