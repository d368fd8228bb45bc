"""Influencers and incidents drawn for a scenario that lists only some of them, or none."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Final, Literal

from processors.generator.draw import source
from processors.generator.planting import plant
from processors.generator.scenario import (
    ContractSpec,
    EmployeeSpec,
    IncidentSpec,
    InfluencerSpec,
    PartnershipSpec,
    Population,
    Scenario,
)
from processors.generator.world import AUDIENCES, COUNTRIES, TIERS, TOPICS, Tier

_TEAMS: Final = ("marketing", "partnerships", "community", "pr")
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
    drawn, incidents = plant(scenario, scenario.population, drawn)
    return scenario.influencers + drawn, scenario.incidents + incidents


def _influencers(scenario: Scenario, population: Population, taken: set[str]) -> tuple[InfluencerSpec, ...]:
    tiers = list(population.tiers)
    shares = [population.tiers[tier] for tier in tiers]
    specs = []
    for number in range(population.count):
        rng = source(scenario.seed, "population", number)
        handle = f"{rng.choice(_FIRST)}.{rng.choice(_SECOND)}{number}"
        tier: Tier = rng.choices(tiers, shares)[0]
        spec = _influencer(rng, handle, tier)
        partnership = _partnership(rng, scenario, population, spec)
        if rng.random() < population.partnered:
            spec = replace(spec, partnerships=(partnership,))
        if handle not in taken:
            specs.append(spec)
    return tuple(specs)


def _influencer(rng: Random, handle: str, tier: Tier) -> InfluencerSpec:
    """Somebody of that size. A third of the smaller ones is in real two-way talk with a small audience."""
    audience = rng.choice(AUDIENCES)
    topics = tuple(rng.sample(TOPICS, 4))
    low, high = TIERS[tier].followers
    followers = round(math.exp(rng.uniform(math.log(low), math.log(high))))
    talks = rng.random() < (0.34 if tier in ("nano", "micro") else 0.12)
    comments = TIERS[tier].comments_per_like
    replies = min(0.06, 0.012 * math.exp(rng.gauss(0, 1.2)))
    engagement = TIERS[tier].engagement * math.exp(rng.gauss(0, TIERS[tier].engagement_log_sd))
    median_h, p90_h = 0.5, 44.0
    if talks:
        replies = rng.choice((0.37, 0.61, 0.77)) * rng.uniform(0.85, 1.1)
        comments = max(comments, rng.uniform(0.1, 0.28))
        p90_h = rng.uniform(8, 30)
    return InfluencerSpec(
        handle=handle, tier=tier, followers=followers, engagement=min(0.25, engagement), audience=audience,
        home=max(audience, key=audience.__getitem__), topics=topics[:2],
        topic_shares=dict(zip(topics, (0.5, 0.28, 0.12, 0.1), strict=True)),
        posts_per_day=1 / min(8.0, max(0.5, rng.lognormvariate(math.log(2), 1.08 if not talks else 0.5))),
        reply_rate=replies, comments_per_like=comments, reply_median_h=median_h, reply_p90_h=p90_h,
        return_rate=rng.uniform(0.15, 0.35), elsewhere_per_day=min(1.0, rng.expovariate(1 / 0.25)),
        mentions_per_week=rng.uniform(1, 3), outside_mentions_per_week=min(0.8, rng.expovariate(1 / 0.2)),
        after_contract=rng.uniform(0.4, 0.8), growth_per_day=rng.lognormvariate(math.log(0.0006), 0.8),
        unfollows_per_day=rng.lognormvariate(math.log(0.0003), 0.5), fans=rng.randrange(2, 6),
        regulars=rng.uniform(0.1, 0.25) if talks else 0.03,
        sponsored_change=-0.16, volume_weight=2.6 if talks else rng.uniform(0.6, 1.0),
    )  # fmt: skip


def _partnership(
    rng: Random, scenario: Scenario, population: Population, spec: InfluencerSpec
) -> PartnershipSpec:
    """Most have a contract that begins once the reference's 28 days are over; most outlast the run. Aimed at
    the two first countries of the audience (some two thirds of it)."""
    brand = f"brand{rng.randrange(population.brands)}"
    begin = scenario.clean_days + rng.randrange(0, 10)
    lasts = rng.randrange(30, 60) if rng.random() < 0.25 else rng.randrange(95, 250)
    contracted = rng.random() < population.contracted
    kind: Literal["paid", "gifted", "affiliate"] = rng.choices(("paid", "gifted", "affiliate"), (8, 1, 1))[0]
    aimed = dict(list((spec.audience or {}).items())[:2])
    total = sum(aimed.values())
    langs: dict[str, float] = {}
    for country, share in aimed.items():
        lang = COUNTRIES[country].lang
        langs[lang] = round(langs.get(lang, 0) + share / total, 4)
    main = rng.uniform(1.2, 4)
    people = [
        EmployeeSpec(account=f"{brand}.{spec.handle}.{number}", name=f"E. {number + 1}",
                     team=rng.choice(_TEAMS),
                     acts_per_week=round(main if number == 0 else rng.uniform(0.2, 0.8), 3))
        for number in range(rng.randrange(1, 4))
    ]  # fmt: skip
    return PartnershipSpec(
        brand=brand,
        since_day=begin - rng.randrange(0, 300),
        contracts=(ContractSpec(starts_day=begin, ends_day=begin + lasts, kind=kind),) if contracted else (),
        target_audience={
            "country": {c: round(s / total, 4) for c, s in aimed.items()},
            "lang": langs,
            "topics": {spec.topics[0]: 0.65, spec.topics[1]: 0.35},
        },
        brand_terms=(f"#{brand}", brand),
        rival_terms=(f"rival{rng.randrange(population.brands)}",),
        disclosure_country=spec.home,
        employees=tuple(people),
        brand_acts_per_week=round(rng.uniform(0.2, 1.2), 3),
    )
