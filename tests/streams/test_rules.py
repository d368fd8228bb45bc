"""`rapport rules` as people type it, and the worker's files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.rules.effective import differences
from processors.state.layout import LAYOUT_VERSION, PartitionKeys, layout_key
from processors.state.redis_store import RedisStore
from processors.state.store import Write
from streams.cli import run
from streams.errors import InputError
from streams.rulefiles import RuleBook, load_rules, load_sets
from streams.sending import send
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.processors.evaluation.test_inputs import directory

EXAMPLE = Path(__file__).parents[2] / "docs" / "rules.example.yaml"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("RAPPORT_RULES", "RAPPORT_SHADOW_RULES", "RAPPORT_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_example_of_the_docs_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "check", str(EXAMPLE)]) == 0
    assert "all well" in capsys.readouterr().err
    changed = differences(RuleBook(), RuleBook(load_rules(EXAMPLE)))
    assert {one.scope for one in changed} == {"defaults", "tier nano", "brand acme", "partnership acme--ann"}


def test_mistakes_are_told_with_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "r.yaml", "defaults:\n  conection.drop: {}\n  health: {for: 30}\n")
    assert run(["rules", "check", file]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].endswith("line 2, column 3: defaults.conection.drop: unknown signal 'conection' "
                            "(did you mean connection?)")  # fmt: skip
    assert told[2].index("^") == told[1].index("conection")
    assert run(["rules", "check", file, "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [(p["line"], p["column"], p["hint"]) for p in found["problems"]] == [
        (2, 3, "did you mean connection?"), (3, 17, "did you mean 30m?"),
    ]  # fmt: skip


def test_text_from_a_file_can_do_nothing_to_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rules", "check", written(tmp_path / "r.yaml", 'defaults: {"\x85\u202e": {}}')]) == 2
    assert "\u202e" not in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"\xff\xfe", b"# " + b"x" * 1_048_577, b"defaults: [", None])
def test_files_that_cannot_be_read_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "r.yaml"
    if content is not None:
        path.write_bytes(content)
    assert run(["rules", "check", str(path)]) == 2
    assert "r.yaml" in capsys.readouterr().err.replace("\n", "")
    with pytest.raises(InputError):
        load_sets(Settings(rules=path))


def test_what_holds_is_shown_for_a_partnership(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = {
        "partnership_id": "acme--ann",
        "brand_id": "acme",
        "influencer_id": "a",
        "rules": {"health": False},
    }
    book = written(tmp_path / "p.json", json.dumps([mine]))
    asked = ["rules", "show", str(EXAMPLE), "--partnership", "acme--ann", "--book", book]
    assert run([*asked, "--tier", "nano", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["rules"]
    assert found["health.drop"]["enabled"]["value"] == "false"
    assert found["connection.drop"]["min_effect"] == {
        "value": "25%", "source": "partnership acme--ann (file): connection.drop",
    }  # fmt: skip
    assert found["interaction_quality.drop"]["for"]["source"] == "tier nano: interaction_quality"
    assert run(asked) == 0
    assert "25%" in capsys.readouterr().out
    assert run([*asked[:4], "acme--an", *asked[5:]]) == 1
    assert "did you mean acme--ann" in capsys.readouterr().err


def test_names_that_nobody_has_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = {"partnership_id": "acme--an", "brand_id": "acme", "influencer_id": "a"}
    book = written(tmp_path / "p.json", json.dumps([mine]))
    assert run(["rules", "check", str(EXAMPLE), "--book", book, "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)["warnings"]
    assert line == "partnerships: nobody in p.json is 'acme--ann' (did you mean acme--an?)"


def test_partnerships_with_bad_rules_are_not_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = {"connection.drop": {"for": "30"}}
    bad = [{"partnership_id": "acme--ann", "brand_id": "acme", "influencer_id": "a", "rules": rules}]
    assert run(["partnerships", "validate", written(tmp_path / "p.json", json.dumps(bad))]) == 2
    assert "rules.connection.drop.for: 30 has no unit" in capsys.readouterr().err.replace("\n", "")


def test_a_diff_and_nothing_to_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "a.yaml", "defaults: {connection.drop: {for: 3h}}")
    other = written(tmp_path / "b.yaml", "defaults: {connection.drop: {for: 180m}}")
    assert run(["rules", "diff", file, other, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"changes": []}
    assert run(["rules", "diff", "/dev/null", file]) == 0
    assert "for 10m → 3h" in capsys.readouterr().out


def test_a_back_test_runs_a_directory_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = directory(tmp_path)
    rules = written(tmp_path / "n.yaml", "defaults: {connection: off}")
    assert run(["rules", "backtest", str(case), "--rules", rules, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["added"] == found["removed"] == [] and found["measures"]["new"]["recall"] == 0
    (case / "truth.ndjson").unlink()
    assert run(["rules", "backtest", str(case), "--rules", rules]) == 0
    assert "reference of 28 days" in capsys.readouterr().err.replace("\n", " ")
    assert run(["rules", "backtest", str(tmp_path / "no"), "--rules", rules]) == 2
    assert run(["rules", "backtest", "--rules", rules]) == 2


def _line(which: str, number: int, state: str, at: str) -> bytes:
    return json.dumps({
        "set": which, "transition_id": f"{which}{number}{state}", "alert_id": f"{which}{number}",
        "fingerprint": f"f{number}", "partnership_id": f"acme--{number}", "influencer_id": "i",
        "brand_id": "acme", "signal": "connection", "rule": "drop", "subject": None, "state": state,
        "previous_state": "pending", "severity": "warning", "started_at": "2026-11-01T00:00:00Z",
        "at": at, "reason": "drop", "value": 30.0, "effect": -0.5,
    }).encode()  # fmt: skip


async def _told(url: str) -> None:
    store = RedisStore(url)
    await store.load_library()
    await store.layout(
        layout_key("rules"), {"version": str(LAYOUT_VERSION), "topic": "events", "partitions": "2"}
    )
    for number in (0, 1):
        keys = PartitionKeys("rules", "events", number)
        claim = await store.claim(keys)
        write = Write(claim.epoch, claim.seq, -1, 1)
        lines = [_line("live", number, "firing", "2026-11-01T01:00:00Z")]
        if number:
            lines.append(_line("shadow", number, "firing", "2026-11-01T03:00:00Z"))
        for line in lines:
            write.add("XADD", keys.shadow, ["MAXLEN", "~", 100, "*", "alert", line])
        await store.apply(keys, write)
    await store.close()


@pytest.mark.servers
def test_live_and_shadow_are_compared(embedded_pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_told(embedded_pair.redis_url))
    asked = ["rules", "shadow", "--redis", embedded_pair.redis_url, "--namespace", "rules"]
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (row,) = found["by_rule"]
    assert (row["both"], row["only_live"], row["only_shadow"], row["median_delay_s"]) == (1, 1, 0, 7_200.0)
    assert run(asked) == 0
    printed = capsys.readouterr().out
    assert "+2h" in printed and "only live" in printed and "acme--0" in printed
    assert run([*asked[:-1], "nobody"]) == 1


@pytest.mark.servers
def test_a_back_test_reads_the_live_topic(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    settings = settings_for(embedded_pair)
    monkeypatch.setenv("RAPPORT_TOPIC_PREFIX", settings.topic_prefix)
    rules = written(tmp_path / "n.yaml", "defaults: {connection: off}")
    asked = ["rules", "backtest", "--from-topic", "--since", "3650d", "--rules", rules]
    asked += ["--broker", settings.broker, "--json"]

    async def fill() -> None:
        await ensure_topics(settings)
        await send(settings, [_like(number) for number in range(50)])

    asyncio.run(fill())
    assert run(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["events"], found["totals"]["counted"], found["added"]) == (50, 50, [])


def _like(number: int) -> tuple[float, bytes, bytes]:
    event = {
        "event_id": f"e{number}", "source": "test", "kind": "like", "influencer_id": f"x:{number % 7}",
        "occurred_at": "2026-09-21T14:13:20Z", "actor": {"id": f"x:{number}"},
    }  # fmt: skip
    return 1_790_000_000 + number, f"x:{number % 7}".encode(), json.dumps(event).encode()
