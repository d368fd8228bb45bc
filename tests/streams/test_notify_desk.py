"""A desk and its courier on a store in memory: what is written before what, and what a bad receiver does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec
import pytest

from processors.notify.engine import Engine
from processors.notify.keys import Failed, NotifyKeys
from processors.notify.outside import Outside
from processors.notify.queue import SCHEDULE
from processors.notify.state import Path
from processors.state.layout import PartitionKeys
from processors.state.memory_store import MemoryStore
from processors.state.store import StoreError
from schemas import Alert, Notification
from schemas.receivers import Rate
from streams import notify_desk
from streams.notify_courier import Courier
from streams.notify_desk import Desk, DeskMovedError, Shared
from streams.notify_routes import schedule_of
from streams.receivers.base import DeliveryError
from streams.settings import Settings
from tests.processors.notify.house import T0, transition

KEYS = NotifyKeys(PartitionKeys("ns", "alerts", 0))
PATH = Path("route", "hook", ("partnership_id",), 30.0, 300.0, 3_600.0)


@dataclass
class Hook:
    """Takes notifications, or raises what comes next in `moods`."""

    name: str = "hook"
    moods: list[Exception | None] = field(default_factory=list)
    taken: list[Notification] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)

    async def deliver(self, n: Notification) -> None:
        self.tries.append(n.notification_id)
        mood = self.moods.pop(0) if self.moods else None
        if mood is not None:
            raise mood
        self.taken.append(n)

    async def aclose(self) -> None:
        return None


class Office:
    """One desk, its courier and the store, with a clock that tests turn."""

    def __init__(self, store: MemoryStore | None = None, hook: Hook | None = None, now: float = T0) -> None:
        self.now = now
        self.store = store or MemoryStore()
        self.hook = hook or Hook()
        self.gone: list[str] = []
        self.courier = Courier({"hook": self.hook}, {"hook": Rate(1_000_000, 1.0)}, lambda: self.now)
        self.shared = Shared(
            self.store, self.courier, lambda n: Engine(lambda _: [PATH], {"hook"}, partition=n),
            SCHEDULE, lambda: self.now, on_gone=lambda name, why: self.gone.append(name),
        )  # fmt: skip
        self.desk = Desk(self.shared, KEYS)

    async def open(self) -> None:
        following = await self.desk.claim()
        self.desk.begin(following or 0, following or 0)
        self.courier.sources[0] = self.desk

    def put(self, *alerts: Alert) -> None:
        start = self.desk.next
        self.desk.put([(start + i, alert.model_dump_json().encode()) for i, alert in enumerate(alerts)])

    async def after(self, seconds: float) -> None:
        """Time passes; the desk works, and what may be delivered is tried."""
        self.now += seconds
        await self.work()

    async def work(self) -> None:
        while True:
            busy = await self.desk.step()
            while (found := self.courier._next("hook")) is not None:
                source, item = found
                source.report(await self.courier._try(self.hook, item))
                busy = True
            if not busy:
                return

    @property
    def given_up(self) -> list[Failed]:
        found = self.store.hashes.get(KEYS.failed, {}).values()
        return [msgspec.json.decode(value, type=Failed) for value in found]


@pytest.fixture
async def office() -> Office:
    made = Office()
    await made.open()
    return made


async def test_what_is_decided_is_delivered_once_and_leaves_nothing_behind(office: Office) -> None:
    office.put(transition())
    await office.after(0)
    await office.after(30)
    office.put(transition(state="resolved", step=1))
    await office.after(0)
    await office.after(300)
    assert [n.why for n in office.hook.taken] == ["first_notification", "resolved"]
    left = {name: len(office.store.hashes.get(key, {})) for name, key in
            (("queue", KEYS.queue), ("alerts", KEYS.alerts), ("groups", KEYS.groups))}  # fmt: skip
    assert left == {"queue": 0, "alerts": 0, "groups": 0}
    assert office.store.hashes[KEYS.base.fence][b"next"] == b"2"
    assert office.store.hashes[KEYS.base.fence][b"told"] == b"1"


async def nothing_is_next_until_it_is_written(office: Office) -> None:
    """Hold the desk's next write up, and look at what the courier would take meanwhile and afterwards."""
    held = asyncio.Event()
    apply = office.store.apply

    async def slow(keys: object, write: object) -> object:
        await held.wait()
        return await apply(keys, write)  # type: ignore[arg-type]

    office.store.apply = slow  # type: ignore[method-assign, assignment]
    writing = asyncio.create_task(office.desk.step())
    await asyncio.sleep(0.01)
    assert office.courier._next("hook") is None
    held.set()
    await writing
    assert office.courier._next("hook") is not None


