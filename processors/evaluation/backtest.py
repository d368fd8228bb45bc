"""Rules tried on a recorded stretch: what they would have raised, beside what others raise on it.

    read(path) -> Case                                  truth.ndjson may be missing
    backtest(case, feed, new, old) -> Outcome           one pass: each detector judges once for both sets

With the truth there, recall and precision are those of `rapport evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from processors.evaluation.drive import Alert, Run, drive
from processors.evaluation.errors import EvaluationError
from processors.evaluation.feed import Feed
from processors.evaluation.inputs import EVENTS, TRUTH, Case, load, load_without_truth
from processors.evaluation.matching import match
from processors.evaluation.measures import summary
from processors.evaluation.tally import MONTH_S, Tally, tally
from processors.rules.book import RuleBook
from processors.rules.compare import LIVE, SHADOW, Pair, episodes, pairs

Progress = Callable[[int], None]
#: What is told of each set where the truth is known.
MEASURES: Final = ("recall", "precision", "false_alerts_per_influencer_month")


class Outcome(msgspec.Struct):
    """What came of both sets. `measures`: by set ("old", "new"), only where the truth is known."""

    pairs: list[Pair]
    events: int
    days: float
    measures: dict[str, dict[str, Any]]
    totals: dict[str, int]
    problems: list[str]


def read(path: Path) -> Case:
    """The directory's case, with or without truth. Raises EvaluationError."""
    if not (path / EVENTS).is_file():
        raise EvaluationError(f"{path / EVENTS}: is missing")
    return load(path) if (path / TRUTH).is_file() else load_without_truth(path)


def backtest(
    case: Case, feed: Feed, new: RuleBook, old: RuleBook | None = None, on_progress: Progress | None = None
) -> Outcome:
    """Run the events once under `old` (None: the defaults) and `new`. `on_progress(events since last)`."""
    run = drive(case, feed, on_progress, rules=old, shadow_rules=new)
    found = episodes(run.compared)
    first = min((stream.first for stream in feed.streams.values()), default=run.ends_at)
    measures = {}
    if case.truth:
        sets = (("old", LIVE), ("new", SHADOW))
        measures = {
            name: _measured(case, feed, run, [_alert(one) for one in found if one.set == which])
            for name, which in sets
        }
    return Outcome(
        pairs(found), feed.lines, max(0.0, run.ends_at - first) / 86_400, measures, run.totals, run.problems
    )


def _alert(one: Any) -> Alert:
    return Alert(one.fired, one.influencer, one.signal, one.rule, one.subject, one.severity, one.partnership)


def _measured(case: Case, feed: Feed, run: Run, alerts: list[Alert]) -> dict[str, Any]:
    tallies: list[Tally] = []
    ends = max(run.ends_at, feed.clock)
    for name, stream in feed.streams.items():
        matched = match(
            [one for one in alerts if one.influencer == name],
            [line for line in case.truth if line.influencer == name],
        )
        months = max(0.0, ends - stream.first) / MONTH_S
        tallies.append(
            tally(case.name, name, run.tiers.get(name, "unknown"), months, matched, stream.times, {})
        )
    found = summary(tallies)
    delay = found["delay_h"]
    return {**{name: found[name] for name in MEASURES}, "median_delay_h": delay["median"]}
