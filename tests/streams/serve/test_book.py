"""The book that the API follows, on a real broker: what one process writes the other sees, and an end too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from schemas import Partnership
from schemas.topics import EVENTS
from streams.errors import BrokerUnavailableError
from streams.serve.book import LiveBook
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair

pytestmark = pytest.mark.servers
ANN = Partnership(partnership_id="acme--ann", brand_id="acme", influencer_id="ann")


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what Kafka brings sets no event
            await asyncio.sleep(0.05)


async def test_what_one_writes_the_other_sees(
    embedded_pair: Pair, settings_for: Callable[..., Settings]
) -> None:
    settings = settings_for(embedded_pair, partitions=2)
    await ensure_topics(settings)
    one, other = LiveBook(settings, time.monotonic), LiveBook(settings, time.monotonic)
    try:
        assert one.ends(settings.topic(EVENTS), 2) is None
        seen = await other.get()
        assert not seen.by_id
        await one.change("acme--ann", ANN)
        assert (await one.get()).by_id == {"acme--ann": ANN}
        await _until(lambda: seen.by_id == {"acme--ann": ANN})
        await _until(lambda: set(one.ends(settings.topic(EVENTS), 2) or ()) == {0, 1})
        await one.change("acme--ann", None)
        assert not (await one.get()).by_id
        await _until(lambda: not seen.by_id)
    finally:
        await one.close()
        await other.close()


async def test_without_a_broker_it_says_so_and_asks_again_only_later() -> None:
    clock = 0.0
    book = LiveBook(Settings(broker="127.0.0.1:1"), lambda: clock)
    try:
        with pytest.raises(BrokerUnavailableError):
            await book.get()
        began = time.monotonic()
        assert await book.known() is None and not book.ready
        assert time.monotonic() - began < 1.0, "the broker was asked again at once"
    finally:
        await book.close()
