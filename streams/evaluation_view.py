"""What `rapport evaluate` prints and writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from processors.evaluation.judge import Result

_MOST_WARNINGS = 10


def number(value: Any, form: str = ".2f") -> str:
    """A number as people read it; a dash where there is none."""
    return "–" if value is None else format(value, form)


def percent(value: Any) -> str:
    """A share in percent."""
    return "–" if value is None else f"{100 * value:.0f} %"


def table(found: Mapping[str, Any]) -> None:
    """The numbers on stdout: all, by type, by tier, negatives."""
    from streams.commands.output import out

    console = out()
    console.print(_all(found))
    console.print(_by("incident", found, "by_type"))
    console.print(_by("tier", found, "by_tier"))
    if found["by_negative"]:
        console.print(_negatives(found))
    counts = found["counts"]
    console.print(
        f"{counts['incidents']} incidents and {counts['negatives']} hard negatives, "
        f"{counts['influencers']} influencers in {counts['influencer_months']:.0f} influencer-months, "
        f"{found['events']['lines']:,} events"
    )
    for name, controls in found.get("controls", {}).items():
        for control, values in controls.items():
            told = ", ".join(f"{key.replace('_', ' ')} {_short(value)}" for key, value in values.items())
            console.print(f"control {control} ({name}): {told}", markup=False, soft_wrap=True)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return str(len(value))
    return number(value) if isinstance(value, float) or value is None else str(value)


def _new(title: str, *columns: str) -> Table:
    from rich import box
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in columns:
        made.add_column(name, justify="left" if name == columns[0] else "right")
    return made


#: Row of the first table: (label, path in the document, how it is written).
ROWS = (
    ("recall", ("recall",), percent),
    ("precision", ("precision",), percent),
    ("precision, repeats false", ("precision_repeats_false",), percent),
    ("F1", ("f1",), number),
    ("false alerts per influencer-month", ("false_alerts_per_influencer_month",), lambda v: number(v, ".3f")),
    ("… of clean influencers", ("false_alerts", "clean"), lambda v: number(v, ".3f")),
    ("… of hard negatives", ("false_alerts", "negatives"), lambda v: number(v, ".3f")),
    ("… of influencers with incidents", ("false_alerts", "incidents"), lambda v: number(v, ".3f")),
    ("delay, median h", ("delay_h", "median"), lambda v: number(v, ".1f")),
    ("delay, P90 h", ("delay_h", "p90"), lambda v: number(v, ".1f")),
    ("delay, median events", ("delay_events", "median"), lambda v: number(v, ".0f")),
    ("delay, share of the allowed", ("delay_share",), percent),
    ("wrong signal", ("wrong_signal",), percent),
    ("negatives alerted", ("negatives_alerted",), percent),
    ("actors named, precision", ("actors", "precision"), percent),
    ("actors named, recall", ("actors", "recall"), percent),
)


def at(found: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at a path; None where the path ends early."""
    value: Any = found
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def interval(found: Mapping[str, Any], path: Sequence[str], told: Any) -> str:
    """The 95 % interval of a row."""
    bounds = at(found["ci95"], path)
    return f"{told(bounds[0])} – {told(bounds[1])}" if isinstance(bounds, list) else ""


def _all(found: Mapping[str, Any]) -> Table:
    made = _new("detection", "", "Rapport", "95 %", "baseline")
    for label, path, told in ROWS:
        made.add_row(
            label, told(at(found, path)), interval(found, path, told), told(at(found["baseline"], path))
        )
    if found["organic_rank_correlation"] is not None:
        made.add_row("authenticity: rank correlation", number(found["organic_rank_correlation"]), "", "–")
    for signal, spread in found["weekly_sd"].items():
        if spread["median"] is not None:
            made.add_row(f"weekly sd, {signal}", number(spread["median"], ".1f"), "", "–")
    return made


def _by(title: str, found: Mapping[str, Any], key: str) -> Table:
    made = _new(f"by {title}", title, "n", "recall", "delay h", "of allowed", "baseline", "its delay h")
    made.columns[0].min_width = max(map(len, found[key]), default=0)  # names are not to be cut
    for name, row in found[key].items():
        other = found["baseline"][key].get(name, {})
        made.add_row(
            name, str(row["n"]), percent(row["recall"]), number(row["delay_h"], ".1f"),
            percent(row["delay_share"]), percent(other.get("recall")), number(other.get("delay_h"), ".1f"),
        )  # fmt: skip
    return made