async def test_nothing_is_delivered_before_it_is_written(office: Office) -> None:
    office.put(transition())
    await office.after(0)
    office.now += 30
    await nothing_is_next_until_it_is_written(office)


async def test_a_lost_desk_writes_and_delivers_nothing_more(office: Office) -> None:
    office.put(transition())
    await office.after(0)
    other = Office(office.store, office.hook, office.now)
    await other.open()
    office.now += 30
    with pytest.raises(DeskMovedError):
        await office.desk.step()
    assert office.courier._next("hook") is None
    await other.after(30)
    assert len(office.hook.taken) == 1


async def test_an_outcome_that_was_not_written_is_made_again_with_the_same_bytes(office: Office) -> None:
    office.put(transition())
    await office.after(0)
    office.now += 30
    await office.desk.step()
    found = office.courier._next("hook")
    assert found is not None
    await office.courier._try(office.hook, found[1])  # delivered, and killed before it was written
    other = Office(office.store, office.hook, office.now)
    await other.open()
    await other.work()
    first, second = office.hook.taken
    assert first == second
    assert other.desk.queue.items == {}


async def test_the_next_of_a_group_waits_until_the_last_is_written_off(office: Office) -> None:
    office.hook.moods = [DeliveryError("500", retryable=True)]
    office.put(transition())
    await office.after(0)
    await office.after(30)
    office.put(transition(state="resolved", step=1), transition("b", partnership="bolt--ann"))
    await office.after(0)
    assert office.hook.taken == []
    office.now += 5.6
    await office.after(300)
    assert [(n.why, n.group_labels["partnership_id"]) for n in office.hook.taken] in (
        [("first_notification", "acme--ann"), ("first_notification", "bolt--ann"), ("resolved", "acme--ann")],
        [("first_notification", "acme--ann"), ("resolved", "acme--ann"), ("first_notification", "bolt--ann")],
        [("first_notification", "bolt--ann"), ("first_notification", "acme--ann"), ("resolved", "acme--ann")],
    )


async def test_the_next_of_a_group_is_not_tried_before_the_delivery_of_the_last_is_written(
    office: Office,
) -> None:
    """Killed in between, the last comes again: behind the next it would be out of order."""
    office.put(transition())
    await office.after(0)
    office.now += 30
    await office.desk.step()
    first = office.courier._next("hook")
    office.put(transition(state="resolved", step=1))
    await office.after(0)
    office.now += 300
    await office.desk.step()
    assert first is not None and len(office.desk.queue.items) == 2
    office.desk.report(await office.courier._try(office.hook, first[1]))
    await nothing_is_next_until_it_is_written(office)


async def test_after_the_last_try_it_is_listed_and_can_be_sent_again(office: Office) -> None:
    office.hook.moods = [DeliveryError("503", retryable=True)] * len(SCHEDULE)
    office.put(transition())
    await office.after(0)
    for _ in range(200):
        await office.after(1_800)
    office.hook.moods = []
    (failed,) = office.given_up
    assert (failed.tries, failed.error, failed.receiver) == (len(SCHEDULE), "503", "hook")
    assert office.hook.tries.count(failed.notification_id) == len(SCHEDULE)
    key = failed.notification_id.encode()
    office.store.hashes[KEYS.again] = {key: b"{}", b"unknown": b"{}"}
    office.desk.again = {failed.notification_id: b"{}", "unknown": b"{}"}
    await office.after(1)
    assert failed.notification_id in [n.notification_id for n in office.hook.taken]
    assert office.given_up == []
    assert office.store.hashes[KEYS.again] == {}


