"""YouTube: answers of commentThreads, comments, videos and channels, and PubSubHubbub pushes of uploads.

Shapes: developers.google.com/youtube/v3/docs/commentThreads, /comments, /videos, guides/push_notifications.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final

from streams.sources.abilities import abilities, each, no, total
from streams.sources.atom import entries
from streams.sources.base import BOM, Arrival, Forget, Source, read_json
from streams.sources.draft import Draft
from streams.sources.errors import LeftOut, Refused
from streams.sources.html import plain
from streams.sources.node import Node
from streams.sources.refusals import refuse_errors
from streams.sources.times import happened, moment, rfc3339

_VIDEO: Final = {"viewCount": "views", "likeCount": "likes", "commentCount": "comments"}
#: A push so long after the upload tells of a changed title, not of a new video.
_NEW_S: Final = 3_600
_CHANNEL: Final = {"subscriberCount": "followers"}
_HELD: Final = ("heldForReview", "likelySpam", "rejected")


class YouTube(Source):
    """Comments and statistics by polling; uploads by push."""

    name: str = "youtube"
    title: str = "YouTube (Data API, PubSubHubbub)"
    delivery: str = "GET commentThreads, comments, videos, channels; POST of the hub for uploads"
    identity: str = (
        "youtube/comment/ID/create, …/update/UPDATED_AT; youtube/video/ID/create, …/update/UPDATED (polled: "
        "a hash of what it says); counters "
        "by object, metric and the poll's Date"
    )
    time: str = "publishedAt, updatedAt; counters: the poll's Date (clock poll)"
    notes: tuple[str, ...] = (
        "Ids are remembered for two days only: whoever polls stops at the newest comment that was seen.",
        "replies.comments of a thread is not complete: the others come from comments.list.",
        "Push tells of uploads, titles and descriptions only; comments and statistics are polled.",
        "subscriberCount is rounded to three digits, so small changes do not show.",
    )
    abilities = abilities(
        posts=each(), comments=each("polled"), answers=each("polled"), likes=total("likeCount"),
        shares=no("not told"), saves=no("not told"), views=total("viewCount"),
        follows=no("subscribers are not listed one by one"),
        undo=no("a comment that is gone is only no longer listed; counters fall"),
        profiles=no("the handle only"), attributes=no("not told"),
        followers=total("subscriberCount, rounded"), ads=each("hasPaidProductPlacement of polled videos"),
    )  # fmt: skip

    def read(self, payload: bytes) -> Any:
        """JSON, or Atom."""
        text = payload.removeprefix(BOM).lstrip()
        if text[:1] == b"<":
            return {"kind": "atom", "items": entries(text)}
        return read_json(payload)

    def parts(self, document: Any, arrival: Arrival) -> Iterable[Node]:
        """Items of a list, entries of a feed, or one resource."""
        if not isinstance(document, dict):
            raise Refused("shape", "should be an object or an Atom feed")
        refuse_errors(document)
        items = document.get("items")
        if isinstance(items, list):
            if not items:
                raise LeftOut("no_value", "an empty list")
            atom = document.get("kind") == "atom"
            for item in Node(document).items("items"):
                yield Node({"atom": item.data}, item.path) if atom else item
        else:
            yield Node(document)

    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The acts of one item."""
        if "atom" in part:
            yield from self._push(part.node("atom"), arrival)
            return
        kind = (part.text("kind") or "").removeprefix("youtube#")
        part.skip("etag")
        if kind == "commentThread":
            snippet = part.node("snippet")
            if snippet.flag("isPublic") is False:
                raise LeftOut("not_engagement", "a thread that is not public")
            channel, video = snippet.text("channelId"), snippet.text("videoId")
            snippet.skip("canReply", "totalReplyCount")
            top = snippet.node("topLevelComment")
            yield from self._comment(top, channel, video, arrival)
            asked = top.node("snippet").node("authorChannelId").text("value")
            for reply in part.node("replies").nodes("comments"):
                yield from self._comment(reply, channel, video, arrival, asked)
        elif kind == "comment":
            yield from self._comment(part, None, None, arrival)
        elif kind in ("video", "channel"):
            yield from self._statistics(part, kind, arrival)
        else:
            raise Refused("shape", "`kind` should be that of a thread, comment, video or channel", "kind")

    def _comment(
        self, comment: Node, channel: str | None, video: str | None, arrival: Arrival,
        asked: str | None = None,
    ) -> Iterator[Draft]:  # fmt: skip
        """`asked`: who wrote what is answered."""
        comment_id, snippet = comment.need("id"), comment.node("snippet")
        channel = snippet.text("channelId") or channel or self.options.account
        video = snippet.text("videoId") or video
        if channel is None:
            raise Refused(
                "missing", "`channelId` is needed, or the option `account`", snippet.where("channelId")
            )
        if snippet.text("moderationStatus") in _HELD:
            raise LeftOut("not_engagement", "a comment that is not published")
        owner = self.account(channel)
        at, clock = happened(snippet.time("publishedAt"), None, arrival.received)
        edited, parent = snippet.time("updatedAt"), snippet.id("parentId")
        author = snippet.node("authorChannelId").text("value")
        actor = {"id": self.account(author)} if author else self.nobody(comment_id)
        if handle := snippet.text("authorDisplayName"):
            actor["handle"] = handle
        original, shown = snippet.text("textOriginal"), snippet.text("textDisplay")
        post = f"youtube:video/{video}" if video else None
        above = f"youtube:comment/{parent}" if parent else post
        if above is None:
            raise Refused(
                "missing", "a comment is about a video or another comment", snippet.where("videoId")
            )
        target = {"id": above, "type": "comment" if parent else "post", "root_id": post,
                  "author_id": (self.account(asked) if asked else None) if parent else owner,
                  "parent_id": above}  # fmt: skip
        comment.skip("kind", "etag", "id")
        snippet.skip("authorProfileImageUrl", "authorChannelUrl", "viewerRating", "canRate")
        common: dict[str, Any] = {
            "actor": actor, "object_id": f"youtube:comment/{comment_id}", "target": target,
            "text": original or (plain(shown) if shown else None),
            "extra": comment.rest() | ({} if author else {"actor_unknown": True}),
        }  # fmt: skip
        kind = "reply" if parent else "comment"
        yield Draft(f"youtube/comment/{comment_id}/create", kind, at, (owner,), clock=clock, **common)
        if edited is not None and clock == "event" and edited > at:
            changed, clock = happened(edited, None, arrival.received)
            event_id = f"youtube/comment/{comment_id}/update/{rfc3339(edited)}"
            yield Draft(event_id, kind, changed, (owner,), op="update", clock=clock, **common)

    def _statistics(self, part: Node, kind: str, arrival: Arrival) -> Iterator[Draft]:
        of, statistics, snippet = part.need("id"), part.node("statistics"), part.node("snippet")
        channel = of if kind == "channel" else snippet.text("channelId") or self.options.account
        if channel is None:
            raise Refused("missing", "whose video: ask for part=snippet too, or set the option `account`")
        owner, at = self.account(channel), arrival.polled
        target = (
            {"id": f"youtube:video/{of}", "type": "post", "author_id": owner} if kind == "video" else None
        )
        names = _VIDEO if kind == "video" else _CHANNEL
        told = [
            (metric, count) for name, metric in names.items() if (count := statistics.count(name)) is not None
        ]
        if kind == "video":
            yield from self._polled_video(part, snippet, owner, arrival)
        if not told and snippet.raw("publishedAt") is None:
            raise LeftOut("no_value", "no statistics, or hidden ones: that is not 0")
        extra = {"statistics": rest} if (rest := statistics.rest()) else {}
        for metric, count in told:
            yield Draft(
                f"youtube/{kind}/{of}/{metric}/{rfc3339(at)}", "counter", at, (owner,), clock="poll",
                target=target, metric=metric, count=count, extra=extra,
            )  # fmt: skip

    def _polled_video(self, part: Node, snippet: Node, owner: str, arrival: Arrival) -> Iterator[Draft]:
        """The post itself, under the id that the hub's push has, with what only polling tells of it."""
        made, video = snippet.time("publishedAt"), part.need("id")
        if made is None or snippet.text("liveBroadcastContent") == "upcoming":
            return
        at, clock = happened(made, None, arrival.received)
        text = "\n".join(told for name in ("title", "description") if (told := snippet.text(name))) or None
        paid = part.node("paidProductPlacementDetails").flag("hasPaidProductPlacement")
        lang = snippet.text("defaultAudioLanguage") or snippet.text("defaultLanguage")
        common: dict[str, Any] = {
            "actor": {"id": owner}, "object_id": f"youtube:video/{video}", "text": text, "lang": lang,
            "tags": snippet.texts("tags"), "media_type": "video",
            "sponsored": {"label": paid} if paid is not None else None,
        }  # fmt: skip
        yield Draft(f"youtube/video/{video}/create", "post", at, (owner,), clock=clock, **common)
        # A push may have told of the video first, with its title only: then the above is a repeat.
        revision = blake2b(repr((text, paid, common["tags"])).encode(), digest_size=8).hexdigest()
        event_id = f"youtube/video/{video}/update/{revision}"
        yield Draft(event_id, "post", arrival.polled, (owner,), op="update", clock="poll", **common)

    def _push(self, entry: Node, arrival: Arrival) -> Iterator[Draft]:
        if entry.text("_") == "at:deleted-entry":
            video = (entry.text("@ref") or "").removeprefix("yt:video:")
            channel = (entry.text("at:by/uri") or "").rpartition("/channel/")[2] or self.options.account
            if not video or not channel:
                raise Refused("missing", "a deleted entry names its video and channel")
            owner = self.account(channel)
            at, clock = happened(moment(entry.raw("@when")), None, arrival.received)
            yield Draft(
                f"youtube/video/{video}/delete", "post", at, (owner,), {"id": owner}, "undo", clock,
                f"youtube:video/{video}", undoes=f"youtube/video/{video}/create",
            )  # fmt: skip
            return
        video, channel = entry.need("yt:videoId"), entry.need("yt:channelId")
        owner = self.account(channel)
        at, clock = happened(moment(entry.raw("published")), None, arrival.received)
        edited, link = moment(entry.raw("updated")), entry.text("link@href")
        entry.skip("_", "id", "published", "updated", "link@rel", "author/uri")
        actor = {"id": owner} | ({"handle": name} if (name := entry.text("author/name")) else {})
        common: dict[str, Any] = {
            "actor": actor, "object_id": f"youtube:video/{video}", "text": entry.text("title"),
            "media_type": "video", "urls": [link] if link else [], "extra": entry.rest(),
        }  # fmt: skip
        if edited is None or (edited - at).total_seconds() <= _NEW_S:
            yield Draft(f"youtube/video/{video}/create", "post", at, (owner,), clock=clock, **common)
        else:
            changed, clock = happened(edited, None, arrival.received)
            event_id = f"youtube/video/{video}/update/{rfc3339(edited)}"
            yield Draft(event_id, "post", changed, (owner,), op="update", clock=clock, **common)
