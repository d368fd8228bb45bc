"""A scenario that cannot be used says which field is wrong and what it may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from processors.generator import ScenarioError, generate, load_scenario
from processors.generator.scenario import IncidentSpec, InfluencerSpec, Scenario

_GOOD = """
name: small
seed: 4
start: 2026-02-01
days: 30
influencers:
  - handle: ann.rides
    tier: micro
    audience: {GB: 0.7, IE: 0.3}
    partnerships:
      - brand: northwind
        contracts: [{starts_day: 7, ends_day: 20}]
incidents:
  - {type: silence, influencer: ann.rides, day: 12, with: {mentions: 1}}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_scenario_is_read_from_yaml(tmp_path: Path) -> None:
    made = load_scenario(write(tmp_path, _GOOD), seed=9)
    assert (made.name, made.seed, made.days, made.population) == ("small", 9, 30, None)
    assert made.incidents[0].with_ == {"mentions": 1.0}
    (partnership,) = generate(made).partnerships
    assert partnership["partnership_id"] == "northwind--ann.rides"
    assert partnership["contracts"] == [{"starts_on": "2026-02-08", "ends_on": "2026-02-21", "kind": "paid"}]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("tier: micro", "tier: huge"), "influencers[0].tier: "),
        (("GB: 0.7", "XX: 0.7"), "country 'XX' is not one of"),
        (("type: silence", "type: flood"), "incidents[0].type: must be one of audience_drift_country"),
        (("influencer: ann.rides", "influencer: bob"), "names an unknown influencer 'bob'"),
        (("days: 30", "days: 0"), "days: "),
        (("day: 12", "day: 31"), "after the last day"),
        (("start: 2026-02-01", "start: 2026-02-01T10:00:00Z"), "start: must be midnight UTC"),
        (("name: small", "nome: small"), "nome: "),
        (("ends_day: 20", "ends_day: 2"), "ends_day lies before starts_day"),
        (("name: small", "name: [small"), "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_field(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    path = write(tmp_path, _GOOD.replace(*change))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert told in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_an_unknown_parameter_of_an_incident_is_told_before_anything_is_generated() -> None:
    spec = InfluencerSpec(handle="ann", tier="nano")
    incident = IncidentSpec(type="bought_likes", influencer="ann", day=3, with_={"factr": 2.0})
    with pytest.raises(ScenarioError, match="unknown factr; it has factor, hours, share_of_posts"):
        generate(Scenario(days=20, influencers=(spec,), incidents=(incident,)))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario(tmp_path / "none.yaml")
