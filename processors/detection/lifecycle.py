"""Life cycle of an alert: inactive, pending, firing, no_data, resolved. Pure, in event time.

    AlertState.new(partnership_id: str, signal: str, rule: str) -> AlertState
    advance(state: AlertState, verdict: Verdict, at: int) -> tuple[AlertState, tuple[Transition, ...]]
    end(state: AlertState, at: int, reason: str) -> tuple[AlertState, tuple[Transition, ...]]
    inhibited(signal: str, states: Iterable[AlertState]) -> bool        muted(verdict: Verdict) -> Verdict
    encode_state(state: AlertState) -> bytes        decode_state(data: bytes) -> AlertState

    inactive --breached--> pending --FOR_S and new evidence--> firing --recovered for KEEP_S--> resolved
    pending --no longer breached, or not measurable--> resolved, reason "not_confirmed" (back to inactive)
    firing --not measurable for HOLD_S--> no_data --measurable--> firing, or recovered for KEEP_S --> resolved
    firing --severity rises--> firing (a transition of the same alert; severity never falls within one)

The words are Prometheus's (`for`, `keep_firing_for`). A boundary that was judged already (`at` not after the
last) changes nothing, so that a replayed or repeated boundary never speaks twice. Ids are hashes of what they
name and of event time only: a replay gives the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from processors.detection.verdict import Verdict
from processors.panes import DAY, HOUR

INACTIVE: Final = "inactive"
PENDING: Final = "pending"
FIRING: Final = "firing"
RESOLVED: Final = "resolved"
NO_DATA: Final = "no_data"

FOR_S: Final = 600
KEEP_S: Final = HOUR
#: Not measurable for so long turns a firing alert to no_data: one quiet hour says nothing yet.
HOLD_S: Final = HOUR
#: After so long without data the alert is closed: nobody waits for it any more.
GIVE_UP_S: Final = 28 * DAY

_RANK: Final = {"": 0, "info": 1, "warning": 2, "critical": 3}


def _hash(*parts: object) -> str:
    """16 hex digits of blake2b over the parts."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def fingerprint(partnership_id: str, signal: str, rule: str, subject: str = "") -> str:
    """Names one alert for ever: partnership, signal, rule, and the subject where there is one."""
    return _hash(partnership_id, signal, rule, subject) if subject else _hash(partnership_id, signal, rule)


def ended_id(fingerprint_: str, alert_id: str) -> str:
    """Transition id of an alert that is resolved because its partnership has ended."""
    return _hash(fingerprint_, alert_id, "partnership_ended")


