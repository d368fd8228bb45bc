"""`rapport portfolio` and `rapport compare` on a real broker and store, with names that try to break out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from processors.panes import HOUR
from processors.snapshot import Facts, Member, Part, encode, merge
from processors.state.layout import PartitionKeys, layout_key, partition_of, snapshot_key
from schemas import Partnership
from schemas.topics import EVENTS
from streams.cli import run
from streams.commands.output import run as run_async
from streams.demo_house import as_environment
from streams.sending import send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.processors.builders import NOW
from tests.processors.test_portfolio import fields_of, of, reading

pytestmark = pytest.mark.servers
EVIL = "x:\x1b[2J[red]eve"
Cli = Callable[..., tuple[int, str, str]]


def partners() -> list[Partnership]:
    eve = of("eve").model_copy(update={"influencer_id": EVIL})
    return [of("ann", since="2025-01-01"), of("bob"), eve, of("unread")]


@pytest.fixture
def cli(
    embedded_pair: Any,
    settings_for: Callable[..., Settings],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    settings = settings_for(embedded_pair, partitions=2)
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    run_async(ensure_topics(settings))
    run_async(send_partnerships(settings, partners()))
    _write(settings)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(arguments))
        found = capsys.readouterr()
        return code, found.out, found.err

    return call


def _write(settings: Settings) -> None:
    """A store as workers leave it."""
    topic = settings.topic(EVENTS)
    topics = {"ann": {"food": 30, "\x1b[2Jart": 20}, "bob": {"food": 40}, EVIL: {}}
    people = {"ann": range(400), "bob": range(300, 600), EVIL: range(5)}
    with redis.Redis.from_url(settings.redis_url) as client:
        layout = {"version": 1, "topic": topic, "partitions": 2}
        client.hset(layout_key(settings.namespace), mapping=layout)  # type: ignore[arg-type]
        for item in partners()[:3]:
            name = item.influencer_id
            keys = PartitionKeys(settings.namespace, topic, partition_of(name, 2))
            fields: Any = fields_of(name, 20_000, people[name], topics[name])
            client.hset(keys.influencer(name), mapping=fields)
            client.hset(keys.readings, item.partnership_id, reading(item, 61.0).model_dump_json())
        near = [Member(f"n{k}", 18_000 + k, "x", NOW, (), Facts(fit=float(k))) for k in range(9)]
        mine = Member("ann", 20_000, "x", NOW, (), Facts(fit=4.5, topics={"food": 30}))
        snapshot = merge([Part(NOW // HOUR, (mine, *near))])
        client.set(snapshot_key(settings.namespace), encode(snapshot))


def test_portfolio_prints_partners_sums_and_what_is_not_known(cli: Cli) -> None:
    code, said, err = cli("portfolio", "acme")
    assert code == 0, err
    assert "acme--ann" in said and "micro" in said and "per 1,000" in said
    assert "5 sampled actors; 30 would be needed" in said and "nothing read yet" in said
    assert "missing at random" in said and "\x1b" not in said
    code, said, err = cli("portfolio", "acme", "--json")
    found = json.loads(said)
    assert code == 0 and {p["partnership_id"] for p in found["partners"]} == {
        p.partnership_id for p in partners()
    }
    assert [row["tier"] for row in found["by_tier"]] == ["micro", "unknown"]


def test_compare_prints_signals_people_and_topics(cli: Cli) -> None:
    code, said, err = cli("compare", "acme--ann", "acme--bob")
    assert code == 0, err
    assert "61.0 (59.0–63.0)" in said and "all in is not measurable: few posts" in said
    assert "Engaged with both: 100 ± 0 people" in said
    assert "percentile: audience fit" in said and "of 100 (among 9)" in said and "art" in said
    assert "\x1b" not in said
    code, said, _ = cli("compare", "acme--ann", "acme--eve", "--json")
    found = json.loads(said)
    assert code == 0 and found["b"]["influencer_id"] == EVIL and found["overlap"]["both"] == 5


def test_what_cannot_be_found_is_told_plainly(cli: Cli) -> None:
    code, _, err = cli("portfolio", "acmee")
    assert code == 1 and "no partnership of a brand 'acmee'" in err and "did you mean 'acme'?" in err
    code, _, err = cli("compare", "acme--ann", "acme--nobody")
    assert code == 1 and "there is no partnership 'acme--nobody'" in err
    code, _, err = cli("compare", "acme--ann", "acme--unread")
    assert code == 1 and "no reading of 'acme--unread' yet" in err
    code, _, err = cli("compare", "acme--ann", "acme--ann")
    assert code == 2 and "same partnership" in err


def test_help_teaches_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("portfolio", "compare"):
        assert run([command, "--help"]) == 0
        said = capsys.readouterr().out
        assert "Examples" in said and f"rapport {command} acme" in said and "How to read it" in said
