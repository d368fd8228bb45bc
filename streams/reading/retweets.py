"""The CSV of real retweets (object_id, account_id, content_id, timestamp_share), to be sorted by time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Final

from streams.errors import InputError
from streams.reading.model import BadLine, Ear, Line

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

COLUMNS: Final = ["object_id", "account_id", "content_id", "timestamp_share"]


def shares(stream: IO[bytes], name: str, ear: Ear) -> Iterator[Line]:
    """Every retweet as a share, in the order of the file. Raises InputError for another header."""
    text = io.TextIOWrapper(stream, "utf-8", errors="replace", newline="")
    try:
        yield from _shares(csv.reader(text), name, ear)
    finally:
        with suppress(ValueError):  # closed already: reading was given up
            text.detach()  # else the file would be closed with it, and it is read twice


def _shares(rows: CsvReader, name: str, ear: Ear) -> Iterator[Line]:
    if next(rows, None) != COLUMNS:
        raise InputError(f"{name} is not a retweets file: its first line must be {','.join(COLUMNS)}")
    for row in rows:
        if not row:
            continue
        try:
            post, account, content, shared = row
            at = float(shared)
            when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        except (ValueError, OverflowError, OSError):
            why = f"not {', '.join(COLUMNS)} with a time in seconds"
            ear.bad(BadLine(name, rows.line_num, "schema", "", why, raw=",".join(row).encode()))
            continue
        influencer, event_id = f"retweets:{post}", f"retweets/{post}/{account}/{content}/{shared}"
        yield Line(at, influencer.encode(), event_id, json.dumps({
            "event_id": event_id, "source": "retweets", "kind": "share", "occurred_at": when,
            "clock": "event",
            "influencer_id": influencer, "actor": {"id": f"retweets:{account}"},
            "object_id": f"retweets:{content}",
            "target": {"id": post, "type": "post", "author_id": influencer},
        }, separators=(",", ":")).encode(), rows.line_num)  # fmt: skip
