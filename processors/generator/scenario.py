"""What is to be generated: influencers, contracts, incidents. From YAML, with errors that name the field.

Times inside a scenario are days after its start, so that one scenario can be moved to any date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic.dataclasses import dataclass

from processors.generator.errors import ScenarioError
from processors.generator.world import COUNTRIES, TIERS, Tier

_STRICT = ConfigDict(extra="forbid")
Ratio = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,80}$")]
Audience = dict[str, Annotated[float, Field(ge=0)]]


def _known_countries(shares: Audience) -> Audience:
    for country in shares:
        if country not in COUNTRIES:
            raise ValueError(f"country {country!r} is not one of {', '.join(COUNTRIES)}")
    if shares and sum(shares.values()) <= 0:
        raise ValueError("shares must add up to more than 0")
    return shares


@dataclass(frozen=True, slots=True, config=_STRICT)
class ContractSpec:
    """A contract by days after the scenario's start (may lie before it)."""

    starts_day: int
    ends_day: int
    kind: Literal["paid", "gifted", "affiliate", "unpaid"] = "paid"

    @model_validator(mode="after")
    def _in_order(self) -> ContractSpec:
        if self.ends_day < self.starts_day:
            raise ValueError("ends_day lies before starts_day")
        return self


@dataclass(frozen=True, slots=True, config=_STRICT)
class EmployeeSpec:
    """One of the brand's people; acts between them and the influencer, both ways together."""

    account: Slug
    name: str | None = None
    team: str | None = None
    acts_per_week: Annotated[float, Field(ge=0, le=200)] = 2.0


@dataclass(frozen=True, slots=True, config=_STRICT)
class PartnershipSpec:
    """A brand's partnership with the influencer it is listed under; its id is <brand>--<handle>."""

    brand: Slug
    contracts: tuple[ContractSpec, ...] = ()
    since_day: int = 0
    target_audience: dict[str, dict[str, float]] = field(default_factory=dict)
    brand_terms: tuple[str, ...] = ()
    rival_terms: tuple[str, ...] = ()
    disclosure_country: str | None = None
    employees: tuple[EmployeeSpec, ...] = ()  # the first one holds the tie
    brand_acts_per_week: Annotated[float, Field(ge=0, le=200)] = 0.0


@dataclass(frozen=True, slots=True, config=_STRICT)
class InfluencerSpec:
    """One influencer. What is left out is drawn from what was measured for the tier."""

    handle: Slug
    tier: Tier
    followers: Annotated[int, Field(ge=10)] | None = None
    engagement: Ratio | None = None  # likes per post and follower
    comments_per_like: Ratio | None = None
    posts_per_day: Positive | None = None
    post_noise: Annotated[float, Field(ge=0, le=2)] | None = None  # sd of log likes per post
    level_sd: Annotated[float, Field(ge=0, le=2)] = 0.14  # wandering of log likes in 60 days
    reply_rate: Ratio | None = None
    reply_median_h: Positive = 0.5
    reply_p90_h: Positive = 44.0
    return_rate: Ratio = 0.3  # answered commenters who come back on the answer
    elsewhere_per_day: Annotated[float, Field(ge=0)] = 0.3  # own comments on other people's posts
    mentions_per_week: Annotated[float, Field(ge=0)] = 2.0  # brand mentions inside a contract
    growth_per_day: Annotated[float, Field(ge=-0.05, le=0.05)] = 0.001
    low_credibility: Ratio | None = None
    audience: Audience | None = None
    home: str | None = None
    topics: tuple[str, ...] = ()
    trickle_per_h: Annotated[float, Field(ge=0)] = 0.0  # likes on older posts at any hour
    thinning: Annotated[float, Field(gt=0, le=1)] | None = None
    volume_weight: Positive = 1.0  # share of the events when thinned, beside others
    topic_shares: Audience | None = None  # of the audience's interests; the topics in equal parts without
    paid_share: Ratio | None = None  # of all posts, inside a contract
    outside_mentions_per_week: Annotated[float, Field(ge=0)] | None = None  # outside all contracts
    after_contract: Ratio = 0.0  # brand mentions after a contract, to those inside
    fans: Annotated[int, Field(ge=0, le=500)] = 0  # who are early on every third post
    regulars: Annotated[float, Field(ge=0, lt=1)] | None = None  # share of the comments by few who return
    unfollows_per_day: Ratio = 0.0  # of the old followers
    sponsored_change: Annotated[float, Field(ge=-0.9, le=2)] = 0.0  # reactions to sponsored posts, +- 20 %
    partnerships: tuple[PartnershipSpec, ...] = ()

    @property
    def id(self) -> str:
        return f"gen:{self.handle}"

    @field_validator("audience")
    @classmethod
    def _countries(cls, value: Audience | None) -> Audience | None:
        return None if value is None else _known_countries(value)

    @field_validator("home")
    @classmethod
    def _home(cls, value: str | None) -> str | None:
        if value is not None:
            _known_countries({value: 1.0})
        return value

    @model_validator(mode="after")
    def _latency(self) -> InfluencerSpec:
        if self.reply_p90_h <= self.reply_median_h:
            raise ValueError("reply_p90_h must be more than reply_median_h")
        return self


