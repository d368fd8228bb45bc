"""What the bench says without running it: budgets, tables, pictures, and the model of many workers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from random import Random

import pytest

from bench.__main__ import WHAT, main
from bench.alert_latency import _RULES, deciding
from bench.check import BEGIN, END, STAGES, Budget, beyond, budgets, document
from bench.load import partnerships
from bench.measure import percentiles
from bench.report import Sheet, said, spread
from bench.simulate import Cost, catch_up_s, dealt, popularity, rebalance, shares
from processors.book import Book
from processors.generator.bench import bench_events
from tests.servers import REPO

HOUR = 497_000 * 3_600


def test_every_stage_has_a_budget_in_the_document() -> None:
    found = budgets((REPO / "docs" / "performance.md").read_text(encoding="utf-8"))
    assert found.keys() == STAGES.keys()
    assert all(0 < budget.ratio < budget.most for budget in found.values())


def test_a_dearer_stage_is_named_and_a_cheaper_one_is_not() -> None:
    allowed = {"decode": Budget(1.0, 1.25), "write": Budget(0.5, 0.6), "produce": Budget(0.3, 0.4)}
    lines = beyond({"decode": 1.3, "write": 0.1, "fold": 2.0}, allowed)
    assert [line.split()[0] for line in lines] == ["produce", "decode", "fold"]


def test_a_table_that_was_written_is_read_again_and_the_rest_stays() -> None:
    text = f"before\n{BEGIN}\n{END}\nafter\n"
    ratios = {stage: float(number + 1) for number, stage in enumerate(STAGES)}
    made = document(text, ratios, 2.0, 0.25)
    assert made.startswith("before\n") and made.endswith("\nafter\n")
    assert {stage: budget.ratio for stage, budget in budgets(made).items()} == ratios
    assert document(made, ratios, 2.0, 0.25) == made
    with pytest.raises(ValueError, match="no budget table"):
        budgets(text)


def test_percentiles_leave_out_what_was_never_seen() -> None:
    found = percentiles([None, *(n / 1_000 for n in range(1, 1_001))])
    assert (found["n"], found["never"], found["max_s"]) == (1_000, 1, 1.0)
    assert found["p50_s"] == 0.501 and found["p99_s"] == 0.991 and found["p99.9_s"] == 1.0
    assert percentiles([None]) == {"n": 0, "never": 1}


def test_a_sheet_as_markdown_and_as_a_picture() -> None:
    sheet = Sheet(
        "a & b", ("", "events/s"), [("one", "1,000")], [("one <1>", 1_000.0), ("two", 500.0)], "events/s"
    )
    assert sheet.markdown() == "|  | events/s |\n| --- | ---: |\n| one | 1,000 |"
    wide = [
        float(each.get("width", "0"))
        for each in ET.fromstring(sheet.svg()).iter()
        if each.get("height") == "15"
    ]
    assert wide == [380.0, 190.0]
    assert said(spread([3.0, 1.0, 2.0])) == "2 (1 to 3)" and said(spread([2.0])) == "2"


def test_each_measurement_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((), *((name,) for name in WHAT)):
        with pytest.raises(SystemExit) as left:
            main([*arguments, "--help"])
        assert left.value.code == 0
    assert "--runs" in capsys.readouterr().out


def test_the_event_that_decides_an_alert_is_one_that_begins_a_minute_after_the_hour(tmp_path: Path) -> None:
    (rules := tmp_path / "rules.yaml").write_text(_RULES)
    records = list(bench_events(8_000, start=HOUR - 1_500, stretch_s=1_700, influencers=20))
    book = Book(partnerships(0) or [])
    assert deciding(records, 2, book, rules) == {}  # nobody is watched
    book = Book([
        one.model_copy(update={"influencer_id": records[0].key.decode()}) for one in partnerships(1)
    ])  # fmt: skip
    (at,) = deciding(records, 2, book, rules).values()
    before = max(record.at for record in records if record.at < at)
    assert at // 60 > before // 60 and HOUR + 60 <= at < HOUR + 200


def test_the_model_of_many_workers_is_seeded_and_adds_up() -> None:
    assert sum(popularity(1_000, 1.0)) == pytest.approx(1.0)
    assert popularity(1_000, 1.0)[0] > 0.1 > 0.02 > popularity(1_000, 0.01)[0]
    each = shares(1_000, 1.0, 16, 3)
    assert sum(each) == pytest.approx(1.0) and each != shares(1_000, 1.0, 16, 4)
    assert sum(dealt(each, 5, Random(1))) == pytest.approx(1.0)
    assert catch_up_s(0.5, 1_000, 1_000, 6.0) == 6.0  # as much spare as load
    assert catch_up_s(0.5, 3_000, 1_000, 6.0) == float("inf")
    outcome = rebalance(1_000, 1.0, 16, 4, 40_000, Cost(38.0, 6.0), 3)
    assert outcome == rebalance(1_000, 1.0, 16, 4, 40_000, Cost(38.0, 6.0), 3)
    assert outcome.behind == 0 and 6.0 < outcome.median_s <= outcome.slowest_s
