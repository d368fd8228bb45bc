"""Groups on the posts of one influencer: accounts that were never seen before and come back together.

Four ways to come together, each against what chance gives:

- **early** (a pod): within half an hour of post after post. Two nulls have to fall: the usual share of early
  acts of everybody else, and loyal fans, of whom each hurries on 60 % of their posts.
- **at once** (a click farm): within the same quarter of an hour or hour of several posts, at any age
  (CopyCatch, Beutel et al. 2013, on one influencer's posts).
- **again** (a click farm that takes its time): new accounts that like post after post without a word, more of
  them than usual.
- **poor**: the same, fewer of them, but of low credibility far more often than everybody else.

A fan comes alone: the members of a group begin within three posts of each other. And people who were there
before are fans who warm up: of those who now hurry, most must be new. Fans, early or not, are thus told from
a group by novelty, joint begin, haste, and talk; that the influencer goes to members' own posts adds to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from math import ceil
from typing import Final

import msgspec

from processors.lockstep.chance import at_least, tail

#: Flags of an actor on a post (as processors/ledgers/coaction_sample has them).
SPOKE, LOW = 1, 2
_NOT: Final = (0, 0)
GROUP: Final = 5  # fewer are no group
HASTE_S: Final = 1_920  # a pod acts within so long of the post: half an hour, and the clock's grain
FAN_EARLY: Final = 0.6  # of a loyal fan's acts are early
FANS_EARLY: Final = 0.75  # of the acts of many fans together at the most
P_CHANCE: Final = 1e-7
P_AGAIN: Final = 1e-6
P_LATELY: Final = 1e-8
P_EARLY: Final = 1e-6
PAST: Final = 2  # so many posts before a group began must tell what is usual
P_FANS: Final = 1e-4
P_FANS_AT_ONCE: Final = 1e-3  # where (nearly) all of them began together, which fans do not
P_FANS_MUTUAL: Final = 1e-2
AT_ONCE: Final = 0.9
BEGIN_POSTS: Final = 3  # a group's members begin within so many posts
BEGIN_SHARE: Final = 0.6
NEW_SHARE: Final = 0.7  # of those who hurry now, so many must be new
MUTUAL: Final = 3  # members on whose own posts the influencer acted
SPANS_S: Final = (900, 3_600)
FARM: Final = 8
QUIET: Final = 0.25  # of a farm's accounts at most so many ever write
RECENT: Final = 3  # a group that was on none of so many newest posts is over


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One post: time (epoch s), and actor -> (age of the post in s at their first act, flags)."""

    at: int
    acts: Mapping[int, tuple[int, int]]
    new: Set[int]  # those never seen before this post
    last: int = 0  # age at the newest of the acts
    hasty: int = 0  # acts by a post's age of HASTE_S
    poor: int = 0  # acts of low credibility

    @classmethod
    def of(cls, at: int, acts: Mapping[int, tuple[int, int]], new: Set[int]) -> Seen:
        """With the counts."""
        last = hasty = poor = 0
        for age, flags in acts.values():
            last = max(last, age)
            hasty += age <= HASTE_S
            poor += flags >> 1 & 1
        return cls(at, acts, new, last, hasty, poor)


class Group(msgspec.Struct, frozen=True, gc=False):
    """A group that was found. `expected`: how many such accounts chance gives, `p`: so many or more of
    them."""

    way: str  # early, at_once, again, poor
    members: tuple[int, ...]
    posts: int  # on how many posts at least three of them were
    span_s: int  # they acted within so long (of the post, or of each other); 0: at no time of their own
    expected: float
    p: float
    new: float  # share of new ones among those who do the same
    spoke: float  # share of members who write
    low: float  # share of low credibility among the members' acts
    mutual: int  # members on whose own posts the influencer acted
    begin: float  # share of members who began within three posts of each other


