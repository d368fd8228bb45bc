"""What people do about alerts, in Redis: acknowledge, silence, mark as wrong; each act with its line in the audit.

Keys, all in one slot by the hash tag `{<namespace>}`:

==============  ======  ======================================================================================
{ns}silences    hash    silence id -> JSON (`schemas.acts.Silence`)
{ns}acks        hash    alert id -> JSON (`schemas.acts.Mark`)
{ns}wrong       hash    alert id -> JSON (`schemas.acts.Mark`)
{ns}audit       stream  field `act`: JSON (`schemas.acts.Act`); bounded
==============  ======  ======================================================================================

Worker and notifier only read them.
"""

from __future__ import annotations

import redis.asyncio as redis

from schemas.acts import Mark, Silence
from streams.settings import Settings


class People:
    """Reads and writes people's acts of one installation."""

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        self._settings = settings
        self._redis = client

    async def silences(self) -> list[Silence]:
        """All silences that are kept: pending, active and those that ended lately."""
        raise NotImplementedError

    async def acks(self) -> dict[str, Mark]:
        """Acknowledged alerts, by alert id."""
        raise NotImplementedError

    async def wrong(self) -> dict[str, Mark]:
        """Alerts marked as wrong, by alert id."""
        raise NotImplementedError
