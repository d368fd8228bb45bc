"""Variables in queries, filled in as Grafana does when everything is chosen."""

from __future__ import annotations

import re
from typing import Final

NAMED: Final = re.compile(r"\$\{?(\w+)(?::\w+)?\}?")
#: An hour is shown, and a rate looks at a minute.
_VALUES: Final = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h", "window": "1h"}


def filled(text: str, **chosen: str) -> str:
    """`chosen`: values of variables that shall differ; all others are "all"."""
    values = _VALUES | chosen
    return NAMED.sub(lambda match: values.get(match[1], ".*"), text)
