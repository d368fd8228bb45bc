"""The ledger of brand mentions: what is advertising, what is corrected, what is kept, and its bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.book import Book
from processors.ledgers.brand import Brand
from processors.ledgers.brand_days import (
    ADS,
    ADS_TOLD,
    KEEP_DAYS,
    ORGANIC,
    PAID,
    PAID_POSTS,
    POSTS,
    RECENT,
    RIVALS,
)
from processors.ledgers.brand_texts import alike, sketch
from processors.panes import DAY, OWN_SPONSORED
from processors.text import fold
from tests.processors.core import START, Core, event, partnership, records

PAYS = {"starts_on": "2026-10-01", "ends_on": "2026-12-31", "kind": "paid"}
CUE = "Loving my acme gloves. Code ANN10 saves you 10 %"


def acme(**fields: Any) -> Any:
    return partnership(
        brand_terms=["acme"],
        rival_terms=["bolt"],
        disclosure_country="GB",
        **({"contracts": [PAYS]} | fields),
    )


def post(number: int, at: float, text: str | None, **fields: Any) -> tuple[float, dict[str, Any]]:
    object_id = fields.pop("object_id", f"post{number}")
    actor = fields.pop("actor", "ann")
    kind = fields.pop("kind", "post")
    made = event(f"p{number}", kind, at, actor=actor, object_id=object_id, **fields)
    return at, made | ({} if text is None else {"text": text})


def told(*posts: tuple[float, dict[str, Any]], **fields: Any) -> Core:
    return Core(Book([acme(**fields)])).run(records(posts))


def ledger(core: Core) -> Brand:
    found = core.influencer().ledgers["brand"]
    assert isinstance(found, Brand)
    return found


def row(core: Core, day: int = START // DAY) -> list[int]:
    return ledger(core).days("acme--ann").rows.get(day, [])


def count(core: Core, column: int) -> int:
    return ledger(core).days("acme--ann").total(column, 0, 10**6)


def enrichment(core: Core, index: int = 0) -> Any:
    return json.loads(core.enriched[index][1])["enrichment"]["sponsored"]


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("A day out", {}, None),
        ("A day out with my acme", {}, (False, None, "organic")),
        (CUE, {}, (True, False, "code")),
        ("#ad " + CUE, {}, (True, True, "tag")),
        ("#sp " + CUE, {}, (True, False, "code")),
        (CUE, {"sponsored": {"label": True, "brand_id": "acme"}}, (True, True, "label")),
        ("Gloves", {"sponsored": {"brand_id": "acme"}}, (True, False, "declared")),
        (CUE, {"sponsored": {"label": False, "disclosed": False}}, (True, False, "code")),
        ("A day with acme", {"sponsored": {"label": False, "disclosed": False}}, (False, None, "organic")),
        ("#ad for somebody else", {}, (True, True, "tag")),
    ],
)
def test_what_is_advertising_and_why(text: str, fields: dict[str, Any], expected: Any) -> None:
    core = told(post(1, START, text, **fields))
    found = enrichment(core)
    assert (None if found is None else (found["is"], found["disclosed"], found["how"])) == expected
    paid = expected is not None and expected[0]
    assert core.influencer().days.by_index[START // DAY][OWN_SPONSORED] == paid
    assert next(iter(core.influencer().posts.values())).sponsored is paid
    assert ledger(core).own().total(PAID_POSTS, 0, 10**6) == paid


@pytest.mark.parametrize(("kind", "is_"), [("gifted", True), ("affiliate", True), ("unpaid", False)])
def test_a_code_is_advertising_where_something_was_paid_or_given(kind: str, is_: bool) -> None:
    assert enrichment(told(post(1, START, CUE), contracts=[PAYS | {"kind": kind}]))["is"] is is_
    assert enrichment(told(post(1, START, CUE), contracts=[]))["is"] is False


def test_an_edit_changes_what_the_post_counts_as() -> None:
    core = told(post(1, START, "breakfast"))
    (held,) = core.influencer().posts.values()
    assert held.sponsored is False
    edit = event("p1e", "post", START + 600, actor="ann", object_id="post1", op="update", text="#ad " + CUE)
    core.run(records([(START + 600, edit)], 1))
    assert held.sponsored is True
    core.claim()  # from the store
    (held,) = core.influencer().posts.values()
    assert held.sponsored is True
    back = event("p1f", "post", START + 700, actor="ann", op="update", text="breakfast",
                 target={"id": "post1", "type": "post"})  # fmt: skip
    core.run(records([(START + 700, back)], 2))
    assert held.sponsored is False


def test_mentions_rivals_and_advertising_are_counted_by_day() -> None:
    core = told(
        post(1, START, "acme in the rain"),
        post(2, START + 60, CUE + " better than bolt"),
        post(3, START + 120, "#ad " + CUE),
        post(4, START + 180, "bolt and acme compared"),
        post(5, START + 240, "breakfast"),
    )
    assert ledger(core).own().rows[START // DAY][POSTS] == 5
    assert [count(core, c) for c in (ORGANIC, PAID, RIVALS, ADS, ADS_TOLD)] == [2, 2, 2, 2, 1]


def test_an_edit_corrects_and_a_deletion_takes_back() -> None:
    edit = event("p1e", "post", START + 600, actor="ann", object_id="post1", op="update", text="#ad " + CUE)
    gone = event("p1d", "post", START + 900, actor="ann", op="undo", undoes="p1")
    core = told(post(1, START, CUE))
    assert count(core, ADS_TOLD) == 0
    core.run(records([(START + 600, edit)], core.next))
    assert (count(core, ADS), count(core, ADS_TOLD)) == (1, 1)
    core.run(records([(START + 900, gone)], core.next))
    assert row(core) == []
    assert not ledger(core).items


def test_the_platforms_label_alone_corrects_and_stays() -> None:
    label = event("p1e", "post", START + 600, actor="ann", object_id="post1", op="update",
                  sponsored={"label": True})  # fmt: skip
    words = event("p1f", "post", START + 700, actor="ann", object_id="post1", op="update", text=CUE + "!")
    core = told(post(1, START, CUE), (START + 600, label), (START + 700, words))
    assert (count(core, ADS), count(core, ADS_TOLD)) == (1, 1)


def test_a_mention_told_beside_its_post_counts_once() -> None:
    again = event("m1", "mention", START + 5, actor="ann", target={"id": "post1"}, mentions=["acme"])
    assert count(told(post(1, START, "acme day"), (START + 5, again)), ORGANIC) == 1
    alone = event("m2", "mention", START + 5, actor="ann", object_id="s1", text="acme day")
    assert count(told(post(1, START, "a day"), (START + 5, alone)), ORGANIC) == 1


def test_sketches_tell_a_copy_from_another_text() -> None:
    words = fold("the gloves that kept my hands warm through the whole long winter of this year")
    other = fold("two eggs a cup of flour and some milk make a very good start to the day")
    assert alike(sketch(words), sketch([*words, "and", "more"])) > 0.7
    assert alike(sketch(words), sketch(other)) < 0.1
    assert sketch(words[:5]) == b""
    assert alike(b"", sketch(words)) == 0


TEXTS = st.sampled_from(["acme day", CUE, "#ad " + CUE, "bolt", "breakfast", "#ad x", None])
STEP = st.tuples(
    TEXTS, st.integers(0, 40), st.sampled_from(["create", "create", "update", "undo"]), st.integers(0, 9)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEP, max_size=25), st.integers(1, 5))
def test_writes_load_back_to_the_same_and_counts_never_fall_under_zero(steps, every) -> None:
    core = Core(Book([acme()]))
    at = float(START)
    for number, (text, days, op, which) in enumerate(steps):
        at += days * DAY / 4
        made = post(number, at, text, op=op, object_id=f"post{which}")[1]
        core.fold(records([(at, made)], core.next))
        if number % every == 0:
            core.write()
    core.write()
    core.state()  # compares what is held with what is stored
    held = core.influencer().ledgers.get("brand")
    for table in held.tables.values() if isinstance(held, Brand) else ():
        assert all(min(values) >= 0 for values in table.rows.values())


def test_a_year_of_daily_posts_stays_small() -> None:
    core = Core(Book([acme()]))
    own = event("b1", "post", START, actor="acme", text=" ".join(f"word{i}" for i in range(40)))
    core.fold(records([(START, own)]))
    for day in range(365):
        at = START + day * DAY
        text = f"{CUE} {' '.join(f'w{day}x{i}' for i in range(20))}"
        core.fold(records([post(day, at, text), post(1_000 + day, at + 9, "acme")], core.next))
        core.write()
    fields = core.store.hashes[next(key for key in core.store.hashes if key.endswith(b"ann" if isinstance(
        key, bytes) else "ann"))]  # fmt: skip
    size = sum(len(k) + len(v) for k, v in fields.items() if k.startswith(b"l:brand:"))
    assert size <= 6 * 1_024, size
    assert len(ledger(core).items) <= RECENT
    # Trimmed by what is evaluated, a day or two behind the newest.
    assert len(ledger(core).own().rows) <= KEEP_DAYS + 2
