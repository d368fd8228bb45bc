"""The ledger `coaction`: pods and farms found, fans not; bounded, and the same after a restart."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from time import perf_counter
from typing import NamedTuple

import msgspec
import pytest
import xxhash

from processors.decode import Event
from processors.ledgers.base import AUDIENCE, INFLUENCER, Act
from processors.ledgers.coaction import MEMBERS, POSTS, Coaction
from processors.signals.inputs import PostStat

DAY = 86_400
START = 1_767_225_600
_decode = msgspec.json.Decoder(Event).decode


class One(NamedTuple):
    """One act of the made-up streams."""

    at: float
    kind: str
    who: str
    post: int  # number of the own post; -1: a post of `to`
    to: str = ""
    low: bool = False


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


_EVENT = _decode(
    b'{"event_id":"e","source":"t","kind":"like","occurred_at":"2026-01-01T00:00:00Z","influencer_id":"i",'
    b'"actor":{"id":"a"},"target":{"id":"p","type":"post"}}'
)


def feed(ledger: Coaction, acts: list[One]) -> list[Act]:
    """Gives the acts in order of time; returns them as the ledger left them."""
    posts: dict[int, PostStat] = {}
    newest = 0.0
    out = []
    for one in sorted(acts):
        newest = max(newest, one.at)
        if one.kind == "post":
            posts[one.post] = PostStat(_hash(f"p{one.post}"), int(one.at))
        post = posts.get(one.post)
        role = INFLUENCER if one.who == "i" else AUDIENCE
        act = Act(_EVENT, one.kind, "create", one.at, role, _hash(one.who), low=one.low, post=post)
        act.post_age = one.at - post.at if post is not None else -1.0
        act.other = _hash(one.to) if one.to else 0
        act.newest = newest
        ledger.act(act)
        out.append(act)
    return out


def life(rng: Random, days: int = 70, every: float = 2.0, likes: int = 60, comments: int = 6) -> list[One]:
    """Posts, and an audience with a core that is there from the start."""
    acts, number, at = [], 0, START + 3_600.0
    while at < START + days * DAY:
        acts.append(One(at, "post", "i", number))
        for kind, many in (("like", likes), ("comment", comments)):
            for _ in range(many):
                who = f"a{int(30 * likes * rng.random() ** 2.2)}"
                acts.append(One(at + rng.lognormvariate(8.6, 1.4), kind, who, number))
        number, at = number + 1, at + every * DAY * rng.uniform(0.7, 1.3)
    return acts


def _posts(acts: list[One], since: float) -> Iterator[One]:
    return (one for one in acts if one.kind == "post" and one.at >= since)


def pod(rng: Random, acts: list[One], members: int, share: float = 0.75, day: int = 40) -> list[One]:
    """Members on so many of the posts, within half an hour."""
    made = []
    for post in _posts(acts, START + day * DAY):
        for member in range(members):
            if rng.random() < share:
                at = post.at + rng.uniform(60, 1_800)
                made.append(One(at, "like", f"m{member}", post.post))
                if rng.random() < 0.7:
                    made.append(One(at + 20, "comment", f"m{member}", post.post))
    return made


def fans(rng: Random, acts: list[One], many: int, grow_days: float, day: int = 35) -> list[One]:
    """Fans on two thirds of the posts, mostly early, each from a day of their own on."""
    since = [START + (day + grow_days * rng.random()) * DAY for _ in range(many)]
    made = []
    for post in _posts(acts, START + day * DAY):
        for fan in range(many):
            if post.at >= since[fan] and rng.random() < 0.66:
                at = post.at + math.exp(rng.gauss(math.log(900), 1.0))
                made.append(One(at, "comment", f"f{fan}", post.post))
    return made


def farm(rng: Random, acts: list[One], accounts: int, day: int = 40, span: float = 900.0) -> list[One]:
    """Accounts that like each post at some hour at once, and random posts besides."""
    made = []
    for post in _posts(acts, START + day * DAY):
        begin = post.at + rng.uniform(3_600, 10 * 3_600)
        for account in range(accounts):
            if rng.random() < 0.7:
                made.append(One(begin + rng.uniform(0, span), "like", f"k{account}", post.post))
    return made


def found_until(acts: list[One], at: float) -> tuple[str, ...]:
    ledger = Coaction()
    feed(ledger, [one for one in acts if one.at <= at])
    return tuple(group.way for group in ledger.groups(at))


def after_posts(acts: list[One], day: int, many: int) -> float:
    """Just after so many posts since the day."""
    return sorted(post.at for post in _posts(acts, START + day * DAY))[many - 1] + 3_600


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("members", "share"), [(30, 0.75), (80, 0.75), (80, 0.4)])
def test_a_pod_is_found_within_five_posts(seed: int, members: int, share: float) -> None:
    """The last one rotates: on each post another two fifths of its members."""
    rng = Random(seed)
    acts = life(rng)
    assert "early" in found_until(acts + pod(rng, acts, members, share), after_posts(acts, 40, 5))


@pytest.mark.parametrize("seed", range(6))
def test_a_small_pod_takes_eight_posts_or_the_influencers_own_acts_on_theirs(seed: int) -> None:
    """Twelve do what loyal fans might do by chance; five posts do once the influencer goes to theirs."""
    rng = Random(seed)
    acts = life(rng)
    small = acts + pod(rng, acts, 12)
    assert "early" in found_until(small, after_posts(acts, 40, 8))
    five = after_posts(acts, 40, 5)
    back = [One(five - 9_000 - n, "comment", "i", -1, f"m{n}") for n in range(8)]
    assert "early" in found_until(small + back, five)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_found_in_a_quiet_life(seed: int) -> None:
    acts = life(Random(seed), likes=40 + 60 * seed, every=0.5 + seed / 2)
    assert not [day for day in range(16, 70, 2) if found_until(acts, START + day * DAY)]


@pytest.mark.parametrize("seed", range(4))
def test_loyal_fans_are_no_pod(seed: int) -> None:
    rng = Random(seed)
    acts = life(rng)
    for grow_days in (25.0, 60.0):
        with_fans = acts + fans(rng, acts, 20, grow_days)
        assert not [day for day in range(36, 70, 3) if "early" in found_until(with_fans, START + day * DAY)]


@pytest.mark.parametrize("seed", range(3))
def test_fans_who_were_always_there_are_no_pod(seed: int) -> None:
    rng = Random(seed)
    acts = life(rng)
    loyal = acts + pod(rng, acts, 25, 0.7, day=0)  # as tight as a pod, but from the first post on
    assert not [day for day in range(16, 70, 3) if found_until(loyal, START + day * DAY)]


@pytest.mark.parametrize("seed", range(3))
def test_a_farm_at_odd_hours_is_lockstep_within_ten_posts(seed: int) -> None:
    rng = Random(seed)
    acts = life(rng)
    assert "at_once" in found_until(acts + farm(rng, acts, 60), after_posts(acts, 40, 10) + 12 * 3_600)


def test_acts_of_members_are_flagged_and_membership_ends() -> None:
    rng = Random(1)
    acts = life(rng, days=60)
    done = feed(Coaction(), acts + pod(rng, acts, 30))
    flagged = {act.actor for act in done if "pod" in act.factors}
    members = {_hash(f"m{number}") for number in range(30)}
    assert len(flagged & members) >= 25
    assert len(flagged - members) <= 2
    ledger = Coaction()
    ledger.learn([5, 6], START, lockstep=True)
    assert ledger.members(START + 27 * DAY, lockstep=True) == {5, 6}
    assert ledger.members(START + 29 * DAY, lockstep=True) == set()
    ledger.learn(range(1_000, 2_000), START + DAY, lockstep=False)
    assert len(ledger.members(START + 2 * DAY, lockstep=False)) == MEMBERS


def _stored(ledger: Coaction) -> dict[str, bytes]:
    return {sub: data for sub, data in ledger.writes() if data is not None}


def test_a_restart_changes_nothing_and_all_stays_within_its_bytes() -> None:
    rng = Random(2)
    acts = sorted(life(rng, likes=400, comments=60) + pod(rng, life(Random(2), likes=400, comments=60), 40))
    whole, parts, stored = Coaction(), Coaction(), dict[str, bytes]()
    posts: dict[int, PostStat] = {}
    for index, one in enumerate(acts):
        if one.kind == "post":
            posts[one.post] = PostStat(_hash(f"p{one.post}"), int(one.at))
        post = posts.get(one.post)
        for ledger in (whole, parts):
            role = INFLUENCER if one.who == "i" else AUDIENCE
            age = one.at - post.at if post is not None else -1.0
            ledger.act(
                Act(_EVENT, one.kind, "create", one.at, role, _hash(one.who), post=post, post_age=age,
                    newest=one.at)
            )  # fmt: skip
        if index % 997 == 0:
            parts.trim(one.at)
            for sub, data in parts.writes():
                if data is None:
                    stored.pop(sub, None)
                else:
                    stored[sub] = data
            parts = Coaction()
            for sub, data in stored.items():
                parts.load(sub, data)
    at = acts[-1].at
    assert parts.groups(at) == whole.groups(at)
    assert parts.members(at, lockstep=False) == whole.members(at, lockstep=False)
    assert len(whole.posts) == POSTS
    fresh = Coaction()
    for sub, data in {**stored, **_stored(parts)}.items():
        fresh.load(sub, data)
    for held in fresh.posts.values():
        held.changed = True
    assert fresh.groups(at) == whole.groups(at)
    assert sum(map(len, {**stored, **_stored(parts)}.values())) <= 12 * 1_024


def test_real_retweets_are_no_group(shared_data: Callable[[str], Path]) -> None:
    """All retweeted posts as those of one influencer: real people who share, not one of them in a group."""
    acts: list[One] = []
    numbers: dict[str, int] = {}
    first: dict[int, float] = {}
    with gzip.open(shared_data("retweets/retweets.csv.gz"), "rt") as lines:
        for row in csv.DictReader(lines):
            at, post = float(row["timestamp_share"]), numbers.setdefault(row["object_id"], len(numbers))
            first[post] = min(at, first.get(post, at))
            acts.append(One(at, "share", row["account_id"], post))
    acts += [One(at - 1, "post", "i", post) for post, at in first.items()]
    assert not [act for act in feed(Coaction(), acts) if act.factors]


def test_a_like_costs_little() -> None:
    """Of a post with 3,000 likes; the bound is loose, since machines differ (docs: 1.5 us aimed at)."""
    ledger = Coaction()
    acts = sorted(life(Random(3), days=30, likes=3_000, comments=0))
    begin = perf_counter()
    feed(Coaction(), [])
    made = feed(ledger, acts)
    assert (perf_counter() - begin) / len(made) < 100e-6
