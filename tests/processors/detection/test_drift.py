"""A drift away from the target is found, by the attribute that drifts; noise and surges are none."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from processors.detection.drift import LOOK_BACK, MIN_KNOWN, audience_drift
from processors.detection.look import Look
from processors.ledgers.audience import ATTRIBUTES, UNIT, Audience, Row
from processors.panes import DAY
from tests.processors.builders import NOW, partnership, signal_input, with_reference

BASE = 0.7
TARGET = {"country": {"GB": 1.0}, "lang": {"en": 1.0}, "topics": {"cycling": 1.0}}
IN = {"country": "GB", "lang": "en", "topics": "cycling"}
OUT = {"country": "IN", "lang": "hi", "topics": "baking"}
Share = Callable[[int], float]


def steady(day: int) -> float:
    return BASE


def drifting(day: int) -> float:
    """From .7 to .25 in five weeks, the first day being the first after the reference."""
    return BASE - 0.45 * min(1.0, day / 35)


def life(
    seed: int, *, days: int = 28, acts: int = 40, known: float = 1.0, surge: tuple[int, int] = (99, 99),
    shares: Mapping[str, Share] | None = None,
) -> Look:  # fmt: skip
    """`days` after the reference; each attribute's share in the target by day, as named; others stay."""
    rng = random.Random(seed)
    ledger = Audience()
    first = NOW // DAY - days
    for day in range(days):
        surging = surge[0] <= day < surge[1]
        count = acts * (6 if surging else 1)
        by: list[dict[str, int]] = [{} for _ in ATTRIBUTES]
        for name, table in zip(ATTRIBUTES, by, strict=True):
            if name not in TARGET:
                continue
            share = 0.3 if surging else (shares or {}).get(name, steady)(day)
            for _ in range(count):
                if rng.random() < known:
                    value = IN[name] if rng.random() < share else OUT[name]
                    table[value] = table.get(value, 0) + UNIT
        ledger.rows[first + day] = Row(count, by)
    frozen = with_reference().reference
    assert frozen is not None
    past = replace(
        frozen, starts=(first - 28) * DAY, ends=first * DAY, busiest_day=2 * acts,
        mix_by=dict.fromkeys(TARGET, (BASE, 28.0 * acts * known, 1.0)),
    )  # fmt: skip
    inp = signal_input(
        partnership=partnership(target_audience=TARGET), reference=past, ledgers={"audience": ledger}
    )
    return Look(inp)


def found(**fields: object) -> int:
    return sum(audience_drift(life(seed, **fields)).breached for seed in range(30))  # type: ignore[arg-type]


def test_a_steady_audience_is_silent() -> None:
    assert found() <= 1
    assert found(acts=400) <= 1


@pytest.mark.parametrize("attribute", sorted(TARGET))
def test_a_drift_is_found_within_three_weeks_and_named(attribute: str) -> None:
    assert found(days=21, shares={attribute: drifting}) >= 27
    verdict = audience_drift(life(1, days=21, shares={attribute: drifting}))
    assert (verdict.signal, verdict.rule, verdict.subject) == ("audience_fit", "leak", "audience_drift")
    assert verdict.cause[0].part == attribute
    assert verdict.cause[0].before == pytest.approx(BASE)
    assert verdict.effect < -0.1
    assert verdict.value is not None and verdict.baseline is not None and verdict.value < verdict.baseline


def test_a_share_that_grows_is_no_drift() -> None:
    assert found(shares={"country": lambda day: BASE + 0.25 * day / 28}) <= 1


def test_what_matters_to_nobody_is_not_rung() -> None:
    assert found(acts=2000, shares={"country": lambda day: BASE * 0.97}) == 0


def test_the_days_of_a_surge_and_its_tail_are_left_out() -> None:
    look = life(1, surge=(12, 15))
    verdict = audience_drift(look)
    assert not verdict.breached
    left_out = next(each for each in verdict.explainers if each.kind == "surge")
    # Six times the usual is twice the limit: two weeks after the last of its days, that day included.
    assert left_out.why.startswith("16 of 28 days")
    assert found(surge=(18, 21)) <= 1


def test_few_known_acts_are_enough_where_the_drift_is_plain() -> None:
    plain: Share = lambda day: BASE - 0.6 * min(1.0, day / 14)  # noqa: E731
    assert found(days=21, acts=4, known=0.5, shares={"topics": plain}) >= 20
    assert found(days=21, acts=4, known=0.5) <= 1


def test_too_few_known_acts_are_not_measurable() -> None:
    verdict = audience_drift(life(1, days=MIN_KNOWN - 1, acts=1))
    assert not verdict.measurable and verdict.reason == "not_measurable"


def test_without_a_reference_it_warms_up() -> None:
    inp = life(1).inp
    assert audience_drift(Look(replace(inp, reference=None))).reason == "warming_up"
    assert inp.reference is not None
    bare = replace(inp, reference=replace(inp.reference, mix_by={}))
    assert audience_drift(Look(bare)).reason == "not_measurable"


def test_only_the_last_weeks_are_looked_at() -> None:
    """A dip that ended longer ago than is looked back on is forgotten."""
    dip: Share = lambda day: 0.2 if day < 20 else BASE  # noqa: E731
    assert found(days=20 + LOOK_BACK, shares={"country": dip}) <= 1


def test_what_was_declared_accounts_for_it() -> None:
    look = life(1, days=21, shares={"country": drifting})
    assert audience_drift(look).breached
    now = dt.datetime.fromtimestamp(NOW, dt.UTC)
    told = {"kind": "campaign", "starts_at": now - dt.timedelta(days=10), "ends_at": now}
    inp = replace(look.inp, partnership=partnership(target_audience=TARGET, explainers=[told]))
    verdict = audience_drift(Look(inp))
    assert not verdict.breached
    assert any(each.accepted for each in verdict.explainers)
