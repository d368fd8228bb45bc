"""What goes into the core and what comes out of it, as plain values."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from processors.decode import Event, FieldFault, Rejected, decode
from processors.rules.book import RuleBook
from processors.state.layout import partition_of
from processors.untold import Untold


class Record(Protocol):
    """A consumed record, as aiokafka gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A record with what it decoded to: exactly one of `event` and `rejected`. (A Struct, as one is made per
    record: a frozen dataclass costs a microsecond, and work for the garbage collector.)"""

    record: Record
    event: Event | None
    rejected: Rejected | None


class Ahead(msgspec.Struct, frozen=True, array_like=True):
    """A record far ahead of the clock: its timestamp, and its event's influencer, time and source."""

    stamp: float
    influencer: str = ""
    at: float = 0.0
    source: str = ""


@dataclass(slots=True)
class Totals:
    """Every record read is counted once: read = counted + duplicate + rejected + expired."""

    read: int = 0
    counted: int = 0
    duplicate: int = 0
    rejected: int = 0
    expired: int = 0
    late: int = 0
    readings: int = 0  # at boundaries
    provisional: int = 0  # between them


TOTALS = tuple(Totals.__dataclass_fields__)


@dataclass(slots=True)
class Outputs:
    """What is to be produced and acknowledged before the fence moves."""

    enriched: list[tuple[bytes | None, bytes, int, int]] = field(
        default_factory=list
    )  # key, value, ms, offset
    rejected: list[tuple[Record, Rejected]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Config:
    """What the core needs to know of the settings."""

    duplicate_hours: int = 48
    max_ids: int = 4_000_000  # of this partition
    max_acts: int = 1_000_000
    enriched: bool = True
    partitions: int = 0  # of the events topic: keys are checked against it; 0 checks none
    readings: bool = True  # False (evaluation): only rules are judged, and what they ask for is computed
    rules_for_all: bool = False  # judge also influencers without a partnership (evaluation)
    rules: RuleBook | None = None  # None: the detectors' own
    shadow_rules: RuleBook | None = None  # scored beside, only compared
    untold: Mapping[str, Untold] = field(default_factory=dict)  # by source: what it cannot tell


def decode_records(
    records: Sequence[Record], held: Container[str], partition: int, partitions: int
) -> list[Decoded]:
    """Decode records of one partition; a bad one becomes a rejection, never an exception.

    `held`: influencers that are known to belong here; `partitions`: their count, 0 to check nothing.
    """
    out = []
    for record in records:
        try:
            event = decode(record.key, record.value, record.timestamp)
            if event.influencer_id not in held:
                _check_partition(event.influencer_id, partition, partitions)
        except Rejected as rejected:
            out.append(Decoded(record, None, rejected))
        else:
            out.append(Decoded(record, event, None))
    return out


def _check_partition(influencer_id: str, partition: int, partitions: int) -> None:
    """Raise Rejected for an influencer of another partition: two workers would write it."""
    if not partitions or (belongs := partition_of(influencer_id, partitions)) == partition:
        return
    why = (
        f"its key belongs to partition {belongs}, it came on {partition}: "
        "set the producer's partitioner to murmur2_random (librdkafka) or leave Kafka's default"
    )
    raise Rejected("key", (FieldFault("influencer_id", why, influencer_id[:200]),))
