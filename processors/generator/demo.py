"""The demo: six partnerships of all sizes, one of which slips.

30 days of past (a 28-day reference and two clean days), then a live part that goes on for months. When it
begins, sol.cooks stops answering comments; three weeks later she answers again. Nobody else does anything.
The live part ends at the scenario's last midnight, so that no event lies in the future.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from processors.generator.generated import Generated, generate
from processors.generator.scenario import (
    ContractSpec,
    EmployeeSpec,
    IncidentSpec,
    InfluencerSpec,
    PartnershipSpec,
    Scenario,
)

#: Days generated before the live part: the reference's 28 and two clean ones. A slow machine must get
#: through them, and to the alert, in little more than half a minute.
PAST_DAYS: Final = 30
#: Event seconds per wall second: five hours, so that the alert comes some ten seconds after the live
#: part begins.
SPEED: Final = 18_000.0
#: The partnership that slips, and how long.
SLIPS: Final = "oakandsalt--sol.cooks"
_SILENT_DAYS: Final = 21.0


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo's events and when its live part begins (epoch seconds)."""

    generated: Generated
    live_from: int
    ends_at: int


def demo(now: datetime, *, seed: int = 7, live_days: int = 180) -> Demo:
    """The demo scenario with its live part ending at the last midnight (UTC) before `now`.

    At the usual speed of five hours a second, 180 days last 14 minutes. Past: `events(end=live_from)`;
    live: `events(start=live_from)`.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight - timedelta(days=live_days + PAST_DAYS)
    scenario = Scenario(
        name="demo", seed=seed, start=start, days=PAST_DAYS + live_days, clean_days=PAST_DAYS,
        max_events=2_000_000_000,  # every size has its own thinning below
        profiles_known=0.9, countries_known=0.9, langs_known=0.95, influencers=_INFLUENCERS,
        incidents=(IncidentSpec(type="silence", influencer="sol.cooks", day=PAST_DAYS, days=_SILENT_DAYS,
                                with_={"mentions": 1.0}),),
    )  # fmt: skip
    return Demo(generate(scenario), int(start.timestamp()) + PAST_DAYS * 86_400, scenario.ends_at)


_GB: Final = {"GB": 0.62, "IE": 0.16, "US": 0.14, "AU": 0.08}
_US: Final = {"US": 0.66, "CA": 0.16, "GB": 0.12, "MX": 0.06}
_DE: Final = {"DE": 0.72, "AT": 0.16, "CH": 0.12}
_ES: Final = {"ES": 0.55, "MX": 0.27, "AR": 0.18}
_BR: Final = {"BR": 0.84, "PT": 0.12, "US": 0.04}


def _contract(*windows: tuple[int, int]) -> tuple[ContractSpec, ...]:
    return tuple(ContractSpec(starts_day=begin, ends_day=end) for begin, end in windows)


def _people(brand: str, **acts_per_week: float) -> tuple[EmployeeSpec, ...]:
    """The brand's people who know the influencer, the closest first; accounts are <brand>.<first name>."""
    return tuple(
        EmployeeSpec(account=f"{brand}.{name}", name=name.title(), team="partnerships", acts_per_week=acts)
        for name, acts in acts_per_week.items()
    )


def _steady(handle: str, tier: str, **more: object) -> InfluencerSpec:
    """An influencer whose weeks are alike: what the board shows as healthy must be so."""
    usual: dict[str, object] = {
        "handle": handle, "tier": tier, "post_noise": 0.12, "level_sd": 0.06, "reply_median_h": 0.5,
        "reply_p90_h": 9.0, "low_credibility": 0.12, "elsewhere_per_day": 0.6, "growth_per_day": 0.0006,
    }  # fmt: skip
    return InfluencerSpec(**{**usual, **more})  # type: ignore[arg-type] # pydantic checks each field


