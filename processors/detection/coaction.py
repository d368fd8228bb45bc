"""Authenticity: accounts that act together, again and again (pods, click farms).

    pod(look) -> Verdict            early: newcomers who come back together within half an hour of posts
    lockstep(look) -> Verdict       newcomers who like post after post at once, or without a word

Pure functions of the ledger `coaction`; what counts as a group is in processors/lockstep/within.
"""

from __future__ import annotations

from math import log10
from typing import Final

from processors.detection.explainers import declared
from processors.detection.look import Look
from processors.detection.verdict import Considered, Verdict
from processors.ledgers.coaction import Coaction
from processors.lockstep.within import FAN_EARLY, GROUP, Group

SIGNAL: Final = "authenticity"
RULE: Final = "threshold"
POD: Final = "pod"
LOCKSTEP: Final = "lockstep"
#: From so many members on, or with so large a share of the newest posts' acts, it is critical.
CRITICAL_MEMBERS: Final = 40
CRITICAL_SHARE: Final = 0.3
#: Acts of the audience that must have come since it was first seen.
NEEDED: Final = 5
_ADVICE: Final = (
    "Look at these accounts' comments together with the influencer and ask how they come to the posts; "
    "leave them out of what is paid for."
)


def pod(look: Look) -> Verdict:
    """Verdict on a group that hurries to each post."""
    return _judge(look, POD)


def lockstep(look: Look) -> Verdict:
    """Verdict on accounts that like together and say nothing."""
    return _judge(look, LOCKSTEP)


def _judge(look: Look, subject: str) -> Verdict:
    inp = look.inp
    ledger = inp.ledgers.get(Coaction.name)
    if not isinstance(ledger, Coaction) or not ledger.warm or look.reference is None:
        return _verdict(look, subject, measurable=False, reason="warming_up")
    found = [g for g in ledger.groups(inp.at) if (g.way == "early") is (subject == POD)]
    if not found:
        members = ledger.members(inp.at, lockstep=subject == LOCKSTEP)
        still = _still(ledger, inp.at, members) >= GROUP
        return _verdict(look, subject, reason="lingers" if still else "steady", recovered=not still)
    said = declared(inp, SIGNAL)
    if any(one.accepted for one in said):
        return _verdict(look, subject, reason="explained", explainers=said)
    return _found(look, ledger, subject, found[0], said)


def _still(ledger: Coaction, at: int, members: set[int]) -> int:
    """Members who were on two of the three newest posts."""
    newest = ledger.seen(at)[-3:]
    return sum(sum(a in post.acts for post in newest) >= 2 for a in members)


def _found(look: Look, ledger: Coaction, subject: str, group: Group, said: tuple[Considered, ...]) -> Verdict:
    at = look.inp.at
    members = set(group.members)
    newest = ledger.seen(at)[-group.posts :]
    acts = sum(len(post.acts) for post in newest)
    theirs = sum(len(members.intersection(post.acts)) for post in newest)
    share = theirs / acts if acts else 0.0
    rate = ledger.rate(at) if subject == LOCKSTEP else 1.0
    actors = round(len(members) / max(rate, 0.01))
    critical = actors >= CRITICAL_MEMBERS and share >= CRITICAL_SHARE
    since = [post for post in newest if len(members.intersection(post.acts)) >= 3]
    return _verdict(
        look,
        subject,
        breached=True,
        severity="critical" if critical else "warning",
        reason=group.way,
        effect=-share,
        z=min(40.0, max(0.0, -log10(max(group.p, 1e-40)))),
        n=float(acts),
        actors=actors,
        event_ids=_posts(look, [post.at for post in since]),
        explainers=(*_considered(group), *said),
        summary=_summary(group, actors),
        advice=_ADVICE,
        note=f"{theirs} of {acts} sampled acts on the newest {len(newest)} posts are theirs",
    )


def _posts(look: Look, times: list[int]) -> tuple[str, ...]:
    wanted = set(times)
    return tuple(post.event_id for post in look.inp.posts if post.at in wanted and post.event_id)[-5:]


def _summary(group: Group, actors: int) -> str:
    """What is seen, without an accusation."""
    if group.way == "early":
        what = (
            f"about {actors} accounts that were never seen before come back together, each time within "
            f"{group.span_s // 60} minutes of a post, on {group.posts} posts"
        )
    elif group.way == "at_once":
        what = (
            f"about {actors} new accounts like {group.posts} posts within the same {group.span_s // 60} "
            "minutes each time, and write next to nothing"
        )
    elif group.way == "again":
        what = (
            f"about {actors} new accounts come back on {group.posts} posts and write next to nothing: many "
            "more than usually come back"
        )
    else:
        what = (
            f"about {actors} new accounts come back on {group.posts} posts and write next to nothing; "
            f"{group.low:.0%} of their acts are of low credibility, far more than usual"
        )
    return f"Authenticity is affected by accounts that act together: {what}."


def _considered(group: Group) -> tuple[Considered, ...]:
    """What else could explain it, with the numbers that spoke against it."""
    fans = (
        f"{group.begin:.0%} of them began within three posts of each other, {group.new:.0%} of those who do "
        f"so are new; fans warm up one by one, and each is early on some {FAN_EARLY:.0%} of posts"
    )
    chance = f"{len(group.members)} in the sample where {group.expected:.1f} would be usual"
    traits = (
        f"{group.spoke:.0%} of them write, {group.low:.0%} of their acts are of low credibility; the "
        f"influencer acted on posts of {group.mutual} of them"
    )
    return (
        Considered("chance", False, chance),
        Considered("loyal_fans", False, fans),
        Considered("traits", False, traits),
    )


def _verdict(
    look: Look,
    subject: str,
    *,
    measurable: bool = True,
    breached: bool = False,
    recovered: bool = False,
    severity: str | None = None,
    reason: str,
    effect: float = 0.0,
    z: float = 0.0,
    n: float = 0.0,
    actors: int | None = None,
    event_ids: tuple[str, ...] = (),
    explainers: tuple[Considered, ...] = (),
    summary: str | None = None,
    advice: str | None = None,
    note: str | None = None,
) -> Verdict:
    return Verdict(
        signal=SIGNAL, rule=RULE, subject=subject, breached=breached, recovered=recovered, severity=severity,
        measurable=measurable, reason=reason, effect=effect, z=z, n=n, actors=actors, event_ids=event_ids,
        explainers=explainers, summary=summary, advice=advice, note=note,
        evidence_key=sum(look.inp.lifetime), evidence_needed=NEEDED,
    )  # fmt: skip
