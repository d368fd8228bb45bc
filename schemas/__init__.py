"""The contracts: one pydantic model per topic record. JSON Schema and AsyncAPI come out of them."""

from schemas.acts import Act, Mark, Matcher, Silence
from schemas.alerts import Alert, Cause, Evidence, ExplainerConsidered
from schemas.control import Control
from schemas.enriched import EnrichedEvent, Enrichment, Sponsorship
from schemas.events import KINDS, Actor, EngagementEvent, Kind, Op, Sponsored, Target
from schemas.notifications import Notification
from schemas.partnerships import ContractWindow, Employee, Explainer, Partnership, TargetAudience
from schemas.readings import Reading, SignalReading
from schemas.rejected import FieldError, RejectedEvent, RejectReason
from schemas.topics import TOPICS, TopicSpec

__all__ = [
    "KINDS",
    "TOPICS",
    "Act",
    "Actor",
    "Alert",
    "Cause",
    "ContractWindow",
    "Control",
    "Employee",
    "EngagementEvent",
    "EnrichedEvent",
    "Enrichment",
    "Evidence",
    "Explainer",
    "ExplainerConsidered",
    "FieldError",
    "Kind",
    "Mark",
    "Matcher",
    "Notification",
    "Op",
    "Partnership",
    "Reading",
    "RejectReason",
    "RejectedEvent",
    "SignalReading",
    "Silence",
    "Sponsored",
    "Sponsorship",
    "Target",
    "TargetAudience",
    "TopicSpec",
]
