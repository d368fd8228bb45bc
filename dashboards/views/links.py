"""Uids and links that several dashboards share."""

from __future__ import annotations

from typing import Any, Final

BOARD: Final = "rapport-board"
PARTNERSHIP: Final = "rapport-partnership"


def to_partnership() -> dict[str, Any]:
    """Link of a table's cell with a partnership's id to its dashboard, with the choice and the time."""
    carried = "&".join(
        f"${{{name}:queryparam}}" for name in ("datasource", "api", "environment", "brand", "window")
    )
    return {
        "title": "This partnership",
        "url": f"/d/{PARTNERSHIP}?var-partnership=${{__value.text:percentencode}}&{carried}"
        "&${__url_time_range}",
    }
