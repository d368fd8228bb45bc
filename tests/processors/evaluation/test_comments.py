"""Judging comments one by one, by what the live code knew when each came."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.evaluation.comments import evaluate_comments
from processors.evaluation.errors import EvaluationError
from tests.processors.evaluation.comment_sets import instagram, write, youtube


def line(number: int, text: str, label: bool, actor: str) -> str:
    return json.dumps({
        "event_id": f"e{number}", "source": "s", "kind": "comment", "label": label, "text": text,
        "occurred_at": f"2026-11-02T10:{number % 60:02d}:00Z", "influencer_id": "x:ann",
        "actor": {"id": actor}, "object_id": f"o{number}", "target": {"id": "p", "type": "post"},
    })  # fmt: skip


def test_promotion_is_told_from_talk(tmp_path: Path) -> None:
    talk = ("price?", "love this", "🔥", "nice hill")
    spam = ("subscribe to my channel please", "check out my new video https://a.example/x")
    rows = [line(n, text, False, f"a{n}") for n, text in enumerate(talk * 5)]
    rows += [line(30 + n, text, True, f"b{n}") for n, text in enumerate(spam * 5)]
    path = tmp_path / "comments.ndjson"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = evaluate_comments(path)
    assert found["n"] == 30 and found["precision"] == found["recall"] == found["f1"] == found["auc"] == 1.0


def test_one_class_alone_has_no_auc(tmp_path: Path) -> None:
    path = tmp_path / "comments.ndjson"
    path.write_text(line(1, "so good", False, "a"), encoding="utf-8")
    found = evaluate_comments(path)
    assert found["auc"] is None and found["recall"] is None


@pytest.mark.parametrize("body", ["", "{}", "no json", '{"label": true, "kind": "comment"}'])
def test_a_file_that_is_none_is_told(tmp_path: Path, body: str) -> None:
    path = tmp_path / "comments.ndjson"
    path.write_text(body, encoding="utf-8")
    with pytest.raises(EvaluationError):
        evaluate_comments(path)
    with pytest.raises(EvaluationError):
        evaluate_comments(tmp_path / "none.ndjson")


def test_youtube_spam_is_found_without_training(tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    source = shared_data("youtube_spam/comments.csv")
    path = tmp_path / "youtube.ndjson"
    write(youtube(source), path)
    found = evaluate_comments(path)
    assert found["accuracy"] > 0.94 and found["auc"] > 0.94 and found["f1"] > 0.94


def test_organic_comments_are_hardly_ever_called_spam(
    tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    source = shared_data("instagram_comments/comments.csv")
    path = tmp_path / "instagram.ndjson"
    write(instagram(source), path)
    assert evaluate_comments(path)["accuracy"] > 0.96