def _negatives(found: Mapping[str, Any]) -> Table:
    made = _new("hard negatives", "kind", "n", "alerted", "baseline")
    for kind, row in found["by_negative"].items():
        other = found["baseline"]["by_negative"].get(kind, {})
        made.add_row(kind, str(row["n"]), percent(row["alerted"]), percent(other.get("alerted")))
    return made


def warnings(results: Sequence[Result]) -> None:
    """Notes, and the lines that were left out, on stderr."""
    from streams.commands.output import warn

    for result in results:
        for note in result.notes:
            warn(note)
        for problem in result.problems[:_MOST_WARNINGS]:
            warn(problem)
        if (skipped := result.totals.get("rejected", 0)) > _MOST_WARNINGS:
            warn(f"{result.name}: {skipped:,} lines were left out in all")


def write_json(path: Path, found: Any) -> None:
    """The document, to a file or stdout. Raises InputError."""
    _write(path, json.dumps(found, indent=1, allow_nan=False) + "\n")


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """NDJSON, to a file or stdout. Raises InputError."""
    _write(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def write_report(
    path: Path, found: Mapping[str, Any], held_out: Mapping[str, Any] | None, open_sets: Path | None
) -> None:
    """The report in Markdown. Raises InputError."""
    from datetime import UTC, datetime

    from processors.evaluation.report import markdown

    others: Any = {}
    if open_sets is not None:
        try:
            others = json.loads(open_sets.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{open_sets}: cannot be read: {error}") from error
    _write(path, markdown(found, held_out, others, datetime.now(UTC).date()))


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        sys.stdout.write(text)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def files(form: str, paths: Sequence[Path], target: Path | None) -> None:
    """The other forms: `accounts FILE`, `comments FILE`, `series FILE...`. Raises InputError."""
    from processors.evaluation.errors import EvaluationError

    if not paths or (form != "series" and len(paths) != 1):
        raise InputError(f"evaluate {form}: needs {'at least one file' if form == 'series' else 'one file'}")
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: {'is a directory' if path.is_dir() else 'no such file'}")
    try:
        if form == "series":
            _series(paths, target)
            return
        _print(_measured(form, paths[0]), target)
    except EvaluationError as error:
        raise InputError(str(error)) from error


def open_set(form: str, directory: Path, target: Path | None) -> None:
    """`changepoints DIR` and `nab DIR`: what an open set says. Raises InputError."""
    from processors.evaluation.changepoints import evaluate_changepoints
    from processors.evaluation.errors import EvaluationError
    from processors.evaluation.nab import measures
    from processors.evaluation.series import score_series

    try:
        found = (
            evaluate_changepoints(directory) if form == "changepoints" else measures(directory, score_series)
        )
    except (EvaluationError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{directory}: cannot be read as {form}: {error}") from error
    _print(found, target)


def _measured(form: str, path: Path) -> Mapping[str, Any]:
    if form == "accounts":
        from processors.evaluation.accounts import evaluate_accounts

        return evaluate_accounts(path)
    from processors.evaluation.comments import evaluate_comments

    return evaluate_comments(path)


def _print(found: Mapping[str, Any], target: Path | None) -> None:
    from streams.commands.output import out

    if target is not None:
        write_json(target, found)
        if str(target) == "-":
            return
    made = _new("", "measure", "value")
    for name, value in found.items():
        if isinstance(value, Mapping):
            continue  # one by one: in the JSON
        made.add_row(name, number(value, ".4f") if isinstance(value, float) or value is None else str(value))
    out().print(made)


def _series(paths: Sequence[Path], target: Path | None) -> None:
    """CSV on stdout, `timestamp,value,anomaly_score`; of several files with the file's name before it."""
    import csv

    from processors.evaluation.series import score_series

    writer = csv.writer(sys.stdout, lineterminator="\n")
    several = len(paths) > 1
    quiet = target is not None and str(target) == "-"
    if not quiet:
        writer.writerow((["file"] if several else []) + ["timestamp", "value", "anomaly_score"])
    scores: dict[str, list[list[Any]]] = {}
    for path in paths:
        rows = score_series(path)
        if target is not None:
            scores[str(path)] = [list(row) for row in rows]
        if not quiet:
            for stamp, value, score in rows:
                writer.writerow([*([str(path)] if several else []), stamp, repr(value), f"{score:.6g}"])
    if target is not None:
        write_json(target, scores)
