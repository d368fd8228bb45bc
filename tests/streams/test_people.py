"""What people do, on a real store: once each, recorded, within their brands, also through lost answers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio as aioredis

from schemas import Explainer
from schemas.acts import Matcher
from streams.errors import InputError, NotFoundError, StoreUnavailableError
from streams.people import ConflictError, People, Who, silenced_by
from streams.people_explain import accept_normal, brand_for, explain, explainers, unexplain
from streams.people_store import Change
from streams.settings import Settings
from tests.servers import RedisServer
from tests.streams.people_world import ALERTS, NOW, alert, write

pytestmark = pytest.mark.servers
ANN = Who("ann")
ACME = Who("token", "http", frozenset({"acme"}))


@pytest.fixture
def settings(server: RedisServer) -> Settings:
    made = Settings(redis_url=server.url, namespace=f"t{secrets.token_hex(4)}")
    write(made)
    return made


@pytest.fixture
async def people(settings: Settings) -> AsyncIterator[People]:
    client = aioredis.Redis.from_url(settings.redis_url)
    yield People(settings, client)
    await client.aclose()


async def verbs(people: People, **more: Any) -> list[str]:
    return [act.verb for _, act in await people.audit(**more)]


async def test_an_ack_is_once_whoever_says_it_again(people: People) -> None:
    first = await people.ack("aaaa1111", ANN, "on it")
    again = await people.ack("aaaa1", ANN)
    assert first == again
    assert (await people.acks())["aaaa1111"].note == "on it"
    assert await verbs(people) == ["ack"]
    await people.ack("aaaa1111", Who("bob"))
    assert (await people.acks())["aaaa1111"].by == "bob"
    assert await people.unack("aaaa1111", ANN)
    assert not await people.unack("aaaa1111", ANN)
    assert await verbs(people) == ["unack", "ack", "ack"]
    assert await verbs(people, by="bob") == ["ack"]
    (_, act), *_ = await people.audit(partnership="acme--ann", verb="unack")
    assert (act.by, act.brand_id, act.via, act.subject) == ("ann", "acme", "cli", "aaaa1111")


async def test_ids_may_be_short_but_not_ambiguous(people: People) -> None:
    with pytest.raises(InputError, match="several alerts begin with 'aaaa'"):
        await people.ack("aaaa", ANN)
    with pytest.raises(NotFoundError) as told:
        await people.ack("aaaa1112x", ANN)
    assert "did you mean 'aaaa1111'" in (told.value.hint or "")
    with pytest.raises(NotFoundError):
        await people.ack("aaa", ANN)
    with pytest.raises(ConflictError, match="has resolved"):
        await people.ack("bbbb1111", ANN)


async def test_who_is_bound_to_brands_does_not_even_learn_of_others(people: People) -> None:
    with pytest.raises(NotFoundError) as told:
        await people.ack("cccc1111", ACME)
    assert "cccc" not in (told.value.hint or "")
    await people.mark_wrong("cccc1111", ANN)
    assert await verbs(people, brands=frozenset({"acme"})) == []
    with pytest.raises(NotFoundError):
        await people.unmark_wrong("cccc1111", ACME)
    assert set(await people.wrong()) == {"cccc1111"}
    assert await people.unmark_wrong("cccc1111", ANN)


async def test_a_mark_can_be_taken_back_when_its_alert_is_gone(people: People) -> None:
    await people.mark_wrong("aaaa1111", ANN)
    people.alerts = lambda: asyncio.sleep(0, [])  # type: ignore[method-assign,assignment]
    assert await people.unmark_wrong("aaaa1111", ANN)


async def test_silences_hold_end_and_are_changed(people: People) -> None:
    ends = NOW + timedelta(hours=2)
    conn = Matcher.parse("signal=~conn.*")
    made = await people.silence([conn], ANN, comment="known", ends_at=ends, once="k1")
    assert await people.silence([conn], ANN, comment="known", ends_at=ends, once="k1") == made
    assert silenced_by(ALERTS[0], await people.silences(), NOW + timedelta(hours=1)) == made
    assert silenced_by(ALERTS[1], await people.silences(), NOW + timedelta(hours=1)) is None
    assert silenced_by(ALERTS[0], await people.silences(), ends) is None
    longer = await people.silence(
        [conn], ANN, comment="still", ends_at=ends + timedelta(hours=1), silence_id=made.silence_id
    )
    assert (longer.silence_id, longer.created_at) == (made.silence_id, made.created_at)
    ended = await people.unsilence(made.silence_id[:6], ANN)
    assert ended.ends_at < ends and not ended.active(NOW + timedelta(hours=1))
    assert await people.unsilence(made.silence_id, ANN) == ended
    assert await verbs(people) == ["unsilence", "silence", "silence"]
    for bad, field in (
        ({"ends_at": NOW - timedelta(hours=1)}, "ends_at"),
        ({"ends_at": NOW + timedelta(days=4_000)}, "ends_at"),
        ({"comment": " \x1b[2J"}, "comment"),
        ({"comment": "x" * 3_000}, "note"),
    ):
        with pytest.raises(InputError, match=field):
            await people.silence([conn], ANN, **{"comment": "x", "ends_at": ends, **bad})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="empty label"):
        await people.silence([Matcher.parse("signal=~.*")], ANN, comment="all", ends_at=ends)


async def test_a_silence_cannot_leave_its_makers_brands(people: People) -> None:
    ends = NOW + timedelta(hours=2)
    made = await people.silence([Matcher.parse("signal=connection")], ACME, comment="x", ends_at=ends)
    assert made.brand_id == "acme" and "brand_id=acme" in [str(m) for m in made.matchers]
    for theirs in ("brand_id=bolt", "partnership_id=bolt--bob"):
        with pytest.raises(NotFoundError) as told:
            await people.silence([Matcher.parse(theirs)], ACME, comment="x", ends_at=ends)
        assert "bolt" not in str(told.value)
    other = await people.silence([Matcher.parse("partnership_id=bolt--bob")], ANN, comment="x", ends_at=ends)
    assert other.brand_id == "bolt"
    with pytest.raises(NotFoundError):
        await people.unsilence(other.silence_id, ACME)
    two = Who("t", "http", frozenset({"acme", "bolt"}))
    with pytest.raises(InputError, match="add brand_id"):
        await people.silence([Matcher.parse("signal=connection")], two, comment="x", ends_at=ends)


async def test_fifty_at_once_lose_nothing(people: People, settings: Settings) -> None:
    await asyncio.gather(*(people.ack("aaaa1111", Who(f"p{n}")) for n in range(50)))
    assert len(await verbs(people)) == 50
    (_, newest), *_ = await people.audit(limit=1)
    assert (await people.acks())["aaaa1111"].by == newest.by


async def test_an_answer_that_got_lost_is_found_done(people: People) -> None:
    store, real = people.store, people.store._redis.eval

    class Lossy:
        lost = 0

        async def __call__(self, *arguments: Any) -> Any:
            await real(*arguments)
            if not self.lost:
                self.lost = 1
                return await real(*arguments)  # what redis-py does when the answer to the first got lost
            return 1

    store._redis.eval = Lossy()  # type: ignore[method-assign]
    await people.ack("aaaa1111", ANN)
    assert await verbs(people) == ["ack"]


async def test_unreadable_values_hide_nothing(people: People, caplog: pytest.LogCaptureFixture) -> None:
    await people.ack("aaaa1111", ANN)
    await people.store._redis.hset(people.store.key("acks"), "x", b"{")
    await people.store._redis.xadd(people.store.key("audit"), {"act": b"\xff"})
    assert set(await people.acks()) == {"aaaa1111"}
    assert await verbs(people) == ["ack"]
    assert "cannot be read" in caplog.text


async def test_the_audit_is_paged(people: People) -> None:
    for number in range(7):
        await people.ack("aaaa1111", Who(f"p{number}"))
    first = await people.audit(limit=3)
    rest = await people.audit(limit=100, before=first[-1][0])
    assert [act.by for _, act in first + rest] == [f"p{number}" for number in reversed(range(7))]
    assert await people.audit(since=NOW + timedelta(days=1)) == []


class Topic:
    """Stands for control.v1."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes | None] = {}
        self.broken = False

    async def publish(self, key: bytes, value: bytes | None) -> None:
        if self.broken:
            raise StoreUnavailableError("away")
        self.records[key] = value


