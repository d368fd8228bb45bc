"""A scenario brought to life: events in order of arrival, the partnerships, and the truth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any

from processors.generator.arrival import arriving
from processors.generator.incidents import REGISTRY, Incident
from processors.generator.influencer import InfluencerStream, Record, made_at, schedule
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
            _partnership(self.scenario, stream.persona, spec, own)
            for stream, own in self._streams(None)
            for spec in stream.persona.partnerships
        ]
        return sorted(found, key=lambda partnership: str(partnership["partnership_id"]))

    def events(self, start: float | None = None, end: float | None = None) -> Iterator[Record]:
        """Records in order of arrival; from `start` (inclusive) up to `end` (exclusive), epoch seconds."""
        return self._arriving([stream for stream, _ in self._streams(None)], start, end)

    @cached_property
    def truth(self) -> list[dict[str, Any]]:
        """One line per incident that had an effect, in order of onset.

        Only the influencers concerned are generated for it, and only up to the end of their last incident.
        """
        lines = []
        for stream, own in self._streams({spec.influencer for spec in self._incident_specs}):
            last = int(max((incident.end for incident in own), default=0)) + 1
            for _ in self._events([stream], None, last):
                pass
            lines += self._lines(stream, own)
        return sorted(lines, key=_by_onset)

    def _lines(self, stream: InfluencerStream, own: list[Incident]) -> list[dict[str, Any]]:
        posts = [made_at(stream.persona, own, at) for at, _ in schedule(stream.persona, self.scenario)]
        posts = [at for at in posts if all(incident.posts(at) for incident in own)]
        return [_line(stream.persona, i, posts) for i in own if i.first_effect is not None]

    def write(self, out_dir: Path, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Writes events.ndjson, partnerships.json, truth.ndjson, meta.json; returns the number of events.

        `on_progress(hours done, hours in all)`. Raises OSError if the directory cannot be written.
        """
        out_dir.mkdir(parents=True, exist_ok=True)
        begin, total = self.scenario.starts_at // _HOUR, self.scenario.days * 24
        count = 0
        streams = list(self._streams(None))
        with (out_dir / "events.ndjson").open("wb", buffering=1 << 20) as file:
            hour = begin
            for at, _, value in self._arriving([stream for stream, _ in streams], None, None):
                file.write(value + b"\n")
                count += 1
                if on_progress is not None and at >= (hour + 1) * _HOUR:
                    hour = int(at // _HOUR)
                    on_progress(hour - begin, total)
        if on_progress is not None:
            on_progress(total, total)
        _write_json(out_dir / "partnerships.json", self.partnerships)
        told = sorted((line for stream, own in streams for line in self._lines(stream, own)), key=_by_onset)
        self.__dict__["truth"] = told  # of a pass of its own it would be the same
        truth = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in told)
        (out_dir / "truth.ndjson").write_text(truth, encoding="utf-8")
        _write_json(out_dir / "meta.json", {
            "scenario": self.scenario.name, "seed": self.scenario.seed,
            "start": stamp(self.scenario.starts_at),
            "end": stamp(self.scenario.ends_at), "clean_days": self.scenario.clean_days, "events": count,
            "thinning": self.thinning, "tiers": {persona.id: persona.tier for persona in self.personas},
            "types": dict(sorted(Counter(line["type"] for line in told).items())),
            "low_credibility": {p.id: round(p.low_credibility, 4) for p in self.personas},
        })  # fmt: skip
        return count

    def _streams(self, handles: set[str] | None) -> Iterator[tuple[InfluencerStream, list[Incident]]]:
        """New streams, with new incidents, of these influencers (None: all).

        What incidents do to others is part of the streams, but not among the incidents given back.
        """
        known = {persona.handle: persona for persona in self.personas}
        by_handle: dict[str, list[Incident]] = {}
        for number, spec in enumerate(self._incident_specs):
            incident = REGISTRY[spec.type](number, spec, self.scenario, known[spec.influencer])
            by_handle.setdefault(spec.influencer, []).append(incident)
        guests: dict[str, list[Incident]] = {}
        for incidents in by_handle.values():
            for incident in incidents:
                for guest in incident.guests(self.personas, by_handle):
                    guests.setdefault(guest.persona.handle, []).append(guest)
        for persona in self.personas:
            if handles is None or persona.handle in handles:
                own = by_handle.get(persona.handle, [])
                yield InfluencerStream(persona, self.scenario, [*own, *guests.get(persona.handle, [])]), own

    def _arriving(
        self, streams: list[InfluencerStream], start: float | None, end: float | None
    ) -> Iterator[Record]:
        made = self.scenario
        if not (made.late_hours or made.duplicates or made.shuffle_times):
            return self._events(streams, start, end)
        return (
            record
            for record in arriving(self._events(streams, None, None), made)
            if (start is None or record.at >= start) and (end is None or record.at < end)
        )

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


def _partnership(
    scenario: Scenario, persona: Persona, spec: PartnershipSpec, incidents: list[Incident]
) -> dict[str, Any]:
    def day(number: int) -> str:
        return (date(1970, 1, 1) + timedelta(days=scenario.starts_at // 86_400 + number)).isoformat()

    explainers = [
        {**told, "starts_at": stamp(told["starts_at"]), "ends_at": stamp(told["ends_at"])}
        for incident in incidents
        for told in incident.explainers()
    ]
    return {
        "partnership_id": f"{spec.brand}--{persona.handle}", "brand_id": spec.brand,
        "brand_account_ids": [account_of(spec.brand)], "influencer_id": persona.id,
        "since": day(spec.since_day),
        "contracts": [{"starts_on": day(c.starts_day), "ends_on": day(c.ends_day), "kind": c.kind}
                      for c in spec.contracts],
        "target_audience": spec.target_audience, "brand_terms": list(spec.brand_terms),
        "rival_terms": list(spec.rival_terms), "disclosure_country": spec.disclosure_country,
        "employees": [
            {"account_id": f"gen:{e.account}", "name": e.name, "team": e.team} for e in spec.employees
        ],
        "explainers": explainers,
    }  # fmt: skip


def _by_onset(line: dict[str, Any]) -> tuple[str, str]:
    return line["onset"], line["incident"]


def _allowed(incident: Incident, persona: Persona, posts: list[float]) -> float:
    """Seconds until it must have been told; where posts are counted, the influencer's own gaps decide.

    The post of the onset is there at the onset, so the nth post after it is when n posts have had their time.
    """
    if not incident.allowed_posts or incident.first_effect is None:
        return incident.allowed_delay_s
    after = [at for at in posts if at > incident.first_effect]
    missing = incident.allowed_posts - len(after)
    if missing <= 0:
        return round(after[incident.allowed_posts - 1] - incident.first_effect, 3)
    last = after[-1] if after else incident.first_effect
    return round(last + missing * 86_400 / persona.posts_per_day - incident.first_effect, 3)


def _line(persona: Persona, incident: Incident, posts: list[float]) -> dict[str, Any]:
    assert incident.first_effect is not None
    partnership = f"{persona.partnerships[0].brand}--{persona.handle}" if persona.partnerships else None
    return {
        "incident": incident.id, "influencer_id": persona.id, "partnership_id": partnership,
        "signals": list(incident.signals), "type": incident.type, "onset": stamp(incident.first_effect),
        "end": stamp(max(incident.end, incident.first_effect)),
        "allowed_delay_s": _allowed(incident, persona, posts),
        "severity": round(incident.severity, 3), "actors": sorted(incident.actors),
        "also": list(incident.also),
    }  # fmt: skip


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
