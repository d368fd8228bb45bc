"""An actor who asked to be forgotten: nothing of them stays in state, nor comes back into it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from processors.actors import ActorHasher
from processors.forgetting import SOME, forget_due, traces
from processors.influencer import Influencer
from processors.ledgers.across import Across
from processors.ledgers.insights import Insights
from processors.ledgers.ties import Ties
from processors.lockstep.across import Found
from processors.panes import DAY, HOUR
from schemas import Control, Partnership
from tests.processors.builders import NOW
from tests.processors.core import HASHER, KEYS, START, Core, event, records

#: What nobody else says.
WORDS = "Is the zorblax ride through the quibbling hills open again, does anybody know?"


def control(subject: str, at: float) -> Control:
    return Control.model_validate({
        "kind": "forget", "subject": subject, "by": "eve", "at": dt.datetime.fromtimestamp(at, dt.UTC),
    })  # fmt: skip


def name_of(who: str) -> str:
    return f"{HASHER.hash(who):016x}"


def people(*names: str, start: float = START) -> list[tuple[float, dict[str, Any]]]:
    """Each of them does everything that leaves a trace: plain, wordy, with a profile, on the newest post."""
    profile = {"followers": 3, "following": 9_000, "posts": 0, "has_bio": False, "has_avatar": False}
    known = {"followers": 300, "following": 90, "posts": 80, "has_bio": True, "has_avatar": True,
             "country": "GB", "lang": "en"}  # fmt: skip
    rows: list[tuple[float, dict[str, Any]]] = [
        (start + 60, event("p1", "post", start + 60, actor="ann", object_id="post"))
    ]
    for n, who in enumerate(names):
        at = start + 120 + n
        target = {"id": "post", "type": "post", "author_id": "ann"}
        actor = {"id": who, **(known if who == "gone" else profile)}
        rows += [
            (at, event(f"a{who}", "like", at, actor=actor, target=target)),
            (at, event(f"b{who}", "follow", at, actor=actor)),
            (at, event(f"c{who}", "comment", at, actor=actor, target=target, object_id=f"c-{who}",
                       text=WORDS if who == "gone" else "What a lovely ride, thanks so much")),
            (at, event(f"d{who}", "profile", at, actor=actor)),
            (at, event(f"e{who}", "share", at, actor={"id": who}, target=target)),
        ]  # fmt: skip
    return rows


def held_by(core: Core) -> bytes:
    """All of ann's state, alerts and the part for the snapshot, as bytes."""
    fields = core.store.hashes[KEYS.influencer("ann")]
    return b"".join(value for name, value in sorted(fields.items()))


def count(held: bytes, who: str) -> int:
    """The keyed hash, whole or its lower half, in both orders of bytes, and as alerts write it."""
    low = (HASHER.hash(who) & 0xFFFFFFFF).to_bytes(4, "little")
    high = HASHER.hash(who).to_bytes(8, "big")
    texts = (low.hex().encode(), low[::-1].hex().encode(), who.encode())
    return sum(held.count(found) for found in (low, high, low[::-1], *texts))


@pytest.mark.parametrize("asked", ["before", "after"])
def test_an_actor_is_erased_from_state_and_nobody_else(asked: str) -> None:
    """`before`: the request is known before the events come, as in a replay. `after`: as in live running."""

    def state(forget: bool) -> tuple[bytes, Core]:
        core = Core()
        request = control(name_of("gone"), START + 1_800)
        if forget and asked == "before":
            core.book.control(f"forget:{request.subject}", request)
        core.run(records(people("gone", "stays")))
        if forget and asked == "after":
            core.book.control(f"forget:{request.subject}", request)
        at = START + 3 * HOUR
        core.run(records([(at, event("z", "like", at, actor="other"))], 50))
        return held_by(core), core

    kept, usual = state(False)
    assert count(kept, "gone") >= 4 <= count(kept, "stays")
    assert b"zorblax" in kept
    held, core = state(True)
    assert count(held, "gone") == 0
    assert b"zorblax" not in held and b"quibbling" not in held
    assert count(held, "stays") == count(kept, "stays")
    assert core.influencer().meta.forgot == START + 1_800
    assert core.influencer().meta.lifetime == usual.influencer().meta.lifetime
    likes = [sum(pane[1:] != [] for pane in one.influencer().days.by_index.values()) for one in (core, usual)]
    assert likes[0] == likes[1]


