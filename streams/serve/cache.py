"""What Redis holds, kept in memory: read again now and then, and parsed only where it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from schemas import Alert
from streams.errors import NotFoundError
from streams.reader import Reader, parse_alert

#: Alerts are read anew at most so often, s.
FRESH_S: Final = 0.5
#: Where reading takes long, at most a fifth of the time is spent on it.
_SHARE: Final = 5.0
_SLICE: Final = 50


class Cache:
    """`fresh` reads again what is older than `fresh_s`; many who ask at once wait for one reading."""

    def __init__(self, fresh_s: float, monotonic: Callable[[], float]) -> None:
        self._fresh_s, self._monotonic = fresh_s, monotonic
        self._due = float("-inf")
        self._lock = asyncio.Lock()

    async def fresh(self) -> None:
        """Returns when what is held is fresh."""
        if self._monotonic() >= self._due:
            async with self._lock:
                if (began := self._monotonic()) >= self._due:
                    await self._read()
                    now = self._monotonic()
                    self._due = now + max(self._fresh_s, _SHARE * (now - began))

    async def _read(self) -> None:
        raise NotImplementedError


class AlertCache(Cache):
    """`get` gives all alerts, newest first."""

    def __init__(self, reader: Reader, monotonic: Callable[[], float]) -> None:
        super().__init__(FRESH_S, monotonic)
        self._reader = reader
        self._raw: dict[str, bytes] = {}
        self._parsed: dict[str, Alert | None] = {}
        self._sorted: list[Alert] = []

    async def get(self) -> list[Alert]:
        """All alerts, newest first (by time, then id); none where no worker has written yet."""
        await self.fresh()
        return self._sorted

    async def _read(self) -> None:
        try:
            raw = await self._reader.alert_bytes()
        except NotFoundError:
            raw = {}
        changed = [name for name, value in raw.items() if self._raw.get(name) != value]
        gone = self._raw.keys() - raw.keys()
        if not changed and not gone:
            return
        parsed = {name: alert for name, alert in self._parsed.items() if name not in gone}
        for number, name in enumerate(changed, 1):
            parsed[name] = parse_alert(raw[name], name)
            if number % _SLICE == 0:
                await asyncio.sleep(0)  # others are answered meanwhile
        found = [alert for alert in parsed.values() if alert is not None]
        found.sort(key=lambda alert: (alert.at, alert.alert_id), reverse=True)
        self._raw, self._parsed, self._sorted = raw, parsed, found
