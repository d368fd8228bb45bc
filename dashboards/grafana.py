"""Grafana's HTTP API as far as it is needed here: grafana-client, with bounded retries and plain errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import (
    GrafanaClientError,
    GrafanaException,
    GrafanaServerError,
    GrafanaTimeoutError,
)
from niquests.exceptions import RequestException
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from dashboards.errors import GrafanaFailed, GrafanaRefused, GrafanaUnreachable

T = TypeVar("T")

#: Seconds to connect and to wait for an answer; saving a large dashboard takes well under one.
TIMEOUT_S = 10.0
TRIES = 4
_CONFLICT = frozenset({409, 412})


#: A token, or user and password.
Credential = str | tuple[str, str] | None


class Conflict(GrafanaFailed):
    """What was to be made is there already (409, 412)."""


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, GrafanaServerError | GrafanaTimeoutError):
        return True
    if isinstance(error, GrafanaClientError):
        return bool(error.status_code == 429)
    return isinstance(error, RequestException) and not isinstance(error, ValueError)


class Grafana:
    """One Grafana.

    Args:
        url: its address, e.g. `http://127.0.0.1:3000` or `https://host/grafana`.
        credential: a service account token, or (user, password); None for a Grafana without sign-in.
        timeout_s: seconds for one call.
        pause_s: seconds before the second try; doubles from there.

    Raises:
        GrafanaFailed: `url` is no http(s) address.
    """

    def __init__(
        self, url: str, credential: Credential, *, timeout_s: float = TIMEOUT_S, pause_s: float = 0.5
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaFailed(f"{url!r} is no address like http://127.0.0.1:3000")
        # grafana-client glues "api" to the path: without the slash, /grafana would become /grafanaapi.
        path = parts.path.rstrip("/") + "/"
        # The address as shown in messages carries no user and password.
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path.rstrip('/')}"
        self._api: Any = GrafanaApi.from_url(
            parts._replace(path=path).geturl(), credential=credential, timeout=timeout_s
        )
        self._pause_s = pause_s

    def close(self) -> None:
        """Closes the connections."""
        self._api.client.s.close()

    def health(self) -> str:
        """Grafana's version, when it is up and its database well; "unknown" when it keeps that to itself.

        Asks `/health`: grafana-client's own check asks `/frontend/settings`, which needs a sign-in and is
        not in Grafana's API document.
        """
        answer = self.call("asking for its health", lambda api: api.client.GET("/health"))
        if not isinstance(answer, dict) or "database" not in answer:
            raise GrafanaFailed(f"{self.url} answers, but is no Grafana")
        if answer["database"] != "ok":
            raise GrafanaFailed(f"Grafana at {self.url} says that its database is {answer['database']!r}")
        return str(answer.get("version") or "unknown")

    def find(self, what: str, ask: Callable[[Any], T]) -> T | None:
        """As `call`, with None for 404."""
        try:
            return self.call(what, ask)
        except _Missing:
            return None

    def call(self, what: str, ask: Callable[[Any], T]) -> T:
        """The answer of one call of grafana-client, tried again on timeouts, 429 and server errors.

        Args:
            what: what is being done, for messages: "making the folder".

        Raises:
            GrafanaUnreachable, GrafanaRefused, Conflict, GrafanaFailed
        """
        tries = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(multiplier=self._pause_s, max=5.0) + wait_random(0, self._pause_s / 2),
            retry=retry_if_exception(_worth_another_try),
            reraise=True,
        )
        try:
            return tries(ask, self._api)
        except (GrafanaServerError, GrafanaTimeoutError) as error:
            raise GrafanaUnreachable(
                f"Grafana at {self.url} gave no answer after {TRIES} tries, {what}: {_said(error)}"
            ) from error
        except GrafanaException as error:
            raise self._refusal(what, error) from error
        except RequestException as error:
            if isinstance(error, ValueError):
                raise GrafanaFailed(f"{self.url} answers, but is no Grafana ({what}: no JSON)") from error
            raise GrafanaUnreachable(
                f"no connection to Grafana at {self.url} after {TRIES} tries; is it running there?"
            ) from error

    def _refusal(self, what: str, error: GrafanaException) -> GrafanaFailed | GrafanaRefused:
        if error.status_code in (401, 403):
            return GrafanaRefused(
                f"Grafana at {self.url} does not allow {what}: {_said(error)}. "
                "RAPPORT_GRAFANA_TOKEN must be a service account token with the role Admin, or "
                "RAPPORT_GRAFANA_USER and RAPPORT_GRAFANA_PASSWORD an administrator's."
            )
        text = f"Grafana at {self.url} answered {error.status_code}, {what}: {_said(error)}"
        if error.status_code == 404:
            return _Missing(text)
        return Conflict(text) if error.status_code in _CONFLICT else GrafanaFailed(text)


class _Missing(GrafanaFailed):
    """404."""


def _said(error: GrafanaException) -> str:
    """Grafana's own message, one line."""
    answer = error.response
    text = answer.get("message") if isinstance(answer, dict) else None
    return " ".join(str(text or error.message).split())[:300]