def giveaway(hours: float = 0.0, **more: Any) -> Explainer:
    begins = NOW + timedelta(hours=24 + hours)
    told = {"kind": "giveaway", "starts_at": begins, "ends_at": begins + timedelta(hours=6), "note": "Friday"}
    return Explainer(**{**told, **more})


async def test_explainers_stand_side_by_side(people: People) -> None:
    topic = Topic()
    key, control = await explain(people, "acme--ann", giveaway(), ANN, topic.publish, brand_id="acme")
    assert key == control.key == "explainer:acme--ann"
    again = await explain(people, "acme--ann", giveaway(), ANN, topic.publish, brand_id="acme")
    assert again == (key, control)
    second, _ = await explain(people, "acme--ann", giveaway(48), ANN, topic.publish, brand_id="acme")
    assert second.startswith(key + ":") and len(topic.records) == 2
    assert await verbs(people) == ["explain", "explain"]
    assert all(item.published for item in (await explainers(people)).values())
    with pytest.raises(InputError):
        await unexplain(people, "explainer:acme-", ANN, topic.publish)
    with pytest.raises(NotFoundError):
        await unexplain(people, key, Who("t", "http", frozenset({"bolt"})), topic.publish)
    await unexplain(people, key, ANN, topic.publish)
    assert topic.records[key.encode()] is None and list(await explainers(people)) == [second]
    with pytest.raises(InputError) as told:
        await explain(people, "acme--ann", giveaway(kind="givaway"), ANN, topic.publish)
    assert "did you mean 'giveaway'" in (told.value.hint or "")
    with pytest.raises(InputError, match="92 days"):
        await explain(people, "acme--ann", giveaway(ends_at=NOW + timedelta(days=200)), ANN, topic.publish)


