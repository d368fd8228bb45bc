"""What an incident can change about one influencer's life, and the registry of kinds.

An incident changes one influencer's behaviour from its onset on. It draws from a random source of its own, so
the stream is the same up to the first event that differs; that event's time is the truth's onset. A new kind
is a class with a `type`, decorated with `@registered`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from processors.generator.actors import Actor, Actors
from processors.generator.draw import source
from processors.generator.errors import ScenarioError
from processors.generator.persona import Persona
from processors.generator.scenario import IncidentSpec, Scenario
from processors.generator.world import ACTIVITY, REACTION_LOG_MEDIAN, REACTION_LOG_SD

DAY: Final = 86_400.0
HOUR: Final = 3_600.0


class Extra(NamedTuple):
    """An act of the audience that only the incident makes happen.

    Without `post` it is about the account (follow) or about the post at hand. `gone`: when it is taken back.
    `undo`: it is itself the taking back of something older that was never seen. `answer`: the chance that the
    influencer answers it.
    """

    at: float
    kind: str
    actor: Actor
    text: str | None = None
    lang: str = "en"
    post: str | None = None
    gone: float | None = None
    undo: bool = False
    answer: float = 0.0


class Own(NamedTuple):
    """An act of the influencer on someone else's post, made only because of the incident."""

    at: float
    kind: str
    author: str
    target: str
    text: str = ""


class Post(NamedTuple):
    """An own post, as incidents see it. `likes`, `comments`: what it will get without them."""

    number: int
    at: float
    id: str
    likes: int
    comments: int
    sponsored: bool


