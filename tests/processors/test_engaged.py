"""Counts of people from samples: right on average, with intervals that hold, honest about what is unknown."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from processors.actors import ActorSampler
from processors.engaged import Effective, Sample, effective, overlap, sample_of, stored_sample
from processors.panes import DAY
from schemas.partnerships import TargetAudience

TARGET = TargetAudience(country={"GB": 0.7}, lang={"en": 1.0})
TODAY = 20_000


def sampler(
    people: range,
    rng: Random,
    *,
    credible: float = 0.8,
    home: float = 0.6,
    known: float = 1.0,
    day: int = TODAY,
) -> ActorSampler:
    """Actors by number: the same number is the same person everywhere."""
    made = ActorSampler()
    for number in people:
        hash_ = Random(number).getrandbits(64)
        country = "GB" if rng.random() < home else "US"
        lang = "en-GB" if country == "GB" else "en"
        credibility = 0.9 if rng.random() < credible else 0.2
        made.see(
            hash_, day * DAY, country if rng.random() < known else None,
            lang if rng.random() < known else None, credibility if rng.random() < known else None,
        )  # fmt: skip
    return made


def counted(actors: ActorSampler, target: TargetAudience = TARGET) -> Effective:
    return effective(sample_of(actors, TODAY), target)


def test_a_small_audience_is_counted_exactly() -> None:
    found = counted(sampler(range(200), Random(1)))
    assert found.value == found.lo == found.hi == round(found.value or 0)
    assert found.asked == ("credibility", "country", "lang") and found.rate == 1.0


def test_intervals_hold_the_truth_for_large_audiences_and_unknown_attributes() -> None:
    hit = bias = 0.0
    for seed in range(60):
        rng = Random(seed)
        found = counted(sampler(range(seed * 10_000, seed * 10_000 + 4_000), rng, known=0.6))
        assert found.value is not None and found.lo is not None and found.hi is not None
        hit += found.lo <= 4_000 * 0.8 * 0.6 <= found.hi
        bias += found.value / (4_000 * 0.8 * 0.6) - 1
    assert hit / 60 >= 0.85
    assert abs(bias / 60) < 0.03


def test_what_too_few_tell_is_not_asked_and_said() -> None:
    found = counted(sampler(range(100), Random(1), known=0.1))
    assert found.value is None and found.why is not None and "profiles" in found.why
    assert counted(sampler(range(10), Random(1))).why == "10 sampled actors; 30 would be needed"
    target = TargetAudience(segment={"parents": 0.5}, country={"GB": 1.0})
    assert counted(sampler(range(100), Random(1)), target).not_asked == ("segment",)


def test_who_was_not_seen_for_28_days_does_not_count() -> None:
    assert counted(sampler(range(100), Random(1), day=TODAY - 29)).n == 0


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_small_overlaps_are_exact_and_even_both_ways(a: int, b: int, both: int) -> None:
    one = sample_of(sampler(range(a + both), Random(1)), TODAY)
    other = sample_of(sampler(range(a, a + both + b), Random(2)), TODAY)
    found = overlap(one, other)
    assert found == overlap(other, one)
    assert found.n == a + both + b
    if found.n:
        assert found.both == both and found.both_se == 0 and found.jaccard == both / found.n


def test_overlap_of_large_audiences_is_estimated_with_its_error() -> None:
    misses = 0
    for seed in range(20):
        start = seed * 50_000
        one = sample_of(sampler(range(start, start + 6_000), Random(1)), TODAY)
        other = sample_of(sampler(range(start + 4_000, start + 20_000), Random(2)), TODAY)
        found = overlap(one, other)
        assert found.jaccard is not None and found.jaccard_se and found.both is not None and found.both_se
        misses += abs(found.jaccard - 0.1) > 2 * found.jaccard_se
        misses += abs(found.both - 2_000) > 2 * found.both_se
    assert misses <= 5  # of 40, at two standard errors


def test_it_is_read_from_the_store_as_it_is_in_memory() -> None:
    made = sampler(range(3_000), Random(1))
    fields = {f"a:{n}": data for n in range(16) if (data := made.encode(n)) is not None}
    stored = stored_sample(fields, made.threshold, TODAY)
    assert sorted(stored.entries) == sorted(sample_of(made, TODAY).entries)
    assert stored_sample({}, made.threshold, TODAY) == Sample((), stored.rate, made.threshold)