def test_what_comes_late_or_again_from_before_the_request_stays_nameless() -> None:
    core = Core()
    core.run(records(people("stays")))
    core.book.control("forget:x", control(name_of("gone"), START + 2 * HOUR))
    at = START + 3 * HOUR
    core.run(records([(at, event("z", "like", at, actor="other"))], 50))
    core.run(records(people("gone")[1:], 60))  # two hours late
    core.run(records([(at + HOUR, event("y", "like", at + HOUR, actor="other"))], 90))
    assert count(held_by(core), "gone") == 0
    assert b"zorblax" not in held_by(core)
    later = at + 2 * HOUR  # but who comes back after that is somebody again
    core.run(records([(later, event("back", "like", later, actor="gone"))], 99))
    assert count(held_by(core), "gone") > 0


def test_an_employee_who_asked_leaves_no_tie() -> None:
    core = Core()
    (usual,) = core.book.by_id.values()
    people_of = {"employees": [{"account_id": "emp", "name": "E. One"}]}
    core.book.put(Partnership.model_validate(usual.model_dump() | people_of))
    rows = people("stays")
    target = {"id": "post", "type": "post", "author_id": "ann"}
    rows.append((START + 300, event("t1", "comment", START + 300, actor="emp", target=target, text="Hi")))
    core.run(records(rows))
    ties = core.influencer().ledgers["ties"]
    assert isinstance(ties, Ties) and len(ties.ties) == 1
    core.book.control("forget:x", control(name_of("emp"), START + 1_800))
    at = START + 3 * HOUR
    core.run(records([(at, event("z", "like", at, actor="other"))], 50))
    assert not ties.ties
    assert count(held_by(core), "emp") == 0


def test_traces_name_the_ledgers_and_change_nothing() -> None:
    core = Core()
    core.run(records(people("gone", "stays")))
    fields = core.store.hashes[KEYS.influencer("ann")]
    before = dict(fields)
    comments = core.store.strings.get(KEYS.comments("ann"), b"")
    found = traces("ann", dict(fields), comments, HASHER.hash("gone"))
    assert {"actors", "coaction", "comments", "followers", "insights", "people", "profiles"} <= set(found)
    assert traces("ann", dict(fields), comments, HASHER.hash("nobody")) == ()
    assert fields == before


def test_a_snapshot_from_before_the_request_does_not_bring_members_back() -> None:
    inf = Influencer("ann")
    across = inf.ledger(Across)
    assert isinstance(across, Across)
    forgotten = {7: float(NOW)}
    forget_due(inf, forgotten, NOW + HOUR)
    taken = across.of(0) or across._taken
    group = Found((7, 8), ("ann", "bob"), 3, 3)
    across.take(msgspec.structs.replace(taken, groups=(group,)))
    forget_due(inf, forgotten, NOW + 2 * HOUR)
    assert across._taken.groups[0].members == (8,)


def test_words_that_one_person_only_used_go_when_somebody_who_spoke_is_forgotten() -> None:
    insights = Insights()
    insights.load("t:100", msgspec.msgpack.encode((9, {"ours": 3, "zorblax": 1})))
    insights.forget(frozenset([7]))
    assert list(insights.writes()) == []
    insights.forget_rare()
    ((name, value),) = insights.writes()
    assert name == "t:100" and b"ours" in (value or b"") and b"zorblax" not in (value or b"")


def test_many_are_erased_over_several_boundaries() -> None:
    inf = Influencer("ann")
    hasher = ActorHasher(b"k")
    forgotten = {hasher.hash(f"a{n}") & 0xFFFFFFFF: float(NOW + n) for n in range(SOME + 10)}
    forget_due(inf, forgotten, NOW + DAY)
    assert inf.meta.forgot == NOW + SOME - 1
    forget_due(inf, forgotten, NOW + DAY + HOUR)
    assert inf.meta.forgot == NOW + SOME + 9
