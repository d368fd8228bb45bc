"""What holds in the end, and what changes between two files: for people who look at their rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from processors.detection.registry import DETECTORS, EVENTS
from processors.rules.book import Key, RuleBook, Rules
from schemas import Partnership
from schemas.rules import EVENT, CustomRule

DETECTOR: Final = "detector"
#: Fields as they are written, by their names in the model.
WRITTEN: Final = {
    "enabled": "enabled", "for_": "for", "keep_firing_for": "keep_firing_for", "min_effect": "min_effect",
    "warning": "warning", "critical": "critical", "max_severity": "max_severity",
}  # fmt: skip
_SHARES: Final = frozenset({"min_effect", "warning", "critical"})
_NOBODY: Final = "\0nobody"


class Value(msgspec.Struct, frozen=True):
    """One value as it is written (`30m`, `30%`), None where nothing is said, and where it comes from."""

    text: str | None
    source: str = DETECTOR


def duration(seconds: int) -> str:
    """`1h30m` of whole seconds."""
    if not seconds:
        return "0"
    text = ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text


def keys() -> Iterator[tuple[Key, dict[str, Value]]]:
    """Every built-in rule, with what its detector says."""
    for detector in DETECTORS:
        yield detector.key, {
            "enabled": Value("true"), "for": Value(duration(detector.for_s)),
            "keep_firing_for": Value(duration(detector.keep_s)),
        }  # fmt: skip
    for events in EVENTS:
        yield (events.signal, EVENT, ""), {"enabled": Value("true")}


def name_of(key: Key) -> str:
    """signal.rule or signal.rule.cause"""
    return ".".join(filter(None, key))


def effective(rules: Rules) -> dict[str, dict[str, Value]]:
    """By rule, each value that holds, with its source; custom rules at the end as `custom.<name>`."""
    found: dict[str, dict[str, Value]] = {}
    for key, values in keys():
        event = key[1] == EVENT
        for field, (value, source) in rules.explain(key).items():
            if not event or field in ("enabled", "max_severity"):
                values[WRITTEN[field]] = Value(_written(field, value), source)
        found[name_of(key)] = values
    for name, rule, source in rules.customs():
        found[f"custom.{name}"] = {part: Value(text, source) for part, text in _custom(rule).items()}
    return found


def _written(field: str, value: Any) -> str:
    if field in _SHARES:
        return f"{100 * value:g}%"
    if isinstance(value, bool):
        return str(value).lower()
    return duration(value) if isinstance(value, int) else str(value)


def _custom(rule: CustomRule) -> dict[str, str]:
    if not rule.enabled:
        return {"enabled": "false"}
    side, limit = ("below", rule.below) if rule.below is not None else ("above", rule.above)
    told = {
        "enabled": "true", "limit": f"{rule.signal} {side} {limit:g}", "for": duration(rule.for_),
        "keep_firing_for": duration(rule.keep_firing_for), "severity": rule.severity,
    }  # fmt: skip
    if rule.critical is not None:
        told["critical"] = f"{rule.critical:g}"
    return told


class Change(msgspec.Struct, frozen=True):
    """One value that differs. `scope`: for whom, as "defaults", "brand acme"."""

    scope: str
    rule: str
    field: str
    before: str | None
    after: str | None


def differences(old: RuleBook, new: RuleBook) -> list[Change]:
    """What holds otherwise, widest scope first; narrower ones tell only what they change beyond."""
    found: list[Change] = []
    wide: set[tuple[str, str, str | None, str | None]] = set()
    for scope, partnership, tier in _scopes(old, new):
        mine = list(_between(scope, old.rules(partnership, tier), new.rules(partnership, tier)))
        told = {(one.rule, one.field, one.before, one.after) for one in mine}
        if scope == "defaults":
            wide = told
            found += mine
        else:
            found += [one for one in mine if (one.rule, one.field, one.before, one.after) not in wide]
    return found


def _between(scope: str, old: Rules, new: Rules) -> Iterator[Change]:
    before, after = effective(old), effective(new)
    for rule in dict.fromkeys([*before, *after]):
        was, now = before.get(rule, {}), after.get(rule, {})
        for field in dict.fromkeys([*was, *now]):
            one, other = was.get(field), now.get(field)
            texts = (one.text if one else None, other.text if other else None)
            if texts[0] != texts[1]:
                yield Change(scope, rule, field, *texts)


def somebody(partnership: str = _NOBODY, brand: str = _NOBODY) -> Partnership:
    """Stands for whoever is in a scope."""
    return Partnership(partnership_id=partnership, brand_id=brand, influencer_id=_NOBODY)


def _scopes(old: RuleBook, new: RuleBook) -> Iterator[tuple[str, Partnership, str]]:
    yield "defaults", somebody(), _NOBODY
    one, other = old.file, new.file
    for tier in sorted(one.tiers.keys() | other.tiers.keys()):
        yield f"tier {tier}", somebody(), tier
    for brand in sorted(one.brands.keys() | other.brands.keys()):
        yield f"brand {brand}", somebody(brand=brand), _NOBODY
    for name in sorted(one.partnerships.keys() | other.partnerships.keys()):
        yield f"partnership {name}", somebody(name), _NOBODY
