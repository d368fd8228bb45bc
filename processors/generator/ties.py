"""Contact between the brand's people and the influencer, both ways, as acts under the influencer's id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from processors.generator import render, texts
from processors.generator.draw import poisson, source
from processors.generator.incidents.base import Incident
from processors.generator.mentions import account_of
from processors.generator.persona import Persona
from processors.generator.texts import escaped

_DAY: Final = 86_400
#: Chance that the influencer answers what they wrote.
_ANSWERED: Final = 0.6


class Ties:
    """Plans each day's contact. `put(at, event as JSON)`; `differs` hears of incidents' effects."""

    def __init__(
        self,
        persona: Persona,
        seed: int,
        incidents: Sequence[Incident],
        put: Callable[[float, str], None],
        differs: Callable[[Incident, float, str | None], None],
    ) -> None:
        self._persona, self._seed, self._put, self._differs = persona, seed, put, differs
        self._incidents = [i for i in incidents if type(i).employee is not Incident.employee]

        self._replying = [i for i in incidents if type(i).reply_factor is not Incident.reply_factor]

    def day(self, day: int, begin: float, posts: Sequence[str]) -> None:
        """The contact of one day; `posts`: ids of the newest own posts."""
        for partner in self._persona.partnerships:
            accounts = [escaped(employee.account) for employee in partner.employees]
            for number, employee in enumerate(partner.employees):
                rng = source(self._seed, "tie", self._persona.handle, partner.brand, number, day)
                # A contact is 2.2 acts on average: what is written is often answered.
                for index in range(poisson(rng, employee.acts_per_week / 7 / 1.5)):
                    at = begin + (7 + 12 * rng.random()) * 3_600
                    acting = self._who(number, at, accounts)
                    name = f"gen/{self._persona.handle}/t{day:x}.{partner.brand}.{number:x}.{index:x}"
                    self._contact(rng.random(), rng.random(), rng.random(), name, at, acting, posts)
            rng = source(self._seed, "brand", self._persona.handle, partner.brand, day)
            for index in range(poisson(rng, partner.brand_acts_per_week / 7)):
                at = begin + (7 + 12 * rng.random()) * 3_600
                name = f"gen/{self._persona.handle}/b{day:x}.{partner.brand}.{index:x}"
                self._contact(
                    rng.random(), rng.random(), rng.random(), name, at, account_of(partner.brand), posts
                )

    def _who(self, number: int, at: float, accounts: list[str]) -> str | None:
        for incident in self._incidents:
            other = incident.employee(at, number)
            if other == number:
                continue
            self._differs(incident, at, None)
            if other is None:
                return None
            number = other if other < len(accounts) else number
        return f"gen:{accounts[number]}"

    def _answers(self, at: float) -> bool:
        """Whoever answers nobody doesn't answer the brand either."""
        for incident in self._replying:
            if not incident.reply_factor(at):
                self._differs(incident, at, None)
                return False
        return True

    def _contact(
        self, which: float, answered: float, wait: float, name: str, at: float, account: str | None,
        posts: Sequence[str],
    ) -> None:  # fmt: skip
        if account is None:
            return
        persona = self._persona
        me, lang = persona.id, persona.lang
        rng = source(self._seed, "words", name)
        own, theirs = f'{{"id":"{me}"}}', f'{{"id":"{account}"}}'
        made = f"gen:c/{name[4:]}"
        if which < 0.35 and posts:  # they write under a post, and are often answered
            post = posts[-1]
            target = render.thread(post, "post", me, post, post)
            said = texts.comment(rng, lang)
            self._put(at, render.said(name, "comment", at, me, theirs, made, target, said, lang))
            later = at + 60 + 20_000 * wait
            if answered < _ANSWERED and self._answers(later):
                target = render.thread(made, "comment", account, made, post)
                said = texts.answer(rng, lang)
                self._put(
                    later, render.said(name + "-a", "reply", later, me, own, made + "-a", target, said, lang)
                )
        elif which < 0.6 and posts:
            target = f'{{"id":"{posts[-1]}","type":"post","author_id":"{me}"}}'
            self._put(at, render.act(name, "like", at, me, theirs, target))
        else:  # the influencer is with them
            post = f"{account}/p{int(at // (3 * _DAY)):x}"
            if which < 0.8:
                target = f'{{"id":"{post}","type":"post","author_id":"{account}"}}'
                self._put(at, render.act(name, "like", at, me, own, target))
            else:
                target = render.thread(post, "post", account, post, post)
                said = texts.comment(rng, lang)
                self._put(at, render.said(name, "comment", at, me, own, made, target, said, lang))
