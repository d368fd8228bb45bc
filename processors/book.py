"""The book: who is watched and against what, with people's acts that change scoring. Whole in every
worker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from processors.rules.book import OVERRIDE, faults
from schemas import Control, Explainer, Partnership

#: Brand of an influencer that nobody has a partnership with; readings are made, nobody is notified.
NO_BRAND = "none"


def implicit(influencer_id: str) -> Partnership:
    """The partnership that stands for an influencer without one."""
    partnership_id = f"none--{influencer_id}"
    if len(partnership_id) > 256:
        tail = hashlib.blake2b(influencer_id.encode(), digest_size=8).hexdigest()
        partnership_id = f"{partnership_id[:239]}-{tail}"
    return Partnership(partnership_id=partnership_id, brand_id=NO_BRAND, influencer_id=influencer_id)


class Acts:
    """What people did that changes state, each at its own time (epoch s): applied at the boundary after it.
    `accepted`: partnership -> a new normal was accepted; `forgotten`: lower 32 bits of an actor's keyed hash
    -> they asked to be forgotten."""

    __slots__ = ("_by_key", "accepted", "forgotten")

    def __init__(self) -> None:
        self.accepted: dict[str, float] = {}
        self.forgotten: dict[int, float] = {}
        self._by_key: dict[str, str | int] = {}

    def put(self, key: str, control: Control | None) -> None:
        """Take in a record of control.v1, or that it was taken back (what was applied stays applied).
        Raises ValueError for an actor that is no hash."""
        old = self._by_key.pop(key, None)
        if isinstance(old, str):
            self.accepted.pop(old, None)
        elif old is not None:
            self.forgotten.pop(old, None)
        if control is None:
            return
        if control.kind == "accept_normal":
            self._by_key[key] = control.subject
            self.accepted[control.subject] = epoch(control.at)
        elif control.kind == "forget":
            actor = actor_of(control.subject)
            self._by_key[key] = actor
            self.forgotten[actor] = epoch(control.at)


def actor_of(name: str) -> int:
    """Lower 32 bits of an actor's keyed hash, from 8 or 16 hex digits. Raises ValueError."""
    if len(name) not in (8, 16) or not all(c in "0123456789abcdefABCDEF" for c in name):
        raise ValueError(f"{name!r} is no keyed hash of an actor: 8 or 16 hex digits, as alerts name them")
    return int(name, 16) & 0xFFFFFFFF


class Book:
    """Partnerships by influencer. `put` and `end` keep it current as records of partnerships.v1 come."""

    def __init__(self, partnerships: Iterable[Partnership] = ()) -> None:
        self.by_id: dict[str, Partnership] = {}
        self.version = 0
        self._by_influencer: dict[str, dict[str, Partnership]] = {}
        self._roles: dict[str, dict[str, str]] = {}
        self._explainers: dict[str, dict[str, Explainer]] = {}
        self._overrides: dict[str, dict[str, dict[str, Any]]] = {}  # partnership -> record -> rules
        #: Partnerships whose own `rules` cannot be used, and why; they are watched without them.
        self.refused: dict[str, list[str]] = {}
        self.acts = Acts()
        for partnership in partnerships:
            self.put(partnership)

    def put(self, partnership: Partnership) -> None:
        """Add or replace a partnership."""
        self.end(partnership.partnership_id)
        self.version += 1
        if partnership.rules and (wrong := faults(partnership.rules)):
            self.refused[partnership.partnership_id] = wrong
            partnership = partnership.model_copy(update={"rules": {}})
        self.by_id[partnership.partnership_id] = partnership
        self._by_influencer.setdefault(partnership.influencer_id, {})[partnership.partnership_id] = (
            partnership
        )
        self._roles.pop(partnership.influencer_id, None)

    def end(self, partnership_id: str) -> None:
        """A partnership has ended: it is scored no more."""
        self.refused.pop(partnership_id, None)
        old = self.by_id.pop(partnership_id, None)
        if old is None:
            return
        self.version += 1
        of_influencer = self._by_influencer[old.influencer_id]
        del of_influencer[partnership_id]
        if not of_influencer:
            del self._by_influencer[old.influencer_id]
        self._roles.pop(old.influencer_id, None)

    def control(self, key: str, control: Control | None) -> None:
        """Take in a record of control.v1: an explainer declared for one partnership, an accepted normal, an
        actor to forget, rules of its own, or the withdrawal of one. Raises ValueError for what cannot be
        acted on."""
        self.acts.put(key, control)
        for declared in self._explainers.values():
            declared.pop(key, None)
        for overriding in self._overrides.values():
            overriding.pop(key, None)
        if control is not None and control.kind == "explainer" and control.explainer is not None:
            self._explainers.setdefault(str(control.subject), {})[key] = control.explainer
        self.version += 1
        if control is not None and control.kind == "override" and control.rules is not None:
            if wrong := faults(control.rules):
                raise ValueError(f"no rules of its own for {control.subject}: {'; '.join(wrong)}")
            self._overrides.setdefault(str(control.subject), {})[key] = control.rules

    def watched(self) -> Iterable[str]:
        """Influencers with at least one partnership."""
        return self._by_influencer.keys()

    def of(self, influencer_id: str) -> tuple[Partnership, ...]:
        """Partnerships of an influencer, with declared explainers and overrides; empty when there is none."""
        found = self._by_influencer.get(influencer_id)
        if found is None:
            return ()
        if not self._explainers and not self._overrides:
            return tuple(found.values())
        return tuple(map(self._as_declared, found.values()))

    def _as_declared(self, partnership: Partnership) -> Partnership:
        """The partnership with what people declared: explainers, and rules that override its own."""
        pid = partnership.partnership_id
        update: dict[str, Any] = {}
        if declared := self._explainers.get(pid):
            update["explainers"] = [*partnership.explainers, *declared.values()]
        if overriding := self._overrides.get(pid):
            update["rules"] = {**partnership.rules, OVERRIDE: next(reversed(overriding.values()))}
        return partnership.model_copy(update=update) if update else partnership

    def roles(self, influencer_id: str) -> dict[str, str]:
        """Account id -> brand or employee, for the accounts that stand on the brand's side."""
        roles = self._roles.get(influencer_id)
        if roles is None:
            roles = self._roles[influencer_id] = {}
            for partnership in self._by_influencer.get(influencer_id, {}).values():
                roles.update((account, "brand") for account in partnership.brand_account_ids)
                roles.update((employee.account_id, "employee") for employee in partnership.employees)
        return roles


def epoch(day_or_time: datetime) -> float:
    """Epoch seconds of a time; one without an offset is taken as UTC."""
    return (day_or_time if day_or_time.tzinfo else day_or_time.replace(tzinfo=UTC)).timestamp()
