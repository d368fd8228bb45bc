"""State of N partitions as state of M: each influencer goes where the partitioner puts its key.

What belongs to an influencer moves with it. What a partition holds as a whole is shared out:

==================  ==================================================================================
fence               totals go to partition n mod M, so that their sum stays; the clock is the latest of
                    the partitions whose influencers come, and an influencer of a slower one is told the
                    difference, so that its watermark stays where it was
ids, acts           hashes do not tell whose they are: every new partition gets those of all old
                    partitions from which influencers come
readings, alerts    with their influencer; alerts about sources, and trends without a reading, by n mod M
part                not kept: made anew within the hour of event time
==================  ==================================================================================

Nothing here needs order: an entry gives entries, to be added to what lies under their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import gcd
from typing import Any, Final

import msgspec

from processors.influencer import decode_meta
from processors.readings import unpacked
from processors.records import TOTALS
from processors.state.entries import LAYOUT, Entry
from processors.state.layout import partition_of

_pack = msgspec.msgpack.Encoder().encode
_delays = msgspec.msgpack.Decoder(dict[str, list[Any]]).decode
_HASHES: Final = (b"readings", b"readings:none", b"alerts", b"spark", b"unevaluated")


class _Named(msgspec.Struct):
    influencer_id: str | None = None


_named = msgspec.json.Decoder(_Named).decode


@dataclass(slots=True)
class Plan:
    """From `before` to `after` partitions of `topic`. `anew`: its log begins anew, else a partition that was
    there goes on at its fence."""

    topic: str
    before: int
    after: int
    anew: bool = False
    fences: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    owners: dict[bytes, str] = field(default_factory=dict)  # partnership -> influencer

    def look(self, entries: Iterable[Entry]) -> None:
        """What is to be known before the first entry is moved: a first pass over all of them."""
        for entry in entries:
            if entry.topic != self.topic:
                continue
            if entry.name == b"fence":
                self.fences[entry.partition] = entry.value
            elif entry.name in (b"readings", b"readings:none"):
                for name, value in entry.value.items():
                    if owner := _owner(unpacked(value)):
                        self.owners[name] = owner

    def sources(self, target: int) -> list[int]:
        """Old partitions whose influencers may come to a new one."""
        step = gcd(self.before, self.after)
        return [number for number in range(self.before) if number % step == target % step]

    def moved(self, entry: Entry) -> Iterator[Entry]:
        """What becomes of an entry. Fences and the layout are not its matter: see `closing`."""
        if entry.partition < 0:
            if entry.name != LAYOUT:
                yield entry
            return
        if entry.topic != self.topic:
            yield entry
        elif entry.name[:2] in (b"i:", b"c:"):
            target = partition_of(entry.name[2:], self.after)
            value = self._rebased(entry, target) if entry.name[:2] == b"i:" else entry.value
            yield self._at(entry, target, value)
        elif entry.name[:4] == b"ids:" or entry.name[:5] == b"acts:":
            for target in range(self.after):
                if entry.partition in self.sources(target):
                    yield self._at(entry, target, entry.value)
        elif entry.name in _HASHES:
            yield from self._split(entry)
        elif entry.name not in (b"fence", b"part"):
            yield self._at(entry, entry.partition % self.after, entry.value)

    def closing(self, epoch: int) -> Iterator[Entry]:
        """The new fences, under an epoch above all before. To be written last, before the layout."""
        for target in range(self.after):
            yield Entry(self.topic, target, b"fence", "hash", self._fence(target, epoch))

    def _fence(self, target: int, epoch: int) -> dict[bytes, bytes]:
        clock, jumped = self._time(target)
        own = {} if self.anew else self.fences.get(target, {})
        fence = {b"epoch": b"%d" % epoch, b"seq": own.get(b"seq", b"0"), b"next": own.get(b"next", b"0")}
        for name in (name.encode() for name in TOTALS):
            homes = range(target, self.before, self.after) if target < self.before else ()
            fence[name] = b"%d" % sum(int(self.fences.get(n, {}).get(name, b"0")) for n in homes)
        fence |= {b"clock": repr(clock).encode(), b"jumped": repr(jumped).encode(), b"ahead": b""}
        merged: dict[str, list[Any]] = {}
        for number in self.sources(target):
            for source, told in _delays(self.fences.get(number, {}).get(b"delays", b"\x80")).items():
                merged[source] = _joined(merged[source], told) if source in merged else told
        return fence | {b"delays": _pack(merged)}

    def _time(self, target: int) -> tuple[float, float]:
        """Clock and gaps of the source that has come furthest."""
        return max(
            (_clock(self.fences.get(number, {})) for number in self.sources(target)), default=(0.0, 0.0)
        )

    def _rebased(self, entry: Entry, target: int) -> dict[bytes, bytes]:
        (clock, jumped), (mine, gaps) = self._time(target), _clock(self.fences.get(entry.partition, {}))
        fields: dict[bytes, bytes] = entry.value
        if (clock, jumped) == (mine, gaps) or b"meta" not in fields:
            return fields
        meta = decode_meta(fields[b"meta"])
        meta.skew += clock - mine
        meta.jumped += jumped - gaps
        return fields | {b"meta": _pack(meta)}

    def _split(self, entry: Entry) -> Iterator[Entry]:
        by_target: dict[int, dict[bytes, bytes]] = {}
        for name, value in entry.value.items():
            owner = self._owner_of(entry.name, name, value)
            home = entry.partition % self.after
            target = home if owner is None else partition_of(owner, self.after)
            by_target.setdefault(target, {})[name] = value
        for target, fields in by_target.items():
            yield self._at(entry, target, fields)

    def _owner_of(self, kind: bytes, name: bytes, value: bytes) -> str | bytes | None:
        if kind == b"unevaluated":
            return name
        return _owner(value) if kind == b"alerts" else self.owners.get(name)

    def _at(self, entry: Entry, target: int, value: Any) -> Entry:
        return Entry(self.topic, target, entry.name, entry.kind, value, entry.ttl_s)


def remapped(plan: Plan, again: Callable[[], Iterable[Entry]], epoch: int) -> Iterator[Entry]:
    """All entries in their new places, fences and layout last. `again` begins the old ones from the start."""
    plan.look(again())
    layout: Entry | None = None
    for entry in again():
        if entry.partition < 0 and entry.name == LAYOUT:
            layout = entry
        yield from plan.moved(entry)
    yield from plan.closing(epoch)
    if layout is not None:
        layout.value = layout.value | {b"partitions": b"%d" % plan.after}
        yield layout


def _owner(body: bytes) -> str | None:
    try:
        return _named(body).influencer_id
    except msgspec.MsgspecError:
        return None  # unreadable, as readers of it find too: it stays by its number


def _clock(fence: dict[bytes, bytes]) -> tuple[float, float]:
    return float(fence.get(b"clock", b"0")), float(fence.get(b"jumped", b"0"))


def _joined(one: list[Any], other: list[Any]) -> list[Any]:
    """Two partitions' counts of how late a source is: the longer delay holds, counts add up."""
    newest = max((*one[2:3], *other[2:3], 0))
    return [max(one[0], other[0]), [a + b for a, b in zip(one[1], other[1], strict=True)], newest]
