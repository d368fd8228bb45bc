"""LinkedIn: notifications of social actions on an organisation's posts.

Shapes: learn.microsoft.com, organization social action notifications.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from streams.sources.abilities import abilities, each, no
from streams.sources.base import Arrival, Forget, Source
from streams.sources.draft import Draft
from streams.sources.errors import LeftOut, Refused
from streams.sources.node import Node
from streams.sources.times import happened

_KINDS: Final = {
    "LIKE": "like", "COMMENT": "comment", "ADMIN_COMMENT": "comment", "COMMENT_EDIT": "comment",
    "COMMENT_DELETE": "comment", "SHARE": "share", "SHARE_MENTION": "mention",
}  # fmt: skip
_MEMBER: Final = re.compile(r"urn:li:(?:person|member|organization):[\w-]{1,100}")


class LinkedIn(Source):
    """Likes, comments, shares and mentions of company pages."""

    name: str = "linkedin"
    title: str = "LinkedIn (organisation social actions)"
    delivery: str = "POST in batches of 10, signed (X-LI-Signature), retried every 5 min for 8 h"
    identity: str = (
        "the URN of the activity with what was done to it (…/create, /update/TIME, /delete), so that a "
        "delete finds its comment; without one the notificationId"
    )
    time: str = "lastModifiedAt, in milliseconds"
    notes: tuple[str, ...] = (
        "Company pages only: employees' personal posts are not covered.",
        "ADMIN_COMMENT is the page itself speaking.",
        "What was missed can be pulled for 60 days.",
    )
    abilities = abilities(
        posts=no("notifications are about posts, they do not tell of new ones"), comments=each(),
        answers=each("ADMIN_COMMENT"), likes=each(), shares=each(), saves=no("not told"),
        views=no("not told"),
        follows=no("not told"), undo=no("deleted comments only: taken back likes are not told"),
        profiles=no("the URN only"), attributes=no("the URN only"), followers=no("not told"),
        ads=no("not told"),
    )  # fmt: skip

    def parts(self, document: Any, arrival: Arrival) -> Iterable[Node]:
        """Notifications of a batch."""
        if not isinstance(document, dict) or not isinstance(document.get("notifications"), list):
            raise Refused("shape", "should be an object with `notifications`")
        yield from Node(document).items("notifications")

    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The act of one notification."""
        action = part.need("action")
        kind = _KINDS.get(action)
        if kind is None:
            raise LeftOut("not_engagement", f"an action {action[:60]}")
        page_urn = part.need("organizationalEntity")
        page, post = self.account(page_urn), part.id("sourcePost")
        made = part.id("generatedActivity")
        number = part.id("notificationId")
        name = made or number
        if name is None:
            raise Refused("missing", "`generatedActivity` or `notificationId` is needed", "generatedActivity")
        stated = part.time("lastModifiedAt", "ms")
        at, clock = happened(stated, None, arrival.received)
        decorated = part.node("decoratedGeneratedActivity")
        detail = next(
            (inner for one in ("comment", "share", "like") if (inner := decorated.node(one))), decorated
        )
        text = detail.text("text") or detail.node("text").text("text") or detail.node("message").text("text")
        actor = page if action == "ADMIN_COMMENT" else self._who(detail, made)
        part.skip("decoratedSourcePost", "subscriber", "webhookId")
        above = detail.id("parentComment")
        event: dict[str, Any] = {
            "clock": clock, "text": text, "object_id": made,
            "actor": {"id": actor} if actor else self.nobody(name),
            "extra": part.rest() | ({} if actor else {"actor_unknown": True}),
        }  # fmt: skip
        if kind == "mention":
            event["target"] = {"id": page, "type": "account", "author_id": page}
        elif above or post:
            event["target"] = {"id": above or post, "type": "comment" if above else "post",
                               "author_id": None if above else page, "root_id": post}  # fmt: skip
        if kind == "comment" and above:
            kind = "reply"
        created = f"linkedin/{name}/{'create' if made else action.lower()}"
        if kind == "mention":
            created += "/mention"
        if action == "COMMENT_EDIT":
            revision = int(stated.timestamp() * 1_000) if stated else number or ""
            yield Draft(f"linkedin/{name}/update/{revision}", kind, at, (page,), op="update", **event)
        elif action == "COMMENT_DELETE":
            yield Draft(f"linkedin/{name}/delete", kind, at, (page,), op="undo", undoes=created, **event)
        else:
            yield Draft(created, kind, at, (page,), **event)

    def _who(self, detail: Node, made: str | None) -> str | None:
        """Who acted: named beside the act, or in the URN of a like."""
        for name in ("owner", "actor", "author"):
            said = detail.raw(name)
            if isinstance(said, str) and _MEMBER.fullmatch(said):
                detail.skip(name)
                return self.account(said)
        found = _MEMBER.search(made or "")
        return self.account(found[0]) if found else None
