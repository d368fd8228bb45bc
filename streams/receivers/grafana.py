"""Alerts as regions on Grafana's dashboards: an annotation that begins at firing and ends at resolved.

An annotation is found again by its tag `alert:<id>`: neither a retry nor a restart makes a second one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dashboards.errors import DashboardsError, GrafanaUnreachable
from dashboards.grafana import Grafana
from streams.errors import SettingsError
from streams.receivers.base import DeliveryError, from_environment
from streams.receivers.http import within
from streams.text import clean

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from schemas.notifications import Notification
    from schemas.receivers import GrafanaReceiver
    from streams.receivers.wording import Wording
    from streams.settings import Settings


class GrafanaAnnotator:
    """A `Receiver` that draws alerts into Grafana.

    Raises:
        SettingsError: it has no address, or its token is missing.
    """

    def __init__(self, config: GrafanaReceiver, settings: Settings, wording: Wording) -> None:
        self.name = config.name
        self._config = config
        self._wording = wording
        url = config.url or settings.grafana_url
        if url is None:
            raise SettingsError(
                [f"receiver {config.name}: give `url`, or set RAPPORT_GRAFANA_URL to Grafana's address"]
            )
        self._url = from_environment(url, config, "url")
        token = settings.grafana_token
        self._token = (
            from_environment(config.token, config, "token")
            if config.token
            else token.get_secret_value()
            if token
            else None
        )
        self._grafana: Grafana | None = None
        self._lock = asyncio.Lock()

    async def deliver(self, n: Notification) -> None:
        """Draws each of its alerts. Raises DeliveryError."""
        async with self._lock:  # one connection, used by one thread at a time
            await within(self._config.timeout, "Grafana", asyncio.to_thread(self._draw_all, n.alerts))

    async def aclose(self) -> None:
        """Closes the connection."""
        if self._grafana is not None:
            self._grafana.close()
            self._grafana = None

    def _draw_all(self, alerts: list[Alert]) -> None:
        try:
            if self._grafana is None:
                # The tries are the notifier's, but for a short one against a connection that was closed.
                self._grafana = Grafana(
                    self._url, self._token, timeout_s=self._config.timeout / 2, pause_s=0.05
                )
            for alert in alerts:
                self._draw(self._grafana, alert)
        except DashboardsError as error:
            raise DeliveryError(
                clean(error, 300), retryable=isinstance(error, GrafanaUnreachable) or "429" in str(error)
            ) from None

    def _draw(self, grafana: Grafana, alert: Alert) -> None:
        own = f"alert:{alert.alert_id}"
        begun, ended = _ms(alert.started_at), _ms(alert.resolved_at or alert.at)
        found: Any = grafana.call(
            "looking for an annotation",
            lambda api: api.annotations.find_annotations(tags=[quote(own, safe="")], limit=1),
        )
        present = found[0] if isinstance(found, list) and found else None
        over = alert.state == "resolved"
        tags = [*self._config.tags, alert.signal, alert.severity, f"partnership:{alert.partnership_id}", own]
        text = self._wording.line(alert)
        if present is None:
            grafana.call(
                "drawing an annotation",
                lambda api: api.annotations.add_annotation(
                    dashboard_uid=self._config.dashboard_uid, time_from=begun,
                    time_to=ended if over else begun, tags=tags, text=text,
                ),
            )  # fmt: skip
        elif present.get("text") != text or (over and present.get("timeEnd") != ended):
            # Both in one: where it fell from and to, and how it ended.
            told = text if not over or present.get("text") == text else f"{present.get('text') or ''}\n{text}"
            if over and str(present.get("text") or "").endswith(text):
                told = str(present["text"])
            grafana.call(
                "ending an annotation",
                lambda api: api.annotations.partial_update_annotation(
                    int(present["id"]), time_from=begun, time_to=ended if over else begun, tags=tags,
                    text=told,
                ),
            )  # fmt: skip


def _ms(when: dt.datetime) -> int:
    return int(when.timestamp() * 1_000)
