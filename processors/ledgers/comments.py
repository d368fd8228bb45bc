"""What comments have in common: the ledger behind generic, repeated and bought comments.

Four bounded things per influencer, all without any text:

- `texts`: the last TEXTS comments of four words and more that name nobody, as hash and MinHash bands, with
  actor, post and time. Each new one is compared with *that many* before it, whatever their age: so the share
  of near-duplicates doesn't rise with volume, and a viral post looks like any other (up to KEEP_S).
- `talk`: the last TALK comments as actor, text, post: who comes back on other posts, and with the same words.
- `posts`: a row of counts for each of the last POSTS own posts, over comments of its first 72 h.
- `places`: how many comments came from which country, up to PLACES countries; the newest two weeks apart, so
  that who comes in numbers now doesn't make their country a usual one.

It appends factors ("generic", "duplicate", "near_duplicate") and counts columns of the panes. Short texts
and emoji are the same among real people all the time (31 % of real comments): only texts of four words and
more count as near-duplicates, and only texts that say something count when the same actor repeats them.

MinHash: Broder (1997); banding: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, ch. 3.4. With 8
bands of 3 rows of which 2 must agree, texts of word similarity .8 / .7 / .6 / .45 / .3 are found with
probability .97 / .82 / .54 / .16 / .02.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Set
from typing import ClassVar, Final
from zlib import crc32

import msgspec
from rensa import RMinHash

from processors.factors import DUPLICATE, GENERIC, NEAR_DUPLICATE, flagged
from processors.ledgers.base import AUDIENCE, INFLUENCER, Act, Ledger
from processors.ledgers.ring import Ring
from processors.panes import (
    DAY,
    DUPLICATES,
    GENERICS,
    INAUTHENTIC,
    INTENTS,
    OBJECTIONS,
    QUESTIONS,
)
from processors.text import Words

TEXTS: Final = 192
TALK: Final = 384
POSTS: Final = 30
#: What is older is forgotten when it is read.
KEEP_S: Final = 35 * DAY
#: Words from which a text is somebody's own.
LONG: Final = 4
#: Comments of a post that count for its row: those of its first 72 h.
POST_S: Final = 3 * DAY
#: Near-duplicates on one post: so many actors within so many seconds.
CROWD: Final = 5
CROWD_S: Final = 600
#: Or so many actors in all that is remembered.
CHORUS: Final = 5
#: The same actor with the same words on so many posts.
REPEATS: Final = 3

#: Words that nobody used before so many seconds are new.
FRESH_S: Final = 7 * DAY

#: Countries of comments that are told apart; how many comments must have told theirs before one can be
#: foreign, and the share of them under which it is.
PLACES: Final = 32
PLACED_MIN: Final = 15
#: From so many on, what is old is halved: an audience of years ago is not the usual one.
PLACED_MOST: Final = 500
FOREIGN: Final = 0.04
WEEK: Final = 7 * DAY

_BANDS: Final = 8
_ROWS: Final = 3
_AGREE: Final = 2
#: Bytes of a band. By chance one of another text's is alike in 8 / 65,536; two must be.
_BAND: Final = 2
_DIGEST: Final = struct.Struct(f"<{_BANDS * _ROWS}I")
_SLICES: Final = tuple((4 * _ROWS * band, 4 * _ROWS * (band + 1)) for band in range(_BANDS))
_LOW32: Final = 0xFFFFFFFF
_NOTHING: Final = bytes(4)


class Row(msgspec.Struct, array_like=True, gc=False):
    """Counts over the comments of the audience on one own post, within its first 72 h."""

    at: int = 0  # of the post, epoch s
    count: int = 0
    known: int = 0  # with a known profile
    low: int = 0  # of these: low credibility
    tagged: int = 0  # that name somebody
    generic: int = 0  # of words (not emoji) that would do anywhere
    long: int = 0  # of four words and more that name nobody
    exact: int = 0  # of the long: the same words as somebody else's before
    near: int = 0  # of the long: nearly the same words as somebody else's before
    pairs: int = 0  # such pairs
    compared: int = 0  # comparisons made for them
    again: int = 0  # comments whose actor has commented on another post before
    day: int = 0  # comments within 24 h that name nobody
    first: int = 0  # comments within the first hour
    asking: int = 0  # questions, intents
    seen: int = 0  # remembered comments that each was held against to find its actor again
    worded: int = 0  # comments of two words and more that name nobody
    fresh: int = 0  # of these: words that others used within the last week, and nobody (remembered) before
    placed: int = 0  # whose country is known, once it can be told which countries are usual
    foreign: int = 0  # of these: from countries from which hardly any comment came before


_encode = msgspec.msgpack.Encoder().encode
_row = msgspec.msgpack.Decoder(Row).decode
_places = msgspec.msgpack.Decoder(dict[int, dict[str, int]]).decode
#: Key of the counts older than two weeks, beside those by week.
_OLD: Final = 0


def bands(words: Words) -> list[bytes]:
    """The text's bands, _BAND bytes each; texts that share two of them are near-duplicates."""
    sketch = RMinHash(num_perm=_BANDS * _ROWS, seed=7)
    sketch.update(words.tokens)
    digest = _DIGEST.pack(*sketch.digest())
    return [crc32(digest[start:end]).to_bytes(4, "little")[:_BAND] for start, end in _SLICES]


