"""An act as a source understood it, before it is known whom it concerns; and the events that come of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec

from processors.decode import Rejected, decode, is_deep
from schemas.common import EXTRA_BYTES_MAX, ID_MAX, TEXT_MAX
from streams.sources.errors import Refused
from streams.sources.times import Clock, rfc3339

_HASHED: Final = 33  # "#" and 32 hex digits
_LIST_MAX: Final = 50
_WORD_MAX: Final = 256
#: `extra` lies one level deep in an event, whose nesting ends at 16.
_EXTRA_DEPTH: Final = 12
_encode = msgspec.json.Encoder().encode


def fit_id(text: str) -> str:
    """The id itself, or, where it is longer than the contract allows, its beginning and a hash of it all."""
    if len(text) <= ID_MAX:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{text[: ID_MAX - _HASHED]}#{digest}"


@dataclass(slots=True)
class Draft:
    """One act. Ids of accounts and objects are whole (`bluesky:did:plc:abc`); `concerns` lists the accounts
    that it may be counted for, the one that it is chiefly about first."""

    event_id: str
    kind: str
    at: dt.datetime
    concerns: tuple[str | None, ...]
    actor: dict[str, Any] | None = None
    op: str = "create"
    clock: Clock = "event"
    object_id: str | None = None
    target: dict[str, Any] | None = None
    text: str | None = None
    lang: str | None = None
    tags: list[str] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    sponsored: dict[str, Any] | None = None
    media_type: str | None = None
    undoes: str | None = None
    metric: str | None = None
    count: int | None = None
    cumulative: bool = True
    extra: dict[str, Any] = field(default_factory=dict)
    raw_ref: str | None = None
    #: Who wrote the post under which it stands, its own author if it is one.
    owners: tuple[str, ...] = ()
    #: Keys under which a later deletion will name this act.
    keys: tuple[str, ...] = ()


def to_events(
    draft: Draft, influencers: list[str], source: str, received: dt.datetime
) -> list[dict[str, Any]]:
    """One event for each influencer that the act concerns, as the worker will take it.

    Raises Refused (`schema`, `clock`) with the contract's own words.
    """
    common = _common(draft, source, received)
    out = []
    for influencer in influencers:
        event = common | {"influencer_id": fit_id(influencer)}
        value = _encode(event)
        try:
            decode(event["influencer_id"].encode(), value, int(received.timestamp() * 1_000))
        except Rejected as rejected:
            first = rejected.errors[0] if rejected.errors else None
            code = "clock" if rejected.reason == "clock" else "schema"
            said = f"{first.message}" if first else rejected.reason
            raise Refused(code, said, first.field if first else "") from None
        out.append(event)
    return out


def _common(draft: Draft, source: str, received: dt.datetime) -> dict[str, Any]:
    text = draft.text
    event: dict[str, Any] = {
        "event_id": fit_id(draft.event_id), "source": source, "kind": draft.kind, "op": draft.op,
        "occurred_at": rfc3339(draft.at), "clock": draft.clock, "actor": _ids(draft.actor),
        "object_id": fit_id(draft.object_id) if draft.object_id else None, "target": _ids(draft.target),
        "text": text[:TEXT_MAX] if text is not None else None,
        "text_truncated": True if text is not None and len(text) > TEXT_MAX else None,
        "lang": draft.lang, "tags": _words(draft.tags), "mentions": _words(draft.mentions),
        "urls": _words(draft.urls), "sponsored": draft.sponsored, "media_type": draft.media_type,
        "undoes": fit_id(draft.undoes) if draft.undoes else None, "metric": draft.metric,
        "count": draft.count, "cumulative": None if draft.cumulative else False,
        "extra": _fit_extra(draft.extra), "raw_ref": draft.raw_ref, "received_at": rfc3339(received),
    }  # fmt: skip
    return {name: value for name, value in event.items() if value is not None and value != []}


def _ids(part: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {
        name: fit_id(value) if name in ("id", "author_id", "parent_id", "root_id") else value
        for name, value in part.items()
        if value is not None
    }


def _words(words: list[str]) -> list[str]:
    return list(dict.fromkeys(word for word in words[:_LIST_MAX] if 0 < len(word) <= _WORD_MAX))


def _fit_extra(extra: dict[str, Any]) -> dict[str, Any] | None:
    """Unknown fields up to the contract's 4 KiB: the small ones first to be kept, the names of the others."""
    if not extra:
        return None
    encoded = _encode(extra)
    if len(encoded) <= EXTRA_BYTES_MAX and not is_deep(encoded, _EXTRA_DEPTH):
        return extra
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    room = EXTRA_BYTES_MAX - 512
    for name, value in sorted(extra.items(), key=lambda item: len(_encode(item[1]))):
        size = len(_encode({name: value}))
        if size > room or is_deep(_encode(value), _EXTRA_DEPTH):
            dropped.append(name[:40])
        else:
            kept[name] = value
            room -= size
    return kept | {"_dropped": dropped[:8]}
