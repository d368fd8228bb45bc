"""What `--alerts` writes: every alert with its verdict, and every incident that was missed, for tuning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from processors.evaluation.inputs import Truth
from processors.evaluation.matching import Judged, Matched
from processors.readings import rfc3339

MISSED = "missed"


def lines_of(case: str, matched: Mapping[str, Matched], tiers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """One plain value a line, by influencer, in order of time."""
    for name in sorted(matched):
        one = matched[name]
        head = {"case": case, "influencer_id": name, "tier": tiers.get(name, "unknown")}
        rows = [(judged.alert.at, head | _alert(judged)) for judged in one.judged]
        rows += [
            (found.truth.onset, head | _missed(found.truth, one))
            for found in one.incidents
            if found.alert is None
        ]
        yield from (row for _, row in sorted(rows, key=lambda pair: pair[0]))


def _alert(judged: Judged) -> dict[str, Any]:
    alert, truth = judged.alert, judged.incident
    row: dict[str, Any] = {
        "verdict": judged.verdict, "merged": judged.merged, "at": rfc3339(alert.at), "signal": alert.signal,
        "rule": alert.rule, "subject": alert.subject, "severity": alert.severity,
        "partnership_id": alert.partnership, "value": alert.value, "baseline": alert.baseline,
        "parts": list(alert.parts), "summary": alert.summary,
    }  # fmt: skip
    if truth is not None:
        row |= {
            "incident": truth.incident, "type": truth.type, "onset": rfc3339(truth.onset),
            "delay_h": round((alert.at - truth.onset) / 3_600, 2), "wrong_signal": judged.wrong_signal,
        }  # fmt: skip
    return row


def _missed(truth: Truth, matched: Matched) -> dict[str, Any]:
    """With the alerts that rang within it all the same: late, or on another signal."""
    rang = [judged.alert for judged in matched.judged if truth.onset <= judged.alert.at <= truth.last]
    return {
        "verdict": MISSED, "incident": truth.incident, "type": truth.type, "signals": list(truth.signals),
        "onset": rfc3339(truth.onset), "end": rfc3339(truth.end), "allowed_delay_s": truth.allowed_s,
        "truth_severity": truth.severity, "actors": len(truth.actors),
        "alerts": [
            {
                "signal": one.signal, "subject": one.subject,
                "delay_h": round((one.at - truth.onset) / 3_600, 2),
            }
            for one in rang
        ],
    }  # fmt: skip
