"""A group that goes from influencer to influencer: from events through the snapshot of two partitions to the
alert; and fans of several, who are no group."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from processors.book import Book
from processors.panes import DAY, HOUR
from processors.records import Config
from processors.snapshot import Part, Snapshot, decode_part, encode, merge
from tests.processors.core import START, Core, event, partnership, records

NAMES = ("ann", "bob", "eve")
DAYS = 44
#: Newcomers come from this day on, fans of several from the start.
BEGIN = 34


def world(seed: int, group: int, since: int) -> list[tuple[float, dict[str, Any]]]:
    """A post every second day on each; a crowd of its own, and `group` accounts who come to the posts of two
    influencers within two minutes of each other, hours after the post."""
    rng = Random(seed)
    rows = []
    for day in range(0, DAYS, 2):
        for number, name in enumerate(NAMES):
            at = float(START + day * DAY + (8 + number) * HOUR)
            post = f"{name}-{day}"
            rows.append((at, event(post, "post", at, actor=name, object_id=post, influencer_id=name)))
            acts = [(f"{name}-fan{rng.randrange(150)}", rng.lognormvariate(8.6, 1.3)) for _ in range(26)]
            if day >= since and number < 2:
                acts += [
                    (f"member{n}", 2 * HOUR + day * 300 % 5_000 + rng.random() * 100) for n in range(group)
                ]
            for who, age in acts:
                target = {"id": post, "type": "post", "author_id": name}
                when = at + min(age, 40 * HOUR)
                rows.append((when, event(f"{post}-{who}", "like", when, actor=who, target=target,
                                         influencer_id=name)))  # fmt: skip
    return sorted(rows, key=lambda row: row[0])


def told(seed: int, group: int, since: int) -> tuple[list[dict[str, Any]], Snapshot]:
    """Alerts of this cause, and the last snapshot."""
    core = Core(Book(map(partnership, NAMES)), config=Config(enriched=False, readings=False), watched=NAMES)
    recs = records(world(seed, group, since))
    snapshot: Snapshot | None = None
    at = 0
    for hours in range(12, DAYS * 24 + 12, 12):
        until = (START + hours * HOUR) * 1_000
        part = recs[at:]
        count = next((n for n, rec in enumerate(part) if rec.timestamp >= until), len(part))
        core.fold(part[:count])
        core.write()
        at += count
        here = core.partition.part()
        assert decode_part(encode(here)) == here
        # As two partitions would tell it: none of them sees both influencers.
        halves = []
        for n, names in enumerate((NAMES[:1], NAMES[1:])):
            posts = tuple(p for p in here.acts.posts if p.influencer in names) if here.acts else ()
            acts = here.acts and type(here.acts)(here.acts.cut, posts, here.acts.new)
            members = tuple(m for m in here.members if m.influencer in names)
            halves.append(Part(here.hour, members, here.sources, here.acts_hour, acts))
            assert n or not merge(halves).groups
        snapshot = core.partition.evaluator.snapshot = merge(halves, snapshot)
    assert snapshot is not None
    return [a for a in core.transitions if a["subject"] == "lockstep_across"], snapshot


def test_newcomers_who_go_from_one_to_the_other_are_told_on_both() -> None:
    alerts, snapshot = told(3, 14, BEGIN)
    (group,) = snapshot.groups
    assert set(group.influencers) == {"ann", "bob"} and group.size >= 12 and group.new > 0.8
    firing = [alert for alert in alerts if alert["state"] == "firing"]
    assert {alert["influencer_id"] for alert in firing} == {"ann", "bob"}
    assert all(alert["snapshot_id"] and 12 <= len(alert["evidence"]["actor_ids"]) <= 14 for alert in firing)


@pytest.mark.parametrize(("group", "since"), [(0, DAYS), (14, 0)])
def test_a_crowd_and_fans_who_were_always_there_are_not(group: int, since: int) -> None:
    alerts, _ = told(4, group, since)
    assert alerts == []
