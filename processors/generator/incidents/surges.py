"""Hard negatives: many people come at once, and they are real."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from processors.generator import texts
from processors.generator.actors import Actors
from processors.generator.draw import poisson
from processors.generator.incidents.base import DAY, HOUR, Extra, Incident, Own, Post, foreign, registered
from processors.generator.persona import Persona
from processors.generator.scenario import IncidentSpec, Scenario


class _Surge(Incident):
    """Strangers, of the audience's usual credibility, some of whom follow."""

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        abroad = foreign(persona, ("US", "GB", "BR", "IN", "DE"))
        self._abroad = self._strangers("v", persona.low_credibility, abroad)
        self._home = self._strangers("h", persona.low_credibility)
        self._joined: list[float] = []

    def _one(self, at: float, people: Actors, post: str | None = None, joins: float = 0.0) -> Iterator[Extra]:
        """One stranger's act at `at`: like, comment or share, perhaps a follow."""
        rng, persona = self.rng, self.persona
        actor = people[rng.randrange(1_000_000)]
        if rng.random() < persona.comments_per_like:
            text = texts.comment(rng, actor.lang)
            yield Extra(at, "comment", actor, text, actor.lang, post=post, answer=0.3 * persona.reply_rate)
        else:
            yield Extra(at, "like" if rng.random() < 0.9 else "share", actor, post=post)
        if rng.random() < joins:
            self._joined.append(at)
            yield Extra(at + 20, "follow", actor)

    def followers(self, at: float) -> float:
        return sum(when <= at for when in self._joined) / self.persona.thinning

    @property
    def _likes(self) -> float:
        """Likes a day, as thinned."""
        return self.persona.likes_per_post * self.persona.thinning * self.persona.posts_per_day


@registered
class ViralPost(_Surge):
    """One post draws `factor` times the usual for 48 h, 40 % of it from abroad, then decays."""

    type = "negative:viral_post"
    usual_days = 7.0
    parameters: ClassVar[dict[str, float]] = {"factor": 10.0, "abroad": 0.4, "joins": 0.04}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"factor": (5, 50)}
    days_range = (20.0, 20.0)
    _done = False

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if self._done or not self.active(post.at):
            return
        self._done = True
        rng = self.rng
        for _ in range(round(max(1, post.likes) * (self.values["factor"] - 1))):
            # Half within half a day, then a power law's tail; cut at the incident's end.
            at = post.at + 0.5 * DAY * (math.pow(1 - rng.random(), -0.8) - 1)
            if at < self.end:
                people = self._abroad if rng.random() < self.values["abroad"] else self._home
                yield from self._one(at, people, joins=self.values["joins"])


@registered
class News(_Surge):
    """Everybody talks about the influencer's subject: `factor` times the usual volume on all posts."""

    type = "negative:news"
    usual_days = 3.0
    parameters: ClassVar[dict[str, float]] = {"factor": 3.0, "abroad": 0.1, "joins": 0.02}
    days_range = (2.0, 4.0)

    def day_acts(self, begin: float, posts: Sequence[str]) -> Iterator[Extra | Own]:
        first, seconds = self._within(begin)
        rng = self.rng
        mean = self._likes * (self.values["factor"] - 1) * seconds / DAY
        for _ in range(poisson(rng, mean) if posts else 0):
            post = posts[-1 - min(len(posts) - 1, int(3 * rng.random() ** 2))]
            people = self._abroad if rng.random() < self.values["abroad"] else self._home
            yield from self._one(first + rng.random() * seconds, people, post, self.values["joins"])


@registered
class TvShoutOut(_Surge):
    """Named on television: within two hours people look the influencer up, like what is there, and follow."""

    type = "negative:tv_shout_out"
    usual_days = 2.0
    parameters: ClassVar[dict[str, float]] = {"factor": 15.0, "joins": 0.6}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"factor": (6, 30), "joins": (0.3, 0.8)}
    days_range = (1.0, 2.0)

    def day_acts(self, begin: float, posts: Sequence[str]) -> Iterator[Extra | Own]:
        if not begin <= self.onset < begin + DAY or not posts:
            return
        rng = self.rng
        for _ in range(max(10, round(self._likes * self.values["factor"]))):
            wait = (
                rng.expovariate(1 / (1.5 * HOUR)) if rng.random() < 0.6 else rng.expovariate(1 / (9 * HOUR))
            )
            at = self.onset + wait
            if at < self.end:
                yield from self._one(at, self._home, posts[-1 - int(len(posts) * rng.random() ** 2)],
                                     self.values["joins"])  # fmt: skip


@registered
class Giveaway(_Surge):
    """One post asks for a comment that names a friend: `factor` times the comments, nearly alike, by real
    accounts. With `declared` 1 the brand's people said so beforehand."""

    type = "negative:giveaway"
    usual_days = 4.0
    parameters: ClassVar[dict[str, float]] = {"factor": 8.0, "declared": 1.0, "joins": 0.2}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"factor": (5, 10)}
    days_range = (3.0, 6.0)
    _post: float | None = None

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self.end = min(max(self.end, self.onset + 2.2 * DAY / persona.posts_per_day), float(scenario.ends_at))

    def about(self, at: float) -> dict[str, str]:
        if self._post is None and self.active(at):
            self._post = at
        if at != self._post:
            return {}
        return {"text": texts.GIVEAWAY.get(self.persona.lang, texts.GIVEAWAY["en"])}

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if post.at != self._post:
            return
        rng = self.rng
        usual = max(3.0, post.comments, post.likes * self.persona.comments_per_like)
        for _ in range(round(usual * self.values["factor"])):
            actor = self._home[int(rng.random() * 3_000)]
            at = min(self._reaction_at(post.at, actor), post.at + 3 * DAY * rng.random())
            yield Extra(at, "like", actor)
            for again in range(1 + (rng.random() < 0.25) + (rng.random() < 0.1)):
                said = texts.giveaway_comment(rng)
                yield Extra(at + 25 + 90 * again, "comment", actor, said, actor.lang)
            if rng.random() < self.values["joins"]:
                gone = at + DAY * rng.uniform(4, 20) if rng.random() < 0.3 else None
                self._joined.append(at)
                yield Extra(at + 10, "follow", actor, gone=gone)

    def explainers(self) -> list[dict[str, Any]]:
        if not self.values["declared"]:
            return []
        return [
            {"kind": "giveaway", "starts_at": self.onset, "ends_at": self.end, "note": "giveaway on a post"}
        ]


@registered
class LoyalFans(Incident):
    """Some get to like the influencer so much that they are on more than 60 % of the posts, early; they are
    answered. Each begins on a day of their own: they don't come as a group."""

    type = "negative:loyal_fans"
    usual_days = 80.0
    parameters: ClassVar[dict[str, float]] = {"share": 0.05, "on_posts": 0.65}
    days_range = (60.0, 90.0)

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._people = self._strangers("o", 0.04)
        reach = 30 * persona.likes_per_post * persona.thinning
        fans = min(30, max(6, round(self.values["share"] * reach / 4)))
        self._since = [self.onset + self.rng.random() * 25 * DAY for _ in range(fans)]

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if not self.active(post.at):
            return
        rng = self.rng
        for number, since in enumerate(self._since):
            if post.at < since or rng.random() > self.values["on_posts"]:
                continue
            actor = self._people[number]
            at = post.at + math.exp(rng.gauss(math.log(25 * 60), 1.1))
            yield Extra(at, "like", actor)
            if rng.random() < 0.4:
                said = texts.comment(rng, actor.lang)
                yield Extra(at + 40 * rng.random(), "comment", actor, said, actor.lang, answer=0.5)
