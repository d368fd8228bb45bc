"""Alert states of one partnership under a set of rules, moved on at one boundary.

The live rules and, where there are any, shadow rules are two `Side`s of the same boundary: a detector judges
once, and each side shapes the verdict and keeps states of its own. Shadow states lie beside the live ones in
the influencer's hash, under an owner that no partnership's id begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from processors.detection.lifecycle import (
    FIRING,
    INACTIVE,
    PENDING,
    AlertState,
    Transition,
    advance,
    decode_state,
    encode_state,
    end,
    inhibited,
    muted,
)
from processors.detection.look import Look
from processors.detection.message import utc
from processors.detection.registry import DETECTORS, EVENTS, EventDetector
from processors.detection.verdict import Verdict, gone
from processors.influencer import Influencer
from processors.ledgers.base import Ledger
from processors.panes import HOUR
from processors.rules.book import Key, Rules
from processors.rules.custom import EVERY, judge_custom
from schemas import Partnership
from schemas.rules import EVENT, THRESHOLD

#: Before the partnership's id, where states of shadow rules are kept.
SHADOW: Final = "\x01"
LIVE, BESIDE = "live", "shadow"
#: Why an alert ends that nobody asks for any more.
DISABLED: Final = "rule_disabled"
_BUILT_IN: Final = frozenset(detector.key for detector in DETECTORS)
_SHOWN: Final = 4
Tell = Callable[["Side", Transition, Verdict, Look], None]


@dataclass(slots=True)
class Side:
    """One set of rules and the alert states under it, of one partnership."""

    name: str  # "live" or "shadow"
    owner: str
    rules: Rules
    states: dict[Key, AlertState]


def sides_of(inf: Influencer, pid: str, live: Rules, shadow: Rules | None) -> list[Side]:
    """The live side, and the shadow where there is one; what an earlier shadow left is forgotten."""
    sides = [Side(LIVE, pid, live, states_of(inf, pid))]
    beside = SHADOW + pid
    if shadow is not None:
        sides.append(Side(BESIDE, beside, shadow, states_of(inf, beside)))
    elif beside in inf.states or any(name.startswith(beside + "\0") for name in inf.alerts):
        forget(inf, beside)
    return sides


def states_of(inf: Influencer, owner: str) -> dict[Key, AlertState]:
    """Alert states by (signal, rule, subject): those that were ever touched."""
    states = inf.states.get(owner)
    if states is None:
        states = inf.states[owner] = {}
        for name, data in inf.alerts.items():
            whose, signal, rule, subject, *_ = *name.split("\0"), ""
            if whose == owner:
                states[signal, rule, subject] = decode_state(data)
    return states


def forget(inf: Influencer, owner: str) -> None:
    """The states under this owner are of no use any more."""
    inf.states.pop(owner, None)
    for name in [name for name in inf.alerts if name.startswith(owner + "\0")]:
        del inf.alerts[name]
        inf.mark(f"al:{name}")


def firing(inf: Influencer) -> int:
    """How many alerts of the influencer's partnerships fire; shadows do not count."""
    return sum(
        state.state == FIRING
        for owner, states in inf.states.items()
        if not owner.startswith(SHADOW)
        for state in states.values()
    )


def firing_of(inf: Influencer, pid: str) -> int:
    """How many alerts of one partnership fire, under the live rules."""
    return sum(state.state == FIRING for state in inf.states.get(pid, {}).values())


