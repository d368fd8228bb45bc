"""`rapport evaluate accounts`: the measures by hand, and the open set of accounts."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.evaluation.accounts import auc, average_precision, estimated_share, evaluate_accounts
from processors.evaluation.errors import EvaluationError


def test_measures_by_hand() -> None:
    assert auc([3, 2, 1, 0], [True, False, True, False]) == pytest.approx(0.75)
    assert auc([1, 1], [True, False]) == pytest.approx(0.5)
    assert auc([1, 2], [True, True]) is None
    assert average_precision([3, 2, 1, 0], [True, False, True, False]) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([1, 1], [True, False]) == pytest.approx(0.5)


def test_share_is_found_whatever_the_base_rate() -> None:
    for fakes in (5, 50, 80):
        odds = [6.0] * fakes + [-9.0] * (100 - fakes)
        assert estimated_share(odds) == pytest.approx(fakes / 100, abs=0.02)


def line(row: dict[str, str]) -> str:
    share = float(row["nums/length username"])
    return json.dumps({
        "event_id": "a", "source": "set", "kind": "profile", "occurred_at": "2019-01-01T00:00:00Z",
        "influencer_id": "set:x", "label": row["fake"] == "1",
        "actor": {
            "id": "set:a", "handle": "1" * round(20 * share) + "a" * (20 - round(20 * share)),
            "followers": int(row["#followers"]), "following": int(row["#follows"]),
            "posts": int(row["#posts"]),
            "has_avatar": row["profile pic"] == "1", "has_bio": int(row["description length"]) > 0,
        },
    })  # fmt: skip


def test_the_open_set_of_accounts(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """The model's own training set: a check that the published weights are those that were measured."""
    with shared_data("instagram_accounts/train.csv").open() as rows:
        lines = [line(row) for row in csv.DictReader(rows)]
    path = tmp_path / "accounts.ndjson"
    path.write_text("\n".join(lines))
    found = evaluate_accounts(path)
    assert found["n"] == 576
    assert found["auc"] > 0.96
    assert found["average_precision"] > 0.95
    assert found["share_mae_per_100"] < 6
    assert found["precision_of_low"] > 0.95


def test_a_line_without_label_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    path.write_text('{"actor": {"id": "a"}, "occurred_at": "2026-01-01T00:00:00Z"}\n')
    with pytest.raises(EvaluationError, match=r"x\.ndjson:1: .*label"):
        evaluate_accounts(path)
    with pytest.raises(EvaluationError, match="cannot be read"):
        evaluate_accounts(tmp_path / "none.ndjson")
