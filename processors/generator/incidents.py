"""What happens to influencers: incidents, and the hard negatives that look like them.

An incident changes one influencer's behaviour from its onset on. It draws from a random source of its own, so
the stream is the same up to the first event that differs; that event's time is the truth's onset. A new kind
is a class with a `type`, decorated with `@registered`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import ClassVar, Final, NamedTuple, TypeVar

from processors.generator import texts
from processors.generator.actors import Actor, Actors
from processors.generator.draw import source
from processors.generator.errors import ScenarioError
from processors.generator.persona import Persona
from processors.generator.scenario import IncidentSpec, Scenario

_DAY: Final = 86_400.0
_H: Final = 3_600.0


class Extra(NamedTuple):
    """An act that only the incident makes happen."""

    at: float
    kind: str
    actor: Actor
    text: str | None = None
    lang: str = "en"


class Incident:
    """Base: hooks that change nothing. All times are epoch seconds."""

    type: ClassVar[str]
    signals: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    allowed_delay_s: ClassVar[float] = 0.0
    usual_days: ClassVar[float] = 14.0
    parameters: ClassVar[dict[str, float]] = {}

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        if unknown := sorted(set(spec.with_) - set(self.parameters)):
            can = ", ".join(self.parameters) or "no parameters"
            raise ScenarioError(f"incident {spec.type!r}: unknown {', '.join(unknown)}; it has {can}")
        self.id = f"{scenario.seed}-{number:04d}"
        self.persona = persona
        self.rng: Random = source(scenario.seed, "incident", number)
        self.onset = scenario.starts_at + spec.day * _DAY
        days = self.usual_days if spec.days is None else spec.days
        self.end = min(self.onset + days * _DAY, float(scenario.ends_at))
        self.values = {**self.parameters, **spec.with_}
        self.first_effect: float | None = None
        self.actors: set[str] = set()
        self.scenario = scenario

    def active(self, at: float) -> bool:
        return self.onset <= at < self.end

    def touched(self, at: float, actor: str | None = None) -> None:
        """The stream differs at this time (and this actor took part)."""
        if self.first_effect is None or at < self.first_effect:
            self.first_effect = at
        if actor is not None:
            self.actors.add(actor)

    @property
    def severity(self) -> float:
        """How strong it is, 0..1: for the judge's tables only."""
        return 1.0

    # -- hooks ----------------------------------------------------------------------------------------------
    def posts(self, at: float) -> bool:
        """Whether the influencer makes the post planned for `at`."""
        return True

    def mentions_brand(self, at: float) -> bool:
        """Whether a brand mention planned for `at` is made."""
        return True

    def reply_factor(self, at: float) -> float:
        """Multiplies the chance that an answer planned for `at` is given."""
        return 1.0

    def latency_factor(self, at: float) -> float:
        """Multiplies the delay of an answer planned for `at`."""
        return 1.0

    def instead(self, at: float, actor: Actor) -> Actor | None:
        """Who acts at `at` in place of the actor; None: the actor themselves."""
        return None

    def extra_acts(self, post_at: float, likes: int) -> Iterator[Extra]:
        """Acts on a post that would not be there otherwise."""
        return iter(())

    def _strangers(
        self, name: str, low_credibility: float, countries: dict[str, float] | None = None
    ) -> Actors:
        persona = self.persona
        return Actors(
            self.scenario.seed,
            f"gen:{name}{self.id}",
            countries or persona.audience,
            low_credibility,
            persona.known,
            persona.topics,
            self.scenario.starts_at,
        )


I = TypeVar("I", bound=type[Incident])  # noqa: E741
REGISTRY: Final[dict[str, type[Incident]]] = {}


def registered(cls: I) -> I:
    """Makes a kind of incident known by its `type`."""
    REGISTRY[cls.type] = cls
    return cls


@registered
class Silence(Incident):
    """No comment is answered and no brand is named any more; with `mentions` 1 the brand is still named."""

    type = "silence"
    signals: tuple[str, ...] = ("connection",)
    also: tuple[str, ...] = ("interaction_quality", "health")
    allowed_delay_s = 7 * _DAY
    usual_days = 14.0
    parameters: ClassVar[dict[str, float]] = {"mentions": 0.0}

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
    allowed_delay_s = 14 * _DAY
    usual_days = 60.0
    parameters: ClassVar[dict[str, float]] = {"halving_days": 14.0, "latency": 3.0}

    def reply_factor(self, at: float) -> float:
        if not self.active(at):
            return 1.0
        return float(0.5 ** ((at - self.onset) / (self.values["halving_days"] * _DAY)))

    def latency_factor(self, at: float) -> float:
        return self.values["latency"] if self.active(at) else 1.0

    def mentions_brand(self, at: float) -> bool:
        return not (self.active(at) and at > self.onset + 2 * self.values["halving_days"] * _DAY)


