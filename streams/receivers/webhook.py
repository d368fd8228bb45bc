"""Webhooks after the Standard Webhooks specification: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from standardwebhooks import Webhook

from streams.errors import SettingsError
from streams.receivers.base import from_environment
from streams.receivers.bodies import as_json, notification_body, webhook_v4
from streams.receivers.http import Poster, utc_now

if TYPE_CHECKING:
    import aiohttp

    from schemas.notifications import Notification
    from schemas.receivers import WebhookReceiver
    from streams.receivers.links import LinkMaker

#: As the specification wants it.
SECRET_BYTES: Final = (24, 64)


def signed(body: bytes, message_id: str, at: dt.datetime, keys: Sequence[Webhook]) -> dict[str, str]:
    """The headers that tell who sent `body`: id, time, and one signature for each key."""
    at = at.astimezone(dt.UTC)  # the library drops the zone
    headers = {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp()))}
    if keys:
        headers["webhook-signature"] = " ".join(
            key.sign(message_id, at, body.decode("ascii")) for key in keys
        )
    return headers


class WebhookSender:
    """A `Receiver` that POSTs JSON; `webhook-id` is the notification's id, the same at each try.

    Raises:
        SettingsError: a secret is missing, or is none.
    """

    def __init__(
        self,
        config: WebhookReceiver,
        links_of: LinkMaker,
        *,
        clock: Callable[[], dt.datetime] = utc_now,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        self.name = config.name
        self._body = webhook_v4 if config.body == "alertmanager" else notification_body
        self._links_of = links_of
        self._clock = clock
        self._keys = [_key(secret, config) for secret in config.secrets]
        self._poster = Poster(config, clock=clock, resolver=resolver)

    async def deliver(self, n: Notification) -> None:
        """One POST. Raises DeliveryError."""
        body = as_json(self._body(n, self._links_of))
        # The time is that of this try: receivers refuse what is older than five minutes.
        headers = signed(body, n.notification_id, self._clock(), self._keys)
        await self._poster.post("", body, {"Content-Type": "application/json", **headers})

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._poster.aclose()


def _key(reference: str, config: WebhookReceiver) -> Webhook:
    secret = from_environment(reference, config, "secrets").removeprefix("whsec_")
    try:
        raw = base64.b64decode(secret, validate=True)  # the library would pass over what is no base64
    except ValueError:
        raw = b""  # nor must the message tell the secret
    if not SECRET_BYTES[0] <= len(raw) <= SECRET_BYTES[1]:
        raise SettingsError(
            [
                f"receiver {config.name}: {reference[4:]} should be whsec_ and the base64 of "
                f"{SECRET_BYTES[0]} to {SECRET_BYTES[1]} random bytes; `openssl rand -base64 32` makes them"
            ]
        )
    return Webhook(raw)
