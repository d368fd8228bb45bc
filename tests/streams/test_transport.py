"""The batch transport holds a bounded number of batches, however much waits in Kafka."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP

from streams.transport import AHEAD, BatchConsumer, RecordBatch

A, B = TP("events", 0), TP("events", 1)
WAIT_S = 1.0


class Asked:
    """Stands in for the fetch itself: notes what was asked for, and for how long."""

    def __init__(self) -> None:
        self.calls: list[tuple[set[TP] | None, float]] = []

    async def __call__(self, _consumer: Any, active: set[TP] | None, timeout: float) -> dict[Any, Any]:  # noqa: ASYNC109
        self.calls.append((active, timeout))
        return {"asked": active}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    found = Asked()

    async def fetch(self: Any, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        return await found(self, active_partitions, timeout)

    monkeypatch.setattr(driver.Consumer, "_getmany", fetch)
    yield found


def consumer() -> BatchConsumer:
    """Only what handing out batches needs: a whole one needs an app, a thread and a broker."""
    made = object.__new__(BatchConsumer)
    made._ahead, made._room = defaultdict(set), asyncio.Event()
    made.claims, made._chain, made._to_seek, made._ends = {}, {}, {}, {}
    return made


def handed_out(made: BatchConsumer, tp: TP, count: int) -> list[RecordBatch]:
    records: Any = [SimpleNamespace(offset=7, value=b"x" * 100)]
    batches = [RecordBatch(tp, records, 0, 1, made._released) for _ in range(count)]
    made._ahead[tp].update(batches)
    return batches


async def test_a_partition_with_enough_in_hand_is_not_fetched_and_the_others_are_soon_looked_at_again(
    asked: Asked,
) -> None:
    made = consumer()
    await made._getmany({A, B}, WAIT_S)
    batches = handed_out(made, A, AHEAD)
    await made._getmany({A, B}, WAIT_S)
    batches[0].release()
    await made._getmany({A, B}, WAIT_S)
    assert [active for active, _ in asked.calls] == [{A, B}, {B}, {A, B}]
    waits = [wait for _, wait in asked.calls]
    assert waits[0] == waits[2] == WAIT_S
    assert waits[1] < WAIT_S / 4, "a partition that has room meanwhile would wait for the others' records"


async def test_with_no_room_at_all_nothing_is_fetched_until_there_is(asked: Asked) -> None:
    made = consumer()
    batches = handed_out(made, A, AHEAD) + handed_out(made, B, AHEAD)
    started = monotonic()
    assert await made._getmany({A, B}, WAIT_S) == {}
    assert 0 < monotonic() - started < WAIT_S / 2, "held up beyond what a rebalance can wait for"
    asyncio.get_running_loop().call_soon(batches[-1].release)
    await made._getmany({A, B}, WAIT_S)
    await made._getmany({A, B}, WAIT_S)
    assert [active for active, _ in asked.calls] == [{B}]


async def test_batches_of_an_older_claim_count_no_more(asked: Asked) -> None:
    made = consumer()
    old = handed_out(made, A, AHEAD)
    made.forget(A)
    await made._getmany({A}, WAIT_S)
    new = handed_out(made, A, AHEAD)
    for batch in old:  # their lane has ended; somebody lets go of them all the same
        batch.release()
    await made._getmany({A}, WAIT_S)
    new[0].release()
    await made._getmany({A}, WAIT_S)
    assert [active for active, _ in asked.calls] == [{A}, {A}]


async def test_the_log_of_a_partition_that_is_held_back_goes_on_growing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fetch tells where the log ends; lag must not stand still for want of one."""
    made, ends = consumer(), {A: 100, B: 200}

    async def asked_for(_: Any, *tps: TP) -> dict[TP, int]:
        return {tp: ends[tp] for tp in tps}

    monkeypatch.setattr(driver.Consumer, "highwaters", asked_for)
    monkeypatch.setattr(driver.Consumer, "highwater", lambda _, tp: 50)
    handed_out(made, A, AHEAD)
    handed_out(made, B, AHEAD - 1)
    await made.look_up_ends()
    assert (made.highwater(A), made.highwater(B)) == (100, 50)
    made.forget(A)  # claimed anew: of another log, it may be
    assert made.highwater(A) == 50


def test_a_released_batch_keeps_its_place_and_no_records() -> None:
    freed: list[RecordBatch] = []
    records: Any = [SimpleNamespace(offset=7), SimpleNamespace(offset=9)]
    batch = RecordBatch(A, records, 5, 1, freed.append)
    batch.release()
    assert (batch.start, batch.end, list(batch.records)) == (5, 10, [])
    assert freed == [batch]
