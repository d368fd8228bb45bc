"""The book: who is watched and against what, with people's acts that change scoring. Whole in every
worker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

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


class Book:
    """Partnerships by influencer. `put` and `end` keep it current as records of partnerships.v1 come."""

    def __init__(self, partnerships: Iterable[Partnership] = ()) -> None:
        self.by_id: dict[str, Partnership] = {}
        self.version = 0
        self._by_influencer: dict[str, dict[str, Partnership]] = {}
        self._roles: dict[str, dict[str, str]] = {}
        self._explainers: dict[str, dict[str, Explainer]] = {}
        for partnership in partnerships:
            self.put(partnership)

    def put(self, partnership: Partnership) -> None:
        """Add or replace a partnership."""
        self.end(partnership.partnership_id)
        self.version += 1
        self.by_id[partnership.partnership_id] = partnership
        self._by_influencer.setdefault(partnership.influencer_id, {})[partnership.partnership_id] = (
            partnership
        )
        self._roles.pop(partnership.influencer_id, None)

    def end(self, partnership_id: str) -> None:
        """A partnership has ended: it is scored no more."""
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
        """Take in a record of control.v1: an explainer declared for one partnership, or its withdrawal."""
        for declared in self._explainers.values():
            declared.pop(key, None)
        if control is not None and control.kind == "explainer" and control.explainer is not None:
            self._explainers.setdefault(str(control.subject), {})[key] = control.explainer
        self.version += 1

    def watched(self) -> Iterable[str]:
        """Influencers with at least one partnership."""
        return self._by_influencer.keys()

    def of(self, influencer_id: str) -> tuple[Partnership, ...]:
        """Partnerships of an influencer, with declared explainers; empty when there is none."""
        found = self._by_influencer.get(influencer_id)
        if found is None:
            return ()
        if not self._explainers:
            return tuple(found.values())
        return tuple(
            partnership.model_copy(
                update={"explainers": [*partnership.explainers,
                *self._explainers[partnership.partnership_id].values()]}
            )
            if partnership.partnership_id in self._explainers else partnership
            for partnership in found.values()
        )  # fmt: skip

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
