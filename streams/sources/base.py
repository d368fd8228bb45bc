"""What a source is: one small class that turns what a platform sends into events of the contract.

A source knows no network: `parse` takes the bytes of one payload and when they were received, and gives back
events, and reasons for what did not become one. So a gateway, a client, a replay and a test all use the same
code, and the same payload again gives the same event ids.
"""

from __future__ import annotations

import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from processors.decode import is_deep
from streams.sources.abilities import Abilities, not_measurable
from streams.sources.draft import Draft, fit_id, to_events
from streams.sources.errors import LeftOut, Reason, Refused
from streams.sources.index import Index, LocalIndex
from streams.sources.node import Node
from streams.sources.times import http_date

#: Instagram batches 1,000 updates; nobody sends more than this in one piece.
PAYLOAD_BYTES_MAX: Final = 8 * 1024 * 1024
PAYLOAD_DEPTH_MAX: Final = 32
#: Reasons that one payload may bring at most; the others are counted only.
REASONS_MAX: Final = 1_000
#: Here the parser looks for the other half past the end, and calls the payload truncated.
_HALF_AT_END: Final = re.compile(rb'\\u[dD][89abAB][0-9a-fA-F]{2}"[\s\]}]{1,8}\Z')
#: Said before a text by some programs; a parser may pass over it (RFC 8259, 8.1).
BOM: Final = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of one payload. `events` are ready for the topic, in the payload's order."""

    events: tuple[dict[str, Any], ...] = ()
    rejected: tuple[Reason, ...] = ()
    left_out: tuple[Reason, ...] = ()
    forget: tuple[str, ...] = ()
    """Ids of accounts that are gone at their source: what is held of them is to be erased."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Said by a source: this account is gone."""

    account: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """When and how a payload came. Header names are lower case."""

    received: dt.datetime
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def polled(self) -> dt.datetime:
        """When the platform answered our question: its `Date`, or else when we had the answer."""
        said = http_date(self.headers.get("date"))
        return min(said, self.received) if said is not None else self.received


@dataclass(frozen=True, slots=True)
class Options:
    """What a source is told beside its payloads.

    Attributes:
        watched: ids of monitored accounts; None: every act is counted for the account it is chiefly about
            (of an inbox or stream whose account is set: for that).
        account: the source's own account on the platform, where payloads do not name it (`ann` or an id).
        instance: host of the server, where ids are unique only there (Mastodon).
        index: where acts are noted that a deletion names by key alone.
    """

    watched: frozenset[str] | None = None
    account: str | None = None
    instance: str = ""
    index: Index = field(default_factory=LocalIndex)


@dataclass(frozen=True, slots=True)
class Thread:
    """What is known of what is answered.

    Attributes:
        answer: it is itself an answer. root: the post at the top. owners: who wrote that, of those watched.
    """

    answer: bool = False
    root: str | None = None
    owners: tuple[str, ...] = ()


