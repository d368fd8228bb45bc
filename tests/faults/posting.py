"""Senders that post batches to a gateway which is being killed, and what of it stands in the topic."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from schemas.topics import EVENTS
from streams.consume import scan
from streams.settings import Settings
from tests.gateways import GatewayProcess
from tests.streams.gateway.world import event

BATCH = 100


def batch(name: str) -> list[dict[str, Any]]:
    """So many events of eleven influencers."""
    return [event(f"{name}/{place}", influencer_id=f"shop:{place % 11}") for place in range(BATCH)]


async def in_topic(settings: Settings) -> Counter[str]:
    """How often each event stands there, by its id."""
    found = [record async for record in scan(settings, settings.topic(EVENTS))]
    return Counter(json.loads(record.value or b"{}")["event_id"] for record in found)


class Senders:
    """Threads of which each sends a batch until it is answered with 2xx, as a sender is told to."""

    def __init__(self, gateway: GatewayProcess, token: str, count: int = 4) -> None:
        self._gateway, self._token, self._count = gateway, token, count
        self.sent: set[str] = set()
        self.answered: set[str] = set()
        self._wrong: list[str] = []
        self._over = threading.Event()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send until the block ends."""
        threads = [threading.Thread(target=self._go, args=(f"s{n}",)) for n in range(self._count)]
        try:
            for thread in threads:
                thread.start()
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def get_on(self, within: float = 30.0) -> None:
        """Returns when another batch has been answered."""
        wanted, end = len(self.answered) + BATCH, time.monotonic() + within
        while len(self.answered) < wanted:
            assert not self._wrong, self._wrong[:3]
            assert time.monotonic() < end, f"nothing was answered for {within:g} s"
            time.sleep(0.02)

    def check(self, found: Counter[str], kills: int) -> int:
        """What was answered is there, nothing else is; returns how many stand there once more than once."""
        assert not self._wrong, self._wrong[:3]
        assert len(self.answered) > kills * BATCH, "too little was sent to prove anything"
        assert self.answered - found.keys() == set(), "answered with 2xx, and not in the topic"
        assert found.keys() <= self.sent
        repeats = sum(found.values()) - len(found)
        # A batch whose answer was lost is sent again: at most one of each sender for each kill.
        assert repeats <= kills * self._count * BATCH
        return repeats

    def _go(self, name: str) -> None:
        number = 0
        with httpx.Client(headers={"Authorization": f"Bearer {self._token}"}, timeout=10) as client:
            while not self._over.is_set():
                self._send(client, batch(f"{name}/{number}"))
                number += 1

    def _send(self, client: httpx.Client, events: list[dict[str, Any]]) -> None:
        self.sent.update(one["event_id"] for one in events)
        while not self._over.is_set():
            try:
                answer = client.post(self._gateway.address + "/v1/events", json=events)
            except httpx.HTTPError:
                time.sleep(0.02)
                continue
            if answer.is_success:
                self.answered.update(one["event_id"] for one in answer.json()["results"])
                return
            if answer.status_code not in (429, 503):
                self._wrong.append(answer.text)
                return
