"""The reader on a real store: totals, readings, alerts, and stores that are empty, odd, or gone."""

import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis.asyncio as redis

from processors.state.layout import PartitionKeys, layout_key, partition_of
from schemas import Alert, Reading, SignalReading
from schemas.topics import EVENTS
from streams.errors import NotFoundError, RapportError, StoreUnavailableError
from streams.reader import Reader, Totals, event_clock, lag, sum_totals
from streams.settings import Settings
from streams.snapshot import Rate, take

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CLOCK = AT.timestamp()
EVIL = "evil--\x1b[2J[red]x"

pytestmark = pytest.mark.servers


def reading(name: str, health: float | None = 60.0, **more: Any) -> Reading:
    signals = {
        "connection": SignalReading(value=31.0, baseline=58.0, n=412),
        "audience_fit": SignalReading(measurable=False, why="too few known countries"),
    }
    return Reading(
        **{
            "partnership_id": name,
            "influencer_id": "ann",
            "brand_id": "acme",
            "tier": "micro",
            "at": AT,
            "health": SignalReading(value=health, lo=50.0, hi=70.0),
            "signals": signals,
            **more,
        }
    )


def alert(name: str, state: str, at: datetime = AT) -> Alert:
    return Alert.model_validate(
        {
            "alert_id": "a",
            "transition_id": f"t{at}",
            "fingerprint": "f",
            "partnership_id": name,
            "influencer_id": "ann",
            "signal": "connection",
            "rule": "drop",
            "state": state,
            "severity": "critical",
            "started_at": at,
            "at": at,
            "reason": "drop",
            "summary": "Connection fell.",
        }
    )


class Written:
    """A store as a worker leaves it: two partitions."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = redis.Redis.from_url(settings.redis_url)
        self.keys = [PartitionKeys(settings.namespace, settings.topic(EVENTS), number) for number in range(2)]

    async def base(self) -> None:
        await self.client.hset(
            layout_key(self.settings.namespace),
            mapping={"version": 1, "topic": self.settings.topic(EVENTS), "partitions": 2},
        )
        await self.client.hset(
            self.keys[0].fence,
            mapping={
                "next": 120,
                "epoch": 3,
                "clock": CLOCK,
                "read": 100,
                "counted": 80,
                "duplicate": 9,
                "rejected": 7,
                "expired": 4,
                "late": 2,
            },
        )
        await self.client.hset(
            self.keys[1].fence, mapping={"next": 10, "epoch": 1, "clock": CLOCK - 60, "read": 5, "counted": 5}
        )

    async def put(self, item: Reading, partition: int = 0) -> None:
        keys = self.keys[partition]
        key = keys.readings_none if item.partnership_id.startswith("none--") else keys.readings
        await self.client.hset(key, item.partnership_id, item.model_dump_json())


@pytest.fixture
async def written(embedded_pair: Any, settings_for: Callable[..., Settings]) -> AsyncIterator[Written]:
    store = Written(settings_for(embedded_pair))
    await store.base()
    yield store
    await store.client.aclose()


async def test_totals_are_summed_over_partitions_and_balance(written: Written) -> None:
    async with Reader(written.settings) as reader:
        fences = await reader.fences()
        assert await reader.totals() == sum_totals(fences) == Totals(105, 85, 9, 7, 4, 2)
        assert sum_totals(fences).balanced and not Totals(read=1).balanced
        assert [fence.next for fence in fences] == [120, 10] and event_clock(fences) == CLOCK
        assert lag(fences, {0: 125, 1: 10}) == 5


async def test_a_partition_never_read_has_its_whole_log_as_lag(written: Written) -> None:
    await written.client.delete(written.keys[1].fence)
    async with Reader(written.settings) as reader:
        assert lag(await reader.fences(), {0: 120, 1: 30}, {1: 10}) == 20


async def test_readings_alerts_and_sparks_are_found_on_any_partition(written: Written) -> None:
    await written.put(reading("b--ann"), 1)
    await written.put(reading("a--ann"), 0)
    await written.client.hset(written.keys[1].spark, "b--ann", json.dumps([[3600, 60.0], [7200, None]]))
    await written.client.hset(written.keys[0].alerts, "f1", alert("a--ann", "resolved").model_dump_json())
    later = AT.replace(hour=11)
    await written.client.hset(
        written.keys[1].alerts, "f2", alert("b--ann", "firing", later).model_dump_json()
    )
    async with Reader(written.settings) as reader:
        assert [item.partnership_id for item in await reader.readings()] == ["a--ann", "b--ann"]
        assert await reader.reading("b--ann") == reading("b--ann")
        assert await reader.reading("c--ann") is None
        assert await reader.sparks() == {"b--ann": [(3600, 60.0), (7200, None)]}
        assert [(item.partnership_id, item.state) for item in await reader.alerts()] == [
            ("b--ann", "firing"),
            ("a--ann", "resolved"),
        ]
        board = await take(reader, Rate(), ends={0: 125, 1: 10})
        assert [(row.name, row.state) for row in board.rows] == [("b--ann", "firing"), ("a--ann", "well")]
        assert board.lag == 5 and board.rows[0].signals["audience_fit"].value is None


async def test_a_partnership_that_moved_is_read_where_it_is_newest(written: Written) -> None:
    await written.put(reading("a--ann", at=AT.replace(hour=9)), 1)
    await written.put(reading("a--ann", 10.0), 0)
    async with Reader(written.settings) as reader:
        found = await reader.reading("a--ann")
        assert found is not None and found.health.value == 10.0


async def test_an_influencer_without_partnership_is_read_from_its_own_partition(written: Written) -> None:
    item = reading("none--ann", brand_id=None)
    await written.put(item, partition_of("ann", 2))
    async with Reader(written.settings) as reader:
        assert await reader.reading("none--ann") == item
        assert await reader.readings() == [] and await reader.readings(unpartnered=True) == [item]


async def test_one_unreadable_value_does_not_hide_the_others(written: Written, caplog: Any) -> None:
    await written.put(reading("a--ann"))
    await written.client.hset(written.keys[0].readings, "broken\x1b", b"\xff{")
    async with Reader(written.settings) as reader:
        assert [item.partnership_id for item in await reader.readings()] == ["a--ann"]
    assert "cannot be read" in caplog.text and "\x1b" not in caplog.text


async def test_nothing_written_yet_says_so(embedded_pair: Any, settings_for: Callable[..., Settings]) -> None:
    async with Reader(settings_for(embedded_pair)) as reader:
        with pytest.raises(NotFoundError, match="nothing is written"):
            await reader.totals()


async def test_a_newer_layout_is_refused(written: Written) -> None:
    await written.client.hset(layout_key(written.settings.namespace), "version", 99)
    async with Reader(written.settings) as reader:
        with pytest.raises(RapportError, match="layout version 99"):
            await reader.totals()


async def test_a_store_that_is_gone_is_told_soon_and_without_its_password() -> None:
    begun = time.monotonic()
    async with Reader(Settings(redis_url="redis://u:s3cret@127.0.0.1:1/0")) as reader:
        with pytest.raises(StoreUnavailableError) as caught:
            await reader.totals()
    assert "s3cret" not in str(caught.value) and time.monotonic() - begun < 5


async def test_the_rate_is_that_of_the_last_seconds() -> None:
    now = [0.0]
    rate = Rate(lambda: now[0])
    assert rate(0) is None
    for second in range(1, 11):
        now[0] = float(second)
        found = rate(100 * min(second, 5))
    assert found == 0.0