async def test_what_is_refused_for_good_is_listed_at_once(office: Office) -> None:
    office.hook.moods = [DeliveryError("400", retryable=False)]
    office.put(transition())
    await office.after(0)
    await office.after(30)
    assert [(one.error, one.tries) for one in office.given_up] == [("400", 1)]


async def test_a_receiver_that_is_gone_is_told_nothing_more_until_it_is_enabled(office: Office) -> None:
    office.hook.moods = [DeliveryError("410", retryable=False, gone=True)]
    office.put(transition(), transition("b", partnership="bolt--ann"))
    await office.after(0)
    office.shared.on_gone = lambda name, why: _switch(office, frozenset({name}))
    await office.after(30)
    tries = len(office.hook.tries)
    assert {one.error for one in office.given_up} <= {"410", "the receiver is switched off"}
    office.put(transition("c", partnership="cyan--ann"))
    await office.after(3_600)
    assert len(office.hook.tries) == tries, "a receiver that is off is not tried"
    _switch(office, frozenset())
    await office.after(30)
    assert "cyan--ann" in {n.group_labels["partnership_id"] for n in office.hook.taken}


def _switch(office: Office, off: frozenset[str]) -> None:
    office.shared.outside, office.courier.off = Outside(off=off), off


async def test_records_of_others_are_passed_over(office: Office) -> None:
    office.desk.put([(0, b"no json"), (1, None), (2, b"{}"), (5, transition().model_dump_json().encode())])
    await office.after(30)
    await office.after(30)
    assert office.desk.next == 6
    assert len(office.hook.taken) == 1


async def test_the_queue_is_bounded_and_the_topic_waits(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify_desk, "QUEUE_MOST", 5)
    monkeypatch.setattr(notify_desk, "WAITING_MOST", 10)
    office.hook.moods = [DeliveryError("500", retryable=True)] * 5
    office.put(*(transition(f"a{i}", partnership=f"p{i}") for i in range(40)))
    await office.after(0)
    await office.after(30)
    assert len(office.desk.queue.items) == 5
    assert office.desk.engine.waiting == 35
    assert office.desk.held_up
    assert not office.desk.wants
    await office.after(6)
    assert len(office.hook.taken) == 40, "nothing is lost by it"
    assert office.desk.wants


async def test_what_ended_while_it_was_away_is_no_news() -> None:
    office = Office()
    soon = msgspec.structs.replace(PATH, group_wait=1.0)
    office.shared.engine = lambda n: Engine(lambda _: [soon], {"hook"}, partition=n)
    office.desk = Desk(office.shared, KEYS)
    await office.desk.claim()
    office.desk.begin(0, 2)
    office.courier.sources[0] = office.desk
    office.put(transition())
    await office.after(1)
    await office.after(20)
    office.desk.put([(1, transition(state="resolved", step=1).model_dump_json().encode())])
    await office.after(1)
    await office.after(600)
    assert office.hook.taken == []


async def test_redis_away_keeps_the_place(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify_desk, "_RETRY_S", (0.0,))
    apply, failures = office.store.apply, iter([True, True, False])

    async def flaky(keys: object, write: object) -> object:
        if next(failures, False):
            raise StoreError("away", retryable=True)
        return await apply(keys, write)  # type: ignore[arg-type]

    office.store.apply = flaky  # type: ignore[method-assign, assignment]
    office.put(transition())
    await office.after(0)
    await office.after(30)
    assert len(office.hook.taken) == 1
    assert not office.desk.waiting_for_store


def test_the_schedule_is_that_of_the_settings() -> None:
    assert schedule_of(Settings().notify_retries) == SCHEDULE
    assert schedule_of("0s 1.5s 200ms 1m") == (0.0, 1.5, 1.5, 60.0)
