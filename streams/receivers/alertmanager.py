"""Pushing to an Alertmanager, over /api/v2/alerts.

Alertmanager holds an alert for firing until its `endsAt`, and keeps it in memory only. So what fires is sent
again every `resend` seconds with an `endsAt` that lies `hold` ahead, and what fires there under our name is
taken over when we begin: a restart of either side neither resolves nor doubles an alert.

Several notifiers may tell one Alertmanager, and a partition may move from one to another. So before anything
is sent again, what is not there any more goes: another has ended it. Only where Alertmanager itself began
anew, and has forgotten everything, all is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from streams.receivers.base import DeliveryError
from streams.receivers.bodies import alert_annotations, alert_labels, as_json, rfc3339
from streams.receivers.http import Poster, utc_now

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from schemas.notifications import Notification
    from schemas.receivers import AlertmanagerReceiver
    from streams.receivers.links import LinkMaker

PATH: Final = "/api/v2/alerts"
_STATUS: Final = "/api/v2/status"
#: Ours, among those that Alertmanager holds.
_OURS: Final = PATH + "?filter=job%3D%22rapport%22&filter=rapport_receiver%3D%22{name}%22"
#: Alerts that are sent again, at most; and in one request.
MOST: Final = 10_000
BATCH: Final = 64
_KEPT: Final = ("labels", "annotations", "startsAt", "generatorURL")
_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
#: Of the list of what fires there; some KiB an alert.
LIST_BYTES: Final = 16 * 1024 * 1024


class AlertmanagerPusher:
    """A `Receiver` that keeps an Alertmanager told of what fires."""

    def __init__(
        self,
        config: AlertmanagerReceiver,
        links_of: LinkMaker,
        *,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.name = config.name
        self._config = config
        self._links_of = links_of
        self._clock = clock
        self._poster = Poster(config, clock=clock)
        self._firing: dict[str, dict[str, Any]] = {}
        self._lock = asyncio.Lock()
        self._adopted = False
        self._began = ""
        self._again: asyncio.Task[None] | None = None

    async def deliver(self, n: Notification) -> None:
        """Tells firing and ended alerts. Raises DeliveryError."""
        async with self._lock:
            if not self._adopted:
                await self._adopt()
            pushed: list[dict[str, Any]] = []
            firing = dict(self._firing)
            for alert in n.alerts:
                before = firing.pop(alert.alert_id, None)
                item = self._item(alert)
                if before is not None and before["labels"] != item["labels"]:
                    pushed.append({**before, "endsAt": rfc3339(self._clock())})  # its severity changed
                if alert.state != "resolved":
                    firing[alert.alert_id] = item
                pushed.append(item)
            await self._push(pushed)
            while len(firing) > MOST:
                del firing[next(iter(firing))]  # Alertmanager holds it for `hold` from now
            self._firing = firing
        self._begin(self._config.resend)

    def begin(self) -> None:
        """Takes over at once what fires there from before a restart of ours: nothing else may come for hours,
        about what somebody acknowledged nothing at all."""
        self._begin(0.0)

    def _begin(self, wait_s: float) -> None:
        if self._again is None:
            self._again = asyncio.create_task(self._keep_telling(wait_s), name=f"alertmanager {self.name}")

    async def tell_again(self) -> int:
        """Sends again what fires, and returns how many that are. Raises DeliveryError."""
        async with self._lock:
            if self._adopted:
                await self._drop_what_others_ended()
            else:
                await self._adopt()
            ends = rfc3339(self._clock() + dt.timedelta(seconds=self._config.hold))
            for item in self._firing.values():
                item["endsAt"] = ends
            await self._push(list(self._firing.values()))
            return len(self._firing)

    async def aclose(self) -> None:
        """Stops telling; Alertmanager holds what fires for `hold` more."""
        if self._again is not None:
            self._again.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._again
        await self._poster.aclose()

    async def _keep_telling(self, wait_s: float) -> None:
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self._config.resend
            # The next round is the retry.
            with contextlib.suppress(DeliveryError):
                await self.tell_again()

    def _item(self, alert: Alert) -> dict[str, Any]:
        now = self._clock()
        links = self._links_of(alert)
        ended = alert.state == "resolved"
        # Not `resolved_at`: it may lie before what was sent as firing, which Alertmanager takes for newer.
        ends = now if ended else now + dt.timedelta(seconds=self._config.hold)
        url = links.get("partnership") or links.get("dashboard")
        return {
            "labels": {**self._config.labels, **alert_labels(alert), "rapport_receiver": self.name},
            "annotations": alert_annotations(alert),
            "startsAt": rfc3339(min(alert.started_at, now)),
            "endsAt": rfc3339(ends),
            **({"generatorURL": url} if url else {}),
        }

    async def _push(self, items: list[dict[str, Any]]) -> None:
        for start in range(0, len(items), BATCH):
            await self._poster.post(
                PATH, as_json(items[start : start + BATCH]), {"Content-Type": "application/json"}
            )

    async def _adopt(self) -> None:
        """Takes over what fires there under our name, from before a restart of ours."""
        # Cut, or not what we wrote: those are held until their `endsAt`, and told by us later.
        self._began = await self._beginning()
        self._firing = {**(await self._held() or {}), **self._firing}
        self._adopted = True

    async def _held(self) -> dict[str, dict[str, Any]] | None:
        """What fires there under our name, by alert id; None when its answer cannot be read."""
        raw = await self._poster.get(_OURS.format(name=self.name), LIST_BYTES)
        found: dict[str, dict[str, Any]] = {}
        try:
            for one in json.loads(raw)[:MOST]:
                kept = {key: one[key] for key in _KEPT if one.get(key)}
                found[one["annotations"]["alert_id"]] = kept | {"endsAt": one["endsAt"]}
        except _UNREADABLE:
            return None
        return found

    async def _beginning(self) -> str:
        """When Alertmanager was started, as it says; "" when it does not."""
        try:
            return str(json.loads(await self._poster.get(_STATUS))["uptime"])
        except _UNREADABLE:
            return ""

    async def _drop_what_others_ended(self) -> None:
        known, self._began = self._began, await self._beginning()
        if not known or known != self._began:
            return
        held = await self._held()
        if held is not None and len(held) < MOST:
            self._firing = {key: item for key, item in self._firing.items() if key in held}
