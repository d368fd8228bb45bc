"""Back-testing rules: recorded events from a directory or from the live topic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import InputError

if TYPE_CHECKING:
    from processors.evaluation.backtest import Outcome
    from processors.rules.book import RuleBook
    from streams.settings import Settings

#: Events taken from a topic at most: they are held in memory to be put in order of time.
MOST_EVENTS = 2_000_000
_READ_S = 1_800.0
#: A stretch under so many days holds no reference.
_REFERENCE_D = 35


def of_directory(path: Path, new: RuleBook, old: RuleBook | None) -> Outcome:
    """Try rules on a directory's events, with a progress bar. Raises InputError."""
    from processors.evaluation.backtest import backtest, read
    from processors.evaluation.errors import EvaluationError
    from processors.evaluation.feed import Feed, scan
    from processors.evaluation.inputs import EVENTS
    from streams.commands.output import progress, warn

    try:
        case = read(path)
        lines, names = scan(path / EVENTS)
        if not names:
            raise InputError(f"{path / EVENTS}: holds no events")
        for note in case.notes:
            warn(note)
        with progress() as bar:
            task: Any = bar.add_task("events", total=lines, note="")
            return backtest(case, Feed(path / EVENTS), new, old, lambda done: bar.update(task, advance=done))
    except EvaluationError as error:
        raise InputError(str(error)) from error


def of_topic(settings: Settings, since_s: float, new: RuleBook, old: RuleBook | None) -> Outcome:
    """Try rules on what lies in the events topic. Raises InputError, BrokerUnavailableError,
    NotFoundError."""
    from time import time

    from processors.evaluation.backtest import backtest
    from processors.evaluation.feed import Feed, Rec
    from processors.evaluation.inputs import Case, Meta
    from streams.commands.output import progress, run
    from streams.commands.partnerships import read_book

    records = run(_fetch(settings, int((time() - since_s) * 1_000)))
    if not records:
        raise InputError(f"{settings.topic('engagement.events.v1')}: holds no events of that time")
    partnerships = run(read_book(settings))

    class Fetched(Feed):
        """Events of the topic, stamped as they came."""

        def records(self) -> Iterator[Rec]:
            parsed = self.parsed(value for *_, value in records)
            for (stamp, _, _, key, _), one in zip(records, parsed, strict=False):
                yield Rec(one.offset, stamp, key, one.value)

    case = Case(Path(settings.topic("engagement.events.v1")), partnerships, [], Meta(), [])
    with progress() as bar:
        task: Any = bar.add_task("events", total=len(records), note="")
        return backtest(case, Fetched(case.path), new, old, lambda done: bar.update(task, advance=done))


Row = tuple[int, int, int, bytes | None, bytes]


async def _fetch(settings: Settings, since_ms: int) -> list[Row]:
    """(timestamp ms, partition, offset, key, value), in order of time."""
    from contextlib import aclosing

    from schemas.topics import EVENTS
    from streams.consume import scan

    found: list[Row] = []
    async with aclosing(
        scan(settings, settings.topic(EVENTS), since_ms=since_ms, timeout_s=_READ_S)
    ) as records:
        async for record in records:
            if not record.value or not record.value.strip() or b"\n" in record.value:
                continue
            found.append((record.timestamp_ms, record.partition, record.offset, record.key, record.value))
            if len(found) > MOST_EVENTS:
                raise InputError(
                    f"more than {MOST_EVENTS:,} events since then", hint="a smaller --since, or a directory"
                )
    return sorted(found, key=lambda one: one[:3])


def document(found: Outcome) -> dict[str, Any]:
    """For --json."""
    from processors.rules.compare import by_rule

    return {
        "events": found.events, "days": round(found.days, 2), "by_rule": by_rule(found.pairs),
        "added": [pair.row() for pair in found.pairs if pair.which == "shadow"],
        "removed": [pair.row() for pair in found.pairs if pair.which == "live"],
        "both": [pair.row() for pair in found.pairs if pair.which == "both"],
        "measures": found.measures, "totals": found.totals,
    }  # fmt: skip


def tell(found: Outcome, old: str, new: str) -> None:
    """On stdout: counts, what would be added and removed, recall and precision."""
    from streams.commands.output import out, say, warn
    from streams.ruleview import comparison

    for line in found.problems[:5]:
        warn(line)
    if found.days < _REFERENCE_D:
        warn(f"{found.days:.0f} days of events: most detectors say nothing without a reference of 28 days")
    console = out()
    old, new = (old, new) if old != new else ("old", "new")
    for part in comparison(found.pairs, old, new):
        console.print(part, soft_wrap=True)
    for name, measured in zip((old, new), found.measures.values(), strict=False):
        told = ", ".join(
            f"{measure.replace('_', ' ')} {'–' if value is None else format(value, '.2f')}"
            for measure, value in measured.items()
        )
        console.print(f"{name}: {told}", markup=False, soft_wrap=True)
    say(f"{found.events:,} events over {found.days:.0f} days")
