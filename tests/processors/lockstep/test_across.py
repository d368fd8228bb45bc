"""Groups across influencers: silent on real retweets, found under camouflage, the same from parts."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from processors.lockstep.across import Part, groups, merge, part
from processors.lockstep.within import Seen

DAY = 86_400


def _crowd(rng: Random, at: int, people: int = 3_000, acts: int = 60) -> dict[int, tuple[int, int]]:
    return {rng.randrange(people) << 16: (int(rng.lognormvariate(8.6, 1.5)), 0) for _ in range(acts)}


def _world(rng: Random, members: int, joint: int, camouflage: int = 4) -> dict[str, list[Seen]]:
    """Eight influencers with ten posts; the group acts within minutes on `joint` posts of three of them."""
    posts: dict[str, list[Seen]] = {}
    left = joint
    for number in range(8):
        mine = []
        for index in range(10):
            at = number * 3_000 + index * 2 * DAY
            acts = _crowd(rng, at)
            for member in range(members):
                if rng.random() < camouflage / 80:
                    acts[(member << 16) + 7] = (int(rng.lognormvariate(8.6, 1.5)), 0)
            if number < 3 and left > 0 and index % 3 == 0:
                left -= 1
                begin = rng.randrange(DAY)
                for member in range(members):
                    acts[(member << 16) + 7] = (begin + rng.randrange(240), 0)
            mine.append(Seen.of(at, acts, frozenset()))
        posts[f"i{number}"] = mine
    return posts


@pytest.mark.parametrize("seed", range(5))
def test_a_farm_under_camouflage_is_found_and_nobody_else(seed: int) -> None:
    found = groups(part(_world(Random(seed), 30, 9)))
    assert len(found) == 1
    members = set(found[0].members)
    assert members <= {(member << 16) + 7 for member in range(30)}
    assert len(members) >= 25
    assert found[0].influencers == ("i0", "i1", "i2")


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_is_no_group(seed: int) -> None:
    assert groups(part(_world(Random(seed), 30, 0))) == ()


def test_two_posts_together_are_no_group() -> None:
    assert groups(part(_world(Random(1), 30, 2))) == ()


def test_parts_of_partitions_show_what_none_of_them_sees() -> None:
    world = _world(Random(3), 30, 9)
    parts = [part({name: posts}) for name, posts in world.items()]
    assert all(groups(one) == () for one in parts)
    assert groups(merge(parts)) == groups(part(world)) != ()
    assert merge(reversed(parts)) == merge(parts)


def test_a_part_is_bounded_and_keeps_the_same_people() -> None:
    world = _world(Random(4), 200, 9)
    small = part(world, entries=1_000)
    assert sum(len(post.acts) for post in small.posts) <= 1_000
    seen: dict[int, set[str]] = defaultdict(set)
    for post in small.posts:
        for actor, _ in post.acts:
            seen[actor].add(post.influencer)
    assert all(actor < small.cut or len(names) > 1 for actor, names in seen.items())
    assert merge([small], entries=1_000) == small


def test_newcomers_are_told_from_people_who_were_there() -> None:
    world = _world(Random(3), 30, 9)
    assert groups(part(world))[0].new == 0.0
    for posts in world.values():
        posts[:] = [Seen.of(p.at, p.acts, frozenset(a for a in p.acts if a & 0xFFFF == 7)) for p in posts]
    found = groups(part(world))[0]
    assert found.new == 1.0
    assert found.last == max(
        post.at for posts in world.values() for post in posts
        if sum(actor & 0xFFFF == 7 for actor in post.acts) > 15
    )  # fmt: skip


def test_nothing_gives_nothing() -> None:
    assert groups(merge([])) == ()
    assert part({}) == Part(1 << 32, ())


@pytest.mark.parametrize("owners", [2, 20, 10_000])
def test_real_retweets_are_no_lockstep(shared_data: Callable[[str], Path], owners: int) -> None:
    """`owners`: among how many influencers the retweeted posts are shared out."""
    path = shared_data("retweets/retweets.csv.gz")
    posts: dict[str, dict[str, int]] = defaultdict(dict)
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            at, acts = int(float(row["timestamp_share"])), posts[row["object_id"]]
            acts[row["account_id"]] = min(at, acts.get(row["account_id"], at))
    numbers: dict[str, int] = {}
    world: dict[str, list[Seen]] = defaultdict(list)
    for index, (_, shared) in enumerate(sorted(posts.items())):
        first = min(shared.values())
        acts = {numbers.setdefault(who, len(numbers)): (at - first, 0) for who, at in shared.items()}
        world[f"i{index % owners}"].append(Seen.of(first, acts, frozenset()))
    assert groups(part(world, entries=100_000)) == ()
