"""Groups who act on the same posts of several influencers at the same time, again and again.

    part(by_influencer) -> Part          what one partition knows, bounded; travels in the hourly snapshot
    merge(parts) -> Part                 what all of them know
    groups(part) -> tuple[Found, ...]

As SynchroTrap (Cao et al. 2014) does: accounts are joined when they acted on the same posts within SPAN_S of
each other, TIMES times and on posts of at least INFLUENCERS influencers; those joined to enough others are a
group. Pairs are counted among accounts that come back only, each with its NEAR nearest: the work is bounded.

Ledgers keep on each post the actors with the lowest hashes: the same people on every post and in every
partition. Until parts are merged, only influencers of one partition are compared; a group that acts on
influencers of different partitions is seen in the merged part alone. Nothing is kept between two calls: state
lies in the ledgers, and who was found is told to them with `Coaction.learn`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
#: Entries of a part: 8 bytes each as they travel, and some more a post.
ENTRIES: Final = 8_192


class Sampled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One post: influencer, time (epoch s), and (actor, epoch s of the first act)."""

    influencer: str
    at: int
    acts: tuple[tuple[int, int], ...]


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Posts of some influencers, with the actors whose hash lies under `cut`."""

    cut: int
    posts: tuple[Sampled, ...]


class Found(msgspec.Struct, frozen=True, gc=False):
    """A group. `times`: acts together of the pair that is joined most."""

    members: tuple[int, ...]
    influencers: tuple[str, ...]
    posts: int  # on how many posts a fifth of them or more (three at least) acted together
    times: int


def part(by_influencer: Mapping[str, Sequence[Seen]], entries: int = ENTRIES) -> Part:
    """What the ledgers of these influencers hold (`Coaction.seen`), at most `entries` acts."""
    posts = [
        Sampled(name, post.at, tuple(sorted((actor, post.at + age) for actor, (age, _) in post.acts.items())))
        for name in sorted(by_influencer)
        for post in by_influencer[name]
    ]
    return _bounded(1 << 32, posts, entries)


def merge(parts: Iterable[Part], entries: int = ENTRIES) -> Part:
    """One part of several, in any order: over the actors that all of them would have kept."""
    held = list(parts)
    cut = min((one.cut for one in held), default=1 << 32)
    posts = sorted((post for one in held for post in one.posts), key=lambda post: (post.influencer, post.at))
    return _bounded(cut, posts, entries)


def _bounded(cut: int, posts: Iterable[Sampled], entries: int) -> Part:
    """With a lower cut where there are too many entries; actors who acted once stay, others may know more."""
    posts = list(posts)
    actors = sorted(actor for post in posts for actor, _ in post.acts if actor < cut)
    if len(actors) > entries:
        cut = actors[entries]
    kept = (
        Sampled(post.influencer, post.at, tuple(act for act in post.acts if act[0] < cut)) for post in posts
    )
    return Part(cut, tuple(post for post in kept if post.acts))


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
    found = [_found(known, members, met) for members in _components(joined)]
    return tuple(sorted(found, key=lambda one: (-len(one.members), one.members)))


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


def _found(known: Part, members: Sequence[int], met: Mapping[tuple[int, int], list[int]]) -> Found:
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
    return Found(tuple(members), tuple(sorted(names)), len(theirs), most)
