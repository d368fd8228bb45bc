"""docs/source_examples.md: what becomes of each payload in the fixtures.

python -m tests.streams.sources.examples > docs/source_examples.md
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.streams.sources.cases import CASES, Case

_HEAD = """# Payloads and what becomes of them

For each source the payload files in `tests/streams/sources/fixtures/`, read as if the influencer named were
watched: its first payload with its event whole, then each payload in a line. Written by
`python -m tests.streams.sources.examples`, and held to the program by a test. `rapport sources try FILE`
shows the same for payloads of yours. [sources.md](sources.md) says what holds for all.
"""


def document() -> str:
    """The whole file."""
    return "\n".join([_HEAD, *(_example(case) for case in CASES)])


def _example(case: Case) -> str:
    parsed = case.parsed(watched=frozenset([case.influencer]))
    number = next(place for place, one in enumerate(parsed) if one.events)
    payload, event = case.payloads()[number], parsed[number].events[0]
    rows = []
    for place, one in enumerate(parsed, 1):
        rows += [f"| {place} | {_act(event)} | `{_cell(event['event_id'])}` |" for event in one.events]
        rows += [f"| {place} | rejected | {_cell(str(reason))} |" for reason in one.rejected]
        rows += [f"| {place} | left out | {_cell(str(reason))} |" for reason in one.left_out]
        rows += [f"| {place} | forget | `{_cell(account)}` |" for account in one.forget]
    files = ", ".join(f"`{name}`" for name in case.files)
    return "\n".join([
        f"## {case.name}\n", f"{files}; watched: `{case.influencer}`\n",
        f"```json\n{json.dumps(json.loads(payload), ensure_ascii=False)}\n```\n",
        f"becomes\n\n```json\n{json.dumps(event, ensure_ascii=False, indent=1)}\n```\n",
        "| payload | becomes | id, or why not |", "| --- | --- | --- |", *rows, "",
    ])  # fmt: skip


def _act(event: dict[str, Any]) -> str:
    if event["kind"] == "counter":
        return f"counter: {event['metric']} {event['count']}"
    op = "" if event["op"] == "create" else f" ({event['op']})"
    return event["kind"] + op


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(document())
