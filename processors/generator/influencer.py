"""The stream of one influencer: posts, and what follows from each of them, hour by hour.

A post's reactions are planned when the day begins, from the post's own random source, rendered at once, and
put into the hour in which they arrive; an hour is sorted when it is asked for.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Final, NamedTuple

from processors.generator import mentions, render, texts
from processors.generator.actors import Actors
from processors.generator.draw import bits, poisson, source
from processors.generator.incidents.base import Incident, Own, Post
from processors.generator.persona import Persona
from processors.generator.reactions import LIKE, Reactions
from processors.generator.scenario import Scenario
from processors.generator.ties import Ties

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


def schedule(persona: Persona, scenario: Scenario) -> list[tuple[float, int]]:
    """When posts are planned (epoch s) and their numbers, up to the scenario's end."""
    gap = _DAY / persona.posts_per_day
    at = scenario.starts_at + source(scenario.seed, "first", persona.handle).random() * gap
    planned: list[tuple[float, int]] = []
    while at < scenario.ends_at:
        planned.append((at, len(planned)))
        # Gaps of a gamma of shape 3: people are more regular than chance.
        at += _gap(source(scenario.seed, "post", persona.handle, len(planned) - 1)) * gap
    return planned


def _gap(rng: Random) -> float:
    """The first thing drawn from a post's source: usual distances until the next one."""
    return rng.gammavariate(3, 1 / 3)


def made_at(persona: Persona, incidents: Sequence[Incident], planned: float) -> float:
    """When a planned post is made: nobody posts in their night."""
    shift = persona.home_offset_h + sum(incident.shift_h(planned) for incident in incidents)
    local = (planned / _HOUR + shift) % 24
    return planned + (7.5 - local) * _HOUR if local < 7 else planned


