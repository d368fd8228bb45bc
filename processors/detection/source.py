"""Alerts of operations: a source that is silent as a whole.

    source_alerts(snapshot, told) -> list of alert records (schemas.Alert, JSON-ready)

Instead of one alert for each partnership whose numbers fall because nothing comes. When a source counts as
silent is decided where the parts of all partitions meet (processors/snapshot); here it is told, once, by the
owner of partition 0 in its fenced write, and resolved when the source speaks again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from processors.detection.lifecycle import FIRING, INACTIVE, RESOLVED, fingerprint
from processors.detection.message import utc
from processors.panes import HOUR
from processors.scores import METHOD_VERSION
from processors.snapshot import Snapshot, Source

SIGNAL: Final = "source"
RULE: Final = "silence"
_ADVICE: Final = (
    "Look whether the connector of this source runs and what its platform says; alerts that would come of "
    "the silence are held back until events come again."
)


def source_alerts(snapshot: Snapshot, told: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Transitions that are due. `told`: newest transition of each source's alert, by fingerprint."""
    out = []
    for name, source in snapshot.sources.items():
        print_ = fingerprint("", SIGNAL, RULE, name)
        last = told.get(print_)
        fires = last is not None and last["state"] == FIRING
        if source.silent and not fires:
            out.append(_fired(name, source, print_, snapshot.id))
        elif fires and last is not None and not source.silent:
            out.append(_resolved(last, name, source.now, snapshot.id, "recovered"))
    known = {fingerprint("", SIGNAL, RULE, name) for name in snapshot.sources}
    for print_, last in told.items():
        if last["state"] == FIRING and print_ not in known:  # for two weeks: nobody waits for it any more
            now = snapshot.hour * HOUR
            out.append(_resolved(last, last["subject"], now, snapshot.id, "no_data_for_long"))
    return out


def _hash(*parts: object) -> str:
    text = "\x1f".join(map(str, parts))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _fired(name: str, source: Source, print_: str, snapshot_id: str) -> dict[str, Any]:
    at = source.now
    silent, usual = (at - source.silent) / HOUR, source.usual / HOUR
    return {
        "alert_id": _hash(print_, source.silent),
        "transition_id": _hash(print_, at, FIRING, "critical"),
        "fingerprint": print_,
        "partnership_id": None, "influencer_id": None, "brand_id": None,
        "signal": SIGNAL, "rule": RULE, "subject": name,
        "state": FIRING, "previous_state": INACTIVE, "severity": "critical",
        "started_at": utc(source.silent), "at": utc(at), "resolved_at": None,
        "reason": RULE, "window": None, "snapshot_id": snapshot_id,
        "value": None, "baseline": None, "change": None, "n": None, "lo": None, "hi": None,
        "cause": [], "evidence": {"event_ids": [], "actors": None}, "explainers": [],
        "summary": (
            f"Nothing has come from the source {name} for {silent:.0f} hours; its longest silence of the two "
            f"weeks before was {max(usual, 1.0):.0f}."
        ),
        "advice": _ADVICE, "links": {}, "method_version": METHOD_VERSION,
    }  # fmt: skip


def _resolved(last: dict[str, Any], name: str, at: int, snapshot_id: str, reason: str) -> dict[str, Any]:
    why = (
        f"Events come from the source {name} again." if reason == "recovered"
        else f"The source {name} has been silent for two weeks; the alert is closed."
    )  # fmt: skip
    return last | {
        "transition_id": _hash(last["fingerprint"], at, RESOLVED, last["severity"]),
        "state": RESOLVED, "previous_state": FIRING, "at": utc(at), "resolved_at": utc(at),
        "reason": reason, "snapshot_id": snapshot_id, "summary": why, "advice": None,
    }  # fmt: skip
