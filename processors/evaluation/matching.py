"""Which alerts found what: alerts of one influencer against the truth about them.

    match(alerts, truth) -> Matched

- An alert is true if its signal is one of the incident's and its time lies in [onset, onset + allowed
  delay]; one per incident. Alerts are taken in order of time, each for the open incident whose delay ends
  first, which finds as many incidents as can be found.
- Further alerts of one of its signals, or of one that may rightly move too, are repeats: inside [onset, end],
  and for its own signals up to the end of the allowed delay. After the allowed delay an incident is missed,
  which is not counted a second time as a false alert.
- Alerts of one influencer and signal within 24 h count as one.
- The rest are false. Those that fall into another incident of the influencer name a wrong signal.
- Health is not scored: it sums up the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from processors.evaluation.drive import Alert
from processors.evaluation.inputs import Truth

TRUE: Final = "true"
REPEAT: Final = "repeat"  # of an incident that was found, or after its allowed delay
ALSO: Final = "also"  # a signal that may rightly move too
FALSE: Final = "false"
UNSCORED: Final = "unscored"
MERGE_S: Final = 24 * 3_600
_UNSCORED: Final = frozenset({"health", "source"})


class Judged(msgspec.Struct):
    """An alert with its verdict."""

    alert: Alert
    verdict: str
    incident: Truth | None = None  # matched, or whose time it falls into
    wrong_signal: bool = False
    merged: bool = False  # with an earlier one of the same signal within 24 h


class Found(msgspec.Struct):
    """An incident with what found it."""

    truth: Truth
    alert: Alert | None = None

    @property
    def delay_s(self) -> float | None:
        return None if self.alert is None else self.alert.at - self.truth.onset


class Matched(msgspec.Struct):
    """Everything about one influencer."""

    judged: list[Judged]
    incidents: list[Found]
    negatives: list[tuple[Truth, bool]]  # and whether an alert fell into it


def match(alerts: Iterable[Alert], truth: Sequence[Truth]) -> Matched:
    """Judge one influencer's alerts, whatever their order."""
    incidents = [Found(line) for line in truth if not line.negative]
    judged = []
    for alert in sorted(alerts, key=lambda one: (one.at, one.signal, one.rule, one.subject)):
        judged.append(_judge(alert, incidents))
    _merge(judged)
    negatives = []
    for line in truth:
        if line.negative:
            hit = [j for j in judged if j.verdict == FALSE and line.onset <= j.alert.at <= line.last]
            for one in hit:
                one.incident = one.incident or line
            negatives.append((line, bool(hit)))
    return Matched(judged, incidents, negatives)


def _judge(alert: Alert, incidents: list[Found]) -> Judged:
    if alert.signal in _UNSCORED:
        return Judged(alert, UNSCORED)
    open_ = [
        found for found in incidents
        if found.alert is None and alert.signal in found.truth.signals
        and found.truth.onset <= alert.at <= found.truth.deadline
    ]  # fmt: skip
    if open_:
        best = min(open_, key=lambda found: (found.truth.deadline, found.truth.onset, found.truth.incident))
        best.alert = alert
        return Judged(alert, TRUE, best.truth)
    for found in incidents:
        truth = found.truth
        if alert.signal in truth.signals and truth.onset <= alert.at <= truth.last:
            return Judged(alert, REPEAT, truth)
    for found in incidents:
        truth = found.truth
        if alert.signal in truth.also and truth.onset <= alert.at <= truth.end:
            return Judged(alert, ALSO, truth)
    for found in incidents:
        truth = found.truth
        if truth.onset <= alert.at <= truth.last and alert.signal not in truth.also:
            return Judged(alert, FALSE, truth, wrong_signal=True)
    return Judged(alert, FALSE)


def _merge(judged: list[Judged]) -> None:
    """Mark what counts as one with an earlier alert. A true alert is never merged away: incidents may follow
    each other within a day."""
    begun: dict[str, float] = {}
    for one in judged:
        signal, at = one.alert.signal, one.alert.at
        since = begun.get(signal)
        if since is None or at > since + MERGE_S:
            begun[signal] = at
        elif one.verdict != TRUE:
            one.merged = True
