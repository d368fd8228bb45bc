"""What `push` did, or would do; and how what is there differs from what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["folder", "datasource", "dashboard", "contact_point", "rules"]
Action = Literal["create", "update", "unchanged", "provisioned", "skipped"]
_MAX_DIFFERENCES: Final = 20


@dataclass(frozen=True, slots=True)
class Change:
    """What was done (or, dry, would be done) to one thing in Grafana.

    Attributes:
        action: `provisioned`: it differs, but comes from a file, so only that file can change it. `skipped`:
            it could not be made, and all else does without it.
        differences: paths of what differs, e.g. `panels[3].title`; at most 20.
        note: what to do, for people; "" mostly.
    """

    kind: Kind
    uid: str
    title: str
    action: Action
    differences: tuple[str, ...] = ()
    note: str = ""


def differences(wanted: object, present: object, path: str = "") -> tuple[str, ...]:
    """Paths at which `present` is not what is wanted.

    Keys that only `present` has do not count, since Grafana adds its own (id, version, defaults) on saving;
    lists must be of one length. So what somebody changed or removed by hand is seen, and every addition to a
    list (a panel, a query, a variable).
    """
    found: list[str] = []
    if isinstance(wanted, Mapping) and isinstance(present, Mapping):
        for key, value in wanted.items():
            here = f"{path}.{key}" if path else str(key)
            if key in present:
                found += differences(value, present[key], here)
            elif value not in (None, "", [], {}, False):  # Grafana drops what is empty
                found.append(here)
    elif isinstance(wanted, list) and isinstance(present, list) and len(wanted) == len(present):
        for index, (ours, theirs) in enumerate(zip(wanted, present, strict=True)):
            found += differences(ours, theirs, f"{path}[{index}]")
    elif wanted != present:
        found.append(path)
    return tuple(found[:_MAX_DIFFERENCES])
