"""The core by hand: events as records, partitions over the in-memory store, and looking at what they hold.

`Core` does what a lane does (decode, load, fold, refresh, write), in whatever pieces a test wants.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from processors.actors import ActorHasher
from processors.book import Book
from processors.influencer import KEEP_COMMENTS_S, Influencer
from processors.partition import Partition
from processors.records import Config
from processors.reference import encode_reference
from processors.state.layout import PartitionKeys
from processors.state.memory_store import MemoryStore
from processors.state.store import Answer
from schemas import Partnership

#: Monday, 2 November 2026, 00:00 UTC, and the hour of arrival that tests hand in.
START = int(dt.datetime(2026, 11, 2, tzinfo=dt.UTC).timestamp())
ARRIVAL = START // 3_600
KEYS = PartitionKeys("test", "events", 0)
HASHER = ActorHasher(b"key of the tests")


@dataclass(slots=True)
class Rec:
    """A record as aiokafka gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def event(event_id: str, kind: str, at: float, **fields: Any) -> dict[str, Any]:
    """An event of influencer `ann` by actor `fan`; `actor` may be an id or the whole object."""
    actor = fields.pop("actor", "fan")
    data: dict[str, Any] = {
        "event_id": event_id, "source": "bluesky", "kind": kind, "influencer_id": "ann",
        "occurred_at": dt.datetime.fromtimestamp(at, dt.UTC).isoformat(),
        "actor": {"id": actor} if isinstance(actor, str) else actor,
    }  # fmt: skip
    return data | fields


def records(events: Iterable[tuple[float, dict[str, Any] | bytes]], first: int = 0) -> list[Rec]:
    """(record timestamp in epoch s, event) as records with rising offsets."""
    return [
        Rec(first + number, int(stamp * 1_000), *_pair(data)) for number, (stamp, data) in enumerate(events)
    ]


def _pair(data: dict[str, Any] | bytes) -> tuple[bytes, bytes]:
    if isinstance(data, bytes):
        return b"ann", data
    return data["influencer_id"].encode(), json.dumps(data).encode()


def partnership(influencer: str = "ann", **fields: Any) -> Partnership:
    return Partnership.model_validate({
        "partnership_id": f"acme--{influencer}", "brand_id": "acme", "influencer_id": influencer,
        "brand_account_ids": ["acme"], "employees": [{"account_id": "staff"}],
        "target_audience": {"country": {"GB": 0.6, "DE": 0.4}, "lang": {"en": 1.0}},
    } | fields)  # fmt: skip


