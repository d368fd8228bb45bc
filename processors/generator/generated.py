"""A scenario brought to life: events in order of arrival, the partnerships, and the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any

from processors.generator.incidents import REGISTRY, Incident
from processors.generator.influencer import InfluencerStream, Record
from processors.generator.mentions import account_of
from processors.generator.persona import Persona, personas
from processors.generator.population import expand
from processors.generator.render import stamp
from processors.generator.scenario import PartnershipSpec, Scenario

_HOUR = 3_600
_by_time = attrgetter("at")


class Generated:
    """What a scenario gives. Everything can be asked for any number of times, and is the same each time."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._specs, self._incident_specs = expand(scenario)
        self.personas: list[Persona] = personas(scenario, self._specs)

    @property
    def thinning(self) -> dict[str, float]:
        """Influencer id -> share of the real volume that is generated."""
        return {persona.id: round(persona.thinning, 6) for persona in self.personas}

    @cached_property
    def partnerships(self) -> list[dict[str, Any]]:
        """The partnerships as `partnerships.v1` has them, sorted by id."""
        found = [
            _partnership(self.scenario, persona, spec)
            for persona in self.personas
            for spec in persona.partnerships
        ]
        return sorted(found, key=lambda partnership: str(partnership["partnership_id"]))

    def events(self, start: float | None = None, end: float | None = None) -> Iterator[Record]:
        """Records in order of arrival; from `start` (inclusive) up to `end` (exclusive), epoch seconds."""
        return self._events([stream for stream, _ in self._streams(None)], start, end)

    @cached_property
    def truth(self) -> list[dict[str, Any]]:
        """One line per incident that had an effect, in order of onset.

        Only the influencers concerned are generated for it, and only up to the end of their last incident.
        """
        lines = []
        for stream, own in self._streams({spec.influencer for spec in self._incident_specs}):
            last = int(max(incident.end for incident in own)) + 1
            for _ in self._events([stream], None, last):
                pass
            lines += [
                _line(stream.persona, incident) for incident in own if incident.first_effect is not None
            ]
        return sorted(lines, key=lambda line: (line["onset"], line["incident"]))

    def write(self, out_dir: Path, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Writes events.ndjson, partnerships.json, truth.ndjson, meta.json; returns the number of events.

        `on_progress(hours done, hours in all)`. Raises OSError if the directory cannot be written.
        """
        out_dir.mkdir(parents=True, exist_ok=True)
        begin, total = self.scenario.starts_at // _HOUR, self.scenario.days * 24
        count = 0
        with (out_dir / "events.ndjson").open("wb", buffering=1 << 20) as file:
            hour = begin
            for at, _, value in self.events():
                file.write(value + b"\n")
                count += 1
                if on_progress is not None and at >= (hour + 1) * _HOUR:
                    hour = int(at // _HOUR)
                    on_progress(hour - begin, total)
        if on_progress is not None:
            on_progress(total, total)
        _write_json(out_dir / "partnerships.json", self.partnerships)
        truth = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.truth)
        (out_dir / "truth.ndjson").write_text(truth, encoding="utf-8")
        _write_json(out_dir / "meta.json", {
            "scenario": self.scenario.name, "seed": self.scenario.seed,
            "start": stamp(self.scenario.starts_at),
            "end": stamp(self.scenario.ends_at), "clean_days": self.scenario.clean_days, "events": count,
            "thinning": self.thinning, "tiers": {persona.id: persona.tier for persona in self.personas},
            "low_credibility": {p.id: round(p.low_credibility, 4) for p in self.personas},
        })  # fmt: skip
        return count

    def _streams(self, handles: set[str] | None) -> Iterator[tuple[InfluencerStream, list[Incident]]]:
        """New streams, with new incidents, of these influencers (None: all)."""
        known = {persona.handle: persona for persona in self.personas}
        by_handle: dict[str, list[Incident]] = {}
        for number, spec in enumerate(self._incident_specs):
            if handles is None or spec.influencer in handles:
                incident = REGISTRY[spec.type](number, spec, self.scenario, known[spec.influencer])
                by_handle.setdefault(spec.influencer, []).append(incident)
        for persona in self.personas:
            if handles is None or persona.handle in handles:
                own = by_handle.get(persona.handle, [])
                yield InfluencerStream(persona, self.scenario, own), own

    def _events(
        self, streams: list[InfluencerStream], start: float | None, end: float | None
    ) -> Iterator[Record]:
        last = self.scenario.ends_at if end is None else min(float(end), self.scenario.ends_at)
        for hour in range(self.scenario.starts_at // _HOUR, int(-(-last // _HOUR))):
            records: list[Record] = []
            for stream in streams:
                records += stream.hour(hour)
            if start is not None and (hour + 1) * _HOUR <= start:
                continue
            records.sort(key=_by_time)
            if (start is None or hour * _HOUR >= start) and (hour + 1) * _HOUR <= last:
                yield from records
            else:
                yield from (r for r in records if (start is None or r.at >= start) and r.at < last)


def generate(scenario: Scenario) -> Generated:
    """The scenario's events, partnerships and truth; raises ScenarioError where it contradicts itself."""
    generated = Generated(scenario)
    for _ in generated._streams({spec.influencer for spec in scenario.incidents}):
        pass  # builds each listed incident once, so that a wrong parameter is told here and not in the middle
    return generated


def _partnership(scenario: Scenario, persona: Persona, spec: PartnershipSpec) -> dict[str, Any]:
    def day(number: int) -> str:
        return (date(1970, 1, 1) + timedelta(days=scenario.starts_at // 86_400 + number)).isoformat()

    return {
        "partnership_id": f"{spec.brand}--{persona.handle}", "brand_id": spec.brand,
        "brand_account_ids": [account_of(spec.brand)], "influencer_id": persona.id,
        "since": day(spec.since_day),
        "contracts": [{"starts_on": day(c.starts_day), "ends_on": day(c.ends_day), "kind": c.kind}
                      for c in spec.contracts],
        "target_audience": spec.target_audience, "brand_terms": list(spec.brand_terms),
        "rival_terms": list(spec.rival_terms), "disclosure_country": spec.disclosure_country,
    }  # fmt: skip


def _line(persona: Persona, incident: Incident) -> dict[str, Any]:
    assert incident.first_effect is not None
    partnership = f"{persona.partnerships[0].brand}--{persona.handle}" if persona.partnerships else None
    return {
        "incident": incident.id, "influencer_id": persona.id, "partnership_id": partnership,
        "signals": list(incident.signals), "type": incident.type, "onset": stamp(incident.first_effect),
        "end": stamp(max(incident.end, incident.first_effect)), "allowed_delay_s": incident.allowed_delay_s,
        "severity": round(incident.severity, 3), "actors": sorted(incident.actors),
        "also": list(incident.also),
    }  # fmt: skip


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
