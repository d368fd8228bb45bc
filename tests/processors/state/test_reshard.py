"""State shared out anew: every influencer where its key belongs, sums and watermarks as they were."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.delays import Delays
from processors.influencer import Meta, decode_meta
from processors.readings import packed
from processors.records import TOTALS
from processors.state.entries import Entry
from processors.state.layout import partition_of
from processors.state.reshard import Plan, remapped

_TOPIC = "events"
_INFLUENCERS = [f"x:{n}" for n in range(40)]
_pack = msgspec.msgpack.encode


def state(before: int, clocks: list[float]) -> list[Entry]:
    """State of `before` partitions, whose clocks differ."""
    out = [
        Entry(
            "", -1, b"layout", "hash", {b"version": b"2", b"partitions": b"%d" % before, b"topic": b"events"}
        ),
        Entry("", -1, b"hash_key", "string", b"secret"),
        Entry("alerts", 0, b"fence", "hash", {b"next": b"3"}),
    ]
    for number in range(before):
        delays = Delays()
        delays.see("source", 60.0 * (number + 1))
        fence = {name.encode(): b"%d" % (number + 1) for name in TOTALS}
        fence |= {
            b"epoch": b"4", b"seq": b"7", b"next": b"%d" % (100 + number),
            b"clock": repr(clocks[number]).encode(), b"jumped": repr(float(number)).encode(),
            b"delays": delays.encode(),
        }  # fmt: skip
        out.append(Entry(_TOPIC, number, b"fence", "hash", fence))
        out.append(Entry(_TOPIC, number, b"ids:5", "string", b"%08d" % number))
        out.append(Entry(_TOPIC, number, b"part", "string", b"x"))
        out.append(Entry(_TOPIC, number, b"spark", "hash", {b"unknown-%d" % number: b"[]"}))
    for name in _INFLUENCERS:
        number = partition_of(name, before)
        meta = Meta(skew=5.0, jumped=0.0)
        out.append(Entry(_TOPIC, number, b"i:" + name.encode(), "hash", {b"meta": _pack(meta)}, 9))
        out.append(Entry(_TOPIC, number, b"c:" + name.encode(), "string", b"comments"))
        reading = packed(msgspec.json.encode({"influencer_id": name}))
        out.append(Entry(_TOPIC, number, b"readings", "hash", {b"of " + name.encode(): reading}))
        out.append(Entry(_TOPIC, number, b"spark", "hash", {b"of " + name.encode(): b"[]"}))
        alert = msgspec.json.encode({"influencer_id": name})
        out.append(Entry(_TOPIC, number, b"alerts", "hash", {b"f " + name.encode(): alert}))
    return out


@settings(deadline=None, max_examples=60)
@given(
    before=st.integers(1, 9), after=st.integers(1, 18),
    clocks=st.lists(st.floats(1e9, 2e9), min_size=9, max_size=9), anew=st.booleans(),
)  # fmt: skip
def test_all_is_there_once_and_where_it_belongs(
    before: int, after: int, clocks: list[float], anew: bool
) -> None:
    old = state(before, clocks)
    new = list(remapped(Plan(_TOPIC, before, after, anew), lambda: iter(old), epoch=11))
    seen: Counter[str] = Counter()
    fences = {
        entry.partition: entry.value for entry in new if (entry.topic, entry.name) == (_TOPIC, b"fence")
    }
    for entry in new:
        if entry.topic != _TOPIC or entry.partition < 0:
            continue
        kind, _, rest = entry.name.partition(b":")
        if kind in (b"i", b"c"):
            assert entry.partition == partition_of(rest, after)
            seen[entry.name.decode()] += 1
        elif kind in (b"readings", b"spark", b"alerts"):
            for name in entry.value:
                seen[f"{kind.decode()} {name.decode()}"] += 1
                if not name.startswith(b"unknown"):
                    assert entry.partition == partition_of(name.split(b" ")[1], after)
    wanted = [f"{kind}{name}" for name in _INFLUENCERS
              for kind in ("i:", "c:", "readings of ", "spark of ", "alerts f ")]  # fmt: skip
    assert seen == Counter([*wanted, *(f"spark unknown-{number}" for number in range(before))])
    for name in TOTALS:
        assert sum(int(fence[name.encode()]) for fence in fences.values()) == before * (before + 1) // 2
    assert {fence[b"epoch"] for fence in fences.values()} == {b"11"} and len(fences) == after
    for number, fence in fences.items():
        at = b"%d" % (100 + number) if number < before and not anew else b"0"
        assert fence[b"next"] == at
    assert new[-1].name == b"layout" and new[-1].value[b"partitions"] == b"%d" % after
    assert not any(entry.name == b"part" for entry in new)
    assert [entry for entry in new if entry.topic == "alerts"] == [old[2]]
    _watermarks_stand(before, clocks, new, fences)


def _watermarks_stand(before: int, clocks: list[float], new: list[Entry], fences: dict) -> None:  # type: ignore[type-arg]
    for entry in new:
        if entry.name.startswith(b"i:"):
            number, meta = partition_of(entry.name[2:], before), decode_meta(entry.value[b"meta"])
            fence = fences[entry.partition]
            now = float(fence[b"clock"]) - meta.skew - (float(fence[b"jumped"]) - meta.jumped)
            assert now == pytest.approx(clocks[number] - 5.0 - number, abs=1e-3)
            assert entry.ttl_s == 9


@pytest.mark.parametrize(("before", "after"), [(3, 6), (6, 3), (4, 6), (5, 7)])
def test_each_new_partition_knows_the_ids_of_all_that_may_come(before: int, after: int) -> None:
    """An event that was counted is told from a new one wherever its influencer lies now."""
    new = list(remapped(Plan(_TOPIC, before, after), lambda: iter(state(before, [1e9] * before)), epoch=1))
    known = {(entry.partition, int(entry.value)) for entry in new if entry.name == b"ids:5"}
    for name in (f"x:{number}" for number in range(500)):
        assert (partition_of(name, after), partition_of(name, before)) in known