async def test_an_explainer_cut_off_at_the_broker_is_finished_when_said_again(people: People) -> None:
    topic = Topic()
    topic.broken = True
    with pytest.raises(StoreUnavailableError):
        await explain(people, "acme--ann", giveaway(), ANN, topic.publish, brand_id="acme")
    assert await verbs(people) == []  # nothing is said to have happened
    topic.broken = False
    key, _ = await explain(people, "acme--ann", giveaway(), ANN, topic.publish, brand_id="acme")
    assert key.encode() in topic.records and await verbs(people) == ["explain"]


async def test_accept_normal_is_recorded(people: People, settings: Settings) -> None:
    topic = Topic()
    assert await brand_for(people, "acme--ann", ACME, settings) == "acme"
    await accept_normal(people, "acme--ann", ANN, topic.publish, note="longer videos", brand_id="acme")
    assert list(topic.records) == [b"accept_normal:acme--ann"] and await verbs(people) == ["accept_normal"]
    with pytest.raises(NotFoundError):
        await brand_for(people, "bolt--bob", ACME, settings)


async def test_a_store_that_is_away_is_said(unused_tcp_port: int) -> None:
    settings = Settings(redis_url=f"redis://127.0.0.1:{unused_tcp_port}/0", redis_timeout_s=0.5)
    client = aioredis.Redis.from_url(settings.redis_url, retry=None)
    people = People(settings, client)
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        await people.silences()
    with pytest.raises(StoreUnavailableError):
        await people.store.change("acks", "x", lambda _: Change("1", None))
    await client.aclose()


def test_alert_of_the_world_is_as_the_contract_has_it() -> None:
    assert alert("x").model_dump(mode="json")["explainers"][0]["kind"] == "posting_pause"
