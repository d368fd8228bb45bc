"""Notifications in words: a title, a short form for chats, a long one for mail (text and HTML).

    render(n, form) -> str                              with the words that come along
    Wording(directory, links_of).render(n, form)        with a user's templates, where there are any

A template that fails is counted, and the default one takes its place: nobody misses an alert for a typo.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streams import metrics
from streams.errors import SettingsError
from streams.receivers.bodies import whole
from streams.receivers.context import context_of
from streams.receivers.links import LinkMaker
from streams.receivers.sandbox import (
    FORMS,
    TEMPLATE_BYTES,
    Form,
    TemplateFailedError,
    environment,
    run,
    run_apart,
)
from streams.text import clean

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from schemas.notifications import Notification

__all__ = ["FORMS", "Form", "Wording", "render"]

log = logging.getLogger(__name__)
DEFAULTS: Final = {
    f"{form}.j2": (files("streams.receivers") / "templates" / f"{form}.j2").read_text(encoding="utf-8")
    for form in FORMS
}


class Wording:
    """Renders notifications.

    Args:
        directory: where a user's `title.j2`, `chat.j2`, `mail_text.j2`, `mail_html.j2` are; those that are
            missing are ours. They are read once.
        links_of: links of an alert.

    Raises:
        SettingsError: the directory is not there, or a template in it is not to be read or no template.
    """

    def __init__(
        self, directory: Path | None = None, links_of: Callable[[Alert], dict[str, str]] | None = None
    ) -> None:
        self._links_of = links_of or LinkMaker()
        self._own = {} if directory is None else _read(directory)

    def render(self, n: Notification, form: Form) -> str:
        """The notification in words. With a user's template it takes some 0.2 s: not in the event loop."""
        context = whole(context_of(n, self._links_of))
        links = frozenset(url for alert in context["alerts"] for url in alert["links"].values())
        if f"{form}.j2" in self._own:
            try:
                return run_apart(form, {**DEFAULTS, **self._own}, context, links)
            except TemplateFailedError as error:
                metrics.TEMPLATE_ERRORS.labels(form).inc()
                log.warning("template %s.j2 failed, the default takes its place: %s", form, error)
        return run(form, DEFAULTS, context, links)

    def line(self, alert: Alert) -> str:
        """One alert in one plain line, e.g. for an annotation, where HTML may be read: it has none."""
        return clean(whole(alert.summary), 1_000).replace("<", "‹").replace(">", "›")


def _read(directory: Path) -> dict[str, str]:
    if not directory.is_dir():
        raise SettingsError([f"templates: {directory} is no directory"])
    found: dict[str, str] = {}
    problems: list[str] = []
    for path in sorted(directory.glob("*.j2"))[:50]:
        try:
            if path.stat().st_size > TEMPLATE_BYTES:
                problems.append(f"templates: {path.name} is larger than {TEMPLATE_BYTES >> 10} KiB")
                continue
            found[path.name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"templates: {path.name} cannot be read: {type(error).__name__}")
    for name, text in found.items():
        problems += _syntax(name, text)
    if problems:
        raise SettingsError(problems)
    return found


def _syntax(name: str, text: str) -> list[str]:
    from jinja2 import TemplateSyntaxError

    try:
        environment("chat", {}).parse(text, name)
    except TemplateSyntaxError as error:
        return [f"templates: {name}, line {error.lineno}: {clean(error.message)}"]
    except RecursionError:
        return [f"templates: {name} is nested too deep"]
    return []


_DEFAULT: Final[list[Wording]] = []


def render(n: Notification, form: Form) -> str:
    """The notification in the default words: "title", "chat", "mail_text" or "mail_html"."""
    if not _DEFAULT:
        _DEFAULT.append(Wording())
    return _DEFAULT[0].render(n, form)
