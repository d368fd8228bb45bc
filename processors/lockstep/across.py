"""Groups who act on the same posts of several influencers at the same time, again and again.

    part(by_influencer) -> Part          what one partition knows, bounded; travels in the hourly snapshot
    merge(parts) -> Part                 what all of them know
    groups(part) -> tuple[Found, ...]

As SynchroTrap (Cao et al. 2014) does: accounts are joined when they acted on the same posts within SPAN_S of
each other, TIMES times and on posts of at least INFLUENCERS influencers; those joined to enough others are a
group. Pairs are counted among accounts that come back only, each with its NEAR nearest: the work is bounded.

Ledgers keep on each post the actors with the lowest hashes: the same people on every post and in every
partition. A part holds whoever acted on several influencers of its partition, and of the others those with
the lowest hashes again, since they may be on another partition's. Until parts are merged, only influencers of
one partition are compared. Nothing is kept between two calls.

Loyal fans of two influencers hurry to both, too. So `Found.new` tells which share of a group was never
seen before on one of the posts: an alert asks for newcomers (processors/detection/across).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from heapq import nsmallest
from itertools import chain
from typing import Final

import msgspec

from processors.lockstep.within import Seen

#: Two acts on one post within so many seconds are one act together.
SPAN_S: Final = 300
#: So often must two accounts act together, and on posts of so many influencers.
TIMES: Final = 4
INFLUENCERS: Final = 2
#: Accounts of a group, each joined to at least this share of the others.
GROUP: Final = 5
JOINED: Final = 0.5
#: Of an account's acts on sampled posts, so many must have been together with the other account: camouflage
#: may be the rest, but two busy people meet by chance.
SHARE: Final = 0.2
NEAR: Final = 24
#: Entries of a part: some 10 bytes each as they travel, and some more a post. Half of them are kept for those
#: who act on several influencers.
ENTRIES: Final = 32_768
#: Members told of a group.
MEMBERS: Final = 128


class Sampled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One post: influencer, time (epoch s), and (actor, epoch s of the first act)."""

    influencer: str
    at: int
    acts: tuple[tuple[int, int], ...]


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Posts of some influencers, with the actors who are on posts of several of them, or whose hash lies
    under `cut`. `new`: those of them who were never seen before on one of the posts."""

    cut: int
    posts: tuple[Sampled, ...]
    new: tuple[int, ...] = ()


class Found(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A group. `times`: acts together of the pair that is joined most; `members`: at most 128 of `size`."""

    members: tuple[int, ...]
    influencers: tuple[str, ...]
    posts: int  # on how many posts a fifth of them or more (three at least) acted together
    times: int
    size: int = 0
    new: float = 0.0  # share of the members who were never seen before on one of the posts
    last: int = 0  # the newest of these posts, epoch s


def part(by_influencer: Mapping[str, Sequence[Seen]], entries: int = ENTRIES) -> Part:
    """What the ledgers of these influencers hold (`Coaction.seen`), at most `entries` acts."""
    names = sorted(by_influencer)
    who = {name: [post.acts.keys() for post in by_influencer[name]] for name in names}
    cut, kept = _bounded(who, entries)
    posts = []
    for name in names:
        for post in by_influencer[name]:
            acts = [(actor, post.at + post.acts[actor][0]) for actor in post.acts.keys() & kept]
            if acts:
                posts.append(Sampled(name, post.at, tuple(sorted(acts))))
    new = kept.intersection(chain.from_iterable(p.new for held in by_influencer.values() for p in held))
    return Part(cut, tuple(posts), tuple(sorted(new)))


def merge(parts: Iterable[Part], entries: int = 4 * ENTRIES) -> Part:
    """One part of several, in any order."""
    held = list(parts)
    posts = sorted((post for one in held for post in one.posts), key=lambda post: (post.influencer, post.at))
    who: dict[str, list[Collection[int]]] = {}
    for post in posts:
        who.setdefault(post.influencer, []).append([actor for actor, _ in post.acts])
    cut, kept = _bounded(who, entries)
    fewer = (
        Sampled(post.influencer, post.at, tuple([act for act in post.acts if act[0] in kept]))
        for post in posts
    )
    new = {actor for one in held for actor in one.new}
    return Part(
        min([cut, *(one.cut for one in held)]),
        tuple(post for post in fewer if post.acts),
        tuple(sorted(new & kept)),
    )


