"""All alerts, held in memory: read again at most every half second, and parsed only where they changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from schemas import Alert
from streams.errors import NotFoundError
from streams.reader import Reader, parse_alert

#: Read anew at most so often, s; where reading takes long, at most a fifth of the time is spent on it.
FRESH_S: Final = 0.5
_SHARE: Final = 5.0
_SLICE: Final = 50


class AlertCache:
    """`get` gives all alerts, newest first. Many who ask at once wait for one reading."""

    def __init__(self, reader: Reader, monotonic: Callable[[], float]) -> None:
        self._reader, self._monotonic = reader, monotonic
        self._raw: dict[str, bytes] = {}
        self._parsed: dict[str, Alert | None] = {}
        self._sorted: list[Alert] = []
        self._due = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self) -> list[Alert]:
        """All alerts, newest first (by time, then id); none where no worker has written yet."""
        if self._monotonic() >= self._due:
            async with self._lock:
                if (began := self._monotonic()) >= self._due:
                    await self._read()
                    now = self._monotonic()
                    self._due = now + max(FRESH_S, _SHARE * (now - began))
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