class _Way(msgspec.Struct, gc=False):
    """What one actor did on the held posts: index of each, age, flags."""

    posts: list[int] = msgspec.field(default_factory=list)
    ages: list[int] = msgspec.field(default_factory=list)
    flags: int = 0
    low: int = 0
    hasty: int = 0


def _ways(posts: Sequence[Seen], actors: Collection[int]) -> dict[int, _Way]:
    ways = {actor: _Way() for actor in sorted(actors)}
    for index, post in enumerate(posts):
        acts = post.acts
        for actor in acts.keys() & ways.keys():
            age, flags = acts[actor]
            way = ways[actor]
            way.posts.append(index)
            way.ages.append(age)
            way.flags |= flags
            way.low += flags >> 1 & 1
            way.hasty += age <= HASTE_S
    return ways


def _newcomers(posts: Sequence[Seen], warm: float) -> set[int]:
    """Actors whose debut lies on one of the posts that came after `warm` (epoch s)."""
    return set().union(*(post.new for post in posts if post.at >= warm))


def _times(posts: Sequence[Seen], actors: Collection[int]) -> Counter[int]:
    """On how many posts each of the actors was."""
    times: Counter[int] = Counter()
    for post in posts:
        times.update(post.acts.keys() & actors)
    return times


def returning(posts: Sequence[Seen], warm: float, without: Collection[int] = ()) -> int:
    """How many newcomers without a word came back on three posts or more: the usual number is what `again`
    is held against. `posts` oldest first."""
    times = _times(posts, _newcomers(posts, warm).difference(without))
    often = [actor for actor, n in times.items() if n >= 3]
    return sum(not any(post.acts.get(a, _NOT)[1] & SPOKE for post in posts) for a in often)


def find(
    posts: Sequence[Seen],
    *,
    warm: float,
    mutual: Collection[int] = (),
    past: Sequence[int] = (),
    blur: float = 0.0,
) -> tuple[Group, ...]:
    """The groups on the newest posts, surest first.

    Arguments: `posts` oldest first; `warm` epoch s from which on newcomers can be told; `mutual`: authors on
    whose posts the influencer acted; `past`: newcomers who came back (`returning`) as of each post before,
    the newest last; `blur`: share of newcomers who are taken for known.
    """
    if len(posts) < 3:
        return ()
    fresh = _newcomers(posts, warm)
    back = {actor for actor, times in _times(posts, fresh).items() if times > 1}
    if len(back) < GROUP:
        return ()
    ways = _ways(posts, back)
    found: list[Group] = []
    # Who writes is asked first: among them there are few who just happen to come back.
    talkers = {actor for actor in back if ways[actor].flags & SPOKE}
    for pool, times in ((talkers, 3), (back, 3), (talkers, 2), (back, 2)):
        # Of all of them too few: most looks end here, at little cost.
        if pool is talkers and sum(_hasty(way, times) for way in ways.values()) < _least(times):
            continue
        group = _early(posts, ways, pool, fresh, times, mutual, blur)
        if group is not None:
            found.append(group)
            break
    taken: set[int] = set(found[0].members) if found else set()
    for span in SPANS_S:
        group = _at_once(posts, ways, back - taken, span, mutual)
        if group is not None:
            found.append(group)
            break
    if all(one.way == "early" for one in found):
        group = _again(posts, ways, back - taken, past, mutual) or _poor(posts, ways, back - taken, mutual)
        if group is not None:
            found.append(group)
    return tuple(found)


def _begin(starts: Iterable[int]) -> float:
    """Largest share of the starts that lies within three posts."""
    all_ = sorted(starts)
    best = max(sum(first <= other < first + BEGIN_POSTS for other in all_) for first in all_)
    return best / len(all_)


def _least(times: int) -> int:
    """So many members make a group: two posts prove less."""
    return GROUP if times > 2 else 2 * GROUP


def _enough(times: int, n: int) -> int:
    """How many of n acts must be early: all of four, all but one of nine."""
    return max(times, ceil(0.8 * n - 1e-9))


