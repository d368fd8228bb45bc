"""What texts say about themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.text import Words, fold, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("So good, I love these gloves!", "sooo GOOD i love thése gloves 🔥🔥"),
        ("Day 12 of waiting", "day 2026 of waiting…"),
        ("@ann.b see this jacket", "see this jacket"),
        ("❤️", "❤"),
        ("👍🏽👍🏽", "👍"),
        ("🔥🔥🔥", "🔥"),
        ("don't", "don’t"),
        ("Straße", "STRASSE"),
    ],
)
def test_texts_that_differ_in_dress_only_share_their_hash(one: str, other: str) -> None:
    assert words(one).hash == words(other).hash


@pytest.mark.parametrize(("one", "other"), [("where is it", "there is it"), ("🔥", "❤️"), ("price?", "size?")])
def test_texts_that_say_different_things_do_not(one: str, other: str) -> None:
    assert words(one).hash != words(other).hash


@pytest.mark.parametrize(
    ("text", "is_", "is_not"),
    [
        ("🔥🔥", {"emoji_only", "generic"}, {"mention_only"}),
        ("!!!", {"emoji_only", "generic"}, {"question"}),
        ("@ann @bob", {"mention_only", "generic"}, {"emoji_only"}),
        ("so good 😍", {"generic"}, {"emoji_only"}),
        ("trop beau", {"generic"}, set()),
        ("qué lindo", {"generic"}, set()),
        ("bahut accha", {"generic"}, set()),
        ("love the blue one you wore yesterday", set(), {"generic"}),
        ("price?", {"intent", "question"}, {"generic"}),
        ("where did you get these gloves", {"intent", "question"}, {"generic"}),
        ("Wo hast du die gekauft", {"intent", "question"}, set()),
        ("cuánto cuesta", {"intent"}, set()),
        ("quanto custa esse?", {"intent", "question"}, set()),
        ("quanto costa", {"intent"}, set()),
        ("où as-tu trouvé ça", {"intent", "question"}, set()),
        ("ye kitne ka hai bhai", {"intent"}, set()),
        ("way too expensive for me", {"objection"}, {"generic"}),
        ("mein Gerät war nach zwei Tagen kaputt", {"objection"}, set()),
        ("arnaque", {"objection"}, set()),
        ("मुझे आपकी आवाज बहुत अच्छी लगती है", set(), {"generic", "emoji_only"}),
    ],
)
def test_what_a_comment_says(text: str, is_: set[str], is_not: set[str]) -> None:
    found = words(text)
    assert {name for name in is_ | is_not if getattr(found, name)} == is_


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("Check out my channel and subscribe!", 1.0),
        ("visit https://cheap.example/x now", 0.75),
        ("earn money at shop.tk", 1.0),
        ("dm us to be our ambassador", 1.0),
    ],
)
def test_promotion_of_ones_own_is_seen(text: str, least: float) -> None:
    assert words(text).promotion >= least


@pytest.mark.parametrize(
    "text", ["love it", "@ann look", "Where did you get this?", "great video, thank you"]
)
def test_plain_comments_promote_nothing(text: str) -> None:
    assert words(text).promotion == 0.0


def test_substance_grows_with_what_is_said() -> None:
    texts = (
        "wow", "love the colour", "I tried this route last week and the second climb surprised me",
        "Which size did you take for the blue jacket, and does it keep warm on a rainy day?",
    )  # fmt: skip
    values = [words(text).substance for text in texts]
    assert values == sorted(values) and values[0] <= 0.1 and values[-1] > 0.9


def test_addresses_and_mentions_are_counted_and_are_no_words() -> None:
    found = words("@a @b look at www.example.org/x please")
    assert (found.mentions, found.urls, found.tokens) == (2, 1, ("lok", "at", "please"))


@given(st.text(max_size=300))
def test_any_text_has_features_within_bounds(text: str) -> None:
    found = words(text)
    assert isinstance(found, Words)
    assert 0 <= found.substance <= 1 and 0 <= found.promotion <= 1 and 0 <= found.hash < 1 << 64
    assert found.count == len(found.tokens)
    assert not (found.emoji_only and found.mention_only)
    assert words(text) == found


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=80))
def test_case_plays_no_part(text: str) -> None:
    assert fold(text.upper()) == fold(text.lower())
