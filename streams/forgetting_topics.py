"""An actor in the compacted topics: employees in partnerships.v1, readings of an influencer that nobody
watches.

What is compacted can be erased: a new value or a tombstone, and the broker drops the old one when it
compacts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import msgspec
from pydantic import ValidationError

from schemas import Partnership
from schemas.topics import PARTNERSHIPS, READINGS
from streams.consume import Record, latest
from streams.errors import InputError
from streams.sending import send
from streams.settings import Settings


class _About(msgspec.Struct, gc=False):
    influencer_id: str = ""


_about = msgspec.json.Decoder(_About).decode


@dataclass(slots=True)
class InTopics:
    """`employee_of`: partnerships to be written again without the account; `readings`: keys that get a
    tombstone."""

    employee_of: dict[str, Partnership] = field(default_factory=dict)
    readings: list[bytes] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "partnerships": sorted(self.employee_of),
            "readings": [key.decode("utf-8", "replace") for key in self.readings],
        }


async def look_in_topics(settings: Settings, accounts: list[str]) -> InTopics:
    """Where the compacted topics name these accounts.

    Raises InputError for an influencer or a brand's account of a partnership that still runs; NotFoundError,
    BrokerUnavailableError.
    """
    wanted, found = frozenset(accounts), InTopics()
    for record in (await latest(settings, settings.topic(PARTNERSHIPS))).values():
        partnership = _partnership(record)
        if partnership is None:
            continue
        if {partnership.influencer_id, *partnership.brand_account_ids} & wanted:
            name = partnership.partnership_id
            raise InputError(
                f"the partnership {name} is about this account: it is watched on purpose",
                hint=f"`rapport partnerships end {name}` first, if that is over",
            )
        kept = [one for one in partnership.employees if one.account_id not in wanted]
        if len(kept) < len(partnership.employees):
            fewer = partnership.model_copy(update={"employees": kept})
            found.employee_of[partnership.partnership_id] = fewer
    for key, record in (await latest(settings, settings.topic(READINGS))).items():
        if record.value is not None and _influencer(record.value) in wanted:
            found.readings.append(key)
    return found


async def erase_in_topics(settings: Settings, found: InTopics) -> None:
    """Writes the partnerships without the account, and the tombstones."""
    now = time.time()
    if found.employee_of:
        values = {name: one.model_dump_json(exclude_none=True) for name, one in found.employee_of.items()}
        await send(
            settings, [(now, name.encode(), value.encode()) for name, value in values.items()],
            topic=PARTNERSHIPS,
        )  # fmt: skip
    if found.readings:
        await send(settings, [(now, key, None) for key in found.readings], topic=READINGS)


def _partnership(record: Record) -> Partnership | None:
    if record.value is None:
        return None
    try:
        return Partnership.model_validate_json(record.value)
    except ValidationError:
        return None  # the worker names it


def _influencer(value: bytes) -> str:
    try:
        return _about(value).influencer_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
