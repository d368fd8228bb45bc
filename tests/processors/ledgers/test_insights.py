"""What the audience talks about: bounded, of credible people, gone after 28 days."""

from __future__ import annotations

from typing import Any

import pytest

from processors.decode import Event, Target
from processors.ledgers.base import Act
from processors.ledgers.insights import KEEP_DAYS, QUOTE, QUOTES, TERMS, Insights, Quote, terms_of, trimmed
from processors.panes import DAY
from processors.signals.insights import insights
from processors.text import words
from streams.commands.insights import describe
from tests.processors.builders import NOW


def said(text: str, at: float, actor: int = 1, **fields: Any) -> Act:
    import datetime as dt

    kind, op, role = fields.pop("kind", "comment"), fields.pop("op", "create"), fields.pop("role", "audience")
    target = fields.pop("target", "post")
    event = Event(f"e{at}/{actor}", "s", kind, dt.datetime.fromtimestamp(at, dt.UTC), "x:ann", text=text)
    event.object_id = fields.pop("object_id", f"o{at}/{actor}")
    event.target = Target(target)
    act = Act(event, kind, op, at, role, actor, newest=at)
    act.words = words(text)
    for name, value in fields.items():
        setattr(act, name, value)
    return act


def month(ledger: Insights) -> None:
    for day in range(26, 1, -1):
        for actor in range(6):
            ledger.act(said("lovely coffee morning route", NOW - day * DAY + actor, 100 * day + actor))


def test_a_term_rises_when_people_speak_of_it_more_than_before() -> None:
    ledger = Insights()
    month(ledger)
    for actor in range(7):
        ledger.act(said("the blue jacket again and coffee", NOW - 3_600 + actor, actor))
    found = insights(ledger, NOW)["rising"]
    assert found[0]["term"] == "blue jacket" and found[0]["actors"] == 7
    assert not any(each["term"] == "coffee" for each in found)


def test_one_loud_person_makes_no_trend() -> None:
    ledger = Insights()
    month(ledger)
    for number in range(30):
        ledger.act(said("blue jacket", NOW - 3_600 + number, 7))
    assert insights(ledger, NOW)["rising"] == []


def test_people_of_low_credibility_are_not_heard() -> None:
    ledger = Insights()
    ledger.act(said("where did you get the jacket?", NOW, 3, low=True))
    assert not ledger.quotes and not ledger.days


def test_questions_wait_until_the_influencer_answers() -> None:
    ledger = Insights()
    ledger.act(said("where did you get this jacket?", NOW - 60, 3, object_id="q"))
    assert [q["text"] for q in insights(ledger, NOW)["unanswered"]] == ["where did you get this jacket?"]
    ledger.act(said("in the small shop", NOW - 30, 9, role="influencer", kind="reply", target="q"))
    assert insights(ledger, NOW)["unanswered"] == []


def test_a_deleted_comment_is_forgotten() -> None:
    ledger = Insights()
    ledger.act(said("is it worth the price?", NOW - 60, 3, object_id="q"))
    ledger.act(said("", NOW, 3, op="undo", object_id="q"))
    assert not ledger.quotes


def test_what_is_held_is_bounded_and_comes_back_as_it_was() -> None:
    ledger = Insights()
    for day in range(28, 0, -1):
        for n in range(60):
            text = f"where is word{day}x{n} other{n * day} from, is that one {'long ' * 60}?"
            letters = str.maketrans("0123456789", "abcdefghij")
            ledger.act(said(text.translate(letters), NOW - day * DAY + n * 60, n))
        ledger.trim(NOW - day * DAY + 4_000)
    assert len(ledger.quotes) == QUOTES and all(len(t.by_term) <= TERMS for t in ledger.days.values())
    written = dict(ledger.writes())
    held = {sub: value for sub, value in written.items() if value is not None and sub != "amplifiers"}
    assert sum(map(len, held.values())) <= 12 * 1024
    again = Insights()
    for sub, value in held.items():
        again.load(sub, value)
    assert insights(again, NOW) == insights(ledger, NOW)
    ledger.trim(NOW + 40 * DAY)
    assert not ledger.days and not ledger.quotes


def test_trimming_does_not_show() -> None:
    one, other = Insights(), Insights()
    for ledger in (one, other):
        month(ledger)
        for actor in range(7):
            ledger.act(said("the blue jacket, how much is it?", NOW - 3_600 + actor, actor))
    other.trim(NOW)
    assert insights(one, NOW) == insights(other, NOW)


def test_texts_are_trimmed_and_made_harmless() -> None:
    text = trimmed("@ann see \x1b[31mhttps://a.example/b\u202e " + "x" * 300)
    assert len(text) <= QUOTE and not any(c in text for c in "\x1b\u202e@")
    assert "jacket" in terms_of("that Jacket!") and terms_of("and the with") == set()
    ledger = Insights()
    ledger.act(said("how much is [red]this[/red]?", NOW, 1))
    about = {"partnership_id": "acme--ann", "fit": {"value": 91.2, "new_actors": 0.1, "too_much": True}}
    told = [line.plain for line in describe(insights(ledger, NOW) | about)]
    assert any("how much is [red]this[/red]?" in line for line in told)
    assert "fits at 91 of 100, and only 10% of it is new" in told[-1]


def test_quotes_are_kept_only_as_long_as_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def held(days: int) -> Insights:
        insights = Insights()
        monkeypatch.setattr(Insights, "quote_days", KEEP_DAYS)
        for n in range(4):
            insights._keep(Quote(n, NOW - n * DAY, "Where can I buy this?", 1, 90), NOW)
        list(insights.writes())
        monkeypatch.setattr(Insights, "quote_days", days)
        insights.trim(NOW)
        return insights

    assert set(held(KEEP_DAYS).quotes) == {0, 1, 2, 3}
    assert set(held(2).quotes) == {0, 1}
    none = held(0)
    assert none.quotes == {}
    assert dict(none.writes())["quotes"] == b"\x90"
