"""What the command line does about deliveries: look, send again, switch receivers off and on.

Each act has its line in the audit.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from processors.notify.keys import Failed, Off
from schemas.acts import Act, Verb
from streams.errors import InputError, NotFoundError
from streams.notifier_state import NotifierState
from streams.people import Who, checked_note
from streams.people_store import ActStore, open_client
from streams.settings import Settings

_PREFIX_MIN = 6


async def given_up(settings: Settings, receiver: str | None = None) -> list[Failed]:
    """Notifications that were given up, the oldest first.

    Raises:
        NotFoundError: no notifier has run here.
        StoreUnavailableError: Redis does not answer.
    """
    state = await NotifierState.find(settings)
    try:
        return [one for _, one in await state.failed() if receiver in (None, one.receiver)]
    finally:
        await state.close()


async def redeliver(
    settings: Settings,
    who: Who,
    *,
    receiver: str | None = None,
    ids: Iterable[str] = (),
    note: str | None = None,
) -> list[Failed]:
    """Has notifications that were given up sent again: all, those of a receiver, or those with these ids (or
    beginnings of ids, of six characters at least). The notifier takes them up within seconds, under the ids
    that they have.

    Raises:
        NotFoundError: no such notification was given up, or no notifier has run here.
        InputError: a beginning fits several, or is too short.
        StoreUnavailableError: Redis does not answer.
    """
    text = checked_note(note)
    state = await NotifierState.find(settings)
    try:
        listed = [(number, one) for number, one in await state.failed() if receiver in (None, one.receiver)]
        if wanted := list(ids):
            names = {_whole(given, [one.notification_id for _, one in listed]) for given in wanted}
            listed = [(number, one) for number, one in listed if one.notification_id in names]
        await state.send_again({one.notification_id: number for number, one in listed}, who.by)
        for name in sorted({one.receiver for _, one in listed}):
            found = [one.notification_id for _, one in listed if one.receiver == name]
            await _record(settings, "redeliver", name, who, text, count=len(found), ids=found[:20])
        return [one for _, one in listed]
    finally:
        await state.close()


async def enable(settings: Settings, receiver: str, who: Who, note: str | None = None) -> bool:
    """Switches a receiver on again; False: it was not off. What fires still is told to it, what was given up
    is not sent by itself (`redeliver`).

    Raises:
        NotFoundError: no notifier has run here.
        StoreUnavailableError: Redis does not answer.
    """
    text = checked_note(note)
    state = await NotifierState.find(settings)
    try:
        if not await state.enable(receiver):
            return False
        await _record(settings, "receiver_enable", receiver, who, text)
        return True
    finally:
        await state.close()


async def disable(settings: Settings, receiver: str, who: Who, note: str | None = None) -> None:
    """Switches a receiver off: what waits for it is given up and listed, and nothing is sent to it.

    Raises:
        NotFoundError: no notifier has run here.
        StoreUnavailableError: Redis does not answer.
    """
    text = checked_note(note)
    state = await NotifierState.find(settings)
    try:
        await state.disable(receiver, f"by {who.by}" + (f": {text}" if text else ""))
        await _record(settings, "receiver_disable", receiver, who, text)
    finally:
        await state.close()


async def standing(settings: Settings) -> tuple[dict[str, int], dict[str, int], dict[str, Off]]:
    """Notifications that wait, and that were given up, by receiver; and the receivers that are off.

    Raises:
        NotFoundError: no notifier has run here.
        StoreUnavailableError: Redis does not answer.
    """
    state = await NotifierState.find(settings)
    try:
        failed: dict[str, int] = {}
        for _, one in await state.failed():
            failed[one.receiver] = failed.get(one.receiver, 0) + 1
        return await state.waiting(), failed, await state.off()
    finally:
        await state.close()


def _whole(given: str, known: list[str]) -> str:
    if given in known:
        return given
    if len(given) < _PREFIX_MIN:
        raise InputError(f"{given!r} is too short: give {_PREFIX_MIN} characters of the id at least")
    found = {name for name in known if name.startswith(given)}
    if not found:
        raise NotFoundError(
            f"no notification {given[:40]!r} was given up",
            hint="`rapport alerts redeliver --list` shows those that were",
        )
    if len(found) > 1:
        raise InputError(f"{given!r} fits {len(found)} notifications: give more of the id")
    return found.pop()


async def _record(
    settings: Settings, verb: Verb, receiver: str, who: Who, note: str | None, **details: object
) -> None:
    client = open_client(settings)
    try:
        await ActStore(settings, client).record(
            Act(
                act_id=secrets.token_hex(8),
                at=datetime.now(UTC),
                by=who.by,
                via=who.via,
                verb=verb,
                subject=receiver,
                note=note,
                details=details,
            )
        )
    finally:
        await client.aclose()
