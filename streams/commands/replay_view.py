"""What `rapport replay --dry-run` shows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams.reading.survey import Survey


def survey_document(survey: Survey) -> dict[str, Any]:
    """The look through files as JSON."""
    return {
        "events": survey.count, "first_at": _time(survey.first), "last_at": _time(survey.last),
        "kinds": dict(survey.kinds.most_common()), "sources": dict(survey.sources.most_common()),
        "influencers": len(survey.keys), "left_out": dict(survey.left_out), "gone": list(survey.gone),
        "rejected": survey.bad, "reasons": dict(survey.reasons),
        "rejected_lines": [
            {"file": line.file, "line": line.number, "reason": line.reason, "field": line.field,
             "message": line.why}
            for line in survey.bad_lines
        ],
    }  # fmt: skip


def show_survey(survey: Survey) -> None:
    """The same for people: what would be sent, the first records, and the lines that cannot be."""
    from rich.table import Table

    from streams.commands.output import out, say
    from streams.text import safe

    console = out()
    for value in survey.shown:
        console.print(safe(value.decode("utf-8", "replace"), limit=400), soft_wrap=True)
    if survey.kinds:
        table = Table("kind", "events", box=None, pad_edge=False, header_style="bold")
        for kind, n in survey.kinds.most_common():
            table.add_row(safe(kind, limit=40), f"{n:,}")
        console.print(table)
    if survey.bad_lines:
        table = Table(
            "line", "reason", "field", "what is wrong", box=None, pad_edge=False, header_style="bold"
        )
        for line in survey.bad_lines[:20]:
            where = safe(f"{Path(line.file).name}:{line.number}", limit=40)
            table.add_row(where, line.reason, safe(line.field, limit=40), safe(line.why, limit=160))
        console.print(table)
    if survey.left_out:
        told = ", ".join(f"{code} {n:,}" for code, n in survey.left_out.most_common())
        say(f"left out by the source: {told}")
    if survey.gone:
        say(f"{len(survey.gone):,} accounts are gone at their source and would be forgotten")
    span = f", {_time(survey.first)} to {_time(survey.last)}" if survey.count else ""
    say(
        f"{survey.count:,} events of {len(survey.keys):,} influencers would be sent{span}; "
        f"{survey.bad:,} lines would be rejected. Nothing was sent."
    )


def _time(at: float | None) -> str | None:
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
