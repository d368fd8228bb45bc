"""The leak of answers: found where there is enough talk, silent on slow trends, holidays and clean lives."""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detection.leak_connection import (
    Cohort,
    cohorts,
    leak,
    past_cohorts,
    reply_leak,
    slower,
    steps_of,
)
from processors.detection.look import Look
from processors.panes import (
    ANSWERABLE,
    ANSWERED,
    DAY,
    N_LATENCY,
    OWN_POSTS,
    OWN_REPLIES,
    Pane,
    latency_bin,
    new_pane,
)
from processors.reference import freeze
from processors.signals.inputs import SignalInput
from tests.processors.builders import LATENCY_MIX, NOW, pane, signal_input, with_reference

MESSAGES = Path(__file__).parents[4] / "shared" / "data" / "messages" / "CollegeMsg.txt"


def lived(seed: int, days: int, rate: float = 0.4, comments: int = 60, fades_from: int = 999,
          halving: float = 12.0, latency: float = 1.0, away: range = range(0)) -> SignalInput:  # fmt: skip
    """`days` days after the reference (four weeks of the same habits): answers drawn one by one."""
    rng = random.Random(seed)
    steps = steps_of(slower([sum(LATENCY_MIX[: i + 1]) for i in range(N_LATENCY)], 1.0))
    late = steps_of(slower([sum(LATENCY_MIX[: i + 1]) for i in range(N_LATENCY)], latency))

    def one(day: int) -> Pane:
        out = pane(comment=rng.randrange(comments // 2, comments * 3 // 2), reply=0)
        if day in away:
            out[OWN_POSTS] = out[OWN_REPLIES] = 0
            return out
        chance = rate * (0.5 ** ((day - fades_from + 0.5) / halving) if day >= fades_from else 1.0)
        for _ in range(out[ANSWERABLE]):
            if rng.random() < chance:
                shares = late if day >= fades_from else steps
                u, i = rng.random(), 0
                while i < N_LATENCY and u > shares[i]:
                    u -= shares[i]
                    i += 1
                if i < N_LATENCY:
                    out[ANSWERED + i] += 1
                    out[OWN_REPLIES] += 1
        return out

    past = tuple((NOW - (28 - d) * DAY, one(-1)) for d in range(28))
    since = tuple((NOW + d * DAY, one(d)) for d in range(days))
    inp = with_reference()
    return with_reference(at=NOW + days * DAY, reference_days=past, day_totals=since,
                          posts=inp.posts, last_post_at=NOW + days * DAY - 3_600)  # fmt: skip


def breached(inp: SignalInput) -> bool:
    return reply_leak(Look(inp)).breached


def test_fading_is_found_within_a_fortnight() -> None:
    found = sum(breached(lived(seed, 34, fades_from=20, latency=3.0)) for seed in range(10))
    assert found >= 9


def test_stopping_is_found_within_a_week() -> None:
    assert all(breached(lived(seed, 27, fades_from=20, halving=0.01)) for seed in range(5))


def test_clean_lives_and_slow_trends_stay_quiet() -> None:
    assert not any(breached(lived(seed, days)) for seed in range(15) for days in (10, 35))
    slow = [lived(seed, 35, fades_from=0, halving=120.0) for seed in range(10)]
    assert not any(map(breached, slow))


def test_a_holiday_counts_for_nothing() -> None:
    gone = lived(3, 34, away=range(20, 32))
    ref = gone.reference
    assert ref is not None
    assert [c.day for c in cohorts(gone, ref) if NOW + 20 * DAY <= c.day < NOW + 32 * DAY] == []
    assert not breached(gone)


def test_little_talk_is_not_measurable_and_says_what_would_be_needed() -> None:
    inp = with_reference()
    assert inp.reference is not None
    total = list(inp.reference.total)
    total[ANSWERABLE] = 20
    few = dataclasses.replace(inp, reference=dataclasses.replace(inp.reference, total=total))
    verdict = reply_leak(Look(few))
    assert not verdict.measurable
    assert verdict.note is not None
    assert "2.0 answers a week are usual; 3 would be needed" in verdict.note
    assert reply_leak(Look(dataclasses.replace(inp, reference=None))).reason == "warming_up"


def test_the_alert_says_what_came_and_what_was_to_be_expected() -> None:
    verdict = reply_leak(Look(lived(1, 34, fades_from=20, latency=3.0)))
    assert verdict.severity
    assert verdict.summary is not None
    assert verdict.summary.startswith("Comments are answered less and less")
    assert verdict.cause[0].part == "reply_rate"
    assert verdict.effect < -0.2


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7), st.floats(1, 10))
def test_a_slower_curve_lies_under_the_curve(curve: list[float], times: float) -> None:
    ordered = sorted(curve)
    late = slower(ordered, times)
    assert all(a <= b + 1e-9 for a, b in zip(late, ordered, strict=True))
    assert late == pytest.approx(sorted(late))  # interpolation rounds


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.floats(0.1, 1.0))
def test_fewer_answers_never_lower_the_evidence(seed: int, kept: float) -> None:
    inp = lived(seed, 20)
    ref = inp.reference
    assert ref is not None
    days, past = cohorts(inp, ref), past_cohorts(inp, ref)
    less = [
        Cohort(c.day, tuple(k * kept for k in c.answered) if i >= len(days) - 6 else c.answered, c.expected)
        for i, c in enumerate(days)
    ]
    assert leak(less, past, ref).log_r >= leak(days, past, ref).log_r - 1e-6


