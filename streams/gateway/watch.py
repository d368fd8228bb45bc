"""Which influencers have a partnership, and with which brands: for tokens and webhooks that are bound."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from typing import Final

from pydantic import ValidationError

from schemas import Partnership
from schemas.topics import PARTNERSHIPS
from streams.consume import latest
from streams.errors import RapportError, UnavailableError
from streams.settings import Settings
from streams.undisturbed import end

log = logging.getLogger("rapport.gateway")
#: The partnerships are read anew so often, s: so long does a new one wait for its bound token.
FRESH_S: Final = 60.0


class Watch:
    """Read when first asked for, then kept fresh; while Kafka is away the last state holds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._brands: dict[str, frozenset[str]] = {}
        self._at: float | None = None
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def influencers(self, brands: Collection[str] | None = None) -> frozenset[str]:
        """Those with a partnership, or with a partnership with one of these brands.

        Raises UnavailableError if they were never read.
        """
        if self._at is None:
            async with self._lock:
                if self._at is None:
                    await self._read()
        elif time.monotonic() - self._at > FRESH_S and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._read(), name="gateway watch")  # nobody waits for it
        if brands is None:
            return frozenset(self._brands)
        wanted = frozenset(brands)
        return frozenset(name for name, held in self._brands.items() if held & wanted)

    async def close(self) -> None:
        """Read no more."""
        if self._task is not None:
            await end(self._task)

    async def _read(self) -> None:
        try:
            records = await latest(self._settings, self._settings.topic(PARTNERSHIPS), timeout_s=10.0)
        except RapportError as error:
            if self._at is None:
                raise UnavailableError(f"Kafka: {error}") from error
            log.warning("partnerships cannot be read, the last state holds: %s", error)
            self._at = time.monotonic()
            return
        found: dict[str, set[str]] = {}
        for record in records.values():
            if record.value is None:
                continue
            try:
                partnership = Partnership.model_validate_json(record.value)
            except ValidationError:
                continue  # the worker names it
            found.setdefault(partnership.influencer_id, set()).add(partnership.brand_id)
        self._brands = {name: frozenset(held) for name, held in found.items()}
        self._at = time.monotonic()
