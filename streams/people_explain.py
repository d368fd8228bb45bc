"""People's acts that change scoring: explainers declared, a new normal accepted. Written to control.v1.

What was declared here is kept in Redis too (`{ns}explainers`): it can be listed, and an act that was cut off
between Redis and Kafka is finished when it is done again.
"""

from __future__ import annotations

import difflib
import hashlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from schemas import Control, Explainer
from schemas.acts import Act, Verb
from schemas.common import Flag, Id, Record
from schemas.topics import CONTROL
from streams.errors import InputError, NotFoundError
from streams.people import ConflictError, People, Who, checked_note, pick
from streams.people_store import Change
from streams.settings import Settings

#: Kinds that the detectors know by name; others account for all signals.
KINDS: Final = (
    "giveaway", "shout_out", "posting_pause", "holiday", "advertising", "purge", "hit_post", "event", "other",
)  # fmt: skip
#: Another explainer's place on the topic is not taken before windows have forgotten it.
_STANDS: Final = timedelta(days=30)
_LONGEST: Final = timedelta(days=92)
_EXPLAINERS_MAX: Final = 10_000
#: Sends (key, value or None) to its topic (control.v1) and returns when it is acknowledged.
Publish = Callable[[bytes, bytes | None], Awaitable[None]]


class Declared(Record):
    """An explainer that was declared here; `published`: Kafka has acknowledged it."""

    control: Control
    brand_id: Id | None = None
    published: Flag = False


def publisher(settings: Settings, topic: str = CONTROL, *, deadline_s: float = 20.0) -> Publish:
    """Writes to a topic of people's; raises BrokerUnavailableError or NotFoundError (no such topic)."""

    async def publish(key: bytes, value: bytes | None) -> None:
        from streams.sending import send

        await send(settings, [(time.time(), key, value)], topic=topic, deadline_s=deadline_s)

    return publish


async def explainers(people: People) -> dict[str, Declared]:
    """What was declared here, by key on control.v1."""
    return await people.store.all("explainers", Declared)


async def explain(
    people: People, partnership_id: str, explainer: Explainer, who: Who, publish: Publish,
    *, brand_id: str | None = None, now: datetime | None = None,
) -> tuple[str, Control]:  # fmt: skip
    """Declares an explainer for a partnership, ahead of time or after it. Returns its key and the record.

    The first of a partnership lies under kind and subject, as the contract has it; others that stand at the
    same time get a suffix, so that none takes another's place.
    """
    at = now or datetime.now(UTC)
    if explainer.ends_at - explainer.starts_at > _LONGEST:
        raise InputError(f"ends_at: an explainer lasts at most {_LONGEST.days} days")
    if explainer.kind not in KINDS:
        close = difflib.get_close_matches(explainer.kind, KINDS, 1)
        raise InputError(
            f"kind: {explainer.kind[:40]!r} is none",
            hint=f"did you mean {close[0]!r}?" if close else f"it may be {', '.join(KINDS)}",
        )
    note = checked_note(explainer.note)
    explainer = explainer.model_copy(update={"note": note})
    control = Control(
        kind="explainer", subject=partnership_id, by=who.by, at=at, note=note, explainer=explainer
    )  # fmt: skip
    for key in _places(control):
        found = await _reserve(people, key, control, brand_id, at)
        if found is not None:
            break
    else:  # only when hashes collide
        raise ConflictError("this partnership has too many explainers", hint="take one back first")
    await publish(key.encode(), found.control.model_dump_json(exclude_none=True).encode())
    done = found.model_copy(update={"published": True}).model_dump_json(exclude_none=True)
    act = _act("explain", found.control, who, brand_id, at, key)
    await people.store.change(
        "explainers", key, lambda before: None if before == done.encode() else Change(done, act)
    )
    return key, found.control


async def unexplain(
    people: People, key: str, who: Who, publish: Publish, *, note: str | None = None
) -> Control:
    """Takes an explainer back; `key` as `explainers` names it, or its unique beginning."""
    known = {name: item for name, item in (await explainers(people)).items() if who.sees(item.brand_id)}
    name = pick(key, known, "explainer", "`rapport alerts explainers` shows them")
    item = known[name]
    await publish(name.encode(), None)
    act = _act("unexplain", item.control, who, item.brand_id, datetime.now(UTC), name, checked_note(note))
    await people.store.change("explainers", name, lambda before: Change(None, act) if before else None)
    return item.control


