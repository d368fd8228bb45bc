"""A directory judged: events through the live path, alerts against the truth, the baseline beside it.

judge(path, controls=False, on_progress=None) -> Result
document(results) -> dict                the numbers of `--json`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from processors.actors import ActorHasher
from processors.evaluation.baseline import baseline
from processors.evaluation.controls import CONTROLS, compare
from processors.evaluation.drive import HASHER_KEY, Alert, Run, drive
from processors.evaluation.errors import EvaluationError
from processors.evaluation.feed import Feed, Stream, scan
from processors.evaluation.inputs import EVENTS, TRUTH, Case, Truth, load
from processors.evaluation.lines import lines_of
from processors.evaluation.matching import Judged, Matched, match
from processors.evaluation.measures import SAMPLES, spearman, summary, weekly_sd
from processors.evaluation.tally import CLEAN, MONTH_S, Tally, tally

Progress = Callable[[int], None]
#: Signals whose steadiness is shown.
_LAST_WEEKS = 4


class Result(msgspec.Struct):
    """A directory's outcome; small enough to come back from another process."""

    name: str
    events: int
    tallies: list[Tally]
    baseline: list[Tally]
    lines: list[dict[str, Any]]  # for --alerts: every alert with its verdict, every missed incident
    totals: dict[str, int]
    problems: list[str]
    notes: list[str]
    organic: list[tuple[float, float]]  # (true organic share, authenticity score)
    weekly: dict[str, list[list[float]]]  # signal -> weekly scores of clean influencers
    controls: dict[str, dict[str, Any]]


def judge(path: Path, *, controls: bool = False, on_progress: Progress | None = None) -> Result:
    """Judge one directory. `on_progress(events since the last call)`.

    Raises:
        EvaluationError: the directory cannot be judged.
    """
    case = load(path)
    lines, names = scan(path / EVENTS)
    if not names:
        raise EvaluationError(f"{path / EVENTS}: holds no events" + (f" in {lines:,} lines" if lines else ""))
    strangers = sorted({line.influencer for line in case.truth} - names)
    if strangers:
        raise EvaluationError("\n".join(
            f"{path / TRUTH}: influencer_id: {name!r} is in no event" for name in strangers[:20]
        ))  # fmt: skip
    feed = Feed(path / EVENTS)
    run = drive(case, feed, on_progress)
    ends = max(run.ends_at, feed.clock)
    ours = _matched(case, feed, run.alerts)
    hashed = _hashed(case)
    plain = {
        name: match(baseline(stream, name, stream.first, ends), _truth_of(case, name))
        for name, stream in feed.streams.items()
    }
    tiers = run.tiers
    tallies = _tallies(case.name, ours, feed.streams, tiers, ends, hashed)
    return Result(
        case.name, feed.lines, tallies,
        _tallies(case.name, plain, feed.streams, tiers, ends, {}),
        list(lines_of(case.name, ours, tiers)), run.totals, run.problems, case.notes,
        _organic(case, run), _weekly(run, tallies),
        _controls(case, ours, on_progress) if controls else {},
    )  # fmt: skip


def _truth_of(case: Case, name: str) -> list[Truth]:
    return [line for line in case.truth if line.influencer == name]


def _matched(case: Case, feed: Feed, alerts: Sequence[Alert]) -> dict[str, Matched]:
    by_name: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_name.setdefault(alert.influencer, []).append(alert)
    return {name: match(by_name.get(name, ()), _truth_of(case, name)) for name in feed.streams}


def _tallies(
    case: str, matched: dict[str, Matched], streams: dict[str, Stream], tiers: dict[str, str], ends: float,
    hashed: dict[str, str],
) -> list[Tally]:  # fmt: skip
    return [
        tally(case, name, tiers.get(name, "unknown"), max(0.0, ends - streams[name].first) / MONTH_S, found,
              streams[name].times, hashed)
        for name, found in matched.items()
    ]  # fmt: skip


def _hashed(case: Case) -> dict[str, str]:
    """Actor id -> its keyed hash as alerts name it (16 hex digits)."""
    hasher = ActorHasher(HASHER_KEY)
    return {actor: f"{hasher.hash(actor) & 0xFFFFFFFF:08x}" for line in case.truth for actor in line.actors}


def _organic(case: Case, run: Run) -> list[tuple[float, float]]:
    """(true organic share, median authenticity of the last weeks) where both are known."""
    meta = case.meta
    shares = meta.organic_share or {name: 1 - low for name, low in meta.low_credibility.items()}
    return [
        (share, median(value for _, value in scores[-_LAST_WEEKS:]))
        for name, share in shares.items()
        if (scores := run.scores.get(name, {}).get("authenticity"))
    ]


def _weekly(run: Run, tallies: Iterable[Tally]) -> dict[str, list[list[float]]]:
    out: dict[str, list[list[float]]] = {}
    for one in tallies:
        if one.group == CLEAN:
            for signal, scores in run.scores.get(one.influencer, {}).items():
                out.setdefault(signal, []).append([value for _, value in scores])
    return out


def _controls(
    case: Case, ours: dict[str, Matched], on_progress: Progress | None
) -> dict[str, dict[str, Any]]:
    plain = [judged for one in ours.values() for judged in one.judged]
    incidents = sum(len(one.incidents) for one in ours.values())
    out = {}
    for name, kind in CONTROLS.items():
        feed = kind(case.path / EVENTS)
        run = drive(case, feed, on_progress)
        bent: list[Judged] = [j for one in _matched(case, feed, run.alerts).values() for j in one.judged]
        out[name] = compare(name, plain, bent, incidents)
    return out


def document(results: Sequence[Result], *, samples: int = SAMPLES) -> dict[str, Any]:
    """Everything that `--json` holds, over all directories."""
    tallies = [one for result in results for one in result.tallies]
    out = summary(tallies, samples)
    out["baseline"] = summary([one for result in results for one in result.baseline], samples)
    out["organic_rank_correlation"] = spearman([pair for result in results for pair in result.organic])
    signals = sorted({signal for result in results for signal in result.weekly})
    out["weekly_sd"] = {s: weekly_sd(v for r in results for v in r.weekly.get(s, ())) for s in signals}
    out["events"] = {
        "lines": sum(result.events for result in results),
        "skipped": sum(result.totals.get("rejected", 0) for result in results),
        "duplicate": sum(result.totals.get("duplicate", 0) for result in results),
        "late": sum(result.totals.get("late", 0) for result in results),
        "expired": sum(result.totals.get("expired", 0) for result in results),
    }
    if any(result.controls for result in results):
        out["controls"] = {result.name: result.controls for result in results}
    out["directories"] = [result.name for result in results]
    return out
