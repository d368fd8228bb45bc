"""The alerts that are held, found by partnership and by what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from processors.notify.inhibit import Inhibitors, inhibited
from processors.notify.outside import Outside
from processors.notify.state import Concern, Held

_MOST_ALSO = 20
K = TypeVar("K")


class Index:
    """Alerts by id, and the ways to them."""

    def __init__(self, inhibitors: Inhibitors) -> None:
        self._inhibitors = inhibitors
        self.alerts: dict[str, Held] = {}
        self._of_partnership: dict[str, set[str]] = {}
        self._of_concern: dict[Concern, set[str]] = {}

    def put(self, held: Held) -> None:
        """Hold an alert, or its newer state."""
        if (old := self.alerts.get(held.alert_id)) is not None:
            self._inhibitors.remove(old)
        self.alerts[held.alert_id] = held
        self._inhibitors.put(held)
        self._of_partnership.setdefault(held.partnership, set()).add(held.alert_id)
        if (concern := held.concern) is not None:
            self._of_concern.setdefault(concern, set()).add(held.alert_id)

    def remove(self, alert_id: str) -> Held:
        """Let go of an alert. Raises KeyError."""
        held = self.alerts.pop(alert_id)
        self._inhibitors.remove(held)
        _discard(self._of_partnership, held.partnership, alert_id)
        if (concern := held.concern) is not None:
            _discard(self._of_concern, concern, alert_id)
        return held

    def beside(self, partnership: str) -> Iterator[Held]:
        """The alerts of one partnership ("": those of operations)."""
        return (self.alerts[one] for one in self._of_partnership.get(partnership, ()))

    def inhibited(self, held: Held, outside: Outside) -> bool:
        """Whether it must not speak because another alert does."""
        if self._inhibitors.inhibits(held):
            return True
        if not self._inhibitors.builtin:
            return False
        if outside.cut_off(held.labels):
            return True
        if held.signal not in ("health", "audience_fit", "connection"):
            return False
        return inhibited(
            held.signal,
            {
                other.signal
                for other in self.beside(held.partnership)
                if other.state == "firing" and other.alert_id != held.alert_id
            },
        )

    def also(self, listed: list[Held]) -> dict[str, list[str]]:
        """Other partnerships that these alerts concern as well, by alert id."""
        found = {}
        for held in listed:
            if (concern := held.concern) is not None:
                beside = (self.alerts[one] for one in self._of_concern[concern])
                names = {one.partnership for one in beside if one.state == held.state}
                if names := names - {held.partnership, ""}:
                    found[held.alert_id] = sorted(names)[:_MOST_ALSO]
        return found


def _discard(sets: dict[K, set[str]], key: K, alert_id: str) -> None:
    sets[key].discard(alert_id)
    if not sets[key]:
        del sets[key]
