"""Which alerts keep others silent: the built-in rules, and those of the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from processors.notify.state import Held
from schemas.routing import InhibitRule


def inhibited(signal: str, others: Iterable[str]) -> bool:
    """Whether `signal` must not speak while the signals `others` of the same partnership fire: authenticity
    inhibits audience fit and connection, and health is silent while any part fires."""
    if signal == "health":
        return any(other not in ("health", "source") for other in others)
    return signal in ("audience_fit", "connection") and "authenticity" in others


class Inhibitors:
    """The file's rules, and the alerts of one partition that fire and are their sources.

    As in Alertmanager, an alert that is both source and target of a rule is not inhibited by it.
    """

    def __init__(self, rules: Sequence[InhibitRule] = (), *, builtin: bool = True) -> None:
        self._rules = rules
        self.builtin = builtin
        self._sources: list[dict[tuple[str, ...], set[str]]] = [{} for _ in rules]

    def put(self, held: Held) -> None:
        """An alert fires, or not any more."""
        if held.state != "firing":
            return
        for rule, sources in zip(self._rules, self._sources, strict=True):
            if all(matcher.matches(held.labels) for matcher in rule.source_matchers):
                sources.setdefault(_equal(rule, held), set()).add(held.alert_id)

    def remove(self, held: Held) -> None:
        """The alert with these labels is gone."""
        for rule, sources in zip(self._rules, self._sources, strict=True):
            there = sources.get(key := _equal(rule, held))
            if there is not None:
                there.discard(held.alert_id)
                if not there:
                    del sources[key]

    def inhibits(self, held: Held) -> bool:
        """Whether a rule keeps the alert silent now."""
        return any(
            (there := sources.get(_equal(rule, held)))
            and held.alert_id not in there
            and all(matcher.matches(held.labels) for matcher in rule.target_matchers)
            for rule, sources in zip(self._rules, self._sources, strict=True)
        )


def _equal(rule: InhibitRule, held: Held) -> tuple[str, ...]:
    return tuple(held.labels.get(name, "") for name in rule.equal)
