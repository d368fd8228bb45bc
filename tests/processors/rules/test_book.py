"""Which setting holds for whom, what it makes of a verdict, and where it comes from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.book import Book
from processors.detection.look import Look
from processors.detection.registry import DETECTORS
from processors.detection.verdict import Verdict
from processors.rules.book import OVERRIDE, PLAIN, RuleBook, RuleSetting, faults
from processors.rules.compare import by_rule, episodes, pairs
from processors.rules.custom import judge_custom
from processors.rules.effective import differences, effective
from processors.scores import Score
from schemas import Control
from schemas.rules import CustomRule, RulesFile
from schemas.yamlfile import load_yaml
from tests.processors.builders import partnership, signal_input

KEY = ("connection", "drop", "")
TEXT = """
defaults:
  "*": {for: 1h}
  connection.drop: {for: 2h, min_effect: 20%}
  custom: {low: audience_fit below 40, high: authenticity above 99}
tiers: {nano: {connection: {keep_firing_for: 3h}, custom: {high: off}}}
brands: {acme: {connection.drop: {min_effect: 30%}}}
partnerships: {acme--ann: {connection: {for: 4h}}}
"""


def book(text: str = TEXT) -> RuleBook:
    return RuleBook(load_yaml(text, RulesFile, name="rules.yaml"))


def verdict(effect: float = -0.5, severity: str | None = "warning", breached: bool = True) -> Verdict:
    return Verdict("connection", "drop", breached, not breached, severity, True, "drop", effect)


def test_without_a_file_all_is_as_the_detectors_have_it() -> None:
    for rules in (RuleBook(), book("version: 1")):
        for detector in DETECTORS:
            assert rules.setting(partnership(), "nano", *detector.key) is PLAIN
        assert rules.rules(partnership()).custom == ()
    one = verdict()
    assert PLAIN.shape(one) is one


def test_the_narrowest_scope_wins_value_by_value() -> None:
    rules = book()
    assert rules.setting(partnership(), "nano", *KEY) == RuleSetting(
        for_s=4 * 3_600, keep_s=3 * 3_600, min_effect=0.3
    )
    other = partnership(partnership_id="x--y", brand_id="x")
    assert rules.setting(other, "mega", *KEY) == RuleSetting(for_s=7_200, min_effect=0.2)
    assert rules.setting(other, "mega", "health", "drop", "") == RuleSetting(for_s=3_600)
    assert [name for name, _ in rules.rules(other, "mega").custom] == ["high", "low"]
    assert [name for name, _ in rules.rules(other, "nano").custom] == ["low"]


def test_what_a_partnership_says_and_what_people_override_come_last() -> None:
    mine = partnership(rules={"connection.drop": {"for": "5h"}, OVERRIDE: {"connection": {"for": "6h"}}})
    found = book().rules(mine, "nano").explain(KEY)
    assert found["for_"] == (6 * 3_600, "override (control.v1): connection")
    assert found["min_effect"] == (0.3, "brand acme: connection.drop")
    without = partnership(rules={"connection.drop": {"for": "5h"}})
    assert book().setting(without, "nano", *KEY).for_s == 5 * 3_600


def test_an_event_rule_takes_only_what_is_meant_for_it() -> None:
    rules = book("defaults: {'*': {for: 1h, min_effect: 50%, max_severity: info}}")
    assert rules.setting(partnership(), "", "all_in", "event", "post 1") == RuleSetting(max_severity="info")


@pytest.mark.parametrize(
    ("setting", "effect", "severity", "wanted"),
    [
        (RuleSetting(min_effect=0.3), -0.29, "critical", None),
        (RuleSetting(min_effect=0.3), -0.3, "critical", "critical"),
        (RuleSetting(critical=0.6), -0.5, "critical", "warning"),
        (RuleSetting(critical=0.6), -0.6, "warning", "critical"),
        (RuleSetting(warning=0.4), -0.39, "critical", "info"),
        (RuleSetting(warning=0.5, critical=0.3), -0.4, "warning", "critical"),  # said in two scopes
        (RuleSetting(warning=0.4), -0.4, "critical", "critical"),
        (RuleSetting(max_severity="warning"), -0.9, "critical", "warning"),
        (RuleSetting(max_severity="critical"), -0.9, "warning", "warning"),
    ],
)
def test_a_setting_shapes_a_verdict(
    setting: RuleSetting, effect: float, severity: str, wanted: str | None
) -> None:
    shaped = setting.shape(verdict(effect, severity))
    assert (shaped.breached, shaped.severity) == (wanted is not None, wanted)


limits = st.none() | st.floats(0, 1)
ranks = {"info": 1, "warning": 2, "critical": 3}


@given(limits, limits, limits, st.none() | st.sampled_from(sorted(ranks)), st.floats(-1, 0), st.booleans())
def test_a_setting_never_raises_what_the_detector_does_not(
    least: float | None, warning: float | None, critical: float | None, cap: str | None, effect: float,
    breached: bool,
) -> None:  # fmt: skip
    one = verdict(effect, "warning" if breached else None, breached)
    shaped = RuleSetting(True, None, None, least, warning, critical, cap).shape(one)
    assert shaped.breached <= breached
    assert shaped.breached == (shaped.severity is not None)
    if cap and shaped.severity:
        assert ranks[shaped.severity] <= ranks[cap]
    assert replace(shaped, breached=one.breached, severity=one.severity, reason=one.reason) == one


def look(value: float | None, lo: float | None, hi: float | None) -> Look:
    score = Score(value, 100.0, lo, hi, 60.0, "D7", value is not None)
    return Look(signal_input(), known={"audience_fit": score})


@pytest.mark.parametrize(
    ("score", "breached", "recovered", "severity"),
    [
        ((35.0, 31.0, 39.0), True, False, "warning"),
        ((35.0, 31.0, 41.0), False, False, None),  # the interval does not confirm it
        ((15.0, 11.0, 19.0), True, False, "critical"),
        ((40.0, 31.0, 49.0), False, True, None),
        ((35.0, None, None), False, False, None),
        ((None, None, None), False, False, None),
    ],
)
def test_a_limit_is_crossed_where_the_whole_interval_is(
    score: tuple[Any, Any, Any], breached: bool, recovered: bool, severity: str | None
) -> None:
    rule = CustomRule.model_validate({"signal": "audience_fit", "below": 40, "critical": 20})
    found = judge_custom("low", rule, look(*score))
    assert (found.breached, found.recovered, found.severity) == (breached, recovered, severity)
    assert found.measurable == (score[1] is not None)
    assert -1 <= found.effect <= 0
    if breached:
        assert "below the limit of 40" in (found.summary or "")


def test_a_limit_above_works_the_other_way_round() -> None:
    rule = CustomRule.model_validate("audience_fit above 90 for 1h, critical")
    assert judge_custom("high", rule, look(95.0, 92.0, 98.0)).severity == "critical"
    assert judge_custom("high", rule, look(85.0, 80.0, 89.0)).recovered


def control(rules: dict[str, Any], subject: str = "acme--ann") -> Control:
    return Control.model_validate({
        "kind": "override", "subject": subject, "by": "eva", "at": "2026-11-01T00:00:00Z", "rules": rules,
    })  # fmt: skip


def test_the_book_applies_overrides_and_takes_them_back() -> None:
    held = Book([partnership(rules={"health": {"for": "1h"}})])
    rules = RuleBook()
    held.control("override:acme--ann", control({"connection.drop": {"for": "2h"}}))
    (mine,) = held.of("x:ann")
    assert rules.setting(mine, "", *KEY).for_s == 7_200
    assert rules.setting(mine, "", "health", "drop", "").for_s == 3_600
    held.control("override:acme--ann", control({"connection.drop": {"for": "3h"}}))
    assert rules.setting(held.of("x:ann")[0], "", *KEY).for_s == 3 * 3_600
    held.control("override:acme--ann", None)
    assert rules.setting(held.of("x:ann")[0], "", *KEY) == RuleSetting()


def test_bad_rules_are_named_and_stop_nothing() -> None:
    held = Book([partnership(rules={"connection.drop": {"for": "30"}, "health": False})])
    assert held.refused == {"acme--ann": ["rules.connection.drop.for: 30 has no unit (did you mean 30m?)"]}
    assert held.of("x:ann")[0].rules == {}
    with pytest.raises(ValueError, match=r"rules\.conection: unknown signal 'conection' \(did you mean conn"):
        held.control("override:acme--ann", control({"conection": {}}))
    assert held.of("x:ann")[0].rules == {}
    held.put(partnership())
    assert not held.refused
    assert faults({"connection": {"for": "1h"}}) == []


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.sampled_from(["custom", "connection", "for", "x", "*"]), inner,
                                         max_size=3), max_leaves=8))  # fmt: skip
def test_whatever_a_record_holds_is_used_or_named(raw: Any) -> None:
    rules = raw if isinstance(raw, dict) else {"connection": raw}
    wrong = faults(rules)
    held = Book([partnership(rules=rules)])
    assert bool(held.refused) == bool(wrong)
    RuleBook().rules(held.of("x:ann")[0]).of(KEY)


def test_what_holds_is_shown_with_its_source() -> None:
    found = effective(book().rules(partnership(), "nano"))
    assert (found["connection.drop"]["for"].text, found["connection.drop"]["for"].source) == (
        "4h", "partnership acme--ann (file): connection",
    )  # fmt: skip
    assert found["authenticity.drop.bought_followers"]["keep_firing_for"].source == "detector"
    assert found["custom.low"]["limit"].text == "audience_fit below 40"
    assert found["custom.high"]["enabled"].text == "false"
    assert set(found["relationship.event"]) == {"enabled"}


def test_a_diff_tells_narrower_scopes_only_what_they_change() -> None:
    assert differences(book(), book()) == []
    changed = differences(book(), book(TEXT.replace("30%", "35%").replace("{for: 2h,", "{for: 3h,")))
    assert [(c.scope, c.rule, c.field, c.before, c.after) for c in changed] == [
        ("defaults", "connection.drop", "for", "2h", "3h"),
        ("brand acme", "connection.drop", "min_effect", "30%", "35%"),
    ]


def line(which: str, at: int, state: str, previous: str, number: int = 1) -> dict[str, Any]:
    stamp = f"2026-11-{at:02}T00:00:00Z"
    return {
        "set": which, "transition_id": f"{which}{at}{state}{number}", "alert_id": f"{which}{number}",
        "fingerprint": "f", "partnership_id": "p", "influencer_id": "i", "brand_id": "b",
        "signal": "connection", "rule": "drop", "subject": None, "state": state, "previous_state": previous,
        "severity": "warning", "started_at": stamp, "at": stamp, "reason": "", "value": 1.0, "effect": -0.5,
    }  # fmt: skip


def test_alerts_of_two_sets_are_paired_in_time() -> None:
    lines = [
        line("live", 1, "firing", "pending"), line("live", 3, "resolved", "firing"),
        line("shadow", 2, "firing", "pending"), line("shadow", 3, "resolved", "firing"),
        line("live", 10, "firing", "pending", 2), line("shadow", 20, "firing", "pending", 2),
        line("live", 25, "resolved", "firing", 9),  # its beginning was not kept
    ]  # fmt: skip
    found = pairs(episodes([*lines, *lines]))
    assert [(p.which, p.delay_s) for p in found] == [("both", 86_400.0), ("both", 864_000.0)]
    ended = [*lines[:5], line("live", 12, "resolved", "firing", 2), lines[5]]
    assert [p.which for p in pairs(episodes(ended))] == ["both", "live", "shadow"]
    (row,) = by_rule(pairs(episodes(ended)))
    assert (row["live"], row["shadow"], row["both"], row["only_live"], row["only_shadow"]) == (2, 2, 1, 1, 1)
