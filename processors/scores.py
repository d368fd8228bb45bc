"""Scores and readings as plain values: what signals give back, and what goes out as a reading."""

from __future__ import annotations

import msgspec

#: Named in every reading and alert. A new one restarts references instead of alerting (docs/method.md).
METHOD_VERSION = "2"


class Score(msgspec.Struct, frozen=True):
    """One number with what it rests on. Not measurable: `value` is None and `why` says what is missing.

    A msgspec Struct because some fifteen are made per evaluation: 0.1 us each, a frozen dataclass takes
    1.3."""

    value: float | None
    n: float = 0.0  # effective sample size
    lo: float | None = None  # 95 % interval
    hi: float | None = None
    baseline: float | None = None  # the frozen reference, in the same unit
    window: str | None = None  # H1, D1, D7, D28, D90
    measurable: bool = True
    why: str | None = None
    parts: dict[str, Score] = msgspec.field(default_factory=dict)

    @classmethod
    def unmeasurable(
        cls,
        why: str,
        *,
        window: str | None = None,
        n: float = 0.0,
        baseline: float | None = None,
        parts: dict[str, Score] | None = None,
    ) -> Score:
        """A score that cannot be given yet, with the reason (shown to people)."""
        return cls(None, n, None, None, baseline, window, False, why, parts or {})
