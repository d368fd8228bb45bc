"""The open sets of comments as the events that `rapport evaluate comments` reads.

python -m tests.processors.evaluation.comment_sets youtube|instagram CSV OUT.ndjson
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Where times are missing, comments follow each other by a minute from here on.
BEGIN = dt.datetime(2025, 2, 1, tzinfo=dt.UTC)


def _event(number: int, at: str, influencer: str, actor: str, post: str, text: str) -> dict[str, Any]:
    return {
        "event_id": f"c{number}", "source": "open-set", "kind": "comment", "occurred_at": at,
        "influencer_id": influencer, "actor": {"id": actor}, "object_id": f"o{number}",
        "target": {"id": post, "type": "post", "author_id": influencer}, "text": text,
    }  # fmt: skip


def youtube(path: Path) -> Iterator[dict[str, Any]]:
    """Labelled comments in time order; undated ones come last. Each video is an influencer with one post."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows.sort(key=lambda row: row["date"] or "9999")
    for number, row in enumerate(rows):
        at = (row["date"] or "2015-06-01T00:00:00").split(".")[0] + "Z"
        event = _event(number, at, row["video"], row["author_hash"], row["video"] + "/1", row["text"])
        yield event | {"label": row["spam"] == "1"}


def instagram(path: Path) -> Iterator[dict[str, Any]]:
    """Organic comments as they stand, all with label false; the influencers' own answers are left out."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["is_influencer"] == "0"]
    for number, row in enumerate(rows):
        at = (BEGIN + dt.timedelta(minutes=number)).isoformat()
        event = _event(number, at, row["influencer"], row["user_hash"], row["post_id"], row["text"])
        yield event | {"label": False}


SETS = {"youtube": youtube, "instagram": instagram}


def write(events: Iterator[dict[str, Any]], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for event in events:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write(SETS[sys.argv[1]](Path(sys.argv[2])), Path(sys.argv[3]))
