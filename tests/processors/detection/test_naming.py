"""Which accounts an alert names: keyed hashes out of the samples that ledgers keep."""

from __future__ import annotations

from dataclasses import replace

from processors.detection.message import ACTORS, actor_names
from processors.detection.naming import with_actors
from processors.detection.verdict import Verdict
from processors.ledgers.coaction import Coaction
from processors.ledgers.coaction_sample import DEBUT, LOW, PostSample
from processors.ledgers.comments import Comments
from processors.ledgers.followers import Day, Followers
from processors.panes import DAY
from tests.processors.builders import NOW, signal_input


def breach(subject: str, *, breached: bool = True) -> Verdict:
    return Verdict(
        signal="authenticity", rule="leak", subject=subject, breached=breached, recovered=False,
        severity="warning", measurable=True, reason=subject,
    )  # fmt: skip


def test_joiners_are_those_of_two_days() -> None:
    ledger = Followers()
    ledger.days = {NOW // DAY - n: Day(sample=[n, n + 10]) for n in range(4)}
    inp = replace(signal_input(), ledgers={"followers": ledger})
    assert with_actors(breach("bought_followers"), inp).actor_ids == (1, 11, 0, 10)
    assert with_actors(breach("bought_followers", breached=False), inp).actor_ids == ()
    assert with_actors(breach("audience_drift"), inp).actor_ids == ()


def test_commenters_are_those_whose_words_are_nearly_another_s() -> None:
    ledger = Comments()
    post = signal_input().posts[-1].id_hash

    def say(actor: int, text: int, where: int = post) -> None:
        bands = [(text * 8 + band).to_bytes(4, "little") for band in range(8)]
        ledger.texts.put(bytes(8), actor.to_bytes(4, "little"), where.to_bytes(4, "little"), bytes(4), *bands)

    for actor in (1, 2, 3):
        say(actor, 7)
    say(4, 9)
    say(5, 7, where=999)  # on an old post
    say(4, 9)  # the same person twice
    inp = replace(signal_input(), ledgers={"comments": ledger})
    assert sorted(with_actors(breach("bought_comments"), inp).actor_ids) == [1, 2, 3]


def test_likers_are_newcomers_of_low_credibility() -> None:
    ledger, sample = Coaction(), PostSample(NOW - DAY)
    for actor, flags in ((1, LOW | DEBUT), (2, LOW), (3, DEBUT), (4, 0)):
        sample.like(actor, 60.0, flags)
    ledger.posts[1] = sample
    inp = replace(signal_input(), ledgers={"coaction": ledger})
    assert with_actors(breach("bought_likes"), inp).actor_ids == (1,)
    assert with_actors(breach("pod"), inp).actor_ids == ()


def test_names_are_bounded_and_bear_no_ids() -> None:
    names = actor_names(range(1 << 40, (1 << 40) + 200))
    assert len(names) == ACTORS and names[:2] == ["00000000", "00000001"]
