"""The followers ledger: what it counts, that order and restarts leave no trace, and that it stays small."""

from __future__ import annotations

import datetime as dt
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.decode import Actor, Event, Target
from processors.ledgers import Act
from processors.ledgers.followers import KEEP_DAYS, SAMPLE, Day, Followers
from processors.panes import DAY, HOUR

START = 20_000 * DAY


def act(kind: str, at: float, who: int = 0, *, op: str = "create", **fields: object) -> Act:
    facts = {name: fields.pop(name) for name in ("followers", "following") if name in fields}
    role = "influencer" if who == 0 else "audience"
    told = {name: fields.pop(name) for name in ("metric", "count", "target", "text") if name in fields}
    event = Event(
        event_id=f"{kind}/{who}/{at}/{op}", source="x", kind=kind, op=op, influencer_id="ann",
        occurred_at=dt.datetime.fromtimestamp(at, dt.UTC),
        actor=None if kind == "counter" else Actor(id=str(who), **facts), occurred_s=at, **told,
    )  # fmt: skip
    made = Act(event, kind, op, at, "audience" if kind == "counter" else role, who)
    made.newest = fields.pop("newest", at)  # type: ignore[assignment]
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def fed(*acts: Act) -> Followers:
    ledger = Followers()
    for one in acts:
        ledger.act(one)
    return ledger


def stored(ledger: Followers) -> dict[str, bytes | None]:
    return dict(ledger.writes())


def test_a_day_of_joins_by_hours_and_mass_followers() -> None:
    ledger = fed(
        act("follow", START + HOUR, 1, following=2_000),
        act("follow", START + 4 * HOUR, 2, following=100),
        act("follow", START + 4 * HOUR, 3),
    )
    [(day, row)] = ledger.rows(START + DAY)
    assert day == START // DAY
    assert (row.joins, row.following_known, row.mass) == (3, 2, 1)
    assert row.bins == [1, 2, 0, 0, 0, 0, 0, 0]


