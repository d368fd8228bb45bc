"""Why a payload, or a part of one, did not become an event.

::

    Refused          not readable as what its source sends: counted, named, kept for people to look at
    LeftOut          read and understood, but nothing that Rapport counts (a heartbeat, somebody else's like)

Both end at `Source.parse`, which returns them as reasons; no payload makes it raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Codes of refusals, bounded: they are labels of metrics. Each with what it means.
REFUSED: Final[dict[str, str]] = {
    "too_large": "longer than a payload may be",
    "encoding": "not UTF-8, or half of a surrogate pair",
    "not_json": "not JSON",
    "not_xml": "not XML, or XML with a document type or entities",
    "not_csv": "not a table with a header",
    "depth": "nested too deeply",
    "shape": "another shape than this source's payloads have",
    "missing": "a field is missing that the event needs",
    "clock": "no time that could be right",
    "unresolved": "takes something back of which nothing is known",
    "schema": "what came of it breaks the contract of events",
    "mapping": "an expression of the mapping file failed",
    "token": "the platform refuses the token, or it was withdrawn: renew it",
    "busy": "the platform's limit is used up: ask again later",
    "unexpected": "a mistake in the source's code: please report it",
}
#: Codes of what is left out on purpose.
LEFT_OUT: Final[dict[str, str]] = {
    "not_watched": "concerns no account that is watched",
    "not_engagement": "a message about something else",
    "no_value": "a counter that the platform does not tell",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not. `path` names the field in the payload (empty: all of it)."""

    code: str
    message: str
    path: str = ""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.code}: {where}{self.message}"


class Refused(Exception):  # noqa: N818  (an outcome, not a failure of the program)
    """The payload, or this part of it, is no event. `reason.code` is one of REFUSED."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        self.reason = Reason(code, message[:300], path)
        super().__init__(str(self.reason))


class LeftOut(Exception):  # noqa: N818
    """Understood, and not counted. `reason.code` is one of LEFT_OUT."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        self.reason = Reason(code, message[:300], path)
        super().__init__(str(self.reason))