class AlertState(msgspec.Struct, frozen=True, array_like=True):
    """Where one (partnership, signal, rule) stands. Times are epoch s of event time, 0: not set."""

    fingerprint: str
    signal: str
    state: str = INACTIVE
    severity: str = ""
    started_at: int = 0  # start of pending
    fired_at: int = 0
    evidence: int = 0  # the evidence key at the start of pending
    worst: float = 0.0  # most negative effect since then
    calm_since: int = 0  # recovered since
    blind_since: int = 0  # not measurable since
    last_at: int = 0  # newest boundary judged

    @classmethod
    def new(cls, partnership_id: str, signal: str, rule: str, subject: str = "") -> AlertState:
        """Inactive, never judged."""
        return cls(fingerprint(partnership_id, signal, rule, subject), signal)

    @property
    def alert_id(self) -> str:
        """Names one episode: from pending to resolved."""
        return _hash(self.fingerprint, self.started_at)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one alert. `at`: the evaluation boundary, epoch s of event time."""

    transition_id: str
    alert_id: str
    fingerprint: str
    signal: str
    state: str
    previous_state: str
    severity: str
    started_at: int
    at: int
    resolved_at: int | None
    reason: str
    worst: float


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AlertState).decode


def encode_state(state: AlertState) -> bytes:
    """As msgpack, some 60 bytes."""
    return _encode(state)


def decode_state(data: bytes) -> AlertState:
    """Back from state. Raises msgspec.DecodeError or msgspec.ValidationError."""
    return _decode(data)


def inhibited(signal: str, states: Iterable[AlertState]) -> bool:
    """Whether `signal` must not speak now, given the partnership's states: health never does while one of its
    parts is pending or firing; a firing authenticity inhibits fit and connection (bots shift both)."""
    if signal == "health":
        return any(s.signal != "health" and s.state in (PENDING, FIRING) for s in states)
    if signal in ("audience_fit", "connection"):
        return any(s.signal == "authenticity" and s.state == FIRING for s in states)
    return False


def muted(verdict: Verdict) -> Verdict:
    """The verdict of an inhibited signal: it breaches nothing, so no alert starts and a pending one goes; one
    that fires already goes on until it recovers."""
    return replace(verdict, breached=False, severity=None, reason="inhibited")


def advance(
    state: AlertState, verdict: Verdict, at: int, *, for_s: int = FOR_S, keep_s: int = KEEP_S
) -> tuple[AlertState, tuple[Transition, ...]]:
    """The state after a verdict at boundary `at`, and the transitions to tell: none or one, two where
    `for_s` is 0 (pending and firing at once).

    For an inhibited signal the caller hands in `muted(verdict)`."""
    if at <= state.last_at:
        return state, ()
    if state.state == PENDING:
        new, why = _pending(state, verdict, at, for_s)
    elif state.state == FIRING:
        new, why = _firing(state, verdict, at, keep_s)
    elif state.state == NO_DATA:
        new, why = _no_data(state, verdict, at, keep_s)
    else:
        new, why = _inactive(state, verdict, at)
        if new.state == PENDING and not for_s and not verdict.evidence_needed:
            fired, _ = _pending(new, verdict, at, for_s)
            fired = replace(fired, last_at=at)
            return fired, (_transition(state, new, why, at), _transition(new, fired, why, at))
    new = replace(new, last_at=at)
    if not why:
        return new, ()
    return new, (_transition(state, new, why, at),)


def end(state: AlertState, at: int, reason: str) -> tuple[AlertState, tuple[Transition, ...]]:
    """The state after its rule is not asked for any more: an open alert is resolved at once, with this
    reason. As with `advance`, a boundary that was judged already changes nothing."""
    if at <= state.last_at:
        return state, ()
    new = replace(_calm(state), last_at=at)
    if state.state == INACTIVE:
        return new, ()
    return new, (_transition(state, new, reason, at),)


def _transition(old: AlertState, new: AlertState, why: str, at: int) -> Transition:
    told = RESOLVED if new.state == INACTIVE else new.state
    episode = old if new.state == INACTIVE else new
    return Transition(
        transition_id=_hash(new.fingerprint, at, told, episode.severity),
        alert_id=episode.alert_id,
        fingerprint=new.fingerprint,
        signal=new.signal,
        state=told,
        previous_state=old.state,
        severity=episode.severity,
        started_at=episode.started_at,
        at=at,
        resolved_at=at if told == RESOLVED else None,
        reason=why,
        worst=episode.worst,
    )


def _calm(state: AlertState) -> AlertState:
    """Inactive again, remembering only who it is."""
    return AlertState(state.fingerprint, state.signal)


def _inactive(state: AlertState, verdict: Verdict, at: int) -> tuple[AlertState, str]:
    if not (verdict.breached and verdict.measurable):
        return state, ""
    return replace(
        state, state=PENDING, severity=verdict.severity or "warning", started_at=at,
        evidence=verdict.evidence_key, worst=verdict.effect,
    ), verdict.reason  # fmt: skip


def _pending(state: AlertState, verdict: Verdict, at: int, for_s: int) -> tuple[AlertState, str]:
    if not (verdict.breached and verdict.measurable):
        return _calm(state), "not_confirmed"
    state = _worse(state, verdict)
    fresh = verdict.evidence_key - state.evidence
    if at - state.started_at < for_s or fresh < verdict.evidence_needed:
        return state, ""
    severity = verdict.severity or state.severity
    return replace(state, state=FIRING, severity=severity, fired_at=at), verdict.reason


def _worse(state: AlertState, verdict: Verdict) -> AlertState:
    if verdict.effect < state.worst:
        return replace(state, worst=verdict.effect)
    return state


def _back(state: AlertState, verdict: Verdict) -> bool:
    """Recovered: no longer breached, and at most half of the worst drop is left."""
    return not verdict.breached and (verdict.recovered or verdict.effect >= state.worst / 2)


def _firing(state: AlertState, verdict: Verdict, at: int, keep_s: int) -> tuple[AlertState, str]:
    if not verdict.measurable:
        since = state.blind_since or at
        state = replace(state, blind_since=since, calm_since=0)
        if at - since >= HOLD_S:
            return replace(state, state=NO_DATA), verdict.reason
        return state, ""
    state = replace(_worse(state, verdict), blind_since=0)
    if _back(state, verdict):
        return _recovering(state, at, keep_s)
    state = replace(state, calm_since=0)
    severity = verdict.severity or ""
    if verdict.breached and _RANK[severity] > _RANK[state.severity]:
        return replace(state, severity=severity), "severity"
    return state, ""


def _recovering(state: AlertState, at: int, keep_s: int) -> tuple[AlertState, str]:
    since = state.calm_since or at
    if at - since >= keep_s:
        return _calm(state), "recovered"
    return replace(state, calm_since=since), ""


def _no_data(state: AlertState, verdict: Verdict, at: int, keep_s: int) -> tuple[AlertState, str]:
    if not verdict.measurable:
        if at - state.blind_since >= GIVE_UP_S:
            return _calm(state), "no_data_for_long"
        return replace(state, calm_since=0), ""
    state = _worse(state, verdict)
    if _back(state, verdict):
        return _recovering(state, at, keep_s)
    return replace(state, state=FIRING, blind_since=0, calm_since=0), "measurable_again"
