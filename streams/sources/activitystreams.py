"""W3C ActivityStreams 2.0, as ActivityPub servers deliver it to an inbox: one activity per payload.

Every value may be a string, an object, or an array of both. Vocabulary: w3c/activitystreams.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Set
from typing import Any, Final
from urllib.parse import urlsplit

from streams.sources.abilities import abilities, each, no
from streams.sources.activity import (
    beginnings,
    is_elsewhere,
    key_of,
    lang_of,
    names_another,
    ref_of,
    refs_of,
    type_of,
)
from streams.sources.base import Arrival, Forget, Source
from streams.sources.draft import Draft, fit_id
from streams.sources.errors import LeftOut, Refused
from streams.sources.html import links, plain
from streams.sources.node import Node
from streams.sources.times import Clock, happened

_SIMPLE: Final = {
    "Like": "like", "EmojiReact": "like", "Announce": "share", "View": "view", "Read": "view",
    "Listen": "view", "Add": "save", "Flag": "report", "Dislike": "report", "Block": "report",
}  # fmt: skip
_MADE: Final = {
    "Note", "Article", "Video", "Image", "Audio", "Page", "Question", "Event", "Document", "Tombstone",
}  # fmt: skip
_ACCOUNTS: Final = {"Person", "Service", "Application", "Group", "Organization"}
#: Sent to whom the object belongs only; others also to those who follow who acts.
_TO_AUTHOR: Final = {"Like", "EmojiReact", "Dislike", "Add", "View", "Read", "Listen"}
_QUOTES: Final = ("quote", "quoteUrl", "quoteUri", "_misskey_quote")
_PUBLIC: Final = {"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"}


class ActivityStreams(Source):
    """Activities of an inbox: Create, Update, Delete, Like, Announce, Follow, Add, View, Undo, Flag."""

    name: str = "activitystreams"
    title: str = "ActivityStreams 2.0 (ActivityPub inbox)"
    delivery: str = "POST to an inbox, one activity each; the HTTP signature is the server's to check"
    identity: str = (
        "the activity's id; of what was made OBJECT/create, so that a Delete can name it; without an id: "
        "type, actor, object"
    )
    time: str = "published, or updated of an Update, at most the time of receipt; else that"
    notes: tuple[str, ...] = (
        "An activity does not say who wrote the object that it is about: this is known where the object was "
        "seen or its address begins with an account's; else it is the inbox's account (option account), "
        "where it is addressed to it or sent to nobody else.",
        "A Relationship says who knows whom; ties are configured with the partnership instead.",
        "What is addressed to single accounts only is a message and is left out.",
    )
    abilities = abilities(
        posts=each(), comments=each(), answers=each(), likes=each(), shares=each(),
        saves=each("where the server sends Add"), views=each("where the server sends View, Read or Listen"),
        follows=each(), undo=each(),
        profiles=no("only where the actor is sent as an object, which is rare"),
        attributes=each("the language of the text, no country"),
        followers=no("to be counted from follows, or looked up"), ads=no("the vocabulary has no such mark"),
    )  # fmt: skip

    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The act of one activity."""
        kind = type_of(part)
        part.skip("@context", "signature", "to", "cc", "bto", "bcc", "audience", "type")
        if kind == "Relationship" or type_of(part.node("object")) == "Relationship":
            raise LeftOut("not_engagement", "a Relationship: name employees in the partnership instead")
        if kind in ("Create", "Update"):
            yield from self._made(part, kind, arrival)
        elif kind == "Delete":
            yield from self._delete(part, arrival)
        elif kind == "Undo":
            yield from self._undo(part, arrival)
        elif kind == "Follow" or kind in _SIMPLE:
            yield self._simple(part, kind, arrival, "create")
        elif not kind:
            raise Refused("missing", "an activity has its type", "type")
        else:
            raise LeftOut("not_engagement", f"an activity of type {kind[:60]}")

    # -- kinds of activities --------------------------------------------------------------------------------

    def _made(self, part: Node, kind: str, arrival: Arrival) -> Iterator[Draft]:
        thing = part.node("object")
        if not thing:
            raise Refused("shape", f"the object of a {kind} should be an object", "object")
        what = type_of(thing)
        if what in _ACCOUNTS:
            yield self._profile(part, thing, arrival)
            return
        if what not in _MADE:
            raise LeftOut("not_engagement", f"{kind} of {what[:60] or 'something without a type'}")
        object_id, actor = thing.need("id"), self._actor(part)
        addressed = {*refs_of(part, "to"), *refs_of(part, "cc"), *refs_of(thing, "to"), *refs_of(thing, "cc")}
        if addressed and not addressed & _PUBLIC and not any(one.endswith("/followers") for one in addressed):
            raise LeftOut("not_engagement", "addressed to single accounts: a message")
        event_id, op = f"activitystreams/{object_id}/create", "create"
        at, clock = self._when(thing, part, arrival)
        if kind == "Update":
            op, event_id = "update", f"activitystreams/{part.id('id') or object_id + '/update'}"
            at, clock = happened(thing.time("updated") or part.time("published"), None, arrival.received)
        content = thing.text("content") if not addressed or addressed & _PUBLIC else None
        tags = thing.nodes("tag")[:100]
        mentioned = [href for tag in tags if type_of(tag) == "Mention" and (href := tag.text("href"))]
        common: dict[str, Any] = {
            "actor": actor, "op": op, "clock": clock, "object_id": object_id,
            "text": plain(content) if content else None, "lang": lang_of(thing),
            "tags": [
                name.lstrip("#") for tag in tags if type_of(tag) == "Hashtag" and (name := tag.text("name"))
            ],
            "mentions": [*map(self.account, mentioned)], "urls": links(content) if content else [],
            "keys": (object_id,) if op == "create" else (), "media_type": what.lower(),
        }  # fmt: skip
        parent, root = ref_of(thing, "inReplyTo"), ref_of(thing, "context")
        quoted = next((found for name in _QUOTES if (found := ref_of(thing, name))), None)
        thing.skip("inReplyTo", "context", "conversation", "to", "cc", "url", "attributedTo", "contentMap",
                   "content", "tag", "type", "atomUri", "inReplyToAtomUri", *_QUOTES)  # fmt: skip
        common["extra"] = part.rest()
        common["extra"].pop("actor", None)
        told = {actor["id"]}
        named = addressed | {*mentioned}
        if parent:
            author = self._author(parent, named) or next(
                (self.account(one) for one in mentioned if not is_elsewhere(parent, one)), None
            )
            thread = self.thread(parent, parent)
            target = {"id": parent, "type": "comment" if thread.answer else "post", "author_id": author,
                      "parent_id": parent, "root_id": thread.root or root}  # fmt: skip
            told |= {author or "", *thread.owners}
            common["owners"] = thread.owners if thread.answer or not author else (author,)
            yield Draft(event_id, "reply" if thread.answer else "comment", at,
                        (*thread.owners, author, actor["id"]), target=target, **common)  # fmt: skip
        else:
            common["owners"] = (actor["id"],)
            yield Draft(event_id, "post", at, (actor["id"],), **common)
        if quoted and (author := self._author(quoted, named)) is not None and author not in told:
            told.add(author)
            target = {"id": quoted, "type": "post", "author_id": author}
            yield Draft(event_id, "quote", at, (author,), target=target, **common)
        for account in dict.fromkeys(map(self.account, mentioned[:50])):
            if account not in told:
                target = {"id": account, "type": "account", "author_id": account}
                yield Draft(event_id, "mention", at, (account,), target=target, **common)

    def _profile(self, part: Node, thing: Node, arrival: Arrival) -> Draft:
        at, clock = happened(thing.time("updated") or part.time("published"), None, arrival.received)
        facts = self._facts(thing)
        event_id = part.id("id") or f"{thing.need('id')}/profile/{at.isoformat()}"
        return Draft(f"activitystreams/{event_id}", "profile", at, (facts["id"],), facts, clock=clock)

    def _simple(self, part: Node, kind: str, arrival: Arrival, op: str) -> Draft:
        actor = self._actor(part)
        of = ref_of(part, "object")
        if of is None:
            raise Refused("missing", f"a {kind} has its object", "object")
        if kind == "Add" and (ref_of(part, "target") or "").endswith(("/featured", "/tags/featured")):
            raise LeftOut("not_engagement", "a post that its author pins")
        at, clock = self._when(part, part, arrival)
        if kind == "Follow":
            followed = self.account(of)
            whom = {"id": followed, "type": "account", "author_id": followed}
            return Draft(
                self._activity_id(part, kind, actor, of), "follow", at, (followed, actor["id"]), actor, op,
                clock, target=whom, keys=key_of(part),
            )  # fmt: skip
        named, alone = {*refs_of(part, "to"), *refs_of(part, "cc")}, kind in _TO_AUTHOR
        alone = alone and actor["id"] != self.own  # one's own are not sent to oneself
        author = self._named_author(part) or self._author(of, named, alone=alone)
        concerns: tuple[str | None, ...] = (author, actor["id"])
        if _SIMPLE[kind] == "report":  # names accounts and what they made; it concerns no reporter
            concerns = (author, *map(self.account, refs_of(part, "object")))
        target: dict[str, Any] = {"id": of, "type": "post", "author_id": author}
        return Draft(
            self._activity_id(part, kind, actor, of), _SIMPLE[kind], at, concerns, actor, op,
            clock, target=target, keys=key_of(part),
        )  # fmt: skip

    def _undo(self, part: Node, arrival: Arrival) -> Iterator[Draft]:
        actor = self._actor(part)
        at, clock = self._when(part, part, arrival)
        inner = part.node("object")
        undone = inner.id("id") if inner else ref_of(part, "object")
        event_id = f"activitystreams/{part.id('id') or f'{undone}/undo'}"
        if undone and (noted := self.known(undone)):
            if any(one["actor"] != actor["id"] for one in noted):
                raise Refused("shape", "somebody else's act cannot be undone", "actor")
            yield from self.undos(undone, event_id, at, clock=clock)
            return
        kind = type_of(inner)
        if kind != "Follow" and kind not in _SIMPLE:
            raise Refused(
                "unresolved", f"takes back {(undone or kind or 'something')[:120]}, which is not known"
            )
        draft = self._simple(inner, kind, arrival, "undo")
        draft.undoes = draft.event_id if undone else None  # else same actor, kind and target name it
        if draft.actor is not None and draft.actor["id"] != actor["id"]:
            raise Refused("shape", "somebody else's act cannot be undone", "object.actor")
        draft.event_id, draft.at, draft.clock, draft.keys = event_id, at, clock, ()
        yield draft

    def _delete(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        actor = self._actor(part)
        gone = ref_of(part, "object")
        if gone is None:
            raise Refused("missing", "a Delete has its object", "object")
        if self.account(gone) == actor["id"]:
            yield Forget(actor["id"])
            raise LeftOut("not_engagement", "an account was deleted")
        at, clock = self._when(part, part, arrival)
        event_id = f"activitystreams/{part.id('id') or f'{gone}/delete'}"
        if noted := self.known(gone):
            if any(_host(one["actor"]) != _host(actor["id"]) for one in noted):  # moderators may
                raise Refused("shape", "what another server's account made cannot be deleted", "actor")
            yield from self.undos(gone, event_id, at, clock=clock)
            return
        watched = self.options.watched
        who = actor["id"]
        if who != self.own and (watched is None or who not in watched):
            raise Refused("unresolved", f"deletes {gone[:120]}, of which nothing is known here")
        yield Draft(event_id, "post", at, (who,), actor, "undo", clock, gone,
                    undoes=f"activitystreams/{gone}/create")  # fmt: skip

    @property
    def watched(self) -> frozenset[str] | None:
        """An inbox is one account's: what it hears of others is not counted for them."""
        own = self.own
        return frozenset([own]) if super().watched is None and own is not None else super().watched

    # -- who and when ---------------------------------------------------------------------------------------

    def _actor(self, part: Node) -> dict[str, Any]:
        inner = part.node("actor")
        if inner:
            return self._facts(inner)
        who = ref_of(part, "actor")
        if who is None:
            raise Refused("missing", "an activity has its actor", "actor")
        part.skip("actor")
        return {"id": self.account(who)}

    def _facts(self, account: Node) -> dict[str, Any]:
        made, kind, summary = account.time("published"), type_of(account), account.raw("summary")
        facts = {
            "id": self.account(account.need("id")), "handle": account.text("preferredUsername"),
            "has_bio": bool(plain(summary)) if isinstance(summary, str) else None,
            "has_avatar": True if account.raw("icon") else None,
            "created_at": made.isoformat() if made else None,
            "bot": kind in ("Service", "Application") if kind else None,
        }  # fmt: skip
        return {name: value for name, value in facts.items() if value is not None}

    def _author(self, object_id: str, named: Set[str], *, alone: bool = False) -> str | None:
        """Who made an object, if that can be told.

        Args:
            named: ids to whom the activity is addressed, and who are mentioned. alone: such activities are
                sent to the author of the object only.
        """
        for one in self.known(object_id):
            if one["object_id"] == object_id and isinstance(one["actor"], str):
                return one["actor"]
        own, watched = self.own, self.options.watched or frozenset()
        for start in map(self.account, beginnings(object_id)):
            if start == own or start in watched:
                return start
        inbox = self.options.account
        if inbox is None or (alone and not names_another(object_id, inbox)):
            return own
        return own if (inbox in named or not named) and not is_elsewhere(object_id, inbox) else None

    def _named_author(self, part: Node) -> str | None:
        named = ref_of(part.node("object"), "attributedTo")
        return self.account(named) if named else None

    def _when(self, thing: Node, part: Node, arrival: Arrival) -> tuple[dt.datetime, Clock]:
        return happened(thing.time("published") or part.time("published"), None, arrival.received)

    def _activity_id(self, part: Node, kind: str, actor: dict[str, Any], of: str) -> str:
        return fit_id("activitystreams/" + (part.id("id") or "/".join((kind, actor["id"], of))))


def _host(account: Any) -> str | None:
    """Of an account's address; one that cannot be read stands for itself."""
    address = str(account).removeprefix(f"{ActivityStreams.name}:")
    try:
        return urlsplit(address).hostname
    except ValueError:
        return address
