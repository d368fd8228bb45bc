"""What is held of one influencer: panes, posts, open comments, a sample of actors, references, alert states.

The worker that owns the influencer's partition holds this in memory; Redis holds the same as fields of one
hash (and one appended string for comments). `writes()` gives the fields that changed since the last fenced
write as whole values, so a value in Redis never depends on how often it was written.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable
from heapq import nsmallest
from typing import Any
from zlib import compress, decompress

import msgspec

from processors import history
from processors.actors import ActorSampler
from processors.detection.lifecycle import AlertState
from processors.ledgers import BY_NAME, Ledger
from processors.panes import DAY, HOUR, MINUTES_5, Pane, Panes, decode_pane, encode_pane, new_pane
from processors.reference import decode_reference, encode_reference
from processors.scores import Score
from processors.signals.inputs import POST_AGES, PostStat, Reference

KEEP_MINUTES = 24  # 5-minute panes: 2 h
#: Hour panes: 48 h and up to a day more, so that cohorts of comments younger than 48 h and whole days meet
#: without a gap (docs/decisions/0004).
KEEP_HOURS = 72
KEEP_DAYS = 35
KEEP_SHORT_DAYS = 400
KEEP_POSTS = 30
KEEP_COMMENTS_S = 49 * HOUR
#: Open comments of one influencer held at most; beyond it the oldest go (and can no longer be answered).
MAX_COMMENTS = 20_000
#: Kinds in the lifetime counts, in order (every kind of the contract).
LIFETIME_KINDS = (
    "post", "comment", "reply", "like", "share", "quote", "save",
    "view", "click", "follow", "mention", "report", "counter", "profile",
)  # fmt: skip

# Hash of the object id, epoch s of the comment (lower 32 bits), kind, the rest of the epoch s (< 0: before
# 1970).
_COMMENT = struct.Struct("<QIBb2x")
#: The comments' string is written anew when it is longer than this, and four times what it has to hold.
_STRING_SLACK = 4_096
OPEN, CLOSED, ANSWER, TAKEN = 0, 1, 2, 3
_pack = msgspec.msgpack.Encoder().encode
#: Boundary (epoch s) and scores of the signals that are computed hourly.
Slow = tuple[int, dict[str, Score]]
_slow = msgspec.msgpack.Decoder(Slow).decode
_post = msgspec.msgpack.Decoder(tuple[int, int, bool, list[int], list[int], list[int], str]).decode


class Meta(msgspec.Struct, array_like=True):
    """The small facts; written whole. Times are epoch seconds of event time."""

    first_at: float = 0.0
    max_at: float = 0.0  # newest event time
    skew: float = 0.0  # how far its events run behind the partition's clock
    evaluated: int = 0  # newest boundary that was evaluated
    followers: int | None = None
    last_post_at: int | None = None
    last_answer_at: int | None = None
    lifetime: list[int] = msgspec.field(default_factory=lambda: [0] * len(LIFETIME_KINDS))
    expired: int = 0
    unresolved_undos: int = 0
    sample_threshold: int = (1 << 64) - 1
    jumped: float = 0.0  # the partition's gaps when `skew` was taken
    source: str = ""  # source of the newest event
    forgotten_on: int = 0  # day up to which the sample of actors was looked through for the silent
    freeze_tried: dict[str, int] = msgspec.field(default_factory=dict)  # partnership -> day of the last try
    followers_at: float = 0.0  # time of the fact behind `followers`
    corrected: bool = False  # a late event changed a window that was read: the next reading says so
    forgot: float = 0.0  # actors who asked to be forgotten up to then are erased


_meta = msgspec.msgpack.Decoder(Meta).decode


def decode_meta(data: bytes) -> Meta:
    """The `meta` field of an influencer's hash. Raises msgspec.DecodeError."""
    return _meta(data)


def lifetime_counts(meta: Meta) -> dict[str, int]:
    """Lifetime counts by kind, kinds never seen left out."""
    return {kind: n for kind, n in zip(LIFETIME_KINDS, meta.lifetime, strict=False) if n}


def _comment(hash_: int, at: int, kind: int) -> bytes:
    return _COMMENT.pack(hash_, at & 0xFFFFFFFF, kind, at >> 32)


def _put(table: dict[int, int], hash_: int, at: int) -> None:
    if len(table) >= MAX_COMMENTS:
        del table[next(iter(table))]
    table[hash_] = at


