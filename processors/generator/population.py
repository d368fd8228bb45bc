"""Influencers and incidents drawn for a scenario that lists only some of them, or none."""

from __future__ import annotations

from random import Random

from processors.generator.draw import source
from processors.generator.incidents import REGISTRY
from processors.generator.scenario import (
    ContractSpec,
    IncidentSpec,
    InfluencerSpec,
    PartnershipSpec,
    Population,
    Scenario,
)
from processors.generator.world import AUDIENCES, COUNTRIES, TOPICS, Tier

_FIRST = (
    "ann",
    "ben",
    "cleo",
    "dario",
    "ela",
    "finn",
    "gina",
    "hugo",
    "ines",
    "jon",
    "kaya",
    "liam",
    "mara",
    "noor",
    "otto",
    "pia",
    "ravi",
    "sofia",
    "tom",
    "uma",
    "vera",
    "wim",
    "yara",
    "zoe",
)
_SECOND = (
    "rides",
    "cooks",
    "travels",
    "runs",
    "plays",
    "knits",
    "builds",
    "lifts",
    "paints",
    "hikes",
    "bakes",
    "films",
)


def expand(scenario: Scenario) -> tuple[tuple[InfluencerSpec, ...], tuple[IncidentSpec, ...]]:
    """Listed and drawn influencers, and listed and drawn incidents, in a fixed order."""
    if scenario.population is None:
        return scenario.influencers, scenario.incidents
    taken = {spec.handle for spec in scenario.influencers}
    drawn = _influencers(scenario, scenario.population, taken)
    incidents = _incidents(scenario, scenario.population, drawn)
    return scenario.influencers + drawn, scenario.incidents + incidents


def _influencers(scenario: Scenario, population: Population, taken: set[str]) -> tuple[InfluencerSpec, ...]:
    rng = source(scenario.seed, "population")
    tiers = list(population.tiers)
    shares = [population.tiers[tier] for tier in tiers]
    specs = []
    for number in range(population.count):
        handle = f"{rng.choice(_FIRST)}.{rng.choice(_SECOND)}{number}"
        tier: Tier = rng.choices(tiers, shares)[0]
        audience, topics = rng.choice(AUDIENCES), tuple(rng.sample(TOPICS, 2))
        partnered = rng.random() < population.partnered
        partnership = _partnership(rng, scenario, population.brands, audience, topics)
        if handle not in taken:
            specs.append(
                InfluencerSpec(
                    handle=handle,
                    tier=tier,
                    audience=audience,
                    topics=topics,
                    partnerships=(partnership,) if partnered else (),
                )
            )
    return tuple(specs)


def _partnership(
    rng: Random, scenario: Scenario, brands: int, audience: dict[str, float], topics: tuple[str, ...]
) -> PartnershipSpec:
    """A contract that begins once the reference's 28 days are over, and lasts one to three months."""
    brand = f"brand{rng.randrange(brands)}"
    begin = scenario.clean_days + rng.randrange(0, 14)
    total = sum(audience.values())
    langs: dict[str, float] = {}
    for country, share in audience.items():
        lang = COUNTRIES[country].lang
        langs[lang] = round(langs.get(lang, 0) + share / total, 4)
    return PartnershipSpec(
        brand=brand,
        since_day=begin - rng.randrange(0, 300),
        contracts=(ContractSpec(starts_day=begin, ends_day=begin + rng.randrange(30, 92)),),
        target_audience={
            "country": {c: round(s / total, 4) for c, s in audience.items()},
            "lang": langs,
            "topics": {topics[0]: 1.0},
        },
        brand_terms=(f"#{brand}",),
        disclosure_country=max(audience, key=lambda country: audience[country]),
    )


def _incidents(
    scenario: Scenario, population: Population, specs: tuple[InfluencerSpec, ...]
) -> tuple[IncidentSpec, ...]:
    """At most one a head, kinds in turn, so that each comes equally often. Onset in the first half after the
    clean
    days: what ends can be seen to end."""
    rng = source(scenario.seed, "plant")
    kinds = sorted(kind for kind in REGISTRY if not kind.startswith("negative:"))
    negatives = sorted(kind for kind in REGISTRY if kind.startswith("negative:"))
    room = scenario.days - scenario.clean_days
    planted = []
    for number, spec in enumerate(specs):
        u, when = rng.random(), rng.random()
        day = scenario.clean_days + 1 + when * room / 2
        if room <= 2 or u >= population.incidents + population.negatives:
            continue
        kind = kinds[number % len(kinds)] if u < population.incidents else negatives[number % len(negatives)]
        planted.append(IncidentSpec(type=kind, influencer=spec.handle, day=round(day, 4)))
    return tuple(planted)
