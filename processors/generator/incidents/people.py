"""What the influencer, the brand's people and the audience do: silence, fading, ads, ties."""

from __future__ import annotations

from typing import ClassVar

from processors.generator.incidents.base import DAY, HOUR, Incident, registered
from processors.generator.persona import Persona
from processors.generator.scenario import IncidentSpec, Scenario


@registered
class Silence(Incident):
    """No comment is answered and no brand is named any more; with `mentions` 1 the brand is still named."""

    type = "silence"
    signals: tuple[str, ...] = ("connection",)
    also: tuple[str, ...] = ("interaction_quality", "relationship", "health")
    allowed_delay_s = 7 * DAY
    usual_days = 14.0
    parameters: ClassVar[dict[str, float]] = {"mentions": 0.0}
    days_range = (14.0, 21.0)
    needs = frozenset({"talk", "contract"})

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        if not self.values["mentions"]:
            self.signals = ("connection", "all_in")

    def reply_factor(self, at: float) -> float:
        return 0.0 if self.active(at) else 1.0

    def mentions_brand(self, at: float) -> bool:
        return self.values["mentions"] > 0 or not self.active(at)


@registered
class InfluencerFades(Incident):
    """Answers halve every `halving_days`, come `latency` times later; brand mentions stop after two
    halvings."""

    type = "influencer_fades"
    signals: tuple[str, ...] = ("connection",)
    also: tuple[str, ...] = ("interaction_quality", "health", "all_in")
    allowed_delay_s = 14 * DAY
    usual_days = 60.0
    parameters: ClassVar[dict[str, float]] = {"halving_days": 14.0, "latency": 3.0}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"halving_days": (10, 20)}
    days_range = (35.0, 55.0)
    needs = frozenset({"talk"})

    @property
    def severity(self) -> float:
        return min(1.0, 10 / self.values["halving_days"])

    def reply_factor(self, at: float) -> float:
        if not self.active(at):
            return 1.0
        return float(0.5 ** ((at - self.onset) / (self.values["halving_days"] * DAY)))

    def latency_factor(self, at: float) -> float:
        return self.values["latency"] if self.active(at) else 1.0

    def mentions_brand(self, at: float) -> bool:
        return not (self.active(at) and at > self.onset + 2 * self.values["halving_days"] * DAY)


@registered
class SponsoredFatigue(Incident):
    """Sponsored posts grow to `share` of all; reactions fall by `decay` a week."""

    type = "sponsored_fatigue"
    signals: tuple[str, ...] = ("interaction_quality", "all_in")
    also: tuple[str, ...] = ("connection", "health")
    allowed_delay_s = 21 * DAY
    usual_days = 56.0
    parameters: ClassVar[dict[str, float]] = {"share": 0.5, "decay": 0.03, "from_share": 0.1}
    days_range = (56.0, 56.0)
    needs = frozenset({"contract"})

    def paid_share(self, at: float) -> float | None:
        if not self.active(at):
            return None
        grown = min(1.0, (at - self.onset) / (28 * DAY))
        return self.values["from_share"] + grown * (self.values["share"] - self.values["from_share"])

    def drops(self, at: float) -> bool:
        if not self.active(at):
            return False
        return bool(self.rng.random() > (1 - self.values["decay"]) ** ((at - self.onset) / (7 * DAY)))


@registered
class SlowDecay(Incident):
    """All reactions fall by `rate` a day."""

    type = "slow_decay"
    signals: tuple[str, ...] = ("interaction_quality",)
    also: tuple[str, ...] = ("connection", "audience_fit", "health")
    allowed_delay_s = 28 * DAY
    usual_days = 45.0
    parameters: ClassVar[dict[str, float]] = {"rate": 0.02}
    days_range = (40.0, 55.0)

    def drops(self, at: float) -> bool:
        if not self.active(at):
            return False
        return bool(self.rng.random() > (1 - self.values["rate"]) ** ((at - self.onset) / DAY))


@registered
class UndisclosedPost(Incident):
    """The first post from the onset on is paid for, calls to buy, and doesn't say so properly."""

    type = "undisclosed_post"
    signals: tuple[str, ...] = ("all_in",)
    allowed_delay_s = HOUR
    usual_days = 30.0
    days_range = (30.0, 30.0)
    needs = frozenset({"contract"})

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._done: float | None = None

    def mention(self, at: float) -> str | None:
        if self._done is None and self.active(at):
            self._done = at
            self.end = min(at + 7 * DAY, float(self.scenario.ends_at))
        return "undisclosed" if at == self._done else None


@registered
class MentionsStop(Incident):
    """The contract is over and the brand is never named again, as if it had never been liked."""

    type = "mentions_stop"
    signals: tuple[str, ...] = ("all_in",)
    also: tuple[str, ...] = ("health",)
    allowed_delay_s = 30 * DAY
    usual_days = 45.0
    days_range = (45.0, 45.0)
    needs = frozenset({"po_end"})

    def mentions_brand(self, at: float) -> bool:
        return not self.active(at)


@registered
class EmployeeLeaves(Incident):
    """The employee who holds the tie is gone; nobody takes it up before the end."""

    type = "employee_leaves"
    signals: tuple[str, ...] = ("relationship",)
    also: tuple[str, ...] = ("health",)
    allowed_delay_s = 30 * DAY
    usual_days = 50.0
    days_range = (45.0, 60.0)
    needs = frozenset({"employees"})

    def employee(self, at: float, number: int) -> int | None:
        if number or at < self.onset:
            return number
        return None if at < self.end else 1
