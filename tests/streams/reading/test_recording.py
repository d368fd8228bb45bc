"""Files of events: what is sent, in which order, and which lines cannot be."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from schemas import EngagementEvent
from streams.errors import InputError
from streams.reading import BadLine, Ear, How, Line, open_recording
from streams.reading.exported import is_exported, records, stamp_ms, to_line
from streams.reading.survey import look_through
from streams.reading.tables import ParquetMissingError
from streams.sources import open_source
from streams.sources.base import Options
from streams.sources.mapping import load_mapping


def event(number: int, when: str = "2026-01-01T00:00:00Z") -> bytes:
    return json.dumps({"event_id": f"e{number}", "source": "t", "kind": "like", "occurred_at": when,
                       "influencer_id": "t:ann", "actor": {"id": "t:u"}}).encode()  # fmt: skip


def read(path: Path | str, kind: Any = None, **how: Any) -> tuple[list[Line], list[BadLine]]:
    bad: list[BadLine] = []
    with open_recording([path], How(kind, **how)) as recording:
        return list(recording.lines(Ear(bad.append))), bad


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


def test_what_is_no_event_is_named_with_its_line_and_field_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    unknown_kind = b'{"influencer_id":"t:ann","event_id":7,"kind":"dance","occurred_at":"yesterday"}'
    lines = [event(1), b"{not json", b'{"event_id":"x"}', b'{"influencer_id":""}', b"\xff\xfe{}",
             unknown_kind, event(2)]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    found, bad = read(path)
    assert [line.value for line in found] == [event(1), event(2)]
    assert [(line.number, line.reason) for line in bad] == [
        (2, "not_json"), (3, "schema"), (4, "schema"), (5, "encoding"), (6, "schema"),
    ]  # fmt: skip
    assert [line.raw for line in bad] == lines[1:6]
    assert bad[4].field
    assert bad[4].key == b"t:ann"
    assert str(bad[0]).startswith(f"{path}, line 2: ")


def test_a_time_that_has_not_come_is_refused_as_the_worker_would(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(event(1) + b"\n" + event(2, "2199-01-01T00:00:00Z"))
    found, bad = read(path)
    assert len(found) == 1
    assert (bad[0].reason, bad[0].field) == ("clock", "occurred_at")


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
        (b"", "xls", "unknown format 'xls': it may be ndjson, records, csv"),
        (b"a,b\n1,2\n", "csv", "no column kind, occurred_at, influencer_id; it has a, b"),
        (b"a,a\n", "csv", "no column kind"),
        (b"kind,occurred_at,influencer_id,kind\n", "csv", "name each column once"),
        (b"PAR1 but not more", None, "is no Parquet file"),
        (b"{}", "json", "name it with --source or --mapping|holds payloads of a source"),
        (zstandard.compress(b"x" * 9_000)[:-9], "ndjson", "cannot be read"),
        (b"a,b\n", "retweets", "is not a retweets file"),
        (gzip.compress(b"x" * 9_000)[:-9], "ndjson", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_sentence(
    tmp_path: Path, content: bytes | None, kind: str | None, told: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=told):
        read(path, kind)


def test_a_json_list_of_events_is_told_how_to_be_read(tmp_path: Path) -> None:
    (tmp_path / "events.json").write_text('[\n {"event_id": "1"},\n {"event_id": "2"}\n]')
    with pytest.raises(InputError, match="is one JSON list; events are read one a line") as error:
        read(tmp_path / "events.json")
    assert "jq -c '.[]'" in str(error.value.hint)


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


def packings(data: bytes) -> dict[str, bytes]:
    return {
        "plain": data, "gz": gzip.compress(data), "zst": zstandard.compress(data),
        "bom": b"\xef\xbb\xbf" + data, "two members": gzip.compress(data[:50]) + gzip.compress(data[50:]),
        "two frames": zstandard.compress(data[:50]) + zstandard.compress(data[50:]),
    }  # fmt: skip


@pytest.mark.parametrize("packed", list(packings(b"")))
def test_however_it_is_packed_the_same_events_come_out_any_number_of_times(
    tmp_path: Path, packed: str
) -> None:
    data = b"\n".join(event(n) for n in range(300))
    path = tmp_path / "events.ndjson"
    path.write_bytes(packings(data)[packed])
    with open_recording([path], How()) as recording:
        rounds = [[line.value for line in recording.lines(Ear(pytest.fail))] for _ in range(2)]
        assert recording.position() == recording.size == path.stat().st_size
    assert rounds == [[event(n) for n in range(300)]] * 2


def test_files_come_in_the_order_given_and_only_of_the_time_asked_for(tmp_path: Path) -> None:
    for number in (1, 2):
        lines = [event(10 * number + day, f"2026-01-0{day}T12:00:00Z") for day in (1, 2, 3)]
        (tmp_path / f"{number}.ndjson").write_bytes(b"\n".join(lines))
    how = How(since=1767355200.0, until=1767441600.0)  # 2 January, 12:00, to the day after
    with open_recording([tmp_path / "2.ndjson", tmp_path / "1.ndjson"], how) as recording:
        assert [line.event_id for line in recording.lines(Ear(pytest.fail))] == ["e22", "e12"]
        assert recording.name.endswith("2.ndjson and 1 more")
    with pytest.raises(InputError, match="once only"), open_recording(["-", "-"], How()):
        pass


def opened() -> int:
    """Files that this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_any_number_of_files_is_open_one_at_a_time_and_a_pipe_can_be_one_of_them(tmp_path: Path) -> None:
    paths: list[Path | str] = []
    for number in range(60):
        paths.append(tmp_path / f"{number}.ndjson")
        Path(paths[-1]).write_bytes(event(number))
    reader, writer = os.pipe()
    os.write(writer, event(60))
    os.close(writer)
    paths.append(f"/dev/fd/{reader}")
    before = opened()
    with open_recording(paths, How()) as recording:
        os.close(reader)
        for _ in range(2):
            most = 0
            for number, line in enumerate(recording.lines(Ear(pytest.fail))):
                assert line.event_id == f"e{number}"
                most = max(most, opened())
            assert number == 60
            assert most <= before + 1
        assert recording.position() <= recording.size


