"""A store with partnerships of every kind, served by a process as people run it, and a browser at it."""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis

from processors import history
from processors.readings import packed, unpacked
from processors.scores import Score
from processors.state.layout import PartitionKeys, layout_key
from schemas import Alert, Reading, SignalReading
from schemas.topics import EVENTS
from streams.children import Child, free_port
from streams.demo_house import board_address
from streams.settings import Settings
from tests.servers import RedisServer, ServerMissingError

NOW = datetime.now(UTC).replace(microsecond=0)
SLIPS = "acme--partner-0007"
HOSTILE = "evil--<img src=x onerror=document.title='owned'>\u202e\U0001f600" + "x" * 180
_SIGNALS = ("interaction_quality", "audience_fit", "authenticity", "connection", "all_in", "relationship")
#: All that a worker tells, so that a reading is as long as its readings are.
_PARTS = {
    "connection": "reply_rate reply_latency answer_gap dialogue return regulars evenness",
    "audience_fit": "country shape_country lang shape_lang topics shape_topics coverage",
    "authenticity": "suspicious suspicious_likes suspicious_comments inauthentic_comments new_followers "
    "mass_followers churn_7d churn_30d coverage",
    "all_in": "organic disclosure exclusivity saturation recent_saturation paid_post_performance rivals "
    "own_voice after_po",
    "interaction_quality": "genuineness depth quality_rate without_genuineness likes_spread",
    "relationship": "overdue one_sidedness bus_factor steadiness quick_win stage tie_1",
}
#: Of parts that are no share.
_USUAL = {"reply_latency": 3.1, "answer_gap": 1.4, "stage": 3.0, "overdue": 0.8, "without_genuineness": 90.0}


@dataclass
class Served:
    """A server that runs, its address with a token, and the store below it."""

    address: str
    settings: Settings
    store: redis.Redis
    place: Path
    child: Child

    @property
    def origin(self) -> str:
        """Without path and token."""
        return self.address.split("/#")[0]

    @property
    def token(self) -> str:
        """What the page signs in with."""
        return self.address.split("token=")[1]

    def raise_alert(self, alert_id: str, partnership: str, **more: Any) -> Alert:
        """An alert as a worker writes it."""
        made = alert(alert_id, partnership, **more)
        self.store.hset(_keys(self.settings).alerts, made.fingerprint, made.model_dump_json())
        return made

    def change(self, partnership: str, quality: float) -> None:
        """A reading with another interaction quality, as a worker writes it."""
        key = _keys(self.settings).readings
        made = Reading.model_validate_json(unpacked(self.store.hget(key, partnership) or b""))
        told = made.signals["interaction_quality"].model_copy(update={"value": quality})
        signals = made.signals | {"interaction_quality": told}
        self.store.hset(key, partnership, made.model_copy(update={"signals": signals}).model_dump_json())

    def begin(self) -> None:
        """The process, on its port."""
        self.child = _server(self.settings, self.place)


