"""A bounded sample of the distinct actors who engaged: who is in it depends on the actor only, not on how
often they act, so shares over it are shares over people.

An actor is in the sample when the keyed hash of the id lies under a threshold; when more than SAMPLE actors
of the last 28 days are in it, the threshold is lowered to the median hash. (Threshold sampling: Duffield,
Lund, Thorup 2007; the same as a bottom-k sketch, with k between SAMPLE/2 and SAMPLE, and it can forget.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Set
from functools import lru_cache

import msgspec

from processors.panes import DAY
from processors.signals.inputs import ActorSample

SAMPLE = 1_024
BUCKETS = 16
KEEP_DAYS = 28
_TOP = (1 << 64) - 1
_pack = msgspec.msgpack.Encoder().encode
_Entry = tuple[int, int, str, str, int]  # hash, day last seen, country, language, credibility in hundredths
_unpack = msgspec.msgpack.Decoder(list[_Entry]).decode


class ActorHasher:
    """Keyed hash of an actor's id (BLAKE2b, 8 bytes): state never holds the id itself."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, digest_size=32, person=b"rapport-actors").digest()
        self.hash = lru_cache(maxsize=100_000)(self._hash)

    def _hash(self, actor_id: str) -> int:
        data = actor_id.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=self._key).digest(), "little")

    @property
    def fingerprint(self) -> str:
        """Tells one key from another, and nothing about it: 16 hex digits."""
        return hashlib.blake2b(self._key, digest_size=8, person=b"rapport-hash-fp").hexdigest()

    @property
    def seed(self) -> int:
        """A 64-bit seed for the faster hash of event ids."""
        return int.from_bytes(self._key[:8], "little")


class ActorSampler:
    """The sample of one influencer. What signals read of it is kept up as actors come and go."""

    __slots__ = ("_country", "_dirty", "_lang", "_size", "_told", "buckets", "forgotten_on", "threshold")

    def __init__(self) -> None:
        self.threshold = _TOP
        self.buckets: list[dict[int, _Entry]] = [{} for _ in range(BUCKETS)]
        self._dirty: set[int] = set()
        # value -> [actors, sum of credibility in hundredths]: whole numbers, so that a sum does not depend on
        # the order in which it was made
        self._country: dict[str, list[int]] = {}
        self._lang: dict[str, list[int]] = {}
        self._size = 0
        self._told: tuple[int, ActorSample] | None = None  # (threshold, summary) while they hold
        self.forgotten_on = 0  # newest day for which `forget` was called

    def __len__(self) -> int:
        return self._size

    def see(
        self, hash_: int, at: float, country: str | None, lang: str | None, credibility: float | None
    ) -> None:
        """An actor engaged at `at` (epoch s); facts that are not given keep their last value."""
        if hash_ > self.threshold:
            return
        day = int(at) // DAY
        if day < self.forgotten_on - KEEP_DAYS:
            return
        index = hash_ % BUCKETS
        bucket = self.buckets[index]
        old = bucket.get(hash_)
        if old is not None:
            new = (
                hash_, max(day, old[1]), country or old[2], lang or old[3],
                old[4] if credibility is None else round(credibility * 100),
            )  # fmt: skip
            if new == old:
                return
            if new[2:] != old[2:]:
                self._book(old, -1)
                self._book(new, 1)
        else:
            new = (
                hash_,
                day,
                country or "",
                lang or "",
                -1 if credibility is None else round(credibility * 100),
            )
            self._book(new, 1)
            self._size += 1
        bucket[hash_] = new
        self._dirty.add(index)
        if self._size > SAMPLE:
            self._shrink(day)

    def learn(self, hash_: int, country: str | None, lang: str | None, credibility: float | None) -> None:
        """Facts about an actor, told without an act: they matter only for one who is in the sample."""
        old = self.buckets[hash_ % BUCKETS].get(hash_) if hash_ <= self.threshold else None
        if old is not None:
            self.see(hash_, old[1] * DAY, country, lang, credibility)

    def _book(self, entry: _Entry, sign: int) -> None:
        """Count an actor in or out. Unknown profiles weigh 1: nothing speaks against them."""
        self._told = None
        weight = 100 if entry[4] < 0 else entry[4]
        for table, value in ((self._country, entry[2]), (self._lang, entry[3])):
            if value:
                sums = table.get(value)
                if sums is None:
                    sums = table[value] = [0, 0]
                sums[0] += sign
                sums[1] += sign * weight
                if not sums[0]:
                    del table[value]

    def _shrink(self, day: int) -> None:
        """Forget actors not seen for 28 days; if that is not enough, halve the sample by hash."""
        self.forget(max(day, self.forgotten_on))
        if len(self) > SAMPLE * 9 // 10:
            hashes = sorted(hash_ for bucket in self.buckets for hash_ in bucket)
            self.threshold = hashes[len(hashes) // 2]
            self._drop([hash_ for hash_ in hashes if hash_ > self.threshold])

    def forget(self, day: int) -> None:
        """Drop actors last seen more than 28 days before `day`."""
        self.forgotten_on = day
        self._drop([
            hash_ for bucket in self.buckets for hash_, entry in bucket.items() if entry[1] < day - KEEP_DAYS
        ])  # fmt: skip

    def erase(self, actors: Set[int]) -> None:
        """Drop actors by the lower 32 bits of their hashes: they asked to be forgotten."""
        self._drop([h for bucket in self.buckets for h in bucket if h & 0xFFFFFFFF in actors])

    def _drop(self, hashes: list[int]) -> None:
        for hash_ in hashes:
            self._book(self.buckets[hash_ % BUCKETS].pop(hash_), -1)
            self._size -= 1
            self._dirty.add(hash_ % BUCKETS)

    def summary(self, today: int | None) -> ActorSample:
        """Distinct actors of the 28 days before `today` (day index), by country and language, weighted by
        credibility. Without `today` nobody is forgotten on the way, so nothing changes."""
        if today is not None and today > self.forgotten_on:
            self.forget(today)
        if self._told is not None and self._told[0] == self.threshold:
            return self._told[1]
        country, lang = self._country, self._lang
        told = ActorSample(
            self._size, (self.threshold + 1) / (_TOP + 1),
            {value: country[value][1] / 100 for value in sorted(country)},
            {value: lang[value][1] / 100 for value in sorted(lang)},
            sum(sums[0] for sums in country.values()), sum(sums[0] for sums in lang.values()),
        )  # fmt: skip
        self._told = self.threshold, told
        return told

    def dirty_fields(self) -> set[str]:
        """Names of the hash fields that changed; clears the marks."""
        names = {f"a:{bucket}" for bucket in self._dirty}
        self._dirty = set()
        return names

    def encode(self, bucket: int) -> bytes | None:
        """One bucket of the sample; None when it is empty."""
        entries = list(self.buckets[bucket].values())
        return _pack(entries) if entries else None

    def load(self, data: bytes) -> None:
        """Take one bucket back."""
        for entry in _unpack(data):
            self.buckets[entry[0] % BUCKETS][entry[0]] = entry
            self._size += 1
            self._book(entry, 1)
