"""The digest: read from Redis, put into words. `processors.digest` says what is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Final

from processors.digest import make_digest
from streams.errors import NotFoundError, RapportError
from streams.people import People, Who
from streams.reader import event_clock

FORMATS: Final = ("text", "html", "markdown", "json")
LONGEST: Final = timedelta(days=92)
#: Rows in a message; the JSON form has more.
_ROWS: Final = 15
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")


async def gather(
    people: People, who: Who, now: datetime, length: timedelta,
    *, brand: str | None = None, partnerships: Collection[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """The digest of what one may see, of one brand, or of some partnerships (those of one manager).

    Raises NotFoundError when there is no such brand or partnership.
    """
    reader = people.reader

    def takes(brand_id: str | None, partnership_id: str | None) -> bool:
        return (
            who.sees(brand_id)
            and brand in (None, brand_id)
            and (not partnerships or partnership_id in partnerships)
        )

    readings = [r for r in await reader.readings() if takes(r.brand_id, r.partnership_id)]
    known = {reading.partnership_id for reading in readings}
    if unknown := sorted(set(partnerships) - known):
        raise NotFoundError(
            f"there are no readings of {unknown[0]!r}", hint="`rapport status` names those with"
        )
    if brand is not None and not readings:
        raise NotFoundError(f"there are no readings of the brand {brand!r}")
    clock = event_clock(await reader.fences())
    at = datetime.fromtimestamp(clock, now.tzinfo) if clock is not None else now
    sparks = {name: line for name, line in (await reader.healths()).items() if name in known}
    alerts = [alert for alert in await people.alerts() if takes(alert.brand_id, alert.partnership_id)]
    brands = frozenset([brand]) if brand is not None else who.brands
    acts = [act for _, act in await people.audit(since=now - length, brands=brands, limit=2_000)]
    if partnerships:
        acts = [act for act in acts if act.partnership_id in partnerships]
    made = make_digest(
        readings, sparks, alerts, acts, await people.acks(), await people.wrong(),
        clock=at, now=now, length=length,
    )  # fmt: skip
    return {"brand": brand, **made}


def render(digest: dict[str, Any], form: str) -> str:
    """The digest as text, html, markdown, json, or chat (short). What names and notes hold is harmless."""
    if form == "json":
        return json.dumps(digest, allow_nan=False) + "\n"
    from streams.receivers.sandbox import Form, TemplateFailedError, run

    name, target = {
        "html": ("html.j2", "mail_html"), "text": ("text.j2", "mail_text"),
        "markdown": ("markdown.j2", "mail_text"), "chat": ("text.j2", "chat"),
    }[form]  # fmt: skip
    kind: Form = target  # type: ignore[assignment]
    source = (files("streams.digests") / name).read_text(encoding="utf-8")
    rows = 5 if form == "chat" else _ROWS
    cut = {name: value[:rows] if isinstance(value, list) else value for name, value in digest.items()}
    context = _escaped(cut) if form == "markdown" else cut
    try:
        return run(kind, {f"{kind}.j2": source}, {"d": context}) + "\n"
    except TemplateFailedError as error:
        raise RapportError(
            f"the digest cannot be put into words: {error}", hint="--format json works"
        ) from None


def title(digest: dict[str, Any]) -> str:
    """One line for the head of a mail."""
    about = f" for {digest['brand']}" if digest.get("brand") else ""
    counts = f"{digest['fell']} fell, {digest['rose']} rose, {digest['open_count']} open alerts"
    return f"Rapport digest{about}: {counts}"


def _escaped(value: Any) -> Any:
    """Foreign text without meaning to Markdown."""
    if isinstance(value, str):
        return _MARKDOWN.sub(r"\\\1", value)
    if isinstance(value, dict):
        return {name: _escaped(item) for name, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
