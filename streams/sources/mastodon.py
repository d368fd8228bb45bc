"""Mastodon, as its streaming API sends it: WebSocket frames or server-sent events.

The payload is a JSON string inside the event. Shapes: mastodon/documentation methods/streaming.md,
entities/Status.md, Account.md, Notification.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from streams.sources.abilities import abilities, each, no
from streams.sources.base import Arrival, Forget, Source, read_json
from streams.sources.draft import Draft, fit_id
from streams.sources.errors import LeftOut, Refused
from streams.sources.html import links, plain
from streams.sources.node import Node
from streams.sources.times import happened

_STATUS_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
#: What a status says about the server or the reader, not about the act.
_NOT_KEPT: Final = (
    "account", "reblog", "uri", "url", "card", "emojis", "media_attachments", "favourited", "reblogged",
    "muted", "bookmarked", "pinned", "filtered", "application", "in_reply_to_id", "in_reply_to_account_id",
    "content", "edited_at", "quote", "mentions", "tags", "visibility", "sensitive",
)  # fmt: skip


class Mastodon(Source):
    """Events of a stream: update, status.update, delete, notification."""

    name: str = "mastodon"
    title: str = "Mastodon (streaming)"
    delivery: str = "WebSocket or SSE of a server; favourites and follows need the influencer's token"
    identity: str = (
        "mastodon/HOST/STATUS/create, …/update/EDITED, …/delete; favourites, boosts and follows by who and "
        "what, so that two streams that tell of the same act agree"
    )
    time: str = "created_at or edited_at, at most the time of receipt; deletes: time of receipt"
    notes: tuple[str, ...] = (
        "Favourites and follows come only on the influencer's own token (user:notification).",
        "There are no unfavourite and no unfollow events: such counts only grow.",
        "Ids hold on one server only: set the option instance; notifications also need the own account's id.",
        "Direct messages come on the same stream and are left out; of followers-only posts the text is.",
    )
    abilities = abilities(
        posts=each(), comments=each(), answers=each(), likes=each("with the influencer's own token"),
        shares=each(), follows=each("with the influencer's own token"),
        undo=no("deleted posts only: no unfavourite and no unfollow events exist"),
        saves=no("bookmarks are private"), views=no("the network does not count views"), profiles=each(),
        attributes=each("the language of the text, no country"), followers=each(),
        ads=no("the network has no such mark"),
    )  # fmt: skip

    def read(self, payload: bytes) -> Any:
        """A frame, or the `event:` and `data:` lines of one server-sent event."""
        if payload[:6] in (b"event:", b"data: ") or payload[:1] == b":":
            return _server_sent(payload)
        return read_json(payload)

    def parts(self, document: Any, arrival: Arrival) -> Iterable[Node]:
        """The event with its payload read."""
        if not isinstance(document, dict) or not isinstance(document.get("event"), str):
            raise Refused("shape", "should be an object with `event` and `payload`")
        event, payload = document["event"], document.get("payload")
        if event in ("update", "status.update", "notification"):
            if isinstance(payload, str):
                payload = read_json(payload.encode("utf-8", "surrogatepass"))
            if not isinstance(payload, dict):
                raise Refused("shape", "should be an object, as a JSON string", "payload")
            yield Node({"event": event, "payload": payload})
        elif event == "delete":
            if not isinstance(payload, str | int) or not _STATUS_ID.fullmatch(str(payload)):
                raise Refused("shape", "should be the id of a status", "payload")
            yield Node({"event": event, "id": str(payload)})
        else:
            raise LeftOut("not_engagement", f"an event {event[:60]}")

    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The acts of one event."""
        event = part.text("event")
        if event == "delete":
            status = part.need("id")
            at, _ = happened(None, None, arrival.received)
            yield from self.undos(status, f"{self._id(status)}/delete", at, clock="send")
        elif event == "notification":
            yield from self._notification(part.node("payload"), arrival)
        else:
            yield from self._status(part.node("payload"), arrival, edited=event == "status.update")

    # -- statuses -------------------------------------------------------------------------------------------

    def _status(self, status: Node, arrival: Arrival, *, edited: bool) -> Iterator[Draft]:
        status_id = status.need("id")
        actor = self._actor(status.node("account"))
        if status.raw("visibility") == "direct":
            raise LeftOut("not_engagement", "a direct message")
        at, clock = happened(status.time("created_at"), None, arrival.received)
        reblog = status.node("reblog")
        if reblog:
            yield self._share(reblog, actor, at, clock, key=status_id)
            return
        event_id, op = f"{self._id(status_id)}/create", "create"
        if edited:
            at, clock = happened(status.time("edited_at"), None, arrival.received)
            revision = status.raw("edited_at")
            event_id = f"{self._id(status_id)}/update/{revision if isinstance(revision, str) else ''}"
            op = "update"
        content = status.text("content") if status.raw("visibility") != "private" else None
        mentioned = [(self._local(one), one.text("acct")) for one in status.nodes("mentions")[:50]]
        common: dict[str, Any] = {
            "actor": actor, "op": op, "clock": clock, "object_id": self._id(status_id),
            "text": plain(content) if content else None, "lang": status.text("language"),
            "tags": [tag for one in status.nodes("tags")[:50] if (tag := one.text("name"))],
            # Both as people write it and as partnerships name accounts.
            "mentions": [name for one in mentioned for name in reversed(one) if name],
            "urls": links(content) if content else [],
            "keys": (status_id,) if op == "create" else (), "media_type": _media(status),
        }  # fmt: skip
        told = {actor["id"]}
        parent, parent_author = status.id("in_reply_to_id"), status.id("in_reply_to_account_id")
        status.skip(*_NOT_KEPT)
        common["extra"] = status.rest()
        if parent:
            author = self._account_id(parent_author) if parent_author else None
            thread = self.thread(parent, self._id(parent))
            target = {"id": self._id(parent), "type": "comment" if thread.answer else "post",
                      "author_id": author, "parent_id": self._id(parent), "root_id": thread.root}  # fmt: skip
            told |= {author or "", *thread.owners}
            common["owners"] = thread.owners if thread.answer or not author else (author,)
            kind, concerns = "reply" if thread.answer else "comment", (*thread.owners, author, actor["id"])
            yield Draft(event_id, kind, at, concerns, target=target, **common)
        else:
            common["owners"] = (actor["id"],)
            yield Draft(event_id, "post", at, (actor["id"],), **common)
        quoted = status.node("quote").node("quoted_status")
        if (of := quoted.id("id")) and (by := quoted.node("account").id("id")):
            author = self._account_id(by)
            if author not in told:  # on the quoting account it is a post like any other
                told.add(author)
                target = {"id": self._id(of), "type": "post", "author_id": author}
                yield Draft(event_id, "quote", at, (author,), target=target, **common)
        for account in dict.fromkeys(account for account, _ in mentioned if account):
            if account not in told:
                target = {"id": account, "type": "account", "author_id": account}
                yield Draft(event_id, "mention", at, (account,), target=target, **common)

    def _share(self, of: Node, actor: dict[str, Any], at: Any, clock: Any, key: str | None = None) -> Draft:
        original = of.need("id")
        author = self._account_id(of.node("account").need("id"))
        target = {"id": self._id(original), "type": "post", "author_id": author}
        return Draft(
            self._by("share", actor, original), "share", at, (author, actor["id"]), actor, clock=clock,
            object_id=self._id(key) if key else None, target=target, keys=(key,) if key else (),
        )  # fmt: skip

    # -- notifications --------------------------------------------------------------------------------------

    def _notification(self, told: Node, arrival: Arrival) -> Iterator[Draft]:
        kind = told.need("type")
        at, clock = happened(told.time("created_at"), None, arrival.received)
        status = told.node("status")
        if kind in ("mention", "status", "update", "quote"):
            if kind == "quote":
                yield from self._quote(status, arrival)
            else:
                yield from self._status(status, arrival, edited=kind == "update")
            return
        if kind not in ("favourite", "reblog", "follow"):
            raise LeftOut("not_engagement", f"a notification of type {kind[:60]}")
        actor = self._actor(told.node("account"))
        if kind == "reblog":
            yield self._share(status.node("reblog") or status, actor, at, clock)
        elif kind == "favourite":
            liked = status.need("id")
            author = self._account_id(status.node("account").need("id"))
            target = {"id": self._id(liked), "type": "post", "author_id": author}
            yield Draft(
                self._by("like", actor, liked), "like", at, (author, actor["id"]), actor, clock=clock,
                target=target,
            )  # fmt: skip
        else:
            own = self._own()
            target = {"id": own, "type": "account", "author_id": own}
            yield Draft(
                self._by("follow", actor, own), "follow", at, (own, actor["id"]), actor, clock=clock,
                target=target,
            )  # fmt: skip

    def _quote(self, status: Node, arrival: Arrival) -> Iterator[Draft]:
        actor = self._actor(status.node("account"))
        status_id = status.need("id")
        quoted = status.node("quote").node("quoted_status")
        if not quoted:
            raise LeftOut("not_engagement", "a quote that is not accepted, or was taken back")
        original = quoted.need("id")
        author = self._account_id(quoted.node("account").need("id"))
        at, clock = happened(status.time("created_at"), None, arrival.received)
        content = status.text("content")
        yield Draft(
            f"{self._id(status_id)}/create", "quote", at, (author, actor["id"]), actor, clock=clock,
            object_id=self._id(status_id), text=plain(content) if content else None,
            lang=status.text("language"), keys=(status_id,),
            target={"id": self._id(original), "type": "post", "author_id": author},
        )  # fmt: skip

    # -- ids and accounts -----------------------------------------------------------------------------------

    def _id(self, status: str) -> str:
        return f"mastodon/{self.options.instance or 'server'}/{status}"

    def _by(self, what: str, actor: dict[str, Any], of: str) -> str:
        return fit_id(f"mastodon/{self.options.instance or 'server'}/{what}/{actor['id']}/{of}")

    def _account_id(self, local: str) -> str:
        instance = self.options.instance
        return self.account(f"{instance}/{local}" if instance else local)

    def _local(self, one: Node) -> str | None:
        local = one.id("id")
        return self._account_id(local) if local else None

    @property
    def watched(self) -> frozenset[str] | None:
        """A stream is one account's: what it hears of others is not counted for them."""
        told = super().watched
        return frozenset([self._own()]) if told is None and self.options.account else told

    def _own(self) -> str:
        if not self.options.account:
            raise Refused("missing", "a follow does not say whom: set the option `account` to the own id")
        return self._account_id(self.options.account)

    def _actor(self, account: Node) -> dict[str, Any]:
        """Who acted, with the facts that come with every event."""
        acct, note, avatar = account.text("acct"), account.text("note"), account.text("avatar")
        made = account.time("created_at")
        if acct and "@" not in acct and self.options.instance:
            acct = f"{acct}@{self.options.instance}"
        facts = {
            "id": self._account_id(account.need("id")), "handle": acct,
            "followers": account.count("followers_count"), "following": account.count("following_count"),
            "posts": account.count("statuses_count"), "created_at": made.isoformat() if made else None,
            "has_avatar": "missing.png" not in avatar if avatar else None,
            "has_bio": bool(plain(note)) if note is not None else None, "bot": account.flag("bot"),
        }  # fmt: skip
        return {name: value for name, value in facts.items() if value is not None}


def _media(status: Node) -> str | None:
    return next((kind for one in status.nodes("media_attachments") if (kind := one.text("type"))), None)


def _server_sent(payload: bytes) -> dict[str, Any]:
    """`event:` and `data:` lines as a frame; comments are heartbeats."""
    event, data = None, []
    try:
        lines = payload.decode().splitlines()
    except UnicodeDecodeError as error:
        raise Refused("encoding", f"not UTF-8: {error.reason} at byte {error.start}") from None
    for line in lines:
        name, _, value = line.partition(":")
        if name == "event":
            event = value.strip()
        elif name == "data":
            data.append(value.removeprefix(" "))
    if event is None:
        raise LeftOut("not_engagement", "a heartbeat")
    return {"event": event, "payload": "\n".join(data)}
