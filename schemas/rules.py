"""The rules file: when an alert is raised, how long it is held, and how loud it may be. See docs/rules.md.

    RulesFile   the file: defaults, tiers, brands, partnerships, each a RuleScope
    RuleScope   {selector: RuleValues, …, "custom": {name: CustomRule, …}}; also what `rules` of a partnership
                (partnerships.v1) and of an override (control.v1) hold

A selector is `*`, a signal, `signal.rule`, `signal.rule.cause`, or `signal.cause`. What is not said stays
as the next wider scope, and in the end the detector, has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas.yamlfile import did_you_mean

#: Rules and their causes by signal; "" is the signal's own. Held against the detectors by a test.
KNOWN: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "authenticity": {
        "drop": ("bought_followers",),
        "leak": ("bought_followers_drip", "follower_churn", "bought_likes", "bought_likes_drip"),
        "threshold": ("suspicious", "bought_comments", "pod", "lockstep", "lockstep_across"),
    },
    "connection": {"drop": ("",), "leak": ("reply_leak",)},
    "interaction_quality": {"drop": ("",), "leak": ("slow_decay", "sponsored_fatigue")},
    "audience_fit": {"drop": ("",), "leak": ("audience_drift",)},
    "all_in": {"silence": ("mentions_silence", "mentions_stop"), "leak": ("saturation",), "event": ("",)},
    "relationship": {"event": ("",)},
    "health": {"drop": ("",)},
}
SIGNALS: Final = tuple(KNOWN)
EVENT: Final = "event"
THRESHOLD: Final = "threshold"
TIERS: Final = ("nano", "micro", "mid", "macro", "mega", "unknown")
DAY: Final = 86_400
KEEP_MAX: Final = 28 * DAY
#: What a rule may ask for in one scope, at most.
CUSTOM_MAX: Final = 32
SCOPES_MAX: Final = 10_000

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": DAY, "w": 7 * DAY}
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Zµ]*)")
_PHRASE = re.compile(
    r"(?P<signal>\w+)\s+(?P<side>below|above)\s+(?P<limit>-?\d+(?:\.\d+)?)"
    r"(?:\s+for\s+(?P<for>[^,]+?))?(?:\s*,\s*(?P<severity>\w+))?"
)


def _refuse(kind: str, message: str, hint: str | None = None, **context: object) -> PydanticCustomError:
    told = {name: str(value).replace("{", "(").replace("}", ")") for name, value in context.items()}
    return PydanticCustomError(kind, message, {**told, "hint": hint} if hint else told)


def seconds(value: Any) -> int:
    """Whole seconds of `90s`, `10m`, `1h30m`, `2d`, `1w`, or `0`. Raises PydanticCustomError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _refuse("duration", "should be a duration", "write it like 30s, 10m, 6h, 2d or 1h30m")
    text = str(value).strip()
    if text.startswith("-"):
        raise _refuse("duration", "is negative", "a duration is 0 or longer")
    if text == "0":
        return 0
    parts = list(_PARTS.finditer(text))
    if not parts or re.sub(r"\s+", "", text) != "".join(re.sub(r"\s+", "", p[0]) for p in parts):
        raise _refuse(
            "duration",
            "{text} is no duration",
            "write it like 30s, 10m, 6h, 2d or 1h30m",
            text=repr(text[:40]),
        )
    total = 0.0
    for number, unit in (part.groups() for part in parts):
        if not unit:
            raise _refuse("duration", "{text} has no unit", f"did you mean {number}m?", text=text[:40])
        if unit not in _UNITS:
            raise _refuse("duration", "unknown unit {unit}", "units are s, m, h, d, w", unit=repr(unit[:20]))
        total += min(float(number), 1e9) * _UNITS[unit]
    return round(total)


def share(value: Any) -> float:
    """A share from `30%`. Raises PydanticCustomError."""
    text = str(value).strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        meant = value if value > 1 else 100 * value
        raise _refuse("percent", "{text} has no unit", f"did you mean {meant:g}%?", text=text[:40])
    found = re.fullmatch(r"(-?)(\d{1,6}(?:\.\d{1,6})?)\s*%", text)
    if found is None:
        raise _refuse("percent", "{text} is no percentage", "write it like 30%", text=repr(text[:40]))
    if found[1]:
        raise _refuse("percent", "is negative", "it is the size of a fall: write 30%, not -30%")
    if float(found[2]) > 100:
        raise _refuse("percent", "is more than 100%", "nothing falls by more than all of it")
    return float(found[2]) / 100


