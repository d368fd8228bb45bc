"""Mail and chat through the library apprise, whose addresses say which service it is.

The address is a secret as a whole (it holds passwords and tokens): it comes from the environment and is told
nowhere, nor is what apprise logs, which may quote it.

apprise waits between two messages to one service, in the thread that sends. That wait must not count as the
service's: a try that is given up in it is made all the same, and once more when it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from streams.errors import SettingsError
from streams.receivers.base import DeliveryError, from_environment
from streams.receivers.bodies import whole
from streams.receivers.http import within
from streams.receivers.sandbox import chat_safe

if TYPE_CHECKING:
    import apprise

    from schemas.notifications import Notification
    from schemas.receivers import AppriseReceiver
    from streams.receivers.wording import Wording


#: The plain text of the mail that this thread is sending.
_text: ContextVar[str | None] = ContextVar("text", default=None)


@contextmanager
def text_beside(text: str | None) -> Iterator[None]:
    """Within it, the text part of an HTML mail is this one, not what apprise makes of the HTML, which loses
    the addresses of links. None: apprise's."""
    from apprise.plugins.email import base

    theirs: Any = vars(base)["convert_between"]
    if not hasattr(theirs, "rapport"):
        vars(base)["convert_between"] = _converting(theirs)
    token = _text.set(text)
    try:
        yield
    finally:
        _text.reset(token)


def _converting(theirs: Callable[..., str]) -> Callable[..., str]:
    def convert(*arguments: Any, **more: Any) -> str:
        text = _text.get()
        return theirs(*arguments, **more) if text is None else text

    convert.rapport = True  # type: ignore[attr-defined]
    return convert


class AppriseSender:
    """A `Receiver` for what apprise speaks.

    Raises:
        SettingsError: the variable is missing, or apprise cannot read what it holds.
    """

    def __init__(self, config: AppriseReceiver, wording: Wording) -> None:
        self.name = config.name
        self._config = config
        self._wording = wording
        url = from_environment(config.url, config, "url")
        self._apprise = _opened(url, config)
        self.scheme = url.partition("://")[0].lower()
        mail = self.scheme in ("mailto", "mailtos") if config.form == "auto" else config.form == "mail"
        self._form = "mail" if mail else "chat"
        self._pause = max(plugin.request_rate_per_sec for plugin in self._apprise)
        self._turn = asyncio.Lock()
        # Threads of its own: a service that hangs must not hold up other work, nor the next try.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix=f"receiver-{config.name}")

    async def deliver(self, n: Notification) -> None:
        """One message. Raises DeliveryError."""
        async with self._turn:
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._notify, n)
            await within(self._config.timeout, f"{self.scheme}://…", work, grace=self._pause)

    def _notify(self, n: Notification) -> None:
        import apprise

        title = self._wording.render(n, "title")
        text = None
        if self._form == "mail":
            body, form = self._wording.render(n, "mail_html"), apprise.NotifyFormat.HTML
            text = whole(self._wording.render(n, "mail_text"))
        else:
            body, form = self._wording.render(n, "chat"), apprise.NotifyFormat.TEXT
            title = chat_safe(title)  # many services have no titles: it becomes part of the text
        kind = apprise.NotifyType.SUCCESS if n.status == "resolved" else apprise.NotifyType.WARNING
        with text_beside(text):
            result = self._apprise.notify(
                body=whole(body), title=whole(title), body_format=form, notify_type=kind,
                timeout=self._config.timeout, interpret_escapes=False,
            )  # fmt: skip
        if not result:
            raise DeliveryError(f"{self.scheme}://… did not take it", retryable=True)

    async def aclose(self) -> None:
        """Lets threads end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _opened(url: str, config: AppriseReceiver) -> apprise.Apprise:
    import apprise

    # What it logs of a failure may hold the address; urllib3 logs paths, where chat services keep tokens.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    asset = apprise.AppriseAsset(
        app_id="Rapport", app_desc="Rapport", app_url="", async_mode=False, http_redirects=False,
        interpret_emojis=False, interpret_escapes=False, image_url_mask="", image_url_logo="",
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        pgp_autogen=False, pem_autogen=False,
    )  # fmt: skip
    opened = apprise.Apprise(asset=asset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its plugins, of Python's own modules
        good = opened.add(url) and len(opened) == 1
    for plugin in opened:
        # Its guess for services of which it knows nothing, mail among them: `rate_limit` is ours.
        if plugin.request_rate_per_sec == apprise.NotifyBase.request_rate_per_sec:
            plugin.request_rate_per_sec = 0.0
    if not good:
        raise SettingsError(
            [
                f"receiver {config.name}: {config.url[4:]} is no single address that apprise knows, "
                "like mailtos://user:password@host?to=ann@example.com"
            ]
        )
    return opened
