"""The book: who is watched, on whose side accounts stand, and what people declared."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from processors.book import NO_BRAND, Book, epoch, implicit
from schemas import Control, Explainer
from tests.processors.core import partnership


def of(book, influencer):
    return [str(one.partnership_id) for one in book.of(influencer)]


def explainer(note="hack"):
    now = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    return Explainer.model_validate({"starts_at": now, "ends_at": now + dt.timedelta(days=1), "kind": "other",
                                     "note": note})  # fmt: skip


def control(subject, note="hack"):
    return Control.model_validate({
        "kind": "explainer", "subject": subject, "explainer": explainer(note).model_dump(mode="json"),
        "by": "me", "at": "2026-11-02T00:00:00Z",
    })  # fmt: skip


def test_a_partnership_that_is_put_again_is_replaced():
    book = Book([partnership()])
    book.put(partnership(brand_id="other"))
    assert of(book, "ann") == ["acme--ann"]
    assert book.of("ann")[0].brand_id == "other"


def test_a_partnership_may_move_to_another_influencer():
    book = Book([partnership()])
    book.put(partnership("bob", partnership_id="acme--ann"))
    assert (of(book, "ann"), of(book, "bob")) == ([], ["acme--ann"])
    assert list(book.watched()) == ["bob"]


def test_what_has_ended_is_watched_no_more_and_ends_only_once():
    book = Book([partnership(), partnership("bob")])
    version = book.version
    book.end("acme--ann")
    book.end("acme--ann")
    book.end("never")
    assert book.version == version + 1
    assert list(book.watched()) == ["bob"]
    assert book.of("ann") == ()


def test_roles_are_those_of_all_partnerships_and_follow_changes():
    book = Book([partnership()])
    assert book.roles("ann") == {"acme": "brand", "staff": "employee"}
    book.put(partnership("ann", partnership_id="p2", brand_account_ids=["two"], employees=[]))
    assert book.roles("ann") == {"acme": "brand", "staff": "employee", "two": "brand"}
    book.end("acme--ann")
    assert book.roles("ann") == {"two": "brand"}
    assert book.roles("bob") == {}


def test_a_declared_explainer_is_seen_by_its_partnership_alone_until_it_is_withdrawn():
    book = Book([partnership(), partnership("bob")])
    book.control("c1", control("acme--ann"))
    assert [one.note for one in book.of("ann")[0].explainers] == ["hack"]
    assert book.of("bob")[0].explainers == []
    book.control("c1", control("acme--ann", "sick"))
    assert [one.note for one in book.of("ann")[0].explainers] == ["sick"], "the same key replaces"
    book.control("c1", None)
    assert book.of("ann")[0].explainers == []


def test_an_explainer_may_come_before_its_partnership():
    book = Book()
    book.control("c1", control("acme--ann"))
    book.put(partnership())
    assert [one.note for one in book.of("ann")[0].explainers] == ["hack"]


def test_every_change_is_seen_by_the_version():
    book = Book()
    versions = [book.version]
    for change in (
        lambda: book.put(partnership()),
        lambda: book.control("c", control("acme--ann")),
        lambda: book.end("acme--ann"),
    ):
        change()
        versions.append(book.version)
    assert versions == sorted(set(versions))


def test_the_stand_in_of_an_influencer_without_partnership():
    assert (implicit("x").partnership_id, implicit("x").brand_id) == ("none--x", NO_BRAND)
    assert len(str(implicit("x" * 256).partnership_id)) <= 256


def test_times_without_zone_are_utc():
    assert epoch(dt.datetime(1970, 1, 2)) == epoch(dt.datetime(1970, 1, 2, tzinfo=dt.UTC)) == 86_400


CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from("abc")), max_size=40)


@given(CHANGES)
def test_the_book_is_what_its_last_records_say(changes):
    """Compacted: the order of records of different keys does not matter, the last one of a key does."""
    book, last = Book(), {}
    for put, number, influencer in changes:
        pid = f"p{number}"
        if put:
            book.put(partnership(influencer, partnership_id=pid))
            last[pid] = influencer
        else:
            book.end(pid)
            last.pop(pid, None)
    assert set(book.by_id) == set(last)
    assert set(book.watched()) == set(last.values())
    for influencer in "abc":
        assert set(of(book, influencer)) == {pid for pid, name in last.items() if name == influencer}


def test_long_influencer_ids_have_partnership_ids_of_their_own():
    one, two = implicit("x" * 255 + "a"), implicit("x" * 255 + "b")
    assert one.partnership_id != two.partnership_id
    assert implicit("x" * 250).partnership_id == "none--" + "x" * 250
