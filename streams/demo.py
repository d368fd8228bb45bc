"""The demo: servers, a worker and a stream of events in fast motion, all started here and stopped again.

Steps, in this order:

1. The embedded pair is started, or the given servers are used with topics and Redis keys of our own.
2. Topics and partnerships are written.
3. One worker, one notifier and the board's server are started as processes of their own; their logs go to
   files. A webhook here takes in what the notifier sends, if its signature holds.
4. The generator's past is sent as fast as it goes, so that references exist; then the live part, accelerated.
5. Meanwhile the board is shown. At the end the alerts are read back from their topic.
6. Everything started is stopped; what was made on servers of others is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from processors.generator.demo import SPEED, Demo, demo
from schemas.topics import ALERTS
from streams.board import Snapshot
from streams.children import Child, free_port
from streams.consume import scan
from streams.demo_house import (
    board_address,
    directory,
    prepare,
    readings_made,
    start,
    tail,
    tell_when_it_answers,
    traces,
)
from streams.demo_mailbox import SECRET_ENV, Mailbox, mailbox
from streams.errors import NotFoundError, RapportError
from streams.reader import Reader, Totals
from streams.settings import Settings
from streams.snapshot import Rate, take
from streams.story import Told, introduce, tell
from streams.topics import ensure_topics
from streams.undisturbed import end, undisturbed

#: How often the board is drawn anew, s.
FRAME_S = 0.5
#: Kept back from `--for`, for reading the alerts and stopping, s.
CLOSING_S = 2.0
#: How long a notification of what was raised at the very end is waited for, s.
ARRIVAL_S = 5.0
#: Longest wait for both servers to start, and for the worker to stop, s.
_START_S, _STOP_S = 120.0, 15.0


class DemoError(RapportError):
    """The demo could not go on; ends with the last lines of the worker's log when that was why."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`broker`, `redis_url` None: started here. `seconds` None: until stopped."""

    broker: str | None = None
    redis_url: str | None = None
    seconds: float | None = None
    seed: int = 7
    speed: float | None = None
    keep: bool = False


@dataclass(slots=True)
class DemoState:
    """What is known while the demo runs; the summary is made of it."""

    told: Told = field(default_factory=Told)
    totals: Totals = field(default_factory=Totals)
    first_read_at: float | None = None
    last_read_at: float | None = None
    readings: int = 0
    snapshot: Snapshot = field(default_factory=Snapshot)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    partnerships: int = 0
    truth: list[dict[str, Any]] = field(default_factory=list)
    mailbox: Mailbox | None = None

    @property
    def raised(self) -> bool:
        """Whether each planted incident that has begun raised its alert."""
        return bool(self.truth) and all(_raised(line, self.alerts) for line in self.truth)

    @property
    def arrived(self) -> bool:
        """Whether the webhook was told of each of them, with a signature that holds."""
        notes = list(self.mailbox.received.values()) if self.mailbox else []
        told = [alert for note in notes for alert in note.get("alerts", ())]
        return bool(self.truth) and all(_raised(line, told) for line in self.truth)

    @property
    def problems(self) -> list[str]:
        """Why the demo is no success; empty when it is one."""
        return [
            why
            for well, why in (
                (self.totals.counted > 0, "no events flowed"),
                (self.readings > 0, "no readings were made"),
                (self.raised, "the planted incident raised no alert in the time given"),
                (not self.raised or self.arrived, "the alert did not reach the webhook"),
            )
            if not well
        ]

    def summary(self) -> dict[str, Any]:
        """The last line of `--json`."""
        span = (self.last_read_at or 0.0) - (self.first_read_at or 0.0)
        return {
            "events_in": self.totals.read,
            "events_per_s": round(self.totals.read / span, 1) if span > 0 else 0.0,
            "rejected": self.totals.rejected,
            "partnerships": self.partnerships,
            "readings": self.readings,
            "alerts": self.alerts,
            "webhook": {**self.mailbox.summary(), "incident_arrived": self.arrived} if self.mailbox else None,
        }


async def run_demo(
    options: DemoOptions, base: Settings, show: Callable[[Snapshot], None], say: Callable[[str], None]
) -> DemoState:
    """Runs the demo and returns what came of it.

    Args:
        base: settings that the demo's own are put on top of.
        show: is handed a new picture every half second.
        say: is handed plain lines on what goes on.

    Raises:
        RapportError: servers or worker could not be started, or stopped by themselves.
    """
    ends = None if options.seconds is None else time.monotonic() + options.seconds - CLOSING_S
    state = DemoState()
    speed = SPEED if options.speed is None else options.speed
    with directory(say) as place, ExitStack() as servers:
        # To its end even when we are stopped: what it starts must be there when `servers` stops it.
        settings = await undisturbed(
            asyncio.to_thread(
                prepare, base, place.path, servers, say, options.broker, options.redis_url, speed
            ),
            _START_S,
        )
        foreign = bool(options.broker or options.redis_url)
        async with traces(settings, foreign=foreign, keep=options.keep, say=say):
            story = demo(datetime.now(UTC), seed=options.seed)
            await ensure_topics(settings)
            state.partnerships = await introduce(settings, story)
            async with (
                mailbox(settings, free_port()) as state.mailbox,
                _processes(settings, place.path, state.mailbox, say) as processes,
            ):
                await _play(settings, story, state, processes, speed, ends, show, say)
            place.keep = bool(state.problems)
    return state


