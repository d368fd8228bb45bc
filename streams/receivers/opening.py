"""Which class serves which type of receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.errors import SettingsError

if TYPE_CHECKING:
    from schemas.receivers import ReceiverConfig
    from schemas.routing import Routing
    from streams.receivers.base import Receiver
    from streams.settings import Settings


def open_receiver(config: ReceiverConfig, routing: Routing, settings: Settings) -> Receiver:
    """The receiver that `config` describes.

    Raises:
        SettingsError: a secret is missing.
    """
    raise SettingsError([f"receiver {config.name}: type {config.type} is not built yet"])
