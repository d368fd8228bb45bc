"""Acts by hand, for ledgers without a folder."""

from __future__ import annotations

import datetime as dt
from typing import Any

from processors.decode import Actor, Event, Sponsored, Target
from processors.ledgers.base import Act
from processors.panes import DAY
from tests.processors.builders import NOW, partnership

PEOPLE = partnership(
    employees=[{"account_id": "emp1", "name": "E. One"}, {"account_id": "emp2"}],
    brand_account_ids=["acme"],
    brand_terms=["acme", "#acmeride"],
    contracts=[{"starts_on": "2026-10-01", "ends_on": "2026-12-31"}],
)
HASH = {"x:ann": 11, "emp1": 2**63 + 5, "emp2": 3, "acme": 4}
_ROLE = {"x:ann": "influencer", "emp1": "employee", "emp2": "employee", "acme": "brand"}


def act(kind: str, day: float, actor: str, other: str | None = None, **fields: Any) -> Act:
    """`actor`'s act `day` days after NOW, on `other`'s object."""
    at = NOW + day * DAY
    target = Target(f"t{day}", author_id=other) if other else None
    paid = Sponsored(label=True) if fields.get("paid") else None
    event = Event(
        f"{actor}{day}{kind}", "x", kind, dt.datetime.fromtimestamp(at, dt.UTC), "x:ann", Actor(actor),
        target=target, text=fields.get("text"), mentions=fields.get("mentions", []), sponsored=paid,
    )  # fmt: skip
    hash_ = HASH.get(actor, fields.get("hash", 99))
    return Act(
        event, kind, fields.get("op", "create"), at, _ROLE.get(actor, "audience"), hash_,
        factors=fields.get("factors", []), partnerships=(PEOPLE,), newest=fields.get("newest", at),
        undone_at=fields.get("undone_at"), other=HASH.get(other or "", 12345) if other else 0,
    )  # fmt: skip