def chromium() -> str | None:
    """The machine's browser."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def alert(alert_id: str, partnership: str, **more: Any) -> Alert:
    """An alert that fires."""
    return Alert.model_validate(
        {
            "alert_id": alert_id, "transition_id": f"t{alert_id}", "fingerprint": f"f{alert_id}",
            "partnership_id": partnership, "brand_id": partnership.split("--")[0],
            "influencer_id": partnership.split("--")[-1], "signal": "connection", "rule": "drop",
            "state": "firing", "severity": "critical", "started_at": NOW - timedelta(days=2),
            "at": NOW - timedelta(minutes=3), "reason": "drop", "value": 31.0, "baseline": 58.0, "n": 412,
            "cause": [{"part": "reply_rate", "before": 0.41, "after": 0.08, "pull": -0.31}],
            "explainers": [{"kind": "posting_pause", "why": "9 posts in the window"}],
            "summary": "Connection with the audience fell from 58 to 31 in 7 days: comments are hardly "
            "answered any more.",
            "advice": "Ask whether someone can help with answering comments.",
        } | more
    )  # fmt: skip


def reading(name: str, number: int) -> Reading:
    """A reading of a partnership; always the same for a number."""
    rand = random.Random(number)
    slips = name == SLIPS
    signals = {}
    for signal in _SIGNALS:
        usual = 55 + 35 * rand.random()
        value = (
            31.0 if slips and signal == "connection" else min(100.0, usual * (0.92 + 0.16 * rand.random()))
        )
        parts = {part: _part(part, rand) for part in _PARTS[signal].split()}
        if slips and signal == "connection":
            parts["reply_rate"] = SignalReading(value=0.08, lo=0.02, hi=0.19, n=212, baseline=0.41)
        signals[signal] = SignalReading(
            value=value, lo=value - 5, hi=min(100.0, value + 5), baseline=58.0 if slips else usual, n=412,
            window="D7", parts=parts,
        )  # fmt: skip
    if number % 5 == 3:
        signals["relationship"] = SignalReading(measurable=False, why="no employee is named")
    health = 44.0 if slips else 50 + 40 * rand.random()
    return Reading(
        partnership_id=name, influencer_id=name.split("--")[-1], brand_id=name.split("--")[0],
        tier=("nano", "micro", "mid", "macro", "mega")[number % 5], at=NOW - timedelta(minutes=4),
        health=SignalReading(
            value=health, lo=health - 4, hi=health + 4, n=900, baseline=71.0 if slips else health
        ),
        signals=signals, source_age_s=30.0 + number * 7,
    )  # fmt: skip


def _part(name: str, rand: random.Random) -> SignalReading:
    value = _USUAL.get(name, 0.2 + 0.6 * rand.random()) * (0.95 + 0.1 * rand.random())
    return SignalReading(
        value=value, lo=0.8 * value, hi=1.15 * value, n=212.0 + rand.random(), baseline=value * 1.02,
        window="D7", window_end=NOW,
    )  # fmt: skip


def write(settings: Settings, count: int) -> None:
    """Writes `count` partnerships, one of them slipping and one with a hostile name."""
    keys = _keys(settings)
    names = [f"{('acme', 'northwind', 'oakandsalt')[n % 3]}--partner-{n:04}" for n in range(count - 1)]
    names[7] = SLIPS
    hours = range(
        int((NOW - timedelta(days=90)).timestamp()) // 10_800 * 10_800, int(NOW.timestamp()), 10_800
    )
    stories = [
        _story(hours, reading("acme--x", number)) for number in range(10)
    ]  # each has one; they may be alike
    with redis.Redis.from_url(settings.redis_url) as client:
        layout = {"version": 1, "topic": settings.topic(EVENTS), "partitions": 1}
        client.hset(layout_key(settings.namespace), mapping=layout)
        client.hset(keys.fence, mapping={"next": 1, "epoch": 1, "clock": NOW.timestamp()})
        pipe = client.pipeline(transaction=False)
        for number, name in enumerate([*names, HOSTILE]):
            made = reading(name, number)
            pipe.hset(keys.readings, name, packed(made.model_dump_json().encode()))
            told = _story(hours, made) if name == SLIPS else stories[number % 10]
            pipe.hset(keys.influencer(made.influencer_id), f"sp:{name}", told)
            pipe.hset(keys.spark, name, history.health_of(told))
        first = alert("a1b2c3d4", SLIPS)
        pipe.hset(keys.alerts, first.fingerprint, first.model_dump_json())
        pipe.execute()


@contextmanager
def serving(count: int) -> Iterator[Served]:
    """`rapport serve` over a store of `count` partnerships. Raises ServerMissingError."""
    if chromium() is None:
        raise ServerMissingError("chromium not installed on this machine (.ci/run installs it on Debian)")
    with ExitStack() as stack:
        server = RedisServer().start()
        stack.callback(server.stop)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(redis_url=server.url, serve_port=free_port(), broker="127.0.0.1:1")
        write(settings, count)
        child = _server(settings, place)
        address = asyncio.run(board_address(settings))
        store = stack.enter_context(redis.Redis.from_url(server.url))
        made = Served(address, settings, store, place, child)
        stack.callback(lambda: made.child.stop())
        yield made


def _server(settings: Settings, place: Path) -> Child:
    told = {"RAPPORT_REDIS_URL": settings.redis_url, "RAPPORT_SERVE_PORT": str(settings.serve_port),
            "RAPPORT_SERVE_RATE": "6000", "RAPPORT_CONFIG": str(place / "none.toml")}  # fmt: skip
    (place / "none.toml").touch()
    child = Child(
        "rapport serve", [sys.executable, "-m", "streams.cli", "serve"], place / "serve.log",
        env=os.environ | told,
    )  # fmt: skip
    child.wait_until(lambda: _answers(settings.serve_port), 30, says="")
    return child


def _answers(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as link:
            link.request("GET", "/api/v1/health")
            return link.getresponse().status == 200
    except OSError:
        return False


def _keys(settings: Settings) -> PartitionKeys:
    return PartitionKeys(settings.namespace, settings.topic(EVENTS), 0)


def _story(hours: range, now: Reading) -> bytes:
    """What readings were for 90 days, as a worker leaves it. What slips has done so for two days."""
    rand, rows = random.Random(int((now.health.value or 0.0) * 100)), b""
    for place, at in enumerate(hours):
        fell = place >= len(hours) - 16 and now.partnership_id == SLIPS

        def score(told: SignalReading, usual: float, fell: bool = fell) -> Score:
            value = (told.value if fell else usual) or 0.0
            value = min(100.0, max(0.0, value + rand.gauss(0, 1.2)))
            return Score(value, lo=value - 5, hi=value + 5)

        signals = {
            name: score(told, told.baseline or 50.0) for name, told in now.signals.items() if told.measurable
        }
        rows = history.append(rows, at, score(now.health, now.health.baseline or 50.0), signals)
    return history.pack(rows)
