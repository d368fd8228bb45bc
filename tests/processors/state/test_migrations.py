"""State of older layouts comes back as the present program has it."""

from __future__ import annotations

from processors.ledgers.comments import Comments
from processors.state.entries import Entry
from processors.state.migrations import migrate

_HEAD, _TEXT, _BANDS = 8, 20, 8


def _remembering(count: int) -> Comments:
    ledger = Comments()
    for number in range(count):
        made = [bytes([number % 256, band]) for band in range(_BANDS)]
        ledger.texts.put(bytes([number] * 8), number.to_bytes(4, "little"), bytes(4), bytes(4), *made)
    return ledger


def _with_four_bytes_a_band(value: bytes) -> bytes:
    """A chunk as layout 2 had it: two more bytes of each band."""
    records = (len(value) - _HEAD) // (_TEXT + 2 * _BANDS)
    at = _HEAD + records * _TEXT
    return value[:at] + b"".join(value[i : i + 2] + b"\xaa\xbb" for i in range(at, len(value), 2))


def test_bands_of_remembered_comments_keep_their_first_two_bytes() -> None:
    fields = {f"l:comments:{sub}".encode(): value for sub, value in _remembering(45).writes() if value}
    old = {name: _with_four_bytes_a_band(value) for name, value in fields.items()}
    assert len(fields) == 2 and all(len(old[name]) > len(fields[name]) for name in fields)
    found = migrate(Entry("events", 3, b"i:bluesky:mia", "hash", {**old, b"meta": b"\x90"}), 2)
    assert found is not None and found.value == {**fields, b"meta": b"\x90"}
    other = migrate(Entry("events", 3, b"alerts", "hash", dict(old)), 2)
    assert other is not None and other.value == old, "only influencers have such fields"
