"""Where everything lies in Redis, and on which partition a key belongs.

All keys of one partition of the events topic share the hash tag ``{<namespace>:<topic>:p<N>}``, so they lie
in one slot of a Redis Cluster and one function call may touch them all.

Per partition (TAG = the hash tag):

==================  ======  ==========================================================================
TAGfence            hash    next, epoch, clock (event clock, epoch s), ahead (JSON of a record far ahead of
                            the clock, until the next record tells which is right), and the totals read,
                            counted, duplicate, rejected, expired, late (each record read is in exactly one
                            of the four outcomes)
TAGi:<influencer>   hash    one influencer: meta, panes m:<n> (5 min), h:<n> (hour), d:<n> (day),
                            s:<month> (short day panes), posts, actors, references, alert states,
                            ledgers l:<name>:<sub> (processors/ledgers), sp:<partnership> (its history,
                            processors.history), slow:<partnership>
                            (hourly signals as last computed)
TAGc:<influencer>   string  open comments, appended 16-byte records
TAGids:<hour>       string  event ids seen in that hour of arrival, appended 8-byte hashes
TAGacts:<hour>      string  what an undo may take back: appended 24-byte records, 7 days
TAGreadings         hash    partnership id -> newest reading (contract `Reading`), JSON packed with zlib
TAGreadings:none    hash    the same for influencers without a partnership
TAGspark            hash    partnership id -> health over time (processors.history)
TAGalerts           hash    fingerprint -> newest transition of the alert as JSON (contract `Alert`)
TAGunevaluated      hash    influencers that were touched and wait for their next boundary (values empty)
TAGpart             string  what this partition tells for the snapshot (msgpack, processors.snapshot.Part)
TAGoutbox           stream  alert transitions waiting for the topic: field `alert` (JSON)
TAGshadow           stream  only with shadow rules: the last 2,000 transitions or so of live and shadow rules,
                            in short (field `alert`, JSON with `set`), for `rapport rules shadow`
==================  ======  ==========================================================================

The notifier keeps its state the same way, by partition of the alerts topic: see processors.notify.keys.

Whole installation: ``{<namespace>}layout`` hash: version, topic, partitions; ``{<namespace>}hash_key``
string; ``{<namespace>}hash_key:<fingerprint>`` string: when a worker first hashed with that key;
``{<namespace>}snapshot`` string: the parts of all partitions merged (processors.snapshot.Snapshot).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

#: Raised with every change that older programs could not read: see processors.state.migrations.
LAYOUT_VERSION = 3
_WORDS = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class PartitionKeys:
    """Names of the keys of one partition."""

    namespace: str
    topic: str
    partition: int

    @property
    def tag(self) -> str:
        return f"{{{self.namespace}:{self.topic}:p{self.partition}}}"

    @property
    def fence(self) -> str:
        return self.tag + "fence"

    @property
    def readings(self) -> str:
        return self.tag + "readings"

    @property
    def readings_none(self) -> str:
        return self.tag + "readings:none"

    @property
    def spark(self) -> str:
        return self.tag + "spark"

    @property
    def alerts(self) -> str:
        return self.tag + "alerts"

    @property
    def unevaluated(self) -> str:
        return self.tag + "unevaluated"

    @property
    def part(self) -> str:
        return self.tag + "part"

    @property
    def outbox(self) -> str:
        return self.tag + "outbox"

    @property
    def shadow(self) -> str:
        return self.tag + "shadow"

    def influencer(self, influencer_id: str) -> str:
        return f"{self.tag}i:{influencer_id}"

    def comments(self, influencer_id: str) -> str:
        return f"{self.tag}c:{influencer_id}"

    def acts(self, hour: int) -> str:
        return f"{self.tag}acts:{hour}"

    def event_ids(self, hour: int) -> str:
        return f"{self.tag}ids:{hour}"


def layout_key(namespace: str) -> str:
    """Key of the layout hash of one installation."""
    return f"{{{namespace}}}layout"


def refusal_of(version: str) -> str:
    """Why state of another layout version cannot be worked on, and what to do."""
    if not version.isdecimal():
        return "an import of state runs, or was cut off: `rapport state import --replace` does it again"
    if int(version) < LAYOUT_VERSION:
        return (
            f"state has layout version {version}, this program {LAYOUT_VERSION}: stop all workers and run "
            "`rapport state migrate`"
        )
    return f"state has layout version {version}, this program knows {LAYOUT_VERSION}: use the newer program"


def hash_key_key(namespace: str) -> str:
    """Key under which a generated hash key is kept when the environment sets none."""
    return f"{{{namespace}}}hash_key"


def hash_used_key(namespace: str, fingerprint: str) -> str:
    """Key that notes that actors were hashed with the key of this fingerprint; `*` finds them all."""
    return f"{hash_key_key(namespace)}:{fingerprint}"


def snapshot_key(namespace: str) -> str:
    """Key of the hourly snapshot of what crosses influencers."""
    return f"{{{namespace}}}snapshot"


def receipts_key(namespace: str) -> str:
    """Key of the hash of finished and begun replays (`streams.replay`): digest of the events -> JSON."""
    return f"{{{namespace}}}receipts"


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (org.apache.kafka.common.utils.Utils.murmur2), as a signed int made positive."""
    length = len(data)
    mask = 0xFFFFFFFF
    h = (0x9747B28C ^ length) & mask
    m = 0x5BD1E995
    end = length - (length & 3)
    for (k,) in _WORDS.iter_unpack(data[:end]):
        k = (k * m) & mask
        k ^= k >> 24
        k = (k * m) & mask
        h = ((h * m) & mask) ^ k
    tail = data[end:]
    if tail:
        h ^= int.from_bytes(tail, "little")
        h = (h * m) & mask
    h ^= h >> 13
    h = (h * m) & mask
    h ^= h >> 15
    return h & 0x7FFFFFFF


def partition_of(key: str | bytes, partitions: int) -> int:
    """Partition that Kafka's default partitioner gives the key (librdkafka's default is another one)."""
    return murmur2(key.encode() if isinstance(key, str) else key) % partitions