class Comments(Ledger):
    """See the module."""

    name: ClassVar[str] = "comments"
    takes: ClassVar[Mapping[str, frozenset[str]]] = {
        AUDIENCE: frozenset(("comment", "reply", "quote")),
        INFLUENCER: frozenset(("post",)),
    }

    __slots__ = ("_dirty", "_gone", "_moved", "fresh", "matches", "places", "posts", "talk", "texts")

    def __init__(self) -> None:
        # hash of the text, actor, post, time, then the bands
        self.texts = Ring(TEXTS, (8, 4, 4, 4, *([_BAND] * _BANDS)))
        # actor, text, post, time
        self.talk = Ring(TALK, (4, 4, 4, 4))
        self.posts: dict[int, Row] = {}
        #: Week since 1970 (_OLD: all before the newest two) -> country -> comments.
        self.places: dict[int, dict[str, int]] = {}
        self._moved = False
        #: Of the newest comment, for its score: other actors whose remembered text is nearly the same, and
        #: whether its words are new here and yet not its actor's alone.
        self.matches = 0
        self.fresh = False
        self._dirty: set[int] = set()
        self._gone: set[int] = set()

    def act(self, act: Act) -> None:
        """Take in a comment, or an own post."""
        if act.op != "create":
            return
        if act.role == INFLUENCER:
            if act.post is not None:
                self._open(act.post.id_hash, act.post.at)
            return
        words = act.words
        self.matches, self.fresh = 0, False
        if words is None:
            return
        # Texts of the future (a clock is wrong) must not make the others old.
        at = int(min(act.at, act.newest or act.at))
        row = self._row(act)
        if words.generic:
            act.factors.append(GENERIC)
        held, reaches = self.talk.held, self._reaches(at)
        again, repeats, fresh = self._talk(act, words, at)
        self.fresh = fresh
        duplicate = repeats >= REPEATS
        if words.count >= LONG and not words.mentions:
            duplicate |= self._compare(act, words, at, row)
        self._count(act, words, duplicate)
        if row is not None and act.post is not None:
            self._dirty.add(act.post.id_hash)
            row.count += 1
            row.known += act.trust is not None
            row.low += act.low
            row.tagged += words.mentions > 0
            row.generic += words.generic and words.count > 0
            row.again += again
            row.day += act.post_age <= DAY and not words.mentions
            row.first += act.post_age <= 3_600
            row.asking += words.question or words.intent
            row.seen += held
            row.worded += words.count > 1 and not words.mentions and reaches
            row.fresh += fresh
            if (country := act.event.actor and act.event.actor.country) and not words.mentions:
                self._place(row, country, at // WEEK, usual=not act.low)

    def _place(self, row: Row, country: str, week: int, *, usual: bool) -> None:
        """Whether the country is foreign here; `usual`: it may count towards what is usual. An earlier wave
        of accounts of low credibility must not open the door to the next one."""
        places = self.places
        self._moved = True
        if week not in places:
            old = places.setdefault(_OLD, {})
            for past in [past for past in places if _OLD < past < week - 1]:
                for name, count in places.pop(past).items():
                    if name in old or len(old) < PLACES:
                        old[name] = old.get(name, 0) + count
            if sum(old.values()) > PLACED_MOST:
                places[_OLD] = {name: count // 2 for name, count in old.items() if count > 1}
            places[week] = {}
        old = places.get(_OLD) or {}
        seen = sum(old.values())
        if seen >= PLACED_MIN:
            row.placed += 1
            row.foreign += old.get(country, 0) < FOREIGN * seen
        now = places[week]
        if usual and (country in now or len(now) < PLACES):
            now[country] = now.get(country, 0) + 1

    @staticmethod
    def _count(act: Act, words: Words, duplicate: bool) -> None:
        bad = flagged(act)
        for pane in act.panes:
            pane[GENERICS] += words.generic
            pane[DUPLICATES] += duplicate
            pane[INAUTHENTIC] += bad
            pane[QUESTIONS] += words.question
            pane[INTENTS] += words.intent
            pane[OBJECTIONS] += words.objection

    # -- posts ----------------------------------------------------------------------------------------------

    def _row(self, act: Act) -> Row | None:
        post = act.post
        if post is None or act.kind != "comment" or not 0 <= act.post_age <= POST_S:
            return None
        return self._open(post.id_hash, post.at)

    def _open(self, post: int, at: int) -> Row | None:
        row = self.posts.get(post)
        if row is None:
            row = self.posts[post] = Row(at)
            self._dirty.add(post)
            self._gone.discard(post)
            if len(self.posts) > POSTS:
                oldest = min(self.posts, key=lambda each: (self.posts[each].at, each))
                del self.posts[oldest]
                self._dirty.discard(oldest)
                self._gone.add(oldest)
                if oldest == post:
                    return None
        return row

    # -- comparing ------------------------------------------------------------------------------------------

    def _talk(self, act: Act, words: Words, at: int) -> tuple[bool, int, bool]:
        """(whether the actor has commented on another post before, on how many posts with these words,
        whether the words are new here and yet not the actor's alone)."""
        talk = self.talk
        post = act.post.id_hash & _LOW32 if act.post is not None else 0
        who = _four(act.actor)
        text = _four(words.hash)
        says = words.count > 0 and not words.generic
        again = False
        same = {post}
        for index in talk.find(0, who):
            if talk.number(3, index) < at - KEEP_S:
                continue
            other = talk.number(2, index)
            again |= other != post
            if says and talk.is_(1, index, text):
                same.add(other)
        fresh = False
        kept = words.count > 1 and not words.mentions
        if kept and self._reaches(at):
            others = [i for i in talk.find(1, text) if not talk.is_(0, i, who)]
            fresh = bool(others) and all(talk.number(3, i) >= at - FRESH_S for i in others)
        talk.put(who, text if kept or says else _NOTHING, _four(post), _four(at))
        if len(same) >= REPEATS:
            act.factors.append(DUPLICATE)
        return again, len(same), fresh

    def _reaches(self, at: int) -> bool:
        """Whether what is remembered reaches back far enough to call words new."""
        talk = self.talk
        if not talk.held:
            return False
        return talk.number(3, talk.next % talk.size if talk.held == talk.size else 0) < at - FRESH_S

    def _compare(self, act: Act, words: Words, at: int, row: Row | None) -> bool:
        """Compare with the texts before; whether it is a near-duplicate of a crowd's."""
        texts = self.texts
        made = bands(words)
        who, post = act.actor & _LOW32, act.post.id_hash & _LOW32 if act.post is not None else 0
        agree: dict[int, int] = {}
        for band, key in enumerate(made, 4):
            for index in texts.find(band, key):
                agree[index] = agree.get(index, 0) + 1
        hash_ = words.hash.to_bytes(8, "little")
        same = False
        crowd: set[int] = set()
        chorus: set[int] = set()
        pairs = 0
        for index, bands_alike in agree.items():
            if bands_alike < _AGREE:
                continue
            actor, then = texts.number(1, index), texts.number(3, index)
            if actor == who or then < at - KEEP_S:
                continue
            pairs += 1
            chorus.add(actor)
            same |= texts.is_(0, index, hash_)
            if texts.number(2, index) == post and abs(then - at) <= CROWD_S:
                crowd.add(actor)
        self.matches = len(chorus)
        if row is not None:
            row.long += 1
            row.exact += same
            row.near += pairs > 0
            row.pairs += pairs
            row.compared += texts.held
        texts.put(hash_, _four(who), _four(post), _four(at), *made)
        repeated = len(crowd) + 1 >= CROWD or len(chorus) + 1 >= CHORUS
        if repeated and DUPLICATE not in act.factors:
            act.factors.append(NEAR_DUPLICATE)
        return repeated

    # -- keeping --------------------------------------------------------------------------------------------

    def rows(self, at: float) -> list[Row]:
        """Rows of the posts up to `at`, oldest first."""
        return sorted((row for row in self.posts.values() if row.at <= at), key=lambda row: row.at)

    def alike(self, posts: Collection[int]) -> set[int]:
        """Actors (32 bits of their hashes) whose remembered text on one of these posts (hashes) is nearly
        the same as somebody else's on one of them."""
        texts, wanted = self.texts, {post & _LOW32 for post in posts}
        here = [index for index in range(texts.held) if texts.number(2, index) in wanted]
        by_band: dict[tuple[int, int], list[int]] = {}
        for index in here:
            for band in range(4, 4 + _BANDS):
                by_band.setdefault((band, texts.number(band, index)), []).append(index)
        agree: dict[tuple[int, int], int] = {}
        for same in by_band.values():
            for one in same:
                for other in same:
                    if texts.number(1, one) != texts.number(1, other):
                        agree[one, other] = agree.get((one, other), 0) + 1
        return {texts.number(1, one) for (one, _), bands_alike in agree.items() if bands_alike >= _AGREE}

    def knows(self, actors: Set[int]) -> bool:
        """Whether one of these actors is among those who commented last."""
        return any(self.talk.find(0, _four(actor)) or self.texts.find(1, _four(actor)) for actor in actors)

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors: of their texts the hashes stay, without anybody."""
        for actor in actors:
            self.texts.blank(1, _four(actor))
            self.talk.blank(0, _four(actor))

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """(sub-field, value) of what changed since the last call; None: gone."""
        for post in sorted(self._dirty):
            yield f"p:{post:x}", _encode(self.posts[post])
        for post in sorted(self._gone):
            yield f"p:{post:x}", None
        self._dirty.clear()
        self._gone.clear()
        if self._moved:
            yield "c", _encode(self.places)
            self._moved = False
        for prefix, ring in (("t", self.texts), ("w", self.talk)):
            for sub, value in ring.writes():
                yield f"{prefix}:{sub}", value

    def load(self, sub: str, data: bytes) -> None:
        """Take a stored sub-field back."""
        group, _, rest = sub.partition(":")
        if group == "p":
            self.posts[int(rest, 16)] = _row(data)
        elif group == "c":
            self.places = _places(data)
        elif group == "t":
            self.texts.load(rest, data)
        elif group == "w":
            self.talk.load(rest, data)


def _four(number: int) -> bytes:
    return (number & _LOW32).to_bytes(4, "little")
