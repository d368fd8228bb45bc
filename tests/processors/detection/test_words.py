"""Every cause, part and explanation that a detector can name has plain words; none accuses anybody."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.detection import comments, message, words
from processors.detection.lifecycle import FIRING, NO_DATA, PENDING, RESOLVED, Transition
from processors.detection.registry import DETECTORS, EVENTS
from processors.detection.verdict import CausePart, Verdict
from processors.signals.fit import TARGETED

DETECTION = Path(message.__file__).parent
EVENT_SUBJECTS = {"relationship": "tie:12ab", "all_in": "12ab34cd56ef"}
KEYS = [
    *(detector.key for detector in DETECTORS),
    *((each.signal, "event", EVENT_SUBJECTS[each.signal]) for each in EVENTS),
    ("source", "silence", "bluesky"),
]
ACCUSES = re.compile(
    r"\b(fraud\w*|fake\w*|cheat\w*|scam\w*|guilt\w*|culprit|dishonest|bought|bots?)\b", re.IGNORECASE
)


def literals(*calls: str) -> Iterator[str]:
    """First arguments of these calls, as far as they are written out."""
    for path in DETECTION.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def a_transition(state: str, reason: str) -> Transition:
    return Transition(
        alert_id="a", transition_id="t", fingerprint="f", signal="", worst=0.0, state=state,
        previous_state=PENDING, severity="warning", reason=reason, started_at=0, at=0, resolved_at=None,
    )  # fmt: skip


def sentence(text: str) -> None:
    assert re.fullmatch(r"[A-Z].*\.", text), text
    assert "_" not in text and not ACCUSES.search(text), text


@pytest.mark.parametrize(("signal", "rule", "subject"), KEYS)
def test_every_cause_has_whole_sentences_and_advice(signal, rule, subject):
    parts = (CausePart("reply_rate", 0.4, 0.1, -0.3),) if signal == "connection" else ()
    bare = Verdict(
        signal=signal, rule=rule, subject=subject, breached=True, recovered=False, severity="warning",
        measurable=True, reason="drop", cause=parts,
    )  # fmt: skip
    for state, reason in (
        (PENDING, "drop"), (FIRING, "drop"), (NO_DATA, "posting_pause"), (NO_DATA, "not_measurable"),
        (RESOLVED, "recovered"), (RESOLVED, "not_confirmed"), (RESOLVED, "no_data_for_long"),
        (RESOLVED, "partnership_ended"),
    ):  # fmt: skip
        sentence(message.summary(a_transition(state, reason), bare))
    sentence(message.advice(bare))
    if subject:
        cause = words.cause_of(subject, rule, signal)
        assert cause is not None, "add words to processors/detection/words.py"
        assert message.summary(a_transition(FIRING, "drop"), bare) == f"{cause.seen}."
        assert message.summary(a_transition(RESOLVED, "recovered"), bare) == f"{cause.over}."


def test_every_part_has_a_title_and_a_unit():
    named = {
        *literals("CausePart"), *TARGETED, *(f"comments_{name}" for name in comments.SEEN),
        *words.DROPS, "new_followers", "mass_followers", "follows", "followers", "suspicious",
        "suspicious_likes", "suspicious_comments",
    } - {"source", "health"}  # fmt: skip
    assert named <= set(words.PARTS), f"add to PARTS: {sorted(named - set(words.PARTS))}"
    for part in words.PARTS.values():
        assert part.unit in {"share", "score", "count", "times", "number"} and not ACCUSES.search(part.title)


def test_every_explanation_has_words():
    named = set(literals("Considered"))
    assert len(named) > 8 and named <= set(words.EXPLANATIONS), sorted(named - set(words.EXPLANATIONS))


def test_every_part_of_a_drop_is_seen_in_words():
    assert set(message.SEEN) <= set(words.PARTS)
    assert set(words.DROPS) - {"source", "health"} <= set(message.SEEN)
    for text in message.SEEN.values():
        sentence(text[:1].upper() + text[1:] + ".")


def test_no_text_of_any_detector_accuses():
    for path in DETECTION.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                assert not ACCUSES.search(node.value), f"{path.name}:{node.lineno}: {node.value}"


def test_numbers_as_people_say_them():
    said = [words.amount(*pair) for pair in (
        (0.414, "share"), (0.004, "share"), (0.0, "share"), (3.21, "times"), (1234.0, "count"),
        (0.0312, "number"), (None, "share"),
    )]  # fmt: skip
    assert said == ["41 %", "0.4 %", "0 %", "3.2 times", "1,234", "0.0312", "not measured"]
    assert words.part_words("new_thing").title == "new thing"
