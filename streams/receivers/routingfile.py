"""Reading `notify.yaml`, and what in it is allowed but hardly meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from schemas.notifications import MOST_ALERTS
from schemas.receivers import AlertmanagerReceiver, GrafanaReceiver, WebhookReceiver
from schemas.routing import Routing, load_routing, resolved_routes
from schemas.yamlfile import YamlError
from streams.errors import InputError, SettingsError
from streams.settings import Settings


def read_routing(path: Path) -> Routing:
    """The file's content.

    Raises:
        InputError: it cannot be read, or something in it is wrong; each mistake with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is no UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return load_routing(text, name=path.name)
    except YamlError as error:
        raise InputError(
            str(error),  # without the lines themselves: a secret may have been written into one
            hint="docs/alerts.md has a whole example; `rapport receivers check` tries a file",
        ) from None


def routing_of(settings: Settings, path: Path | None = None) -> Routing:
    """The file at `path`, or the one that the settings name.

    Raises:
        SettingsError: there is none.
        InputError: as `read_routing`.
    """
    chosen = path or settings.notify_config
    if chosen is None:
        raise SettingsError(
            ["notify_config: no file says who is told about alerts"],
            hint="set RAPPORT_NOTIFY_CONFIG to a notify.yaml; docs/alerts.md has an example",
        )
    return read_routing(chosen)


def doubts(routing: Routing) -> Iterator[str]:
    """One plain line for each thing that is allowed, but hardly meant."""
    routes = resolved_routes(routing)
    used = {name for route in routes for name in route.receivers}
    for config in routing.receivers:
        if config.name not in used:
            yield f"receiver {config.name}: no route leads to it"
        if isinstance(config, WebhookReceiver) and not config.secrets:
            yield f"receiver {config.name}: has no `secrets`, so nobody can tell whose its messages are"
        if isinstance(config, AlertmanagerReceiver):
            longest = max((r.repeat_interval for r in routes if config.name in r.receivers), default=0.0)
            if config.hold <= longest:
                yield (
                    f"receiver {config.name}: `hold` ({config.hold:g} s) should be longer than the route's "
                    f"`repeat_interval` ({longest:g} s), or a restart of the notifier may end alerts there"
                )
    each = {c.name for c in routing.receivers if isinstance(c, AlertmanagerReceiver | GrafanaReceiver)}
    for route in routes:
        for name in sorted(each.intersection(route.receivers)):
            if not {"...", "partnership_id"}.intersection(route.group_by):
                yield (
                    f"{route.key}: receiver {name} keeps every alert by itself, and a message holds at most "
                    f"{MOST_ALERTS}: put partnership_id into `group_by`, or it misses the others"
                )
        if route.group_wait > route.group_interval > 0:
            yield f"{route.key}: `group_wait` is longer than `group_interval`"
        if route.repeat_interval < route.group_interval:
            yield f"{route.key}: `repeat_interval` is shorter than `group_interval`, which then holds"
    if routing.links.dashboard is None and routing.links.partnership is None:
        yield "links: none are set, so messages lead nowhere"
