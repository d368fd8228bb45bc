"""Groups that act together: pods of people, and click farms that hide among others' posts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from processors.generator import texts
from processors.generator.draw import poisson, source
from processors.generator.incidents.base import (
    DAY,
    HOUR,
    Extra,
    Incident,
    Own,
    Post,
    registered,
)
from processors.generator.persona import Persona
from processors.generator.scenario import IncidentSpec, Scenario


@registered
class Pod(Incident):
    """`members` who like and comment on each other's posts within half an hour; the influencer on theirs too.

    `share`: part of the members on each post. With `rotating` 1 the pool is twice as large and takes turns.
    """

    type = "pod"
    signals: tuple[str, ...] = ("authenticity",)
    also: tuple[str, ...] = ("interaction_quality", "connection", "health")
    allowed_delay_s = 10 * DAY
    allowed_posts = 5
    usual_days = 30.0
    parameters: ClassVar[dict[str, float]] = {
        "members": 20.0, "share": 0.8, "rotating": 0.0, "minutes": 30.0, "back": 0.75,
    }  # fmt: skip
    ranges: ClassVar[dict[str, tuple[float, float]]] = {
        "members": (10, 60), "share": (0.71, 0.95), "minutes": (8, 30), "back": (0.4, 0.9),
    }  # fmt: skip
    days_range = (21.0, 45.0)
    posts_range = 8

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._people = self._strangers("m", 0.08)
        self._size = max(2, round(self.values["members"]))
        self._turn = bool(self.values["rotating"])

    @property
    def severity(self) -> float:
        return min(1.0, self._size / 60)

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if not self.active(post.at):
            return
        rng = self.rng
        pool = self._size * 2 if self._turn else self._size
        share = self.values["share"] / 2 if self._turn else self.values["share"]
        for member in range(pool):
            if rng.random() >= share:
                continue
            actor = self._people[member]
            at = post.at + rng.uniform(60, 60 * self.values["minutes"])
            if rng.random() < 0.9:
                yield Extra(at, "like", actor)
            if rng.random() < 0.75:
                said = texts.pod_comment(rng, self.persona.lang)
                yield Extra(at + rng.uniform(3, 40), "comment", actor, said, self.persona.lang, answer=0.3)

    def day_acts(self, begin: float, posts: Sequence[str]) -> Iterator[Extra | Own]:
        first, seconds = self._within(begin)
        rng = self.rng
        for number in range(poisson(rng, 0.4 * self._size * self.values["back"] * seconds / DAY)):
            author = self._people[rng.randrange(self._size)].id
            at = first + rng.random() * seconds
            target = f"{author}/p{self.id}.{int(begin // DAY):x}.{number:x}"
            if rng.random() < 0.7:
                yield Own(at, "comment", author, target, texts.pod_comment(rng, self.persona.lang))
            else:
                yield Own(at, "like", author, target)


@registered
class ClickFarm(Incident):
    """The same `accounts` like every post; to hide, each also likes 5 to 50 other posts, of others too."""

    type = "click_farm"
    signals: tuple[str, ...] = ("authenticity",)
    also: tuple[str, ...] = ("interaction_quality", "audience_fit", "health")
    allowed_delay_s = 20 * DAY
    allowed_posts = 10
    usual_days = 30.0
    parameters: ClassVar[dict[str, float]] = {
        "accounts": 120.0, "factor": 2.0, "hours": 6.0, "low": 0.5, "camouflage": 16.0,
    }  # fmt: skip
    ranges: ClassVar[dict[str, tuple[float, float]]] = {
        "accounts": (60, 250), "factor": (1.4, 3), "hours": (1, 12), "low": (0.3, 0.8), "camouflage": (5, 50),
    }  # fmt: skip
    days_range = (28.0, 45.0)
    posts_range = 12

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self.size = max(5, round(self.values["accounts"]))
        countries = {
            "IN": 0.3,
            "ID": 0.3,
            "BR": 0.2,
            max(persona.audience, key=persona.audience.__getitem__): 0.2,
        }
        self.farm = self._strangers("k", self.values["low"], countries)

    @property
    def severity(self) -> float:
        return min(1.0, (self.values["factor"] - 1) / 2)

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if not self.active(post.at):
            return
        rng = self.rng
        count = min(self.size, max(4, round(post.likes * (self.values["factor"] - 1))))
        for member in rng.sample(range(self.size), count):
            yield Extra(post.at + 60 + rng.random() * self.values["hours"] * HOUR, "like", self.farm[member])

    def guests(
        self, personas: Sequence[Persona], taken: Mapping[str, Sequence[Incident]]
    ) -> Iterator[Incident]:
        others = [persona for persona in personas if persona is not self.persona]
        days = (self.end - self.onset) / DAY + 7
        rate = self.size * self.values["camouflage"] / max(1.0, sum(p.posts_per_day for p in others) * days)
        for persona in others:
            yield _Camouflage(self, persona, rate)


class _Camouflage(Incident):
    """Likes by the farm's accounts on another influencer's posts: at the usual ages, here and there."""

    type = "camouflage"

    def __init__(self, farm: ClickFarm, persona: Persona, per_post: float) -> None:
        self.id = f"{farm.id}g"
        self.persona = persona
        self.rng = source(farm.scenario.seed, "camouflage", farm.id, persona.handle)
        self.onset, self.end = farm.onset - 7 * DAY, farm.end
        self.scenario = farm.scenario
        self.first_effect = None
        self.actors = set()
        # A stream of which one event in fifty is kept shows one camouflage like in fifty.
        self._farm, self._rate = farm, per_post * persona.thinning

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if not self.active(post.at):
            return
        # Where few others are generated, a post of theirs still must not be swamped.
        count = poisson(self.rng, min(self._rate, 0.1 * math.sqrt(1 + post.likes) + 0.02 * post.likes))
        for _ in range(count):
            actor = self._farm.farm[self.rng.randrange(self._farm.size)]
            yield Extra(self._reaction_at(post.at, actor), "like", actor)
