"""What the audience talks about: the ledger behind `rapport insights`.

    terms      day -> {term: distinct credible actors}, at most TERMS a day, 28 days
    quotes     the newest comments worth reading (questions, intents, objections, much answered ones),
               QUOTES at most, each at most QUOTE characters, without mentions, 28 days
    amplifiers actor (keyed hash) -> {day: shares, quotes, mentions}, the AMPLIFIERS busiest

Terms are counted once per actor and day, so that one loud person makes no trend. What is held of people's
words stays under 12 KiB per influencer, goes after 28 days, and a quote goes when its comment is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import pairwise
from typing import ClassVar, Final

import msgspec
from xxhash import xxh32_intdigest as _xxh32

from processors.ledgers.base import AUDIENCE, INFLUENCER, Act, Ledger
from processors.panes import DAY
from processors.text import Words
from processors.text.stopwords import STOPWORDS

KEEP_DAYS: Final = 28
#: Terms of a day: while it runs, and when it is over.
TERMS, TERMS_OLD = 64, 14
TERM_CHARS: Final = 24
QUOTES: Final = 20
QUOTE, QUOTE_BYTES = 140, 240
AMPLIFIERS: Final = 40
#: Distinct actors of a day that are told apart for each term.
_ACTORS: Final = 400
_LOW: Final = 0xFFFFFFFF
_TOKEN = re.compile("#?[^\\W\\d_][\\w\u0900-\u0dff'’-]+")
_MENTION = re.compile(r"@[\w.]+")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


class Quote(msgspec.Struct, array_like=True, gc=False):
    """A comment worth reading."""

    id: int  # hash of the comment's object id (or of its event id)
    at: int
    text: str
    flags: int  # 1 question, 2 intent, 4 objection
    substance: int  # hundredths
    replies: int = 0
    answered: bool = False
    actor: int = 0  # lower 32 bits of the keyed hash of who said it: so that it can be forgotten

    @property
    def worth(self) -> tuple[int, int]:
        """What is kept longest: what drew replies, then substance."""
        return (self.replies * 40 + self.substance + (20 if self.flags else 0), self.at)


class Terms(msgspec.Struct, array_like=True, gc=False):
    """Terms of one day: distinct actors who used each, and comments looked at."""

    count: int = 0
    by_term: dict[str, int] = msgspec.field(default_factory=dict)


_encode = msgspec.msgpack.Encoder().encode
_quotes = msgspec.msgpack.Decoder(list[Quote]).decode
_terms = msgspec.msgpack.Decoder(Terms).decode
_amplifiers = msgspec.msgpack.Decoder(dict[int, dict[int, int]]).decode
_ids = msgspec.msgpack.Decoder(list[int]).decode


def _plain(text: str) -> str:
    """The text without mentions and addresses; most have none, and looking for that is cheap."""
    plain = text[:1_000]
    if "@" in plain:
        plain = _MENTION.sub(" ", plain)
    if "://" in plain or "www." in plain:
        plain = _ADDRESS.sub(" ", plain)
    return plain


def terms_of(text: str) -> set[str]:
    """Words and pairs of neighbouring words that may be what a comment is about."""
    plain = _plain(text).lower()
    tokens = [token[:TERM_CHARS] for token in _TOKEN.findall(plain)]
    told = [token if len(token) > 2 and token not in STOPWORDS else "" for token in tokens]
    found = {token for token in told if token}
    found.update(f"{a} {b}"[:TERM_CHARS] for a, b in pairwise(told) if a and b and a != b)
    return found


class Insights(Ledger):
    """See the module."""

    name: ClassVar[str] = "insights"
    takes: ClassVar[Mapping[str, frozenset[str]]] = {
        AUDIENCE: frozenset(("comment", "reply", "quote", "share", "mention")),
        INFLUENCER: frozenset(("comment", "reply")),
    }

    __slots__ = ("_dirty", "_gone", "amplifiers", "days", "quotes", "seen")

    #: Days that quotes are kept, at most KEEP_DAYS; 0: none is. One for the whole process, set at its start.
    quote_days: ClassVar[int] = KEEP_DAYS

    def __init__(self) -> None:
        self.days: dict[int, Terms] = {}
        self.quotes: dict[int, Quote] = {}
        self.amplifiers: dict[int, dict[int, int]] = {}
        #: Of the running day: 32 bits of (actor, term) that are counted already.
        self.seen: dict[int, None] = {}
        self._dirty: set[str] = set()
        self._gone: set[str] = set()

    def act(self, act: Act) -> None:
        """Take in a comment, a share, an answer, or what takes a comment back."""
        day = int(act.at) // DAY
        newest = act.newest or act.at
        today = int(newest) // DAY
        if not today - KEEP_DAYS < day <= today:
            return
        if act.op == "undo":
            self._forget(act)
            return
        if act.op != "create":
            return
        if act.role == INFLUENCER:
            self._answer(act)
            return
        if act.kind in ("share", "quote", "mention"):
            self._amplify(act, day, today)
        if act.kind == "reply":
            self._replied(act)
        words = act.words
        if words is None or act.event.text is None or not words.count or act.kind == "share":
            return
        if act.low or len(act.factors) > (1 if words.generic else 0):
            return  # credible people only
        if day >= today - 1:  # of days before that only the terms most used are held
            self._hear(act, words, day)
        self._read(act, words, newest)

    # -- parts ----------------------------------------------------------------------------------------------

    def _hear(self, act: Act, words: Words, day: int) -> None:
        text = act.event.text or ""
        if day not in self.days:
            self.seen.clear()
        terms = self.days.setdefault(day, Terms())
        terms.count += 1
        by_term = terms.by_term
        # a term's mark is `hash_of(lower 32 bits of the actor, term, day)`
        whose = f"{act.actor & _LOW}\0{day}\0".encode()
        for term in sorted(terms_of(text)):
            mark = _xxh32(whose + term.encode("utf-8", "replace"))
            if mark in self.seen:
                continue
            if len(self.seen) >= _ACTORS:
                del self.seen[next(iter(self.seen))]
            self.seen[mark] = None
            if term in by_term:
                by_term[term] += 1
            else:
                if len(by_term) >= TERMS:
                    rare, rarest = min(zip(by_term.values(), by_term, strict=True))
                    # Space saving (Metwally 2005) without its error: what is rare makes room.
                    if rare > 1:
                        continue
                    del by_term[rarest]
                by_term[term] = 1
        self._dirty |= {f"t:{day}", "seen"}

    def _read(self, act: Act, words: Words, newest: float) -> None:
        flags = words.question | words.intent << 1 | words.objection << 2
        if not self.quote_days:
            return
        if (flags or words.substance >= 0.6) and not words.promotion and words.count > 1:
            name = act.event.object_id or act.event.event_id
            plain = trimmed(act.event.text or "")
            if plain:
                worth = round(100 * words.substance)
                who = act.actor & _LOW
                self._keep(Quote(hash_of(0, name, 0), int(act.at), plain, flags, worth, actor=who), newest)

    def _keep(self, quote: Quote, newest: float) -> None:
        self.quotes[quote.id] = quote
        self._dirty.add("quotes")
        if len(self.quotes) > QUOTES:
            floor = newest - KEEP_DAYS * DAY
            del self.quotes[min((q.at > floor, q.worth, q.id) for q in self.quotes.values())[2]]

    def _target(self, act: Act) -> Quote | None:
        target = act.event.target
        if target is None:
            return None
        for name in (target.id, target.parent_id):
            if name is not None and (found := self.quotes.get(hash_of(0, name, 0))) is not None:
                return found
        return None

    def _replied(self, act: Act) -> None:
        if (quote := self._target(act)) is not None:
            quote.replies += 1
            self._dirty.add("quotes")

    def _answer(self, act: Act) -> None:
        if (quote := self._target(act)) is not None and not quote.answered:
            quote.answered = True
            self._dirty.add("quotes")

    def _forget(self, act: Act) -> None:
        for name in (act.event.object_id, act.event.undoes):
            if name is not None and self.quotes.pop(hash_of(0, name, 0), None) is not None:
                self._dirty.add("quotes")

    def _amplify(self, act: Act, day: int, today: int) -> None:
        if act.low:
            return
        of_actor = self.amplifiers.setdefault(act.actor, {})
        of_actor[day] = of_actor.get(day, 0) + 1
        self._dirty.add("amplifiers")
        if len(self.amplifiers) > AMPLIFIERS:
            del self.amplifiers[self._quietest(today - KEEP_DAYS)]

    def _quietest(self, floor: int) -> int:
        """The amplifier with the fewest acts after day `floor`, of these the one longest silent."""
        ranks = []
        for actor, days in self.amplifiers.items():
            if len(days) == 1:  # nearly all
                ((day, n),) = days.items()
                ranks.append((n, day, actor) if day > floor else (0, 0, actor))
            else:
                ranks.append((*self.amplified(actor, floor), actor))
        return min(ranks)[2]

    def amplified(self, actor: int, floor: int) -> tuple[int, int]:
        """(acts after day `floor`, the newest day of them)."""
        days = {day: n for day, n in self.amplifiers[actor].items() if day > floor}
        return sum(days.values()), max(days, default=0)

    # -- keeping --------------------------------------------------------------------------------------------

    def trim(self, newest: float) -> None:
        """Forget what is older than 28 days; of days that are over only the terms most used stay."""
        today = int(newest) // DAY
        for day in [day for day in self.days if day <= today - KEEP_DAYS]:
            del self.days[day]
            self._gone.add(f"t:{day}")
            self._dirty.discard(f"t:{day}")
        for day, terms in self.days.items():
            if day < today - 1 and len(terms.by_term) > TERMS_OLD:
                terms.by_term = top(terms, TERMS_OLD)
                self._dirty.add(f"t:{day}")
        floor = newest - self.quote_days * DAY if self.quote_days else float("inf")
        old = [quote.id for quote in self.quotes.values() if quote.at <= floor]
        for name in old:
            del self.quotes[name]
            self._dirty.add("quotes")
        for actor in list(self.amplifiers):
            kept = {day: n for day, n in self.amplifiers[actor].items() if day > today - KEEP_DAYS}
            if len(kept) != len(self.amplifiers[actor]):
                self._dirty.add("amplifiers")
                self.amplifiers[actor] = kept
                if not kept:
                    del self.amplifiers[actor]

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors: their quotes, their acts as amplifiers, and their part in the running day's
        terms."""
        for actor in [actor for actor in self.amplifiers if actor & _LOW in actors]:
            del self.amplifiers[actor]
            self._dirty.add("amplifiers")
        for name in [quote.id for quote in self.quotes.values() if quote.actor in actors]:
            del self.quotes[name]
            self._dirty.add("quotes")
        newest = max(self.days, default=0)
        terms = self.days[newest].by_term if newest else {}
        for actor in actors if self.seen else ():
            for term in [term for term in terms if hash_of(actor, term, newest) in self.seen]:
                del self.seen[hash_of(actor, term, newest)]
                terms[term] -= 1
                if not terms[term]:
                    del terms[term]
                self._dirty |= {f"t:{newest}", "seen"}

    def forget_rare(self) -> None:
        """Erase the terms that one person only used on a day: somebody who spoke here asked to be forgotten,
        and whose words these were is not held."""
        for day, terms in self.days.items():
            if 1 in terms.by_term.values():
                terms.by_term = {term: n for term, n in terms.by_term.items() if n > 1}
                self._dirty.add(f"t:{day}")

    def writes(self) -> Iterator[tuple[str, bytes | None]]:
        """(sub-field, value) of what changed since the last call; None: gone."""
        for sub in sorted(self._dirty):
            if sub == "quotes":
                yield sub, _encode(sorted(self.quotes.values(), key=lambda quote: (quote.at, quote.id)))
            elif sub == "amplifiers":
                yield sub, _encode(dict(sorted(self.amplifiers.items())))
            elif sub == "seen":
                yield sub, _encode(list(self.seen))
            else:
                yield sub, _encode(self.days[int(sub[2:])])
        for sub in sorted(self._gone):
            yield sub, None
        self._dirty.clear()
        self._gone.clear()

    def load(self, sub: str, data: bytes) -> None:
        """Take a stored sub-field back."""
        if sub == "quotes":
            self.quotes = {quote.id: quote for quote in _quotes(data)}
        elif sub == "amplifiers":
            self.amplifiers = _amplifiers(data)
        elif sub == "seen":
            self.seen = dict.fromkeys(_ids(data))
        else:
            self.days[int(sub[2:])] = _terms(data)


def trimmed(text: str) -> str:
    """The text as one line without mentions, addresses and control characters, at most QUOTE characters and
    QUOTE_BYTES bytes."""
    plain = _plain(text)
    if not plain.isprintable():  # control characters never are
        plain = _CONTROL.sub(" ", plain)
    cut = " ".join(plain.split())[:QUOTE].encode("utf-8", "replace")
    return cut[:QUOTE_BYTES].decode("utf-8", "ignore")


def top(terms: Terms, most: int) -> dict[str, int]:
    """The terms that most actors used."""
    order: Iterable[tuple[str, int]] = sorted(terms.by_term.items(), key=lambda item: (-item[1], item[0]))
    return dict(sorted(list(order)[:most]))


def hash_of(actor: int, text: str, day: int) -> int:
    """32 bits for an actor's term on a day, or for an id."""
    return _xxh32(f"{actor}\0{day}\0{text}".encode("utf-8", "replace"))
