"""The demo's story sent to the topics: its past as fast as it goes, then the rest in fast motion."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from processors.generator.demo import Demo
from streams.sending import Sender, send_partnerships
from streams.settings import Settings

#: Steps shorter than this are not worth a timer: they are caught up with at the next one, s.
_STEP_S = 0.02


@dataclass(slots=True)
class Told:
    """How far the story has come: records `sent`; `live`: the past is over; `over`: all is told."""

    sent: int = 0
    live: bool = False
    over: bool = False


async def introduce(settings: Settings, story: Demo) -> int:
    """Writes the story's partnerships; returns how many they are."""
    await send_partnerships(settings, story.generated.partnerships)
    return len(story.generated.partnerships)


async def tell(settings: Settings, story: Demo, speed: float, told: Told, say: Callable[[str], None]) -> None:
    """Sends all events; in the live part `speed` seconds of event time pass in one.

    Raises:
        BrokerUnavailableError: the broker was away for too long.
    """
    say("sending the past: a month, so that there is something to compare with")
    async with Sender(settings) as sender:
        begun = 0.0
        for record in story.generated.events():
            if record.at >= story.live_from:
                if not told.live:
                    await sender.flush()
                    told.live, begun = True, time.monotonic()
                    say(f"live from here on, {speed / 3_600:g} hours of event time a second")
                ahead = begun + (record.at - story.live_from) / speed - time.monotonic()
                if ahead > _STEP_S:
                    await asyncio.sleep(ahead)
            await sender.send(record)
            told.sent += 1
        await sender.flush()
    told.over = True