def check_selector(text: str) -> str:
    """The selector, if it names something that there is. Raises PydanticCustomError."""
    if text == "*":
        return text
    signal, *rest = text.split(".")
    rules = KNOWN.get(signal)
    if rules is None:
        raise _refuse(
            "selector", "unknown signal {name}", did_you_mean(signal, SIGNALS), name=repr(signal[:60])
        )
    causes = {cause for named in rules.values() for cause in named if cause}
    if not rest or (len(rest) == 1 and rest[0] in rules.keys() | causes):
        return text
    if len(rest) == 1:
        raise _refuse(
            "selector",
            "{signal} has no rule or cause {name}",
            did_you_mean(rest[0], [*rules, *causes]),
            signal=signal,
            name=repr(rest[0][:60]),
        )
    rule, cause = rest[0], ".".join(rest[1:])
    if rule not in rules:
        raise _refuse(
            "selector",
            "{signal} has no rule {name}",
            did_you_mean(rule, rules),
            signal=signal,
            name=repr(rule[:60]),
        )
    if cause not in rules[rule] or not cause:
        raise _refuse(
            "selector",
            "{rule} has no cause {name}",
            did_you_mean(cause, filter(None, rules[rule])),
            rule=f"{signal}.{rule}",
            name=repr(cause[:60]),
        )
    return text


def rank(selector: str, signal: str, rule: str, subject: str) -> int:
    """How closely a selector names a rule: 0 not at all, 1 as everything … 4 exactly."""
    if selector == "*":
        return 1
    parts = selector.split(".")
    if parts[0] != signal:
        return 0
    if len(parts) == 1:
        return 2
    if parts[-1] == subject and (len(parts) == 2 or parts[1] == rule):
        return 4
    return 3 if parts[1:] == [rule] else 0


def window_s(selector: str) -> int:
    """The longest window that a selected rule looks at, s: nothing can be held up longer than that."""
    signal, rule = [*selector.split("."), "", ""][:2]
    if signal in ("*", "all_in", "relationship"):
        return 90 * DAY
    return 7 * DAY if rule == "drop" and signal != "authenticity" else 28 * DAY


Severity = Literal["info", "warning", "critical"]
Duration = Annotated[int, BeforeValidator(seconds)]
Percent = Annotated[float, BeforeValidator(share)]
Selector = Annotated[str, AfterValidator(check_selector)]
_KEY: Final = "\0selector"  # no file can hold it
_STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)


class RuleValues(BaseModel):
    """What is said of the rules that a selector names; null: not said."""

    model_config = _STRICT
    selector: str = Field("*", alias=_KEY, exclude=True, repr=False)
    enabled: Annotated[bool, Field(strict=True)] | None = None
    """false: never judged; an alert that is open ends."""
    for_: Duration | None = Field(None, alias="for")
    """How long it must hold, in event time, before the alert fires."""
    keep_firing_for: Duration | None = None
    """How long it must be well again before the alert is resolved."""
    min_effect: Percent | None = None
    """Smaller changes raise no alert; a detector's own bar stays where it is higher."""
    warning: Percent | None = None
    """Smaller changes are only `info`."""
    critical: Percent | None = None
    """Changes from here on are critical, and only these."""
    max_severity: Severity | None = None

    @field_validator("for_", "keep_firing_for", "min_effect", "warning", "critical")
    @classmethod
    def _fits(cls, value: Any, info: ValidationInfo) -> Any:
        selector = info.data.get("selector", "*")
        if value is None:
            return value
        if selector.endswith("." + EVENT) or selector == "relationship":
            raise _refuse(
                "event",
                "an event rule speaks of one thing at once: it has no {name}",
                "it takes enabled and max_severity",
                name=(info.field_name or "").rstrip("_"),
            )
        if info.field_name == "for_" and value > window_s(selector):
            raise _refuse(
                "window",
                "is longer than the {days} days that the rule looks at",
                "nothing can hold for longer than its window",
                days=window_s(selector) // DAY,
            )
        if info.field_name == "keep_firing_for" and value > KEEP_MAX:
            raise _refuse("window", "is longer than 28 days", "an alert without data ends after 28 days")
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warning is not None and self.critical is not None and self.critical < self.warning:
            raise _refuse("order", "`critical` lies below `warning`")
        return self


