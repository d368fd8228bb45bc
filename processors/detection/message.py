"""What an alert says: the contract's record of one transition, in plain words.

    build(transition: Transition, verdict: Verdict, inp: SignalInput, *, event_ids: Sequence[str] = (),
          actors: int | None = None, links: Mapping[str, str] | None = None,
          snapshot_id: str | None = None) -> dict[str, Any]

JSON-ready, as `schemas.Alert` has it. The wording says what the partnership is affected by and never accuses
anyone: a number can't know who did what.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from processors.detection.lifecycle import FIRING, NO_DATA, PENDING, Transition
from processors.detection.verdict import CausePart, Verdict
from processors.detection.words import DROPS, LABEL, Cause, cause_of, spoken
from processors.scores import METHOD_VERSION
from processors.signals.inputs import SignalInput

#: Actors named in an alert.
ACTORS: Final = 50
WINDOW: Final = {"H1": "1 hour", "D1": "a day", "D7": "7 days", "D28": "28 days", "D90": "90 days"}
#: Per cause: what is seen, in words.
SEEN: Final = {
    "overdue": "the person who carried it has not been in touch for long",
    "reply_rate": "comments are answered less often than before",
    "answer_gap": "no comment has been answered any more",
    "genuineness": "it is affected by accounts of low credibility among those who like and comment",
    "depth": "there are fewer comments, shares and saves for every like",
    "quality_rate": "posts draw fewer interactions per follower",
    "country": "fewer of the engaged people come from the countries aimed at",
    "lang": "fewer of the engaged people speak the languages aimed at",
    "topics": "fewer of the engaged people share the topics aimed at",
    "age_band": "fewer of the engaged people are of the ages aimed at",
    "segment": "fewer of the engaged people belong to the segments aimed at",
    "interaction_quality": "posts draw weaker interaction",
    "authenticity": "it is affected by more acts of low credibility",
    "all_in": "the brand is named less, or for payment only",
    "relationship": "the brand's people and the influencer are less in touch",
    "audience_fit": "the engaged audience has moved away from the one aimed at",
    "connection": "comments are answered less often than before",
}
#: Per part: what usually helps, where it is more than what the signal's own words say.
HELPS: Final = {
    "genuineness": DROPS["authenticity"],
    "depth": "Agree on a post that asks the audience something, and look at which format lost its talk.",
    "reply_rate": DROPS["connection"],
    "answer_gap": DROPS["connection"],
    "connection": DROPS["connection"],
}
_ENDED: Final = {
    "not_confirmed": "was not confirmed by new evidence",
    "recovered": "has recovered",
    "no_data_for_long": "could not be measured for 28 days; the alert is closed",
}
#: What breaks off rather than slips.
_TIES: Final = frozenset({"connection", "relationship"})
_BLIND: Final = {
    "posting_pause": "the influencer posts nothing at present",
    "away": "the influencer seems to be away",
    "warming_up": "its reference is missing",
    "too_few_actors": "too few people take part",
}


def utc(epoch: int) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return dt.datetime.fromtimestamp(epoch, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _almost_gone(cause: CausePart) -> bool:
    return cause.before > 0 and cause.after / cause.before < 0.25


def _reason_words(verdict: Verdict) -> str:
    """The strongest causes in words; empty if none is known."""
    words = []
    for cause in verdict.cause[:2]:
        if cause.part == "answer_gap" and verdict.note:
            words.append(verdict.note)
        elif cause.part == "reply_rate" and _almost_gone(cause):
            words.append("comments are hardly answered any more")
        elif text := SEEN.get(cause.part):
            words.append(text)
    return "; ".join(dict.fromkeys(words))


def summary(transition: Transition, verdict: Verdict) -> str:
    """One sentence: what slipped, from what to what, in which time, and why."""
    label = LABEL.get(verdict.signal) or spoken(verdict.signal).capitalize()
    value, base = verdict.value, verdict.baseline
    cause = cause_of(verdict.subject, verdict.rule, verdict.signal)
    if transition.state == NO_DATA:
        return f"{label} can't be measured at present: {_BLIND.get(verdict.reason, 'too little data')}."
    if transition.state not in (PENDING, FIRING):
        if cause is not None:
            return _cause_ended(cause, transition.reason)
        now = (
            f": {value:.0f} now, {base:.0f} in the reference"
            if value is not None and base is not None
            else ""
        )
        return f"{label} {_ENDED.get(transition.reason, 'has ended')}{now}."
    if cause is not None and (value is None or base is None):
        return f"{cause.seen}."
    why = _reason_words(verdict)
    tail = f": {why}." if why else "."
    if value is None or base is None or round(value) >= round(base):
        return f"{label} is {'breaking off' if verdict.signal in _TIES else 'slipping'}{tail}"
    if verdict.reason == "answer_gap":
        # Silence is seen before it has pulled a week's level down: say what is seen first.
        verb = "seems to break off" if transition.state == PENDING else "is breaking off"
        return (
            f"{label} {verb}: {_reason_words(verdict)}. Over 7 days it stands at {value:.0f} of 100 so far, "
            f"{base:.0f} before."
        )
    within = WINDOW.get(verdict.window or "", "the window")
    verb = "seems to have fallen" if transition.state == PENDING else "fell"
    return f"{label} {verb} from {base:.0f} to {value:.0f} in {within}{tail}"


def _cause_ended(cause: Cause, reason: str) -> str:
    title = cause.title[:1].upper() + cause.title[1:]
    if reason in ("recovered", "over"):
        return f"{cause.over}."
    if reason == "not_confirmed":
        return f"{title}: new evidence did not confirm this."
    if reason == "no_data_for_long":
        return f"{title}: this could not be measured for 28 days; the alert is closed."
    return f"{title}: this has ended."


def advice(verdict: Verdict) -> str:
    """What usually helps against the cause, or against the strongest part of a drop."""
    cause = cause_of(verdict.subject, verdict.rule, verdict.signal)
    if cause is not None:
        return cause.helps
    part = verdict.cause[0].part if verdict.cause and verdict.signal != "health" else ""
    return HELPS.get(part) or DROPS.get(verdict.signal) or DROPS["health"]


def actor_names(hashes: Iterable[int]) -> list[str]:
    """Keyed hashes of actors as alerts name them: 8 hex digits, at most ACTORS, in order."""
    return [f"{hash_:08x}" for hash_ in sorted({hash_ & 0xFFFFFFFF for hash_ in hashes})[:ACTORS]]


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def build(
    transition: Transition,
    verdict: Verdict,
    inp: SignalInput,
    *,
    event_ids: Sequence[str] = (),
    actors: int | None = None,
    links: Mapping[str, str] | None = None,
    snapshot_id: str | None = None,
) -> dict[str, Any]:
    """The alert record of `transition`, whose boundary `verdict` and `inp` belong to."""
    partnership = inp.partnership
    told = transition.state in (PENDING, FIRING)
    return {
        "alert_id": transition.alert_id,
        "transition_id": transition.transition_id,
        "fingerprint": transition.fingerprint,
        "partnership_id": partnership.partnership_id,
        "influencer_id": partnership.influencer_id,
        "brand_id": partnership.brand_id,
        "signal": verdict.signal,
        "subject": verdict.subject or None,
        "rule": verdict.rule,
        "state": transition.state,
        "previous_state": transition.previous_state,
        "severity": transition.severity,
        "started_at": utc(transition.started_at),
        "at": utc(transition.at),
        "resolved_at": None if transition.resolved_at is None else utc(transition.resolved_at),
        "reason": transition.reason,
        "window": verdict.window,
        "snapshot_id": snapshot_id,
        "value": _rounded(verdict.value, 2),
        "baseline": _rounded(verdict.baseline, 2),
        "change": _rounded(verdict.change),
        "n": round(verdict.n, 1),
        "lo": _rounded(verdict.lo, 2),
        "hi": _rounded(verdict.hi, 2),
        "cause": [
            {
                "part": c.part,
                "before": _rounded(c.before),
                "after": _rounded(c.after),
                "pull": _rounded(c.pull),
            }
            for c in verdict.cause
        ],
        "evidence": {
            "event_ids": list(verdict.event_ids or event_ids),
            "actors": actors if verdict.actors is None else verdict.actors,
        }
        | ({"actor_ids": names} if told and (names := actor_names(verdict.actor_ids)) else {}),
        "explainers": [
            {"kind": e.kind, "considered": True, "accepted": e.accepted, "why": e.why}
            for e in verdict.explainers
        ],
        "summary": (told and verdict.summary) or summary(transition, verdict),
        "advice": (verdict.advice or advice(verdict)) if told else None,
        "links": dict(links or {}),
        "method_version": METHOD_VERSION,
    }