def _talk() -> dict[int, list[tuple[int, int, bool]]]:
    """User -> (time, other, whether they wrote it), in order."""
    talk: dict[int, list[tuple[int, int, bool]]] = defaultdict(list)
    for line in MESSAGES.read_text().splitlines():
        parts = line.split()
        if len(parts) == 3 and all(part.isdigit() for part in parts):
            who, whom, at = map(int, parts)
            talk[who].append((at, whom, True))
            talk[whom].append((at, who, False))
    return talk


def _days(events: list[tuple[int, int, bool]], until: int) -> dict[int, Pane]:
    """Day panes as they stood at `until`: messages received wait for an answer."""
    days: dict[int, Pane] = {}
    waiting: dict[int, int] = {}
    for at, other, out in events:
        if at >= until:
            break
        here = days.setdefault(at // DAY * DAY, new_pane())
        if not out:
            here[ANSWERABLE] += 1
            waiting[other] = at
            continue
        here[OWN_REPLIES] += 1
        asked = waiting.pop(other, None)
        column = None if asked is None else latency_bin(at - asked)
        if asked is not None and column is not None:
            days[asked // DAY * DAY][ANSWERED + column] += 1
    return days


@pytest.mark.skipif(not MESSAGES.exists(), reason="the message data set is not here")
def test_real_people_who_fade_naturally_ring_at_most_once_in_ten_months() -> None:
    months = rung = 0.0
    for events in sorted(_talk().values(), key=len, reverse=True)[:40]:
        first, last = events[0][0] // DAY * DAY, events[-1][0]
        frozen = first + 28 * DAY
        if last < frozen + 20 * DAY:
            continue
        past = sorted(_days(events, frozen).items())
        ref = freeze(signal_input(at=frozen, first_event_at=first, day_totals=past, posts=[]))
        if ref is None or (ref.reply_rate or 0) * ref.total[ANSWERABLE] < 32:
            continue
        months += (last - frozen) / DAY / 30
        rings = False
        for at in range(frozen + 3 * DAY, last // DAY * DAY, DAY):
            kept = [(day, p) for day, p in sorted(_days(events, at).items()) if day >= at - 35 * DAY]
            inp = signal_input(
                at=at, first_event_at=first, reference=ref, reference_days=past, day_totals=kept, posts=[],
                last_post_at=at - DAY,
            )  # fmt: skip
            now = breached(inp)
            rung += now and not rings
            rings = now
    assert months > 30
    assert rung / months <= 0.1
