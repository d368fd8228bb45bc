"""When a reference is frozen, over which stretch, and that it survives state."""

from __future__ import annotations

import datetime as dt

import pytest

from processors.panes import ANSWERABLE, DAY, WIDTH
from processors.reference import decode_reference, due, encode_reference, freeze, stretch
from processors.signals.inputs import Reference, SignalInput
from tests.processors.builders import NOW, moved, pane, partnership, posts, signal_input


def day(epoch: int) -> str:
    return dt.datetime.fromtimestamp(epoch, dt.UTC).date().isoformat()


def contract(starts: int) -> dict[str, object]:
    return {"contracts": [{"starts_on": day(starts), "ends_on": day(starts + 90 * DAY)}]}


def later(days: int, **fields: object) -> SignalInput:
    """`days` after NOW, with the last 35 day panes."""
    at = NOW + days * DAY
    first = max(NOW - 28 * DAY, at - 35 * DAY)
    totals = [(start, pane()) for start in range(first, at, DAY)]
    return signal_input(at=at, day_totals=totals, posts=posts(at), **fields)


def frozen(inp: SignalInput) -> Reference:
    ref = freeze(inp)
    assert ref is not None
    return ref


def test_first_28_measured_days() -> None:
    assert not due(moved(signal_input(), first_event_at=NOW - 27 * DAY))
    assert freeze(moved(signal_input(), first_event_at=NOW - 27 * DAY)) is None
    inp = signal_input()
    assert due(inp)
    ref = frozen(inp)
    assert (ref.starts, ref.ends, ref.days) == (NOW - 28 * DAY, NOW, 28)
    assert not due(moved(inp, reference=ref))


def test_what_it_holds() -> None:
    ref = frozen(signal_input())
    assert ref.total[ANSWERABLE] == 28 * 60
    assert ref.reply_rate == pytest.approx(0.4, abs=0.01)
    assert ref.depth == pytest.approx(0.1)
    assert ref.depth_phi == ref.reply_phi == 1.0  # every day is the same
    assert ref.quality_rate == pytest.approx(0.03)
    assert ref.genuineness == pytest.approx(0.9, abs=0.005)
    assert ref.fit == pytest.approx(85)
    assert set(ref.fit_by) == {"country", "lang"}
    assert sum(ref.kind_mix) == pytest.approx(1)


def test_days_before_the_contract_win() -> None:
    start = NOW + 3 * DAY
    inp = later(5, partnership=partnership(**contract(start)))
    assert stretch(inp) == (start - 28 * DAY, start)
    ref = frozen(inp)
    assert (ref.starts, ref.ends) == (start - 28 * DAY, start)


def test_early_reference_is_replaced_once_when_the_first_contract_starts() -> None:
    start = NOW + 3 * DAY
    early = frozen(signal_input(partnership=partnership(**contract(start))))
    assert early.ends == NOW
    then = later(3, partnership=partnership(**contract(start)), reference=early)
    assert due(then)
    second = frozen(then)
    assert second.ends == start
    assert not due(moved(then, reference=second))
    # A renewal a quarter later changes nothing: the reference would hide what the first contract brought.
    assert not due(later(100, partnership=partnership(**contract(start)), reference=second))


def test_contract_older_than_the_measuring_takes_the_first_days() -> None:
    inp = signal_input(partnership=partnership(**contract(NOW - 200 * DAY)))
    assert frozen(inp).ends == NOW


def test_accepted_normal_takes_the_days_before_it_and_stays() -> None:
    start = NOW + 3 * DAY
    inp = later(9, partnership=partnership(**contract(start)))
    accepted = freeze(inp, ends=inp.at)
    assert accepted is not None
    assert (accepted.starts, accepted.ends) == (inp.at - 28 * DAY, inp.at)
    assert not due(moved(inp, reference=accepted))


def test_a_mostly_empty_month_is_no_reference() -> None:
    few = [(NOW - (28 - i) * DAY, pane() if i < 13 else [0] * WIDTH) for i in range(28)]
    assert freeze(signal_input(day_totals=few)) is None


def test_quiet_stretch_and_clumps_of_the_past_are_kept() -> None:
    days = [(NOW - (28 - i) * DAY, pane(reply=0.0 if 8 <= i < 11 else 0.4)) for i in range(28)]
    ref = frozen(signal_input(day_totals=days))
    assert ref.quiet_s == 3 * DAY
    assert ref.reply_phi > 2


def test_survives_state() -> None:
    ref = frozen(signal_input())
    data = encode_reference(ref)
    assert len(data) < 1_000
    back = decode_reference(data)
    assert encode_reference(back) == data
    assert list(back.reply_curve) == list(ref.reply_curve)
    assert (back.total, back.fit_by, back.reply_rate) == (ref.total, ref.fit_by, ref.reply_rate)
    short = encode_reference(
        Reference(**{f: getattr(ref, f) for f in ref.__slots__} | {"total": ref.total[:40]})
    )
    assert len(decode_reference(short).total) == WIDTH  # written before a column was added
