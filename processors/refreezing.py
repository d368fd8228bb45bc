"""The input of a partnership at one boundary, with the reference that holds then.

    with_reference(inf, partnership, at, accepted, snapshot) -> SignalInput
    warming_up(inp, inf) -> str | None       why there is no reference yet, for people

A reference is frozen when one is due (processors/reference), looked at once a day; frozen anew when a person
accepted a new normal, at the first boundary after that act, from the 28 days before the act's day; and
dropped when it was frozen under another method version: what the method measured before is not compared with
what it measures now, so 28 days under the new version come first, and nothing rings meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from processors import scores
from processors.influencer import Influencer
from processors.panes import DAY
from processors.readings import rfc3339
from processors.reference import DAYS, KEPT_AFTER, due, freeze
from processors.signals.inputs import Reference, SignalInput
from processors.snapshot import Snapshot
from processors.windows import signal_input
from schemas import Partnership

#: In `meta.freeze_tried`, beside the day of the last try by partnership: when the method changed (epoch s),
#: and the day of the last try for an accepted normal.
_SINCE: Final = "\0since"
_ACCEPTED: Final = "\0accepted"


def with_reference(
    inf: Influencer,
    partnership: Partnership,
    at: int,
    accepted: float = 0.0,
    snapshot: Snapshot | None = None,
) -> SignalInput:
    """The input at boundary `at`. `accepted`: when a person accepted a new normal (epoch s; 0: never)."""
    pid, day, meta = partnership.partnership_id, at // DAY, inf.meta
    held = inf.references.get(pid)
    if held is not None and held.method != scores.METHOD_VERSION:
        del inf.references[pid]
        meta.freeze_tried[pid + _SINCE] = at
        inf.mark(f"ref:{pid}")
        held = None
    inp = _since(inf, signal_input(inf, partnership, at, snapshot=snapshot), pid)
    wanted = accepted and accepted <= at and (held is None or held.frozen_at < accepted)
    if wanted and meta.freeze_tried.get(pid + _ACCEPTED, -1) < day:
        meta.freeze_tried[pid + _ACCEPTED] = day
        ends = int(accepted) if at - accepted <= KEPT_AFTER else at
        if pid + _SINCE not in meta.freeze_tried:  # else the days before were measured by another method
            inp = _keep(inf, inp, pid, freeze(inp, ends=ends))
    if meta.freeze_tried.get(pid, -1) < day:
        meta.freeze_tried[pid] = day
        if due(inp):
            inp = _keep(inf, inp, pid, freeze(inp))
    return inp


def _since(inf: Influencer, inp: SignalInput, pid: str) -> SignalInput:
    """Days before a change of the method are not measured days, as long as there is no new reference."""
    since = inf.meta.freeze_tried.get(pid + _SINCE)
    if since is None:
        return inp
    return replace(inp, first_event_at=max(inp.first_event_at, -(-since // DAY) * DAY))


def _keep(inf: Influencer, inp: SignalInput, pid: str, made: Reference | None) -> SignalInput:
    if made is None:
        return inp
    inf.references[pid] = made
    inf.meta.freeze_tried.pop(pid + _SINCE, None)
    inf.mark(f"ref:{pid}")
    inf.cache.pop("reference_days", None)
    return replace(inp, reference=made)


def warming_up(inf: Influencer, inp: SignalInput) -> str | None:
    """Why nothing is compared with a reference yet; None where it is."""
    if inp.reference is not None:
        return None
    since = inf.meta.freeze_tried.get(inp.partnership.partnership_id + _SINCE)
    days = max(0, inp.at // DAY - max(inp.first_event_at, since or 0) // DAY)
    if since is not None:
        return (
            f"the method changed to version {scores.METHOD_VERSION} on {rfc3339(since)[:10]}: {days} of the "
            f"{DAYS} days that a new reference needs have passed"
        )
    return f"{min(days, DAYS)} of the {DAYS} days that a reference needs have been measured"
