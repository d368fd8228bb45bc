"""Instagram: webhooks in their three envelopes, and the answers of insight and media polls.

Shapes: developers.facebook.com, graph-api/webhooks/reference/instagram, instagram-media/insights.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from streams.sources.abilities import abilities, each, no, total
from streams.sources.base import Arrival, Forget, Source
from streams.sources.draft import Draft
from streams.sources.errors import LeftOut, Refused
from streams.sources.node import ITEMS_MAX, Node
from streams.sources.refusals import refuse_errors
from streams.sources.times import happened, rfc3339

#: Names of insights -> metrics of the contract. Those with ads in them (total_likes …) are another number of
#: the same thing: the organic ones are taken.
_METRICS: Final = {
    "likes": "likes", "comments": "comments", "saved": "saves", "shares": "shares", "views": "views",
    "reach": "reach", "impressions": "impressions",
}  # fmt: skip
#: Fields of GET /media and GET /user.
_FIELDS: Final = {"like_count": "likes", "comments_count": "comments", "followers_count": "followers",
                  "follows_count": "following"}  # fmt: skip
_STORY: Final = ("impressions", "reach", "views", "shares")
_MS_FROM: Final = 100_000_000_000
_TAG: Final = re.compile(r"#(\w{1,100})")
_NAME: Final = re.compile(r"(?<![\w.])@([A-Za-z0-9_.]{1,30})")


class Instagram(Source):
    """Webhooks (comments, live_comments, mentions, story_insights) and insight counters."""

    name: str = "instagram"
    title: str = "Instagram (webhooks, insights)"
    delivery: str = "POST of Meta's webhooks, signed; insights by GET on the influencer's token"
    identity: str = (
        "instagram/comment/ID; instagram/media/ID (posts); mentions by media and comment; story insights by "
        "media and metric; polled counters by object, metric and second"
    )
    time: str = "entry.time, which is when Meta sent it (clock send); insights: the poll's Date"
    notes: tuple[str, ...] = (
        "Updates come up to 1,000 in a batch, in any order, at least once, for 36 h; there is no replay.",
        "Comments on an ad bear ad_id and are marked as sponsored.",
        "-1 in story insights means fewer than 5: no counter is made of it. Insights come up to 48 h late, "
        "and an empty answer is not 0.",
        "Ids of people (IGSID) hold for one business only: nobody can be recognised across influencers.",
        "Messages (entry.messaging) are private and left out; private accounts are silent.",
    )
    abilities = abilities(
        posts=each("by listing the account's media; webhooks do not tell"),
        comments=each(), answers=each(), likes=total("counters only"), shares=total("counters only"),
        saves=total("counters only"), views=total("counters only"), follows=no("no such event"),
        undo=no("deleted comments and taken back likes are not told; counters fall"),
        profiles=no("the handle only"), attributes=no("not told"),
        followers=total("followers_count, by polling the account"),
        ads=each("comments on ads"),
    )  # fmt: skip

    def parts(self, document: Any, arrival: Arrival) -> Iterable[Node]:
        """Updates of a batch, or counters of an answer; each with what it needs of its envelope."""
        if isinstance(document, list) and all(isinstance(one, dict) for one in document):
            for one in document[:ITEMS_MAX]:  # some examples of Meta's stand in a list
                yield from self.parts(one, arrival)
            return
        if not isinstance(document, dict):
            raise Refused("shape", "should be an object")
        refuse_errors(document)
        if "entry" in document:
            yield from self._updates(Node(document))
        elif isinstance(document.get("data"), list):
            if not document["data"]:
                raise LeftOut("no_value", "an empty answer, which is not 0")
            for item in Node(document).items("data"):
                yield Node({"insight": item.raw("name") is not None, "value": item.data}, item.path)
        elif "field" in document and "value" in document:  # "Test" in Meta's dashboard sends a bare update
            yield Node({"account": self.options.account, "time": None} | document)
        elif any(name in document for name in _FIELDS):
            yield Node({"insight": False, "value": document})
        else:
            raise Refused("shape", "neither a webhook (`entry`) nor an answer with `data`")

    def _updates(self, document: Node) -> Iterator[Node]:
        if document.raw("object") != "instagram":
            raise Refused("shape", "should be instagram", "object")
        for entry in document.items("entry"):
            head = {"account": entry.raw("id"), "time": entry.raw("time")}
            if entry.raw("messaging") is not None:
                yield Node(head | {"field": "messaging"}, entry.path)
            elif isinstance(entry.raw("changes"), list):
                for change in entry.items("changes"):
                    yield Node(
                        head | {"field": change.raw("field"), "value": change.raw("value")}, change.path
                    )
            else:
                yield Node(head | {"field": entry.raw("field"), "value": entry.raw("value")}, entry.path)

    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The acts of one update or counter."""
        value = part.node("value")
        if "insight" in part:
            yield from self._insight(value, arrival) if part.flag("insight") else self._fields(value, arrival)
            return
        kind = part.text("field")
        if kind == "messaging":
            raise LeftOut("not_engagement", "a private message")
        account = self.account(part.need("account"))
        sent = part.time("time", "s")
        number = part.number("time")
        if number is not None and number > _MS_FROM:
            sent = part.time("time", "ms")
        at, _ = happened(None, sent, arrival.received)
        if not value:
            raise Refused("missing", "an update has its value", "value")
        if kind in ("comments", "live_comments"):
            yield self._comment(value, account, at)
        elif kind == "mentions":
            yield self._mention(value, account, at)
        elif kind == "story_insights":
            yield from self._story(value, account, at)
        elif kind is None:
            raise Refused("missing", "an update names its field", "field")
        else:
            raise LeftOut("not_engagement", f"a webhook of field {kind[:60]}")

    # -- webhooks -------------------------------------------------------------------------------------------

    def _comment(self, value: Node, account: str, at: dt.datetime) -> Draft:
        comment = value.id("comment_id") or value.need("id")
        value.skip("id")
        media, who = value.node("media"), value.node("from")
        media_id, parent = media.need("id"), value.id("parent_id")
        local, own = who.id("id"), who.id("self_ig_scoped_id")
        actor: dict[str, Any] = {"id": self.account(local)} if local else self.nobody(comment)
        if own is not None:
            actor["id"] = account
        if handle := who.text("username"):
            actor["handle"] = handle
        post = f"instagram:media/{media_id}"
        if parent:
            target = {"id": f"instagram:comment/{parent}", "type": "comment", "root_id": post,
                      "parent_id": f"instagram:comment/{parent}"}  # fmt: skip
        else:
            target = {"id": post, "type": "post", "author_id": account, "root_id": post}
        ad = media.id("ad_id") or value.id("ad_id")
        product = media.text("media_product_type")
        return Draft(
            f"instagram/comment/{comment}", "reply" if parent else "comment", at, (account,), actor,
            clock="send", object_id=f"instagram:comment/{comment}", target=target, text=value.text("text"),
            sponsored={"label": True, "ad_id": ad} if ad else None,
            media_type=product.lower() if product else None,
            extra=value.rest() | ({} if local or own else {"actor_unknown": True}),
        )  # fmt: skip

    def _mention(self, value: Node, account: str, at: dt.datetime) -> Draft:
        media, comment = value.need("media_id"), value.id("comment_id")
        where = f"{media}/{comment}" if comment else media
        return Draft(
            f"instagram/mention/{where}", "mention", at, (account,), self.nobody(where), clock="send",
            target={"id": account, "type": "account", "author_id": account},
            object_id=f"instagram:comment/{comment}" if comment else f"instagram:media/{media}",
            extra=value.rest() | {"actor_unknown": True},
        )  # fmt: skip

    def _story(self, value: Node, account: str, at: dt.datetime) -> Iterator[Draft]:
        media = value.need("media_id")
        told = [(metric, count) for metric in _STORY if (count := value.count(metric)) is not None]
        if not told:
            raise LeftOut("no_value", "all counts are missing or -1, which means fewer than 5")
        extra = value.rest()
        for metric, count in told:
            yield self._counter(
                f"instagram/story/{media}/{metric}", metric, count, at, account,
                f"instagram:media/{media}", extra, clock="send",
            )  # fmt: skip

    # -- polls ----------------------------------------------------------------------------------------------

    def _insight(self, value: Node, arrival: Arrival) -> Iterator[Draft]:
        name = value.need("name")
        metric = _METRICS.get(name)
        if metric is None:
            raise LeftOut("not_engagement", f"an insight {name[:60]}")
        of = (value.id("id") or "").partition("/")[0]
        if not of:
            raise Refused("missing", "an insight's id begins with the id of its media", value.where("id"))
        counts = value.nodes("values")
        count = counts[-1].number("value") if counts else value.node("total_value").number("value")
        if count is None or count < 0:
            raise LeftOut("no_value", f"no value of {name}: that is not 0")
        if (value.text("period") or "lifetime") != "lifetime" or self.account(of) == self.own:
            raise LeftOut(
                "not_engagement", f"{name} of a stretch of time or of the account, no running total"
            )
        value.skip("title", "description")
        yield self._polled(of, metric, count, arrival, value.rest())

    def _fields(self, value: Node, arrival: Arrival) -> Iterator[Draft]:
        of = value.need("id")
        told = [
            (metric, count) for name, metric in _FIELDS.items() if (count := value.count(name)) is not None
        ]
        made = value.time("timestamp")
        if made is not None and "media_type" in value:
            yield self._post(of, made, value, arrival)
        elif not told:
            raise LeftOut("no_value", "no counts in this answer")
        extra = value.rest()
        for metric, count in told:
            yield self._polled(of, metric, count, arrival, extra)

    def _post(self, of: str, made: dt.datetime, value: Node, arrival: Arrival) -> Draft:
        """An item of the account's list of media: the influencer's own post."""
        own = self.own or self.account(value.node("owner").id("id") or "")
        if own == self.account(""):
            raise Refused("missing", "a list of media does not say whose it is: set the option `account`")
        at, clock = happened(made, None, arrival.received)
        caption, media, link = value.text("caption"), value.text("media_type"), value.text("permalink")
        value.skip("username", "owner", "media_url", "thumbnail_url", "ig_id", "shortcode")
        return Draft(
            f"instagram/media/{of}", "post", at, (own,), {"id": own}, clock=clock,
            object_id=f"instagram:media/{of}", text=caption, media_type=media.lower() if media else None,
            tags=_TAG.findall(caption or ""), mentions=_NAME.findall(caption or ""),
            extra={"permalink": link} if link else {},
        )  # fmt: skip

    def _polled(self, of: str, metric: str, count: int, arrival: Arrival, extra: dict[str, Any]) -> Draft:
        own = self.own
        if metric in ("followers", "following"):
            own = self.account(of)
        elif own is None:
            raise Refused("missing", "counters do not say whose media it is: set the option `account`")
        at = arrival.polled
        post = None if metric in ("followers", "following") else f"instagram:media/{of}"
        return self._counter(
            f"instagram/{of}/{metric}/{rfc3339(at)}", metric, count, at, own, post, extra, clock="poll"
        )

    @staticmethod
    def _counter(
        event_id: str, metric: str, count: int, at: dt.datetime, account: str, post: str | None,
        extra: dict[str, Any], *, clock: Any,
    ) -> Draft:  # fmt: skip
        target = {"id": post, "type": "post", "author_id": account} if post else None
        return Draft(
            event_id, "counter", at, (account,), clock=clock, target=target, metric=metric, count=count,
            extra=extra,
        )  # fmt: skip