class CustomRule(BaseModel):
    """A limit on a signal: `audience_fit below 40 for 6h`; crossed where the whole interval lies beyond."""

    model_config = _STRICT
    enabled: Annotated[bool, Field(strict=True)] = True
    signal: str | None = None
    below: Annotated[float, Field(ge=0, le=100)] | None = None
    above: Annotated[float, Field(ge=0, le=100)] | None = None
    critical: Annotated[float, Field(ge=0, le=100)] | None = None
    """Beyond this it is critical."""
    for_: Duration = Field(3_600, alias="for")
    keep_firing_for: Duration = 3_600
    severity: Severity = "warning"
    advice: Annotated[str, Field(max_length=500)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _phrase(cls, value: Any) -> Any:
        if value is False:
            return {"enabled": False}
        if not isinstance(value, str):
            return value
        found = _PHRASE.fullmatch(value.strip())
        if found is None:
            raise _refuse(
                "phrase",
                "{text} is no rule",
                "write it like: audience_fit below 40 for 6h, critical",
                text=repr(value[:80]),
            )
        told = {"signal": found["signal"], found["side"]: float(found["limit"])}
        return told | {name: found[name] for name in ("for", "severity") if found[name]}

    @field_validator("signal")
    @classmethod
    def _known(cls, signal: str | None) -> str | None:
        if signal is not None and signal not in KNOWN:
            raise _refuse(
                "signal", "unknown signal {name}", did_you_mean(signal, SIGNALS), name=repr(signal[:60])
            )
        return signal

    @field_validator("for_", "keep_firing_for")
    @classmethod
    def _fits(cls, value: int) -> int:
        if value > KEEP_MAX:
            raise _refuse("window", "is longer than 28 days", "no window of a signal's value is longer")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.enabled:
            return self
        if self.signal is None:
            raise _refuse("custom", "needs `signal`", f"one of {', '.join(SIGNALS)}")
        if (self.below is None) == (self.above is None):
            raise _refuse("custom", "needs either `below` or `above`", "a limit from 0 to 100")
        if self.critical is not None and (
            (self.below is not None and self.critical > self.below)
            or (self.above is not None and self.critical < self.above)
        ):
            raise _refuse("order", "`critical` must lie beyond the limit")
        return self


def _custom_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", name):
        raise _refuse("name", "is no name for a rule", "small letters, digits, - and _, at most 60")
    if any(name in causes for rules in KNOWN.values() for causes in rules.values()):
        raise _refuse("name", "is the name of a built-in rule", "take another name")
    return name


class RuleScope(BaseModel):
    """What is said for one scope. In files, `rules` is not written: selectors stand beside `custom`."""

    model_config = _STRICT
    rules: dict[Selector, RuleValues] = Field(default_factory=dict)
    custom: dict[Annotated[str, AfterValidator(_custom_name)], CustomRule] = Field(
        default_factory=dict, max_length=CUSTOM_MAX
    )

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            return value
        rules = {key: _named(key, item) for key, item in value.items() if key != "custom"}
        return {"rules": rules, "custom": {} if value.get("custom") is None else value["custom"]}

    @property
    def empty(self) -> bool:
        """Whether nothing is said."""
        return not self.rules and not self.custom


def _named(selector: Any, item: Any) -> Any:
    if isinstance(item, bool):
        item = {"enabled": item}
    return {**item, _KEY: str(selector)} if isinstance(item, Mapping) else {} if item is None else item


def _none_as_empty(value: Any) -> Any:
    return {} if value is None else value


def _tier(name: str) -> str:
    if name not in TIERS:
        raise _refuse("tier", "unknown tier", did_you_mean(name, TIERS))
    return name


_Scopes = Annotated[dict[str, RuleScope], BeforeValidator(_none_as_empty), Field(max_length=SCOPES_MAX)]


class RulesFile(BaseModel):
    """The whole file. The narrowest scope that says something wins: partnership, brand, tier, defaults."""

    model_config = _STRICT
    version: Literal[1] = 1
    defaults: RuleScope = Field(default_factory=RuleScope)
    tiers: Annotated[
        dict[Annotated[str, AfterValidator(_tier)], RuleScope], BeforeValidator(_none_as_empty)
    ] = Field(default_factory=dict)
    brands: _Scopes = Field(default_factory=dict)
    partnerships: _Scopes = Field(default_factory=dict)
