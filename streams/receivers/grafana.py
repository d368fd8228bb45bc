"""Alerts as regions on Grafana's dashboards: an annotation that begins at firing and ends at resolved.

An annotation is found again by its tag `alert:<id>`: neither a retry nor a restart makes a second one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaException, GrafanaServerError, GrafanaTimeoutError
from niquests.exceptions import RequestException

from streams.errors import SettingsError
from streams.receivers.base import DeliveryError, from_environment
from streams.receivers.http import masked, within
from streams.text import clean

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from schemas.notifications import Notification
    from schemas.receivers import GrafanaReceiver
    from streams.receivers.wording import Wording
    from streams.settings import Settings

TEXT_MAX: Final = 4_000


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
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise SettingsError([f"receiver {config.name}: `url` is no address like https://host/grafana"])
        self._api: Any = None
        self._lock = asyncio.Lock()

    async def deliver(self, n: Notification) -> None:
        """Draws each of its alerts. Raises DeliveryError."""
        async with self._lock:  # one connection, used by one thread at a time
            await within(self._config.timeout, "Grafana", asyncio.to_thread(self._draw_all, n.alerts))

    async def aclose(self) -> None:
        """Closes the connection."""
        if self._api is not None:
            self._api.client.s.close()
            self._api = None

    def _draw_all(self, alerts: list[Alert]) -> None:
        where = masked(self._url)
        try:
            if self._api is None:
                # grafana-client glues "api" to the path: without the slash, /grafana becomes /grafanaapi.
                self._api = GrafanaApi.from_url(
                    self._url.rstrip("/") + "/", credential=self._token, timeout=self._config.timeout / 2
                )
            for alert in alerts:
                self._draw(self._api.annotations, alert)
        except (GrafanaServerError, GrafanaTimeoutError, RequestException) as error:
            raise DeliveryError(f"Grafana at {where}: {_said(error)}", retryable=True) from None
        except GrafanaException as error:
            # A token may be mended while we try on; what Grafana calls a bad request stays one.
            raise DeliveryError(
                f"Grafana at {where} answered {error.status_code}: {_said(error)}",
                retryable=error.status_code in (401, 403, 404, 409, 412, 429),
            ) from None

    def _draw(self, api: Any, alert: Alert) -> None:
        own = f"alert:{alert.alert_id}"
        begun, ended = _ms(alert.started_at), _ms(alert.resolved_at or alert.at)
        found = api.find_annotations(tags=[quote(own, safe="")], limit=1)
        present = found[0] if isinstance(found, list) and found else None
        over = alert.state == "resolved"
        tags = [*self._config.tags, alert.signal, alert.severity, f"partnership:{alert.partnership_id}", own]
        text = self._wording.line(alert)
        if present is None:
            api.add_annotation(
                dashboard_uid=self._config.dashboard_uid, time_from=begun,
                time_to=ended if over else begun, tags=tags, text=text,
            )  # fmt: skip
            return
        told = str(present.get("text") or "")
        if told.endswith(text) and (not over or present.get("timeEnd") == ended):
            return  # a retry, or told again
        # Both in one: where it fell from and to, and how it ended.
        api.partial_update_annotation(
            int(present["id"]), time_from=begun, time_to=ended if over else begun, tags=tags,
            text=told if told.endswith(text) else f"{told}\n{text}"[-TEXT_MAX:],
        )  # fmt: skip


def _ms(when: dt.datetime) -> int:
    return int(when.timestamp() * 1_000)


def _said(error: Exception) -> str:
    answer = getattr(error, "response", None)
    text = answer.get("message") if isinstance(answer, dict) else None
    return clean(text, 200) if text else type(error).__name__
