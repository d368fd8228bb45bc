"""Bluesky, as Jetstream sends it: one JSON frame per commit, identity or account event.

Shapes: bluesky-social/jetstream, internal/subscribe/encoder.go; records: the lexicons app.bsky.*.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any, Final

from streams.sources.abilities import abilities, each, no
from streams.sources.base import Arrival, Forget, Source
from streams.sources.draft import Draft
from streams.sources.errors import LeftOut, Refused
from streams.sources.node import Node
from streams.sources.times import Clock, happened

POST: Final = "app.bsky.feed.post"
LIKE: Final = "app.bsky.feed.like"
REPOST: Final = "app.bsky.feed.repost"
FOLLOW: Final = "app.bsky.graph.follow"
PROFILE: Final = "app.bsky.actor.profile"
#: What is to be asked for with `wantedCollections`.
COLLECTIONS: Final = (POST, LIKE, REPOST, FOLLOW, PROFILE)
_MEDIA: Final = {"images": "image", "video": "video", "external": "link"}
#: Said of hosts that cannot keep up with an account, not of people who left (com.atproto.sync).
_STILL_THERE: Final = ("desynchronized", "throttled")
_DID: Final = re.compile(r"did:[a-z0-9]{1,32}:[A-Za-z0-9._:%-]{1,200}")
_RKEY: Final = re.compile(r"[A-Za-z0-9._~:-]{1,512}")
_URI: Final = re.compile(r"at://(did:[^/\s]{1,240})/([A-Za-z0-9.-]{1,317})/([A-Za-z0-9._~:-]{1,512})")


class Bluesky(Source):
    """Frames of Jetstream: commits on posts, likes, reposts, follows and profiles; identities, accounts."""

    name: str = "bluesky"
    title: str = "Bluesky (Jetstream)"
    delivery: str = "WebSocket /subscribe of a Jetstream server; no token is needed"
    identity: str = (
        "bluesky/DID/COLLECTION/RKEY/create, …/update/REV, …/delete; a delete carries no record, it is "
        "resolved through what was noted under did, collection and rkey"
    )
    time: str = "createdAt, which the client sets, at most time_us; deletes: time_us"
    notes: tuple[str, ...] = (
        "wantedDids filters the actor, not the subject: to see likes on an influencer all likes are read, "
        "and filtered here.",
        "Identity and account events come whatever collections are asked for.",
        "An account that is not active (deleted, deactivated, suspended, taken down) is to be forgotten.",
    )
    abilities = abilities(
        posts=each(), comments=each(), answers=each(), likes=each(), shares=each(), follows=each(),
        undo=each("deletes of acts that were seen when they were made"),
        saves=no("bookmarks are private"), views=no("the network does not count views"),
        profiles=no("frames carry no facts about the actor: they have to be looked up"),
        attributes=each("the language of the text, no country"),
        followers=no("to be counted from follows, or looked up"), ads=no("the network has no such mark"),
    )  # fmt: skip

    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The acts of one frame."""
        did = part.need("did")
        if not _DID.fullmatch(did):
            raise Refused("shape", "is no DID", "did")
        sent = part.time("time_us", "us")
        if sent is None:
            raise Refused("clock", "`time_us` should be microseconds since 1970", "time_us")
        kind = part.text("kind")
        part.skip("cursor", "kind")
        if kind == "commit":
            yield from self._commit(part, did, sent, arrival)
        elif kind in ("identity", "account"):
            yield from self._account_event(part, kind, did, sent, arrival)
        elif kind in ("sync", "info"):
            raise LeftOut("not_engagement", f"a frame of kind {kind}")
        else:
            raise Refused("shape", "`kind` should be commit, identity or account", "kind")

    def _account_event(
        self, part: Node, kind: str, did: str, sent: dt.datetime, arrival: Arrival
    ) -> Iterator[Draft | Forget]:
        told = part.node(kind)
        told.skip("did", "time")
        who = self.account(did)
        actor: dict[str, Any] = {"id": who}
        handle, active, status = told.text("handle"), told.flag("active"), told.text("status")
        if handle:
            actor["handle"] = handle
        extra = part.rest()
        if active is not None:
            extra |= {"account_active": active, "account_status": status or ("active" if active else "gone")}
        if active is False and status not in _STILL_THERE:
            yield Forget(who)
        at, _ = happened(None, sent, arrival.received)
        seq = told.id("seq") or str(part.number("time_us"))
        yield Draft(
            f"bluesky/{did}/{kind}/{seq}", "profile", at, (who,), actor, clock="send",
            extra={name: value for name, value in extra.items() if value != {}},
        )  # fmt: skip

    def _commit(self, part: Node, did: str, sent: dt.datetime, arrival: Arrival) -> Iterator[Draft]:
        commit = part.node("commit")
        if not commit:
            raise Refused("missing", "`commit` is needed", "commit")
        collection, rkey, operation = commit.need("collection"), commit.need("rkey"), commit.text("operation")
        commit.skip("cid", "record")
        if collection not in COLLECTIONS:
            raise LeftOut("not_engagement", f"a record of {collection[:100]}")
        if not _RKEY.fullmatch(rkey):
            raise Refused("shape", "is no record key", "commit.rkey")
        key = f"{did}/{collection}/{rkey}"
        if operation == "delete":
            yield from self._delete(key, did, collection, sent, arrival)
            return
        if operation not in ("create", "update"):
            raise Refused("shape", "should be create, update or delete", "commit.operation")
        record = commit.node("record")
        if not record:
            raise Refused("missing", "a create has its record", "commit.record")
        at, clock = happened(record.time("createdAt"), sent, arrival.received)
        rev = commit.text("rev")
        event_id = f"bluesky/{key}/create"
        if operation == "update":
            at, clock = happened(None, sent, arrival.received)
            event_id = f"bluesky/{key}/update/{rev or part.number('time_us')}"
        made = _Made(did, collection, rkey, event_id, operation, at, clock)
        record.skip("$type")
        drafts = list(self._post(record, made) if collection == POST else self._other(record, made))
        extra = part.rest() | commit.rest() | record.rest()
        extra.pop("commit", None)
        for draft in drafts:
            draft.extra = extra
            draft.keys = (key,) if operation == "create" else ()  # a deletion names the creation
            yield draft

    def _delete(
        self, key: str, did: str, collection: str, sent: dt.datetime, arrival: Arrival
    ) -> Iterator[Draft]:
        at, _ = happened(None, sent, arrival.received)
        event_id = f"bluesky/{key}/delete"
        who, watched = self.account(did), self.options.watched
        if collection == PROFILE:
            raise LeftOut("not_engagement", "a profile was emptied")
        if not self.known(key) and watched is not None and who in watched:
            kind = {POST: "post", LIKE: "like", REPOST: "share", FOLLOW: "follow"}[collection]
            uri = f"at://{key}"
            yield Draft(  # the account's own act concerns it, whatever its subject was
                event_id, kind, at, (who,), {"id": who}, "undo", "send",
                object_id=uri, undoes=f"bluesky/{key}/create",
            )  # fmt: skip
            return
        yield from self.undos(key, event_id, at, clock="send")

    def _other(self, record: Node, made: _Made) -> Iterator[Draft]:
        """Likes, reposts, follows, profiles."""
        who = self.account(made.did)
        common: dict[str, Any] = {"op": made.operation, "clock": made.clock, "object_id": made.uri}
        if made.collection == PROFILE:
            actor = {
                "id": who, "has_bio": bool(record.text("description")),
                "has_avatar": bool(record.raw("avatar")),
            }  # fmt: skip
            record.skip("avatar", "banner", "createdAt")
            yield Draft(made.event_id, "profile", made.at, (who,), actor, clock=made.clock)
            return
        if made.collection == FOLLOW:
            subject = record.text("subject") or record.node("subject").text("did")  # old lexicon: {did}
            if subject is None or not _DID.fullmatch(subject):
                raise Refused("shape", "a follow's subject is a DID", "commit.record.subject")
            followed = self.account(subject)
            target = {"id": followed, "type": "account", "author_id": followed}
            yield Draft(
                made.event_id, "follow", made.at, (followed, who), {"id": who}, target=target, **common
            )
            return
        subject = record.node("subject").need("uri")
        record.node("subject").skip("cid")
        author, of = _author(subject, "commit.record.subject.uri")
        if of != POST:
            raise LeftOut("not_engagement", f"about a record of {of[:100]}")
        target = {"id": subject, "type": "post", "author_id": self.account(author)}
        kind = "like" if made.collection == LIKE else "share"
        yield Draft(
            made.event_id, kind, made.at, (self.account(author), who), {"id": who}, target=target, **common
        )

    def _post(self, record: Node, made: _Made) -> Iterator[Draft]:
        who = self.account(made.did)
        text, langs = record.text("text"), record.texts("langs")
        tags, mentioned, urls = _facets(record)
        media, card = _embedded(record)
        urls += [card] if card is not None and card not in urls else []
        tags += record.texts("tags")
        common: dict[str, Any] = {
            "actor": {"id": who}, "op": made.operation, "clock": made.clock, "object_id": made.uri,
            "text": text, "lang": langs[0] if langs else None, "tags": tags,
            "mentions": [self.account(did) for did in mentioned], "urls": urls, "media_type": media,
        }  # fmt: skip
        told: set[str] = {who}
        reply = record.node("reply")
        quoted = _quoted(record)
        if reply:
            parent, root = reply.node("parent").need("uri"), reply.node("root").need("uri")
            reply.node("parent").skip("cid")
            reply.node("root").skip("cid")
            of_parent = self.account(_author(parent, "commit.record.reply.parent.uri")[0])
            of_root = self.account(_author(root, "commit.record.reply.root.uri")[0])
            kind = "comment" if parent == root else "reply"
            target = {
                "id": parent, "type": "post" if parent == root else "comment", "author_id": of_parent,
                "parent_id": parent, "root_id": root,
            }  # fmt: skip
            told |= {of_root, of_parent}
            yield Draft(made.event_id, kind, made.at, (of_root, of_parent, who), target=target, **common)
        elif quoted is None:
            yield Draft(made.event_id, "post", made.at, (who,), **common)
        if quoted is not None:
            of_quoted = self.account(_author(quoted, "commit.record.embed")[0])
            target = {"id": quoted, "type": "post", "author_id": of_quoted}
            if of_quoted not in told:
                yield Draft(made.event_id, "quote", made.at, (of_quoted,), target=target, **common)
            if not reply:  # on the quoting account it is a post like any other
                yield Draft(made.event_id, "post", made.at, (who,), target=target, **common)
            told.add(of_quoted)
        for name in dict.fromkeys(common["mentions"]):
            if name not in told:
                target = {"id": name, "type": "account", "author_id": name}
                yield Draft(made.event_id, "mention", made.at, (name,), target=target, **common)


