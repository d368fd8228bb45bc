"""Authenticity: accounts that act together on the posts of several influencers, again and again.

    lockstep_across(look) -> Verdict

Reads what was taken from the hourly snapshot (ledger `across`), whose id the alert names; what a group is
stands in processors/lockstep/across. Loyal fans of two influencers hurry to the posts of both, too: so most
of the group must never have been seen before on the posts that are held.
"""

from __future__ import annotations

from typing import Final

from processors.detection.coaction import NEEDED, RULE, SIGNAL
from processors.detection.explainers import declared
from processors.detection.look import Look
from processors.detection.verdict import Considered, Verdict
from processors.ledgers.across import Across, Taken
from processors.lockstep.across import SPAN_S, Found
from processors.panes import DAY

SUBJECT: Final = "lockstep_across"
#: Of a group's members so many must be newcomers, and its newest joint post so young.
NEW_SHARE: Final = 0.5
RECENT_S: Final = 14 * DAY
#: From so many sampled members on it is critical.
CRITICAL_MEMBERS: Final = 40
_ADVICE: Final = (
    "Compare these accounts with the other influencers concerned (`rapport compare` names shared audiences), "
    "and leave them out of what is paid for."
)


def lockstep_across(look: Look) -> Verdict:
    """Verdict on groups found across influencers."""
    inp = look.inp
    ledger = inp.ledgers.get(Across.name)
    taken = ledger.of(inp.at) if isinstance(ledger, Across) else None
    if taken is None or look.reference is None:
        return _verdict(look, reason="warming_up" if look.reference is None else "no_snapshot")
    found = [g for g in taken.groups if g.new >= NEW_SHARE and inp.at - RECENT_S < g.last <= inp.at]
    if not found:
        return _verdict(look, measurable=True, recovered=True, reason="steady")
    said = declared(inp, SIGNAL)
    if any(one.accepted for one in said):
        return _verdict(look, measurable=True, reason="explained", explainers=said)
    return _found(look, taken, found[0], said)


def _found(look: Look, taken: Taken, group: Found, said: tuple[Considered, ...]) -> Verdict:
    summary = (
        f"Authenticity is affected by accounts that act together: at least {group.size} accounts came within "
        f"{SPAN_S // 60} minutes of each other to {group.posts} posts of {len(group.influencers)} "
        f"influencers; {group.new:.0%} of them were never seen here before."
    )
    fans = (
        f"fans of several influencers were there before; {group.new:.0%} of these accounts are new, and some "
        f"two of them met on {group.times} posts"
    )
    return _verdict(
        look, measurable=True, breached=True,
        severity="critical" if group.size >= CRITICAL_MEMBERS else "warning",
        reason=SUBJECT, actors=group.size, actor_ids=group.members, snapshot_id=taken.snapshot_id,
        explainers=(Considered("loyal_fans", False, fans), *said), summary=summary, advice=_ADVICE,
    )  # fmt: skip


def _verdict(
    look: Look,
    *,
    reason: str,
    measurable: bool = False,
    breached: bool = False,
    recovered: bool = False,
    severity: str | None = None,
    actors: int | None = None,
    actor_ids: tuple[int, ...] = (),
    snapshot_id: str | None = None,
    explainers: tuple[Considered, ...] = (),
    summary: str | None = None,
    advice: str | None = None,
) -> Verdict:
    return Verdict(
        signal=SIGNAL, rule=RULE, subject=SUBJECT, breached=breached, recovered=recovered, severity=severity,
        measurable=measurable, reason=reason, effect=-1.0 if breached else 0.0, actors=actors,
        actor_ids=actor_ids, snapshot_id=snapshot_id, explainers=explainers, summary=summary, advice=advice,
        evidence_key=sum(look.inp.lifetime), evidence_needed=NEEDED,
    )  # fmt: skip