@dataclass(frozen=True, slots=True, config=_STRICT)
class IncidentSpec:
    """Something that happens to one influencer: an incident, or a hard negative (`negative:<kind>`)."""

    type: str
    influencer: Slug  # a handle
    day: Annotated[float, Field(ge=0)]
    days: Positive | None = None  # None: as long as the type usually lasts
    with_: dict[str, float] = field(default_factory=dict)  # the type's own parameters

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        from processors.generator.incidents import REGISTRY  # the registry needs this module's types

        if value not in REGISTRY:
            raise ValueError(f"must be one of {', '.join(sorted(REGISTRY))}")
        return value


@dataclass(frozen=True, slots=True, config=_STRICT)
class Population:
    """Influencers that are drawn instead of listed."""

    count: Annotated[int, Field(ge=0, le=100_000)] = 200
    tiers: dict[Tier, Annotated[float, Field(ge=0)]] = field(
        default_factory=lambda: {"nano": 0.2, "micro": 0.4, "mid": 0.2, "macro": 0.12, "mega": 0.08}
    )
    partnered: Ratio = 1.0
    contracted: Ratio = 0.8  # partnerships with a contract
    brands: Annotated[int, Field(ge=1, le=10_000)] = 40
    incidents: Ratio = 0.5  # influencers with an incident
    second: Ratio = 0.6  # of them: with another one later, where time is left
    negatives: Ratio = 0.25  # influencers with hard negatives (and no incident)
    types: tuple[str, ...] = ()  # incidents and negatives to plant; all without

    @field_validator("tiers")
    @classmethod
    def _some(cls, value: dict[Tier, float]) -> dict[Tier, float]:
        if sum(value.values()) <= 0:
            raise ValueError(f"shares of {', '.join(TIERS)} must add up to more than 0")
        return value


@dataclass(frozen=True, slots=True, config=_STRICT)
class Hide:
    """Shares of the actors of whom something known becomes unknown."""

    profiles: Ratio = 0.0
    countries: Ratio = 0.0
    languages: Ratio = 0.0


@dataclass(frozen=True, slots=True, config=_STRICT)
class Scenario:
    """Everything that decides a run: the same scenario gives the same bytes."""

    name: str = "default"
    seed: int = 1
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    days: Annotated[int, Field(ge=1, le=3_660)] = 120
    clean_days: Annotated[int, Field(ge=0)] = 28
    max_events: Annotated[int, Field(ge=1)] = 500_000
    profiles_known: Ratio = 1.0
    countries_known: Ratio = 1.0
    langs_known: Ratio = 1.0
    topics_known: Ratio = 0.4
    profiles_whole: Ratio = 0.88  # of the known profiles: those without a gap
    hide: Hide = field(default_factory=Hide)
    late_hours: Annotated[float, Field(ge=0, le=240)] = 0.0  # how late the latest third of all records come
    duplicates: Ratio = 0.0  # share of the records that come twice
    shuffle_times: bool = False  # a control: every event on another day of the run
    population: Population | None = None
    influencers: tuple[InfluencerSpec, ...] = ()
    incidents: tuple[IncidentSpec, ...] = ()

    @field_validator("start")
    @classmethod
    def _midnight(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        value = value.astimezone(UTC)
        if value.timestamp() % 86_400:
            raise ValueError("must be midnight UTC")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        handles = [spec.handle for spec in self.influencers]
        if twice := sorted({handle for handle in handles if handles.count(handle) > 1}):
            raise ValueError(f"influencers listed twice: {', '.join(twice)}")
        for incident in self.incidents:
            if self.population is None and incident.influencer not in handles:
                raise ValueError(
                    f"incident {incident.type!r} names an unknown influencer {incident.influencer!r}"
                )
            if incident.day >= self.days:
                raise ValueError(
                    f"incident {incident.type!r} begins on day {incident.day}, after the last day"
                )
        return self

    @property
    def starts_at(self) -> int:
        """Epoch seconds of the start."""
        return int(self.start.timestamp())

    @property
    def ends_at(self) -> int:
        """Epoch seconds of the end."""
        return self.starts_at + self.days * 86_400


_ADAPTER: TypeAdapter[Scenario] = TypeAdapter(Scenario)


def load_scenario(path: Path | None, *, seed: int | None = None) -> Scenario:
    """The scenario in a YAML file, or the default population (200 influencers x 120 days) without one.

    Raises ScenarioError with one line per problem, each naming the field.
    """
    data: Mapping[str, Any] = {"population": {}}
    source = "scenario"
    if path is not None:
        source = str(path)
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ScenarioError(f"{path}: cannot be read: {error}") from error
        if not isinstance(data, dict):
            raise ScenarioError(f"{path}: must be a mapping of settings, e.g. 'days: 120'")
        if not data.get("influencers") and "population" not in data:
            data = {**data, "population": {}}
    scenario = parse_scenario(data, source)
    return scenario if seed is None else replace(scenario, seed=seed)


def parse_scenario(data: Mapping[str, Any], source: str = "scenario") -> Scenario:
    """A scenario from plain values (`with` in an incident stands for its own parameters)."""
    plain = dict(data)
    if isinstance(incidents := plain.get("incidents"), list):
        plain["incidents"] = [
            {("with_" if key == "with" else key): value for key, value in item.items()}
            if isinstance(item, dict)
            else item
            for item in incidents
        ]
    try:
        return _ADAPTER.validate_python(plain)
    except ValidationError as error:
        lines = [
            f"{source}: {_where(problem['loc'])}{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False, include_context=False)
        ]
        raise ScenarioError("\n".join(lines)) from error


def _where(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        name = {"with_": "with"}.get(str(part), str(part))
        text += f"[{part}]" if isinstance(part, int) else f".{name}" if text else name
    return f"{text}: " if text else ""
