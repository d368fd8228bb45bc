"""Partnerships in files: three formats, all mistakes told at once."""

import json
from pathlib import Path

import pytest

from streams.bookfile import load_partnerships
from streams.errors import InputError

ANN = {"partnership_id": "acme--ann", "brand_id": "acme", "influencer_id": "ann"}


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", json.dumps([ANN | {"since": "2025-03-01"}])),
        ("p.json", json.dumps(ANN | {"since": "2025-03-01"})),
        ("p.ndjson", json.dumps(ANN | {"since": "2025-03-01"}) + "\n\n"),
        ("p.yaml", "- {partnership_id: acme--ann, brand_id: acme, influencer_id: ann, since: 2025-03-01}"),
        (
            "p.yml",
            "partnerships:\n- {partnership_id: acme--ann, brand_id: acme, influencer_id: ann, "
            "since: '2025-03-01'}",
        ),
    ],
)
def test_formats(tmp_path: Path, name: str, text: str) -> None:
    (found,) = load_partnerships(written(tmp_path, name, text))
    assert (found.partnership_id, found.influencer_id, str(found.since)) == ("acme--ann", "ann", "2025-03-01")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    wrong = [
        ANN,
        ANN,
        {"partnership_id": "b", "brand_id": 5},
        7,
        ANN | {"partnership_id": "c", "target_audience": {"country": {"GB": 70, "IE": 30}}},
    ]
    with pytest.raises(InputError) as caught:
        load_partnerships(written(tmp_path, "p.json", json.dumps(wrong)))
    lines = str(caught.value).splitlines()
    assert any("partnership 3 (b): brand_id" in line for line in lines)
    assert any("partnership 3 (b): influencer_id" in line for line in lines)
    assert any("partnership 4" in line for line in lines)
    assert any("(c): target_audience.country" in line for line in lines)
    assert any("'acme--ann' is there more than once" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "text"),
    [("p.json", "{"), ("p.json", "5"), ("p.yaml", "a: [b"), ("p.ndjson", "{}\nx"), ("p.yaml", "")],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(InputError, match=name):
        load_partnerships(written(tmp_path, name, text))


def test_yaml_cannot_make_objects(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load_partnerships(written(tmp_path, "p.yaml", "- !!python/object/apply:os.getcwd []"))


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        load_partnerships(path)


def test_a_misspelt_field_is_pointed_out_though_the_contract_allows_it(tmp_path: Path) -> None:
    notes: list[str] = []
    file = written(
        tmp_path,
        "p.json",
        json.dumps([ANN | {"brand_trems": ["x"], "employees": [{"account_id": "e", "nam": "E"}]}]),
    )
    assert len(load_partnerships(file, notes=notes)) == 1
    assert "(acme--ann): brand_trems: no such field, it has no effect; did you mean brand_terms?" in notes[0]
    assert "employees.nam" in notes[1] and len(notes) == 2


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("p.ndjson", json.dumps(ANN) + "\nx\n", "line 2 is not JSON"),
        (
            "p.yaml",
            "- {partnership_id: p, brand_id: b, influencer_id: i, disclosure_country: NO}",
            "reads as False: put it in quotes",
        ),
        ("p.json", json.dumps([ANN | {"partnership_id": "none--ann"}]), "may not begin with none--"),
    ],
)
def test_what_is_wrong_comes_with_what_to_do(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_partnerships(written(tmp_path, name, text))