class Core:
    """One partition as a lane drives it. Keeps every output of every write."""

    def __init__(
        self,
        book: Book | None = None,
        store: MemoryStore | None = None,
        config: Config | None = None,
        watched: Iterable[str] = ("ann",),
    ) -> None:
        self.book = book if book is not None else Book([partnership()])
        self.store = store or MemoryStore()
        self.config = config or Config()
        self.watched = frozenset(watched)
        self.readings: list[tuple[str, bytes, int]] = []
        self.transitions: list[dict[str, Any]] = []
        self.enriched: list[tuple[bytes | None, bytes, int, int]] = []
        self.rejected: list[Any] = []
        self.claim()

    def claim(self) -> None:
        """Start over from what the store holds, as after a crash: unwritten memory is lost."""
        claim = asyncio.run(self.store.claim(KEYS))
        self.partition = p = Partition(KEYS, self.book, HASHER, self.config)
        ids, acts = p.memory.hours_to_load(ARRIVAL)
        strings = self.store.strings
        p.restore(
            claim,
            [(hour, strings.get(KEYS.event_ids(hour), b"")) for hour in ids],
            [(hour, strings.get(KEYS.acts(hour), b"")) for hour in acts],
            [name.decode() for name in self.store.hashes.get(KEYS.unevaluated, {})],
        )
        p.watched = self.watched
        self.prev = -1 if claim.next is None else claim.next
        self.next = max(0, self.prev)
        self._load(p.watched | p.unevaluated)

    def _load(self, names: Iterable[str]) -> None:
        for name in names:
            fields = self.store.hashes.get(KEYS.influencer(name), {})
            self.partition.load(name, dict(fields), self.store.strings.get(KEYS.comments(name), b""))

    def fold(self, part: Sequence[Rec], hour: int = ARRIVAL) -> None:
        """Fold records in one slice."""
        decoded = self.partition.decode(part)
        self._load(self.partition.missing(decoded))
        self.partition.fold(decoded, hour)
        if part:
            self.next = part[-1].offset + 1

    def write(self, *, provisional: bool = False) -> None:
        """Bring everything behind the fence."""
        p = self.partition
        if provisional:
            p.provisional(float(self.next + 1), 0.0, 1_000)
        out = p.evaluator.out
        self.readings += out.readings
        self.transitions += [alert for _, alert in out.transitions]
        self.enriched += p.out.enriched
        self.rejected += p.out.rejected
        write = p.write(self.prev, self.next)
        answer, _ = asyncio.run(self.store.apply(KEYS, write))
        assert answer is Answer.OK
        p.written()
        self.prev = self.next

    def run(self, recs: Sequence[Rec]) -> Core:
        """Fold all in one slice, and write."""
        self.fold(recs)
        self.write()
        return self

    def influencer(self, name: str = "ann") -> Influencer:
        return self.partition.influencers[name]

    def state(self) -> dict[str, Any]:
        """Everything that counts, as plain values; what is kept longer only by chance of the
        writes (panes and comments past their use) is left out."""
        p = self.partition
        totals = {k: v for k, v in asdict(p.totals).items() if k != "provisional"}
        delays = p.delays.encode()
        stored = {name.decode() for name in self.store.hashes.get(KEYS.unevaluated, {})}
        assert stored == set(p.unevaluated)
        return {
            "totals": totals, "clock": p.clock, "ahead": p.ahead, "jumped": p.jumped, "delays": delays,
            "open": stored,
            "acts": dict(p.memory._places.items()), "ids": set(p.memory._ids),
            **{name: influencer_state(self._stored(name)) for name in self._names()},
            "ledgers": {name: self._ledgers(name) for name in self._names()},
        }  # fmt: skip

    def _names(self) -> list[str]:
        head = KEYS.influencer("")
        return sorted(key[len(head) :] for key in self.store.hashes if key.startswith(head))

    def _ledgers(self, name: str) -> dict[bytes, bytes]:
        fields = self.store.hashes[KEYS.influencer(name)]
        return {field: value for field, value in fields.items() if field.startswith(b"l:")}

    def _stored(self, name: str) -> Influencer:
        fields = self.store.hashes[KEYS.influencer(name)]
        stored = Influencer.load(name, fields, self.store.strings.get(KEYS.comments(name), b""))
        held = self.partition.influencers.get(name)
        if held is not None:  # what is in memory is what is in the store
            held.trim()
            stored.trim()
            assert influencer_state(held) == influencer_state(stored)
        return stored


def influencer_state(inf: Influencer) -> dict[str, Any]:
    """An influencer's whole state as plain values."""
    inf.trim()
    floor = inf.meta.max_at - KEEP_COMMENTS_S
    meta = {name: getattr(inf.meta, name) for name in inf.meta.__struct_fields__}
    return {
        "references": {pid: encode_reference(ref) for pid, ref in inf.references.items()},
        "meta": meta | {"sample_threshold": inf.actors.threshold, "forgotten_on": inf.actors.forgotten_on},
        "minutes": inf.minutes.by_index, "hours": inf.hours.by_index, "days": inf.days.by_index,
        "short": inf.short, "posts": {h: asdict(post) for h, post in inf.posts.items()},
        "comments": {h: at for h, at in inf.comments.items() if at >= floor},
        "answers": {h: at for h, at in inf.answers.items() if at >= floor},
        "actors": inf.actors.buckets, "alerts": inf.alerts,
        "histories": dict(inf.histories),
    }  # fmt: skip


