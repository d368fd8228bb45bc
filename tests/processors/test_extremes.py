"""No event that keeps the contract raises, however odd: not when folded, evaluated, written or read back."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.panes import KINDS
from tests.processors.core import START, Core, records

_IDS = st.sampled_from(("a", "ann", "acme", "\0", "é" * 128, "\U0001f600", "a\nb", "}{", "x" * 200))
_TIMES = st.sampled_from((
    "0001-01-01T00:00:00Z", "0001-01-02T00:00:00+14:00", "1969-12-31T23:59:59.9Z", "1970-01-01T00:00:00Z",
    "2026-11-02T00:00:00Z", "2106-02-07T06:28:16Z", "2107-01-01T00:00:00Z", "9999-12-30T23:59:59-12:00",
    "9999-12-31T23:59:59.999999Z",
))  # fmt: skip
_COUNTS = st.sampled_from((0, 1, 2**32, 2**53 - 1))
_ACTORS = st.fixed_dictionaries(
    {"id": _IDS},
    optional={"followers": _COUNTS, "following": _COUNTS, "posts": _COUNTS, "created_at": _TIMES,
              "country": st.sampled_from(("GB", "ZZ")), "bot": st.booleans()},
)  # fmt: skip
_EVENTS = st.fixed_dictionaries(
    {"event_id": _IDS, "source": _IDS, "kind": st.sampled_from((*KINDS, "counter", "profile")),
     "occurred_at": _TIMES, "influencer_id": _IDS, "actor": _ACTORS, "metric": st.just("followers"),
     "count": _COUNTS},
    optional={"op": st.sampled_from(("create", "update", "undo")), "object_id": _IDS, "undoes": _IDS,
              "target": st.fixed_dictionaries({"id": _IDS}, optional={"root_id": _IDS, "parent_id": _IDS}),
              "received_at": _TIMES, "cumulative": st.booleans()},
)  # fmt: skip
#: Record timestamps in epoch s: a broker takes any 64-bit number of milliseconds.
_STAMPS = st.sampled_from((
    -0.001, 0.0, 1.0, float(START), START + 700.0, START + 90_000.0, 4_300_000_000.0, 253_402_300_799.0,
    253_402_300_800.0, 2.0**53,
))  # fmt: skip


def _of_contract(data: dict[str, Any]) -> dict[str, Any]:
    if data["kind"] != "counter":
        data = {name: value for name, value in data.items() if name not in ("metric", "count", "cumulative")}
    return data


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_STAMPS, _EVENTS.map(_of_contract)), min_size=1, max_size=25), st.integers(0, 25))
def test_nothing_the_contract_allows_raises(events, cut):
    run = Core()
    recs = records(events)
    run.fold(recs[:cut])
    run.write(provisional=True)
    run.claim()
    run.fold(recs[cut:])
    run.write(provisional=True)
    totals = run.partition.totals
    assert totals.read == len(events)
    assert totals.read == totals.counted + totals.duplicate + totals.rejected + totals.expired