def test_a_line_without_an_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(event(1) + b"\n" + b"x" * (20 << 20) + b"\n" + event(2))
    found, bad = read(path)
    assert [line.number for line in found] == [1, 3]
    assert [(line.number, line.reason) for line in bad] == [(2, "too_large")]
    assert len(bad[0].raw) <= 8 << 20


def test_csv_with_plain_columns_becomes_events_with_stable_ids(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "Kind;occurred_at;Influencer ID;actor_id;actor.followers;target_id;text;tags;colour\n"
        'comment;2026-01-01 10:00:00;s:ann;s:u1;12;p1;"two\nlines";a|b;red\n'
        "like;1767261600000;s:ann;s:u2;many;p1;;;\n"
        "like;1767261600;s:ann;s:u3;;p1;;;\n"
        "dance;2026-01-01;s:ann;s:u4;;;;;\n"
        "counter;2026-01-01;s:ann;;;;;;\n"
        "\n"
        "like;soon;s:ann;s:u5;;;;;;too;many\n"
    )
    found, bad = read(path)
    first, second = (json.loads(line.value or b"") for line in found)
    assert first["actor"] == {"id": "s:u1", "followers": 12}
    assert (first["text"], first["tags"], first["colour"]) == ("two\nlines", ["a", "b"], "red")
    assert [line.number for line in found] == [2, 5]
    assert found[0].at == 1767261600.0 == found[1].at
    assert [(line.number, line.field) for line in bad] == [
        (4, "actor.followers"), (6, "kind"), (7, ""), (9, "occurred_at"),
    ]  # fmt: skip
    assert "'many' is no whole number" in bad[0].why
    assert first["event_id"] != second["event_id"]
    again, _ = read(path)
    assert [line.event_id for line in again] == [line.event_id for line in found]


def test_rows_that_are_not_utf8_or_have_no_end_do_not_stop_the_others(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    head, good = b"kind,occurred_at,influencer_id,actor_id\n", b"like,2026-01-01,s:ann,s:u%d\n"
    path.write_bytes(
        head + good % 1 + b"like,2026-01-01,s:ann,\xff\n" + good % 2 + b'like,"' + b"x" * (2 << 20)
    )
    found, bad = read(path)
    assert [line.number for line in found] == [2, 4]
    assert [line.number for line in bad] == [3, 5]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=20), st.integers(0, 9)), max_size=20))
def test_a_mapping_of_any_cells_gives_valid_events_or_a_named_field(rows: list[tuple[str, str, int]]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "rows.csv"
        with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["kind", "occurred_at", "influencer_id", "actor_id", "text", "count"])
            writer.writerows(["like", "2026-01-01", "s:i", a, b, c] for a, b, c in rows)
        found, bad = read(path)
        assert len(found) + len(bad) == len(rows)
        for line in found:
            EngagementEvent.model_validate_json(line.value or b"")


