"""One POST of a few KiB, and what the answer means. No redirects, no cookies, no proxies, no unpacking."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp

from streams.errors import SettingsError
from streams.receivers.addresses import REFUSED, guarded_sockets
from streams.receivers.base import DeliveryError, from_environment
from streams.text import clean

if TYPE_CHECKING:
    from schemas.receivers import AlertmanagerReceiver, WebhookReceiver

#: Of an answer so much is read; nobody needs more to say yes or no.
ANSWER_BYTES: Final = 64 * 1024
#: The same bytes will not do better another time.
_HOPELESS: Final = frozenset({400, 413, 414, 415, 422, 431})
#: Nobody may keep us waiting longer, s.
RETRY_AFTER_MAX: Final = 24 * 3_600.0
_TOLD: Final = 120


def masked(url: str) -> str:
    """An address fit for logs: without user, password, path and query, where secrets use to lie."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or "?"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return clean(f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{rest}")


def retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Seconds that a `Retry-After` (seconds or an HTTP date) asks for, at most a day; None for garbage."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_MAX)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.UTC)
    return min(max(0.0, (when - now).total_seconds()), RETRY_AFTER_MAX)


def judge(status: int, headers: Mapping[str, str], body: bytes, now: dt.datetime) -> None:
    """Returns when the answer says that it was taken.

    Raises:
        DeliveryError: it was not.
    """
    if 200 <= status < 300:
        return
    if status == 410:
        raise DeliveryError("is gone (410)", retryable=False, gone=True)
    if 300 <= status < 400:
        raise DeliveryError(
            f"redirects ({status}), which is not followed: name the new address", retryable=True
        )
    said = clean(body[:2_000].decode("utf-8", "replace"), _TOLD)
    wait = retry_after(headers.get("Retry-After"), now) if status in (429, 503) else None
    raise DeliveryError(
        f"answered {status}" + (f": {said}" if said else ""),
        retryable=status not in _HOPELESS,
        retry_after=wait,
    )


def utc_now() -> dt.datetime:
    """The wall clock."""
    return dt.datetime.now(dt.UTC)


class Poster:
    """Sends to the one host of a receiver.

    Args:
        config: of the receiver; its `url` and headers may name variables of the environment.
        clock: wall clock, for dates in `Retry-After`.

    Raises:
        SettingsError: a variable is missing, or what it holds is no address.
    """

    def __init__(
        self,
        config: WebhookReceiver | AlertmanagerReceiver,
        *,
        clock: Callable[[], dt.datetime] = utc_now,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._resolver = resolver
        self.url = from_environment(config.url, config, "url")
        self._headers = {
            name: from_environment(value, config, f"headers.{name}") for name, value in config.headers.items()
        }
        problem = _url_problem(self.url)
        problem = problem or next(
            (f"header {n} is not printable" for n, v in self._headers.items() if not v.isprintable()), None
        )
        if problem:
            raise SettingsError([f"receiver {config.name}: {problem}"])
        self.shown = masked(self.url)
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        # Made within the loop, at the first delivery.
        if self._session is None:
            plain = self.url.lower().startswith("http:")
            connector = aiohttp.TCPConnector(
                limit=8,
                ttl_dns_cache=60,
                resolver=self._resolver or aiohttp.ThreadedResolver(),
                socket_factory=guarded_sockets(
                    allow_private=self._config.allow_private, plain=plain, allow_http=self._config.allow_http
                ),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self._config.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={**self._headers, "User-Agent": "Rapport", "Accept-Encoding": "identity"},
            )
        return self._session

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """POSTs `body` to the receiver's address with `path` behind it.

        Raises:
            DeliveryError
        """
        await self._request("POST", path, body, headers)

    async def get(self, path: str, most: int = ANSWER_BYTES) -> bytes:
        """GETs at most `most` bytes (an answer that is longer comes cut).

        Raises:
            DeliveryError
        """
        return await self._request("GET", path, None, {}, most)

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], most: int = ANSWER_BYTES
    ) -> bytes:
        try:
            async with self._open().request(
                method, self.url.rstrip("/") + path if path else self.url, data=body, headers=headers,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                taken = 200 <= answer.status < 300 and method == "POST"
                # What follows a yes is of no interest: it is read to keep the connection, not waited for.
                said = b"" if taken else await _at_most(answer, most)
                judge(answer.status, answer.headers, said, self._clock())
                return said
        except DeliveryError as error:
            raise DeliveryError(
                f"{self.shown} {error}",
                retryable=error.retryable, retry_after=error.retry_after, gone=error.gone,
            ) from None  # fmt: skip
        except TimeoutError:
            raise DeliveryError(
                f"{self.shown} did not answer within {self._config.timeout:g} s", retryable=True
            ) from None
        except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as error:
            why = _why(error)
            raise DeliveryError(f"{self.shown}: {why}", retryable=REFUSED not in why) from None

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _at_most(answer: aiohttp.ClientResponse, most: int) -> bytes:
    found = bytearray()
    while len(found) < most:
        piece = await answer.content.read(most - len(found))
        if not piece:
            break
        found += piece
    return bytes(found)


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            return "`url` is no address like https://host/path"
    except ValueError:
        return "`url` is no address like https://host/path"
    if "@" in parts.netloc:
        return "`url` holds a user or password: put them into `headers` as env:NAME"
    return None


def _why(error: BaseException) -> str:
    """What went wrong, without the address: aiohttp's messages repeat it, path and all."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "there is no such host"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate does not hold"
    if isinstance(error, aiohttp.ClientConnectorError):
        return clean(str(error.os_error), 200)
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return "the connection was closed before an answer came"
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        return "what it answered is no HTTP"
    return clean(type(error).__name__, 80)


async def within(seconds: float, what: str, work: Any, *, grace: float = 0.0) -> Any:
    """The result of an awaitable, or a DeliveryError that may be retried after so many seconds; `grace`: of
    waiting that is not the other side's."""
    try:
        async with asyncio.timeout(seconds + grace):
            return await work
    except TimeoutError:
        raise DeliveryError(f"{what} did not answer within {seconds:g} s", retryable=True) from None
