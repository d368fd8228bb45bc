"""The core: one partition's events in, state and outputs out. No Kafka, no Redis, no clock of its own.

The order of work on a batch (the worker does the waiting in between):

1. `decode` the records; 2. `missing` names influencers whose state must be read; `load` takes it; 3. `fold`
them, which evaluates every boundary of event time that is crossed on the way; 4. `write` gives the fenced
write, `out` what is to be produced before it.

What comes out depends on the records' order only: boundaries are cut where the partition's clock (the newest
record timestamp) crosses a minute, not where a fetch happened to end. So a replay, a catch-up and an
evaluation give the readings and alerts of the live run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf as inf_

import msgspec

from processors.actors import ActorHasher
from processors.book import Book, implicit
from processors.boundary import Evaluator, firing
from processors.delays import MIN_S, Delays
from processors.endings import Listed
from processors.enrich import PartnershipIds, enriched
from processors.event_memory import EventMemory, id_hash
from processors.fold import Folder
from processors.influencer import KEEP_SHORT_DAYS, Influencer, longest_silent
from processors.panes import DAY, HOUR
from processors.parts import Telling
from processors.records import TOTALS, Ahead, Config, Decoded, Outputs, Record, Totals, decode_records
from processors.showing import Showing
from processors.snapshot import Part, encode
from processors.state.layout import PartitionKeys
from processors.state.store import Claim, Write
from processors.writes import write_fence, write_influencers, write_memory, write_unevaluated

#: The clock is looked at for crossed boundaries once a minute of it.
TICK_S = 60
BOUNDARY_S = 300
#: A step of the clock beyond this is a gap, or somebody's wrong clock: it is taken when a second record bears
#: it out, and whoever is silent is not carried along.
JUMP_S = 6 * HOUR
EXPIRY_S = KEEP_SHORT_DAYS * DAY
#: Changed influencers that wait for a write at most before the next slice; and readings, of 15 KB each.
CROWD = 2_000
CROWD_READINGS = 1_000
#: Influencers held beyond twice the bound before those that wait for their boundary go too.
OPEN_SLACK = 1_000
#: Boundaries of 5 minutes are evaluated in the last two hours, older ones by full hours.
RECENT_S = 2 * HOUR
#: The clock stops at 9999-12-31T00:00Z: a record's timestamp may be any 64-bit number, a date may not.
LAST_S = 253_402_214_400


class Partition:
    """State and work of one partition between a claim and its loss."""

    def __init__(
        self,
        keys: PartitionKeys,
        book: Book,
        hasher: ActorHasher,
        config: Config,
    ) -> None:
        self.keys, self.book, self.config = keys, book, config
        self.memory = EventMemory(
            duplicate_hours=config.duplicate_hours, max_ids=config.max_ids, max_acts=config.max_acts
        )
        self.folder = Folder(book, self.memory, hasher)
        self.influencers: dict[str, Influencer] = {}
        self.delays = Delays()
        self.totals = Totals()
        self.clock = 0.0  # newest record timestamp, epoch s
        self.ahead: Ahead | None = None  # of a record far ahead of the clock: the next tells who is right
        self.jumped = 0.0  # sum of the steps that were taken for gaps
        self.out = Outputs()
        self.evaluator = Evaluator(config, book.acts)
        self._epoch = self._seq = 0
        self._tick = self._swept = 0
        #: Influencers of this partition with a partnership: held in memory, and swept when silent.
        self.watched: frozenset[str] = frozenset()
        #: As Redis has it: influencers that were touched and wait for a boundary. To be loaded after a claim.
        self.unevaluated: frozenset[str] = frozenset()
        self._open: dict[str, Influencer] = {}  # touched, and not yet evaluated up to their newest event
        self._dirty: dict[str, Influencer] = {}
        self._showing = Showing()
        self._listed = Listed({}, {})
        self._telling = Telling(self.evaluator, sources=keys.partition == 0)
        self._ids = PartnershipIds(book)

    # -- claim ----------------------------------------------------------------------------------------------

    def restore(
        self,
        claim: Claim,
        ids: Iterable[tuple[int, bytes]],
        acts: Iterable[tuple[int, bytes]],
        unevaluated: Iterable[str] = (),
        listed: Listed | None = None,
    ) -> None:
        """Start from what a claim found; `watched` and `unevaluated` influencers are to be loaded next."""
        self._epoch, self._seq = claim.epoch, claim.seq
        fields = claim.fields
        self.totals = Totals(**{name: int(fields.get(name.encode(), b"0")) for name in TOTALS})
        self.clock = float(fields.get(b"clock", b"0"))
        self.jumped = float(fields.get(b"jumped", b"0"))
        self._tick, self._swept = int(self.clock) // TICK_S, int(self.clock) // BOUNDARY_S
        self.unevaluated = frozenset(unevaluated)
        if ahead := fields.get(b"ahead"):
            self.ahead = msgspec.json.decode(ahead, type=Ahead)
        self.delays = Delays.decode(fields.get(b"delays", b"\x80"))  # of none: an empty map
        self.evaluator.heard = self.delays.newest
        self.memory.load(ids, acts)
        self._listed = listed or self._listed

    # -- a batch --------------------------------------------------------------------------------------------

    def decode(self, records: Sequence[Record]) -> list[Decoded]:
        """Decode records; a bad one becomes a rejection, never an exception."""
        return decode_records(records, self.influencers, self.keys.partition, self.config.partitions)

    def missing(self, decoded: Iterable[Decoded]) -> list[str]:
        """Influencers of these events whose state is not in memory."""
        held = self.influencers
        return list({
            item.event.influencer_id for item in decoded
            if item.event is not None and item.event.influencer_id not in held
        })  # fmt: skip

    def load(self, influencer_id: str, fields: dict[bytes, bytes], comments: bytes) -> None:
        """Take an influencer's state into memory."""
        inf = self.influencers[influencer_id] = Influencer.load(influencer_id, fields, comments)
        if influencer_id in self.unevaluated:
            self._open[influencer_id] = inf

    def fold(self, decoded: Sequence[Decoded], hour: int) -> None:
        """Fold decoded records in their order. `hour`: hour of arrival (wall time // 3600)."""
        totals, memory, ids_of = self.totals, self.memory, self._ids.of
        see, fold, seed = self.delays.see, self.folder.fold, self.folder.seed
        influencers, opened, dirty = self.influencers, self._open, self._dirty
        put = self.out.enriched.append if self.config.enriched else None
        next_tick = self._next_tick
        totals.read += len(decoded)
        for item in decoded:
            record, event = item.record, item.event
            if event is None:
                totals.rejected += 1
                if item.rejected is not None:
                    self.out.rejected.append((record, item.rejected))
                continue
            timestamp, name = record.timestamp, event.influencer_id
            stamp = timestamp / 1_000
            if stamp >= next_tick:
                self._step(min(stamp, LAST_S))
                next_tick = self._next_tick
            elif stamp > self.clock:
                self.clock = stamp
            hash_ = id_hash(f"{name}\0{event.event_id}", seed)  # the duplicate key
            if memory.seen(hash_, hour):
                totals.duplicate += 1
                continue
            at = event.occurred_s
            see(event.source, stamp - at)
            inf = influencers[name]
            meta = inf.meta
            newest, clock = meta.max_at, self.clock
            late_by = 0.0
            if at < clock - MIN_S and newest:  # no watermark is nearer to the clock
                late_by = max(0.0, self._watermark(inf) - at)
                totals.late += late_by > 0
            dirty[name] = inf
            if at >= newest - EXPIRY_S:
                totals.counted += 1
                if at > newest:
                    if at <= clock + JUMP_S:
                        self._newest(inf, event.source, at)
                    elif self.ahead is not None and not self.ahead.influencer:
                        self.ahead = Ahead(self.ahead.stamp, name, at, event.source)
                found = fold(inf, event, hash_, hour, late_by)
                opened[name] = inf
            else:
                totals.expired += 1
                found = self.folder.expired(inf, event)
            if put is not None and record.value is not None:
                put(
                    (record.key, enriched(event, record.value, found, ids_of(name)), timestamp, record.offset)
                )

    def _newest(self, inf: Influencer, source: str, at: float) -> None:
        meta = inf.meta
        if not meta.first_at:
            meta.first_at = at
            meta.evaluated = int(at) // BOUNDARY_S * BOUNDARY_S
        meta.max_at = at
        skew = self.clock - at
        meta.skew = skew if skew > 0.0 else 0.0
        meta.jumped = self.jumped
        meta.source = source
        self.delays.hear(source, at)

    def evict(self, keep: int) -> int:
        """Forget influencers beyond `keep` that are written, evaluated and unwatched, longest silent first;
        far beyond it also those that wait for their boundary and have no partnership. Returns how many."""
        influencers, dirty, watched = self.influencers, self._dirty, self.watched
        excess = len(influencers) - keep
        if excess <= 0:
            return 0
        busy = dirty.keys() | self._open.keys() | watched
        gone = longest_silent((inf for name, inf in influencers.items() if name not in busy), excess)
        for name in gone:
            del influencers[name]
        kept = dirty.keys() | watched
        waiting = (inf for name, inf in self._open.items() if name not in kept and not self.book.of(name))
        for name in longest_silent(waiting, len(influencers) - 2 * keep - OPEN_SLACK):
            del influencers[name], self._open[name]  # they are counted, and evaluated after their next event
            gone.append(name)
        return len(gone)

    # -- time -----------------------------------------------------------------------------------------------

    def _watermark(self, inf: Influencer) -> float:
        """Up to where an influencer's events are taken to be complete: the clock, less how far its events run
        behind it, less its source's delay, less the gaps that came since its newest event."""
        meta = inf.meta
        return self.clock - meta.skew - self.delays.of(meta.source) - (self.jumped - meta.jumped)

    @property
    def _next_tick(self) -> float:
        """Record timestamp from which on the clock must be looked at: any, while one that is ahead waits."""
        return (self._tick + 1) * TICK_S if self.ahead is None else -inf_

    def _step(self, stamp: float) -> None:
        """A record's timestamp has come to the clock's next minute (or one that is ahead waits). One that is
        far ahead moves nothing until the next record bears it out: then the clock goes to the earlier."""
        ahead = self.ahead
        if ahead is not None and ahead.stamp <= self.clock + JUMP_S:  # an idle clock has come near it
            self._bear_out(ahead)
            self.ahead = ahead = None
        if ahead is not None and stamp in (ahead.stamp, self.clock):
            return  # most likely a record sent twice: it bears out nothing, nor does it say otherwise
        if not self.clock or stamp <= self.clock + JUMP_S:
            self.ahead = None
            if stamp > self.clock:
                self._advance(stamp)
        elif ahead is None:
            self.ahead = Ahead(stamp)
        else:
            self._advance(min(stamp, ahead.stamp))
            if ahead.stamp <= self.clock + JUMP_S:
                self._bear_out(ahead)
                self.ahead = None if stamp <= self.clock + JUMP_S else Ahead(stamp)
            if stamp > self.clock and self.ahead is None:
                self._advance(stamp)

    def _bear_out(self, ahead: Ahead) -> None:
        """The record that was ahead was right: its event is its influencer's newest."""
        inf = self.influencers.get(ahead.influencer)
        if inf is not None and ahead.at > inf.meta.max_at:
            self._newest(inf, ahead.source, ahead.at)
            self._open[inf.id] = self._dirty[inf.id] = inf

    def _advance(self, stamp: float) -> None:
        step = stamp - self.clock
        if step > JUMP_S and self.clock:
            self.jumped += step
        tick = int(stamp) // TICK_S
        self.clock = stamp
        if tick > self._tick:
            self._tick = tick
            self.evaluate()

    def idle(self, clock: float) -> None:
        """Nothing comes: let the clock go on to `clock` (epoch s of event time), by elapsed time only."""
        if clock > self.clock > 0:
            self._advance(clock)

    def evaluate(self) -> None:
        """Evaluate every boundary that a watermark has crossed."""
        sweep = int(self.clock) // BOUNDARY_S
        for inf in list(self._open.values()):
            waits = self.ahead is not None and self.ahead.influencer == inf.id
            if not inf.meta.first_at:  # nothing of it but what is far ahead
                if not waits:
                    del self._open[inf.id]
                continue
            if (done := inf.meta.evaluated) >= sweep * BOUNDARY_S:
                continue  # no watermark is ahead of the clock
            if (boundary := int(self._watermark(inf)) // BOUNDARY_S * BOUNDARY_S) > done:
                self._evaluate(inf, boundary)
                if boundary > inf.meta.max_at and not waits:
                    del self._open[inf.id]
        if sweep > self._swept:
            self._swept = sweep
            self._sweep()

    def _sweep(self) -> None:
        """All watched influencers at the full hour, so that silence is seen."""
        for influencer_id in sorted(self.watched):
            inf = self.influencers.get(influencer_id)
            if inf is None or influencer_id in self._open or not inf.meta.first_at:
                continue
            if inf.meta.evaluated < (boundary := int(self._watermark(inf)) // HOUR * HOUR):
                self._evaluate(inf, boundary)

    def _evaluate(self, inf: Influencer, boundary: int) -> None:
        """Up to `boundary`: what was touched of the last two hours, and for partnerships the full hours, so
        that a backfill or a gap does not hold the others up with thousands of readings of the past."""
        partnerships = self.book.of(inf.id)
        meta = inf.meta
        by_index = inf.minutes.by_index
        span = range(meta.evaluated // BOUNDARY_S, boundary // BOUNDARY_S)
        if len(span) > len(by_index):
            touched = [index for index in by_index if index in span]
        else:
            touched = [index for index in span if index in by_index]
        recent = boundary - RECENT_S
        marks = {at for index in touched if (at := (index + 1) * BOUNDARY_S) > recent}
        if partnerships:
            first = max(meta.evaluated, boundary - 40 * DAY) // HOUR + 1
            marks.update(hour * HOUR for hour in range(first, boundary // HOUR + 1))
        for at in sorted(marks):
            for partnership in partnerships or (implicit(inf.id),):
                self.evaluator.evaluate(inf, partnership, at)
                self.totals.readings += 1
            meta.corrected = False
        meta.evaluated = boundary
        self._dirty[inf.id] = inf

    def provisional(self, now: float, every: float, most: int) -> list[tuple[str, bytes]]:
        """Refresh the readings of at most `most` influencers that changed, each at most once in `every`
        seconds of wall time `now` (processors/showing.py). Returns (partnership id, JSON)."""
        out: list[tuple[str, bytes]] = []
        self._showing.note(self._dirty, self.watched)
        for inf in self._showing.due(self.influencers, now, every, most):
            at = max(int(inf.meta.max_at), inf.meta.evaluated) // BOUNDARY_S * BOUNDARY_S
            for partnership in self.book.of(inf.id) or (implicit(inf.id),):
                body = self.evaluator.provisional(inf, partnership, at)
                out.append((partnership.partnership_id, body))
                self.totals.provisional += 1
        return out

    def firing(self) -> int:
        """Alerts that fire now in this partition."""
        return sum(firing(self.influencers[name]) for name in self.watched if name in self.influencers)

    # -- write ----------------------------------------------------------------------------------------------

    def write(self, prev: int, next_: int) -> Write:
        """The fenced write of everything since the last one, `prev` -> `next_`."""
        keys = self.keys
        write = Write(self._epoch, self._seq, prev, next_)
        turned = self._telling.turned(self.clock)
        if turned:
            self._telling.judge(self._listed, self.clock)
        if self._listed.changed(self.book):
            at = int(self.clock) // BOUNDARY_S * BOUNDARY_S
            ended = self._listed.end(self.book, self.influencers.values(), at, self.evaluator.out)
            ended.remove(write, keys)
        self._listed.note(self.evaluator.out)
        write_influencers(write, keys, self._dirty.values(), int(self.clock) // DAY)
        self._dirty = {}
        write_memory(write, keys, self.memory)
        now = frozenset(self._open)
        write_unevaluated(write, keys, self.unevaluated, now)
        self.unevaluated = now
        self.evaluator.write(write, keys)
        if turned:
            write.add("SET", keys.part, [encode(self.part())])
        write_fence(write, keys, self.totals, self.clock, self.jumped, self.ahead, self.delays)
        return write

    def part(self) -> Part:
        """What the watched influencers tell for the snapshot of all partitions."""
        held = filter(None, map(self.influencers.get, sorted(self.watched)))
        return self._telling.part(held, self.clock, self.delays.newest)

    def written(self) -> None:
        """The write was answered OK or SAME."""
        self._seq += 1
        self.out.enriched.clear()
        self.out.rejected.clear()
        self.evaluator.written()

    @property
    def crowded(self) -> bool:
        """Whether so much waits that the fence should move at once: one write must stay a short one."""
        return len(self._dirty) > CROWD or len(self.evaluator.out.readings) > CROWD_READINGS

    @property
    def pending(self) -> bool:
        """Whether there is something to write."""
        waits = self._dirty or self._showing or self.out.rejected or self.evaluator.out.newest
        return bool(waits or self._listed.changed(self.book))
