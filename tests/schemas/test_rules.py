"""What a rules file may say, and how it is told what it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from processors.detection.registry import DETECTORS, EVENTS
from schemas.rules import EVENT, KNOWN, RulesFile, check_selector, rank, seconds
from schemas.yamlfile import YamlError, load_yaml


def load(text: str) -> RulesFile:
    return load_yaml(text, RulesFile, name="rules.yaml")


def test_every_detector_can_be_named() -> None:
    keys = {d.key for d in DETECTORS} | {(e.signal, EVENT, "") for e in EVENTS}
    named = {(s, r, c) for s, rules in KNOWN.items() for r, causes in rules.items() for c in causes}
    assert keys == named  # schemas/rules.py KNOWN must follow the registry
    for signal, rule, cause in keys:
        assert check_selector(".".join(filter(None, (signal, rule, cause))))


def test_nothing_said_is_nothing_changed() -> None:
    for text in ("", "version: 1", "defaults:\ntiers:\nbrands:\n", "defaults: {custom: }"):
        assert load(text).defaults.empty
        assert not load(text).brands


def test_all_that_can_be_said() -> None:
    file = load(
        "defaults:\n  connection.drop: {for: 1h30m, keep_firing_for: 0, min_effect: 30%, warning: 12.5%,"
        " critical: 100%, max_severity: warning, enabled: true}\n  authenticity.pod: off\n"
        "  custom:\n    low: audience_fit below 40 for 6h, critical\n    not-here: no\n"
        "tiers: {nano: {health: off}}\nbrands: {acme: {'*': {for: 2d}}}\npartnerships: {a--b: {}}\n"
    )
    values = file.defaults.rules["connection.drop"]
    assert (values.for_, values.keep_firing_for, values.min_effect, values.critical) == (5_400, 0, 0.3, 1.0)
    assert file.defaults.rules["authenticity.pod"].enabled is False
    low = file.defaults.custom["low"]
    assert (low.signal, low.below, low.for_, low.severity) == ("audience_fit", 40, 21_600, "critical")
    assert not file.defaults.custom["not-here"].enabled


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ("connection.drop: {for: 30}", "for", "no unit (did you mean 30m?)"),
        ("connection.drop: {for: 5 parsecs}", "for", "unknown unit 'parsecs'"),
        ("connection.drop: {for: -5m}", "for", "negative"),
        ("connection.drop: {for: 8d}", "for", "longer than the 7 days"),
        ("connection.drop: {keep_firing_for: 29d}", "keep_firing_for", "28 days"),
        ("connection.drop: {for: soon}", "for", "no duration"),
        ("connection.drop: {min_effect: 0.3}", "min_effect", "did you mean 30%?"),
        ("connection.drop: {min_effect: 130%}", "min_effect", "more than 100%"),
        ("connection.drop: {min_effect: -30%}", "min_effect", "negative"),
        ("connection.drop: {warning: 50%, critical: 30%}", "connection.drop", "below `warning`"),
        ("connection.drop: {severity: warning}", "severity", "unknown key (did you mean max_severity?)"),
        ("connection.drop: {enabled: 1}", "enabled", "true or false"),
        ("connection.drop: 5", "connection.drop", "mapping"),
        ("conection.drop: {}", "conection.drop", "did you mean connection?"),
        ("connection.leek: {}", "connection.leek", "did you mean leak?"),
        ("authenticity.leak.pot: {}", "pot", "no cause 'pot'"),
        ("relationship.event: {for: 1h}", "for", "event rule"),
        ("custom: {x: audience_fit under 4}", "custom.x", "write it like"),
        ("custom: {x: fit below 4}", "custom.x", "unknown signal 'fit'"),
        ("custom: {x: {signal: health, below: 140}}", "custom.x.below", "100"),
        ("custom: {x: {signal: health}}", "custom.x", "either `below` or `above`"),
        ("custom: {x: {signal: health, below: 20, critical: 30}}", "custom.x", "beyond the limit"),
        ("custom: {x: audience_fit below 4 for 30}", "custom.x", "no unit"),
        ("custom: {X y: audience_fit below 4}", "custom.X y", "no name"),
        ("custom: {pod: audience_fit below 4}", "custom.pod", "built-in"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(said: str, field: str, words: str) -> None:
    with pytest.raises(YamlError) as caught:
        load(f"version: 1\ndefaults:\n  {said}\n")
    assert [p.line for p in caught.value.problems] == [3]
    problem = caught.value.problems[0]
    assert field in problem.field
    assert words in str(problem)


def test_scopes_and_version_are_checked() -> None:
    for text in ("tiers: {nona: {}}", "version: 2", "default: {}", "brands: [acme]"):
        with pytest.raises(YamlError):
            load(text)


@given(st.text(max_size=30) | st.floats() | st.integers() | st.booleans() | st.none())
def test_any_duration_is_seconds_or_refused(value: object) -> None:
    try:
        assert seconds(value) >= 0
    except PydanticCustomError as error:
        assert error.message()


@given(st.integers(0, 10_000), st.sampled_from("smhdw"))
def test_a_whole_number_and_a_unit_is_a_duration(number: int, unit: str) -> None:
    assert (
        seconds(f"{number}{unit}") == number * {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}[unit]
    )


def test_the_closest_selector_is_the_exact_one() -> None:
    key = ("authenticity", "threshold", "pod")
    selectors = ["*", "authenticity", "authenticity.threshold", "authenticity.threshold.pod"]
    assert [rank(s, *key) for s in selectors] == [1, 2, 3, 4]
    assert rank("authenticity.pod", *key) == 4
    assert [rank(s, *key) for s in ("connection", "authenticity.leak", "authenticity.lockstep")] == [0, 0, 0]
