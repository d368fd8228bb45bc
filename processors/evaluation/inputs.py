"""What a directory to be judged holds beside its events: partnerships, the truth, and what is known of it.

    load(path: Path) -> Case          raises EvaluationError

Whoever wrote the directory (our generator or another), only `events.ndjson` and `truth.ndjson` must be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from processors.evaluation.errors import EvaluationError
from schemas import Partnership

EVENTS, TRUTH, PARTNERSHIPS, META = "events.ndjson", "truth.ndjson", "partnerships.json", "meta.json"
NEGATIVE = "negative:"
#: Problems that are told before the rest is only counted.
MOST_PROBLEMS = 20


class _Line(msgspec.Struct):
    """A line of truth.ndjson as it is written."""

    influencer_id: str
    type: str
    onset: datetime
    incident: str = ""
    partnership_id: str | None = None
    signals: tuple[str, ...] = ()
    end: datetime | None = None
    allowed_delay_s: float = 0.0
    severity: Any = None
    actors: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


class Truth(msgspec.Struct, frozen=True):
    """One incident, or one planted hard negative. Times are epoch seconds."""

    incident: str
    influencer: str
    type: str
    signals: tuple[str, ...]
    also: tuple[str, ...]
    onset: float
    end: float
    allowed_s: float
    severity: float | None = None
    actors: tuple[str, ...] = ()

    @property
    def negative(self) -> bool:
        """A planted hard negative: nothing may alert."""
        return self.type.startswith(NEGATIVE)

    @property
    def deadline(self) -> float:
        """Until when an alert finds it."""
        return self.onset + self.allowed_s

    @property
    def last(self) -> float:
        """Until when what happens to its influencer may have to do with it."""
        return max(self.end, self.deadline)


class Meta(msgspec.Struct):
    """What meta.json may tell; all of it optional."""

    thinning: dict[str, float] = {}
    tiers: dict[str, str] = {}
    low_credibility: dict[str, float] = {}
    organic_share: dict[str, float] = {}
    seed: int | None = None


class Case(msgspec.Struct):
    """A directory's contents but for its events."""

    path: Path
    partnerships: list[Partnership]
    truth: list[Truth]
    meta: Meta
    notes: list[str]

    @property
    def name(self) -> str:
        return self.path.name or str(self.path)


def load(path: Path) -> Case:
    """The directory's case.

    Raises:
        EvaluationError: a file is missing, cannot be read, or has lines that are no truth; a line for each.
    """
    if not path.is_dir():
        raise EvaluationError(f"{path}: {'is no directory' if path.exists() else 'no such directory'}")
    missing = [name for name in (EVENTS, TRUTH) if not (path / name).is_file()]
    if missing:
        raise EvaluationError("\n".join(f"{path / name}: is missing" for name in missing))
    notes: list[str] = []
    return Case(
        path, _partnerships(path / PARTNERSHIPS, notes), _truth(path / TRUTH), _meta(path, notes), notes
    )


def load_without_truth(path: Path) -> Case:
    """A recorded stretch of which nobody has said what is true. Raises EvaluationError."""
    notes: list[str] = []
    return Case(path, _partnerships(path / PARTNERSHIPS, notes), [], _meta(path, notes), notes)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror or error}") from None


def _fail(problems: list[str]) -> None:
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise EvaluationError(
            "\n".join(problems[:MOST_PROBLEMS] + ([f"… and {more} more"] if more > 0 else []))
        )


def _truth(path: Path) -> list[Truth]:
    decode = msgspec.json.Decoder(_Line).decode
    problems: list[str] = []
    found: list[Truth] = []
    names: set[str] = set()
    for number, data in _lines(_read(path)):
        try:
            truth = _as_truth(decode(data), number)
        except (msgspec.DecodeError, ValueError) as error:
            problems.append(f"{path}: line {number}: {_plain(error)}")
            continue
        if truth.incident in names:
            problems.append(f"{path}: line {number}: incident: {truth.incident!r} is there more than once")
        names.add(truth.incident)
        found.append(truth)
    _fail(problems)
    return found


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield number, line


def _as_truth(line: _Line, number: int) -> Truth:
    onset = _epoch(line.onset)
    end = onset if line.end is None else _epoch(line.end)
    if end < onset:
        raise ValueError("end: lies before onset")
    if line.allowed_delay_s < 0:
        raise ValueError("allowed_delay_s: must not be negative")
    if not line.signals and not line.type.startswith(NEGATIVE):
        raise ValueError(
            f"signals: an incident needs at least one (a negative's type begins with {NEGATIVE})"
        )
    severity = line.severity
    return Truth(
        line.incident or f"line {number}", line.influencer_id, line.type, line.signals, line.also, onset, end,
        line.allowed_delay_s,
        float(severity) if isinstance(severity, int | float) and not isinstance(severity, bool) else None,
        line.actors,
    )  # fmt: skip


def _epoch(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _plain(error: Exception) -> str:
    """`allowed_delay_s: Expected float, got str` of msgspec's `Expected … - at $.allowed_delay_s`."""
    text, _, where = str(error).partition(" - at `$")
    field = where.strip("`.")
    return f"{field}: {text}" if field else text


def _partnerships(path: Path, notes: list[str]) -> list[Partnership]:
    if not path.is_file():
        notes.append(f"{path}: is missing: everybody is judged without a partnership")
        return []
    try:
        items = msgspec.json.decode(_read(path))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: {error}") from None
    if not isinstance(items, list):
        raise EvaluationError(f"{path}: should be a list of partnerships")
    found: list[Partnership] = []
    problems: list[str] = []
    for number, item in enumerate(items, 1):
        try:
            found.append(Partnership.model_validate_json(msgspec.json.encode(item)))
        except ValidationError as error:
            problems += [
                f"{path}: partnership {number}: {'.'.join(map(str, one['loc'])) or 'all of it'}: {one['msg']}"
                for one in error.errors(include_url=False)
            ]
    _fail(problems)
    return found


def _meta(path: Path, notes: list[str]) -> Meta:
    file = path / META
    if not file.is_file():
        return Meta()
    try:
        return msgspec.json.decode(_read(file), type=Meta)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        notes.append(f"{file}: left aside: {_plain(error)}")
        return Meta()