class Incident:
    """Base: hooks that change nothing. All times are epoch seconds."""

    type: ClassVar[str]
    signals: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    allowed_delay_s: ClassVar[float] = 0.0
    #: Where the allowed delay is told in posts: so many of the influencer's own, from the onset on.
    allowed_posts: ClassVar[int] = 0
    usual_days: ClassVar[float] = 14.0
    parameters: ClassVar[dict[str, float]] = {}
    #: What a population draws: parameters (log-uniform), days, and at least so many posts.
    ranges: ClassVar[dict[str, tuple[float, float]]] = {}
    days_range: ClassVar[tuple[float, float]] = (14.0, 14.0)
    posts_range: ClassVar[float] = 0.0
    #: What its carrier must have: small, talk, followers, contract, po_end,
    #: employees, two_languages.
    needs: ClassVar[frozenset[str]] = frozenset()
    #: Whether it changes how records arrive (`deliver`).
    delivers: ClassVar[bool] = False

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        if unknown := sorted(set(spec.with_) - set(self.parameters)):
            can = ", ".join(self.parameters) or "no parameters"
            raise ScenarioError(f"incident {spec.type!r}: unknown {', '.join(unknown)}; it has {can}")
        self.id = f"{scenario.seed}-{number:04d}"
        self.persona = persona
        self.rng: Random = source(scenario.seed, "incident", number)
        self.onset = scenario.starts_at + spec.day * DAY
        days = self.usual_days if spec.days is None else spec.days
        self.end = min(self.onset + days * DAY, float(scenario.ends_at))
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

    # -- hooks: the influencer ------------------------------------------------------------------------------
    def posts(self, at: float) -> bool:
        """Whether the influencer makes the post planned for `at`."""
        return True

    def shift_h(self, at: float) -> float:
        """Hours by which the influencer's day is moved."""
        return 0.0

    def mentions_brand(self, at: float) -> bool:
        """Whether a brand mention planned for `at` is made."""
        return True

    def mention(self, at: float) -> str | None:
        """What the post at `at` is made to be: `paid` or `undisclosed`; None: as planned."""
        return None

    def paid_share(self, at: float) -> float | None:
        """Share of all posts that are sponsored; None: the usual one."""
        return None

    def post_factor(self, at: float) -> float:
        """Multiplies the reactions to the post at `at`, if it was made another by `mention`."""
        return 1.0

    def about(self, at: float) -> dict[str, str]:
        """Changed fields of the post at `at`: text, lang, media_type."""
        return {}

    def reply_factor(self, at: float) -> float:
        """Multiplies the chance that an answer planned for `at` is given."""
        return 1.0

    def latency_factor(self, at: float) -> float:
        """Multiplies the delay of an answer planned for `at`."""
        return 1.0

    def employee(self, at: float, number: int) -> int | None:
        """Which of the brand's employees acts in place of `number` (0 is the one with the tie); None:
        nobody."""
        return number

    # -- hooks: the audience --------------------------------------------------------------------------------
    def instead(self, at: float, actor: Actor) -> Actor | None:
        """Who acts at `at` in place of the actor; None: the actor themselves."""
        return None

    def drops(self, at: float) -> bool:
        """Whether a reaction planned for `at` doesn't happen."""
        return False

    def comment_lang(self, at: float, lang: str) -> str:
        """In which language a comment is written."""
        return lang

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        """Acts on a post that would not be there otherwise."""
        return iter(())

    def day_acts(self, begin: float, posts: Sequence[str]) -> Iterator[Extra | Own]:
        """Acts of a day that would not be there otherwise. `posts`: ids of the newest own posts, oldest
        first."""
        return iter(())

    def followers(self, at: float) -> float:
        """Followers (real ones, not thinned) gained or lost through it until `at`."""
        return 0.0

    # -- hooks: around it -----------------------------------------------------------------------------------
    def deliver(self, at: float, arrives: float, value: str) -> list[tuple[float, str]]:
        """How a record of `at` that would arrive at `arrives` arrives instead."""
        return [(arrives, value)]

    def explainers(self) -> list[dict[str, Any]]:
        """What people declared about it: (kind, starts_at, ends_at in epoch s)."""
        return []

    def guests(
        self, personas: Sequence[Persona], taken: Mapping[str, Sequence[Incident]]
    ) -> Iterator[Incident]:
        """What it does to other influencers; their `persona` says to whom. Not part of the truth."""
        return iter(())

    # -- for kinds ------------------------------------------------------------------------------------------
    def _strangers(
        self,
        name: str,
        low_credibility: float,
        countries: dict[str, float] | None = None,
        topics: dict[str, float] | None = None,
        flavour: str = "",
    ) -> Actors:
        """Accounts of their own, of that share of low credibility."""
        persona = self.persona
        return Actors(
            self.scenario.seed,
            f"gen:{name}{self.id}",
            countries or persona.audience,
            low_credibility,
            persona.known,
            persona.topic_shares if topics is None else topics,
            self.scenario.starts_at,
            flavour,
        )

    def _reaction_at(self, post_at: float, actor: Actor) -> float:
        """A time at which people react to a post, by day where they live."""
        at = post_at
        for _ in range(3):
            at = post_at + math.exp(REACTION_LOG_MEDIAN + REACTION_LOG_SD * self.rng.gauss(0, 1))
            if self.rng.random() < ACTIVITY[int(at / HOUR + actor.offset_h + 72) % 168]:
                break
        return at

    def _within(self, begin: float) -> tuple[float, float]:
        """The part of the day from `begin` in which it is active: from, seconds."""
        first, last = max(begin, self.onset), min(begin + DAY, self.end)
        return first, max(0.0, last - first)


def foreign(persona: Persona, among: Sequence[str]) -> dict[str, float]:
    """Those of the countries in which the audience isn't, in equal parts."""
    return {country: 1.0 for country in among if country not in persona.audience} or {"JP": 1.0}


I = TypeVar("I", bound=type[Incident])  # noqa: E741
REGISTRY: Final[dict[str, type[Incident]]] = {}


def registered(cls: I) -> I:
    """Makes a kind of incident known by its `type`."""
    REGISTRY[cls.type] = cls
    return cls
