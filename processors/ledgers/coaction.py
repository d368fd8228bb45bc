"""Ledger `coaction`: who acts together, again and again, on the influencer's posts.

Kept are, of the newest POSTS posts, a sample of the actors with the age of the post at their first act
(`coaction_sample`); who was seen before (`coaction_seen`); the authors on whose own posts the influencer
acted; members of groups that were found, so that their comments can be flagged; and how many newcomers
usually come back. At most 12 KiB in all. Groups are looked for when a post has become old enough to show
one, in the order of the records; the detector looks at the same posts by itself.

What is seen here is one influencer's. Groups across the partition: processors/lockstep/across.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Set
from operator import is_
from typing import ClassVar, Final

import msgspec

from processors.factors import LOCKSTEP, POD
from processors.ledgers.base import AUDIENCE, INFLUENCER, Act, Ledger
from processors.ledgers.coaction_sample import DEBUT, LOW, PostSample
from processors.ledgers.coaction_seen import Acquainted
from processors.lockstep.within import Group, Seen, find, returning
from processors.panes import DAY

POSTS: Final = 10
#: Newcomers can be told after so long and so many posts: before, everybody is one.
WARM_S: Final = 14 * DAY
WARM_POSTS: Final = 4
#: Age of a post (s) at which groups are looked for: a pod has been there by then.
LOOK_S: Final = 2_400
MEMBERS: Final = 128
MEMBER_S: Final = 28 * DAY
AUTHORS: Final = 64
AUTHOR_S: Final = 35 * DAY
#: Counts of returning newcomers, one a post; the first ones after newcomers can be told mean little.
PAST: Final = 30
FRESH: Final = 5
_MASK: Final = (1 << 32) - 1
_ENTRY: Final = struct.Struct("<IQ")
_SAYS: Final = frozenset(("comment", "reply", "quote"))
#: An event so much later than all others (s) does not move on what the ledger looks at.
_AHEAD_S: Final = 2 * DAY
_NEVER: Final = float("inf")


class _Kept(msgspec.Struct, array_like=True):
    first: float = 0.0  # first act, epoch s
    posts: int = 0  # own posts ever seen
    warm: float = 0.0  # newcomers of posts from here on can be told; 0: not yet
    warm_posts: int = 0  # own posts seen by then
    due: float = 0.0  # when groups are to be looked for next; 0: at the next post
    past: list[int] = msgspec.field(default_factory=list)  # returning newcomers at each post, newest last


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Kept).decode


class Coaction(Ledger):
    """Groups who act together on one influencer's posts."""

    name: ClassVar[str] = "coaction"
    takes: ClassVar[Mapping[str, frozenset[str]]] = {
        AUDIENCE: frozenset(("like", "comment", "reply", "share", "quote", "save")),
        INFLUENCER: frozenset(("post", "comment", "reply", "like", "quote", "share")),
    }

    __slots__ = (
        "_authors",
        "_changed",
        "_due",
        "_fields",
        "_found",
        "_gone",
        "_kept",
        "_members",
        "_seen",
        "posts",
    )

    def __init__(self) -> None:
        self.posts: dict[int, PostSample] = {}  # by the post's hash
        self._seen = Acquainted()
        self._kept = _Kept()
        self._due = _NEVER
        self._members: dict[int, int] = {}  # actor -> end of membership, epoch s << 1 | lockstep
        self._authors: dict[int, int] = {}  # author -> newest act of the influencer on their posts, epoch s
        self._changed: set[str] = set()
        self._gone: set[int] = set()
        self._fields: dict[str, bytes] = {}
        # What was looked at last, and the groups there: pod and lockstep ask for the same at each look, and
        # what does not change between two looks is not searched again. Holds nothing that is not kept.
        self._found: tuple[list[Seen], tuple[object, ...], tuple[Group, ...]] | None = None

    def act(self, act: Act) -> None:
        """Take an act on an own post, or one of the influencer's own."""
        if act.role == INFLUENCER:
            if act.op == "create":
                self._own(act)
            return
        at = act.at
        if at >= self._due and at < act.newest + _AHEAD_S:
            self._look(at)
        actor = act.actor & _MASK
        if self._members:
            until = self._members.get(actor)
            if until is not None and at < until >> 1:
                act.factors.append(LOCKSTEP if until & 1 else POD)
        post = act.post
        if post is None or act.op != "create" or not act.actor:
            return
        says = act.kind in _SAYS
        seen = self._seen
        if actor >= (seen.talk if says else seen.light):
            return
        held = self.posts.get(post.id_hash)
        if says:
            flags = DEBUT if seen.meet(actor, at, True) else 0
            if held is not None:
                held.say(actor, act.post_age, flags | LOW if act.low else flags)
        elif held is not None and (actor < held.light_cut or actor in held.light):
            # Who finds no room is not met: else a pod's like would hide that its comment is its first.
            flags = DEBUT if seen.meet(actor, at, False) else 0
            held.like(actor, act.post_age, flags | LOW if act.low else flags)

    def _own(self, act: Act) -> None:
        kept = self._kept
        if not kept.first:
            kept.first = act.at
            self._changed.add("kept")
        if act.kind != "post":
            target = act.event.target
            if act.other not in (0, act.actor) and target is not None:
                about_post = target.type == "post" or (target.type is None and act.kind == "comment")
                if about_post and act.kind != "reply":
                    self._goes_to(act.other & _MASK, int(act.at))
            return
        post = act.post
        if post is None or post.id_hash in self.posts:
            return
        newest = max((held.at for held in self.posts.values()), default=0)
        if len(self.posts) >= POSTS and post.at <= min(held.at for held in self.posts.values()):
            return
        if act.at < act.newest + _AHEAD_S and post.at > newest:
            self._turn(act.at)
        self.posts[post.id_hash] = PostSample(post.at)
        self._gone.discard(post.id_hash)
        if len(self.posts) > POSTS:
            oldest = min(self.posts, key=lambda h: (self.posts[h].at, h))
            del self.posts[oldest]
            self._gone.add(oldest)

    def _goes_to(self, author: int, at: int) -> None:
        """The influencer acted on a post of the author's."""
        authors = self._authors
        authors[author] = max(at, authors.get(author, 0))
        if len(authors) > AUTHORS:
            del authors[min(authors, key=lambda a: (authors[a], a))]
        self._changed.add("authors")

    def _turn(self, at: float) -> None:
        """A new post: look at those before it, and count who usually comes back."""
        kept = self._kept
        kept.posts += 1
        if not kept.warm and kept.posts > WARM_POSTS and at - kept.first >= WARM_S:
            kept.warm, kept.warm_posts = at, kept.posts
        elif kept.warm:
            if kept.due:
                self._look(at)
            if kept.posts > kept.warm_posts + FRESH:
                kept.past.append(min(255, returning(self.seen(at), kept.warm, self._members)))
                del kept.past[:-PAST]
        kept.due = at + LOOK_S if kept.warm else 0.0
        self._due = kept.due or _NEVER
        self._changed.add("kept")

    def _look(self, at: float) -> None:
        """Note the members of groups."""
        self._kept.due, self._due = 0.0, _NEVER
        self._changed.add("kept")
        for group in self.groups(at):
            self.learn(group.members, at, group.way != "early")

    def learn(self, members: Iterable[int], at: float, lockstep: bool) -> None:
        """Acts of these actors (lower 32 bits of their hashes) are flagged for 28 days from `at` on."""
        until = int(at) + MEMBER_S
        for actor in members:
            if self._members.get(actor, 0) >> 1 < until:
                self._members[actor] = until << 1 | lockstep
        if len(self._members) > MEMBERS:
            first = sorted(self._members.items(), key=lambda item: (-(item[1] >> 1), item[0]))
            self._members = dict(first[:MEMBERS])
        self._changed.add("members")

    # -- reading --------------------------------------------------------------------------------------------

    @property
    def warm(self) -> bool:
        """Whether newcomers can be told."""
        return self._kept.warm > 0

    @property
    def warm_from(self) -> float:
        """Newcomers of posts from then on (epoch s) can be told; infinity: not yet."""
        return self._kept.warm or _NEVER

    def seen(self, at: float) -> list[Seen]:
        """The held posts up to `at` (epoch s) and who acted on them until then, oldest first."""
        out = []
        for hash_ in sorted(self.posts, key=lambda h: (self.posts[h].at, h)):
            if self.posts[hash_].at < at:
                out.append(self.posts[hash_].seen(at))
        return out

    def groups(self, at: float) -> tuple[Group, ...]:
        """Groups on the newest posts as of `at`; none before newcomers can be told."""
        kept = self._kept
        if not kept.warm or kept.warm > at:
            return ()
        authors = {a for a, when in self._authors.items() if when > at - AUTHOR_S}
        posts, rest = self.seen(at), (kept.warm, authors, tuple(kept.past), self._seen.blur)
        last = self._found
        if (
            last is not None
            and last[1] == rest
            and len(last[0]) == len(posts)
            and all(map(is_, last[0], posts))
        ):
            return last[2]  # a sample that changed would have made another view of itself
        groups = find(posts, warm=kept.warm, mutual=authors, past=kept.past, blur=rest[3])
        self._found = posts, rest, groups
        return groups

    def members(self, at: float, *, lockstep: bool) -> set[int]:
        """Members of groups that were found in the last 28 days."""
        return {a for a, until in self._members.items() if until >> 1 > at and bool(until & 1) is lockstep}

    def rate(self, at: float) -> float:
        """Share of those with light acts who are in the samples of the newest posts."""
        rates = [held.rate for held in self.posts.values() if held.at < at]
        return min(rates, default=1.0)

    # -- keeping --------------------------------------------------------------------------------------------

    def trim(self, newest: float) -> None:
        """Forget memberships and authors past their time (they count no longer anyway)."""
        ended = [actor for actor, until in self._members.items() if until >> 1 <= newest]
        old = [author for author, at in self._authors.items() if at <= newest - AUTHOR_S]
        for sub, table, gone in (("members", self._members, ended), ("authors", self._authors, old)):
            for key in gone:
                del table[key]
            if gone:
                self._changed.add(sub)

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors. Filters of who was seen before cannot: they hold bits, no actors."""
        for held in self.posts.values():
            held.forget(actors)
        for sub, table in (("members", self._members), ("authors", self._authors)):
            for actor in actors & table.keys():
                del table[actor]
                self._changed.add(sub)
        self._seen.forget(actors)
        self._found = None

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """`p<hash>` a post, `f0`, `f1`, `new` who was seen, `kept`, `members`, `authors`."""
        out: list[tuple[str, bytes | None]] = [(f"p{hash_:x}", None) for hash_ in sorted(self._gone)]
        self._gone.clear()
        for hash_, held in self.posts.items():
            if held.changed:
                out.append((f"p{hash_:x}", held.encode()))
                held.changed = False
        out += self._seen.writes()
        if "kept" in self._changed:
            out.append(("kept", _pack(self._kept)))
        for sub, table in (("members", self._members), ("authors", self._authors)):
            if sub in self._changed:
                out.append((sub, b"".join(_ENTRY.pack(*item) for item in sorted(table.items())) or None))
        self._changed.clear()
        return out

    def load(self, sub: str, data: bytes) -> None:
        """Take a field back."""
        if sub in ("f0", "f1", "new"):
            self._fields[sub] = data
            self._seen.load(self._fields)
        elif sub == "kept":
            self._kept = _unpack(data)
            self._due = self._kept.due or _NEVER
        elif sub in ("members", "authors"):
            table = self._members if sub == "members" else self._authors
            table.update(_ENTRY.iter_unpack(data))
        elif sub.startswith("p"):
            self.posts[int(sub[1:], 16)] = PostSample.decode(data)