@registered
class BoughtLikes(Incident):
    """Posts get `factor` times their likes, the additional ones within `hours`, from accounts of low
    credibility."""

    type = "bought_likes"
    signals: tuple[str, ...] = ("authenticity", "interaction_quality")
    also: tuple[str, ...] = ("audience_fit", "health")
    allowed_delay_s = 12 * _DAY  # six posts at the usual one every two days
    usual_days = 14.0
    parameters: ClassVar[dict[str, float]] = {"factor": 2.5, "hours": 2.0, "share_of_posts": 0.8}

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._sold = self._strangers("l", 0.95, {"ID": 0.3, "IN": 0.3, "BR": 0.2, "TR": 0.2})

    @property
    def severity(self) -> float:
        return min(1.0, (self.values["factor"] - 1) / 3)

    def extra_acts(self, post_at: float, likes: int) -> Iterator[Extra]:
        if not self.active(post_at) or self.rng.random() > self.values["share_of_posts"]:
            return
        for _ in range(round(likes * (self.values["factor"] - 1))):
            at = post_at + 120 + self.rng.random() * self.values["hours"] * _H
            yield Extra(at, "like", self._sold[self.rng.randrange(50_000)])


@registered
class CommentBots(Incident):
    """`per_post` bought comments under each post, from few templates by few accounts."""

    type = "comment_bots"
    signals: tuple[str, ...] = ("authenticity", "interaction_quality")
    also: tuple[str, ...] = ("connection", "audience_fit", "health")
    allowed_delay_s = 6 * _DAY  # three posts
    usual_days = 14.0
    parameters: ClassVar[dict[str, float]] = {"per_post": 60.0, "templates": 40.0, "accounts": 120.0}

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._sold = self._strangers("c", 0.9, {"ID": 0.4, "IN": 0.4, "PH": 0.2})
        self._texts = texts.bought_comments(self.rng, max(1, round(self.values["templates"])))

    @property
    def severity(self) -> float:
        return min(1.0, self.values["per_post"] / 200)

    def extra_acts(self, post_at: float, likes: int) -> Iterator[Extra]:
        if not self.active(post_at):
            return
        for _ in range(round(self.values["per_post"])):
            at = post_at + 60 + self.rng.expovariate(1 / (2 * _H))
            actor = self._sold[self.rng.randrange(max(1, round(self.values["accounts"])))]
            yield Extra(at, "comment", actor, self.rng.choice(self._texts))


@registered
class AudienceDrift(Incident):
    """The audience is replaced by one of other countries over `weeks`, at the same volume."""

    type = "audience_drift_country"
    signals: tuple[str, ...] = ("audience_fit",)
    also: tuple[str, ...] = ("connection", "health")
    allowed_delay_s = 21 * _DAY
    usual_days = 90.0
    parameters: ClassVar[dict[str, float]] = {"weeks": 5.0, "share": 0.6}

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        away = {country: 1.0 for country in ("IN", "ID", "PH", "TR", "MX") if country not in persona.audience}
        self._others = self._strangers("d", persona.low_credibility, away)

    @property
    def severity(self) -> float:
        return min(1.0, self.values["share"])

    def instead(self, at: float, actor: Actor) -> Actor | None:
        if not self.active(at):
            return None
        share = self.values["share"] * min(1.0, (at - self.onset) / (self.values["weeks"] * 7 * _DAY))
        u = self.rng.random()
        if u >= share:
            return None
        return self._others[int(20_000 * self.rng.random() ** 2)]


@registered
class PostingPause(Incident):
    """Hard negative: no posts for a week or two. No data is no drop."""

    type = "negative:posting_pause"
    usual_days = 10.0

    def posts(self, at: float) -> bool:
        return not self.active(at)


@registered
class ViralPost(Incident):
    """Hard negative: one post draws `factor` times the usual for 48 h, 40 % of it from abroad, then
    decays."""

    type = "negative:viral_post"
    usual_days = 7.0
    parameters: ClassVar[dict[str, float]] = {"factor": 10.0, "abroad": 0.4}

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        abroad = {
            country: 1.0 for country in ("US", "GB", "BR", "IN", "DE") if country not in persona.audience
        }
        self._abroad = self._strangers("v", persona.low_credibility, abroad)
        self._home = self._strangers("h", persona.low_credibility)
        self._done = False

    def extra_acts(self, post_at: float, likes: int) -> Iterator[Extra]:
        if self._done or not self.active(post_at):
            return
        self._done = True
        rng = self.rng
        for _ in range(round(likes * (self.values["factor"] - 1))):
            # Half within half a day, then a power law's tail; cut at the incident's end.
            at = post_at + 0.5 * _DAY * (math.pow(1 - rng.random(), -0.8) - 1)
            people = self._abroad if rng.random() < self.values["abroad"] else self._home
            actor = people[rng.randrange(1_000_000)]
            if at >= self.end:
                continue
            if rng.random() < self.persona.comments_per_like:
                yield Extra(at, "comment", actor, texts.comment(rng, actor.lang), actor.lang)
            else:
                yield Extra(at, "like" if rng.random() < 0.9 else "share", actor)
