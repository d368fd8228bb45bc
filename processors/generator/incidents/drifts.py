"""The audience is replaced, little by little, at the same volume."""

from __future__ import annotations

from typing import ClassVar, Final

from processors.generator.actors import Actor, Actors
from processors.generator.incidents.base import DAY, Incident, foreign, registered
from processors.generator.persona import Persona
from processors.generator.scenario import IncidentSpec, Scenario
from processors.generator.world import TOPICS

#: Where another audience comes from: one of these at a time, as real ones do, and what they speak.
_AWAY: Final = (
    ("IN", "PH", "ID"),
    ("TR", "PL", "IT"),
    ("MX", "CO", "AR"),
    ("US", "CA", "AU"),
    ("FR", "IT", "NL"),
)


class _Drift(Incident):
    signals: tuple[str, ...] = ("audience_fit",)
    also: tuple[str, ...] = ("connection", "health")
    allowed_delay_s = 21 * DAY
    usual_days = 90.0
    days_range = (50.0, 70.0)
    parameters: ClassVar[dict[str, float]] = {"weeks": 5.0, "share": 0.6}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"weeks": (3, 8), "share": (0.55, 0.65)}
    _others: Actors

    @property
    def severity(self) -> float:
        return min(1.0, self.values["share"])

    def instead(self, at: float, actor: Actor) -> Actor | None:
        if not self.active(at):
            return None
        share = self.values["share"] * min(1.0, (at - self.onset) / (self.values["weeks"] * 7 * DAY))
        if self.rng.random() >= share:
            return None
        return self._others[int(20_000 * self.rng.random() ** 2)]


@registered
class AudienceDriftCountry(_Drift):
    """The audience is replaced by one of other countries over `weeks`."""

    type = "audience_drift_country"

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        away = foreign(persona, _AWAY[self.rng.randrange(len(_AWAY))])
        self._others = self._strangers("d", persona.low_credibility, away)


@registered
class AudienceDriftInterest(_Drift):
    """The audience is replaced by people of other interests, from the same countries."""

    type = "audience_drift_interest"

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        others = [topic for topic in TOPICS if topic not in persona.topics]
        topics = dict.fromkeys(self.rng.sample(others, 2), 1.0)
        self._others = self._strangers("i", persona.low_credibility, topics=topics)
