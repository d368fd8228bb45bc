"""Controls: the same events, bent in a way whose effect is known beforehand.

    CONTROLS: name -> feed        Shuffled, Doubled, Late
    compare(name, plain, bent) -> dict

Times dealt out anew must bring recall down to about nothing: what detection finds lies in the order of
things. Every event twice must change no alert. Arrival up to six hours late must change neither which
incidents are found nor what rings falsely (only when).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from processors.evaluation.feed import Feed, Rec
from processors.evaluation.matching import FALSE, TRUE, Judged

LATE_S: Final = 6 * 3_600
_OCCURRED: Final = re.compile(rb'"occurred_at"\s*:\s*"([^"]*)"')
_RECEIVED: Final = re.compile(rb'"received_at"\s*:\s*"[^"]*"')


class Shuffled(Feed):
    """All times of the file dealt out anew over all its events."""

    def records(self) -> Iterator[Rec]:
        rng = Random(1)  # noqa: S311
        lines: list[bytes] = []
        times: list[bytes] = []
        with self.path.open("rb", buffering=1 << 20) as file:
            for line in file:
                if (found := _OCCURRED.search(line)) is not None:
                    lines.append(line.rstrip())
                    times.append(found[1])
        rng.shuffle(lines)
        times.sort(key=_seconds)
        bent = (
            _RECEIVED.sub(
                b'"received_at":null', _OCCURRED.sub(b'"occurred_at":"' + at + b'"', line, count=1), 1
            )
            for at, line in zip(times, lines, strict=True)
        )
        yield from self.parsed(bent)


class Doubled(Feed):
    """Every event twice, with the id it has."""

    def records(self) -> Iterator[Rec]:
        for record in super().records():
            yield record
            yield record


class Late(Feed):
    """Every event arrives up to six hours later than it did, so also in another order."""

    def records(self) -> Iterator[Rec]:
        rng = Random(2)  # noqa: S311
        late = list(super().records())
        for record in late:
            record.timestamp += int(rng.random() * LATE_S * 1_000)
        late.sort(key=_stamp)
        yield from late


CONTROLS: Final[dict[str, type[Feed]]] = {"shuffled": Shuffled, "doubled": Doubled, "late": Late}


def _stamp(record: Rec) -> int:
    return record.timestamp


def _seconds(text: bytes) -> float:
    try:
        at = datetime.fromisoformat(text.decode())
    except ValueError:
        return 0.0
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def compare(name: str, plain: list[Judged], bent: list[Judged], incidents: int) -> dict[str, Any]:
    """What a control shows beside the plain run (both over the same truth)."""
    found, kept = _found(plain), _found(bent)
    out: dict[str, Any] = {
        "recall": len(kept) / incidents if incidents else None, "alerts": len(bent),
        "incidents_lost": sorted(found - kept), "incidents_gained": sorted(kept - found),
        "false_lost": sum((_false(plain) - _false(bent)).values()),
        "false_gained": sum((_false(bent) - _false(plain)).values()),
    }  # fmt: skip
    if name == "doubled":
        differing = _all(plain) - _all(bent) + (_all(bent) - _all(plain))
        out["differing_alerts"] = sum(differing.values())
    return out


def _found(judged: list[Judged]) -> set[str]:
    return {one.incident.incident for one in judged if one.verdict == TRUE and one.incident is not None}


def _false(judged: list[Judged]) -> Counter[tuple[str, str]]:
    return Counter(
        (j.alert.influencer, j.alert.signal) for j in judged if j.verdict == FALSE and not j.merged
    )


def _all(judged: list[Judged]) -> Counter[tuple[float, str, str, str, str]]:
    return Counter(
        (j.alert.at, j.alert.influencer, j.alert.signal, j.alert.rule, j.alert.subject) for j in judged
    )
