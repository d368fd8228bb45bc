"""The file of state: what was written is read; what is damaged, cut off or none of ours is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.state.entries import (
    DumpError,
    Entry,
    Writer,
    entries,
    key_of,
    place_of,
    read_header,
    verified,
)

_names = st.binary(max_size=20)
_entries = st.lists(
    st.builds(
        Entry, st.sampled_from(["", "events"]), st.integers(-1, 9), _names, st.just("hash"),
        st.dictionaries(_names, st.binary(max_size=50), max_size=5), st.integers(0, 10**6),
    ),
    max_size=20,
)  # fmt: skip


def written(items: list[Entry]) -> bytes:
    out = io.BytesIO()
    writer = Writer(out, {"layout": 2, "topic": "events"})
    for item in items:
        writer.add(item)
    writer.close()
    return out.getvalue()


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=_entries)
def test_what_was_written_is_read(items: list[Entry], tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.write_bytes(written(items))
    assert list(entries(file)) == items
    header, count = verified(file)
    assert (header["layout"], header["topic"], count) == (2, "events", len(items))


def test_every_cut_and_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    whole = written([Entry("events", 1, b"i:%d" % n, "hash", {b"a": b"b" * n}) for n in range(20)])
    file = tmp_path / "state"
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]):
            file.write_bytes(damaged)
            try:
                verified(file)
            except DumpError:
                continue
            assert zstandard.ZstdDecompressor().stream_reader(damaged).read() == (
                zstandard.ZstdDecompressor().stream_reader(whole).read()
            ), f"byte {place} was changed, and nobody noticed"


@pytest.mark.parametrize(
    "content", [b"", b"hello", zstandard.compress(b"hello there"), zstandard.compress(b"")]
)
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(DumpError):
        read_header(tmp_path / "state")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    Writer(out, {"format_version": 9}).close()
    (tmp_path / "state").write_bytes(out.getvalue())
    with pytest.raises(DumpError, match="newer"):
        read_header(tmp_path / "state")


@pytest.mark.parametrize(
    "key", [b"{ns}layout", b"{ns:a.events.v1:p12}i:x:inf", b"{ns:events:p0}c:{odd}\n:p3}", b"{ns}"]
)
def test_a_key_is_taken_apart_and_put_together(key: bytes) -> None:
    place = place_of(key)
    assert place is not None and place.namespace == "ns"
    assert key_of("ns", Entry(place.topic, place.partition, place.name, "string", b"")) == key


def test_keys_of_others_are_left_alone() -> None:
    assert [place_of(key) for key in (b"other", b"{a:b:c:d}x", b"x{ns}y")] == [None] * 3
