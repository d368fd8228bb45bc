"""A person's new normal, a changed method, and an actor who asked to be forgotten."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from processors import scores
from processors.book import Acts, Book, actor_of
from processors.influencer import Influencer
from processors.panes import DAY, HOUR
from processors.refreezing import warming_up, with_reference
from schemas import Control
from tests.processors.builders import NOW, pane, partnership


def control(kind: str, subject: str, at: float) -> Control:
    return Control.model_validate({
        "kind": kind, "subject": subject, "by": "eve", "at": dt.datetime.fromtimestamp(at, dt.UTC),
    })  # fmt: skip


def days(inf: Influencer, first: int, last: int, **fields: Any) -> None:
    """Usual days from `first` to `last` (days from NOW)."""
    for day in range(NOW // DAY + first, NOW // DAY + last):
        inf.days.by_index[day] = pane(**fields)
    inf.meta.first_at = inf.meta.first_at or float(NOW + first * DAY)
    inf.meta.max_at = inf.meta.evaluated = NOW + last * DAY
    inf.cache.clear()
    inf.trim()


def known() -> Influencer:
    inf = Influencer("x:ann")
    days(inf, -28, 0)
    assert with_reference(inf, partnership(), NOW).reference is not None
    return inf


def test_an_accepted_normal_refreezes_once_at_the_boundary_after_it() -> None:
    inf = known()
    days(inf, 0, 30, reply=0.1)
    accepted = NOW + 29 * DAY + 5 * HOUR
    before = with_reference(inf, partnership(), accepted - HOUR, accepted).reference
    assert before is not None and before.frozen_at == NOW
    at = int(accepted) + HOUR
    after = with_reference(inf, partnership(), at, accepted).reference
    assert after is not None and after.frozen_at == at
    assert (after.starts, after.ends) == (NOW + DAY, NOW + 29 * DAY)
    assert after.reply_rate == pytest.approx(0.1, abs=0.02)
    assert with_reference(inf, partnership(), at + DAY, accepted).reference is after
    late = known()  # whoever comes to it days later freezes the same days
    days(late, 0, 30, reply=0.1)
    then = with_reference(late, partnership(), at + HOUR, accepted).reference
    assert then is not None and (then.starts, then.ends, then.total) == (
        after.starts, after.ends, after.total
    )  # fmt: skip


def test_another_method_starts_over_instead_of_ringing(monkeypatch: pytest.MonkeyPatch) -> None:
    inf = known()
    inf.writes()
    monkeypatch.setattr(scores, "METHOD_VERSION", "next")
    at = NOW + HOUR
    inp = with_reference(inf, partnership(), at)
    assert inp.reference is None
    assert "method changed to version next" in (warming_up(inf, inp) or "")
    sets, gone, *_ = inf.writes()
    assert "ref:acme--ann" in gone
    fields = {str(name).encode(): value for name, value in zip(sets[::2], sets[1::2], strict=True)}
    back = Influencer.load("x:ann", {b"meta": fields[b"meta"]}, b"")  # type: ignore[dict-item]
    assert back.meta.freeze_tried == inf.meta.freeze_tried
    days(inf, 0, 28)  # 27 whole days since
    assert with_reference(inf, partnership(), NOW + 28 * DAY, NOW + 9 * DAY).reference is None
    days(inf, 28, 29)
    made = with_reference(inf, partnership(), NOW + 29 * DAY).reference
    assert made is not None and made.method == "next" and made.starts == NOW + DAY
    assert warming_up(inf, with_reference(inf, partnership(), NOW + 29 * DAY)) is None


def test_who_waits_for_a_first_reference_is_told_how_long() -> None:
    inf = Influencer("x:ann")
    days(inf, -9, 0)
    inp = with_reference(inf, partnership(), NOW)
    assert warming_up(inf, inp) == "9 of the 28 days that a reference needs have been measured"


def test_acts_are_kept_by_key_and_may_be_taken_back() -> None:
    acts = Acts()
    acts.put("accept_normal:a", control("accept_normal", "a", NOW))
    acts.put("forget:x", control("forget", "00000000000000ff", NOW))
    assert (acts.accepted, acts.forgotten) == ({"a": NOW}, {255: NOW})
    acts.put("accept_normal:a", control("accept_normal", "a", NOW + 9))
    assert acts.accepted == {"a": NOW + 9}
    for key in ("accept_normal:a", "forget:x", "forget:never"):
        acts.put(key, None)
    assert (acts.accepted, acts.forgotten) == ({}, {})
    with pytest.raises(ValueError, match="no keyed hash"):
        Book().control("forget:ann", control("forget", "ann", NOW))
    assert actor_of("DEADBEEF") == 0xDEADBEEF
