"""The stream of one influencer: posts, and what follows from each of them, hour by hour.

A post's reactions are planned when the day begins, from the post's own random source, rendered at once, and
put into the hour in which they arrive; an hour is sorted when it is asked for.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final, NamedTuple

from processors.generator import mentions, render, texts
from processors.generator.actors import Actors
from processors.generator.draw import bits, poisson, source
from processors.generator.incidents import Incident
from processors.generator.persona import Persona
from processors.generator.reactions import LIKE, Reactions
from processors.generator.scenario import Scenario

_DAY: Final = 86_400
_HOUR: Final = 3_600
#: Followers who leave again within some weeks.
_LEAVE: Final = 0.15
_OLD_POSTS: Final = 5


class Record(NamedTuple):
    """One record in order of arrival: epoch seconds, the influencer id, the event as JSON."""

    at: float
    key: bytes
    value: bytes


class InfluencerStream:
    """All of one influencer's events. `hour(n)` must be asked for in order, from the scenario's first
    hour."""

    def __init__(self, persona: Persona, scenario: Scenario, incidents: list[Incident]) -> None:
        self.persona = persona
        self.incidents = incidents
        self._scenario = scenario
        self._seed = scenario.seed
        self._start = scenario.starts_at
        self._end = scenario.ends_at
        self._key = persona.id.encode()
        self._hours: dict[int, list[Record]] = {}
        self.audience = Actors(
            scenario.seed,
            f"gen:{persona.handle}",
            persona.audience,
            persona.low_credibility,
            persona.known,
            persona.topics,
            scenario.starts_at,
        )
        self._likes = persona.likes_per_post * persona.thinning
        self._comments = self._likes * persona.comments_per_like
        self._reactions = Reactions(
            persona, scenario.seed, incidents, self.audience, self._put, self._differs
        )
        self._level = 0.0
        self._day_number = 0
        self._post_number = 0
        self._made_posts = 0
        first = source(self._seed, "first", persona.handle)
        self._next_post = self._start + first.random() * _DAY / persona.posts_per_day
        self._old_posts: list[str] = []
        born = bits(self._seed, persona.handle) % 2_000 + 700
        self._created_at = f"{datetime.fromtimestamp(self._start - born * _DAY, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def hour(self, hour: int) -> list[Record]:
        """Records that arrive in the hour (number of hours since 1970), sorted by time."""
        while (
            self._start + self._day_number * _DAY <= hour * _HOUR and self._day_number < self._scenario.days
        ):
            self._plan_day(self._day_number)
            self._day_number += 1
        records = self._hours.pop(hour, [])
        records.sort()
        return records

    def _put(self, at: float, value: str) -> None:
        if at < self._end:
            at = round(at, 3)
            hour = int(at // _HOUR)
            bucket = self._hours.get(hour)
            if bucket is None:
                bucket = self._hours[hour] = []
            bucket.append(Record(at, self._key, value.encode()))

    def _differs(self, incident: Incident, at: float, actor: str | None = None) -> None:
        if at < self._end:
            incident.touched(round(at, 3), actor)

    # -- a day ----------------------------------------------------------------------------------------------
    def _plan_day(self, day: int) -> None:
        persona, begin = self.persona, self._start + day * _DAY
        rng = source(self._seed, "day", persona.handle, day)
        self._level += rng.gauss(0, persona.level_sd / math.sqrt(60))
        followers = round(persona.followers * math.exp(persona.growth_per_day * day))
        ids = f"gen/{persona.handle}/d{day:x}."
        polled = begin + 3 * _HOUR + rng.random() * 600
        self._put(
            polled,
            render.profile(
                f"{ids}p",
                polled,
                persona.id,
                persona.handle,
                followers,
                300 + day // 5,
                400 + self._made_posts,
                self._created_at,
                persona.lang,
            ),
        )
        joined = followers * max(0.0, persona.growth_per_day + 0.0005) * persona.thinning
        for number in range(poisson(rng, joined)):
            at = begin + rng.random() * _DAY
            actor = self.audience[rng.randrange(4 * self._reactions.reach)]
            event_id = f"{ids}f{number:x}"
            self._put(at, render.follow(event_id, at, persona.id, actor))
            stays = rng.random() > _LEAVE
            gone = at + rng.expovariate(1 / (9 * _DAY))
            if not stays and gone < at + 30 * _DAY:
                self._put(
                    gone,
                    render.undone(
                        f"{event_id}-u",
                        event_id,
                        "follow",
                        gone,
                        persona.id,
                        actor,
                        render.account(persona.id),
                    ),
                )
        for number in range(poisson(rng, persona.elsewhere_per_day)):
            self._elsewhere(
                f"{ids}e{number:x}",
                begin + rng.random() * _DAY,
                rng.randrange(5_000),
                texts.comment(rng, persona.lang),
            )
        while self._next_post < begin + _DAY:
            self._plan_post(self._post_number, self._next_post)
            self._post_number += 1
        self._trickle(begin, ids)

    def _trickle(self, begin: float, ids: str) -> None:
        persona = self.persona
        rng = source(self._seed, "trickle", persona.handle, begin)
        for number in range(poisson(rng, 24 * persona.trickle_per_h) if self._old_posts else 0):
            at = begin + rng.random() * _DAY
            post = self._old_posts[int(rng.random() * len(self._old_posts))]
            actor = self.audience[int(self._reactions.reach * rng.random() ** 1.5)]
            self._put(at, render.on_post(f"{ids}t{number:x}", "like", at, persona.id, actor, post))

    def _elsewhere(self, event_id: str, at: float, other: int, text: str) -> None:
        """The influencer comments on someone else's post."""
        target = f"gen:elsewhere.{other:x}/p"
        self._put(
            at,
            render.said(
                event_id,
                "comment",
                at,
                self.persona.id,
                f'{{"id":"{self.persona.id}"}}',
                f"gen:o/{event_id}",
                render.thread(target, "post", f"gen:elsewhere.{other:x}", target, target),
                text,
                self.persona.lang,
            ),
        )

    # -- a post ---------------------------------------------------------------------------------------------
    def _plan_post(self, number: int, at: float) -> None:
        persona = self.persona
        rng = source(self._seed, "post", persona.handle, number)
        # Gaps of a gamma of shape 3: people are more regular than chance. Nobody posts in their night.
        self._next_post = at + rng.gammavariate(3, 1 / 3) * _DAY / persona.posts_per_day
        local = (at / _HOUR + persona.home_offset_h) % 24
        if local < 7:
            at += (7.5 - local) * _HOUR
        noise = rng.gauss(0, persona.post_noise) - persona.post_noise**2 / 2
        volume = math.exp(self._level + noise)
        for incident in self.incidents:
            if not incident.posts(at):
                self._differs(incident, at)
                return
        self._made_posts += 1
        post = f"gen:p/{persona.handle}/{number:x}"
        ids = f"gen/{persona.handle}/{number:x}."
        self._post(ids + "p", at, post, number)
        likes = poisson(rng, self._likes * volume / LIKE)
        comments = poisson(rng, self._comments * volume)
        self._reactions.light(number, ids, at, post, likes)
        for index in range(comments):
            self._reactions.comment(number, index, ids, at, post)
        for incident in self.incidents:
            for index, extra in enumerate(incident.extra_acts(at, likes)):
                self._reactions.added(incident, extra, f"{ids}x{incident.id}.{index:x}", post)
        self._old_posts = [*self._old_posts[1 - _OLD_POSTS :], post]

    def _post(self, event_id: str, at: float, post: str, number: int) -> None:
        persona = self.persona
        rng = source(self._seed, "text", persona.handle, number)
        text, more = texts.post(rng), ""
        mention = mentions.draw(rng, persona, (at - self._start) / _DAY)
        if mention is not None:
            for incident in self.incidents:
                if not incident.mentions_brand(at):
                    self._differs(incident, at)
                    mention = None
                    break
        if mention is not None:
            text, more = mention.around(text), mention.more
        self._put(at, render.post(event_id, at, persona.id, post, text, persona.lang, more))