@contextlib.asynccontextmanager
async def _processes(
    settings: Settings, place: Path, box: Mailbox, say: Callable[[str], None]
) -> AsyncIterator[list[Child]]:
    """Worker, notifier and the board's server, stopped at the end."""
    told = settings.model_copy(update={"notify_config": box.config(place / "notify.yaml")})
    processes: list[Child] = []
    try:
        processes.append(start("worker", settings, place))
        say(f"worker started (process {processes[0].pid}), its log: {processes[0].log}")
        processes.append(start("notifier", told, place, **{SECRET_ENV: box.secret}))
        say(f"notifier started (process {processes[1].pid}); it tells the webhook {box.url}")
        processes.append(start("serve", settings, place))
        telling = asyncio.create_task(tell_when_it_answers(await board_address(settings), processes[2], say))
        try:
            yield processes
        finally:
            await end(telling)
    finally:
        await undisturbed(_stop(processes), _STOP_S)


async def _stop(processes: Sequence[Child]) -> None:
    await asyncio.gather(*(asyncio.to_thread(process.stop) for process in processes))


async def _play(
    settings: Settings,
    story: Demo,
    state: DemoState,
    processes: Sequence[Child],
    speed: float,
    ends: float | None,
    show: Callable[[Snapshot], None],
    say: Callable[[str], None],
) -> None:
    feeder = asyncio.create_task(tell(settings, story, speed, state.told, say))
    try:
        async with Reader(settings) as reader:
            rate = Rate()
            while ends is None or time.monotonic() < ends:
                if feeder.done():
                    feeder.result()
                for child in processes:
                    if not child.running:
                        raise DemoError(
                            f"{child.name} stopped by itself; its log ({child.log}) ends with:\n"
                            f"{tail(child.log)}"
                        )
                await _look(reader, settings, state, rate)
                show(state.snapshot)
                await asyncio.sleep(
                    FRAME_S if ends is None else max(0.05, min(FRAME_S, ends - time.monotonic()))
                )
            await _look(reader, settings, state, rate)
            show(state.snapshot)
        state.alerts = await _read_alerts(settings)
        state.truth = await asyncio.to_thread(lambda: story.generated.truth)
        await _arrival(state)
    finally:
        await end(feeder)


async def _arrival(state: DemoState) -> None:
    """An alert that fired just now is still on its way to the webhook: give it a moment."""
    if state.raised and state.mailbox:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ARRIVAL_S):
                while not state.arrived:
                    state.mailbox.arrived.clear()
                    await state.mailbox.arrived.wait()


async def _look(reader: Reader, settings: Settings, state: DemoState, rate: Rate) -> None:
    """Takes a new picture; before the worker has written anything there is none."""
    state.readings = max(
        state.readings, await asyncio.to_thread(readings_made, settings), len(state.snapshot.rows)
    )
    with contextlib.suppress(NotFoundError):
        fences = await reader.totals()
        if fences.read:
            now = time.monotonic()
            state.first_read_at = state.first_read_at or now
            state.last_read_at = now if fences.read > state.totals.read else state.last_read_at
        state.totals = fences
        state.snapshot = await take(reader, rate, sent=state.told.sent, note=_note(state))


def _note(state: DemoState) -> str:
    if state.told.over:
        return "the story is over; Ctrl-C leaves"
    return (
        "live, in fast motion; Ctrl-C leaves"
        if state.told.live
        else "the past goes in: references are being made"
    )


async def _read_alerts(settings: Settings) -> list[dict[str, Any]]:
    """All transitions on the alerts topic, in order of event time."""
    found = []
    async with aclosing(scan(settings, settings.topic(ALERTS), timeout_s=10.0)) as records:
        async for record in records:
            found.append(json.loads(record.value or b"null"))
    return sorted(
        (alert for alert in found if isinstance(alert, dict)), key=lambda alert: str(alert.get("at"))
    )


def _raised(line: dict[str, Any], alerts: list[dict[str, Any]]) -> bool:
    """Whether an alert says what the truth says: this influencer, one of these signals, firing."""
    return any(
        alert.get("state") == "firing"
        and alert.get("influencer_id") == line["influencer_id"]
        and alert.get("signal") in line["signals"]
        for alert in alerts
    )
