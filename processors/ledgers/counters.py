"""Polled totals: how many acts a total stands for that nobody told one by one.

A total says how many likes a post has; it may be all that a source tells, or come beside the single likes.
For each post and metric a track keeps the newest total and what was told one by one since, so that

    surplus = (total - last total) - (acts told one by one since) - lag

is what the total adds. `lag` is what was told one by one and is not in the total yet (insights run up to 48 h
behind). A single act that comes later than the total which holds it takes the place of one that was booked.
A total that falls takes acts back. One that falls by more than half is not believed at once: a glitch comes
back with the next look, a reset stays, and is then counted on from where it is.

This file is the arithmetic; `processors.counting` books its results into panes and posts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

import msgspec

from processors.ledgers.base import Ledger
from processors.panes import DAY

#: Metric -> kind of act that it counts. Followers and following are facts, reach and impressions nobody's
#: acts.
KIND_OF: Final = {"likes": "like", "comments": "comment", "shares": "share", "saves": "save", "views": "view"}
#: Kind -> metric in which platforms count it: answers to comments are among the comments.
METRIC_OF: Final = {kind: metric for metric, kind in KIND_OF.items()} | {"reply": "comments"}
KEEP_S: Final = 35 * DAY
TRACKS_MAX: Final = 200
#: A fall by more than this share, and by at least so many, waits for the next look.
FALL: Final = 0.5
FALL_MIN: Final = 20
#: Nobody's post gets more between two looks: beyond it the source errs, and sums must stay in 64 bits.
STEP_MAX: Final = 1_000_000_000
#: Stands for the account as a whole.
ACCOUNT: Final = 0


class Track(msgspec.Struct, array_like=True, gc=False):
    """One total. Times in epoch s."""

    total: int
    at: int  # of the newest total
    base_at: int  # of the first
    single: int = 0  # acts told one by one since `at`, net of those taken back
    lag: int = 0  # told one by one, not yet in the total
    booked: int = 0  # acts that stand in panes for this total
    booked_at: int = 0  # where the newest of them were booked
    suspect: int = -1  # a total far below the last one; -1: none


class Change(msgspec.Struct, frozen=True, gc=False):
    """What a total adds: `count` acts at `at`; taken back if negative, from where they were booked."""

    count: int
    at: int


_NONE: Final = Change(0, 0)
_encode = msgspec.msgpack.Encoder().encode
_track = msgspec.msgpack.Decoder(Track).decode


class Counters(Ledger):
    """Tracks by object (keyed hash; 0 is the account) and metric. Fed by `processors.counting`."""

    name: ClassVar[str] = "counters"

    __slots__ = ("_dirty", "_gone", "tracks")

    def __init__(self) -> None:
        self.tracks: dict[tuple[int, str], Track] = {}
        self._dirty: set[tuple[int, str]] = set()
        self._gone: set[tuple[int, str]] = set()

    # -- taking in ------------------------------------------------------------------------------------------

    def total(
        self, of: int, metric: str, count: int, at: int, newest: float, *, cumulative: bool, whole: bool
    ) -> Change:
        """Take in a total, or a number of new acts.

        Args:
            of: keyed hash of the object, 0 for the account. newest: newest event time of the influencer.
            whole: the first total stands for acts that are all still to be counted.
        """
        key = (of, metric)
        track = self.tracks.get(key)
        if track is None or track.at < newest - KEEP_S:
            return self._first(key, count, at, whole=whole)
        if at <= track.at:
            return _NONE
        self._dirty.add(key)
        if not cumulative:
            return self._settle(key, track, count, at)
        last = track.total
        if track.suspect >= 0:
            if count < last * FALL:  # borne out: counted on from there
                last, track.single, track.lag, track.booked = track.suspect, 0, 0, 0
            track.suspect = -1
        elif count < last * FALL and last - count >= FALL_MIN:
            track.suspect, track.at = count, at
            return _NONE
        track.total = count
        return self._settle(key, track, count - last, at)

    def _first(self, key: tuple[int, str], count: int, at: int, *, whole: bool) -> Change:
        track = self.tracks[key] = Track(count, at, at)
        self._dirty.add(key)
        self._gone.discard(key)
        if len(self.tracks) > TRACKS_MAX:
            self._drop(min(self.tracks, key=lambda one: (self.tracks[one].at, one)))
        if not whole or self._told_by_posts(key):
            return _NONE
        track.base_at = 0
        track.booked, track.booked_at = min(count, STEP_MAX), at
        return Change(track.booked, at)

    def _settle(self, key: tuple[int, str], track: Track, step: int, at: int) -> Change:
        surplus = step - track.single
        track.at, track.single = at, 0
        if self._told_by_posts(key):
            return _NONE
        if surplus >= 0:
            paid = min(track.lag, surplus)
            track.lag -= paid
            count = min(surplus - paid, STEP_MAX)
            if count:
                track.booked, track.booked_at = min(track.booked + count, STEP_MAX), at
            return Change(count, at)
        undone = min(-surplus, max(0, -step), STEP_MAX)  # a total that grew takes nothing back
        track.lag = min(track.lag - surplus - undone, STEP_MAX)
        where = track.booked_at or at
        track.booked = max(0, track.booked - undone)
        return Change(-undone, where)

    def _told_by_posts(self, key: tuple[int, str]) -> bool:
        """Whether it is an account's total of what its posts' totals tell already."""
        return key[0] == ACCOUNT and any(of != ACCOUNT and metric == key[1] for of, metric in self.tracks)

    def single(self, of: Iterable[int], metric: str, at: int, newest: float) -> int | None:
        """An act was told by itself. Where (epoch s) a booked one has to make room for it, or None."""
        for key in self._tracked(of, metric, newest):
            track = self.tracks[key]
            if at <= track.base_at:
                continue  # in the first total
            self._dirty.add(key)
            if at > track.at:
                track.single += 1
            elif track.booked:
                track.booked -= 1
                return track.booked_at
            else:
                track.lag += 1
        return None

    def single_undone(self, of: Iterable[int], metric: str, newest: float) -> None:
        """An act that was told by itself was taken back, which the next total will show too."""
        for key in self._tracked(of, metric, newest):
            self.tracks[key].single -= 1
            self._dirty.add(key)

    def _tracked(self, of: Iterable[int], metric: str, newest: float) -> Iterator[tuple[int, str]]:
        for one in dict.fromkeys(of):
            track = self.tracks.get((one, metric))
            if track is not None and track.at >= newest - KEEP_S:
                yield one, metric

    # -- keeping --------------------------------------------------------------------------------------------

    def trim(self, newest: float) -> None:
        """Forget totals that nobody has looked at for 35 days."""
        for key in [key for key, track in self.tracks.items() if track.at < newest - KEEP_S]:
            self._drop(key)

    def _drop(self, key: tuple[int, str]) -> None:
        del self.tracks[key]
        self._dirty.discard(key)
        self._gone.add(key)

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """Tracks that changed, and those that are gone."""
        for key in sorted(self._dirty):
            yield f"{key[0]:x}:{key[1]}", _encode(self.tracks[key])
        for key in sorted(self._gone):
            yield f"{key[0]:x}:{key[1]}", None
        self._dirty.clear()
        self._gone.clear()

    def load(self, sub: str, data: bytes) -> None:
        """A track back. Raises msgspec.DecodeError, msgspec.ValidationError, ValueError."""
        of, _, metric = sub.partition(":")
        self.tracks[int(of, 16), metric] = _track(data)