class Influencer:
    """State of one influencer. Folding is done by processors.fold; this knows how it is kept."""

    __slots__ = (
        "_appended", "_dirty_fields", "_dirty_posts", "_string", "actors", "alerts", "answers",
        "cache", "cached_until", "comments", "days", "histories", "hot_index", "hot_panes", "hours", "id",
        "kept_day", "ledgers", "meta", "minutes", "posts", "references", "short", "shown_at", "slow",
        "states",
    )  # fmt: skip

    def __init__(self, influencer_id: str) -> None:
        self.id = influencer_id
        self.meta = Meta()
        self.minutes = Panes(MINUTES_5, "m:", KEEP_MINUTES)
        self.hours = Panes(HOUR, "h:", KEEP_HOURS)
        self.days = Panes(DAY, "d:", KEEP_DAYS)
        self.short: dict[int, dict[int, Pane]] = {}  # month -> day -> short pane
        self.posts: dict[int, PostStat] = {}
        self.comments: dict[int, int] = {}  # hash of an open comment -> its time
        self.answers: dict[int, int] = {}  # hash of an own answer -> time of the answered comment
        self.actors = ActorSampler()
        self.ledgers: dict[str, Ledger] = {}  # by name, made when first asked for
        self.references: dict[str, Reference] = {}
        self.alerts: dict[str, bytes] = {}  # "<partnership>\0<signal>\0<rule>[\0<subject>]" -> AlertState
        self.states: dict[
            str, dict[tuple[str, str, str], AlertState]
        ] = {}  # decoded alert states by partnership
        self.histories: dict[str, bytes] = {}  # partnership -> packed rows (processors.history)
        self.slow: dict[str, Slow] = {}  # partnership -> hourly signals as last computed
        self.kept_day = -1  # day on which the key's expiry was last moved on
        self.shown_at = 0.0  # wall time of the last provisional reading
        self.cache: dict[str, Any] = {}  # sums of closed windows: dropped when one of their panes changes
        self.cached_until = 0
        #: The panes that were folded into last, and their 5-minute index: mostly they are the next ones too.
        self.hot_index = -1
        self.hot_panes: tuple[Pane, ...] = ()
        self._appended = bytearray()
        self._string = 0  # length of the comments' string in Redis
        self._dirty_fields: set[str] = set()
        self._dirty_posts: set[int] = set()

    # -- comments -------------------------------------------------------------------------------------------

    def open_comment(self, hash_: int, at: int) -> None:
        """A genuine comment that waits for an answer."""
        _put(self.comments, hash_, at)
        self._appended += _comment(hash_, at, OPEN)

    def close_comment(self, hash_: int) -> int | None:
        """It was answered, or taken back: its time, or None if it is not open (any more)."""
        return self._take(self.comments, hash_, CLOSED)

    def own_answer(self, hash_: int, comment_at: int) -> None:
        """Remember an own answer, so that a comment on it makes a dialogue."""
        _put(self.answers, hash_, comment_at)
        self._appended += _comment(hash_, comment_at, ANSWER)

    def take_answer(self, hash_: int) -> int | None:
        """Somebody came back on an own answer: time of the answered comment, once."""
        return self._take(self.answers, hash_, TAKEN)

    def _take(self, table: dict[int, int], hash_: int, kind: int) -> int | None:
        at = table.pop(hash_, None)
        # Past answering it may be gone already, or not yet, as writes happened to fall: it counts as gone.
        if at is None or at < self.meta.max_at - KEEP_COMMENTS_S:
            return None
        self._appended += _comment(hash_, at, kind)
        return at

    def load_comments(self, data: bytes) -> None:
        """Take the appended records back."""
        self._string = len(data)
        for hash_, low, kind, high in _COMMENT.iter_unpack(data):
            at = (high << 32) + low
            if kind == OPEN:
                _put(self.comments, hash_, at)
            elif kind == ANSWER:
                _put(self.answers, hash_, at)
            else:
                (self.comments if kind == CLOSED else self.answers).pop(hash_, None)

    def _compact_comments(self, newest: float) -> bytes:
        """Forget what can no longer be answered; the whole string anew."""
        floor = newest - KEEP_COMMENTS_S
        self.comments = {hash_: at for hash_, at in self.comments.items() if at >= floor}
        self.answers = {hash_: at for hash_, at in self.answers.items() if at >= floor}
        out = bytearray()
        for hash_, at in self.comments.items():
            out += _comment(hash_, at, OPEN)
        for hash_, at in self.answers.items():
            out += _comment(hash_, at, ANSWER)
        return bytes(out)

    # -- posts ----------------------------------------------------------------------------------------------

    def new_post(self, hash_: int, at: int, sponsored: bool, event_id: str) -> PostStat:
        """An own post, and its counts; the oldest beyond KEEP_POSTS is forgotten."""
        made = self.posts[hash_] = PostStat(hash_, at, sponsored, event_id=event_id)
        self.mark(f"p:{hash_:x}")
        if len(self.posts) > KEEP_POSTS:
            oldest = min(self.posts.values(), key=lambda post: (post.at, post.id_hash))
            del self.posts[oldest.id_hash]
            self.mark(f"p:{oldest.id_hash:x}")
        return made

    def post_act(self, post: PostStat, age: float, weight: int, like: bool, comment: bool) -> None:
        """Book an act on a post at its age (s). `weight` in hundredths, 0 if flagged."""
        first = bisect_left(POST_AGES, age)
        if first == len(POST_AGES) or not (weight or like or comment):
            return
        weights, counts = post.weight, post.likes if like else post.comments if comment else None
        for index in range(first, len(POST_AGES)):
            weights[index] += weight
            if counts is not None:
                counts[index] += 1
        self._dirty_posts.add(post.id_hash)

    def take_post_act(self, post: PostStat, age: float, weight: int, like: bool, comment: bool) -> None:
        """Take back what `post_act` booked."""
        for index in range(bisect_left(POST_AGES, age), len(POST_AGES)):
            post.weight[index] -= min(weight, post.weight[index])
            if like:
                post.likes[index] -= min(1, post.likes[index])
            elif comment:
                post.comments[index] -= min(1, post.comments[index])
        self._dirty_posts.add(post.id_hash)

    def learn_followers(self, followers: int, at: float) -> None:
        """How many followers there were at `at`; what was known of a later time stays."""
        if at >= self.meta.followers_at:
            self.meta.followers, self.meta.followers_at = followers, at

    def forget_alerts(self, partnership_id: str) -> None:
        """The partnership has ended: its alert states go, its reference stays."""
        owners = (partnership_id, f"\x01{partnership_id}")  # live, and under shadow rules
        for owner in owners:
            self.states.pop(owner, None)
        for name in [name for name in self.alerts if name.partition("\0")[0] in owners]:
            del self.alerts[name]
            self.mark(f"al:{name}")

    def keep_slow(self, partnership_id: str, at: int, scores: dict[str, Score]) -> None:
        """Keep the hourly signals of boundary `at`, as they would come back from the store."""
        self.slow[partnership_id] = _slow(_pack((at, scores)))
        self.mark(f"slow:{partnership_id}")

    def ledger(self, kind: type[Ledger]) -> Ledger:
        """The influencer's ledger of this kind, made when it is missing."""
        ledger = self.ledgers.get(kind.name)
        if ledger is None:
            ledger = self.ledgers[kind.name] = kind()
        return ledger

    # -- keeping --------------------------------------------------------------------------------------------

    def mark(self, name: str) -> None:
        """Field `name` of the hash has changed (or is gone)."""
        self._dirty_fields.add(name)

    @property
    def settled(self) -> float:
        """Where keeping is counted back from (epoch s): a boundary still to be evaluated needs its panes."""
        return min(self.meta.max_at, self.meta.evaluated)

    def trim(self) -> None:
        """Forget panes past their time; day panes live on in short form for 400 days."""
        settled = self.settled
        self.minutes.trim(settled)
        self.hours.trim(settled)
        for index, pane in self.days.trim(settled):
            self.short.setdefault(index // 30, {})[index] = pane
            self.mark(f"s:{index // 30}")
        floor = (int(self.meta.max_at) // DAY - KEEP_SHORT_DAYS) // 30
        for month in [month for month in self.short if month < floor]:
            del self.short[month]
            self.mark(f"s:{month}")
        for ledger in self.ledgers.values():
            ledger.trim(settled)

    def short_pane(self, at: float) -> Pane:
        """The short day pane that holds `at`, for an event that came too late for any other."""
        day = int(at) // DAY
        if day in self.days.by_index:
            return self.days.at(at)  # not yet shortened
        self.mark(f"s:{day // 30}")
        return self.short.setdefault(day // 30, {}).setdefault(day, new_pane())

    def writes(self) -> tuple[list[bytes | str | int], list[str], bytes, bytes | None]:
        """What changed: (field, value, …) to set, fields to delete, bytes to append to the comments, or the
        comments' whole string when they were compacted. Clears the marks."""
        self.meta.sample_threshold, self.meta.forgotten_on = self.actors.threshold, self.actors.forgotten_on
        sets: list[bytes | str | int] = ["meta", _pack(self.meta)]
        gone: list[str] = []
        self.hot_index = -1  # its panes must be marked again
        for panes in (self.minutes, self.hours, self.days):
            for index in panes.dirty:
                sets += (f"{panes.prefix}{index}", encode_pane(panes.by_index[index]))
            gone += (f"{panes.prefix}{index}" for index in panes.gone)
            panes.dirty.clear()
            panes.gone.clear()
        posts = {f"p:{hash_:x}" for hash_ in self._dirty_posts}
        self._dirty_posts.clear()
        for name in self._dirty_fields | self.actors.dirty_fields() | posts:
            value = self._field(name)
            if value is None:
                gone.append(name)
            else:
                sets += (name, value)
        self._dirty_fields.clear()
        for ledger in self.ledgers.values():
            for sub, data in ledger.writes():
                if data is None:
                    gone.append(f"l:{ledger.name}:{sub}")
                else:
                    sets += (f"l:{ledger.name}:{sub}", data)
        appended, whole = bytes(self._appended), None
        self._appended.clear()
        self._string += len(appended)
        if appended and (self._overgrown() or self._stale()):
            whole = self._compact_comments(self.meta.max_at)
            self._string = len(whole)
        return sets, gone, appended, whole

    def _overgrown(self) -> bool:
        """Whether the comments' string has grown far beyond what it has to hold."""
        held = len(self.comments) + len(self.answers)
        return self._string > 4 * _COMMENT.size * held + _STRING_SLACK

    def _stale(self) -> bool:
        """Whether the oldest remembered comment is a day past answering: time to write the string anew."""
        if len(self.comments) + len(self.answers) <= 64:
            return False
        oldest = min((next(iter(t.values())) for t in (self.comments, self.answers) if t), default=None)
        return oldest is not None and oldest < self.meta.max_at - KEEP_COMMENTS_S - DAY

    def _field(self, name: str) -> bytes | None:
        group, _, rest = name.partition(":")
        if group == "p":
            post = self.posts.get(int(rest, 16))
            if post is None:
                return None
            counts = (post.weight, post.likes, post.comments)
            return _pack((post.id_hash, post.at, post.sponsored, *counts, post.event_id))
        if group == "s":
            month = self.short.get(int(rest))
            return None if month is None else _pack({day: encode_pane(month[day]) for day in sorted(month)})
        if group == "a":
            return self.actors.encode(int(rest))
        if group == "ref":
            return encode_reference(self.references[rest]) if rest in self.references else None
        if group == "sp":
            return self.histories[rest]
        if group == "slow":
            return compress(_pack(self.slow[rest]), 1)
        return self.alerts.get(rest)

    @classmethod
    def load(cls, influencer_id: str, fields: dict[bytes, bytes], comments: bytes) -> Influencer:
        """The influencer as Redis holds it; a new one for no fields."""
        self = cls(influencer_id)
        short = msgspec.msgpack.Decoder(dict[int, bytes])
        for raw, value in fields.items():
            group, _, rest = raw.decode().partition(":")
            if group in ("m", "h", "d"):
                panes = self.minutes if group == "m" else self.hours if group == "h" else self.days
                panes.by_index[int(rest)] = decode_pane(value)
            elif group == "meta":
                self.meta = decode_meta(value)
            elif group == "p":
                post = PostStat(*_post(value))
                self.posts[post.id_hash] = post
            elif group == "s":
                self.short[int(rest)] = {day: decode_pane(pane) for day, pane in short.decode(value).items()}
            elif group == "a":
                self.actors.load(value)
            elif group == "ref":
                self.references[rest] = decode_reference(value)
            elif group == "sp":
                self.histories[rest] = history.current(value)
            elif group == "slow":
                self.slow[rest] = _slow(value if value[:1] == b"\x92" else decompress(value))
            elif group == "al":
                self.alerts[rest] = value
            elif group == "l":
                name, _, sub = rest.partition(":")
                if name in BY_NAME:  # one that this version does not know stays where it is
                    self.ledger(BY_NAME[name]).load(sub, value)
        self.actors.threshold, self.actors.forgotten_on = self.meta.sample_threshold, self.meta.forgotten_on
        self.load_comments(comments)
        return self


def longest_silent(influencers: Iterable[Influencer], count: int) -> list[str]:
    """Ids of at most `count` of them, those whose newest event is oldest first."""
    if count <= 0:
        return []
    return [inf.id for inf in nsmallest(count, influencers, key=lambda inf: inf.meta.max_at)]