_AUDIENCE = ("like", "like", "view", "comment", "share", "save", "reply", "follow", "mention", "quote")


def stream(
    seed: int,
    count: int = 150,
    *,
    influencers: Sequence[str] = ("ann", "bob", "eve"),
    step: float = 400.0,
    disorder: float = 0.2,
    undos: float = 0.1,
) -> list[tuple[float, dict[str, Any]]]:
    """A lively stream of all kinds: (record timestamp, event). Late and future events, undos, profiles,
    answers and answers to them, silences of hours and days, and in a tenth of the streams of weeks."""
    rng = Random(seed)
    clock = float(START + rng.randrange(86_400))
    said: dict[str, list[str]] = {name: [] for name in influencers}
    answers: dict[str, list[str]] = {name: [] for name in influencers}
    sent: list[dict[str, Any]] = []
    out = []
    for number in range(count):
        u = rng.random()
        clock += rng.expovariate(1 / step) if u < 0.985 else 3_600 * rng.choice((1, 5, 7, 26, 80))
        if seed % 10 == 0 and number == count // 2:
            clock += 40 * 86_400
        at = clock - rng.random() * 30
        if rng.random() < disorder:
            at -= rng.choice((120, 1_200, 8_000, 100_000, 300_000, 4_000_000))
        elif rng.random() < 0.02:
            at += 240
        name = rng.choice(influencers)
        data = _any(rng, f"e{seed}-{number}", at, name, said[name], answers[name])
        if rng.random() < undos and sent:
            data = _undo(rng, f"u{seed}-{number}", at, rng.choice(sent[-60:]))
        else:
            sent.append(data)
        out.append((clock, data))
    return out


def _any(
    rng: Random, event_id: str, at: float, name: str, said: list[str], answers: list[str]
) -> dict[str, Any]:
    common: dict[str, Any] = {"influencer_id": name, "source": rng.choice(("bluesky", "bluesky", "rss"))}
    u = rng.random()
    if u < 0.06:
        return event(event_id, "post", at, actor=name, object_id=f"post-{event_id}", **common)
    if u < 0.15 and said:
        answered = rng.choice(said[-15:])
        answers.append(f"answer-{event_id}")
        target = {"id": answered}
        return event(event_id, "reply", at, actor=name, object_id=answers[-1], target=target, **common)
    if u < 0.18:
        fields = {"metric": "followers", "count": rng.randrange(10**6), "actor": None}
        return event(event_id, "counter", at, **common, **fields)
    kind = rng.choice(_AUDIENCE)
    fields = {}
    if kind == "comment":
        said.append(f"comment-{event_id}")
        fields["object_id"] = said[-1]
    if kind == "reply" and answers:
        fields["target"] = {"id": rng.choice(answers[-8:])}
    elif rng.random() < 0.7:
        fields["target"] = {"id": f"post-{rng.randrange(5)}"}
    return event(event_id, kind, at, actor=_actor(rng), **common, **fields)


def _actor(rng: Random) -> dict[str, Any]:
    number = rng.randrange(40)
    if number < 2:
        return {"id": ("acme", "staff")[number]}
    actor: dict[str, Any] = {"id": f"fan{number}"}
    if rng.random() < 0.5:
        low = rng.random() < 0.3
        actor |= {"posts": 0 if low else 9, "bot": low, "has_bio": not low, "has_avatar": True}
        actor |= {"country": rng.choice(("GB", "DE", "US")), "lang": rng.choice(("en", "de"))}
    return actor


def _undo(rng: Random, event_id: str, at: float, original: dict[str, Any]) -> dict[str, Any]:
    data = event(event_id, original["kind"], at, op="undo", influencer_id=original["influencer_id"])
    data["actor"] = original["actor"]
    if data["kind"] == "counter":
        return data | {"metric": "followers", "count": 1}
    if "target" in original:
        data["target"] = original["target"]
    if "object_id" in original:
        data["object_id"] = original["object_id"]
    if rng.random() < 0.5:
        data["undoes"] = original["event_id"]
    return data
