"""Links in messages, from the addresses in `notify.yaml`; what is not set is not shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from streams.receivers.bodies import whole

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from schemas.routing import Links

_PLACE = re.compile(r"\{(partnership_id|influencer_id|brand_id|alert_id)\}")


class LinkMaker:
    """Links of an alert: those that it brings itself, and those of the file on top."""

    def __init__(self, links: Links | None = None) -> None:
        found = {} if links is None else {"dashboard": links.dashboard, "partnership": links.partnership}
        self._templates = {name: text for name, text in found.items() if text}

    def __call__(self, alert: Alert) -> dict[str, str]:
        """Addresses by name; ids are percent-encoded in them."""
        found = {name: url for name, url in alert.links.items() if _harmless(url)}
        for name, text in self._templates.items():
            found[name] = _PLACE.sub(lambda m: quote(whole(str(getattr(alert, m[1]) or "")), safe=""), text)
        return found


def _harmless(url: str) -> bool:
    # "javascript:" and the like have no business in a message, nor has what breaks out of an attribute.
    return bool(re.fullmatch(r"https?://[!#-;=?-\[\]_a-z~%]{1,2000}", url))