def _early(
    posts: Sequence[Seen],
    ways: Mapping[int, _Way],
    pool: set[int],
    fresh: set[int],
    times: int,
    mutual: Collection[int],
    blur: float,
) -> Group | None:
    came_back = [a for a in sorted(pool) if len(ways[a].posts) >= times]
    members = [a for a in came_back if _hasty(ways[a], times)]
    if len(members) < _least(times) or not _recent(posts, ways, members):
        return None
    acts_of_theirs = [age <= HASTE_S for a in came_back for age in ways[a].ages]
    early = 1.0 + sum(post.hasty for post in posts) - sum(acts_of_theirs)
    others = 3.0 + sum(len(post.acts) for post in posts) - len(acts_of_theirs)
    usual = min(0.9, 1.25 * early / others + 0.05)
    expected = sum(at_least(_enough(times, n), n, usual) for n in (len(ways[a].posts) for a in came_back))
    by_fans = sum(
        at_least(_enough(times, n), n, max(usual, FAN_EARLY)) for n in (len(ways[a].posts) for a in came_back)
    )
    went = len(set(mutual).intersection(members))
    begin = _begin(ways[a].posts[0] for a in members)
    limit = P_FANS_MUTUAL if went >= MUTUAL else P_FANS_AT_ONCE if begin >= AT_ONCE else P_FANS
    p = tail(len(members), expected)
    # The same, over all acts of those who came back: pods hardly ever come late.
    hurried = at_least(sum(acts_of_theirs), len(acts_of_theirs), max(usual, FANS_EARLY))
    if p > P_EARLY or min(tail(len(members), by_fans), hurried) > limit:
        return None
    start = sorted(ways[a].posts[0] for a in members)[len(members) // 10]
    # Known people who hurry since the group began and were on no post shortly before: fans who warm up.
    known = [
        a
        for a, n in _times(posts[start:], _everybody(posts[start:])).items()
        if n >= times and a not in fresh
    ]
    held = _ways(posts, known)
    risen = [a for a in known if held[a].posts[0] >= start and _hasty(held[a], times)]
    new = min(1.0, len(members) / (len(members) + len(risen)) / (1 - min(blur, 0.5)))
    if begin < BEGIN_SHARE or (new < NEW_SHARE and went < MUTUAL):
        return None
    return _group("early", posts, ways, members, HASTE_S, expected, p, new, mutual)


def _everybody(posts: Sequence[Seen]) -> set[int]:
    return set().union(*(post.acts for post in posts))


def _hasty(way: _Way, times: int) -> bool:
    return way.hasty >= times and way.hasty >= _enough(times, len(way.posts))


def _recent(posts: Sequence[Seen], ways: Mapping[int, _Way], members: Sequence[int]) -> bool:
    newest = len(posts) - RECENT
    return sum(ways[a].posts[-1] >= newest for a in members) >= GROUP


def _at_once(
    posts: Sequence[Seen],
    ways: Mapping[int, _Way],
    fresh: set[int],
    span: int,
    mutual: Collection[int],
) -> Group | None:
    pool = {a for a in fresh if len(ways[a].posts) >= 3}
    if len(pool) < FARM:
        return None
    inside: dict[int, int] = {}
    chances: dict[int, float] = {}  # by post: an outsider's chance to fall into its window
    for index, post in enumerate(posts):
        ages = sorted(post.acts[a][0] for a in pool if a in post.acts)
        if len(ages) < GROUP:
            continue
        start = max(ages, key=lambda first: sum(first <= age <= first + span for age in ages))
        those = [a for a in pool if a in post.acts and start <= post.acts[a][0] <= start + span]
        if len(those) < GROUP:
            continue
        outside = [age for a, (age, _) in post.acts.items() if a not in pool]
        share = (1 + sum(start <= age <= start + span for age in outside)) / (4 + len(outside))
        chances[index] = min(0.9, 2 * share)  # twice: the window was chosen
        for actor in those:
            inside[actor] = inside.get(actor, 0) + 1
    members = [a for a in sorted(inside) if inside[a] >= 3]
    if len(members) < FARM or not _recent(posts, ways, members):
        return None
    expected = 0.0
    for actor in sorted(pool):
        at = [chances[index] for index in ways[actor].posts if index in chances]
        expected += at_least(3, len(at), sum(at) / len(at)) if at else 0.0
    p = tail(len(members), expected)
    if p > P_CHANCE or _begin(ways[a].posts[0] for a in members) < BEGIN_SHARE:
        return None
    if sum(bool(ways[a].flags & SPOKE) for a in members) > QUIET * len(members):
        return None  # people who talk: fans, or a pod, which is looked for elsewhere
    return _group("at_once", posts, ways, members, span, expected, p, 1.0, mutual)


def _again(
    posts: Sequence[Seen],
    ways: Mapping[int, _Way],
    fresh: set[int],
    past: Sequence[int],
    mutual: Collection[int],
) -> Group | None:
    pool = [a for a in sorted(fresh) if len(ways[a].posts) >= 3]
    members = [a for a in pool if not ways[a].flags & SPOKE]
    if len(members) < FARM or not _recent(posts, ways, members):
        return None
    first = sorted(ways[a].posts[0] for a in members)[len(members) // 10]
    before = past[: max(0, len(past) - (len(posts) - first))]
    if len(members) < (1 - QUIET) * len(pool) or _begin(ways[a].posts[0] for a in members) < BEGIN_SHARE:
        return None
    expected = 1.5 * max(before, default=0) + 1.0
    p = tail(len(members), expected)
    if len(before) < PAST or p > P_AGAIN:
        # The most that ever came back may be long ago, when all were strangers: what was usual lately?
        usual = _usual(past)
        if usual is None or (p := tail(len(members), usual)) > P_LATELY:
            return None
        expected = usual
    return _group("again", posts, ways, members, 0, expected, p, 1.0, mutual)


def _usual(past: Sequence[int]) -> float | None:
    """How many are to be expected, of six counts that end three posts before the newest ones; None: unknown.
    Where there are few counts yet, the first two must do."""
    older = past[:-1]
    if len(older) < PAST:
        return None
    some = older[-9:-3] if len(older) > 4 else older[:PAST]
    return 1.3 * sum(some) / len(some) + 1.0


def _poor(
    posts: Sequence[Seen], ways: Mapping[int, _Way], back: set[int], mutual: Collection[int]
) -> Group | None:
    """Newcomers who come back without a word and are of low credibility far more often than the others."""
    pool = sorted(back)
    members = [a for a in pool if not ways[a].flags & SPOKE]
    if len(members) < FARM or not _recent(posts, ways, members):
        return None
    poor = sum(ways[a].low > 0 for a in members)
    theirs = sum(len(ways[a].posts) for a in pool)
    low = 1 + sum(post.poor for post in posts) - sum(ways[a].low for a in pool)
    usual = min(0.9, 1.3 * low / (4 + sum(len(post.acts) for post in posts) - theirs) + 0.05)
    p = at_least(poor, len(members), usual)
    if p > P_CHANCE:
        return None
    return _group("poor", posts, ways, members, 0, usual * len(members), p, 1.0, mutual)


def _group(
    way: str,
    posts: Sequence[Seen],
    ways: Mapping[int, _Way],
    members: Sequence[int],
    span: int,
    expected: float,
    p: float,
    new: float,
    mutual: Collection[int],
) -> Group:
    acts = sum(len(ways[a].posts) for a in members)
    return Group(
        way,
        tuple(members),
        sum(sum(a in post.acts for a in members) >= 3 for post in posts),
        span,
        expected,
        p,
        new,
        sum(bool(ways[a].flags & SPOKE) for a in members) / len(members),
        sum(ways[a].low for a in members) / acts,
        len(set(mutual).intersection(members)),
        _begin(ways[a].posts[0] for a in members),
    )
