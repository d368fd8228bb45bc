"""What follows from one post: likes, shares, saves, comments, answers, and what incidents add.

All draws come from sources of the post's or the comment's own (see `draw`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Final

from processors.generator import render, texts
from processors.generator.actors import Actor, Actors
from processors.generator.draw import source
from processors.generator.incidents import Extra, Incident
from processors.generator.persona import Persona
from processors.generator.world import ACTIVITY, REACTION_LOG_MEDIAN, REACTION_LOG_SD

_DAY: Final = 86_400
_HOUR: Final = 3_600
_MAX_AGE_S: Final = 30 * _DAY
#: Of the light reactions: likes, then shares, the rest saves. Likes taken back within minutes.
LIKE: Final = 0.926
_SHARE: Final = 0.954
_UNLIKED: Final = 0.01

Put = Callable[[float, str], None]
Differs = Callable[[Incident, float, str | None], None]


class Reactions:
    """Plans the reactions to posts; `put(at, event as JSON)` takes each, `differs` hears of incidents'
    effects."""

    def __init__(
        self,
        persona: Persona,
        seed: int,
        incidents: list[Incident],
        audience: Actors,
        put: Put,
        differs: Differs,
    ) -> None:
        self._persona = persona
        self._seed = seed
        self._incidents = incidents
        self._audience = audience
        self._put = put
        self._differs = differs
        likes = persona.likes_per_post * persona.thinning
        # How many people take part: wide for likes, a core of regulars for comments.
        self.reach = max(200, int(30 * likes))
        self._talkers = max(40, int(25 * likes * persona.comments_per_like))

    def light(self, number: int, ids: str, post_at: float, post: str, count: int) -> None:
        """Likes, shares and saves: the hot loop (80 % of all events)."""
        rng = source(self._seed, "light", self._persona.handle, number)
        random, gauss, exp = rng.random, rng.gauss, math.exp
        audience, reach, influencer, incidents = self._audience, self.reach, self._persona.id, self._incidents
        for index in range(count):
            actor = audience[int(reach * random() ** 2.2)]
            shift = actor.offset_h + 72
            for _ in range(3):
                at = post_at + exp(REACTION_LOG_MEDIAN + REACTION_LOG_SD * gauss(0, 1))
                if random() < ACTIVITY[int(at / _HOUR + shift) % 168]:
                    break
            u, back = random(), random()
            if at - post_at > _MAX_AGE_S:
                continue
            if incidents:
                actor = self._who(at, actor)
            event_id = f"{ids}r{index:x}"
            kind = "like" if u < LIKE else "share" if u < _SHARE else "save"
            made = f"gen:s/{event_id[4:]}" if kind == "share" else ""
            self._put(at, render.on_post(event_id, kind, at, influencer, actor, post, made))
            if back < _UNLIKED and kind == "like":
                gone = at + 5 + 600 * back / _UNLIKED
                self._put(
                    gone,
                    render.undone(
                        event_id + "-u",
                        event_id,
                        kind,
                        gone,
                        influencer,
                        actor,
                        f'{{"id":"{post}","type":"post","author_id":"{influencer}"}}',
                    ),
                )

    def _who(self, at: float, actor: Actor) -> Actor:
        for incident in self._incidents:
            other = incident.instead(at, actor)
            if other is not None:
                self._differs(incident, at, None)
                return other
        return actor

    def comment(self, number: int, index: int, ids: str, post_at: float, post: str) -> None:
        """A comment, perhaps the influencer's answer to it, perhaps the commenter's answer to that.

        All draws are made whether they are needed or not, so that an incident shifts nothing else.
        """
        persona = self._persona
        rng = source(self._seed, "comment", persona.handle, number, index)
        actor = self._audience[int(self._talkers * rng.random() ** 2.2)]
        at = post_at + self._age(rng.gauss(0, 1), rng.gauss(0, 1), rng.random(), post_at, actor)
        answered, z_answer, back, z_back = rng.random(), rng.gauss(0, 1), rng.random(), rng.gauss(0, 1)
        actor = self._who(at, actor)
        text = texts.comment(rng, actor.lang)
        event_id, comment = f"{ids}c{index:x}", f"gen:c/{persona.handle}/{number:x}.{index:x}"
        self._put(
            at,
            render.said(
                event_id,
                "comment",
                at,
                persona.id,
                actor.fragment,
                comment,
                render.thread(post, "post", persona.id, post, post),
                text,
                actor.lang if actor.lang_known else None,
            ),
        )
        answer_at = self._answer_time(at, answered, z_answer)
        if answer_at is None:
            return
        reply = f"gen:r/{persona.handle}/{number:x}.{index:x}"
        self._put(
            answer_at,
            render.said(
                event_id + "-a",
                "reply",
                answer_at,
                persona.id,
                f'{{"id":"{persona.id}"}}',
                reply,
                render.thread(comment, "comment", actor.id, comment, post),
                texts.answer(rng, actor.lang),
                persona.lang,
            ),
        )
        if back < persona.return_rate:
            back_at = answer_at + math.exp(8.2 + 1.2 * z_back)
            self._put(
                back_at,
                render.said(
                    event_id + "-b",
                    "reply",
                    back_at,
                    persona.id,
                    actor.fragment,
                    reply + "-b",
                    render.thread(reply, "comment", persona.id, reply, post),
                    texts.comes_back(rng, actor.lang),
                    actor.lang if actor.lang_known else None,
                ),
            )

    def _age(self, first: float, second: float, u: float, post_at: float, actor: Actor) -> float:
        """Seconds after the post; a comment that would fall into the actor's night gets a second draw."""
        age = math.exp(REACTION_LOG_MEDIAN + REACTION_LOG_SD * first)
        if u > ACTIVITY[int((post_at + age) / _HOUR + actor.offset_h + 72) % 168]:
            age = math.exp(REACTION_LOG_MEDIAN + REACTION_LOG_SD * second)
        return min(age, _MAX_AGE_S)

    def _answer_time(self, comment_at: float, answered: float, z: float) -> float | None:
        """When the influencer answers (epoch s), or None. `answered`: uniform draw, `z`: normal draw."""
        persona = self._persona
        if answered >= persona.reply_rate:
            return None
        latency = math.exp(persona.reply_log_median + persona.reply_log_sd * z)
        planned = comment_at + 20 + latency
        at, chance = planned, persona.reply_rate
        for incident in self._incidents:
            chance *= incident.reply_factor(planned)
            later = comment_at + 20 + latency * incident.latency_factor(planned)
            if answered >= chance:
                self._differs(incident, planned, None)
                return None
            if later != at and later != planned:
                self._differs(incident, min(planned, later), None)
                at = later
        return at

    def added(self, incident: Incident, extra: Extra, event_id: str, post: str) -> None:
        influencer, at, actor = self._persona.id, extra.at, extra.actor
        if extra.text is None:
            made = f"gen:s/{event_id[4:]}" if extra.kind == "share" else ""
            value = render.on_post(event_id, extra.kind, at, influencer, actor, post, made)
        else:
            value = render.said(
                event_id,
                extra.kind,
                at,
                influencer,
                actor.fragment,
                f"gen:c/{event_id[4:]}",
                render.thread(post, "post", influencer, post, post),
                extra.text,
                extra.lang if actor.lang_known else None,
            )
        self._put(at, value)
        self._differs(incident, at, json.loads(f'"{actor.id}"'))
