"""The newest alerts as they stand, and what changed in them; what many who follow ask for is read once."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from streams.alert_view import AlertView, make_views
from streams.people import People, Who

#: So many of the newest alerts are followed.
NEWEST: Final = 200
#: Looked at anew so often, s; beside it the list of alerts is at most half a second old.
TICK_S: Final = 0.5
#: Sets of brands (one for each kind of token) whose alerts are held.
_HELD_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest alerts that somebody may see, as JSON by id, newest first; `tag`: what they are."""

    tag: str
    items: Mapping[str, str]

    def whole(self) -> str:
        """All of it as an event's data."""
        return _data(True, self.items, ())

    def since(self, before: Shown) -> str:
        """What is new or another than before, and ids that are not among the newest any more."""
        changed = {name: text for name, text in self.items.items() if before.items.get(name) != text}
        return _data(False, changed, tuple(before.items.keys() - self.items.keys()))


@dataclass(slots=True)
class _Held:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    due: float = float("-inf")
    shown: Shown | None = None
    views: dict[str, AlertView] = field(default_factory=dict)


class Feed:
    """Alerts with what people did about them, read at most every TICK_S for all who may see the same."""

    def __init__(self, people: People, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._people, self._now, self._monotonic = people, now, monotonic
        self._held: OrderedDict[frozenset[str] | None, _Held] = OrderedDict()
        self.open = 0
        #: Set when the process ends: streams have no end of their own.
        self.closing = asyncio.Event()

    async def shown(self, who: Who) -> Shown:
        """What they may see now; the very same object while nothing has changed. Raises RapportError."""
        held = self._held.setdefault(who.brands, _Held())
        self._held.move_to_end(who.brands)
        if len(self._held) > _HELD_MAX:
            self._held.popitem(last=False)
        async with held.lock:
            if held.shown is None or self._monotonic() >= held.due:
                await self._look(held, who)
                held.due = self._monotonic() + TICK_S
            assert held.shown is not None
            return held.shown

    async def _look(self, held: _Held, who: Who) -> None:
        mine = [alert for alert in await self._people.alerts() if who.sees(alert.brand_id)][:NEWEST]
        acks, wrong = await self._people.marks(mine)
        made = make_views(mine, acks, wrong, await self._people.silences(), self._now())
        views = {view.alert.alert_id: view for view in made}
        if held.shown is not None and views == held.views:
            return
        old, told = held.views, held.shown.items if held.shown is not None else {}
        texts = {
            name: told[name] if old.get(name) == view else json.dumps(view.as_json(), allow_nan=False)
            for name, view in views.items()
        }
        tag = hashlib.blake2b("\n".join(texts.values()).encode(), digest_size=12).hexdigest()
        held.views, held.shown = views, Shown(tag, texts)

    async def wait(self) -> None:
        """Until it is time to look again, or the process ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                await self.closing.wait()


def _data(whole: bool, items: Mapping[str, str], gone: tuple[str, ...]) -> str:
    flag = "true" if whole else "false"
    return f'{{"whole":{flag},"items":[{",".join(items.values())}],"gone":{json.dumps(gone)}}}'
