"""An influencer with every number decided: what the scenario says, and for the rest a draw."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from processors.generator.actors import Known
from processors.generator.draw import source
from processors.generator.scenario import InfluencerSpec, PartnershipSpec, Scenario
from processors.generator.world import AUDIENCES, COUNTRIES, TIERS, TOPICS

_Z90 = 1.2816
#: Share of `max_events` that is planned for: bought likes, viral posts and chance need the rest.
_ROOM = 0.9
#: Share of posts that are sponsored inside a contract: the middle of the usual bands (signals.md).
_PAID = {"nano": 0.1, "micro": 0.1, "mid": 0.15, "macro": 0.2, "mega": 0.25}


@dataclass(frozen=True, slots=True)
class Persona:
    """All of one influencer's parameters. Rates are per real follower; `thinning` scales what is
    generated."""

    id: str
    handle: str
    tier: str
    followers: int
    engagement: float
    comments_per_like: float
    posts_per_day: float
    post_noise: float
    level_sd: float
    reply_rate: float
    reply_log_median: float  # of seconds
    reply_log_sd: float
    return_rate: float
    elsewhere_per_day: float
    mentions_per_week: float
    growth_per_day: float
    low_credibility: float
    audience: dict[str, float]
    home_offset_h: float
    lang: str
    topics: tuple[str, ...]
    topic_shares: dict[str, float]
    known: Known
    trickle_per_h: float
    thinning: float
    volume_weight: float
    paid_share: float  # of all posts inside a contract
    outside_per_week: float | None
    after_contract: float
    fans: int
    regulars: float | None
    unfollows_per_day: float
    sponsored_change: float
    partnerships: tuple[PartnershipSpec, ...]

    @property
    def likes_per_post(self) -> float:
        """Expected likes of a post, before thinning."""
        return self.followers * self.engagement


def personas(scenario: Scenario, specs: tuple[InfluencerSpec, ...]) -> list[Persona]:
    """Everyone, thinned so that about `max_events` come out in all: who is small is left whole."""
    whole = [_draw(scenario, spec) for spec in specs]
    volumes = [_expected(persona) * scenario.days for persona in whole]
    pairs = list(zip(volumes, specs, strict=True))
    weights = [persona.volume_weight for persona in whole]
    # What cannot be thinned (own acts), and some room for what incidents add.
    fixed = scenario.days * sum(
        p.posts_per_day * (1 + 0.6 * p.fans) + p.elsewhere_per_day + 24 * p.trickle_per_h + 1
        + sum(e.acts_per_week for partner in p.partnerships for e in partner.employees) / 5
        for p in whole
    )  # fmt: skip
    fixed += sum(volume * spec.thinning for volume, spec in pairs if spec.thinning is not None)
    cap = _cap(
        [
            (volume / weight, weight)
            for (volume, spec), weight in zip(pairs, weights, strict=True)
            if spec.thinning is None
        ],
        _ROOM * scenario.max_events - fixed,
    )
    return [
        _thinned(persona, spec.thinning if spec.thinning is not None else min(1.0, cap * weight / volume))
        for persona, spec, volume, weight in zip(whole, specs, volumes, weights, strict=True)
    ]


def _draw(scenario: Scenario, spec: InfluencerSpec) -> Persona:
    rng = source(scenario.seed, "persona", spec.handle)
    size = TIERS[spec.tier]
    low, high = size.followers
    followers = round(math.exp(rng.uniform(math.log(low), math.log(high))))
    engagement = min(0.25, size.engagement * math.exp(rng.gauss(0, size.engagement_log_sd)))
    posts_per_day = 1 / min(8.0, max(0.5, rng.lognormvariate(math.log(2), 1.08)))
    noise = min(0.6, 0.23 * math.exp(rng.gauss(0, 0.45)))
    replies = min(0.06, 0.012 * math.exp(rng.gauss(0, 1.2)))
    fake = rng.betavariate(1.1, 4.2)
    audience = rng.choice(AUDIENCES)
    topics = tuple(rng.sample(TOPICS, 2))
    comments = size.comments_per_like if spec.comments_per_like is None else spec.comments_per_like
    audience = spec.audience or audience
    shares = dict.fromkeys(spec.topics or topics, 1.0)
    home = COUNTRIES[spec.home or max(audience, key=lambda country: audience[country])]
    return Persona(
        id=spec.id, handle=spec.handle, tier=spec.tier, followers=spec.followers or followers,
        engagement=engagement if spec.engagement is None else spec.engagement, comments_per_like=comments,
        posts_per_day=spec.posts_per_day or posts_per_day, post_noise=noise if spec.post_noise is None else
        spec.post_noise, level_sd=spec.level_sd, reply_rate=replies if spec.reply_rate is None else
        spec.reply_rate, reply_log_median=math.log(spec.reply_median_h * 3_600),
        reply_log_sd=math.log(spec.reply_p90_h / spec.reply_median_h) / _Z90, return_rate=spec.return_rate,
        elsewhere_per_day=spec.elsewhere_per_day, mentions_per_week=spec.mentions_per_week,
        growth_per_day=spec.growth_per_day, low_credibility=fake if spec.low_credibility is None else
        spec.low_credibility, audience=audience, home_offset_h=home.offset_h, lang=home.lang,
        topics=spec.topics or topics, topic_shares=spec.topic_shares or shares, known=_known(scenario),
        trickle_per_h=spec.trickle_per_h, thinning=1.0, volume_weight=spec.volume_weight,
        paid_share=_PAID[spec.tier] if spec.paid_share is None else spec.paid_share,
        outside_per_week=spec.outside_mentions_per_week, after_contract=spec.after_contract, fans=spec.fans,
        regulars=spec.regulars, unfollows_per_day=spec.unfollows_per_day,
        sponsored_change=spec.sponsored_change, partnerships=spec.partnerships,
    )  # fmt: skip


def _known(scenario: Scenario) -> Known:
    hide = scenario.hide
    return Known(
        scenario.profiles_known * (1 - hide.profiles),
        scenario.countries_known * (1 - hide.countries),
        scenario.langs_known * (1 - hide.languages),
        scenario.topics_known,
        scenario.profiles_whole,
    )


def _thinned(persona: Persona, factor: float) -> Persona:
    return replace(persona, thinning=factor)


def _expected(persona: Persona) -> float:
    """Events a day that thinning can take from: reactions to posts, and follows."""
    likes = persona.likes_per_post * persona.posts_per_day * math.exp(persona.post_noise**2 / 2)
    comments = likes * persona.comments_per_like
    return (
        likes * 1.09
        + comments * (1 + persona.reply_rate * (1 + persona.return_rate))
        + persona.followers * (max(0.0, persona.growth_per_day + 0.0005) * 1.15 + persona.unfollows_per_day)
    )


def _cap(volumes: list[tuple[float, float]], budget: float) -> float:
    """The most that one may have, per weight, so that the sum of min(volume, cap * weight) is the budget.

    `volumes`: (volume per weight, weight).
    """
    left, remaining = max(0.0, budget), sum(weight for _, weight in volumes)
    for volume, weight in sorted(volumes):
        if volume * remaining >= left:
            return max(left / remaining, 1.0)
        left -= volume * weight
        remaining -= weight
    return math.inf