async def accept_normal(
    people: People, partnership_id: str, who: Who, publish: Publish,
    *, note: str | None = None, brand_id: str | None = None, now: datetime | None = None,
) -> Control:  # fmt: skip
    """From now on the present is the partnership's normal: its reference is to be frozen anew."""
    at = now or datetime.now(UTC)
    control = Control(kind="accept_normal", subject=partnership_id, by=who.by, at=at, note=checked_note(note))
    await publish(control.key.encode(), control.model_dump_json(exclude_none=True).encode())
    await people.store.record(_act("accept_normal", control, who, brand_id, at, control.key))
    return control


async def brand_for(people: People, partnership_id: str, who: Who, settings: Settings) -> str:
    """Brand of a partnership that one may touch. Raises NotFoundError, with what may have been meant.

    From its reading; for one that was made a moment ago, from the topic.
    """
    brand = await people.brand_of(partnership_id)
    if brand is None and not partnership_id.startswith("none--"):
        brand = (await _on_topic(settings)).get(partnership_id)
    if brand is None or not who.sees(brand):
        readings = await people.reader.readings()
        close = difflib.get_close_matches(
            partnership_id, [r.partnership_id for r in readings if who.sees(r.brand_id)][:5_000], 1
        )
        raise NotFoundError(
            f"there is no partnership {partnership_id[:80]!r}",
            hint=f"did you mean {close[0]!r}?" if close else "`rapport partnerships list` shows them",
        )
    return brand


async def _on_topic(settings: Settings) -> dict[str, str]:
    from pydantic import ValidationError

    from schemas import Partnership
    from schemas.topics import PARTNERSHIPS
    from streams.consume import latest

    found = {}
    for record in (await latest(settings, settings.topic(PARTNERSHIPS))).values():
        try:
            item = Partnership.model_validate_json(record.value or b"")
        except ValidationError:
            continue  # ended, or not valid: the worker has told
        found[item.partnership_id] = item.brand_id
    return found


def _places(control: Control) -> tuple[str, str]:
    assert control.explainer is not None
    told = f"{control.explainer.kind} {control.explainer.starts_at.timestamp()}"
    return control.key, f"{control.key}:{hashlib.blake2b(told.encode(), digest_size=4).hexdigest()}"


async def _reserve(
    people: People, key: str, control: Control, brand_id: str | None, at: datetime
) -> Declared | None:
    """What lies under the key now: ours, or the same declared before; None: another's that still stands."""
    mine = Declared(control=control, brand_id=brand_id)
    stands: list[Declared | None] = []

    def decide(before: bytes | None) -> Change | None:
        stands.clear()
        old = Declared.model_validate_json(before) if before is not None else None
        if old is not None and _same(old.control, control):
            stands.append(old)
            return None
        ends = old.control.explainer.ends_at if old is not None and old.control.explainer else None
        suffixed = key != control.key
        if ends is not None and ends + _STANDS > at and not suffixed:
            stands.append(None)
            return None
        return Change(mine.model_dump_json(exclude_none=True), None)

    if await people.store.change("explainers", key, decide):
        await _tidy(people, at)
        return mine
    return stands[-1]


def _same(old: Control, new: Control) -> bool:
    return old.explainer == new.explainer


async def _tidy(people: People, at: datetime) -> None:
    """Forgets what has long ended: windows and detectors have, too."""
    if await people.store.count("explainers") <= _EXPLAINERS_MAX:
        return
    kept = await explainers(people)
    old = [k for k, d in kept.items() if d.control.explainer and d.control.explainer.ends_at + _STANDS < at]
    await people.store.drop("explainers", old)


def _act(
    verb: Verb, control: Control, who: Who, brand_id: str | None, at: datetime, key: str,
    note: str | None = None,
) -> Act:  # fmt: skip
    details = {"key": key}
    if control.explainer is not None:
        told = control.explainer.model_dump(mode="json", exclude_none=True)
        details |= {name: told[name] for name in ("kind", "starts_at", "ends_at")}
    digest = hashlib.blake2b(f"{verb} {key} {at.timestamp()}".encode(), digest_size=8).hexdigest()
    return Act(
        act_id=digest, at=at, by=who.by, via=who.via, verb=verb, subject=control.subject,
        partnership_id=control.subject, brand_id=brand_id, note=note or control.note, details=details,
    )  # fmt: skip
