"""What concerns an influencer as such is told once per receiver, whichever of their partners came first."""

from __future__ import annotations

from collections.abc import Mapping

from processors.notify.state import Concern, Held, Path


class Known:
    """What each receiver knows of each concern: from which alert, at which rank."""

    def __init__(self, alerts: Mapping[str, Held]) -> None:
        self._alerts = alerts
        self._by: dict[tuple[str, Concern], tuple[str, int]] = {}

    def told(self, receiver: str, held: Held, rank: int) -> None:
        """The receiver was told of this alert as firing."""
        concern = held.concern
        if concern is not None and held.state != "resolved" and rank >= self.rank(receiver, concern):
            self._by[receiver, concern] = (held.alert_id, rank)

    def over(self, receiver: str, held: Held) -> None:
        """The receiver was told of this alert's end."""
        concern = held.concern
        if concern is not None and self._by.get((receiver, concern), ("", 0))[0] == held.alert_id:
            del self._by[receiver, concern]

    def rank(self, receiver: str, concern: Concern) -> int:
        """The rank at which the receiver knows of a concern that goes on; 0: it does not."""
        alert_id, rank = self._by.get((receiver, concern), ("", 0))
        held = self._alerts.get(alert_id)
        return 0 if held is None or held.state == "resolved" else rank

    def news(self, path: Path, new: list[Held]) -> list[Held]:
        """Those of `new` that the receiver does not know from another partnership of the influencer."""
        if not path.once:
            return new
        found: list[Held] = []
        here: dict[Concern, int] = {}
        for held in sorted(new, key=lambda held: (-held.rank, held.alert_id)):
            if (concern := held.concern) is not None:
                # It may be known from this one itself, at a lower rank: then it has risen, and is told.
                if max(self.rank(path.receiver, concern), here.get(concern, 0)) >= held.rank:
                    continue
                here[concern] = held.rank
            found.append(held)
        return found