def _bounded(who: Mapping[str, Sequence[Collection[int]]], entries: int) -> tuple[int, set[int]]:
    """(cut, who is kept) for at most so many entries: first those who act on several influencers, then the
    others (who may be known to another part), the lowest hashes first. `who`: actors by influencer, post."""
    times: Counter[int] = Counter()
    spread: Counter[int] = Counter()
    for posts in who.values():
        of_one: set[int] = set()
        for actors in posts:
            times.update(actors)
            of_one.update(actors)
        spread.update(of_one)
    several = {actor for actor, n in spread.items() if n > 1}
    kept, left = _lowest(several, times, entries // 2)
    others, _ = _lowest(times.keys() - several, times, entries // 2 + left)
    whole = len(others) == len(times) - len(several)
    return (1 << 32 if whole else max(others, default=0) + 1), kept | others


def _lowest(actors: Iterable[int], times: Mapping[int, int], entries: int) -> tuple[set[int], int]:
    """(the actors with the lowest hashes who have no more than so many entries, entries that are left)."""
    kept: set[int] = set()
    for actor in nsmallest(entries, actors):  # each has one at least
        if times[actor] > entries:
            break
        entries -= times[actor]
        kept.add(actor)
    return kept, entries


def groups(known: Part) -> tuple[Found, ...]:
    """Groups of accounts that act together on posts of several influencers, the largest first."""
    seen: Counter[int] = Counter()
    where: dict[int, set[str]] = {}
    for post in known.posts:
        for actor, _ in post.acts:
            seen[actor] += 1
            where.setdefault(actor, set()).add(post.influencer)
    back = {actor for actor, n in seen.items() if n >= TIMES and len(where[actor]) >= INFLUENCERS}
    if len(back) < GROUP:
        return ()
    met: dict[tuple[int, int], list[int]] = {}
    for index, post in enumerate(known.posts):
        acts = sorted((at, actor) for actor, at in post.acts if actor in back)
        for i, (at, actor) in enumerate(acts):
            for later, other in acts[i + 1 : i + 1 + NEAR]:
                if later - at > SPAN_S:
                    break
                met.setdefault((min(actor, other), max(actor, other)), []).append(index)
    joined: dict[int, set[int]] = {}
    for (one, other), indexes in met.items():
        names = {known.posts[index].influencer for index in indexes}
        enough = max(TIMES, SHARE * min(seen[one], seen[other]))
        if len(indexes) >= enough and len(names) >= INFLUENCERS:
            joined.setdefault(one, set()).add(other)
            joined.setdefault(other, set()).add(one)
    new = frozenset(known.new)
    found = [_found(known, members, met, new) for members in _components(joined)]
    return tuple(sorted(found, key=lambda one: (-one.size, one.members)))


def _components(joined: Mapping[int, set[int]]) -> Iterable[list[int]]:
    """Connected accounts, without those joined to too few of the others."""
    left = set(joined)
    for start in sorted(joined):
        if start not in left:
            continue
        reached, queue = {start}, [start]
        while queue:
            for other in joined[queue.pop()]:
                if other not in reached:
                    reached.add(other)
                    queue.append(other)
        left -= reached
        # One at a time, the loosest first: a bridge between two people must not join their friends. NEAR
        # bounds how many an account of a large group can be joined to.
        while len(reached) >= GROUP:
            need = min(JOINED * (len(reached) - 1), NEAR / 2)
            loosest = min(reached, key=lambda actor: (len(joined[actor] & reached), actor))
            if len(joined[loosest] & reached) >= need:
                yield sorted(reached)
                break
            reached.remove(loosest)


def _found(
    known: Part, members: Sequence[int], met: Mapping[tuple[int, int], list[int]], new: Set[int]
) -> Found:
    mine = set(members)
    together: dict[int, set[int]] = {}
    most = 0
    for pair, indexes in met.items():
        if mine.issuperset(pair):
            most = max(most, len(indexes))
            for index in indexes:
                together.setdefault(index, set()).update(pair)
    # Two who meet elsewhere do so by chance; a post is the group's when a fifth of it was there.
    need = max(3.0, 0.2 * len(members))
    theirs = [index for index, there in together.items() if len(there) >= need]
    names = {known.posts[index].influencer for index in theirs}
    return Found(
        tuple(members[:MEMBERS]), tuple(sorted(names)), len(theirs), most, len(members),
        sum(actor in new for actor in members) / len(members),
        max((known.posts[index].at for index in theirs), default=0),
    )  # fmt: skip
