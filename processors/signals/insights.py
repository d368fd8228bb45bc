"""What the audience talks about, as plain values: `insights(ledger, at, days) -> dict`.

Rising terms: log-odds of the last day against the 27 before, with an informative Dirichlet prior (Monroe,
Colaresi, Quinn 2008, "Fightin' Words", eq. 15 to 22), over distinct credible actors a day; z from the same
source. A term needs MIN_ACTORS actors. Old days hold only the terms most used: what is missing there counts
as half the least of those, so that a truncated past makes little rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Any, Final

from processors.ledgers.insights import KEEP_DAYS, TERMS_OLD, Insights, Quote, Terms, top
from processors.panes import COUNT, DAY, INTENTS, KIND_INDEX, OBJECTIONS, QUESTIONS, Pane

MIN_ACTORS: Final = 5
#: z from which a term is called rising.
RISING: Final = 2.0
#: Weight of the prior, in uses of all terms.
PRIOR: Final = 100.0
MOST: Final = 8
_QUESTION, _INTENT, _OBJECTION = 1, 2, 4


def rising(ledger: Insights, at: float, most: int = MOST) -> list[dict[str, Any]]:
    """Terms of the last whole day and the running one against the days before, strongest first."""
    today = int(at) // DAY
    now: dict[str, int] = {}
    past: list[Terms] = []
    for day, terms in sorted(ledger.days.items()):
        if day in (today, today - 1):
            for term, n in terms.by_term.items():
                now[term] = now.get(term, 0) + n
        elif today - KEEP_DAYS < day < today - 1:
            past.append(Terms(terms.count, top(terms, TERMS_OLD)))
    total_now = sum(now.values())
    total_past = sum(sum(terms.by_term.values()) for terms in past)
    if not past or not total_past or total_now < MIN_ACTORS:
        return []
    found: list[tuple[float, str, int, float]] = []
    for term, n in now.items():
        if n < MIN_ACTORS:
            continue
        before = sum(terms.by_term.get(term, _least(terms)) for terms in past)
        prior = PRIOR * (n + before + 0.5) / (total_now + total_past)
        here = (n + prior) / (total_now + PRIOR - n - prior + 1e-9)
        there = (before + prior) / (max(1.0, total_past - before) + PRIOR - prior + 1e-9)
        odds = log(max(here, 1e-9)) - log(max(there, 1e-9))
        z = odds / sqrt(1 / (n + prior) + 1 / (before + prior))
        if z >= RISING:
            found.append((z, term, n, before / len(past)))
    found.sort(key=lambda each: (-each[0], each[1]))
    # "blue jacket" says what "blue" and "jacket" say.
    pairs = {word for _, term, _, _ in found if " " in term for word in term.split()}
    return [
        {"term": term, "actors": n, "before_a_day": round(before, 2), "z": round(z, 1)}
        for z, term, n, before in found if " " in term or term not in pairs
    ][:most]  # fmt: skip


def _least(terms: Terms) -> float:
    """What a term that is not among those kept may have been used at most; nothing where all are kept."""
    return min(terms.by_term.values()) * 0.5 if len(terms.by_term) >= TERMS_OLD else 0.0


def _told(quotes: Sequence[Quote], most: int = MOST) -> list[dict[str, Any]]:
    return [
        {"text": quote.text, "at": quote.at, "replies": quote.replies, "answered": quote.answered}
        for quote in sorted(quotes, key=lambda quote: quote.worth, reverse=True)[:most]
    ]


def insights(ledger: Insights, at: float, days: Sequence[tuple[int, Pane]] = ()) -> dict[str, Any]:
    """Everything of the last 28 days before `at` (epoch s). `days`: (start, day pane), for the shares."""
    floor = at - KEEP_DAYS * DAY
    quotes = [quote for quote in ledger.quotes.values() if floor < quote.at <= at]
    questions = [quote for quote in quotes if quote.flags & _QUESTION]
    first_day = int(at) // DAY - KEEP_DAYS
    amplifiers = [n for actor in ledger.amplifiers if (n := ledger.amplified(actor, first_day)[0])]
    said = [
        (sum(pane[COUNT + KIND_INDEX[kind]] for kind in ("comment", "reply")), pane)
        for start, pane in days
        if start > floor - DAY
    ]
    comments = sum(n for n, _ in said)

    def counted(column: int) -> dict[str, Any]:
        count = sum(pane[column] for _, pane in said)
        return {"count": count, "share": round(count / comments, 4) if comments else None}

    return {
        "comments": comments,
        "rising": rising(ledger, at),
        "questions": counted(QUESTIONS),
        "unanswered": _told([quote for quote in questions if not quote.answered]),
        "intents": counted(INTENTS) | {"examples": _told([q for q in quotes if q.flags & _INTENT], 4)},
        "objections": counted(OBJECTIONS)
        | {"examples": _told([q for q in quotes if q.flags & _OBJECTION], 4)},
        "amplifiers": {
            "people": len(amplifiers),
            "acts": sum(amplifiers),
            "busiest": max(amplifiers, default=0),
        },
        # What drew talk, or asks for an answer at length, makes content together.
        "ideas": _told([quote for quote in quotes if quote.replies >= 2 or quote.substance >= 75], 5),
    }