_INFLUENCERS: Final = (
    _steady("ann.rides", "nano", followers=6_800, engagement=0.03, comments_per_like=0.36, posts_per_day=0.9,
            reply_rate=0.55, thinning=0.25, audience=_GB, home="GB", topics=("cycling", "travel"),
            trickle_per_h=0.3,
            partnerships=(PartnershipSpec(
                brand="northwind", since_day=-210, contracts=_contract((-200, -110), (28, 400)),
                target_audience={"country": {"GB": 0.7, "IE": 0.3}, "lang": {"en": 1.0},
                                 "topics": {"cycling": 0.6, "travel": 0.4}},
                brand_terms=("#northwindride", "northwind"), rival_terms=("borealis",),
                disclosure_country="GB",
                employees=_people("northwind", amy=7.0, tom=7.0)),)),
    _steady("sol.cooks", "micro", followers=46_000, engagement=0.012, comments_per_like=0.32,
            posts_per_day=1.1,
            reply_rate=0.5, reply_p90_h=6.0, thinning=0.32, audience=_ES, home="ES", topics=("food", "home"),
            trickle_per_h=0.3,
            partnerships=(PartnershipSpec(
                brand="oakandsalt", since_day=-95, contracts=_contract((28, 400)),
                target_audience={"country": {"ES": 0.7, "MX": 0.3}, "lang": {"es": 1.0},
                                 "topics": {"food": 1.0}},
                brand_terms=("#oakandsalt",), rival_terms=("saltworks",), disclosure_country="ES",
                employees=_people("oakandsalt", ines=5.0)),)),
    _steady("max.baut", "micro", followers=72_000, engagement=0.014, comments_per_like=0.24,
            posts_per_day=0.7,
            reply_rate=0.42, thinning=0.055, audience=_DE, home="DE", topics=("home", "tech"),
            trickle_per_h=0.3,
            partnerships=(PartnershipSpec(
                brand="werkbank", since_day=-400, contracts=_contract((-390, -300), (-60, 400)),
                target_audience={"country": {"DE": 0.8, "AT": 0.2}, "lang": {"de": 1.0},
                                 "topics": {"home": 1.0}},
                brand_terms=("#werkbank",), disclosure_country="DE",
                employees=_people("werkbank", jana=4.0, uwe=4.0)),)),
    _steady("lena.trails", "mid", followers=185_000, engagement=0.013, comments_per_like=0.22,
            posts_per_day=0.8,
            reply_rate=0.46, thinning=0.024, audience=_GB, home="GB", topics=("travel", "fitness"),
            trickle_per_h=0.3,
            partnerships=(PartnershipSpec(
                brand="northwind", since_day=-30, contracts=_contract((30, 400)),
                target_audience={"country": {"GB": 0.6, "IE": 0.2, "US": 0.2}, "lang": {"en": 1.0},
                                 "topics": {"travel": 0.7, "fitness": 0.3}},
                brand_terms=("#northwindride", "northwind"), rival_terms=("borealis",),
                disclosure_country="GB", employees=_people("northwind", amy=4.0)),)),
    _steady("bia.veste", "macro", followers=730_000, engagement=0.012, comments_per_like=0.22,
            posts_per_day=1.2,
            reply_rate=0.34, thinning=0.0033, audience=_BR, home="BR", topics=("fashion", "beauty"),
            trickle_per_h=0.3,
            partnerships=(PartnershipSpec(
                brand="maresol", since_day=-150, contracts=_contract((10, 400)),
                target_audience={"country": {"BR": 0.9, "PT": 0.1}, "lang": {"pt": 1.0},
                                 "topics": {"fashion": 0.7, "beauty": 0.3}},
                brand_terms=("#maresol",), rival_terms=("ondaviva",), disclosure_country="BR",
                employees=_people("maresol", rita=6.0, caio=2.0)),)),
    _steady("theo.plays", "mega", followers=4_200_000, engagement=0.01, comments_per_like=0.2,
            posts_per_day=1.4,
            reply_rate=0.46, thinning=0.0009, audience=_US, home="US", topics=("gaming", "tech"),
            trickle_per_h=0.3,
            partnerships=(PartnershipSpec(
                brand="pixelforge", since_day=-20, contracts=_contract((21, 400)),
                target_audience={"country": {"US": 0.8, "CA": 0.2}, "lang": {"en": 1.0},
                                 "topics": {"gaming": 1.0}},
                brand_terms=("#pixelforge",), rival_terms=("voxelworks",), disclosure_country="US",
                employees=_people("pixelforge", dana=4.0)),)),
    _steady("noor.knits", "nano", followers=4_100, engagement=0.025, comments_per_like=0.12,
            posts_per_day=0.6,
            reply_rate=0.4, thinning=0.25, audience=_GB, home="GB", topics=("home", "fashion"),
            trickle_per_h=0.2),
    _steady("rio.runs", "micro", followers=28_000, engagement=0.012, comments_per_like=0.06,
            posts_per_day=0.6,
            reply_rate=0.15, thinning=0.06, audience=_ES, home="MX", topics=("fitness",),
            trickle_per_h=0.3),
)  # fmt: skip
