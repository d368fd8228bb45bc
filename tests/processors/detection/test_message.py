"""What an alert says, in the contract's shape."""

from __future__ import annotations

import re

from processors.detection.drop import judge
from processors.detection.lifecycle import AlertState, Transition, advance
from processors.detection.message import build
from processors.detection.verdict import Verdict
from processors.panes import DAY
from processors.signals import evaluate
from processors.signals.inputs import Gap, SignalInput
from schemas import Alert
from tests.processors.builders import (
    NOW,
    exposure,
    moved,
    pane,
    posts,
    sample,
    with_reference,
)


def told(signal: str, inp: SignalInput, state: AlertState | None = None) -> tuple[AlertState, list[dict]]:
    """Judges `inp` at three boundaries in a row, evidence coming in; alerts as built."""
    state = state or AlertState.new("acme--ann", signal, "drop")
    alerts = []
    for i in range(3):
        at = max(NOW, state.last_at) + 300
        now = moved(inp, lifetime=tuple(10**4 * (at - NOW) for _ in range(12)))
        health, signals = evaluate(now)
        verdict = judge(signal, health if signal == "health" else signals[signal], now)
        state, transitions = advance(state, verdict, at)
        alerts += [build(t, verdict, now, links={"dashboard": "/d/ann"}) for t in transitions]
        assert i >= 0
    for alert in alerts:
        Alert.model_validate(alert)
    return state, alerts


def test_connection_alert_reads_well() -> None:
    _, alerts = told("connection", with_reference(exposure_d7=exposure(reply=0.04)))
    pending, firing = alerts
    assert pending["summary"].startswith(
        "Connection with the audience seems to have fallen from 80 to 42 in 7 days"
    )
    assert re.fullmatch(
        r"Connection .* fell from 80 to \d\d in 7 days: comments are hardly answered any more\.",
        firing["summary"],
    )
    assert firing["state"] == "firing"
    assert firing["previous_state"] == "pending"
    assert firing["severity"] == "critical"
    assert firing["change"] < -0.4  # dialogue is as it was: only the answers are gone
    assert firing["lo"] <= firing["value"] <= firing["hi"]
    assert firing["cause"][0]["part"] == "reply_rate"
    assert firing["advice"]
    assert firing["explainers"][0] == {
        "kind": "posting_pause", "considered": True, "accepted": False, "why": "7 posts in the window",
    }  # fmt: skip
    assert firing["links"] == {"dashboard": "/d/ann"}


def test_gap_is_told_with_its_numbers() -> None:
    gap = Gap(NOW - 4 * DAY, (0, 1, 5, 10, 20, 30, 174), 4)
    _, alerts = told("connection", with_reference(gap=gap, d1=pane(reply=0)))
    assert alerts[-1]["reason"] == "answer_gap"
    assert "240 comments came, 9" in alerts[-1]["summary"]


def test_recovery_and_no_data_are_told() -> None:
    state, _ = told("connection", with_reference(exposure_d7=exposure(reply=0.04)))
    well = with_reference()
    alerts: list[dict] = []
    for _ in range(6):
        state, more = told("connection", well, state)
        alerts += more
    assert alerts[-1]["state"] == "resolved"
    assert alerts[-1]["summary"] == "Connection with the audience has recovered: 80 now, 80 in the reference."
    assert alerts[-1]["advice"] is None
    assert alerts[-1]["resolved_at"] == alerts[-1]["at"]


def test_no_words_of_accusation() -> None:
    """Every message of every signal: affected by, never who did what."""
    troubled = {
        "connection": with_reference(exposure_d7=exposure(reply=0.04)),
        "interaction_quality": with_reference(d7=pane(days=7, low=0.7), posts=posts(weight=15_000)),
        "audience_fit": with_reference(actors_d28=sample(gb=0.2, en=0.3)),
        "health": with_reference(exposure_d7=exposure(reply=0.05), actors_d28=sample(gb=0.2, en=0.3)),
    }
    for signal, inp in troubled.items():
        _, alerts = told(signal, inp)
        assert [a["state"] for a in alerts] == ["pending", "firing"]
        for alert in alerts:
            words = (alert["summary"] + alert["advice"]).lower()
            assert not re.search(r"\b(fake|fraud|bought|cheat|bots?|lie[sd]?|guilty)\b", words)
            assert alert["summary"].endswith(".")


def test_bare_verdict_still_makes_an_alert() -> None:
    transition = Transition(
        "t", "a", "f", "connection", "no_data", "firing", "warning", NOW, NOW, None, "x", -0.5
    )
    verdict = Verdict("connection", "drop", False, False, None, False, "posting_pause")
    alert = build(transition, verdict, with_reference(), event_ids=["e1"], actors=3)
    Alert.model_validate(alert)
    expected = (
        "Connection with the audience can't be measured at present: the influencer posts nothing at present."
    )
    assert alert["summary"] == expected
    assert alert["evidence"] == {"event_ids": ["e1"], "actors": 3}
