"""What of the state is compared, and what is not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processors.influencer import Influencer, decode_meta
from processors.state.layout import PartitionKeys

#: Fields of the fence that say how often something was claimed, written or shown on the way.
#: `provisional`: readings between boundaries are shown by wall time; their number is no fact of the log.
NOT_COMPARED = frozenset((b"epoch", b"seq", b"provisional"))


def comparable(
    hashes: Mapping[str, Mapping[bytes, bytes]], strings: Mapping[str, bytes], keys: PartitionKeys
) -> dict[str, Any]:
    """Every key of one partition, by its name without the tag, in a form that equal facts share.

    - `ids:<hour>`, `acts:<hour>`: the hour is wall time of arrival. Compared is all of them, in their order.
    - `c:<influencer>`: what still waits for an answer; when the string is written anew depends on the fence.
    - `readings`, `readings:none`: may hold a provisional reading, shown by wall time. What was found at
      boundaries is compared on the readings topic, by (partnership, boundary).
    """
    out: dict[str, Any] = {}
    newest: dict[str, float] = {}
    for key, fields in hashes.items():
        name = _name(key, keys)
        if name is None or name.startswith("readings") or not fields:
            continue
        if name == "fence":
            fields = {field: value for field, value in fields.items() if field not in NOT_COMPARED}
        if name.startswith("i:"):
            newest[name[2:]] = decode_meta(fields[b"meta"]).max_at
        for field, value in fields.items():
            out[f"{name}/{field.decode()}"] = value
    for key, value in sorted(strings.items()):
        name = _name(key, keys)
        if name is None:
            continue
        group, _, rest = name.partition(":")
        if group in ("ids", "acts"):
            out[group] = out.get(group, b"") + value
        elif group == "c" and (waiting := _waiting(rest, value, newest[rest])):
            out[name] = waiting
    return out


def _name(key: str, keys: PartitionKeys) -> str | None:
    return key[len(keys.tag) :] if key.startswith(keys.tag) else None


def _waiting(influencer: str, data: bytes, newest: float) -> tuple[dict[int, int], dict[int, int]] | None:
    inf = Influencer(influencer)
    inf.meta.max_at = newest
    inf.load_comments(data)
    inf._compact_comments(newest)
    return (inf.comments, inf.answers) if inf.comments or inf.answers else None


def unordered(state: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with the ids that were seen in any order. What may be undone is left out: an act and its undo
    are told apart by their order alone."""
    out = dict(state)
    for name, value in state.items():
        if name.endswith(" ids"):
            out[name] = sorted(value[place : place + 8] for place in range(0, len(value), 8))
        elif name.endswith(" acts"):
            del out[name]
    return out
