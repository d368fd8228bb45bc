"""What a detector sees at one boundary."""

from __future__ import annotations

from processors.reference import STRETCH
from processors.scores import Score
from processors.signals import evaluate
from processors.signals.inputs import Reference, SignalInput


class Look:
    """One partnership at one boundary: its input, and the scores, computed when first asked for."""

    __slots__ = ("_scores", "inp")

    def __init__(self, inp: SignalInput, scores: dict[str, Score] | None = None) -> None:
        self.inp = inp
        self._scores = scores

    @property
    def scores(self) -> dict[str, Score]:
        """Signals by name, and `health`."""
        if self._scores is None:
            health, signals = evaluate(self.inp)
            self._scores = {**signals, "health": health}
        return self._scores

    @property
    def reference(self) -> Reference | None:
        """The frozen reference; without one only threshold and event rules speak."""
        return self.inp.reference

    @property
    def measured_days(self) -> float:
        """Days since the influencer's first event."""
        return (self.inp.at - self.inp.first_event_at) / 86_400


#: Length of a reference in seconds, for those who compare with its days.
REFERENCE_S = STRETCH
