"""Packed hashes behave as a set and a dict do, also where the bytes of one show across two others."""

from __future__ import annotations

import tracemalloc
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from processors.packed import PackedDict, PackedSet, pack

#: Few, in one bucket, many of whose bytes are alike: 0x0100…, so that a find meets them across two items.
_KEYS = st.one_of(
    st.sampled_from([0, 1 << 8, 1 << 16, 1 << 40, (1 << 40) + (1 << 8), 0xFF << 56, 1 << 56]),
    st.integers(0, 2**64 - 1),
)


class Model(RuleBasedStateMachine):
    """The packed ones beside those they stand for."""

    def __init__(self) -> None:
        super().__init__()
        self.packed_set, self.plain_set = PackedSet(100), set[int]()
        self.packed_dict, self.plain_dict = PackedDict(100), dict[int, bytes]()

    @rule(key=_KEYS)
    def add(self, key: int) -> None:
        assert self.packed_set.add(key, pack(key)) is (key not in self.plain_set)
        self.plain_set.add(key)

    @rule(keys=st.lists(_KEYS, max_size=4))
    def add_many(self, keys: list[int]) -> None:
        self.packed_set.update(keys)
        self.plain_set.update(keys)

    @rule(keys=st.lists(_KEYS, max_size=4))
    def remove(self, keys: list[int]) -> None:
        self.packed_set.difference_update(keys)
        self.plain_set.difference_update(keys)

    @rule(key=_KEYS, value=_KEYS)
    def put(self, key: int, value: int) -> None:
        self.packed_dict.put(key, pack(key), pack(value))
        self.plain_dict[key] = pack(value)

    @rule(key=_KEYS)
    def take(self, key: int) -> None:
        assert self.packed_dict.get(key) == self.plain_dict.get(key)
        assert self.packed_dict.pop(key) == self.plain_dict.pop(key, None)

    @invariant()
    def alike(self) -> None:
        assert len(self.packed_set) == len(self.plain_set)
        assert len(self.packed_dict) == len(self.plain_dict)
        assert sorted(self.packed_set) == sorted(self.plain_set)
        assert sorted(self.packed_dict.items()) == sorted(self.plain_dict.items())


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.sets(st.integers(0, 2**64 - 1), max_size=200), st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_membership_is_that_of_a_set(keys: set[int], other: int) -> None:
    packed = PackedSet(10)
    packed.update(keys)
    assert (other in packed) is (other in keys)


def test_a_hash_takes_less_than_a_third_of_what_it_takes_in_a_set() -> None:
    """Counted by the allocator, not by us: this is what they are there for."""
    count, rng = 50_000, Random(7)

    def taken(plain: bool) -> float:
        tracemalloc.start()
        try:
            held: set[int] | PackedSet = set() if plain else PackedSet(count)
            for _ in range(count):
                held.update((rng.getrandbits(64),))
            return tracemalloc.get_traced_memory()[0] / count
        finally:
            tracemalloc.stop()

    assert taken(plain=False) < taken(plain=True) / 3
