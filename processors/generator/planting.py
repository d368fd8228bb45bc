"""Incidents and hard negatives for drawn influencers: each type equally often, a quarter left clean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from processors.generator.draw import source
from processors.generator.incidents import REGISTRY
from processors.generator.incidents.base import Incident
from processors.generator.incidents.negatives import second_language
from processors.generator.scenario import (
    ContractSpec,
    EmployeeSpec,
    IncidentSpec,
    InfluencerSpec,
    Population,
    Scenario,
)
from processors.generator.world import COUNTRIES

_NEGATIVE: Final = "negative:"
#: Days between the end of one and the onset of the next.
_APART: Final = 21.0
#: Likes a day up to which 10 to 80 bought acts a day are more than noise once thinned.
_SMALL: Final = 140.0
#: Answers (see `_answers`) from which on silence can be seen within a week.
_TALKS: Final = 0.25
#: Followers (see `_base`) of whom 2 % are some twenty in a thinned stream.
_BASE: Final = 90.0


def plant(
    scenario: Scenario, population: Population, specs: tuple[InfluencerSpec, ...]
) -> tuple[tuple[InfluencerSpec, ...], tuple[IncidentSpec, ...]]:
    """The influencers, changed where an incident asks for it (a contract, an employee), and the incidents."""
    rng = source(scenario.seed, "plant")
    room = scenario.days - scenario.clean_days
    if room <= 2:
        return specs, ()
    wanted = [kind for kind in sorted(REGISTRY) if not population.types or kind in population.types]
    kinds = [kind for kind in wanted if not kind.startswith(_NEGATIVE)]
    negatives = [kind for kind in wanted if kind.startswith(_NEGATIVE)]
    changed = {spec.handle: spec for spec in specs}
    order = rng.sample([spec.handle for spec in specs], len(specs))
    troubled = min(len(order), round(population.incidents * len(order))) if kinds else 0
    annoyed = min(len(order) - troubled, round(population.negatives * len(order))) if negatives else 0
    free = order[: troubled + annoyed]  # the rest is clean; nobody's size or talk decides who that is
    purge_day = scenario.clean_days + room * rng.uniform(0.2, 0.7)
    planted: list[IncidentSpec] = []

    def put(kind: str, handle: str, earliest: float, latest: float) -> float | None:
        """Plants it and gives the day of its end; None where there is no time."""
        spec = changed[handle]
        made = _draw(rng, scenario, kind, spec, earliest, latest, purge_day)
        if made is None:
            return None
        planted.append(made)
        changed[handle] = _fit(spec, REGISTRY[kind], made, rng, scenario)
        return made.day + (made.days or 0.0)

    first = scenario.clean_days + 1.0
    turns = _turns(rng, kinds, troubled)
    ends: dict[str, float] = {}
    carriers = _carriers(turns, free, changed)
    for kind, handle in carriers:
        end = put(kind, handle, first, first + room * 0.4)
        if end is not None:
            ends[handle] = end
    brief = [
        kind
        for kind in kinds
        if REGISTRY[kind].days_range[1] <= 35 and not REGISTRY[kind].needs - {"followers"}
    ]
    left = [handle for handle in ends if rng.random() < population.second]
    for kind, handle in zip(_turns(rng, brief, len(left)), left, strict=False):
        if "followers" not in REGISTRY[kind].needs or _base(changed[handle]) >= _BASE:
            put(kind, handle, ends[handle] + _APART, scenario.days - 16.0)
    taken = {handle for _, handle in carriers}
    rest = [handle for handle in free if handle not in taken][:annoyed]
    for kind, handle in zip(_turns(rng, negatives, 2 * len(rest)), rest * 2, strict=True):
        put(kind, handle, ends[handle] + 10 if handle in ends else first, scenario.days - 12.0)
        ends[handle] = max(ends.get(handle, 0.0), planted[-1].day + (planted[-1].days or 0.0))
    return tuple(changed[spec.handle] for spec in specs), tuple(planted)


def _turns(rng: Random, kinds: Sequence[str], count: int) -> list[str]:
    """`count` kinds, each as often as the others."""
    turns: list[str] = []
    while kinds and len(turns) < count:
        turns += rng.sample(kinds, len(kinds))
    return turns[:count]


def _volume(spec: InfluencerSpec) -> float:
    """Likes a day; what is little is thinned least."""
    return (spec.followers or 0) * (spec.engagement or 0.0) * (spec.posts_per_day or 1.0)


def _base(spec: InfluencerSpec) -> float:
    """Followers to reactions: a thinned stream keeps more follows where this is high."""
    return spec.volume_weight / max(1e-6, (spec.engagement or 0.02) * (spec.posts_per_day or 1.0))


def _answers(spec: InfluencerSpec) -> float:
    """Answers that a stream shows, beside others' of the same size."""
    return (spec.reply_rate or 0.0) * (spec.comments_per_like or 0.0) * spec.volume_weight


