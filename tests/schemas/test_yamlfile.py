"""What people write into a YAML file: values come in, mistakes are told with their place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from schemas.yamlfile import Problem, YamlError, load_yaml, parse_yaml


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    group_wait: int = 30


class File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    receivers: list[Inner] = Field(default_factory=list)
    by_name: dict[str, Inner] = Field(default_factory=dict)
    either: Inner | int | None = None


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(YamlError) as caught:
        load_yaml(text, File, name="f.yaml")
    return caught.value.problems


def test_a_good_file_is_its_model() -> None:
    file = load_yaml("receivers:\n- {name: a}\n- &b {name: b, group_wait: 5}\neither: *b\n", File, name="f")
    assert [r.name for r in file.receivers] == ["a", "b"]
    assert isinstance(file.either, Inner) and file.either.group_wait == 5
    assert load_yaml("", File, name="f") == load_yaml("# nothing\n", File, name="f") == File()


@pytest.mark.parametrize(
    ("text", "line", "column", "field", "words"),
    [
        (
            "receivers:\n- name: a\n  group_wiat: 3\n",
            3,
            3,
            "receivers[0].group_wiat",
            "did you mean group_wait",
        ),
        ("receivers:\n- name: a\n- group_wait: 3\n", 3, 3, "receivers[1].name", "required"),
        ("by_name:\n  x:\n    name: a\n    group_wait: soon\n", 4, 17, "by_name.x.group_wait", "integer"),
        ("by_name:\n  NO:\n    name: NO\n", 3, 11, "by_name.NO.name", "reads as False: put it in quotes"),
        ("either: {name: x, wait: 3}\n", 1, 19, "either.wait", "unknown key"),
        ("receivers: []\nreceivers: []\n", 2, 1, "receivers", "twice, first in line 1"),
        ("receivers:\n\t- a\n", 2, 1, "", "not YAML"),
        ("a: [b\n", 2, 1, "", "not YAML"),
        ("receivers: *a\n", 1, 12, "", "alias"),
        ("receivers: !!python/object/apply:os.getcwd []\n", 1, 12, "receivers", "tag"),
        ("either: !secret x\n", 1, 9, "either", "tag"),
        ("<<: {a: 1}\n", 1, 1, "", "merge"),
        ("a: 1\n---\nb: 2\n", 2, 1, "", "second document"),
        ("- 1\n", 1, 1, "", "mapping"),
        ("? [a]\n: 1\n", 1, 3, "", "key must be plain"),
        ("either: 2026-13-45\n", 1, 9, "either", "month"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, line: int, column: int, field: str, words: str) -> None:
    found = problems(text)
    told = [p for p in found if words in str(p)]
    assert told, found
    assert told[0].line == line
    if field:
        assert (told[0].column, told[0].field) == (column, field)


def test_all_problems_are_told_with_a_caret() -> None:
    text = "receivers:\n- {name: 5}\n- {nmae: x}\n"
    with pytest.raises(YamlError) as caught:
        load_yaml(text, File, name="f.yaml")
    assert len(caught.value.problems) == 3
    shown = caught.value.shown(text).splitlines()
    assert shown[0].startswith("f.yaml: line 2, column 10: receivers[0].name")
    assert shown[2].index("^") == shown[1].index("5")


def test_bombs_do_not_go_off() -> None:
    laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{c}: &{c} [{', '.join(['*' + b] * 9)}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "values" in str(problems(laughs)[0])
    assert "levels" in str(problems("[" * 50_000)[0]) or "not YAML" in str(problems("[" * 50_000)[0])
    assert "larger" in str(problems("#" * (1024 * 1024 + 1))[0])
    assert "alias" in str(problems("a: &a [*a]\n")[0])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!|>#'\"\n\t ,?<5.\x00\ud800é")), max_size=60))
def test_any_text_is_values_or_problems(text: str) -> None:
    try:
        parse_yaml(text, name="f")
    except YamlError as error:
        assert error.problems
        assert error.shown(text)