class Round:
    """One boundary of one partnership: every rule asked, every alert moved on. `quiet`: nothing comes from
    the influencer's source, whose silence is told as one alert of operations."""

    def __init__(
        self, inf: Influencer, look: Look, at: int, sides: list[Side], quiet: bool, tell: Tell
    ) -> None:
        self.inf, self.look, self.at, self.sides = inf, look, at, sides
        self._quiet, self._tell = quiet, tell

    def run(self) -> None:
        """Ask detectors, then limits that people set, then what speaks of single things."""
        at = self.at
        for detector in DETECTORS:
            regular = not at % detector.every
            if not regular and at % HOUR:
                continue
            key = detector.key
            asked = [side for side in self.sides if self._asked(side, key, regular)]
            if not asked:
                continue
            verdict = detector.judge(self.look)
            for side in asked:
                setting = side.rules.of(key)
                self._advance(
                    side, key, self._heard(side, setting.shape(verdict), detector.signal),
                    detector.for_s if setting.for_s is None else setting.for_s,
                    detector.keep_s if setting.keep_s is None else setting.keep_s,
                )  # fmt: skip
        if not at % EVERY:
            self._customs()
        for events in EVENTS:
            ledger = self.inf.ledgers.get(events.ledger)
            if at % events.every or ledger is None or (self._quiet and events.signal == "relationship"):
                continue
            self._events(events, ledger)

    def _asked(self, side: Side, key: Key, regular: bool) -> bool:
        """Whether a side wants a verdict: at the detector's pace, and hourly while its alert is pending."""
        state = side.states.get(key)
        if not side.rules.of(key).enabled:
            if state is not None and state.state != INACTIVE:
                self._end(side, key, state)
            return False
        return regular or (state is not None and state.state == PENDING)

    def _heard(self, side: Side, verdict: Verdict, signal: str) -> Verdict:
        if inhibited(signal, side.states.values()) or (self._quiet and signal != "authenticity"):
            return muted(verdict)
        return verdict

    def _customs(self) -> None:
        judged: dict[tuple[str, Any], Verdict] = {}
        for side in self.sides:
            wanted: set[Key] = set()
            for name, rule in side.rules.custom:
                key = (rule.signal or "", THRESHOLD, name)
                wanted.add(key)
                verdict = judged.get((name, rule))
                if verdict is None:
                    verdict = judged[name, rule] = judge_custom(name, rule, self.look)
                self._advance(side, key, self._heard(side, verdict, key[0]), rule.for_, rule.keep_firing_for)
            for key in [key for key in side.states if key not in _BUILT_IN and key[1] != EVENT]:
                if key not in wanted:
                    self._end(side, key, side.states[key], forget=True)

    def _events(self, events: EventDetector, ledger: Ledger) -> None:
        at, signal = self.at, events.signal
        waits = None
        verdicts: Iterable[Verdict] | None = None
        for side in self.sides:
            open_ = [key for key in side.states if key[0] == signal and key[1] == EVENT]
            setting = side.rules.of((signal, EVENT, ""))
            if not setting.enabled:
                for key in open_:
                    self._end(side, key, side.states[key], forget=True)
                continue
            if not open_:
                waits = events.waits(ledger, at) if waits is None else waits
                if not waits:
                    continue
            verdicts = tuple(events.judge(self.look)) if verdicts is None else verdicts
            named = set()
            for verdict in verdicts:
                named.add(verdict.subject)
                self._advance(side, (signal, EVENT, verdict.subject), setting.shape(verdict), 0, 0)
            for key in open_:
                if key[2] not in named:
                    self._advance(side, key, gone(*key), 0, 0)

    def _advance(self, side: Side, key: Key, verdict: Verdict, for_s: int, keep_s: int) -> None:
        """Move one alert on, keep its state where it changed, and have told what is to be told."""
        state = side.states.get(key) or AlertState.new(self._pid(side), *key)
        new, transitions = advance(state, verdict, self.at, for_s=for_s, keep_s=keep_s)
        # Of a single thing that is over, nothing is to be remembered.
        self._keep(side, key, state, new, forget=new.state == INACTIVE and key[1] == EVENT)
        for transition in transitions:
            self._tell(side, transition, verdict, self.look)

    def _end(self, side: Side, key: Key, state: AlertState, *, forget: bool = False) -> None:
        """An alert whose rule is no longer asked for."""
        new, transitions = end(state, self.at, DISABLED)
        self._keep(side, key, state, new, forget=forget and new.state == INACTIVE)
        for transition in transitions:
            self._tell(side, transition, gone(*key), self.look)

    def _keep(self, side: Side, key: Key, state: AlertState, new: AlertState, *, forget: bool) -> None:
        inf = self.inf
        name = "\0".join((side.owner, *key)).rstrip("\0")
        if forget:
            side.states.pop(key, None)
            if inf.alerts.pop(name, None) is not None:
                inf.mark(f"al:{name}")
        else:
            side.states[key] = new
            if msgspec.structs.replace(new, last_at=state.last_at) != state:
                inf.alerts[name] = encode_state(new)
                inf.mark(f"al:{name}")

    def _pid(self, side: Side) -> str:
        return side.owner.removeprefix(SHADOW)


def compared(
    side: Side, transition: Transition, verdict: Verdict, partnership: Partnership
) -> dict[str, Any]:
    """What is kept of a transition for comparing live with shadow: short, since it is only compared."""
    value = verdict.value
    return {
        "set": side.name,
        "transition_id": transition.transition_id,
        "alert_id": transition.alert_id,
        "fingerprint": transition.fingerprint,
        "partnership_id": partnership.partnership_id,
        "influencer_id": partnership.influencer_id,
        "brand_id": partnership.brand_id,
        "signal": verdict.signal,
        "rule": verdict.rule,
        "subject": verdict.subject or None,
        "state": transition.state,
        "previous_state": transition.previous_state,
        "severity": transition.severity,
        "started_at": utc(transition.started_at),
        "at": utc(transition.at),
        "reason": transition.reason,
        "value": None if value is None else round(value, 1),
        "effect": round(transition.worst, _SHOWN),
    }