def test_parquet_is_read_by_its_columns_with_its_own_types(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    table = pa.table({
        "kind": ["like", "comment", None], "occurred_at": pa.array([at] * 3, pa.timestamp("us")),
        "influencer_id": ["s:ann"] * 3, "actor": [{"id": "s:u", "followers": n} for n in (1, 2, 3)],
        "text": [None, "Lovely", None], "tags": [None, ["x"], []], "score": [0.5, float("nan"), None],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1)
    found, bad = read(tmp_path / "a.parquet")
    events = [EngagementEvent.model_validate_json(line.value or b"") for line in found]
    assert [event.kind for event in events] == ["like", "comment"]
    assert events[0].occurred_at == at
    assert events[1].tags == ["x"]
    assert [(line.number, line.field) for line in bad] == [(3, "kind")]


def test_without_pyarrow_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParquetMissingError) as caught:
        read(path)
    assert "rapport-monitor[parquet]" in (caught.value.hint or "")


def test_payloads_of_a_source_become_its_events_and_what_it_leaves_out_is_counted(tmp_path: Path) -> None:
    def post(rkey: str, **record: Any) -> bytes:
        return json.dumps({
            "did": "did:plc:ann", "time_us": 1_767_261_600_000_000, "kind": "commit",
            "commit": {"operation": "create", "collection": "app.bsky.feed.post", "rkey": rkey,
                       "record": {"$type": "app.bsky.feed.post", "createdAt": "2026-01-01T10:00:00Z"}
                       | record},
        }).encode()  # fmt: skip

    gone = {"did": "did:plc:bob", "time_us": 1_767_261_600_000_000, "kind": "account",
            "account": {"active": False, "did": "did:plc:bob", "status": "deleted"}}  # fmt: skip
    path = tmp_path / "jetstream.ndjson.zst"
    lines = [post("1", text="Hi"), b"{broken", json.dumps(gone).encode(), b'{"kind":"ping"}']
    path.write_bytes(zstandard.compress(b"\n".join(lines)))
    how = How(source=lambda: open_source("bluesky", Options(frozenset(["bluesky:did:plc:ann"]))))
    with open_recording([path], how) as recording:
        survey = look_through(recording, tally=True)
    assert (survey.count, survey.kinds["post"]) == (1, 1)
    assert list(survey.gone) == ["bluesky:did:plc:bob"]
    assert survey.bad_lines[0].number == 2
    assert survey.bad + sum(survey.left_out.values()) >= 2


def test_a_mapping_reads_rows_of_any_table(tmp_path: Path) -> None:
    mapping = tmp_path / "map.yaml"
    mapping.write_text(
        "name: shop\nrules:\n- kind: comment\n  id: 'shop/{id}'\n  at: when\n  influencer: 'shop:{owner}'\n"
        "  actor: {id: 'shop:{who}'}\n  text: body\nabilities:\n  comments: {level: each}\n"
    )
    rows = [{"id": str(n), "when": "2026-01-01T10:00:00Z", "owner": "ann", "who": f"u{n}", "body": "Hi"}
            for n in range(3)]  # fmt: skip
    rows[1]["when"] = "once"
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    told = [read(tmp_path / f"rows.{kind}", source=lambda: load_mapping(mapping)) for kind in
            ("csv", "parquet", "json")]  # fmt: skip
    for found, bad in told:
        assert [line.event_id for line in found] == ["shop/0", "shop/2"]
        assert len(bad) == 1
    assert told[0][1][0].number == 3  # the header is line 1


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=30) | st.none(),
            st.one_of(
                st.none(), st.binary(max_size=60), st.text(max_size=20).map(lambda t: json.dumps(t).encode())
            ),
            st.integers(0, 2_000_000_000_000),
        ),
        max_size=20,
    )
)
def test_any_record_survives_being_exported_and_read(
    rows: list[tuple[bytes | None, bytes | None, int]],
) -> None:
    data = b"\n".join(
        to_line(key, value, stamp_ms(ms), 3, number) for number, (key, value, ms) in enumerate(rows)
    )
    found = list(records(io.BytesIO(data), "x", Ear(pytest.fail)))
    assert [(line.key, line.value, round(line.at * 1_000)) for line in found] == [
        (key or b"", value, ms) for key, value, ms in rows
    ]
    if rows:
        assert is_exported(data.partition(b"\n")[0])


def test_a_column_and_its_parts_must_agree(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "kind,occurred_at,influencer_id,actor,actor_id\n"
        'like,2026-01-01,s:ann,"{""followers"": 3}",s:u1\nlike,2026-01-01,s:ann,[1],s:u2\n'
    )
    found, bad = read(path)
    assert json.loads(found[0].value or b"")["actor"] == {"followers": 3, "id": "s:u1"}
    assert [(line.number, line.field) for line in bad] == [(3, "actor")]
