"""All detectors, in the order in which they are asked: authenticity first, since it inhibits audience fit and
connection; health last, since it is silent while one of its parts speaks.

A detector is a pure function of what is stored: it keeps nothing between two looks but its alert's state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import msgspec

from processors.detection.across import SUBJECT as ACROSS
from processors.detection.across import lockstep_across
from processors.detection.all_in import (
    SATURATED,
    STOPPED,
    STOPS,
    mentions_silence,
    mentions_stop,
    saturation,
    undisclosed,
    undisclosed_waits,
)
from processors.detection.bought_likes import DRIP as LIKES_DRIP
from processors.detection.bought_likes import LIKES, bought_likes, bought_likes_drip
from processors.detection.coaction import LOCKSTEP, POD, lockstep, pod
from processors.detection.coaction import RULE as COACTION_RULE
from processors.detection.comments import RULE as COMMENTS_RULE
from processors.detection.comments import SUBJECT as COMMENTS
from processors.detection.comments import bought_comments
from processors.detection.drift import SUBJECT as DRIFT
from processors.detection.drift import audience_drift
from processors.detection.drop import RULE as DROP
from processors.detection.drop import RULES as DROP_RULES
from processors.detection.drop import judge as judge_drop
from processors.detection.follower_leaks import CHURN, DRIP, bought_followers_drip, follower_churn
from processors.detection.follower_leaks import RULE as LEAK
from processors.detection.followers import RULE as JOINED_RULE
from processors.detection.followers import SUBJECT as JOINED
from processors.detection.followers import bought_followers
from processors.detection.leak_connection import SUBJECT as REPLY_LEAK
from processors.detection.leak_connection import reply_leak
from processors.detection.leak_quality import DECAY, FATIGUE, slow_decay, sponsored_fatigue
from processors.detection.lifecycle import FOR_S, KEEP_S
from processors.detection.look import Look
from processors.detection.relationship import broken_ties
from processors.detection.suspicious import RULE as THRESHOLD
from processors.detection.suspicious import SUBJECT as SUSPICIOUS
from processors.detection.suspicious import suspicious
from processors.detection.verdict import Verdict
from processors.ledgers.base import Ledger
from processors.panes import HOUR
from processors.signals.authenticity import NAME as AUTHENTICITY
from processors.signals.health import NAME as HEALTH

#: Between two looks of a detector whose increments are days, s of event time. While an alert is
#: pending every detector looks hourly.
DAILY: Final = 24 * HOUR
#: Of a detector over windows of a week: three hours move them by a fiftieth.
WINDOWED: Final = 3 * HOUR
#: Of a detector whose increments are posts.
BY_POST: Final = 6 * HOUR


class Detector(msgspec.Struct, frozen=True):
    """One cause, one detector: at most one alert at a time per partnership."""

    signal: str
    rule: str  # as the contract has it: drop, leak, threshold, silence
    subject: str  # name of the cause; "" for the signal's own drop
    judge: Callable[[Look], Verdict]
    every: int = HOUR  # s of event time between two looks, a multiple of 300
    for_s: int = FOR_S
    keep_s: int = KEEP_S

    @property
    def key(self) -> tuple[str, str, str]:
        """Names its alert within a partnership."""
        return self.signal, self.rule, self.subject


class EventDetector(msgspec.Struct, frozen=True):
    """Alerts about single things (a post, a tie): `judge` gives a verdict for each that is open or was just
    corrected, its `subject` naming it. One that is no longer named is resolved."""

    signal: str
    judge: Callable[[Look], Iterable[Verdict]]
    every: int = 300
    ledger: str = ""  # the ledger it reads: without that there is nothing to judge
    #: Whether that ledger holds anything to judge at a time (epoch s): asked before an input is made.
    waits: Callable[[Ledger, int], bool] = lambda ledger, at: True


def _drop(signal: str, look: Look) -> Verdict:
    score = look.scores[signal] if signal == HEALTH else look.score(signal)
    return judge_drop(signal, score, look.inp)


_DROPS: Final = {
    signal: Detector(signal, DROP, "", partial(_drop, signal), DAILY if signal == HEALTH else WINDOWED)
    for signal, _ in DROP_RULES
}

DETECTORS: Final[tuple[Detector, ...]] = (
    Detector(AUTHENTICITY, JOINED_RULE, JOINED, bought_followers, WINDOWED),
    Detector(AUTHENTICITY, LEAK, DRIP, bought_followers_drip, DAILY),
    Detector(AUTHENTICITY, LEAK, CHURN, follower_churn, DAILY),
    Detector(AUTHENTICITY, LEAK, LIKES, bought_likes, BY_POST),
    Detector(AUTHENTICITY, LEAK, LIKES_DRIP, bought_likes_drip, DAILY),
    Detector(AUTHENTICITY, THRESHOLD, SUSPICIOUS, suspicious, DAILY),
    Detector(AUTHENTICITY, COMMENTS_RULE, COMMENTS, bought_comments, WINDOWED),
    Detector(AUTHENTICITY, COACTION_RULE, POD, pod, BY_POST),
    Detector(AUTHENTICITY, COACTION_RULE, LOCKSTEP, lockstep, BY_POST),
    Detector(AUTHENTICITY, COACTION_RULE, ACROSS, lockstep_across, BY_POST),
    _DROPS["connection"],
    Detector("connection", "leak", REPLY_LEAK, reply_leak, DAILY),
    _DROPS["interaction_quality"],
    Detector("interaction_quality", LEAK, DECAY, slow_decay, DAILY),
    Detector("interaction_quality", LEAK, FATIGUE, sponsored_fatigue, DAILY),
    _DROPS["audience_fit"],
    Detector("audience_fit", "leak", DRIFT, audience_drift, DAILY),
    Detector("all_in", "silence", STOPS, mentions_silence, DAILY, 0),
    Detector("all_in", "silence", STOPPED, mentions_stop, DAILY, 0),
    Detector("all_in", LEAK, SATURATED, saturation, DAILY, 0),
    _DROPS["health"],
)

EVENTS: Final[tuple[EventDetector, ...]] = (
    EventDetector("relationship", broken_ties, DAILY, "ties"),
    EventDetector("all_in", undisclosed, 300, "brand", undisclosed_waits),
)
