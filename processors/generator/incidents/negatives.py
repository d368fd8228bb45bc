"""Hard negatives: the influencer's life, and what platforms do to everyone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from processors.generator import texts
from processors.generator.draw import poisson, source
from processors.generator.incidents.base import DAY, Extra, Incident, Own, Post, registered
from processors.generator.persona import Persona
from processors.generator.scenario import IncidentSpec, Scenario
from processors.generator.world import COUNTRIES


@registered
class PostingPause(Incident):
    """No posts for a week or two. No data is no drop."""

    type = "negative:posting_pause"
    usual_days = 10.0
    days_range = (7.0, 14.0)

    def posts(self, at: float) -> bool:
        return not self.active(at)


@registered
class Holiday(Incident):
    """Announced: no posts and no answers for one or two weeks; the partnership declares it."""

    type = "negative:holiday"
    usual_days = 10.0
    days_range = (7.0, 14.0)

    def posts(self, at: float) -> bool:
        return not self.active(at)

    def reply_factor(self, at: float) -> float:
        return 0.0 if self.active(at) else 1.0

    def explainers(self) -> list[dict[str, Any]]:
        return [
            {"kind": "holiday", "starts_at": self.onset, "ends_at": self.end, "note": "announced holiday"}
        ]


@registered
class Travel(Incident):
    """The influencer is `hours` of time zones away, and some people there take part."""

    type = "negative:travel"
    usual_days = 12.0
    parameters: ClassVar[dict[str, float]] = {"hours": 8.0, "locals": 0.08}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"hours": (5, 11), "locals": (0.03, 0.12)}
    days_range = (8.0, 16.0)

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        there = min(
            COUNTRIES, key=lambda c: abs(COUNTRIES[c].offset_h - persona.home_offset_h - self.values["hours"])
        )
        self._locals = self._strangers("t", persona.low_credibility, {there: 1.0})

    def shift_h(self, at: float) -> float:
        return self.values["hours"] if self.active(at) else 0.0

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if not self.active(post.at):
            return
        for _ in range(poisson(self.rng, post.likes * self.values["locals"])):
            actor = self._locals[self.rng.randrange(3_000)]
            yield Extra(self._reaction_at(post.at, actor), "like", actor)


@registered
class OneSponsoredPost(Incident):
    """The first post from the onset on is sponsored and says so; it does 16 % +- 20 % worse."""

    type = "negative:sponsored_post"
    usual_days = 30.0
    parameters: ClassVar[dict[str, float]] = {"change": -0.16, "spread": 0.2}
    days_range = (30.0, 30.0)
    needs = frozenset({"contract"})

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._done: float | None = None
        self._factor = max(0.2, 1 + self.rng.gauss(self.values["change"], self.values["spread"]))

    def mention(self, at: float) -> str | None:
        if self._done is None and self.active(at):
            self._done = at
            self.end = min(at + 14 * DAY, float(self.scenario.ends_at))
        return "paid" if at == self._done else None

    def post_factor(self, at: float) -> float:
        return self._factor if at == self._done else 1.0


@registered
class NewFormat(Incident):
    """Videos instead of pictures: another number of likes, other people among them, fewer comments."""

    type = "negative:new_format"
    usual_days = 60.0
    parameters: ClassVar[dict[str, float]] = {"factor": 1.4, "strangers": 0.3}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"factor": (1.1, 1.8), "strangers": (0.1, 0.4)}
    days_range = (40.0, 80.0)

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._new = self._strangers("n", persona.low_credibility)

    def about(self, at: float) -> dict[str, str]:
        return {"media_type": "video"} if self.active(at) else {}

    def extra_acts(self, post: Post) -> Iterator[Extra]:
        if not self.active(post.at):
            return
        for _ in range(poisson(self.rng, post.likes * (self.values["factor"] - 1))):
            actor = self._new[int(20_000 * self.rng.random() ** 2)]
            at = self._reaction_at(post.at, actor)
            yield Extra(at, "like" if self.rng.random() < 0.85 else "save", actor)


@registered
class LanguageChange(Incident):
    """The influencer writes another language that the target names too; `share` of the comments follow."""

    type = "negative:language_change"
    usual_days = 90.0
    parameters: ClassVar[dict[str, float]] = {"share": 0.6}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"share": (0.4, 0.8)}
    days_range = (60.0, 90.0)
    needs = frozenset({"two_languages"})

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self.lang = second_language(persona.lang)

    def about(self, at: float) -> dict[str, str]:
        if not self.active(at):
            return {}
        return {"lang": self.lang, "text": texts.post(self.rng, self.lang)}

    def comment_lang(self, at: float, lang: str) -> str:
        return self.lang if self.active(at) and self.rng.random() < self.values["share"] else lang


def second_language(lang: str) -> str:
    """The language that an influencer changes to."""
    return "es" if lang == "en" else "en"


@registered
class Purge(Incident):
    """The platform removes accounts on one day, and not with this influencer alone: everyone loses 3 to 10 %
    of their followers, most of them of low credibility."""

    type = "negative:purge"
    usual_days = 3.0
    parameters: ClassVar[dict[str, float]] = {"share": 0.06, "hours": 10.0}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"share": (0.03, 0.1)}
    days_range = (3.0, 3.0)

    def __init__(self, number: int, spec: IncidentSpec, scenario: Scenario, persona: Persona) -> None:
        super().__init__(number, spec, scenario, persona)
        self._spec, self._number = spec, number
        self._begin()

    def _begin(self) -> None:
        self._gone = self._strangers("g", max(0.6, self.persona.low_credibility))
        self._lost = 0.0

    def day_acts(self, begin: float, posts: Sequence[str]) -> Iterator[Extra | Own]:
        if not begin <= self.onset < begin + DAY:
            return
        rng, persona = self.rng, self.persona
        mean = persona.followers * persona.thinning * self.values["share"]
        for number in range(max(1, poisson(rng, mean))):
            at = self.onset + 3_600 * self.values["hours"] * rng.random()
            if at < self.scenario.ends_at:
                yield Extra(at, "follow", self._gone[number], undo=True)

    def followers(self, at: float) -> float:
        part = min(1.0, max(0.0, (at - self.onset) / (3_600 * self.values["hours"])))
        return -self.persona.followers * self.values["share"] * part

    def guests(
        self, personas: Sequence[Persona], taken: Mapping[str, Sequence[Incident]]
    ) -> Iterator[Incident]:
        def day(other: Incident) -> int:
            return int(other.onset // DAY)

        same = {
            handle: [other for other in own if isinstance(other, Purge) and day(other) == day(self)]
            for handle, own in taken.items()
        }
        first = min((other for own in same.values() for other in own), key=lambda other: other.id)
        if first is not self:
            return  # one purge is told once, however many it is planted with
        for persona in personas:
            if not same.get(persona.handle):
                yield _Purged(self, persona)


class _Purged(Purge):
    """The same purge with somebody else."""

    type = "purged"

    def __init__(self, purge: Purge, persona: Persona) -> None:
        self.id = f"{purge.id}g"
        self.persona, self.scenario = persona, purge.scenario
        self.rng = source(purge.scenario.seed, "purged", purge.id, persona.handle)
        self.onset, self.end = purge.onset, purge.end
        share = 0.03 * math.exp(self.rng.random() * math.log(10 / 3))
        self.values = {**purge.values, "share": share}
        self.first_effect, self.actors = None, set()
        self._begin()
