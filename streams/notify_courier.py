"""Brings notifications to their receivers: a few at a time per receiver, within its rate.

The courier makes tries; what follows from them (again, given up, gone) the desk of the partition decides and
writes. A try has a timeout here, whatever the receiver does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Literal, Protocol

from processors.notify.queue import Bucket, Item, Queue
from schemas import Notification
from streams import metrics
from streams.gauges import begin_receiver
from streams.receivers.base import Begins, DeliveryError, Receiver

if TYPE_CHECKING:
    from schemas.receivers import Rate

log = logging.getLogger(__name__)
#: Deliveries to one receiver at a time.
_AT_ONCE = 4
#: Above the longest timeout that a receiver can be given: only one that does not keep its own meets it.
_TRY_S = 150.0
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended. `again`: it failed, and may do better."""

    seq: int
    how: Literal["delivered", "again", "failed", "gone"]
    error: str = ""
    retry_after: float | None = None


class Source(Protocol):
    """A desk, as the courier sees it."""

    queue: Queue
    open: bool

    def report(self, outcome: Outcome) -> None: ...


class Courier:
    """All deliveries of one process."""

    def __init__(
        self, receivers: Mapping[str, Receiver], rates: Mapping[str, Rate], clock: Callable[[], float]
    ) -> None:
        self.receivers = receivers
        self._clock = clock
        self._buckets = {name: Bucket(rate.most / rate.per_s, rate.most / 4) for name, rate in rates.items()}
        self._wake = {name: asyncio.Event() for name in receivers}
        self._turn: dict[str, int] = {}
        self._flying: dict[int, int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.sources: dict[int, Source] = {}
        self.off: Collection[str] = ()

    def start(self) -> None:
        """Begin to deliver."""
        for name, receiver in self.receivers.items():
            begin_receiver(name)
            if isinstance(receiver, Begins):
                receiver.begin()
            self._tasks += [
                asyncio.create_task(self._work(name), name=f"deliver-{name}-{i}") for i in range(_AT_ONCE)
            ]

    async def stop(self) -> None:
        """End all deliveries, those under way too, and close the receivers."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        for receiver in self.receivers.values():
            try:
                async with asyncio.timeout(5.0):
                    await receiver.aclose()
            except Exception as error:  # a receiver that cannot be closed must not hinder the others
                log.warning("receiver %s was not closed: %r", receiver.name, error)

    def failure(self) -> BaseException | None:
        """What ended a delivering task; None while all is well."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                return error
        return None

    def wake(self) -> None:
        """Something is due."""
        for event in self._wake.values():
            event.set()

    async def landed(self, source: Source, within: float) -> None:
        """Wait until nothing of a closed source is under way, `within` seconds at most."""
        end = monotonic() + within
        while self._flying.get(id(source)) and monotonic() < end:  # noqa: ASYNC110 - short, at the end only
            await asyncio.sleep(0.02)

    def _next(self, name: str) -> tuple[Source, Item] | None:
        """The next that is due, of one partition after the other."""
        if name in self.off:
            return None
        numbers = sorted(self.sources)
        start = self._turn.get(name, 0)
        for step in range(len(numbers)):
            source = self.sources[numbers[(start + step) % len(numbers)]]
            if source.open and (item := source.queue.take(name, self._clock())) is not None:
                self._turn[name] = (start + step + 1) % len(numbers)
                return source, item
        return None

    async def _work(self, name: str) -> None:
        receiver, bucket, event = self.receivers[name], self._buckets.get(name), self._wake[name]
        while True:
            event.clear()
            if (found := self._next(name)) is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await event.wait()
                continue
            source, item = found
            while bucket is not None and (wait := bucket.take(monotonic())) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            if not source.open or name in self.off:  # lost meanwhile: whoever has the partition delivers it
                if source.open:
                    source.queue.later(item.seq)
                continue
            self._flying[id(source)] = self._flying.get(id(source), 0) + 1
            try:
                source.report(await self._try(receiver, item))
            finally:
                self._flying[id(source)] -= 1

    async def _try(self, receiver: Receiver, item: Item) -> Outcome:
        started = monotonic()
        try:
            async with asyncio.timeout(_TRY_S):
                await receiver.deliver(Notification.model_validate_json(item.body))
        except DeliveryError as error:
            how: Literal["gone", "again", "failed"] = (
                "gone" if error.gone else "again" if error.retryable else "failed"
            )
            return Outcome(item.seq, how, str(error), error.retry_after)
        except TimeoutError:
            return Outcome(item.seq, "again", f"no answer within {_TRY_S:.0f} s")
        except Exception as error:  # a receiver's mistake must not stop what goes to others
            log.exception("receiver %s failed in a way that it should not", receiver.name)
            return Outcome(item.seq, "again", repr(error))
        finally:
            metrics.NOTIFICATION_SECONDS.labels(receiver.name).observe(monotonic() - started)
        return Outcome(item.seq, "delivered")