class _Made:
    """Where a record stands, and when it was made."""

    __slots__ = ("at", "clock", "collection", "did", "event_id", "operation", "uri")

    def __init__(
        self, did: str, collection: str, rkey: str, event_id: str, operation: str, at: dt.datetime,
        clock: Clock,
    ) -> None:  # fmt: skip
        self.did, self.collection, self.event_id = did, collection, event_id
        self.operation, self.at, self.clock = operation, at, clock
        self.uri = f"at://{did}/{collection}/{rkey}"


def _author(uri: str, path: str) -> tuple[str, str]:
    """(DID, collection) of an at-URI. Raises Refused."""
    match = _URI.fullmatch(uri)
    if match is None or not _DID.fullmatch(match[1]):
        raise Refused("shape", "should be at://DID/COLLECTION/RKEY", path)
    return match[1], match[2]


def _quoted(record: Node) -> str | None:
    """The post that is quoted: alone, or beside pictures."""
    embed = record.node("embed")
    inner = embed.node("record")
    uri = inner.raw("uri") or inner.node("record").raw("uri")
    match = _URI.fullmatch(uri) if isinstance(uri, str) else None
    return uri if match is not None and match[2] == POST and _DID.fullmatch(match[1]) else None


def _embedded(record: Node) -> tuple[str | None, str | None]:
    """(kind of media, address of a link card): a link is often only in its card, not in the text."""
    embed = record.node("embed")
    media = embed.node("media") or embed
    kind = _MEDIA.get(str(media.raw("$type")).removeprefix("app.bsky.embed."))
    uri = media.node("external").raw("uri")
    return kind, uri if isinstance(uri, str) and uri.startswith(("http://", "https://")) else None


def _facets(record: Node) -> tuple[list[str], list[str], list[str]]:
    """(tags, mentioned DIDs, links) of a rich text."""
    tags: list[str] = []
    mentioned: list[str] = []
    urls: list[str] = []
    for facet in record.nodes("facets")[:100]:
        facet.skip("index", "$type")
        for feature in facet.nodes("features")[:10]:
            feature.skip("$type")
            if tag := feature.text("tag"):
                tags.append(tag)
            elif (did := feature.text("did")) and _DID.fullmatch(did):
                mentioned.append(did)
            elif uri := feature.text("uri"):
                urls.append(uri)
    return tags, mentioned, urls
