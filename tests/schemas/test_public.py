"""What `schemas` gives away by name."""

import schemas
from schemas.topics import ALERTS, CONTROL, ENRICHED, EVENTS, PARTNERSHIPS, READINGS, REJECTED, TOPICS


def test_all_is_sorted_and_complete():
    assert schemas.__all__ == sorted(schemas.__all__, key=lambda name: (not name.isupper(), name))
    public = {name for name, value in vars(schemas).items() if not name.startswith("_") and name[0].isupper()}
    assert public <= set(schemas.__all__)
    assert all(hasattr(schemas, name) for name in schemas.__all__)


def test_all_topics_are_specified_under_their_names():
    assert set(TOPICS) == {EVENTS, PARTNERSHIPS, CONTROL, ENRICHED, READINGS, ALERTS, REJECTED}
    assert all(name == spec.name for name, spec in TOPICS.items())
    assert {name for name, spec in TOPICS.items() if spec.one_partition} == {PARTNERSHIPS, CONTROL}
    assert {name for name, spec in TOPICS.items() if spec.compacted} == {PARTNERSHIPS, CONTROL, READINGS}
    # What is compacted is kept for ever; all else goes some day.
    for spec in TOPICS.values():
        bounded = spec.retention is not None or spec.retention_bytes is not None
        assert bounded != spec.compacted, f"{spec.name} must be either compacted or bounded"
