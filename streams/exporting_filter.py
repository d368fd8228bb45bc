"""Which records of a topic are wanted: by time, influencer, partnership, actor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import msgspec
from pydantic import ValidationError

from schemas import Partnership
from schemas.topics import EVENTS, PARTNERSHIPS
from streams.consume import Record, latest
from streams.errors import NotFoundError
from streams.settings import Settings


class _Account(msgspec.Struct, gc=False):
    id: str = ""


class _Target(msgspec.Struct, gc=False):
    author_id: str | None = None


class _Enrichment(msgspec.Struct, gc=False):
    partnership_ids: list[str] = []


class _About(msgspec.Struct, gc=False):
    """What the records of all topics may say about whom they concern."""

    influencer_id: str = ""
    partnership_id: str = ""
    actor: _Account | None = None
    target: _Target | None = None
    enrichment: _Enrichment | None = None
    key: str | None = None  # of a rejected record


_about: Final = msgspec.json.Decoder(_About).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters; None lets all through. Times are the records' timestamps, epoch s: `since` up to before
    `until`. `actor`: what the account did, and what was done about it."""

    since: float | None = None
    until: float | None = None
    influencer: str | None = None
    partnership: str | None = None
    actor: str | None = None

    async def resolved(self, settings: Settings, topic: str) -> Wanted:
        """For events, which name no partnership: those of the partnership's influencer.

        Raises NotFoundError for a partnership that the book does not hold.
        """
        if self.partnership is None or topic != EVENTS:
            return self
        found = (await latest(settings, settings.topic(PARTNERSHIPS))).get(self.partnership.encode())
        try:
            partnership = Partnership.model_validate_json((found and found.value) or b"")
        except ValidationError:
            raise NotFoundError(
                f"there is no partnership {self.partnership!r}", hint="`rapport partnerships list` names them"
            ) from None
        return replace(self, partnership=None, influencer=partnership.influencer_id)

    def takes(self, record: Record) -> bool:
        """Whether the record is wanted."""
        at = record.timestamp_ms / 1_000
        if (self.since is not None and at < self.since) or (self.until is not None and at >= self.until):
            return False
        if self.influencer is None and self.partnership is None and self.actor is None:
            return True
        key = (record.key or b"").decode("utf-8", "replace")
        try:
            about = _about(record.value or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            about = _About()
        return (
            (self.influencer is None or self.influencer in (about.influencer_id, about.key, key))
            and (self.partnership is None or self._of_partnership(about, key))
            and (self.actor is None or self._of_actor(about))
        )

    def _of_partnership(self, about: _About, key: str) -> bool:
        named = about.enrichment.partnership_ids if about.enrichment is not None else ()
        return self.partnership in (about.partnership_id, key, *named)

    def _of_actor(self, about: _About) -> bool:
        return (about.actor is not None and about.actor.id == self.actor) or (
            about.target is not None and about.target.author_id == self.actor
        )
