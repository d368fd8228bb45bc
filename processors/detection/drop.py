"""The drop rule.

    judge(signal: str, score: Score, inp: SignalInput) -> Verdict
    RULES: tuple[tuple[str, str], ...]      (signal, rule), in the order to judge them: health last

Never breached without a frozen reference (`warming_up`). Harmless explanations are weighed and said.
Raises KeyError for a signal without a drop rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from processors.detection.drop_audience import fit_drop, health_drop
from processors.detection.drop_connection import connection_drop
from processors.detection.drop_quality import quality_drop
from processors.detection.explainers import declared, pause
from processors.detection.verdict import Finding, Verdict, relative_change
from processors.panes import KIND_INDEX
from processors.scores import Score
from processors.signals.connection import posting_pause
from processors.signals.inputs import Reference, SignalInput
from processors.signals.quality import MIX_KINDS

RULE: Final = "drop"
RULES: Final = (
    ("connection", RULE),
    ("interaction_quality", RULE),
    ("audience_fit", RULE),
    ("health", RULE),
)
_TESTS: Final[dict[str, Callable[[Score, SignalInput, Reference], Finding]]] = {
    "connection": connection_drop,
    "interaction_quality": quality_drop,
    "audience_fit": fit_drop,
    "health": health_drop,
}
#: Signals that fall silent when the influencer does: a posting pause is no data for them.
_PAUSES: Final = frozenset({"connection", "interaction_quality", "health"})
_COMMENTS: Final = (KIND_INDEX["comment"], KIND_INDEX["reply"])


def evidence(signal: str, inp: SignalInput) -> int:
    """Acts ever counted that bear on the signal: grows only when something new comes in."""
    lifetime = inp.lifetime
    return sum([lifetime[k] for k in (_COMMENTS if signal == "connection" else MIX_KINDS)])


def judge(signal: str, score: Score, inp: SignalInput) -> Verdict:
    """The drop rule's verdict on one signal at `inp.at`."""
    test = _TESTS[signal]
    ref = inp.reference
    if ref is None:
        return _verdict(signal, score, inp, Finding(False, reason="warming_up"))
    away = posting_pause(inp) if signal in _PAUSES else None
    finding = Finding(False, reason="posting_pause") if away is not None else test(score, inp, ref)
    said = declared(inp, signal)
    pauses = (pause(inp, away),) if signal in _PAUSES else ()
    if finding.breached and any(explainer.accepted for explainer in said):
        finding = replace(finding, breached=False, critical=False, reason="explained")
    return _verdict(signal, score, inp, replace(finding, explainers=(*pauses, *finding.explainers, *said)))


def _verdict(signal: str, score: Score, inp: SignalInput, finding: Finding) -> Verdict:
    severity = ("critical" if finding.critical else "warning") if finding.breached else None
    return Verdict(
        signal=signal,
        rule=RULE,
        breached=finding.breached,
        recovered=finding.measurable and finding.recovered,
        severity=severity,
        measurable=finding.measurable,
        reason=finding.reason,
        effect=finding.effect,
        change=relative_change(score),
        z=finding.z,
        value=score.value,
        baseline=score.baseline,
        n=score.n,
        lo=score.lo,
        hi=score.hi,
        window=score.window,
        cause=finding.cause,
        evidence_key=evidence(signal, inp),
        evidence_needed=finding.needed,
        explainers=finding.explainers,
        note=finding.note,
    )
