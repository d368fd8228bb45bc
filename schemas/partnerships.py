"""partnerships.v1: who is watched, and against what. Compacted; a null value ends a partnership."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from schemas.common import Day, Id, Record, Share, Text, Time

ContractKind = Literal["paid", "gifted", "affiliate", "unpaid"]


class ContractWindow(Record):
    """Days during which a contract runs, both included."""

    starts_on: Day
    ends_on: Day
    kind: ContractKind = "paid"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise PydanticCustomError(
                "order", "`ends_on` {end} lies before `starts_on` {start}",
                {"end": str(self.ends_on), "start": str(self.starts_on)},
            )  # fmt: skip
        return self


class TargetAudience(Record):
    """Whom the brand wants to reach: per attribute, value to share. Empty: the brand does not mind.

    Shares of countries, languages, age bands and segments add up to at most 1; topics may overlap.
    """

    country: dict[Text, Share] = Field(default_factory=dict)
    lang: dict[Text, Share] = Field(default_factory=dict)
    topics: dict[Text, Share] = Field(default_factory=dict)
    age_band: dict[Text, Share] = Field(default_factory=dict)
    segment: dict[Text, Share] = Field(default_factory=dict)

    @field_validator("country", "lang", "age_band", "segment", mode="after")
    @classmethod
    def _at_most_all(cls, shares: dict[str, float]) -> dict[str, float]:
        # Half a percent of slack: people round to two places.
        if (total := sum(shares.values())) > 1.005:
            raise PydanticCustomError(
                "shares",
                "shares add up to {total}, more than 1: are they percentages?",
                {"total": f"{total:g}"},
            )
        return shares


class Employee(Record):
    """One of the brand's people whose contact with the influencer counts as the brand's."""

    account_id: Id
    name: Text | None = None
    team: Text | None = None


class Explainer(Record):
    """Something people know of that explains a change: detectors weigh it, visibly."""

    kind: Id
    """giveaway, shout_out, posting_pause, advertising and the like."""
    starts_at: Time
    ends_at: Time
    note: Text | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise PydanticCustomError("order", "`ends_at` must lie after `starts_at`")
        return self


class Partnership(Record):
    """A brand and an influencer, and what the influencer's audience is held against."""

    partnership_id: Id
    brand_id: Id
    brand_account_ids: list[Id] = Field(default_factory=list)
    influencer_id: Id
    since: Day | None = None
    """First day of the relationship, if known."""
    contracts: list[ContractWindow] = Field(default_factory=list)
    target_audience: TargetAudience = Field(default_factory=TargetAudience)
    brand_terms: list[Text] = Field(default_factory=list)
    rival_terms: list[Text] = Field(default_factory=list)
    disclosure_country: Text | None = None
    """Whose law on the disclosure of advertising applies."""
    employees: list[Employee] = Field(default_factory=list)
    explainers: list[Explainer] = Field(default_factory=list)
    rules: dict[Text, Any] = Field(default_factory=dict)
    """Overrides of the detectors' defaults."""

    @field_validator("employees", mode="after")
    @classmethod
    def _once_each(cls, employees: list[Employee]) -> list[Employee]:
        counted = Counter(employee.account_id for employee in employees)
        if twice := sorted(account for account, times in counted.items() if times > 1):
            raise PydanticCustomError(
                "unique", "named more than once: {accounts}", {"accounts": ", ".join(twice)}
            )
        return employees
