"""The first look through files: how much there is, whether it was seen before, and what cannot be sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from xxhash import xxh3_64_intdigest

from streams.reading.model import BadLine, Ear, Line
from streams.reading.recording import Recording

#: Bad lines that are named one by one; all are counted.
NAMED: Final = 100
#: Names told apart at most: influencers, accounts that are gone.
_NAMES: Final = 100_000
_MASK: Final = (1 << 64) - 1
_MIX: Final = 0x9E3779B97F4A7C15
_SHOWN: Final = 3
_TELL_EVERY: Final = 2_048


class _Kind(msgspec.Struct, gc=False):
    kind: Any = None
    op: Any = "create"
    source: Any = None


_kind: Final = msgspec.json.Decoder(_Kind).decode


@dataclass(slots=True)
class Survey:
    """What files hold. `digest` does not depend on the order of the records, `order` does."""

    count: int = 0
    digest: int = 0
    order: int = 0
    first: float | None = None  # epoch s of the earliest and the latest record
    last: float | None = None
    bad: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    gone: dict[str, None] = field(default_factory=dict)  # accounts that are gone at their source
    kinds: Counter[str] = field(default_factory=Counter)  # these only with `tally`
    sources: Counter[str] = field(default_factory=Counter)
    keys: set[bytes] = field(default_factory=set)
    shown: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What tells these records from others, whatever their order."""
        return f"{self.digest:016x}-{self.count}"

    def take(self, line: Line) -> None:
        """Count one record in."""
        self.count += 1
        # An event without an id is told apart by its bytes. A sum, because it does not depend on the order.
        hashed = xxh3_64_intdigest(line.key + b"\0" + (line.event_id.encode() or line.value or b""))
        self.digest = (self.digest + hashed) & _MASK
        self.order = (self.order * _MIX + hashed) & _MASK
        at = line.at
        self.first = at if self.first is None or at < self.first else self.first
        self.last = at if self.last is None or at > self.last else self.last

    def refuse(self, line: BadLine) -> None:
        """Count one line that is no record."""
        self.bad += 1
        self.reasons[line.reason] += 1
        if len(self.bad_lines) < NAMED:
            self.bad_lines.append(line)

    def forget(self, account: str) -> None:
        """Note an account that is gone."""
        if len(self.gone) < _NAMES:
            self.gone[account] = None

    def leave_out(self, code: str) -> None:
        """Count what a source understood but does not count."""
        self.left_out[code] += 1

    def tally(self, line: Line) -> None:
        """Count by kind, source and key, for people."""
        if len(self.keys) < _NAMES:
            self.keys.add(line.key)
        if line.value is None:
            self.kinds["(tombstone)"] += 1
            return
        if len(self.shown) < _SHOWN:
            self.shown.append(line.value)
        try:
            told = _kind(line.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        kind = str(told.kind or "other") if told.op in ("create", None) else f"{told.kind} ({told.op})"
        if len(self.kinds) < NAMED or kind in self.kinds:
            self.kinds[kind] += 1
        if told.source is not None and (len(self.sources) < NAMED or str(told.source) in self.sources):
            self.sources[str(told.source)] += 1


def look_through(
    recording: Recording, *, tally: bool = False, on_look: Callable[[int, int], None] | None = None
) -> Survey:
    """Goes through all files once. `on_look`: called now and then with (bytes read, bytes in all).

    Raises InputError as `Recording.lines` does.
    """
    survey = Survey()
    ear = Ear(survey.refuse, survey.leave_out, survey.forget)
    for line in recording.lines(ear):
        survey.take(line)
        if tally:
            survey.tally(line)
        if on_look is not None and not survey.count % _TELL_EVERY:
            on_look(recording.position(), recording.size)
    if on_look is not None:
        on_look(recording.size, recording.size)
    return survey
