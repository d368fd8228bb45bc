"""Partnerships made, changed and ended by people: to partnerships.v1, each with its line in the audit.

Before Kafka is written to, the change is noted in Redis (`{ns}changes`): one that was cut off between Kafka
and the audit is finished when it is asked for again, and an end stays known after the record is gone.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Protocol

from processors.book import Book
from schemas import Partnership
from schemas.acts import Act
from schemas.common import Flag, Record
from streams.errors import NotFoundError
from streams.people import ConflictError, People, Who
from streams.people_store import Change


class Changing(Protocol):
    """Where partnerships lie: what stands there, and how it is changed (`streams.serve.book.LiveBook`)."""

    async def get(self) -> Book: ...
    async def change(self, partnership_id: str, item: Partnership | None) -> None: ...


class Changed(Record):
    """The last change of a partnership that was asked for here; `done`: Kafka has it, and the audit too."""

    act: Act
    done: Flag = False


async def put(
    people: People, live: Changing, item: Partnership, who: Who, now: datetime
) -> tuple[Partnership | None, bool]:
    """Adds or replaces a partnership: (as it was before, whether anything changed).

    Raises NotFoundError (not your brand), ConflictError (the id is another brand's).
    """
    if not who.sees(item.brand_id):
        raise NotFoundError("brand_id: there is no such brand for you")
    before = (await live.get()).by_id.get(item.partnership_id)
    if before is not None and not who.sees(before.brand_id):
        # Whose it is is nobody's business.
        raise ConflictError("partnership_id: cannot be used", hint="take another one")
    if before == item:
        return before, await _finish(people, item.partnership_id)
    old = {} if before is None else before.model_dump()
    new = item.model_dump(include=item.model_fields_set if before is None else None)
    fields = sorted(name for name, value in new.items() if old.get(name) != value)
    act = _act("partnership_put", item, who, now, {"created": before is None, "fields": fields})
    await _noted(people, live, act, item)
    return before, True


async def end(people: People, live: Changing, partnership_id: str, who: Who, now: datetime) -> bool:
    """Ends a partnership: it is scored no more. False: it had ended already. Raises NotFoundError."""
    item = (await live.get()).by_id.get(partnership_id)
    if item is None or not who.sees(item.brand_id):
        last = await people.store.one("changes", partnership_id, Changed)
        ended = item is None and last is not None and last.act.verb == "partnership_end"
        if last is None or not ended or not who.sees(last.act.brand_id):
            raise NotFoundError(f"there is no partnership {partnership_id[:80]!r}")
        return await _finish(people, partnership_id)
    await _noted(people, live, _act("partnership_end", item, who, now, {}), None)
    return True


async def _noted(people: People, live: Changing, act: Act, item: Partnership | None) -> None:
    meant = Changed(act=act).model_dump_json(exclude_none=True)
    await people.store.change("changes", act.subject, lambda _: Change(meant, None))
    await live.change(act.subject, item)
    await _finish(people, act.subject)


async def _finish(people: People, partnership_id: str) -> bool:
    """Notes that the last change is done; False: that was noted already, or there is none."""

    def decide(before: bytes | None) -> Change | None:
        last = None if before is None else Changed.model_validate_json(before)
        if last is None or last.done:
            return None
        done = last.model_copy(update={"done": True}).model_dump_json(exclude_none=True)
        return Change(done, last.act)

    return await people.store.change("changes", partnership_id, decide)


def _act(verb: str, item: Partnership, who: Who, now: datetime, details: dict[str, object]) -> Act:
    return Act(
        act_id=secrets.token_hex(8), at=now, by=who.by, via=who.via, verb=verb,  # type: ignore[arg-type]
        subject=item.partnership_id, partnership_id=item.partnership_id, brand_id=item.brand_id,
        details=details,
    )  # fmt: skip
