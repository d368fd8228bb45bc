"""From a body to events: cut into items, each judged by the contract and by what the sender may send.

Pure: bytes in, candidates and verdicts out. The judge is the worker's own decoder, so what is taken in here
is not rejected there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from processors.decode import Event, FieldFault, Rejected, decode
from streams.gateway.answers import Refusal

JSON: Final = "application/json"
NDJSON: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
MEDIA: Final = NDJSON | {JSON}
#: Errors that are told of one event.
_ERRORS_MAX: Final = 5
#: Line ends, or commas, for each event that a body may hold.
_PER_EVENT: Final = 64

Status = Literal["accepted", "duplicate", "rejected"]


class Verdict(msgspec.Struct, omit_defaults=True, gc=False):
    """What became of one event of a request. `index`: its place, from 0."""

    index: int
    status: Status
    event_id: str | None = None
    reason: str | None = None
    errors: tuple[FieldFault, ...] = ()


class Candidate(NamedTuple):
    """An event that may go to Kafka. `place`: in its request, from 0; `mark`: tells that it came before."""

    place: int
    event_id: str
    mark: bytes
    key: bytes
    value: bytes


class _Key(msgspec.Struct, gc=False):
    influencer_id: Annotated[str, msgspec.Meta(min_length=1)]


_key_of = msgspec.json.Decoder(_Key).decode
_items_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
#: What a token may send: None, or the fault in plain words with its field.
Allowed = Callable[[Event], FieldFault | None]


def split(body: bytes, media: str, most: int) -> tuple[list[bytes], bool]:
    """The events of a body, and whether it is a single one (an object, not a list of one).

    Raises Refusal: 400 (no JSON, nothing in it), 413 (more than `most` events).
    """
    # Counted before anything is cut: 32 MiB of line ends or of "1,1,1" would become gigabytes of objects.
    if body.count(b"\n" if media != JSON else b",") > most * _PER_EVENT:
        raise _too_many(most)
    if media != JSON:
        items = [line for line in body.split(b"\n") if line and not line.isspace()]
        single = False
    else:
        head = body.lstrip(b" \t\r\n")
        single = not head.startswith(b"[")
        items = [head.rstrip(b" \t\r\n")] if single else _list_items(head)
    if not items or not items[0]:
        raise Refusal(400, "there is no event in the body", why="request")
    if len(items) > most:
        raise _too_many(most)
    return items, single


def _too_many(most: int) -> Refusal:
    return Refusal(
        413, f"more than {most:,} events in one request", why="size", hint="send several smaller batches"
    )


_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def _list_items(body: bytes) -> list[bytes]:
    try:
        return list(map(bytes, _items_of(body)))
    except (msgspec.DecodeError, RecursionError) as error:
        if not isinstance(error, RecursionError) and _SURROGATE.search(body):
            return _despite_surrogates(body)
        raise _not_json(error) from None


def _despite_surrogates(body: bytes) -> list[bytes]:
    """The items of a list one of which holds half of a surrogate pair, over which the parser stops: cut where
    a copy without any is cut, so that only that one is refused."""
    copy, items, at = _SURROGATE.sub(rb"\\u003f", body), [], 0
    try:
        for item in map(bytes, _items_of(copy)):
            at = copy.index(item, at)
            items.append(body[at : at + len(item)])
            at += len(item)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(error) from None
    return items


def _not_json(error: Exception) -> Refusal:
    why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Refusal(
            400, f"the body is not JSON: {why}", why="request",
            hint="as NDJSON (application/x-ndjson) a broken line does not spoil the others",
        )  # fmt: skip


def judge(
    items: Sequence[bytes], first: int, now_ms: int, allowed: Allowed
) -> tuple[list[Candidate], list[Verdict]]:
    """Those that may go on, and a verdict on each of the others. `first`: index of the first item."""
    good: list[Candidate] = []
    bad: list[Verdict] = []
    for index, item in enumerate(items, first):
        try:
            key: bytes | None = _key_of(item).influencer_id.encode()
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            key = None  # `decode` says what is wrong
        try:
            event = decode(key, item, now_ms)
        except Rejected as rejected:
            bad.append(
                Verdict(index, "rejected", _event_id(item), rejected.reason, rejected.errors[:_ERRORS_MAX])
            )
            continue
        if (fault := allowed(event)) is not None:
            bad.append(Verdict(index, "rejected", event.event_id, "forbidden", (fault,)))
            continue
        good.append(candidate(index, event.influencer_id, event.event_id, item))
    return good, bad


def candidate(place: int, influencer_id: str, event_id: str, value: bytes) -> Candidate:
    """An event on its way; recognised by influencer and event id, as the worker does."""
    key = influencer_id.encode()
    mark = blake2b(key + b"\0" + event_id.encode(), digest_size=8).digest()
    return Candidate(place, event_id, mark, key, value)


class _Named(msgspec.Struct, gc=False):
    event_id: Any = None


_named = msgspec.json.Decoder(_Named).decode


def _event_id(item: bytes) -> str | None:
    """The id that a refused event bears, so that its sender finds it."""
    try:
        found = _named(item).event_id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found[:256] if isinstance(found, str) else None