class Source(ABC):
    """Base of all sources. Subclasses say what they are, and give the acts of a payload."""

    #: Name, as `source` of its events and prefix of its ids.
    name: str
    title: str
    #: One line each: where payloads come from; what makes an event id; which times are believed.
    delivery: str
    identity: str
    time: str
    #: Traps that whoever connects it should know.
    notes: tuple[str, ...] = ()
    abilities: Abilities

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    # -- for users ------------------------------------------------------------------------------------------

    def parse(
        self, payload: bytes, received_at: dt.datetime, headers: Mapping[str, str] | None = None
    ) -> Parsed:
        """The events of one payload, and the reasons for what is none. Never raises for what it contains.

        Args:
            payload: as it came over the wire, decompressed.
            received_at: when; with an offset. headers: of the HTTP request or answer, names in any case.
        """
        if received_at.tzinfo is None:
            raise ValueError("received_at needs an offset")
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        arrival = Arrival(received_at.astimezone(dt.UTC), lower)
        events: list[dict[str, Any]] = []
        rejected: list[Reason] = []
        left_out: list[Reason] = []
        forget: list[str] = []
        try:
            for part in self.parts(self.read(payload), arrival):
                try:
                    events += self._events_of(part, arrival, forget)
                except Refused as refused:
                    rejected.append(refused.reason)
                except LeftOut as left:
                    left_out.append(left.reason)
        except Refused as refused:
            rejected.append(refused.reason)
        except LeftOut as left:
            left_out.append(left.reason)
        except Exception as error:  # one payload must not stop the others, whatever is wrong with us
            rejected.append(Reason("unexpected", f"{type(error).__name__}: {error}"[:300]))
        if not (events or rejected or left_out or forget):
            left_out.append(Reason("no_value", "there is nothing in it"))
        return Parsed(
            tuple(events), tuple(rejected[:REASONS_MAX]), tuple(left_out[:REASONS_MAX]), tuple(forget)
        )

    def not_measurable(self) -> dict[str, str]:
        """Part of a signal -> why it cannot be measured from this source alone."""
        return not_measurable(self.abilities)

    # -- for sources ----------------------------------------------------------------------------------------

    def read(self, payload: bytes) -> Any:
        """The payload as plain values; JSON unless a source says otherwise. Raises Refused."""
        return read_json(payload)

    def parts(self, document: Any, arrival: Arrival) -> Iterable[Node]:
        """The pieces of a payload that stand or fall by themselves."""
        if not isinstance(document, dict):
            raise Refused("shape", "should be an object")
        yield Node(document)

    @abstractmethod
    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The acts of one piece. Raises Refused or LeftOut."""

    def account(self, local: str) -> str:
        """Id of an account of this network."""
        return fit_id(f"{self.name}:{local}")

    def nobody(self, object_id: str) -> dict[str, Any]:
        """The actor of an act whose author the platform keeps to itself: one of its own for each act, so
        that nobody seems to come back."""
        return {"id": fit_id(f"{self.name}:anonymous/{object_id}")}

    @property
    def own(self) -> str | None:
        """Id of the account that the payloads belong to, as set in the options."""
        return self.account(self.options.account) if self.options.account else None

    @property
    def watched(self) -> frozenset[str] | None:
        """Accounts for which acts are counted; None: each for the account that it is chiefly about."""
        return self.options.watched

    def known(self, key: str) -> list[dict[str, Any]]:
        """What was noted under a key: event_id, kind, concerns, actor, object_id, target of each act."""
        found = self.options.index.get(f"{self.name}/{key}")
        try:
            noted = [] if found is None else _decode(found)
        except msgspec.DecodeError:
            return []
        return noted if isinstance(noted, list) else []

    def thread(self, key: str, parent: str) -> Thread:
        """The thread in which the act noted under `key`, whose object is `parent`, is answered: networks tell
        whom an answer answers, seldom under whose post it stands."""
        answer, root, owners = False, None, []
        for act in self.known(key):
            target = act["target"] or {}
            answer = answer or act["kind"] in ("comment", "reply", "mention")
            if act["kind"] in ("comment", "reply"):
                root = (
                    root or target.get("root_id") or (target.get("id") if act["kind"] == "comment" else None)
                )
            owners += act.get("thread", [])
        return Thread(answer, root if answer else parent if owners else None, tuple(dict.fromkeys(owners)))

    def undos(self, key: str, event_id: str, at: dt.datetime, **fields: Any) -> Iterator[Draft]:
        """The undo of each act that was noted under `key`. Raises Refused (`unresolved`) if none was."""
        noted = self.known(key)
        if not noted:
            raise Refused("unresolved", f"takes back {key[:120]}, of which nothing is known here")
        for act in noted:
            yield Draft(
                event_id, act["kind"], at, tuple(act["concerns"]), {"id": act["actor"]}, "undo",
                object_id=act["object_id"], target=act["target"], undoes=act["event_id"], **fields,
            )  # fmt: skip

    def concerned(self, draft: Draft) -> list[str]:
        """Accounts for which the act is counted. Raises LeftOut (`not_watched`) if there are none."""
        named = list(dict.fromkeys(account for account in draft.concerns if account))
        watched = self.watched
        found = named[:1] if watched is None else [account for account in named if account in watched]
        if not found:
            raise LeftOut("not_watched", "about " + (", ".join(named)[:200] or "no account that is named"))
        return found

    def _events_of(self, part: Node, arrival: Arrival, forget: list[str]) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        noted: dict[str, list[dict[str, Any]]] = {}
        left: LeftOut | None = None
        for act in self.acts(part, arrival):
            if isinstance(act, Forget):
                forget.append(act.account)
                continue
            try:
                influencers = self.concerned(act)
            except LeftOut as error:
                left = error
                continue
            events += to_events(act, influencers, self.name, arrival.received)
            for key in act.keys:
                noted.setdefault(key, []).append(_brief(act, influencers))
        for key, acts in noted.items():
            self.options.index.put(f"{self.name}/{key}", _encode(acts))
        if left is not None and not events:
            raise left
        return events


def _brief(act: Draft, influencers: list[str]) -> dict[str, Any]:
    return {
        "event_id": act.event_id, "kind": act.kind, "concerns": influencers,
        "actor": act.actor["id"] if act.actor else None, "object_id": act.object_id, "target": act.target,
        "thread": [owner for owner in influencers if owner in act.owners],
    }  # fmt: skip


def read_json(payload: bytes) -> Any:
    """Plain values from JSON. Raises Refused (`too_large`, `encoding`, `depth`, `not_json`)."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise Refused("too_large", f"{len(payload):,} bytes, more than {PAYLOAD_BYTES_MAX:,}")
    payload = payload.removeprefix(BOM)
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        raise Refused("encoding", f"not UTF-8: {error.reason} at byte {error.start}") from None
    if is_deep(payload, PAYLOAD_DEPTH_MAX):
        raise Refused("depth", f"nested deeper than {PAYLOAD_DEPTH_MAX}")
    try:
        return _decode(payload)
    except msgspec.DecodeError as error:
        half = "surrogate" in str(error) or _HALF_AT_END.search(payload)
        code = "encoding" if half else "not_json"
        raise Refused(code, str(error)) from None
