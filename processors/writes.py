"""What of a partition goes into a fenced write: influencers, memory of events, who waits for a boundary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from processors.delays import Delays
from processors.event_memory import EventMemory
from processors.influencer import KEEP_SHORT_DAYS, Influencer
from processors.panes import DAY
from processors.records import TOTALS, Ahead, Totals
from processors.state.layout import PartitionKeys
from processors.state.store import Write

#: A backstop only: what is too old is trimmed, by event time.
KEEP_INFLUENCER_S: Final = KEEP_SHORT_DAYS * DAY
_KEEP_MEMORY_S: Final = 8 * DAY


def write_influencers(write: Write, keys: PartitionKeys, changed: Iterable[Influencer], today: int) -> None:
    """What changed of these influencers, as whole values. `today`: day of the partition's clock."""
    for inf in changed:
        inf.trim()
        sets, gone, appended, whole = inf.writes()
        write.add("HSET", keys.influencer(inf.id), sets)
        if gone:
            write.add("HDEL", keys.influencer(inf.id), gone)
        if whole is not None:
            write.add("SET", keys.comments(inf.id), [whole])
        elif appended:
            write.add("APPEND", keys.comments(inf.id), [appended])
        moved_on = inf.kept_day != today
        if moved_on:
            inf.kept_day = today
            write.add("EXPIRE", keys.influencer(inf.id), [KEEP_INFLUENCER_S])
        if whole is not None or (moved_on and (inf.comments or inf.answers)):  # SET forgets the expiry
            write.add("EXPIRE", keys.comments(inf.id), [KEEP_INFLUENCER_S])


def write_memory(write: Write, keys: PartitionKeys, memory: EventMemory) -> None:
    """New ids and acts, appended to their hour of arrival; hours that were forgotten go."""
    memory.limit()
    for key, new, whole in (
        (keys.event_ids, memory.new_ids, memory.whole_ids),
        (keys.acts, memory.new_acts, memory.whole_acts),
    ):
        for hour, data in (new | whole).items():
            if data:
                write.add("SET" if hour in whole else "APPEND", key(hour), [bytes(data)])
                write.add("EXPIRE", key(hour), [_KEEP_MEMORY_S])
            elif hour in whole:
                write.add("UNLINK", key(hour), [])
    for hour in memory.expired_hours:
        write.add("UNLINK", keys.event_ids(hour), [])
    for hour in memory.expired_act_hours:
        write.add("UNLINK", keys.acts(hour), [])
    memory.taken()


def write_fence(
    write: Write, keys: PartitionKeys, totals: Totals, clock: float, jumped: float, ahead: Ahead | None,
    delays: Delays,
) -> None:  # fmt: skip
    """What the fence's hash tells beside its place: totals and clock."""
    fence: list[bytes | str | int] = []
    for name in TOTALS:
        fence += (name, getattr(totals, name))
    fence += ("clock", repr(clock), "jumped", repr(jumped))
    fence += ("ahead", b"" if ahead is None else msgspec.json.encode(ahead))
    fence += ("delays", delays.encode())
    write.add("HSET", keys.fence, fence)


def write_unevaluated(write: Write, keys: PartitionKeys, before: frozenset[str], now: frozenset[str]) -> None:
    """Who was touched and waits for a boundary: to be loaded after a claim."""
    fields: list[bytes | str | int] = []
    for influencer_id in now - before:
        fields += (influencer_id, "")
    if fields:
        write.add("HSET", keys.unevaluated, fields)
    if gone := list(before - now):
        write.add("HDEL", keys.unevaluated, gone)
