"""Signals: how a partnership stands, each a pure function of one `SignalInput`.

    SIGNALS: dict[str, Callable[[SignalInput], Score]]          in the order in which readings show them
    evaluate(inp: SignalInput) -> tuple[Score, dict[str, Score]]    (health, signals by name)

A further signal is one more function in the registry (and its weight, which health already knows).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from processors.scores import Score
from processors.signals.all_in import all_in
from processors.signals.authenticity import authenticity
from processors.signals.connection import connection
from processors.signals.fit import audience_fit
from processors.signals.health import health
from processors.signals.inputs import SignalInput
from processors.signals.quality import interaction_quality
from processors.signals.relationship import relationship

SIGNALS: Final[dict[str, Callable[[SignalInput], Score]]] = {
    "interaction_quality": interaction_quality,
    "audience_fit": audience_fit,
    "authenticity": authenticity,
    "connection": connection,
    "all_in": all_in,
    "relationship": relationship,
}


#: Signals over weeks and months, dear to compute: readings carry them on within one hour of event time.
HOURLY: Final = ("authenticity", "relationship", "all_in")


def evaluate(inp: SignalInput) -> tuple[Score, dict[str, Score]]:
    """Partnership health and all signals at one boundary."""
    signals = {name: signal(inp) for name, signal in SIGNALS.items()}
    return health(signals), signals


__all__ = ["HOURLY", "SIGNALS", "evaluate"]
