"""What people do about alerts: acknowledge, silence, mark as wrong, explain; each with its line in the audit.

Keys, all in one slot by the hash tag `{<namespace>}` (`streams.people_store` changes them):

================  ======  ====================================================================================
{ns}silences      hash    silence id -> JSON (`schemas.acts.Silence`)
{ns}acks          hash    alert id -> JSON (`schemas.acts.Mark`)
{ns}wrong         hash    alert id -> JSON (`schemas.acts.Mark`)
{ns}explainers    hash    key on control.v1 -> JSON (`schemas.Control`): what was declared here
{ns}changes       hash    partnership id -> JSON: its last change by API (`streams.people_partnerships`)
{ns}audit         stream  field `act`: JSON (`schemas.acts.Act`); bounded
================  ======  ====================================================================================

Worker and notifier only read them.
"""

from __future__ import annotations

import difflib
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import redis.asyncio as redis
from pydantic import ValidationError

from schemas import Alert
from schemas.acts import NOTE_MAX, Act, Mark, Matcher, Silence, Verb, labels
from streams.errors import InputError, NotFoundError, RapportError
from streams.people_store import MARKS_MAX, ActStore, Change
from streams.reader import Reader
from streams.settings import Settings
from streams.text import clean

SILENCES_MAX: Final = 5_000
#: Ended silences are shown for so long.
SILENCE_KEPT: Final = timedelta(days=30)
#: Longest silence: nobody remembers one that was made for years.
SILENCE_LONGEST: Final = timedelta(days=366)
_PREFIX_MIN: Final = 4

Via = Literal["cli", "http", "system"]


class ConflictError(RapportError):
    """It cannot be done to a thing in this state."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts, and by which way; `brands`: the only ones that they may see and change (None: all)."""

    by: str
    via: Via = "cli"
    brands: frozenset[str] | None = None

    def sees(self, brand_id: str | None) -> bool:
        """Whether they may see what belongs to this brand."""
        return self.brands is None or (brand_id is not None and brand_id in self.brands)


