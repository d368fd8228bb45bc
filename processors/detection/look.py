"""What a detector sees at one boundary."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from processors.scores import Score
from processors.signals import SIGNALS
from processors.signals.health import health as overall
from processors.signals.inputs import Reference, SignalInput
from processors.untold import explained


class Look:
    """One partnership at one boundary: its input and the scores, made when first asked for; `known`:
    scores of single signals that still hold."""

    __slots__ = ("_inp", "_make", "_scores", "_single")

    def __init__(
        self,
        inp: SignalInput | Callable[[], SignalInput],
        scores: dict[str, Score] | None = None,
        known: Mapping[str, Score] | None = None,
    ) -> None:
        self._inp: SignalInput | None = None if callable(inp) else inp
        self._make: Callable[[], SignalInput] | None = inp if callable(inp) else None
        self._scores = scores
        self._single: dict[str, Score] = dict(known) if known else {}

    @property
    def inp(self) -> SignalInput:
        """The signal's input."""
        inp = self._inp
        if inp is None:
            if self._make is None:
                raise ValueError("neither an input nor a way to make one")
            inp = self._inp = self._make()
        return inp

    @property
    def scores(self) -> dict[str, Score]:
        """Signals by name, and `health`."""
        if self._scores is None:
            signals = {name: self.score(name) for name in SIGNALS}
            health = overall(signals)
            self._scores = {**signals, "health": health}
        return self._scores

    def score(self, signal: str) -> Score:
        """One signal alone: a rule on it need not wait for all the others."""
        if self._scores is not None:
            return self._scores[signal]
        found = self._single.get(signal)
        if found is None:
            inp = self.inp
            found = self._single[signal] = explained(signal, SIGNALS[signal](inp), inp.untold)
        return found

    @property
    def reference(self) -> Reference | None:
        """The frozen reference; without one only threshold and event rules speak."""
        return self.inp.reference
