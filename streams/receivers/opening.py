"""Which class serves which type of receiver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schemas.receivers import AlertmanagerReceiver, AppriseReceiver, GrafanaReceiver, WebhookReceiver
from streams.receivers.links import LinkMaker
from streams.receivers.wording import Wording

if TYPE_CHECKING:
    from schemas.receivers import ReceiverConfig
    from schemas.routing import Routing
    from streams.receivers.base import Receiver
    from streams.settings import Settings


def wording_of(routing: Routing) -> Wording:
    """The words that the file asks for.

    Raises:
        SettingsError: its templates cannot be used.
    """
    return Wording(Path(routing.templates) if routing.templates else None, LinkMaker(routing.links))


def open_receiver(config: ReceiverConfig, routing: Routing, settings: Settings, wording: Wording) -> Receiver:
    """The receiver that `config` describes. Libraries are loaded for those only that are there.

    Raises:
        SettingsError: a secret is missing, or is no use.
    """
    links = LinkMaker(routing.links)
    if isinstance(config, WebhookReceiver):
        from streams.receivers.webhook import WebhookSender

        return WebhookSender(config, links)
    if isinstance(config, AlertmanagerReceiver):
        from streams.receivers.alertmanager import AlertmanagerPusher

        return AlertmanagerPusher(config, links)
    if isinstance(config, AppriseReceiver):
        from streams.receivers.chat import AppriseSender

        return AppriseSender(config, wording)
    if isinstance(config, GrafanaReceiver):
        from streams.receivers.grafana import GrafanaAnnotator

        return GrafanaAnnotator(config, settings, wording)
    from streams.receivers.kafka import KafkaSender

    return KafkaSender(config, settings, links)
