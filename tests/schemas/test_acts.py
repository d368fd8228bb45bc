"""Matchers and silences: Alertmanager's meaning, and patterns that nobody can hang us with."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.acts import LABELS, Matcher, Silence

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def silence(*matchers: str) -> Silence:
    return Silence(
        silence_id="s", matchers=[Matcher.parse(text) for text in matchers], starts_at=AT,
        ends_at=AT + timedelta(hours=2), created_by="ann", comment="x", created_at=AT,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        ("signal=connection", "connection", True),
        ("signal=conn", "connection", False),
        ("signal!=connection", "connection", False),
        ("signal=~conn.*", "connection", True),
        ("signal=~conn", "connection", False),
        ("signal=~a|b", "xb", False),
        ("signal!~conn.*", "audience_fit", True),
        ("signal = 'two words'", "two words", True),
        ('signal="="', "=", True),
        ("signal=~(?i)CONN.*", "connection", True),
        ("signal=~.*", "a\nb", False),
        ("signal=", "", True),
    ],
)
def test_matchers(text: str, value: str, matches: bool) -> None:
    assert Matcher.parse(text).matches({"signal": value}) is matches


def test_a_label_that_lacks_is_an_empty_text() -> None:
    assert Matcher.parse("subject=").matches({}) and not Matcher.parse("subject=~.+").matches({})


@pytest.mark.parametrize(
    "text", ["brand=x", "x", "=x", "signal=~(", "signal=~a)|(b", "signal=~a(?=b)", "signal=~(a)\\1", "",
             "signal=~" + "a" * 600, "signal=~(a{1000}){1000}"],
)  # fmt: skip
def test_matchers_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        Matcher.parse(text)


def test_a_pattern_made_to_hang_does_not() -> None:
    began = time.perf_counter()
    Matcher.parse("signal=~(a+)+(a+)+(a*)*b").matches({"signal": "a" * 10_000})
    assert time.perf_counter() - began < 1.0


@given(st.sampled_from(LABELS), st.text(max_size=20), st.booleans())
def test_what_is_written_is_read_again(name: str, value: str, is_equal: bool) -> None:
    made = Matcher(name=name, value=value, is_equal=is_equal)
    quoted = f"{name}{'=' if is_equal else '!='}'{value}'"
    assert Matcher.parse(quoted) == made
    assert Matcher.model_validate_json(made.model_dump_json()) == made


@given(st.text(alphabet="ab|.*()", max_size=8), st.text(alphabet="ab", max_size=6))
def test_patterns_mean_what_they_mean_to_python(pattern: str, value: str) -> None:
    try:
        compiled = re.compile(pattern)
        made = Matcher(name="signal", value=pattern, is_regex=True)
    except (re.error, ValidationError):
        return  # the dialects differ at the edges: `**`, `()*`
    assert made.matches({"signal": value}) is (compiled.fullmatch(value) is not None)


def test_a_silence_holds_from_its_beginning_until_before_its_end() -> None:
    made = silence("signal=connection")
    moments = (AT - timedelta(seconds=1), AT, AT + timedelta(hours=2))
    assert [made.active(at) for at in moments] == [False, True, False]
    assert [made.standing(at) for at in moments] == ["pending", "active", "expired"]
    both = silence("signal=connection", "brand_id=acme")
    assert both.matches({"signal": "connection", "brand_id": "acme"})
    assert not both.matches({"signal": "connection", "brand_id": "bolt"})


@pytest.mark.parametrize("matchers", [(), ("signal=~.*",), ("signal!=x",), ("subject=",)])
def test_a_silence_of_everything_is_refused(matchers: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        silence(*matchers)
