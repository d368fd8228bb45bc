"""A store as a worker leaves it, for tests of what people do: two brands, some alerts, health by the hour."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from processors.state.layout import PartitionKeys, layout_key
from schemas import Alert, Reading, SignalReading
from schemas.topics import EVENTS
from streams.settings import Settings

NOW = datetime.now(UTC).replace(microsecond=0)
EVIL = "=cmd|' /C calc'!A0<script>alert(1)</script>\x1b[2J"


def alert(name: str, partnership: str = "acme--ann", brand: str = "acme", **more: Any) -> Alert:
    """An alert that fires; `name` is its id."""
    return Alert.model_validate(
        {
            "alert_id": name, "transition_id": f"t{name}", "fingerprint": f"f{name}",
            "partnership_id": partnership, "influencer_id": partnership.split("--")[-1], "brand_id": brand,
            "signal": "connection", "rule": "drop", "state": "firing", "severity": "critical",
            "started_at": NOW - timedelta(hours=3), "at": NOW - timedelta(hours=2), "reason": "drop",
            "value": 31.0, "baseline": 58.0, "change": -0.46, "n": 412, "lo": 27.0, "hi": 35.5,
            "window": "D7",
            "cause": [{"part": "reply_rate", "before": 0.41, "after": 0.08, "pull": -0.31}],
            "evidence": {"event_ids": ["e1"], "actors": 37},
            "explainers": [{"kind": "posting_pause", "accepted": False, "why": "9 posts"}],
            "summary": "Connection fell from 58 to 31.", "advice": "Answer comments.", **more,
        }
    )  # fmt: skip


ALERTS = [
    alert("aaaa1111"),
    alert("aaaa2222", at=NOW - timedelta(hours=1), signal="audience_fit", severity="warning", summary=EVIL),
    alert("bbbb1111", state="resolved", resolved_at=NOW - timedelta(days=1), at=NOW - timedelta(days=1)),
    alert("cccc1111", "bolt--bob", "bolt"),
]


def reading(partnership: str, brand: str, health: float) -> Reading:
    """A reading of a partnership."""
    return Reading(
        partnership_id=partnership, influencer_id=partnership.split("--")[-1], brand_id=brand, at=NOW,
        health=SignalReading(value=health, lo=health - 5, hi=health + 5, n=100.0),
        signals={"connection": SignalReading(value=31.0, baseline=58.0, n=412.0)},
    )  # fmt: skip


def write(settings: Settings) -> None:
    """Writes it all."""
    keys = [PartitionKeys(settings.namespace, settings.topic(EVENTS), number) for number in range(2)]
    old = int((NOW - timedelta(days=8)).timestamp())
    hours = range(old, int(NOW.timestamp()) + 1, 3_600)
    with redis.Redis.from_url(settings.redis_url) as client:
        layout = {"version": 1, "topic": settings.topic(EVENTS), "partitions": 2}
        client.hset(layout_key(settings.namespace), mapping=layout)
        client.hset(keys[0].fence, mapping={"next": 1, "epoch": 1, "clock": NOW.timestamp()})
        for item in ALERTS:
            client.hset(keys[0].alerts, item.fingerprint, item.model_dump_json())
        for made in (reading("acme--ann", "acme", 60.0), reading("bolt--bob", "bolt", 70.0)):
            client.hset(keys[1].readings, made.partnership_id, made.model_dump_json())
        client.hset(keys[1].spark, "acme--ann", json.dumps([[at, 82.0] for at in hours]))
        client.hset(keys[1].spark, "bolt--bob", json.dumps([[at, 70.0] for at in list(hours)[-24:]]))
