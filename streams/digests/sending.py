"""Sends a digest to a mail or chat receiver of notify.yaml, through apprise."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from streams.digests import render, title
from streams.errors import InputError, NotFoundError, UnavailableError
from streams.receivers.sandbox import chat_safe, tidy
from streams.settings import Settings

if TYPE_CHECKING:
    from schemas.receivers import AppriseReceiver

_TRIES = 3
_WAIT_S = 2.0


class NotSentError(UnavailableError):
    """The receiver did not take it."""


async def send_digest(settings: Settings, receiver: str, digest: dict[str, Any]) -> None:
    """Mails it as HTML, or puts the short form into a chat; tried three times.

    Raises:
        SettingsError: no notify.yaml, or a secret of it is missing.
        NotFoundError, InputError: no such receiver, or one that takes no text.
        NotSentError: it did not take it.
    """
    from schemas.receivers import AppriseReceiver
    from streams.receivers.routingfile import routing_of

    routing = routing_of(settings)
    known = {config.name: config for config in routing.receivers}
    config = known.get(receiver)
    if config is None:
        raise NotFoundError(
            f"there is no receiver {receiver!r}", hint=f"there are: {', '.join(sorted(known))}"
        )
    if not isinstance(config, AppriseReceiver):
        raise InputError(f"receiver {receiver!r} takes alerts, no text", hint="name one of type apprise")
    for attempt in range(1, _TRIES + 1):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * config.timeout + 5):
                if await asyncio.to_thread(_notify, config, digest):
                    return
        if attempt < _TRIES:
            await asyncio.sleep(_WAIT_S * attempt)
    raise NotSentError(
        f"receiver {receiver!r} did not take the digest", hint="`rapport receivers test` tries it"
    )


def _notify(config: AppriseReceiver, digest: dict[str, Any]) -> bool:
    import apprise

    from streams.receivers.base import from_environment
    from streams.receivers.chat import _opened, text_beside

    url = from_environment(config.url, config, "url")
    scheme = url.partition("://")[0].lower()
    mail = scheme in ("mailto", "mailtos") if config.form == "auto" else config.form == "mail"
    form = apprise.NotifyFormat.HTML if mail else apprise.NotifyFormat.TEXT
    head, opened = tidy("title", title(digest)), _opened(url, config)
    with text_beside(render(digest, "text") if mail else None):
        taken = opened.notify(
            body=render(digest, "html" if mail else "chat"), title=head if mail else chat_safe(head),
            body_format=form, notify_type=apprise.NotifyType.INFO, timeout=config.timeout,
            interpret_escapes=False,
        )  # fmt: skip
    return bool(taken)
