"""The topics: names, keys, how long they are kept. Whoever makes a topic makes it from here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from schemas.alerts import Alert
from schemas.common import Record
from schemas.control import Control
from schemas.enriched import EnrichedEvent
from schemas.events import EngagementEvent
from schemas.partnerships import Partnership
from schemas.readings import Reading
from schemas.rejected import RejectedEvent

EVENTS: Final = "engagement.events.v1"
PARTNERSHIPS: Final = "partnerships.v1"
CONTROL: Final = "control.v1"
ENRICHED: Final = "engagement.enriched.v1"
READINGS: Final = "partnership.readings.v1"
ALERTS: Final = "partnership.alerts.v1"
REJECTED: Final = "engagement.rejected.v1"


_GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic.

    `retention` None: age deletes nothing. Records of events, enriched and alerts are stamped with event
    time, and Kafka's retention looks at just that stamp: a replayed year would be deleted within minutes of
    its arrival. They are kept by size instead: `retention_bytes` of each partition.
    """

    name: str
    model: type[Record]
    key: str  # what the record key is
    compacted: bool
    one_partition: bool
    description: str
    retention: dt.timedelta | None
    retention_bytes: int | None = None


_SPECS: Final = (
    TopicSpec(EVENTS, EngagementEvent, "the influencer id", False, False,
              "What happened: acts towards, by and about influencers.", None, 10 * _GIB),
    TopicSpec(PARTNERSHIPS, Partnership, "the partnership id", True, True,
              "Who is watched, and against what. A null value ends the partnership.", None),
    TopicSpec(CONTROL, Control, "kind and subject, joined by a colon", True, True,
              "People's acts that change scoring. A null value takes the act back.", None),
    TopicSpec(ENRICHED, EnrichedEvent, "the influencer id", False, False,
              "Events as they came, with credibility, role, weight and flags.", None, 4 * _GIB),
    TopicSpec(READINGS, Reading, "the partnership id", True, False,
              "How each partnership stands: health and signals with intervals.", None),
    TopicSpec(ALERTS, Alert, "the influencer id", False, False,
              "Transitions of alerts, each with its reason.", None, _GIB),
    TopicSpec(REJECTED, RejectedEvent, "the source record's key", False, False,
              "Records that could not be read, with the reason and the bytes.", dt.timedelta(days=14)),
)  # fmt: skip

TOPICS: Final[dict[str, TopicSpec]] = {spec.name: spec for spec in _SPECS}
