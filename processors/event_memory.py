"""What a partition remembers of single events: ids seen twice, and acts that an undo may take back.

Ids are 64-bit hashes of (influencer, event id), kept for `duplicate_hours` of arrival. Acts that can be
undone are kept for seven days of arrival, under the hash of their event id and of (influencer, actor, kind,
target), with the pane they were counted in. Both lie in Redis as appended records by hour of arrival, so a
fenced write adds bytes for new events only; both are bounded, here and in Redis, and what is dropped early is
counted: an hour that is emptied goes, and one whose string has grown to twice what is still held of it is
written anew.

Arrival is wall time: how long a platform goes on re-sending is a matter of its clock, not of event time.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator

import msgspec
import xxhash

from processors.packed import PackedDict, PackedSet

_ID = struct.Struct("<Q")
_ACT = struct.Struct("<QQiBBH")  # id hash, act hash, 5-minute index, kind column, flags, filler
_PLACE = struct.Struct("<iBBH")  # the last four of these
UNDO_HOURS = 7 * 24
#: A claim looks so far ahead of its clock: another worker's may have been ahead, or ours was set back.
AHEAD_HOURS = 3
#: What is held of one hour at most, in bytes of its string: a write is refused that would make one too long
#: (processors.state.store.MAX_STRING), so none may come near that.
HOUR_BYTES = 64 << 20
#: A string is not written anew for less.
_SLACK = 64 << 10
#: Flags of an act.
KNOWN, LOW, FLAGGED, OWN, GONE = 1, 2, 4, 64, 128

_xxh3 = xxhash.xxh3_64_intdigest


def id_hash(text: str, seed: int) -> int:
    """64-bit XXH3 of a text. The seed is secret, so that ids cannot simply be looked up by their hash."""
    return _xxh3(text.encode(), seed)


class Act(msgspec.Struct, frozen=True, gc=False):
    """Where an act was counted: its 5-minute pane, kind column, and what was found out about it."""

    pane: int
    kind: int
    flags: int
    id_hash: int
    act_hash: int


class EventMemory:
    """Ids and acts of one partition. `now_hour` is the hour of arrival, handed in with each call."""

    def __init__(
        self, *, duplicate_hours: int = 48, max_ids: int = 4_000_000, max_acts: int = 1_000_000
    ) -> None:
        self._ids = PackedSet(max_ids)
        self._id_hours: dict[int, array[int]] = {}
        self._places = PackedDict(max_acts)  # id hash -> place
        self._acts = PackedDict(max_acts)  # act hash -> id hash of the newest such act, packed
        # id hash, act hash, id hash, act hash … as appended; the act hash of one that was taken back is 0
        self._act_hours: dict[int, array[int]] = {}
        self._id_bytes: dict[int, int] = {}  # length of each string in Redis
        self._act_bytes: dict[int, int] = {}
        self._duplicate_hours, self._max_ids, self._max_acts = duplicate_hours, max_ids, max_acts
        self._hour = -1
        self.new_ids: dict[int, bytearray] = {}  # by hour: not yet in Redis
        self.new_acts: dict[int, bytearray] = {}
        self.whole_ids: dict[int, bytes] = {}  # hours to be written anew, new ones included
        self.whole_acts: dict[int, bytes] = {}
        self.expired_hours: list[int] = []  # hours of ids to be removed from Redis
        self.expired_act_hours: list[int] = []
        self.dropped_early = 0

    def __len__(self) -> int:
        return len(self._ids)

    def seen(self, hash_: int, hour: int) -> bool:
        """True if the id was seen before; else it is remembered."""
        packed = _ID.pack(hash_)
        if not self._ids.add(hash_, packed):
            return True
        if hour > self._hour:
            self._turn(hour)
        self._id_hours[self._hour].append(hash_)
        self.new_ids[self._hour] += packed
        return False

    def remember(self, act: Act, hour: int) -> None:
        """Remember an act that may be undone."""
        self.note(act.pane, act.kind, act.flags, act.id_hash, act.act_hash, hour)

    def note(self, pane: int, kind: int, flags: int, id_: int, act_hash: int, hour: int) -> None:
        """`remember`, of the act's parts: the hot path makes no object for it."""
        if hour > self._hour:
            self._turn(hour)
        record = _ACT.pack(id_, act_hash, pane, kind, flags, 0)
        self._hold(id_, act_hash, record, self._hour)
        self.new_acts[self._hour] += record

    def take(self, hash_: int, hour: int) -> Act | None:
        """The act behind an event id's or an act's hash, forgotten from now on; None if unknown or undone."""
        found = self._acts.pop(hash_)
        id_ = hash_ if found is None else _ID.unpack(found)[0]
        place = self._places.pop(id_)
        if place is None:
            return None
        pane, kind, flags, _ = _PLACE.unpack(place)
        act = Act(pane, kind, flags, id_, 0)
        if hour > self._hour:
            self._turn(hour)
        self._act_hours[self._hour].extend((id_, 0))
        self.new_acts[self._hour] += _ACT.pack(id_, 0, 0, 0, GONE, 0)
        return act

    def _hold(self, id_: int, act_hash: int, record: bytes, hour: int) -> None:
        """Hold an act, as it lies in Redis."""
        packed = record[:8]
        self._places.put(id_, packed, record[16:])
        self._acts.put(act_hash, record[8:16], packed)
        acts = self._act_hours[hour]
        acts.append(id_)
        acts.append(act_hash)

    def _forget(self, acts: array[int]) -> None:
        for id_, act_hash in zip(acts[::2], acts[1::2], strict=True):
            if not act_hash:
                continue
            self._places.pop(id_)
            if self._acts.get(act_hash) == _ID.pack(id_):
                self._acts.pop(act_hash)

    def _turn(self, hour: int) -> None:
        """A new hour of arrival: make its buckets, drop what is too old or too much. (A clock that
        is set back goes on in the hour it had.)"""
        self._hour = hour
        self._id_hours.setdefault(hour, array("Q"))
        self._act_hours.setdefault(hour, array("Q"))
        self.new_ids.setdefault(hour, bytearray())
        self.new_acts.setdefault(hour, bytearray())
        while min(self._id_hours) < hour and (
            min(self._id_hours) <= hour - self._duplicate_hours or len(self._ids) > self._max_ids
        ):
            old = min(self._id_hours)
            self.dropped_early += len(self._id_hours[old]) if old > hour - self._duplicate_hours else 0
            self._ids.difference_update(self._id_hours.pop(old))
            self.expired_hours.append(old)
        while min(self._act_hours) < hour and (
            min(self._act_hours) <= hour - UNDO_HOURS or self._remembered() > self._max_acts
        ):
            old = min(self._act_hours)
            self._forget(self._act_hours.pop(old))
            self.expired_act_hours.append(old)

    def _remembered(self) -> int:
        """Acts and undos that are held."""
        return sum(map(len, self._act_hours.values())) // 2

    def limit(self) -> None:
        """Hold the bounds within one hour too (a flood must not fill the memory, or Redis, before the hour
        turns). To be called before each write."""
        self.whole_ids, self.whole_acts = {}, {}
        self._limit_ids()
        self._limit_acts()
        for hour, bucket in self._id_hours.items():
            length = self._id_bytes.get(hour, 0) + len(self.new_ids.get(hour, b""))
            if length > 2 * _ID.size * len(bucket) + _SLACK:
                self.whole_ids[hour] = struct.pack(f"<{len(bucket)}Q", *bucket)
        for hour, acts in self._act_hours.items():
            length = self._act_bytes.get(hour, 0) + len(self.new_acts.get(hour, b""))
            if length > _ACT.size * len(acts) + _SLACK:  # twice: an act is two items
                self.whole_acts[hour] = self._anew(hour)

    def _limit_ids(self) -> None:
        excess = len(self._ids) - self._max_ids
        for hour in sorted(self._id_hours):
            bucket = self._id_hours[hour]
            most = HOUR_BYTES // _ID.size
            cut = len(bucket) - most + most // 10 if len(bucket) > most else 0
            if excess > 0:
                cut = max(cut, min(len(bucket), excess + self._max_ids // 10))
            if not cut:
                continue
            self._ids.difference_update(bucket[:cut])
            del bucket[:cut]
            self.dropped_early += cut
            excess -= cut
            if not bucket and hour != self._hour:
                del self._id_hours[hour]
                self.expired_hours.append(hour)

    def _limit_acts(self) -> None:
        excess = self._remembered() - self._max_acts
        for hour in sorted(self._act_hours):
            acts = self._act_hours[hour]
            held, most = len(acts) // 2, HOUR_BYTES // _ACT.size
            cut = held - most + most // 10 if held > most else 0
            if excess > 0:
                cut = max(cut, min(held, excess + self._max_acts // 10))
            if not cut:
                continue
            self._forget(acts[: 2 * cut])
            del acts[: 2 * cut]
            excess -= cut
            if not acts and hour != self._hour:
                del self._act_hours[hour]
                self.expired_act_hours.append(hour)

    def _anew(self, hour: int) -> bytes:
        """The string of an hour's acts, without those that were taken back in the same hour."""
        old, kept, out = self._act_hours[hour], array("Q"), bytearray()
        here = {id_ for id_, act_hash in zip(old[::2], old[1::2], strict=True) if act_hash}
        for id_, act_hash in zip(old[::2], old[1::2], strict=True):
            place, mine = self._places.get(id_), _ID.pack(id_)
            if not act_hash and id_ not in here:
                kept.extend((id_, 0))
                out += _ACT.pack(id_, 0, 0, 0, GONE, 0)
            elif act_hash and place is not None:
                # Found by its act's hash no more (a later act has it, or it was used up): its own stands in.
                act_hash = act_hash if self._acts.get(act_hash) == mine else id_
                kept.extend((id_, act_hash))
                out += mine + _ID.pack(act_hash) + place
            elif act_hash and self._acts.get(act_hash) == mine:
                self._acts.pop(act_hash)
        self._act_hours[hour] = kept
        return bytes(out)

    def hours_to_load(self, hour: int) -> tuple[range, range]:
        """Hours of ids and of acts that a claim has to read back."""
        end = hour + 1 + AHEAD_HOURS
        return range(hour - self._duplicate_hours + 1, end), range(hour - UNDO_HOURS + 1, end)

    def load(self, ids: Iterable[tuple[int, bytes]], acts: Iterable[tuple[int, bytes]]) -> None:
        """Take back what Redis holds: (hour, appended records). Of more than the bounds the newest.

        Goes on in the newest hour, even if the clock was set back since: an undo must not come to stand
        before its act.
        """
        for hour, data, length in _newest(ids, _ID.size, self._max_ids):
            if not data:
                self.expired_hours.append(hour)
                continue
            bucket = [hash_ for (hash_,) in _ID.iter_unpack(data)]
            self._id_hours[hour] = array("Q", bucket)
            self._id_bytes[hour] = length
            self._ids.update(bucket)
        for hour, data, length in _newest(acts, _ACT.size, self._max_acts):
            if not data:
                self.expired_act_hours.append(hour)
                continue
            self._act_hours[hour] = array("Q")
            self._act_bytes[hour] = length
            for at in range(0, len(data), _ACT.size):
                record = data[at : at + _ACT.size]
                id_, act_hash, _, _, flags, _ = _ACT.unpack(record)
                if flags & GONE:
                    self._places.pop(id_)
                    self._act_hours[hour].extend((id_, 0))
                else:
                    self._hold(id_, act_hash, record, hour)
        if hours := [*self._id_hours, *self._act_hours]:
            self._turn(max(hours))

    def taken(self) -> None:
        """A fenced write was built from the new records: start over (the memory is dropped if it fails)."""
        for lengths, new, whole, expired in (
            (self._id_bytes, self.new_ids, self.whole_ids, self.expired_hours),
            (self._act_bytes, self.new_acts, self.whole_acts, self.expired_act_hours),
        ):
            for hour, data in new.items():
                lengths[hour] = lengths.get(hour, 0) + len(data)
            lengths.update((hour, len(data)) for hour, data in whole.items())
            for hour in expired:
                lengths.pop(hour, None)
        self.new_ids = {self._hour: bytearray()} if self._hour >= 0 else {}
        self.new_acts = {self._hour: bytearray()} if self._hour >= 0 else {}
        self.whole_ids, self.whole_acts = {}, {}
        self.expired_hours, self.expired_act_hours = [], []


def _newest(hours: Iterable[tuple[int, bytes]], size: int, most: int) -> Iterator[tuple[int, bytes, int]]:
    """Of records by hour the newest, at most `most`: (hour, records of `size` bytes, length of the string),
    oldest hour first; no records are left of an hour that goes."""
    out = []
    for hour, data in sorted(hours, reverse=True):
        if data:
            keep = min(most, len(data) // size)
            most -= keep
            out.append((hour, data[len(data) - keep * size :], len(data)))
    return reversed(out)
