"""What is bought: followers, likes, comments; at once or in a drip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from processors.generator import texts
from processors.generator.draw import poisson
from processors.generator.incidents.base import DAY, HOUR, Extra, Incident, Own, Post, registered
from processors.generator.persona import Persona
from processors.generator.scenario import IncidentSpec, Scenario

#: Where sellers' accounts say they are.
_FARMS: Final = ({"ID": 0.3, "IN": 0.3, "BR": 0.2, "TR": 0.2}, {"IN": 0.5, "PH": 0.3, "ID": 0.2},
                 {"TR": 0.4, "BR": 0.3, "MX": 0.3})  # fmt: skip
#: Groups of accounts that are bought are small beside what a thinned stream keeps: so much of them stays.
_KEPT: Final = 0.2


class _Followers(Incident):
    """Accounts that follow, and perhaps leave again."""

    signals: tuple[str, ...] = ("authenticity",)
    also: tuple[str, ...] = ("audience_fit", "interaction_quality", "health")
    low: ClassVar[float] = 0.9
    flavour: ClassVar[str] = ""

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        farm = None if self.flavour else _FARMS[self.rng.randrange(len(_FARMS))]
        self._sold = self._strangers("f", self.low, farm, flavour=self.flavour)
        self._count = 0
        self._changes: list[tuple[float, int]] = []

    def _one(self, at: float, leaves: float) -> Extra:
        actor = self._sold[self._count]
        self._count += 1
        gone = None
        if self.rng.random() < leaves:
            gone = at + DAY * self.rng.uniform(1, 29.9)
            self._changes.append((gone, -1))
        self._changes.append((at, 1))
        return Extra(at, "follow", actor, gone=gone)

    def followers(self, at: float) -> float:
        return sum(step for when, step in self._changes if when <= at) / self.persona.thinning


@registered
class BoughtFollowersBurst(_Followers):
    """`share` of the base follows within `hours`; `leave` of them are gone within 30 days."""

    type = "bought_followers_burst"
    allowed_delay_s = 48 * HOUR
    usual_days = 30.0
    parameters: ClassVar[dict[str, float]] = {"share": 0.08, "hours": 36.0, "leave": 0.75}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"share": (0.02, 0.2), "hours": (24, 48)}
    days_range = (30.0, 30.0)
    needs = frozenset({"followers"})

    @property
    def severity(self) -> float:
        return min(1.0, self.values["share"] / 0.2)

    def day_acts(self, begin: float, posts: Sequence[str]) -> Iterator[Extra | Own]:
        first, seconds = self._within(begin)
        ends = self.onset + self.values["hours"] * HOUR
        seconds = min(seconds, ends - first)
        if seconds <= 0:
            return
        whole = self.persona.followers * self.persona.thinning * self.values["share"]
        part = seconds / (self.values["hours"] * HOUR)
        count = max(1, poisson(self.rng, whole * part))
        for at in sorted(first + seconds * self.rng.random() for _ in range(count)):
            yield self._one(at, self.values["leave"])


@registered
class FollowTrain(BoughtFollowersBurst):
    """People who follow everyone that follows them: real accounts, but mass followers who hardly look."""

    type = "follow_train"
    parameters: ClassVar[dict[str, float]] = {"share": 0.04, "hours": 48.0, "leave": 0.3}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"share": (0.02, 0.1), "hours": (24, 72)}
    low: ClassVar[float] = 0.1
    flavour: ClassVar[str] = "mass"


@registered
class BoughtFollowersDrip(_Followers):
    """`per_day` followers a day, flat over 24 hours."""

    type = "bought_followers_drip"
    allowed_delay_s = 14 * DAY
    usual_days = 45.0
    parameters: ClassVar[dict[str, float]] = {"per_day": 40.0, "leave": 0.1}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"per_day": (10, 80)}
    days_range = (30.0, 90.0)
    needs = frozenset({"small"})

    @property
    def severity(self) -> float:
        return min(1.0, self.values["per_day"] / 80)

    def day_acts(self, begin: float, posts: Sequence[str]) -> Iterator[Extra | Own]:
        first, seconds = self._within(begin)
        mean = self.values["per_day"] * self.persona.thinning * seconds / DAY
        for at in sorted(first + seconds * self.rng.random() for _ in range(poisson(self.rng, mean))):
            yield self._one(at, self.values["leave"])


@registered
class BoughtLikesDrip(Incident):
    """`per_day` likes a day on the newest posts, flat over 24 hours."""

    type = "bought_likes_drip"
    signals: tuple[str, ...] = ("authenticity",)
    also: tuple[str, ...] = ("interaction_quality", "audience_fit", "health")
    allowed_delay_s = 14 * DAY
    usual_days = 45.0
    parameters: ClassVar[dict[str, float]] = {"per_day": 40.0, "low": 0.85}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"per_day": (10, 80), "low": (0.7, 0.95)}
    days_range = (30.0, 90.0)
    needs = frozenset({"small"})

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._sold = self._strangers("l", self.values["low"], _FARMS[self.rng.randrange(len(_FARMS))])

    @property
    def severity(self) -> float:
        return min(1.0, self.values["per_day"] / 80)

    def day_acts(self, begin: float, posts: Sequence[str]) -> Iterator[Extra | Own]:
        first, seconds = self._within(begin)
        if not posts:
            return
        mean = self.values["per_day"] * self.persona.thinning * seconds / DAY
        for at in sorted(first + seconds * self.rng.random() for _ in range(poisson(self.rng, mean))):
            post = posts[-1 - min(len(posts) - 1, int(3 * self.rng.random() ** 2))]
            yield Extra(at, "like", self._sold[self.rng.randrange(50_000)], post=post)


@registered
class BoughtLikes(Incident):
    """Posts get `factor` times their likes, the additional ones within `hours`, from accounts of low
    credibility."""

    type = "bought_likes"
    signals: tuple[str, ...] = ("authenticity", "interaction_quality")
    also: tuple[str, ...] = ("audience_fit", "health")
    allowed_delay_s = 12 * DAY
    allowed_posts = 6
    usual_days = 14.0
    parameters: ClassVar[dict[str, float]] = {
        "factor": 2.5, "hours": 2.0, "share_of_posts": 0.8, "low": 0.95,
    }  # fmt: skip
    ranges: ClassVar[dict[str, tuple[float, float]]] = {
        "factor": (1.3, 4), "hours": (0.5, 2), "share_of_posts": (0.6, 1), "low": (0.6, 0.95),
    }  # fmt: skip
    days_range = (14.0, 28.0)
    posts_range = 8

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._sold = self._strangers("l", self.values["low"], _FARMS[self.rng.randrange(len(_FARMS))])

    @property
    def severity(self) -> float:
        return min(1.0, (self.values["factor"] - 1) / 3)

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if not self.active(post.at) or self.rng.random() > self.values["share_of_posts"]:
            return
        for _ in range(round(post.likes * (self.values["factor"] - 1))):
            at = post.at + 120 + self.rng.random() * self.values["hours"] * HOUR
            yield Extra(at, "like", self._sold[self.rng.randrange(50_000)])


@registered
class CommentBots(Incident):
    """`per_post` bought comments under each post, from edited templates, by few accounts."""

    type = "comment_bots"
    signals: tuple[str, ...] = ("authenticity", "interaction_quality")
    also: tuple[str, ...] = ("connection", "audience_fit", "health")
    allowed_delay_s = 6 * DAY
    allowed_posts = 3
    usual_days = 14.0
    parameters: ClassVar[dict[str, float]] = {
        "per_post": 60.0, "templates": 40.0, "accounts": 120.0, "edits": 0.5, "low": 0.8,
    }  # fmt: skip
    ranges: ClassVar[dict[str, tuple[float, float]]] = {
        "per_post": (10, 200), "templates": (20, 200), "accounts": (30, 500), "edits": (0.2, 0.8),
        "low": (0.4, 0.95),
    }  # fmt: skip
    days_range = (14.0, 28.0)
    posts_range = 6

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._sold = self._strangers("c", self.values["low"], _FARMS[self.rng.randrange(len(_FARMS))])
        self._texts = texts.bought_comments(self.rng, max(1, round(self.values["templates"])))

    @property
    def severity(self) -> float:
        return min(1.0, self.values["per_post"] / 200)

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if not self.active(post.at):
            return
        rng, accounts = self.rng, max(1, round(self.values["accounts"]))
        kept = max(_KEPT, min(1.0, self.persona.thinning))
        wait = math.log(2 * HOUR)
        for _ in range(max(5, round(self.values["per_post"] * kept * rng.uniform(0.7, 1.3)))):
            at = post.at + 60 + math.exp(wait + rng.gauss(0, 1))
            text = rng.choice(self._texts)
            if rng.random() < self.values["edits"]:
                text = texts.edited(rng, text)
            yield Extra(at, "comment", self._sold[rng.randrange(accounts)], text)
