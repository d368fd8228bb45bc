"""What follows from one post: likes, shares, saves, comments, answers, and what incidents add.

All draws come from sources of the post's or the comment's own (see `draw`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from random import Random
from typing import Final

from processors.generator import render, texts
from processors.generator.actors import Actor, Actors
from processors.generator.draw import source
from processors.generator.incidents.base import Extra, Incident
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
        self._replace = [i for i in incidents if type(i).instead is not Incident.instead]
        self._drop = [i for i in incidents if type(i).drops is not Incident.drops]
        self._langs = [i for i in incidents if type(i).comment_lang is not Incident.comment_lang]
        self._audience = audience
        self._put = put
        self._differs = differs
        likes = persona.likes_per_post * persona.thinning
        # How many people take part: wide for likes, a core of regulars for comments.
        self.reach = max(200, int(30 * likes))
        comments = likes * persona.comments_per_like
        self._talkers = max(40, int(25 * comments))
        self._core, self._wide = max(8, int(4 * comments)), max(400, int(400 * comments))
        #: Fans are people of the real audience: a thinned stream has fewer of them.
        self._fans = round(persona.fans * min(1.0, 4 * persona.thinning))

    def light(self, number: int, ids: str, post_at: float, post: str, count: int) -> None:
        """Likes, shares and saves: the hot loop (80 % of all events)."""
        rng = source(self._seed, "light", self._persona.handle, number)
        random, gauss, exp = rng.random, rng.gauss, math.exp
        audience, reach, influencer, incidents = self._audience, self.reach, self._persona.id, self._replace
        drops = bool(self._drop)
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
            if drops and self._dropped(at):
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
        for incident in self._replace:
            other = incident.instead(at, actor)
            if other is not None:
                self._differs(incident, at, None)
                return other
        return actor

    def _dropped(self, at: float) -> bool:
        for incident in self._drop:
            if incident.drops(at):
                self._differs(incident, at, None)
                return True
        return False

    def _lang(self, at: float, actor: Actor) -> str:
        lang = actor.lang
        for incident in self._langs:
            other = incident.comment_lang(at, lang)
            if other != lang:
                self._differs(incident, at, None)
                lang = other
        return lang

    def fans(self, number: int, ids: str, post_at: float, post: str) -> None:
        """The few who always come early: a like, perhaps a comment; they are answered more than others."""
        for fan in range(self._fans):
            rng = source(self._seed, "fan", self._persona.handle, number, fan)
            here, wait, says, answer = rng.random(), rng.gauss(0, 1), rng.random(), rng.random()
            if here > 0.2 + 0.3 * (fan * 7 % 10) / 10:
                continue
            actor = self._audience[5 * self.reach + fan]
            at = post_at + math.exp(7.6 + 1.2 * wait)
            if self._drop and self._dropped(at):
                continue
            actor = self._who(at, actor)
            event_id = f"{ids}v{fan:x}"
            self._put(at, render.on_post(event_id, "like", at, self._persona.id, actor, post))
            if says < 0.35:
                # Uniform draw lowered: twice as often as others, as the influencer knows them.
                self._thread(rng, event_id + "c", f"gen:c/{event_id[4:]}", actor, at + 30, post, answer / 2,
                             rng.gauss(0, 1), rng.random(), rng.gauss(0, 1))  # fmt: skip

    def comment(self, number: int, index: int, ids: str, post_at: float, post: str) -> None:
        """A comment, perhaps the influencer's answer to it, perhaps the commenter's answer to that.

        All draws are made whether they are needed or not, so that an incident shifts nothing else.
        """
        persona = self._persona
        rng = source(self._seed, "comment", persona.handle, number, index)
        actor = self._audience[self._talker(rng.random())]
        at = post_at + self._age(rng.gauss(0, 1), rng.gauss(0, 1), rng.random(), post_at, actor)
        answered, z_answer, back, z_back = rng.random(), rng.gauss(0, 1), rng.random(), rng.gauss(0, 1)
        if self._drop and self._dropped(at):
            return
        actor = self._who(at, actor)
        event_id, comment = f"{ids}c{index:x}", f"gen:c/{persona.handle}/{number:x}.{index:x}"
        self._thread(rng, event_id, comment, actor, at, post, answered, z_answer, back, z_back)

    def _thread(
        self,
        rng: Random,
        event_id: str,
        comment: str,
        actor: Actor,
        at: float,
        post: str,
        answered: float,
        z_answer: float,
        back: float,
        z_back: float,
        said: tuple[str, str] | None = None,
    ) -> None:
        """A comment and what follows. `said`: its text and language if they are given."""
        persona = self._persona
        lang = self._lang(at, actor) if said is None else said[1]
        text = texts.comment(rng, lang) if said is None else said[0]
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
                lang if actor.lang_known else None,
            ),
        )
        answer_at = self._answer_time(at, answered, z_answer)
        if answer_at is None:
            return
        reply = f"gen:r/{comment[6:]}"
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

    def _talker(self, u: float) -> int:
        """Who comments: some return, most never do."""
        regulars = self._persona.regulars
        if regulars is None:
            return int(self._talkers * u**2.2)
        if u < regulars:
            return int(self._core * u / regulars)
        return self._core + int(self._wide * (u - regulars) / (1 - regulars))

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
        """What an incident adds: on the post given, on its own, or about the account."""
        persona, at, actor = self._persona, extra.at, extra.actor
        influencer, post = persona.id, extra.post or post
        self._differs(incident, at, json.loads(f'"{actor.id}"'))
        if extra.text is not None:
            # Answers are drawn apart: the comment's own source decides, as for anyone's comment.
            rng = source(self._seed, "extra", event_id)
            share = extra.answer / persona.reply_rate if persona.reply_rate else 0.0
            answered = rng.random() / share if share else 1.0
            self._thread(rng, event_id, f"gen:c/{event_id[4:]}", actor, at, post, answered, rng.gauss(0, 1),
                         rng.random(), rng.gauss(0, 1), (extra.text, extra.lang))  # fmt: skip
            return
        if extra.kind == "follow":
            if extra.undo:
                self._put(at, render.unfollowed(event_id, at, influencer, actor))
                return
            self._put(at, render.follow(event_id, at, influencer, actor))
            target = render.account(influencer)
        else:
            made = f"gen:s/{event_id[4:]}" if extra.kind == "share" else ""
            self._put(at, render.on_post(event_id, extra.kind, at, influencer, actor, post, made))
            target = f'{{"id":"{post}","type":"post","author_id":"{influencer}"}}'
        if extra.gone is not None:
            gone = max(extra.gone, at + 1)
            self._put(
                gone, render.undone(event_id + "-u", event_id, extra.kind, gone, influencer, actor, target)
            )
