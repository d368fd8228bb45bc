"""The seam between the notifier and what it delivers to.

A receiver makes one try. When it may be tried again, how often, in which order and at which rate is the
notifier's; a receiver says in its `DeliveryError` what it knows about that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from streams.errors import RapportError, SettingsError

if TYPE_CHECKING:
    from schemas.notifications import Notification
    from schemas.receivers import ReceiverConfig
    from schemas.routing import Routing
    from streams.settings import Settings


class DeliveryError(RapportError):
    """A notification was not taken, or nobody knows whether it was.

    Attributes:
        retryable: Whether another try may do better.
        retry_after: Seconds that the receiver asks us to wait; None when it says nothing.
        gone: The receiver is there no more (410): switch it off.
    """

    def __init__(
        self, message: str, *, retryable: bool, retry_after: float | None = None, gone: bool = False
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.gone = gone


class Receiver(Protocol):
    """Takes notifications. `deliver` may be called again with the same notification: it carries its id."""

    name: str

    async def deliver(self, n: Notification) -> None:
        """Delivers it, within the receiver's timeout.

        Raises:
            DeliveryError: it was not taken.
        """

    async def aclose(self) -> None:
        """Gives connections back; nothing is delivered any more."""


@runtime_checkable
class Begins(Protocol):
    """A receiver that has work of its own to do while nothing is delivered."""

    def begin(self) -> None:
        """Called once, within the loop, before the first delivery."""


def open_receivers(routing: Routing, settings: Settings) -> dict[str, Receiver]:
    """All receivers of the file, by name. Nothing is connected to before the first delivery.

    Raises:
        SettingsError: a secret is not in the environment, or is no use; every such one is named.
    """
    from streams.receivers.opening import open_receiver, wording_of

    found: dict[str, Receiver] = {}
    problems: list[str] = []
    wording = wording_of(routing)
    for config in routing.receivers:
        try:
            found[config.name] = open_receiver(config, routing, settings, wording)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return found


def from_environment(reference: str, config: ReceiverConfig, field: str) -> str:
    """What `env:NAME` stands for; any other text as it is.

    Raises:
        SettingsError: the variable is missing or empty. Its value is never told.
    """
    if not reference.startswith("env:"):
        return reference
    value = os.environ.get(reference[4:], "").strip()
    if not value:
        raise SettingsError(
            [f"receiver {config.name}: `{field}` names {reference[4:]}, which is not in the environment"]
        )
    return value