class InfluencerStream:
    """All of one influencer's events. `hour(n)` must be asked for in order, from the scenario's first
    hour."""

    def __init__(self, persona: Persona, scenario: Scenario, incidents: Sequence[Incident]) -> None:
        self.persona = persona
        self.incidents = list(incidents)
        self._couriers = [incident for incident in incidents if incident.delivers]
        self._mentioning = [i for i in incidents if type(i).paid_share is not Incident.paid_share]
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
            persona.topic_shares,
            scenario.starts_at,
        )
        self._likes = persona.likes_per_post * persona.thinning
        self._comments = self._likes * persona.comments_per_like
        self._reactions = Reactions(
            persona, scenario.seed, self.incidents, self.audience, self._put, self._differs
        )
        self._ties = Ties(persona, scenario.seed, self.incidents, self._put, self._differs)
        self._level = 0.0
        self._day_number = 0
        self._made_posts = 0
        self._planned = deque(schedule(persona, scenario))
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
        if at >= self._end:
            return
        at = round(at, 3)
        if self._couriers:
            arriving = [(at, value)]
            for courier in self._couriers:
                arriving = [one for when, what in arriving for one in courier.deliver(at, when, what)]
            for when, what in arriving:
                if when < self._end:
                    self._hours.setdefault(int(when // _HOUR), []).append(
                        Record(round(when, 3), self._key, what.encode())
                    )
            return
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
        usual = round(persona.followers * math.exp(persona.growth_per_day * day))
        ids = f"gen/{persona.handle}/d{day:x}."
        polled = begin + 3 * _HOUR + rng.random() * 600
        followers = usual
        for incident in self.incidents:
            change = round(incident.followers(polled))
            if change:
                self._differs(incident, polled)
            followers = max(10, followers + change)
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
        joined = usual * max(0.0, persona.growth_per_day + 0.0005) * persona.thinning
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
        for number in range(poisson(rng, persona.followers * persona.unfollows_per_day * persona.thinning)):
            at = begin + rng.random() * _DAY
            actor = self.audience[rng.randrange(4 * self._reactions.reach)]
            self._put(at, render.unfollowed(f"{ids}u{number:x}", at, persona.id, actor))
        for number in range(poisson(rng, persona.elsewhere_per_day)):
            self._elsewhere(
                f"{ids}e{number:x}",
                begin + rng.random() * _DAY,
                rng.randrange(5_000),
                texts.comment(rng, persona.lang),
            )
        earlier = self._old_posts  # what is drawn for the whole day must not know of the day's own posts
        while self._planned and self._planned[0][0] < begin + _DAY:
            planned, number = self._planned.popleft()
            self._plan_post(number, planned)
        self._trickle(begin, ids, earlier)
        self._ties.day(day, begin, earlier)
        for incident in self.incidents:
            for index, act in enumerate(incident.day_acts(begin, earlier)):
                event_id = f"{ids}x{incident.id}.{index:x}"
                if isinstance(act, Own):
                    self._added_own(incident, act, event_id)
                else:
                    self._reactions.added(incident, act, event_id, "")

    def _added_own(self, incident: Incident, act: Own, event_id: str) -> None:
        me = f'{{"id":"{self.persona.id}"}}'
        if act.kind == "comment":
            target = render.thread(act.target, "post", act.author, act.target, act.target)
            value = render.said(event_id, "comment", act.at, self.persona.id, me, f"gen:o/{event_id}", target,
                                act.text, self.persona.lang)  # fmt: skip
        else:
            target = f'{{"id":"{act.target}","type":"post","author_id":"{act.author}"}}'
            value = render.act(event_id, act.kind, act.at, self.persona.id, me, target)
        self._put(act.at, value)
        self._differs(incident, act.at)

    def _trickle(self, begin: float, ids: str, posts: list[str]) -> None:
        persona = self.persona
        rng = source(self._seed, "trickle", persona.handle, begin)
        for number in range(poisson(rng, 24 * persona.trickle_per_h) if posts else 0):
            at = begin + rng.random() * _DAY
            post = posts[int(rng.random() * len(posts))]
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
    def _plan_post(self, number: int, planned: float) -> None:
        persona = self.persona
        rng = source(self._seed, "post", persona.handle, number)
        _gap(rng)  # has decided the schedule
        at = made_at(persona, self.incidents, planned)
        usual_at = made_at(persona, (), planned)
        if at != usual_at:
            for incident in self.incidents:
                if incident.shift_h(planned):
                    self._differs(incident, min(at, usual_at))
        noise = rng.gauss(0, persona.post_noise) - persona.post_noise**2 / 2
        volume = math.exp(self._level + noise)
        for incident in self.incidents:
            if not incident.posts(at):
                self._differs(incident, at)
                return
        self._made_posts += 1
        post = f"gen:p/{persona.handle}/{number:x}"
        ids = f"gen/{persona.handle}/{number:x}."
        factor, sponsored = self._post(ids + "p", at, post, number)
        likes = poisson(rng, self._likes * volume * factor / LIKE)
        comments = poisson(rng, self._comments * volume * factor)
        self._reactions.light(number, ids, at, post, likes)
        for index in range(comments):
            self._reactions.comment(number, index, ids, at, post)
        if persona.fans:
            self._reactions.fans(number, ids, at, post)
        told = Post(number, at, post, likes, comments, sponsored)
        for incident in self.incidents:
            for index, extra in enumerate(incident.extra_acts(told)):
                self._reactions.added(incident, extra, f"{ids}x{incident.id}.{index:x}", post)
        self._old_posts = [*self._old_posts[1 - _OLD_POSTS :], post]

    def _post(self, event_id: str, at: float, post: str, number: int) -> tuple[float, bool]:
        """Puts the post; gives what its being sponsored does to the reactions, and whether it is."""
        persona, day = self.persona, (at - self._start) / _DAY
        rng = source(self._seed, "text", persona.handle, number)
        text, lang, media = texts.post(rng, persona.lang), persona.lang, "image"
        usual = mention = mentions.draw(rng, persona, day, lang)
        change = math.exp(math.log1p(persona.sponsored_change) + 0.2 * rng.gauss(0, 1))
        factor = 1.0
        for incident in self.incidents:
            share = incident.paid_share(at)
            if share is not None:
                again = source(self._seed, "text", persona.handle, number)
                texts.post(again, persona.lang)
                mention = mentions.draw(again, persona, day, lang, share)
            if mention is not None and not incident.mentions_brand(at):
                mention = None
            payer = mentions.paid_partner(persona, day)
            mode = incident.mention(at) if payer is not None else None
            if mode is not None and payer is not None:
                mention = mentions.make(incident.rng, payer, mode, lang)
                self._differs(incident, at)
                factor *= incident.post_factor(at)
            if mention != usual:
                self._differs(incident, at)
                usual = mention
            for name, value in incident.about(at).items():
                self._differs(incident, at)
                if name == "text":
                    text = texts.escaped(value)
                elif name == "lang":
                    lang = value
                else:
                    media = value
        if mention is not None:
            text = mention.around(text)
        more = "" if mention is None else mention.more
        self._put(at, render.post(event_id, at, persona.id, post, text, lang, more, media))
        sponsored = mention is not None and mention.sponsored
        return factor * (change if sponsored and persona.sponsored_change else 1.0), sponsored
