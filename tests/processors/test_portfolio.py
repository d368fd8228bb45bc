"""A brand's partners and comparisons, from readings and fields by hand."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any

from processors.influencer import Influencer
from processors.ledgers.audience import Audience, Row
from processors.panes import DAY, HOUR
from processors.portfolio import Held, Side, compare, held_of, portfolio
from processors.snapshot import Facts, Member, Part, merge
from schemas import Partnership, Reading, SignalReading
from tests.processors.builders import NOW, partnership

AT = dt.datetime.fromtimestamp(NOW, dt.UTC)
TODAY = NOW // DAY


def fields_of(
    name: str, followers: int | None, people: range, topics: dict[str, int] | None = None
) -> dict[str, bytes]:
    """The hash of an influencer with these people; topics in acts."""
    inf = Influencer(name)
    inf.meta.first_at, inf.meta.max_at, inf.meta.followers = float(NOW - 400 * DAY), float(NOW), followers
    for number in people:
        rng = Random(number)
        inf.actors.see(
            rng.getrandbits(64), NOW - DAY, rng.choice(("GB", "US")), "en", rng.choice((0.9, 0.9, 0.2))
        )
    ledger = inf.ledger(Audience)
    assert isinstance(ledger, Audience)
    row = Row()
    row.by[2] = {topic: 12 * acts for topic, acts in (topics or {}).items()}
    ledger.rows[TODAY - 1] = row
    ledger._changed.add(TODAY - 1)
    sets = inf.writes()[0]
    return {str(k): v for k, v in zip(sets[::2], sets[1::2], strict=True) if isinstance(v, bytes)}


def held(name: str, followers: int | None, people: range, topics: dict[str, int] | None = None) -> Held:
    found = held_of(fields_of(name, followers, people, topics))
    assert found is not None
    return found


def reading(item: Partnership, health: float, quick: float = 0.2, bus: float = 0.9) -> Reading:
    def part(value: float) -> SignalReading:
        return SignalReading(value=value, n=9)

    signals = {
        "relationship": SignalReading(value=40, parts={"quick_win": part(quick), "bus_factor": part(bus)}),
        "all_in": SignalReading(measurable=False, why="few posts", parts={"saturation": part(0.5)}),
        "connection": SignalReading(value=health, lo=health - 2, hi=health + 2, n=50),
    }
    whole = SignalReading(value=health, lo=health - 5, hi=health + 5)
    ids = {"partnership_id": item.partnership_id, "influencer_id": item.influencer_id}
    return Reading(**ids, at=AT, health=whole, signals=signals)  # type: ignore[arg-type]


def of(name: str, **fields: Any) -> Partnership:
    return partnership(partnership_id=f"acme--{name}", influencer_id=name, **fields)


def made() -> dict[str, Any]:
    long = of("micro", since="2025-10-01")
    new = of("macro", contracts=[{"starts_on": "2026-10-01", "ends_on": "2026-12-01"}])
    readings = {"acme--micro": reading(long, 70), "acme--macro": reading(new, 50, quick=0.9, bus=0.3)}
    states = {"micro": held("micro", 20_000, range(400)), "macro": held("macro", 800_000, range(200, 1_000))}
    return portfolio("acme", [long, new, of("unread")], readings, states)


def test_partners_have_tenure_tier_and_the_people_they_reach() -> None:
    assert [p["tier"] for p in made()["partners"]] == ["macro", "micro", "unknown"]
    by_id = {p["influencer_id"]: p for p in made()["partners"]}
    assert by_id["micro"]["long"] is True and by_id["macro"]["tenure_days"] == 32
    assert by_id["micro"]["saturation"] == 0.5 and by_id["micro"]["over_saturated"] is True
    reached = by_id["micro"]["effective"]
    assert reached["lo"] <= reached["value"] <= reached["hi"] and 100 < reached["value"] < 160
    per = by_id["micro"]["effective"]["per_1000"]["value"]
    assert per == 1_000 * reached["value"] / 20_000 > by_id["macro"]["effective"]["per_1000"]["value"]
    assert by_id["unread"]["effective"]["why"] == "nothing read yet"
    assert by_id["unread"]["tenure_days"] is None


def test_sums_put_macro_and_micro_side_by_side() -> None:
    found = made()
    rows = {row["tier"]: row for row in found["by_tier"]}
    assert list(rows) == ["macro", "micro", "unknown"]
    assert rows["micro"]["long_share"] == 1.0 and rows["macro"]["long_share"] == 0.0
    whole = found["all"]
    assert whole["partners"] == 3 and whole["long_share"] == 0.5
    assert (whole["quick_wins"], whole["quick_wins_of"]) == (1, 2)
    assert (whole["on_one_person"], whole["over_saturated"]) == (1, 2)
    total = sum(rows[t]["effective"]["value"] for t in ("micro", "macro"))
    assert abs(whole["effective"]["value"] - total) < 1e-9
    assert abs(whole["counted_twice"] - 200 / 1_200) < 1e-9


def test_no_partner_with_state_is_said_and_not_shown_as_nought() -> None:
    found = portfolio("acme", [of("unread")], {}, {})
    assert found["all"]["effective"] is None and found["all"]["long_share"] is None
    assert found["all"]["counted_twice"] is None


def test_two_are_compared_by_signals_people_and_topics() -> None:
    one = Side(of("ann"), reading(of("ann"), 70), held("ann", 20_000, range(400), {"food": 30, "art": 10}))
    other = Side(of("bob"), reading(of("bob"), 50), held("bob", None, range(300, 600), {"art": 40}))
    near = [
        Member(f"n{k}", 18_000 + k, "x", NOW, (), Facts(fit=float(k), topics={"art": 5})) for k in range(9)
    ]
    mine = Member("ann", 20_000, "x", NOW, (), Facts(fit=4.5, topics={"food": 30, "art": 10}))
    snapshot = merge([Part(NOW // HOUR, (mine, *near))])
    found = compare(one, other, snapshot)
    assert found["overlap"]["both"] == 100 and found["overlap"]["jaccard"] == 100 / 600
    rows = {row["signal"]: row for row in found["signals"]}
    assert rows["connection"]["differs"] is True and rows["relationship"]["differs"] is None
    assert rows["all_in"]["a"]["value"] is None and rows["all_in"]["a"]["why"] == "few posts"
    assert found["a"]["places"]["fit"]["n"] == 9 and 40 < found["a"]["places"]["fit"]["percentile"] < 60
    assert found["a"]["places"]["effective"] is None and found["b"]["places"]["fit"] is None
    food = next(row for row in found["topics"]["rows"] if row["topic"] == "food")
    assert food["affinity_a"] > 1 and food["affinity_b"] is None and food["share_b"] == 0
    assert found["topics"]["overlap"] == 0.25 and found["snapshot_id"] == snapshot.id
    assert found["b"]["effective"]["per_1000"] is None  # followers are not known
    assert compare(one, other, None)["snapshot_id"] is None
