"""The resolved rules: which setting holds for one rule of one partnership, and where it comes from.

Narrower scopes win over wider ones, value by value: override (control.v1), `rules` of the partnership
(partnerships.v1), then the file's partnership, brand, tier and defaults. Within one scope the closest
selector wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from processors.detection.verdict import Verdict
from schemas import Partnership
from schemas.rules import EVENT, CustomRule, RuleScope, RulesFile, rank
from schemas.yamlfile import dotted

#: Under this name a partnership's `rules` carry an override that people declared (no record can hold it).
OVERRIDE: Final = "\0override"
#: Partnerships whose resolved rules are remembered.
_REMEMBERED: Final = 20_000
_RANK: Final = {"info": 1, "warning": 2, "critical": 3}
_FIELDS: Final = ("enabled", "for_", "keep_firing_for", "min_effect", "warning", "critical", "max_severity")
Key = tuple[str, str, str]


class RuleSetting(msgspec.Struct, frozen=True):
    """What holds for one rule. None: as the detector has it. Times in s, effects as shares."""

    enabled: bool = True
    for_s: int | None = None
    keep_s: int | None = None
    min_effect: float | None = None
    warning: float | None = None
    critical: float | None = None
    max_severity: str | None = None

    def shape(self, verdict: Verdict) -> Verdict:
        """The verdict as this setting lets it speak: held back where the change is too small, its severity
        after the limits, and never above the cap."""
        if not verdict.breached:
            return verdict
        size = abs(verdict.effect)
        if self.min_effect is not None and size < self.min_effect:
            return replace(verdict, breached=False, severity=None, reason="below_min_effect")
        severity = verdict.severity or "warning"
        if self.critical is not None and size >= self.critical:
            severity = "critical"
        elif self.warning is not None and size < self.warning:
            severity = "info"
        elif self.critical is not None:
            severity = min(severity, "warning", key=_RANK.__getitem__)
        if self.max_severity is not None:
            severity = min(severity, self.max_severity, key=_RANK.__getitem__)
        return verdict if severity == verdict.severity else replace(verdict, severity=severity)


PLAIN: Final = RuleSetting()


class Rules:
    """What holds for one partnership: `of(key)` and the custom rules that are switched on."""

    __slots__ = ("_found", "_layers", "custom")

    def __init__(self, layers: tuple[tuple[str, RuleScope], ...]) -> None:
        self._layers = layers
        self._found: dict[Key, RuleSetting] = {}
        custom = {name: rule for _, scope in layers for name, rule in scope.custom.items()}
        self.custom: tuple[tuple[str, CustomRule], ...] = tuple(
            sorted((name, rule) for name, rule in custom.items() if rule.enabled)
        )

    def of(self, key: Key) -> RuleSetting:
        """The setting of (signal, rule, cause)."""
        if not self._layers:
            return PLAIN
        found = self._found.get(key)
        if found is None:
            values = {name: value for name, (value, _) in self.explain(key).items()}
            if key[1] == EVENT:  # it has no size: what is said for "*" or the signal is not meant for it
                values = {name: values[name] for name in ("enabled", "max_severity") if name in values}
            found = self._found[key] = RuleSetting(
                values.get("enabled", True), values.get("for_"), values.get("keep_firing_for"),
                values.get("min_effect"), values.get("warning"), values.get("critical"),
                values.get("max_severity"),
            )  # fmt: skip
        return found

    def explain(self, key: Key) -> dict[str, tuple[Any, str]]:
        """Each value that is said for a rule, and where: ("for_", (3600, "brand acme: connection.drop"))."""
        told: dict[str, tuple[Any, str]] = {}
        for name, scope in self._layers:
            matching = [(rank(selector, *key), selector) for selector in scope.rules]
            for _, selector in sorted(item for item in matching if item[0]):
                values = scope.rules[selector]
                for field in _FIELDS:
                    if (value := getattr(values, field)) is not None:
                        told[field] = (value, f"{name}: {selector}")
        return told

    def customs(self) -> Iterator[tuple[str, CustomRule, str]]:
        """Custom rules as they hold, switched off ones too: name, rule, where it comes from."""
        told: dict[str, tuple[CustomRule, str]] = {}
        for layer, scope in self._layers:
            told.update({name: (rule, layer) for name, rule in scope.custom.items()})
        for name in sorted(told):
            yield name, *told[name]


NO_RULES: Final = Rules(())


class RuleBook:
    """A rules file, asked partnership by partnership. Without a file only what partnerships say holds."""

    def __init__(self, file: RulesFile | None = None) -> None:
        self.file = file or RulesFile()
        #: Whether an influencer's size matters.
        self.by_tier = any(not scope.empty for scope in self.file.tiers.values())
        self._plain = all(
            scope.empty
            for scope in (self.file.defaults, *self.file.brands.values(), *self.file.partnerships.values())
        ) and not self.by_tier  # fmt: skip
        self._known: dict[str, tuple[Mapping[str, Any], str, str, Rules]] = {}

    def rules(self, partnership: Partnership, tier: str = "unknown") -> Rules:
        """What holds for a partnership whose influencer is of this size."""
        own = partnership.rules
        if self._plain and not own:
            return NO_RULES
        pid, brand = partnership.partnership_id, partnership.brand_id
        known = self._known.get(pid)
        if known is not None and known[1] == tier and known[2] == brand and known[0] == own:
            return known[3]
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        made = Rules(tuple(self._layers(partnership, tier)))
        self._known[pid] = (own, tier, brand, made)
        return made

    def setting(
        self, partnership: Partnership, tier: str, signal: str, rule: str, subject: str = ""
    ) -> RuleSetting:
        """The setting of one rule of one partnership."""
        return self.rules(partnership, tier).of((signal, rule, subject))

    def _layers(self, partnership: Partnership, tier: str) -> Iterator[tuple[str, RuleScope]]:
        file, pid = self.file, partnership.partnership_id
        own = {name: value for name, value in partnership.rules.items() if name != OVERRIDE}
        for name, scope in (
            ("defaults", file.defaults),
            (f"tier {tier}", file.tiers.get(tier)),
            (f"brand {partnership.brand_id}", file.brands.get(partnership.brand_id)),
            (f"partnership {pid} (file)", file.partnerships.get(pid)),
            (f"partnership {pid} (partnerships.v1)", _scope(own)),
            ("override (control.v1)", _scope(partnership.rules.get(OVERRIDE))),
        ):
            if scope is not None and not scope.empty:
                yield name, scope


def _scope(raw: Any) -> RuleScope | None:
    """What a partnership or an override says; None where it cannot be used (whoever took it in said so)."""
    if not raw:
        return None
    try:
        return RuleScope.model_validate(raw)
    except ValidationError:
        return None


def faults(raw: Mapping[str, Any]) -> list[str]:
    """What is wrong with `rules` of a partnership or an override, as "field: message (hint)"; [] if none."""
    try:
        RuleScope.model_validate(raw)
    except ValidationError as error:
        told = []
        for item in error.errors(include_url=False, include_input=False):
            loc = tuple(part for part in item["loc"] if part not in ("rules", "[key]"))
            hint = item.get("ctx", {}).get("hint")
            told.append(f"rules.{dotted(loc)}: {item['msg']}" + (f" ({hint})" if hint else ""))
        return told
    return []
