"""The sample of actors: bounded, over people instead of acts, and the same after a restart."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.actors import BUCKETS, KEEP_DAYS, SAMPLE, ActorHasher, ActorSampler
from processors.panes import DAY

T0 = 20_000 * DAY


def rebuilt(sampler: ActorSampler) -> ActorSampler:
    other = ActorSampler()
    other.threshold, other.forgotten_on = sampler.threshold, sampler.forgotten_on
    for bucket in range(BUCKETS):
        if data := sampler.encode(bucket):
            other.load(data)
    return other


@pytest.fixture(scope="module")
def crowd():
    """Twenty samplers, each with another key, that saw 10,000 actors: a quarter from GB, who act ten times as
    often as the others."""
    out = []
    for key in range(20):
        hasher, sampler, rng = ActorHasher(b"%d" % key), ActorSampler(), Random(key)
        for actor in range(10_000):
            country = "GB" if actor % 4 == 0 else "US"
            for _ in range(10 if country == "GB" else 1):
                sampler.see(hasher.hash(f"a{actor}"), T0 + rng.random() * DAY, country, None, None)
                assert len(sampler) <= SAMPLE
        out.append(sampler)
    return out


def test_the_sample_is_bounded_and_of_useful_size(crowd):
    for sampler in crowd:
        assert SAMPLE // 2 <= len(sampler) <= SAMPLE
        assert len(sampler) == sum(map(len, sampler.buckets))


def test_estimated_numbers_of_people_are_unbiased(crowd):
    """One estimate has a standard error of some 4 %; the mean of twenty, 1 %."""
    estimates = [len(sampler) / sampler.summary(T0 // DAY).rate for sampler in crowd]
    assert sum(estimates) / len(estimates) == pytest.approx(10_000, rel=0.035)
    assert all(one == pytest.approx(10_000, rel=0.2) for one in estimates)


def test_shares_are_over_people_not_over_acts(crowd):
    shares = []
    for sampler in crowd:
        seen = sampler.summary(T0 // DAY)
        shares.append(seen.country["GB"] / (seen.country["GB"] + seen.country["US"]))
    assert sum(shares) / len(shares) == pytest.approx(0.25, abs=0.015)


def test_who_is_in_depends_on_the_actor_only_not_on_the_order():
    actors = [ActorHasher(b"k").hash(f"a{i}") for i in range(900)]
    samplers = []
    for seed in range(2):
        sampler, order = ActorSampler(), list(actors)
        Random(seed).shuffle(order)
        for hash_ in order:
            sampler.see(hash_, T0, "GB", None, 1.0)
        samplers.append(sampler)
    assert samplers[0].summary(T0 // DAY) == samplers[1].summary(T0 // DAY)


ACTS = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(0, 80), st.sampled_from((None, "GB", "DE")),
        st.sampled_from((None, "en", "de")), st.sampled_from((None, 0.0, 0.3, 0.7, 1.0)),
    ),
    max_size=80,
)  # fmt: skip


@given(ACTS, st.integers(0, 79))
def test_a_sample_that_comes_back_from_state_goes_on_the_same(acts, cut):
    kept, restored = ActorSampler(), ActorSampler()
    for index, (actor, day, country, lang, trust) in enumerate(acts):
        if index == cut:
            restored = rebuilt(restored)
        for sampler in (kept, restored):
            sampler.see(actor << 59 | actor, T0 + day * DAY, country, lang, trust)
            if index % 7 == 0:
                sampler.summary(T0 // DAY + day)
    assert kept.buckets == restored.buckets
    assert kept.summary(None) == restored.summary(None)


@given(ACTS)
def test_what_is_kept_up_equals_what_a_count_from_scratch_gives(acts):
    sampler = ActorSampler()
    for actor, day, country, lang, trust in acts:
        sampler.see(actor, T0 + day * DAY, country, lang, trust)
    today = T0 // DAY + 80
    seen = sampler.summary(today)
    entries = [entry for bucket in sampler.buckets for entry in bucket.values()]
    assert all(entry[1] >= today - KEEP_DAYS for entry in entries)
    assert seen.actors == len(entries)
    for value, weight in seen.country.items():
        of = [1.0 if e[4] < 0 else e[4] / 100 for e in entries if e[2] == value]
        assert weight == pytest.approx(sum(of))
    assert seen.country_known == sum(bool(e[2]) for e in entries)
    assert seen.lang_known == sum(bool(e[3]) for e in entries)


def test_facts_that_are_not_told_keep_their_last_value():
    sampler = ActorSampler()
    sampler.see(5, T0, "GB", "en", 0.8)
    sampler.see(5, T0 + DAY, None, None, None)
    assert sampler.buckets[5][5] == (5, T0 // DAY + 1, "GB", "en", 80)
    sampler.see(5, T0, "DE", None, 0.2)
    assert sampler.buckets[5][5] == (5, T0 // DAY + 1, "DE", "en", 20)
    assert sampler.summary(T0 // DAY).country == {"DE": 0.2}


def test_actors_are_forgotten_after_28_days_and_do_not_come_back_by_old_acts():
    sampler = ActorSampler()
    sampler.see(1, T0, "GB", None, None)
    sampler.see(2, T0 + 20 * DAY, "DE", None, None)
    assert sampler.summary(T0 // DAY + KEEP_DAYS).actors == 2
    assert sampler.summary(T0 // DAY + KEEP_DAYS + 1).actors == 1
    sampler.see(3, T0 - DAY, "US", None, None)
    assert sampler.summary(None).country == {"DE": 1.0}


def test_only_buckets_that_changed_are_written():
    sampler = ActorSampler()
    sampler.see(3, T0, "GB", None, None)
    assert sampler.dirty_fields() == {"a:3"}
    sampler.see(3, T0 + 60, "GB", None, None)
    assert sampler.dirty_fields() == set()


def test_hashes_depend_on_the_key_and_hide_the_id():
    one, two = ActorHasher(b"one"), ActorHasher(b"two")
    assert one.hash("a") == ActorHasher(b"one").hash("a") != two.hash("a")
    assert one.seed != two.seed
    assert 0 <= one.hash("\ud800") < 1 << 64
