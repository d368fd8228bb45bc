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
_ROOM = 0.8


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
    known: Known
    trickle_per_h: float
    thinning: float
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
    # What cannot be thinned (own acts), and some room for what incidents add.
    fixed = (
        sum(p.posts_per_day + p.elsewhere_per_day + 24 * p.trickle_per_h + 1 for p in whole) * scenario.days
    )
    fixed += sum(volume * spec.thinning for volume, spec in pairs if spec.thinning is not None)
    cap = _cap(
        [volume for volume, spec in pairs if spec.thinning is None], _ROOM * scenario.max_events - fixed
    )
    return [
        _thinned(persona, spec.thinning if spec.thinning is not None else min(1.0, cap / volume))
        for persona, spec, volume in zip(whole, specs, volumes, strict=True)
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
    fake = rng.betavariate(1.6, 6.5)
    audience = rng.choice(AUDIENCES)
    topics = tuple(rng.sample(TOPICS, 2))
    comments = size.comments_per_like if spec.comments_per_like is None else spec.comments_per_like
    audience = spec.audience or audience
    home = COUNTRIES[spec.home or max(audience, key=lambda country: audience[country])]
    return Persona(
        id=spec.id, handle=spec.handle, tier=spec.tier, followers=spec.followers or followers,
        engagement=engagement if spec.engagement is None else spec.engagement,
        comments_per_like=comments,
        posts_per_day=spec.posts_per_day or posts_per_day,
        post_noise=noise if spec.post_noise is None else spec.post_noise, level_sd=spec.level_sd,
        reply_rate=replies if spec.reply_rate is None else spec.reply_rate,
        reply_log_median=math.log(spec.reply_median_h * 3_600),
        reply_log_sd=math.log(spec.reply_p90_h / spec.reply_median_h) / _Z90,
        return_rate=spec.return_rate, elsewhere_per_day=spec.elsewhere_per_day,
        mentions_per_week=spec.mentions_per_week, growth_per_day=spec.growth_per_day,
        low_credibility=fake if spec.low_credibility is None else spec.low_credibility,
        audience=audience, home_offset_h=home.offset_h, lang=home.lang, topics=spec.topics or topics,
        known=Known(scenario.profiles_known, scenario.countries_known, scenario.langs_known),
        trickle_per_h=spec.trickle_per_h, thinning=1.0, partnerships=spec.partnerships,
    )  # fmt: skip


def _thinned(persona: Persona, factor: float) -> Persona:
    return replace(persona, thinning=factor)


def _expected(persona: Persona) -> float:
    """Events a day that thinning can take from: reactions to posts, and follows."""
    likes = persona.likes_per_post * persona.posts_per_day * math.exp(persona.post_noise**2 / 2)
    comments = likes * persona.comments_per_like
    return (
        likes * 1.09
        + comments * (1 + persona.reply_rate * (1 + persona.return_rate))
        + (persona.followers * abs(persona.growth_per_day) * 1.6)
    )


def _cap(volumes: list[float], budget: float) -> float:
    """The most that one may have so that the sum of min(volume, cap) is the budget."""
    left, remaining = max(0.0, budget), len(volumes)
    for volume in sorted(volumes):
        if volume * remaining >= left:
            return max(left / remaining, 1.0)
        left -= volume
        remaining -= 1
    return math.inf