def test_leavers_stand_with_their_age() -> None:
    ledger = fed(
        act("follow", START, 1),
        act("follow", START + DAY, 2),
        act("follow", START + 5 * DAY, 1, op="undo", undone_at=float(START), low=True),
        act("follow", START + 20 * DAY, 2, op="undo"),  # too long ago to be found: by the sample
    )
    rows = dict(ledger.rows(START + 30 * DAY))
    first = rows[START // DAY + 5]
    assert (first.unfollows, first.resolved, first.resolved_low, first.left) == (1, 1, 1, [0] * 5 + [1])
    assert rows[START // DAY + 20].left_sampled == [0] * 19 + [1]
    assert rows[START // DAY + 20].resolved == 0


def test_of_polled_totals_the_newest_of_each_quarter_day_stays() -> None:
    ledger = fed(
        act("profile", START + HOUR, followers=100),
        act("counter", START + 3 * HOUR, 1, metric="followers", count=110),
        act("counter", START + 2 * HOUR, 1, metric="followers", count=90, newest=START + 3 * HOUR),
        act("counter", START + 7 * HOUR, 1, metric="followers", count=120, target=Target(id="ann")),
        act("counter", START + 8 * HOUR, 1, metric="followers", count=5, target=Target(id="somebody else")),
        act("counter", START + 8 * HOUR, 1, metric="likes", count=5),
    )
    assert ledger.totals(START + DAY) == [(START + 3 * HOUR, 110), (START + 7 * HOUR, 120)]
    assert ledger.totals(START + 4 * HOUR) == [(START + 3 * HOUR, 110)]
    assert ledger.rows(START + DAY)[0][1].polled_likes == 1


def test_comments_that_name_somebody() -> None:
    ledger = fed(act("comment", START, 1, text="me @ben"), act("comment", START, 2, text="nice"))
    assert ledger.rows(START + DAY)[0][1].tagged == 1


def test_what_is_too_old_is_neither_kept_nor_read_nor_taken() -> None:
    ledger = fed(act("follow", START, 1), act("follow", START + 40 * DAY, 2))
    assert [day for day, _ in ledger.rows(START + 41 * DAY)] == [START // DAY + 40]
    stored(ledger)
    ledger.trim(START + 40 * DAY)
    assert stored(ledger) == {f"d{START // DAY // 7}": None}


def test_days_stored_one_by_one_are_taken_over() -> None:
    ledger, day = Followers(), START // DAY
    ledger.load(str(day), msgspec.msgpack.encode(Day(joins=2, sample=[7, 9])))
    written = stored(ledger)
    assert written[str(day)] is None and set(written) == {str(day), f"d{day // 7}"}
    again, data = Followers(), written[f"d{day // 7}"]
    assert data is not None
    again.load(f"d{day // 7}", data)
    assert again.days == ledger.days and stored(again) == {}
    ledger.act(act("follow", START + DAY, 3, newest=START + 40 * DAY))
    assert stored(ledger) == {}


lives = st.lists(
    st.tuples(
        st.sampled_from(("follow", "undo", "total", "comment")), st.integers(1, 40), st.integers(0, 60)
    ),
    max_size=120,
)


def _life(drawn: list[tuple[str, int, int]]) -> list[Act]:
    acts = []
    newest = 0.0
    for number, (what, who, day) in enumerate(drawn):
        at = float(START + day * DAY + number * 60)
        newest = max(newest, at)
        if what == "total":
            acts.append(act("profile", at, followers=1_000 + who, newest=newest))
        elif what == "comment":
            acts.append(act("comment", at, who, text="@you", newest=newest))
        else:
            op = "undo" if what == "undo" else "create"
            found = at - who % 6 * DAY if what == "undo" and who % 2 else None
            acts.append(act("follow", at, who, op=op, undone_at=found, newest=newest, following=who * 100))
    return acts


@given(lives, st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_writes_and_restarts_leave_no_trace(drawn: list[tuple[str, int, int]], dice: int) -> None:
    rng = Random(dice)
    whole, broken = Followers(), Followers()
    kept: dict[str, bytes] = {}
    acts = _life(drawn)
    newest = 0.0
    for one in acts:
        newest = one.newest
        whole.act(one)
        broken.act(one)
        if rng.random() < 0.2:
            broken.trim(newest)
            for sub, data in broken.writes():
                if data is None:
                    kept.pop(sub, None)
                else:
                    kept[sub] = data
            broken = Followers()
            for sub, data in kept.items():
                broken.load(sub, data)
    at = int(newest) + DAY
    for ledger in (whole, broken):
        ledger.trim(newest)
    assert whole.rows(at) == broken.rows(at)
    assert whole.weeks == broken.weeks
    assert whole.totals(at) == broken.totals(at)


def test_it_stays_small() -> None:
    """90 days, 40 joins a day, a tenth leaves: a lively micro-influencer."""
    rng = Random(1)
    ledger = Followers()
    for day in range(90):
        for who in range(40):
            at = START + day * DAY + rng.randrange(DAY - 1)
            ledger.act(
                act("follow", at, rng.getrandbits(63), following=300, newest=START + day * DAY + DAY - 1)
            )
            if who % 10 == 0:
                ledger.act(act("follow", at + 1, rng.getrandbits(63), op="undo", undone_at=at - 2.0 * DAY))
        ledger.act(act("profile", START + day * DAY, followers=10_000 + day))
    ledger.trim(START + 90 * DAY)
    ledger._dirty = {*map(str, ledger.days), *(f"w{week}" for week in ledger.weeks)}
    size = sum(len(sub) + 13 + len(data) for sub, data in ledger.writes() if data is not None)
    assert len(ledger.days) <= KEEP_DAYS + 1
    assert all(len(row.sample) <= SAMPLE for row in ledger.days.values())
    assert size < 10_000
