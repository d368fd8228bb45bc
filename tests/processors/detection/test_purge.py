"""A purge that the snapshot of all influencers tells: an explainer, and the alert names the snapshot."""

from __future__ import annotations

from processors.boundary import _named
from processors.detection import spikes
from processors.detection.verdict import Considered, gone
from processors.panes import DAY, HOUR
from processors.signals.authenticity import ledger_of
from processors.snapshot import Facts, Member, Part, Snapshot, merge
from tests.processors import builders
from tests.processors.builders import NOW

TODAY = NOW // DAY


def snapshot(share: float) -> Snapshot:
    """20 influencers, of whom this share lost 5 % of their followers two days ago."""
    members = tuple(
        Member(f"i{n}", 9_000, "x", NOW, ((TODAY - 2, -0.05 if n < 20 * share else 0.0),), Facts())
        for n in range(20)
    )
    return merge([Part(NOW // HOUR, members)])


def test_many_who_lose_followers_at_once_explain_what_left() -> None:
    inp = builders.signal_input(snapshot=snapshot(0.6))
    found = spikes.purge(inp, ledger_of(inp))
    assert found.accepted and found.by_snapshot and found.why.startswith("60% of all influencers")
    assert TODAY - 2 in spikes.lost_at_once(inp, ledger_of(inp))


def test_a_few_who_lose_followers_explain_nothing() -> None:
    for one in (None, snapshot(0.1), snapshot(0.0)):
        inp = builders.signal_input(snapshot=one)
        assert not spikes.purge(inp, ledger_of(inp)).accepted
        assert spikes.everywhere(inp) == {}


def test_only_an_alert_that_used_it_names_the_snapshot() -> None:
    made = snapshot(0.6)
    inp = builders.signal_input(snapshot=made)
    plain = gone("authenticity", "leak", "x")
    assert _named(inp, plain) is None
    used = type(plain)(
        **{name: getattr(plain, name) for name in plain.__struct_fields__}
        | {"explainers": (Considered("purge", True, "why", by_snapshot=True),)}
    )
    assert _named(inp, used) == made.id
    assert _named(builders.signal_input(), used) is None
