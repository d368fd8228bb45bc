"""What a source cannot tell is said in readings, for every source that is built in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processors.book import Book
from processors.records import Config
from processors.scores import Score
from processors.signals import SIGNALS
from processors.untold import Untold, explained
from streams.errors import InputError
from streams.settings import Settings
from streams.sources import SOURCES
from streams.sources.abilities import NEEDS
from streams.sources.untold import untold_by_source, untold_of
from tests.processors.core import START, Core, event, partnership, records

UNTOLD = untold_by_source(Settings())
HOUR = 3_600


def reading(source: str, *events: dict[str, Any]) -> dict[str, Any]:
    """The newest reading at a boundary, of an influencer on this source."""
    core = Core(Book([partnership()]), config=Config(untold=UNTOLD))
    first = [event(f"p{n}", "post", START + n * HOUR, actor="ann", object_id=f"post-{n}") for n in range(30)]
    stream = sorted((*first, *events), key=lambda one: str(one["occurred_at"]))
    core.run(records((START + 30 * HOUR, one | {"source": source}) for one in stream))
    core.run(
        records(
            [(START + 31 * HOUR, event("last", "post", START + 31 * HOUR, actor="ann", source=source))], 900
        )
    )
    found: dict[str, Any] = json.loads(core.readings[-1][1])
    return found


def part(told: dict[str, Any], path: str) -> dict[str, Any]:
    signal, _, name = path.partition(".")
    score: dict[str, Any] = told["signals"][signal]
    return score["parts"][name] if name else score


def test_an_instagram_influencer_has_no_likes_per_person_and_readings_say_why() -> None:
    post = {"id": "post-1", "type": "post", "author_id": "ann"}
    totals = [event(f"c{n}", "counter", START + (2 + n) * HOUR, actor=None, metric="likes", count=100 * n,
                    target=post) for n in range(1, 20)]  # fmt: skip
    told = reading("instagram", *totals)
    assert told["source"] == "instagram" and told["source_age_s"] is not None
    likes = part(told, "authenticity.suspicious_likes")
    assert (likes["measurable"], likes["value"]) == (False, None)
    assert likes["why"] == (
        "not measurable here: instagram: likes: counters only; facts about who acts (followers, age of the "
        "account): the handle only"
    )  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_whatever_a_source_cannot_tell_has_no_value_and_its_reason(name: str) -> None:
    told = reading(name)
    for path, why in SOURCES[name]().not_measurable().items():
        score = part(told, path)
        assert not score["measurable"] and score["value"] is None
        assert score["why"] == f"not measurable here: {name}: {why}"


def test_what_is_needed_is_named_as_in_readings() -> None:
    told = reading("nobody-knows")
    assert {path.partition(".")[0] for path in NEEDS} <= set(SIGNALS)
    for path in NEEDS:
        score = part(told, path)
        assert "not measurable here" not in (score.get("why") or "")


def test_what_came_in_counts_for_more_than_what_the_source_is_said_to_tell() -> None:
    there = Score(0.5, 40.0, 0.4, 0.6)
    untold = Untold({"audience_fit": "x: not told", "audience_fit.lang": "x: not told"})
    whole = Score(50.0, 40.0, parts={"lang": there, "country": Score.unmeasurable("few")})
    assert explained("audience_fit", whole, untold) == whole


def test_nobody_is_said_to_return_where_comments_have_no_author() -> None:
    """Each comment has an actor of its own, so everybody would seem to be new."""
    days = 60
    comments = [
        event(f"c{day}-{n}", "comment", START + day * 24 * HOUR + n, actor=f"tiktok:anonymous/{day}-{n}",
              target={"id": "post-1", "type": "post"}, source="x")
        for day in range(days) for n in range(4)
    ]  # fmt: skip

    def found(untold: dict[str, Untold]) -> dict[str, Any]:
        core = Core(Book([partnership()]), config=Config(untold=untold))
        for number, one in enumerate(comments):
            core.run(records([(START + (number // 4) * 24 * HOUR + 10, one)], number))
        body: dict[str, Any] = json.loads(core.readings[-1][1])
        return body

    said = part(found({"x": untold_of(SOURCES["tiktok"]())}), "connection.return")
    assert not said["measurable"] and "comments have no author" in said["why"]
    assert part(found({}), "connection.return")["value"] == 0.0  # what it would have claimed


def test_mapping_files_of_the_settings_say_what_they_do_not_tell(tmp_path: Any) -> None:
    (tmp_path / "m.yaml").write_text(
        'name: shop\nrules:\n- {kind: comment, id: "shop/{id}", at: at, influencer: owner, '
        "actor: {id: who}}\n"
        "abilities:\n  comments: {level: each}\n  likes: {level: total, why: counted by night}\n"
    )
    told = untold_by_source(Settings(mappings=str(tmp_path / "m.yaml")))["shop"]
    assert "counted by night" in told.parts["authenticity.suspicious_likes"]
    assert "connection.return" not in told.parts
    with pytest.raises(InputError):
        untold_by_source(Settings(mappings=str(tmp_path / "none.yaml")))