class People:
    """Reads and writes people's acts of one installation.

    Acts are idempotent: done twice they have one effect and one line in the audit. They raise NotFoundError
    (with what may have been meant), ConflictError, InputError, or StoreUnavailableError.
    """

    def __init__(
        self, settings: Settings, client: redis.Redis, *, now: Callable[[], datetime] | None = None,
        alerts: Callable[[], Awaitable[list[Alert]]] | None = None,
    ) -> None:  # fmt: skip
        """`alerts`: an async function that gives all alerts; for who asks often and keeps them a moment."""
        self._settings = settings
        self.store = ActStore(settings, client)
        self.reader = Reader(settings, client=client)
        self._now = now or (lambda: datetime.now(UTC))
        self.alerts = alerts or self.reader.alerts

    # -- reading --------------------------------------------------------------------------------------------
    async def silences(self) -> list[Silence]:
        """All silences that are kept (pending, active, ended lately), the newest first."""
        found = await self.store.all("silences", Silence)
        return sorted(found.values(), key=lambda silence: silence.created_at, reverse=True)

    async def acks(self) -> dict[str, Mark]:
        """Acknowledged alerts, by alert id."""
        return await self.store.all("acks", Mark)

    async def wrong(self) -> dict[str, Mark]:
        """Alerts marked as wrong, by alert id."""
        return await self.store.all("wrong", Mark)

    async def marks(self, alerts: Sequence[Alert]) -> tuple[dict[str, Mark], dict[str, Mark]]:
        """(acknowledged, wrong) of these alerts only."""
        names = [alert.alert_id for alert in alerts]
        return await self.store.some("acks", names, Mark), await self.store.some("wrong", names, Mark)

    async def audit(
        self, *, since: datetime | None = None, by: str | None = None, verb: str | None = None,
        subject: str | None = None, partnership: str | None = None, brands: frozenset[str] | None = None,
        limit: int = 100, before: str | None = None, scan: int | None = None,
    ) -> list[tuple[str, Act]]:  # fmt: skip
        """(place, act), newest first, at most `limit`, older than the place `before`.

        `subject` may be the beginning of one. With `brands` only acts about these. `scan`: look at no
        more than so many of the newest acts.
        """
        found: list[tuple[str, Act]] = []
        names = [name for name in (by, verb, subject, partnership) if name is not None]
        async for place, act in self.store.audit(before, names=names, scan=scan):
            if since is not None and act.at < since:
                break
            wanted = (
                by in (None, act.by)
                and verb in (None, act.verb)
                and (subject is None or act.subject.startswith(subject))
                and partnership in (None, act.partnership_id)
                and (brands is None or act.brand_id in brands)
            )
            if wanted:
                found.append((place, act))
                if len(found) >= limit:
                    break
        return found

    async def find(self, alert_id: str, who: Who) -> Alert:
        """The alert with this id, or the only one whose id begins so (from 4 characters)."""
        known: dict[str, Alert] = {}
        for alert in await self.alerts():
            if who.sees(alert.brand_id):
                if alert.alert_id == alert_id:
                    return alert
                known[alert.alert_id] = alert
        return known[pick(alert_id, known, "alert", "`rapport alerts list --all` shows their ids")]

    # -- acts on one alert ----------------------------------------------------------------------------------
    async def ack(self, alert_id: str, who: Who, note: str | None = None) -> Mark:
        """Someone is on it. Only while it is open: one that has resolved needs nobody."""
        alert = await self.find(alert_id, who)
        if alert.state == "resolved":
            raise ConflictError(
                f"alert {alert.alert_id} has resolved already",
                hint="if it should never have fired: `rapport alerts wrong`",
            )
        return await self._mark("acks", "ack", alert, who, note)

    async def unack(self, alert_id: str, who: Who, note: str | None = None) -> bool:
        """Takes an acknowledgement back; False: there was none."""
        return await self._unmark("acks", "unack", await self._marked("acks", alert_id, who), who, note)

    async def mark_wrong(self, alert_id: str, who: Who, note: str | None = None) -> Mark:
        """The alert should not have fired."""
        return await self._mark("wrong", "wrong", await self.find(alert_id, who), who, note)

    async def unmark_wrong(self, alert_id: str, who: Who, note: str | None = None) -> bool:
        """Takes the mark back; False: there was none."""
        return await self._unmark("wrong", "unwrong", await self._marked("wrong", alert_id, who), who, note)

    async def _mark(self, name: str, verb: Verb, alert: Alert, who: Who, note: str | None) -> Mark:
        note = checked_note(note)
        mark = Mark(alert_id=alert.alert_id, by=who.by, at=self._now(), note=note)
        stands: list[Mark] = []

        def decide(before: bytes | None) -> Change | None:
            old = _read_mark(before)
            if old is not None and old.by == who.by and note in (None, old.note):
                stands.append(old)
                return None
            return Change(mark.model_dump_json(exclude_none=True), self._act(verb, alert, who, note))

        changed = await self.store.change(name, alert.alert_id, decide)
        if changed:
            await self._tidy(name)
        return mark if changed else stands[-1]

    async def _unmark(self, name: str, verb: Verb, alert: Alert | Mark, who: Who, note: str | None) -> bool:
        note = checked_note(note)
        return await self.store.change(
            name, alert.alert_id,
            lambda before: None if before is None else Change(None, self._act(verb, alert, who, note)),
        )  # fmt: skip

    async def _marked(self, name: str, alert_id: str, who: Who) -> Alert | Mark:
        # A mark may be taken back when the alert itself is not kept any more, if one may see all brands.
        try:
            return await self.find(alert_id, who)
        except NotFoundError:
            mark = await self.store.one(name, alert_id, Mark) if who.brands is None else None
            if mark is None:
                raise
            return mark

    async def _tidy(self, name: str) -> None:
        if await self.store.count(name) > MARKS_MAX:
            marks = sorted((await self.store.all(name, Mark)).values(), key=lambda mark: mark.at)
            await self.store.drop(name, [mark.alert_id for mark in marks[: MARKS_MAX // 10]])

    # -- silences -------------------------------------------------------------------------------------------
    async def silence(
        self, matchers: Sequence[Matcher], who: Who, *, comment: str, ends_at: datetime,
        starts_at: datetime | None = None, silence_id: str | None = None, once: str | None = None,
    ) -> Silence:  # fmt: skip
        """Nothing is sent about what matches, until `ends_at`. With `silence_id` a silence is changed.

        `once`: the caller's id of this wish; said again, it gives the silence that it made the first time.

        Who is bound to brands can only silence within them: a matcher on brand_id is added where it lacks.
        """
        now = self._now()
        begins = starts_at or now
        if ends_at <= max(begins, now):
            raise InputError("ends_at: a silence must end in the future, and after it begins")
        if ends_at - begins > SILENCE_LONGEST:
            raise InputError(f"ends_at: a silence lasts at most {SILENCE_LONGEST.days} days")
        if not (text := checked_note(comment)):
            raise InputError("comment: say why, for whoever wonders later why nothing came")
        kept = await self.silences()
        old = next((silence for silence in kept if silence.silence_id == silence_id), None)
        if silence_id is not None and (old is None or not who.sees(old.brand_id)):
            raise NotFoundError(f"there is no silence {silence_id!r}", hint="`rapport alerts silences`")
        made = hashlib.blake2b(f"{who.by}\0{once}".encode(), digest_size=8).hexdigest() if once else None
        for silence in kept:
            if made == silence.silence_id:
                return silence
        held, brand = await self._within(matchers, who)
        if old is None:
            await self._make_room(kept, now)
        silence = _silence(
            silence_id=silence_id or made or secrets.token_hex(8), matchers=held,
            starts_at=begins, ends_at=ends_at, created_by=who.by, comment=text,
            created_at=old.created_at if old else now, brand_id=brand,
        )  # fmt: skip
        act = self._act(
            "silence", silence.silence_id, who, text, brand=brand, partnership=pinned(held, "partnership_id"),
            matchers=[str(matcher) for matcher in held], starts_at=_text(begins), ends_at=_text(ends_at),
        )  # fmt: skip
        value = silence.model_dump_json(exclude_none=True)
        await self.store.change(
            "silences", silence.silence_id, lambda old: None if old == value.encode() else Change(value, act)
        )
        return silence

    async def unsilence(self, silence_id: str, who: Who, note: str | None = None) -> Silence:
        """Ends a silence now; one that has ended already stays as it is."""
        kept = {s.silence_id: s for s in await self.silences() if who.sees(s.brand_id)}
        found = pick(silence_id, kept, "silence", "`rapport alerts silences` shows them")
        now, text = self._now(), checked_note(note)
        ended: list[Silence] = []

        def decide(before: bytes | None) -> Change | None:
            if before is None:
                return None
            silence = Silence.model_validate_json(before)
            ended.append(silence)
            if silence.ends_at <= now:
                return None
            ended.append(
                silence.model_copy(update={"starts_at": min(silence.starts_at, now), "ends_at": now})
            )
            act = self._act("unsilence", found, who, text, brand=silence.brand_id,
                            partnership=pinned(silence.matchers, "partnership_id"))  # fmt: skip
            return Change(ended[-1].model_dump_json(exclude_none=True), act)

        await self.store.change("silences", found, decide)
        return ended[-1] if ended else kept[found]

    async def _within(self, matchers: Sequence[Matcher], who: Who) -> tuple[list[Matcher], str | None]:
        """The matchers, held to the brands that one may touch, and the brand that they pin down."""
        held, brand = list(matchers), pinned(matchers, "brand_id")
        partnership = pinned(matchers, "partnership_id")
        if brand is None and partnership is not None:
            brand = await self.brand_of(partnership)
        if who.brands is None:
            return held, brand
        if brand is None and len(who.brands) == 1:
            (brand,) = who.brands
        if brand is None:
            raise InputError(f"matchers: add brand_id=… for one of your brands: {_few(who.brands)}")
        if brand not in who.brands:
            # Whose it is instead is nobody's business.
            raise NotFoundError(
                "matchers: there is no such partnership or brand for you", hint=f"yours: {_few(who.brands)}"
            )
        if pinned(held, "brand_id") is None:
            held.append(Matcher(name="brand_id", value=brand))
        return held, brand

    async def brand_of(self, partnership_id: str) -> str | None:
        """Brand of a partnership that has readings or alerts; None when nothing is known of it."""
        try:
            reading = await self.reader.reading(partnership_id)
        except NotFoundError:  # no worker has written yet
            return None
        return reading.brand_id if reading is not None else None

    async def _make_room(self, kept: list[Silence], now: datetime) -> None:
        await self.store.drop(
            "silences", [s.silence_id for s in kept if s.ends_at < now - SILENCE_KEPT]
        )  # fmt: skip
        if sum(s.ends_at > now for s in kept) >= SILENCES_MAX:
            raise ConflictError(
                f"there are {SILENCES_MAX} silences already", hint="one with a pattern (=~) can do for many"
            )

    # -- all ------------------------------------------------------------------------------------------------
    def _act(
        self, verb: Verb, about: Alert | Mark | str, who: Who, note: str | None,
        *, brand: str | None = None, partnership: str | None = None, **details: Any,
    ) -> Act:  # fmt: skip
        if isinstance(about, Alert):
            brand, partnership = about.brand_id, about.partnership_id
            details |= {"signal": about.signal, "rule": about.rule, "summary": clean(about.summary, 300)}
        return Act(
            act_id=secrets.token_hex(8), at=self._now(), by=who.by, via=who.via, verb=verb,
            subject=about if isinstance(about, str) else about.alert_id,
            partnership_id=partnership, brand_id=brand, note=note, details=details,
        )  # fmt: skip


def silenced_by(alert: Alert, silences: Iterable[Silence], at: datetime) -> Silence | None:
    """The silence that holds for an alert at a time, the one that ends last; None: nothing silences it."""
    found = labels(alert)
    hits = [silence for silence in silences if silence.active(at) and silence.matches(found)]
    return max(hits, key=lambda silence: silence.ends_at, default=None)


def pinned(matchers: Iterable[Matcher], name: str) -> str | None:
    """The one value of a label that all that matches must have; None where it is left open."""
    return next((m.value for m in matchers if m.name == name and m.is_equal and not m.is_regex), None)


def pick(given: str, known: Mapping[str, object], what: str, hint: str) -> str:
    """The id that was meant: as given, or the only one that begins so. Raises NotFoundError, InputError."""
    if given in known:
        return given
    hits = [name for name in known if name.startswith(given)] if len(given) >= _PREFIX_MIN else []
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise InputError(f"several {what}s begin with {given!r}: {_few(hits)}", hint="give more of the id")
    close = difflib.get_close_matches(given, list(known)[:5_000], 1)
    raise NotFoundError(
        f"there is no {what} {clean(given, 80)!r}", hint=f"did you mean {close[0]!r}?" if close else hint
    )


def checked_note(note: str | None) -> str | None:
    """A note without control characters; empty becomes None. Raises InputError when it is too long."""
    if note is None:
        return None
    if len(note) > NOTE_MAX:
        raise InputError(f"note: at most {NOTE_MAX} characters, this has {len(note)}")
    return clean(note, NOTE_MAX) or None


def _silence(**fields: Any) -> Silence:
    try:
        return Silence(**fields)
    except ValidationError as error:
        told = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors(include_url=False)]
        raise InputError("; ".join(f"{field or 'silence'}: {message}" for field, message in told)) from None


def _read_mark(value: bytes | None) -> Mark | None:
    try:
        return Mark.model_validate_json(value) if value is not None else None
    except ValidationError:
        return None  # unreadable: written anew


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(clean(name, 60) for name in listed[:5]) + (" …" if len(listed) > 5 else "")


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
