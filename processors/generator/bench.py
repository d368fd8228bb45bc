"""The bench's mix: fast, plain, and heavy as real records are. Not a scenario: nothing happens in it.

1,000 influencers with Pareto popularity; 70 % likes and views, 12 % comments with text, 30 % of events with
the
actor's profile; a median of 700 bytes. Shaped like records from Bluesky, whose ids make up most of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Final

from processors.generator import texts
from processors.generator.draw import source
from processors.generator.influencer import Record
from processors.generator.render import stamp

#: Cumulative shares of the kinds.
_MIX: Final = (
    ("like", 0.52), ("view", 0.70), ("comment", 0.82), ("share", 0.88), ("save", 0.93), ("follow", 0.96),
    ("reply", 0.985), ("post", 1.0),
)  # fmt: skip
_PROFILES: Final = 0.30
_PARETO: Final = 1.16  # a fifth of the influencers draws four fifths of the acts
_ACTORS: Final = 20_000
_CHUNK: Final = 2_000
_ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"
_COLLECTIONS: Final = {
    "like": "app.bsky.feed.like", "view": "app.bsky.feed.view", "share": "app.bsky.feed.repost",
    "save": "app.bsky.feed.save", "follow": "app.bsky.graph.follow", "comment": "app.bsky.feed.post",
    "reply": "app.bsky.feed.post", "post": "app.bsky.feed.post",
}  # fmt: skip


class _Influencer:
    """Ids of one influencer, and their newest post and the newest comment on it."""

    __slots__ = ("comment", "commenter", "did", "followers", "id", "key", "post", "target")

    def __init__(self, did: str, followers: int) -> None:
        self.did = did
        self.followers = followers
        self.id = f"bluesky:{did}"
        self.key = self.id.encode()
        self.comment = self.commenter = self.post = self.target = ""
        self.posted("3k" + did[8:19])

    def posted(self, rkey: str) -> None:
        self.post = f"at://{self.did}/app.bsky.feed.post/{rkey}"
        self.target = f'"target":{{"id":"{self.post}","type":"post","author_id":"{self.id}"}}'
        self.comment = ""


def bench_events(
    count: int, *, start: float, stretch_s: float, seed: int = 1, influencers: int = 1_000
) -> Iterator[Record]:
    """`count` records spread evenly over `stretch_s` seconds of event time from `start` (epoch s), in order.

    The same arguments give the same bytes. Some 120,000 records a second on one core.
    """
    rng = source(seed, "bench")
    # The distribution's own quantiles: a drawn maximum would decide how uneven the partitions are.
    people = [
        _Influencer(_did(rng), round(5_000 * ((rank + 0.5) / influencers) ** (-1 / _PARETO)))
        for rank in range(influencers)
    ]
    popularity = list(accumulate(person.followers for person in people))
    # (did, actor object): the same account is told of with its profile, or by its id alone.
    actors = [_actor(_did(rng), rng, start) for _ in range(_ACTORS)]
    step = stretch_s / max(count, 1)
    for first in range(0, count, _CHUNK):
        size = min(_CHUNK, count - first)
        chosen = rng.choices(people, cum_weights=popularity, k=size)
        for offset, person in enumerate(chosen):
            number = first + offset
            at = round(start + number * step, 3)
            did, bare, full = actors[int(_ACTORS * rng.random())]
            u = rng.random()
            kind = next(kind for kind, upto in _MIX if u < upto)
            yield Record(
                at,
                person.key,
                _event(
                    rng, kind, number, at, person, did, full if rng.random() < _PROFILES / 0.96 else bare
                ).encode(),
            )


def _event(rng: Random, kind: str, number: int, at: float, person: _Influencer, did: str, actor: str) -> str:
    rkey, when = f"3l{number:011x}", stamp(at)
    if kind in ("post", "reply"):
        return _own(rng, kind, rkey, when, person)
    uri = f"{did}/{_COLLECTIONS[kind]}/{rkey}"
    target = person.target
    if kind == "follow":
        target = f'"target":{{"id":"{person.id}","type":"account","author_id":"{person.id}"}}'
    said = ""
    if kind == "comment":
        person.comment, person.commenter = f"at://{uri}", f"bluesky:{did}"
        said = f'"text":"{texts.comment(rng, "en")}","lang":"en",'
    return (
        f'{{"event_id":"bluesky/{uri}/create","source":"bluesky","kind":"{kind}","op":"create",'
        f'"occurred_at":"{when}","clock":"event","influencer_id":"{person.id}","actor":{actor},'
        f'"object_id":"at://{uri}",{target},{said}"tags":[],"mentions":[],"urls":[],"received_at":"{when}","raw_ref":"jetstream/{number:014d}"}}'
    )


def _own(rng: Random, kind: str, rkey: str, when: str, person: _Influencer) -> str:
    """A post by the influencer, or an answer to the newest comment (a post where there is none)."""
    uri = f"{person.did}/app.bsky.feed.post/{rkey}"
    target = ""
    if kind == "reply" and person.comment:
        text = texts.answer(rng, "en")
        target = (
            f'"target":{{"id":"{person.comment}","type":"comment","author_id":"{person.commenter}",'
            f'"parent_id":"{person.comment}","root_id":"{person.post}"}},'
        )
    else:
        kind, text = "post", texts.post(rng)
        person.posted(rkey)
    return (
        f'{{"event_id":"bluesky/{uri}/create","source":"bluesky","kind":"{kind}","op":"create",'
        f'"occurred_at":"{when}","clock":"event","influencer_id":"{person.id}",'
        f'"actor":{{"id":"{person.id}","followers":{person.followers}}},"object_id":"at://{uri}",{target}'
        f'"text":"{text}","lang":"en","tags":[],"mentions":[],"urls":[],"received_at":"{when}"}}'
    )


def _did(rng: Random) -> str:
    return "did:plc:" + "".join(rng.choices(_ALPHABET, k=24))


def _actor(did: str, rng: Random, start: float) -> tuple[str, str, str]:
    bare = f'{{"id":"bluesky:{did}","handle":"{did[8:20]}.bsky.social"}}'
    low = rng.random() < 0.15
    followers, following = (
        (rng.randrange(16), rng.randrange(900, 3_000))
        if low
        else (round(rng.lognormvariate(5.2, 1.4)), round(rng.lognormvariate(5.5, 0.9)))
    )
    full = (
        f'{bare[:-1]},"followers":{followers},"following":{following},'
        f'"posts":{0 if low else round(rng.lognormvariate(4.5, 1.5))},'
        f'"created_at":"{stamp(start - 86_400 * rng.randrange(70, 2_500))}",'
        f'"has_avatar":{"false" if low else "true"},"has_bio":{"false" if low else "true"},"bot":false,'
        f'"lang":"{rng.choice(("en", "en", "es", "de", "pt"))}",'
        f'"country":"{rng.choice(("US", "GB", "DE", "ES", "BR"))}"}}'
    )
    return did, bare, full