#: What is asked of a carrier: the more the better, and how much will do.
_SOUGHT: Final[dict[str, tuple[Callable[[InfluencerSpec], float], float]]] = {
    "small": (lambda spec: -_volume(spec), -_SMALL),
    "talk": (_answers, _TALKS),
    "followers": (_base, _BASE),
}


def _carriers(turns: list[str], free: list[str], changed: dict[str, InfluencerSpec]) -> list[tuple[str, str]]:
    """Who has what: those that ask for somebody in particular choose first."""
    left = list(free)
    found = []
    for kind in sorted(turns, key=lambda kind: (not REGISTRY[kind].needs & set(_SOUGHT), kind)):
        handle = left[0]
        for need in sorted(REGISTRY[kind].needs & set(_SOUGHT)):
            worth, enough = _SOUGHT[need]
            # The first that will do; or else the best there is (`max` takes the first of equals).
            marks = {one: min(worth(changed[one]), enough) for one in left}
            handle = max(left, key=marks.__getitem__)
        left.remove(handle)
        found.append((kind, handle))
    return found


def _draw(
    rng: Random, scenario: Scenario, kind: str, spec: InfluencerSpec, earliest: float, latest: float,
    purge: float,
) -> IncidentSpec | None:  # fmt: skip
    """An incident of the kind on the influencer, with everything drawn, if there is time for it."""
    incident = REGISTRY[kind]
    values = {
        name: round(math.exp(rng.uniform(math.log(low), math.log(high))), 4)
        for name, (low, high) in incident.ranges.items()
    }
    if "rotating" in incident.parameters:
        values["rotating"] = float(rng.random() < 0.4)
    if "declared" in incident.parameters:
        values["declared"] = float(rng.random() < 0.5)
    if "leave" in incident.parameters and kind == "bought_followers_burst":
        values["leave"] = 0.75 if rng.random() < 0.5 else 0.0
    days = rng.uniform(*incident.days_range)
    if incident.posts_range and spec.posts_per_day:
        days = max(days, incident.posts_range / spec.posts_per_day)
    if kind == "negative:purge":
        return IncidentSpec(type=kind, influencer=spec.handle, day=round(purge, 4), days=days, with_=values)
    # What takes long begins early, so that its end is seen too.
    latest = max(min(latest, scenario.days - days - 8), earliest)
    day = earliest + (latest - earliest) * rng.random()
    if day > scenario.days - 10:
        return None
    return IncidentSpec(
        type=kind, influencer=spec.handle, day=round(day, 4), days=round(days, 4), with_=values
    )


def _fit(
    spec: InfluencerSpec, incident: type[Incident], made: IncidentSpec, rng: Random, scenario: Scenario
) -> InfluencerSpec:
    """The influencer with what the incident needs to be one at all."""
    if not spec.partnerships:
        return spec
    partner, begin = spec.partnerships[0], int(made.day)
    end = begin + math.ceil(made.days or 0)
    if "contract" in incident.needs:
        starts = min([begin - 3, *(c.starts_day for c in partner.contracts)])
        starts = max(starts, scenario.clean_days - 10)
        ends = max([end + 7, *(c.ends_day for c in partner.contracts)])
        partner = replace(partner, contracts=(ContractSpec(starts_day=starts, ends_day=ends),))
        spec = replace(spec, posts_per_day=max(spec.posts_per_day or 0.0, 0.35))
    if "po_end" in incident.needs:
        # The contract's last day is the one before the onset.
        partner = replace(partner, contracts=(ContractSpec(starts_day=-20, ends_day=begin - 1),))
        spec = replace(spec, posts_per_day=max(spec.posts_per_day or 0.0, 0.5), after_contract=0.6)
    if "employees" in incident.needs:
        first = (
            partner.employees[0]
            if partner.employees
            else EmployeeSpec(account=f"{partner.brand}.{spec.handle}.0")
        )
        first = replace(first, acts_per_week=max(first.acts_per_week, rng.uniform(2.5, 5)))
        others = [replace(one, acts_per_week=min(one.acts_per_week, 0.4)) for one in partner.employees[1:]]
        if not others:
            others = [EmployeeSpec(account=f"{partner.brand}.{spec.handle}.1", acts_per_week=0.3)]
        partner = replace(partner, employees=(first, *others), brand_acts_per_week=0.4)
    if "two_languages" in incident.needs:
        lang = max(partner.target_audience.get("lang") or {"en": 1.0}, key=lambda one: (len(one), one))
        home = COUNTRIES[spec.home].lang if spec.home else lang
        both = {home: 0.5, second_language(home): 0.5}
        partner = replace(partner, target_audience={**partner.target_audience, "lang": both})
    return replace(spec, partnerships=(partner, *spec.partnerships[1:]))
