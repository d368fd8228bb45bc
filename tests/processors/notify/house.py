"""An engine with a clock that tests turn, and a store that it comes back from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from processors.notify.engine import Change, Engine
from processors.notify.outside import Outside
from processors.notify.state import Path, decode_group, decode_held
from schemas import Alert, Notification

WAIT, INTERVAL, REPEAT = 30.0, 300.0, 3_600.0
PATH = Path("route", "mail", ("partnership_id",), WAIT, INTERVAL, REPEAT)
T0 = 1_800_000_000.0
NOTHING = Outside()


def transition(
    alert_id: str = "a", state: str = "firing", step: int = 0, *, signal: str = "all_in",
    partnership: str | None = "acme--ann", influencer: str | None = "x:ann", severity: str = "warning",
    subject: str | None = None,
) -> Alert:  # fmt: skip
    """One transition; `step` orders those of one alert."""
    at = datetime.fromtimestamp(T0 + 300 * step, UTC)
    return Alert(
        alert_id=alert_id, transition_id=f"{alert_id}/{step}/{state}/{severity}", fingerprint=f"f{alert_id}",
        partnership_id=partnership, influencer_id=influencer, brand_id="acme", signal=signal, rule="drop",
        state=state, severity=severity, started_at=at, at=at, reason="drop", subject=subject,
        summary="It fell.",
    )  # type: ignore[arg-type]  # fmt: skip


class House:
    """An engine with a clock, and the store that it comes back from."""

    def __init__(
        self, *paths: Path, route: Callable[..., list[Path]] | None = None, **options: object
    ) -> None:
        self._route = route or (lambda labels: list(paths or [PATH]))
        self._options = options
        self.now = T0
        self.stored: dict[tuple[str, str], bytes] = {}
        self.room = 1_000
        self.backlog = 0
        self.told: list[Notification] = []
        self.outside = NOTHING
        self.engine = self._new()

    def _new(self) -> Engine:
        return Engine(self._route, {"mail", "pager"}, **self._options)  # type: ignore[arg-type]

    def take(self, *alerts: Alert) -> None:
        for alert in alerts:
            self.engine.take(alert, alert.model_dump_json().encode(), self.now)

    def after(self, seconds: float) -> list[Notification]:
        """Time passes; what is told at its end."""
        self.now += seconds
        found = self.engine.tick(self.now, self.outside, lambda _: self.room, lambda _: self.backlog)
        self.told += found
        return found

    def save(self) -> None:
        changes: list[Change] = self.engine.changes()
        for kind, name, value in changes:
            if value is None:
                self.stored.pop((kind, name), None)
            else:
                self.stored[kind, name] = value

    def crash(self) -> None:
        """The engine anew, from what was saved."""
        self.engine = self._new()
        rows = self.stored.items()
        self.engine.restore(
            [decode_held(value) for (kind, _), value in rows if kind == "alerts"],
            [decode_group(value) for (kind, _), value in rows if kind == "groups"],
            {name: float(value) for (kind, name), value in rows if kind == "ended"},
            self.now,
        )


def ids(notification: Notification) -> list[str]:
    return [alert.alert_id for alert in notification.alerts]
