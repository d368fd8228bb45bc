"""TikTok: answers of the Research API (comments, videos), and its few webhooks.

Shapes: developers.tiktok.com/doc/research-api-specs-query-video-comments, /query-videos, /webhooks-events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from streams.sources.abilities import Ability, abilities, each, no, total
from streams.sources.base import Arrival, Forget, Source
from streams.sources.draft import Draft
from streams.sources.errors import LeftOut, Refused
from streams.sources.node import Node
from streams.sources.refusals import refuse_errors
from streams.sources.times import happened, rfc3339

_COUNTS: Final = {
    "like_count": "likes", "comment_count": "comments", "share_count": "shares", "view_count": "views",
    "favorites_count": "saves",
}  # fmt: skip


class TikTok(Source):
    """Comments without authors, totals of videos."""

    name: str = "tiktok"
    title: str = "TikTok (Research API, webhooks)"
    delivery: str = "POST of queries for non-profit researchers, at most 100 a page; webhooks"
    identity: str = "tiktok/comment/ID, tiktok/video/ID; counters by video, metric and the poll's Date"
    time: str = "create_time, in seconds; counters: the poll's Date (clock poll)"
    notes: tuple[str, ...] = (
        "Comments have no author: each gets an actor of its own, so that nobody seems to come back.",
        "Comments do not name the video's author: set the option account to the user name.",
        "Webhooks tell of uploads and of withdrawn authorisation only, at least once, for 72 h.",
        "The Research API is for non-profit researchers.",
    )
    abilities = abilities(
        posts=each("as videos are queried"), comments=Ability("anonymous", "comments have no author"),
        answers=no("comments have no author: one's own cannot be told apart"), likes=total("like_count"),
        shares=total("share_count"), saves=total("favorites_count, where asked for"),
        views=total("view_count"),
        follows=no("not told"), undo=no("not told; counters fall"), profiles=no("comments have no author"),
        attributes=no("comments have no author"), followers=no("not in these answers"), ads=no("not told"),
    )  # fmt: skip

    def parts(self, document: Any, arrival: Arrival) -> Iterable[Node]:
        """Comments and videos of an answer, or a webhook."""
        if not isinstance(document, dict):
            raise Refused("shape", "should be an object")
        whole = Node(document)
        if (event := whole.text("event")) == "authorization.removed":
            raise Refused(
                "token", "the account's owner has withdrawn the authorisation: ask for it anew", "event"
            )
        if event:
            raise LeftOut("not_engagement", f"a webhook {str(whole.raw('event'))[:60]}")
        data = whole.node("data")
        lists = [name for name in ("comments", "videos") if isinstance(data.raw(name), list)]
        if not lists:
            refuse_errors(document)
            raise Refused("shape", "no comments and no videos in `data`", "data")
        if not any(data.raw(name) for name in lists):
            raise LeftOut("no_value", "an empty answer, which is not 0")
        for name in lists:
            for item in data.items(name):
                yield Node({"what": name, "item": item.data}, item.path)

    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The acts of a comment or video."""
        item = part.node("item")
        yield from (
            self._comment(item, arrival) if part.text("what") == "comments" else self._video(item, arrival)
        )

    def _comment(self, item: Node, arrival: Arrival) -> Iterator[Draft]:
        comment, video, parent = item.need("id"), item.need("video_id"), item.id("parent_comment_id")
        owner = self.own
        if owner is None:
            raise Refused("missing", "comments do not say whose video it is: set the option `account`")
        at, clock = happened(item.time("create_time", "s"), None, arrival.received)
        post = f"tiktok:video/{video}"
        answers = parent is not None and parent != video
        above = f"tiktok:comment/{parent}" if answers else post
        yield Draft(
            f"tiktok/comment/{comment}", "reply" if answers else "comment", at, (owner,),
            self.nobody(comment), clock=clock, object_id=f"tiktok:comment/{comment}", text=item.text("text"),
            target={"id": above, "type": "comment" if answers else "post", "root_id": post,
                    "parent_id": above, "author_id": None if answers else owner},
            extra=item.rest() | {"actor_unknown": True},
        )  # fmt: skip

    def _video(self, item: Node, arrival: Arrival) -> Iterator[Draft]:
        video, user = item.need("id"), item.text("username") or self.options.account
        if user is None:
            raise Refused("missing", "whose video: ask for the field `username`", item.where("username"))
        owner, post = self.account(user), f"tiktok:video/{video}"
        made = item.time("create_time", "s")
        told = [
            (metric, count) for name, metric in _COUNTS.items() if (count := item.count(name)) is not None
        ]
        text, tags, region = (
            item.text("video_description"),
            item.texts("hashtag_names"),
            item.text("region_code"),
        )
        extra = item.rest()
        if made is not None:
            at, clock = happened(made, None, arrival.received)
            actor = {"id": owner} | ({"country": region} if region else {})
            yield Draft(f"tiktok/video/{video}", "post", at, (owner,), actor, clock=clock, object_id=post,
                        text=text, tags=tags, media_type="video", extra=extra)  # fmt: skip
        at = arrival.polled
        for metric, count in told:
            yield Draft(
                f"tiktok/video/{video}/{metric}/{rfc3339(at)}", "counter", at, (owner,), clock="poll",
                target={"id": post, "type": "post", "author_id": owner}, metric=metric, count=count,
            )  # fmt: skip
        if made is None and not told:
            raise LeftOut("no_value", "neither a time nor counts")
