"""Facts about the world that scenarios draw on: countries, waking hours, sizes of influencers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Tier = Literal["nano", "micro", "mid", "macro", "mega"]


@dataclass(frozen=True, slots=True)
class Size:
    """What goes with an influencer's size: medians, measured on real accounts (evaluation.md)."""

    followers: tuple[int, int]  # usual range
    engagement: float  # likes per post and follower, median
    engagement_log_sd: float
    comments_per_like: float


TIERS: Final[dict[str, Size]] = {
    "nano": Size((1_500, 9_500), 0.022, 0.8, 0.05),
    "micro": Size((11_000, 90_000), 0.019, 0.8, 0.025),
    "mid": Size((110_000, 450_000), 0.017, 0.8, 0.01),
    "macro": Size((520_000, 950_000), 0.016, 0.8, 0.004),
    "mega": Size((1_100_000, 8_000_000), 0.015, 1.3, 0.0015),
}


@dataclass(frozen=True, slots=True)
class Country:
    """Hours ahead of UTC (standard time, the whole year) and the main language."""

    offset_h: float
    lang: str


COUNTRIES: Final[dict[str, Country]] = {
    "AR": Country(-3, "es"), "AT": Country(1, "de"), "AU": Country(10, "en"), "BR": Country(-3, "pt"),
    "CA": Country(-5, "en"), "CH": Country(1, "de"), "CO": Country(-5, "es"), "DE": Country(1, "de"),
    "ES": Country(1, "es"), "FR": Country(1, "fr"), "GB": Country(0, "en"), "ID": Country(7, "id"),
    "IE": Country(0, "en"), "IN": Country(5.5, "en"), "IT": Country(1, "it"), "JP": Country(9, "ja"),
    "MX": Country(-6, "es"), "NL": Country(1, "nl"), "NO": Country(1, "no"), "NZ": Country(12, "en"),
    "PH": Country(8, "en"), "PL": Country(1, "pl"), "PT": Country(0, "pt"), "SE": Country(1, "sv"),
    "TR": Country(3, "tr"), "US": Country(-6, "en"),
}  # fmt: skip

#: Usual audiences of the default population: country -> share.
AUDIENCES: Final[tuple[dict[str, float], ...]] = (
    {"GB": 0.56, "IE": 0.14, "US": 0.14, "AU": 0.08, "IN": 0.08},
    {"US": 0.62, "CA": 0.15, "GB": 0.13, "MX": 0.1},
    {"DE": 0.62, "AT": 0.15, "CH": 0.13, "TR": 0.1},
    {"ES": 0.5, "MX": 0.25, "AR": 0.15, "CO": 0.1},
    {"BR": 0.68, "PT": 0.17, "US": 0.15},
    {"FR": 0.64, "CH": 0.14, "CA": 0.12, "PT": 0.1},
)
TOPICS: Final = (
    "cycling",
    "travel",
    "beauty",
    "food",
    "fitness",
    "gaming",
    "home",
    "fashion",
    "parenting",
    "tech",
)

#: Chance of being awake and on the phone by local hour (0-23), relative to the best hour.
_HOURS: Final = (
    0.25, 0.14, 0.08, 0.06, 0.07, 0.15, 0.35, 0.55, 0.62, 0.60, 0.60, 0.64,
    0.72, 0.70, 0.64, 0.64, 0.68, 0.76, 0.86, 0.96, 1.00, 0.96, 0.80, 0.48,
)  # fmt: skip
_WEEKDAYS: Final = (0.96, 0.95, 0.95, 0.96, 0.95, 0.98, 1.0)
#: The same by hour of the week, Monday 0:00 local first.
ACTIVITY: Final = tuple(hour * day for day in _WEEKDAYS for hour in _HOURS)

#: 1970-01-01 was a Thursday: seconds to add to an epoch time so that weeks start on Monday.
WEEK_SHIFT: Final = 3 * 86_400
#: Epoch seconds of a first post's age: log-normal fitted to 8 / 25 / 92 / 272 / 826 min (P10 ... P90).
REACTION_LOG_MEDIAN: Final = 8.616  # ln(92 min in s)
REACTION_LOG_SD: Final = 1.79
