"""A topic with transitions, a notifier as a process, and what is told by it."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from processors.state.layout import PartitionKeys
from schemas import Alert, topics
from streams.children import Child, free_port
from streams.notifier_state import NotifierState
from streams.outputs import BatchSender, start_producer
from streams.settings import Settings
from streams.topics import can_idempotent, ensure_topics, open_admin
from tests.faults.hook import Hook
from tests.workers import environment

PARTITIONS = 2
NOTIFY = """
route:
  receiver: hook
  group_wait: 100ms
  group_interval: 200ms
  repeat_interval: 1s
receivers:
  - {{name: hook, type: webhook, url: "http://127.0.0.1:{port}/", allow_private: true, timeout: 400ms,
     rate_limit: 10000/s}}
"""


def transition(partnership: int, number: int, state: str, step: int, episode: int) -> Alert:
    at = datetime.fromtimestamp(1_800_000_000 + 300 * step, UTC)
    alert_id = f"p{partnership}-{number}-{episode}"
    return Alert(
        alert_id=alert_id, transition_id=f"{alert_id}-{step}-{state}", fingerprint=alert_id, reason="drop",
        partnership_id=f"acme--{partnership}", influencer_id=f"x:{partnership}", brand_id="acme", rule="drop",
        signal="all_in", state=state, severity="warning", started_at=at, at=at, summary="It fell.",
        subject=str(number),
    )  # type: ignore[arg-type]  # fmt: skip


class Drill:
    """A topic, a notifier to be killed, and what it told."""

    def __init__(self, settings: Settings, tmp_path: Path) -> None:
        self.settings = settings
        self._tmp = tmp_path
        self._child: Child | None = None
        self.port = free_port()
        self.step = 0
        self.fires: dict[tuple[int, int], bool] = {}
        self.episode: dict[tuple[int, int], int] = {}

    def second(self) -> Drill:
        """Another notifier beside this one, to be started and stopped only."""
        place = self._tmp / "second"
        place.mkdir()
        (place / "notify.yaml").write_text((self._tmp / "notify.yaml").read_text())
        return Drill(self.settings, place)

    async def open(self, port: int) -> None:
        found = {topic.name: topic.partitions for topic in await ensure_topics(self.settings)}
        self.topic = self.settings.topic(topics.ALERTS)
        self.state = NotifierState(self.settings, found[self.topic])
        async with open_admin(self.settings) as admin:
            self._producer = await start_producer(self.settings, idempotent=await can_idempotent(admin))
        self._sender = BatchSender(self._producer)
        (self._tmp / "notify.yaml").write_text(NOTIFY.format(port=port))

    async def close(self) -> None:
        if self._child is not None:
            self._child.stop()
        await self._producer.stop()
        await self.state.close()

    def start(self) -> None:
        env = environment(
            self.settings, notify_config=self._tmp / "notify.yaml", notifier_http_port=self.port,
            notify_retries="0s " + " ".join(f"{n * 300}ms" for n in range(1, 60)),
        )  # fmt: skip
        command = [sys.executable, "-m", "streams.cli", "notifier"]
        self._child = Child("notifier", command, self._tmp / "notifier.log", env=env)

    def stop(self) -> int | None:
        """Asks it to end; its exit code."""
        assert self._child is not None
        self._child.stop(grace_s=15)
        return self._child.exit_code

    @property
    def at_work(self) -> bool:
        """Whether it has its partitions."""
        assert self._child is not None
        return self._child.logged().count("claimed") == PARTITIONS

    @property
    def child(self) -> Child:
        """The notifier's process."""
        assert self._child is not None
        return self._child

    def kill(self) -> None:
        assert self._child is not None
        assert self._child.running, self._child.logged()[-3_000:]
        self._child.kill()

    async def send(self, alerts: list[Alert]) -> None:
        rows = [
            ((a.influencer_id or "").encode(), a.model_dump_json().encode(), int(time.time() * 1_000), [])
            for a in alerts
        ]
        await self._sender.send_by_key(self.topic, rows)

    async def change(self, rng: random.Random) -> None:
        """Some alerts begin or end."""
        await self.turn({(rng.randrange(30), rng.randrange(3)) for _ in range(rng.randrange(1, 8))})

    async def turn(self, alerts: Iterable[tuple[int, int]]) -> None:
        """Each begins to fire, or has ended."""
        rows = []
        for which in alerts:
            self.step += 1
            self.fires[which] = not self.fires.get(which, False)
            if self.fires[which]:
                self.episode[which] = self.step
            state = "firing" if self.fires[which] else "resolved"
            rows.append(transition(*which, state, self.step, self.episode[which]))
        await self.send(rows)

    async def settled(self, within: float) -> None:
        """Everything is read, told and delivered."""
        keys = [PartitionKeys(self.settings.namespace, self.topic, n) for n in range(PARTITIONS)]
        deadline = time.monotonic() + within
        while True:
            hashes = [key.tag + f"notify:{name}" for key in keys for name in ("queue", "alerts")]
            left = [await self.state._redis.hlen(name) for name in hashes]
            if not any(left):
                return
            assert self._child is not None
            assert self._child.running, self._child.logged()[-4_000:]
            assert time.monotonic() < deadline, (left, self._child.logged()[-4_000:])
            await asyncio.sleep(0.1)


async def until_told(hook: Hook, partnership: str, times: int, within: float = 30.0) -> None:
    end = time.monotonic() + within
    while len({one.id for one in hook.arrived if partnership in one.group}) < times:
        assert time.monotonic() < end, f"{partnership} was not told of"
        await asyncio.sleep(0.05)
