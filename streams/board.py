"""The board in the terminal: who is well, who slips, and why. `render` is pure: values in, a picture out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streams.text import safe

SIGNAL_HEADS: dict[str, str] = {
    "interaction_quality": "quality",
    "audience_fit": "fit",
    "authenticity": "authentic",
    "all_in": "all-in",
    "connection": "connection",
    "relationship": "relation",
}
SIGNAL_WORDS = {**{name: name.replace("_", " ") for name in SIGNAL_HEADS}, "all_in": "all-in"}
_STATE_STYLE = {
    "well": "green",
    "pending": "yellow",
    "firing": "bold red",
    "no data": "magenta",
    "warming up": "dim",
    "resolved": "green",
    "no_data": "magenta",
}
_BARS = "▁▂▃▄▅▆▇█"
#: Columns from which on tier, intervals and baselines have their place.
_WIDE = 100
#: Bars of the sparkline span at least so many points of health, so that noise does not look like a cliff.
_SPARK_SPAN = 30.0
#: rich's picture loads a font from the network and names its makers' address: neither is wanted.
_FROM_THE_NETWORK = re.compile(r"@font-face\s*\{.*?\}|<!--.*?-->", re.DOTALL)
_SLIPPED, _SLIPPING = -0.20, -0.08  # relative to the baseline: red, yellow


@dataclass(frozen=True, slots=True)
class Cell:
    """One signal of one partnership (0-100); `value` None: not measurable."""

    value: float | None
    baseline: float | None = None
    alert: str | None = None  # state of its alert, if it has one that is open


@dataclass(frozen=True, slots=True)
class Row:
    """One partnership. `state`: well, pending, firing, warming up, no data; `spark`: health, newest last."""

    name: str
    tier: str
    health: float | None
    lo: float | None
    hi: float | None
    signals: Mapping[str, Cell]
    state: str
    spark: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert as it stands; `at` is event time."""

    at: datetime
    partnership: str
    signal: str
    state: str
    severity: str | None
    summary: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the board shows at one moment."""

    clock: datetime | None = None  # event time
    events_per_s: float | None = None
    read: int = 0
    counted: int = 0
    rejected: int = 0
    lag: int | None = None
    rows: Sequence[Row] = ()
    alerts: Sequence[AlertLine] = ()
    note: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


def render(snapshot: Snapshot, *, most_rows: int = 30, most_alerts: int = 6) -> RenderableType:
    """The board for 80-140 columns; a narrow one leaves out tier, intervals, baselines, not the state."""
    return _Board(snapshot, most_rows, most_alerts)


@dataclass(frozen=True, slots=True)
class _Board:
    snapshot: Snapshot
    most_rows: int
    most_alerts: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        narrow = options.max_width < _WIDE
        yield _header(self.snapshot)
        yield _table(self.snapshot, self.most_rows, narrow)
        yield _alerts(self.snapshot.alerts[: self.most_alerts], narrow)
        if self.snapshot.note:
            yield safe(self.snapshot.note, "dim", 300)


def save_picture(snapshot: Snapshot, path: Path, *, width: int = 120) -> None:
    """The board as an SVG file."""
    with Path("/dev/null").open("w") as nowhere:
        console = Console(
            record=True,
            width=width,
            file=nowhere,
            force_terminal=True,
            color_system="truecolor",
            emoji=False,
            highlight=False,
        )
        console.print(render(snapshot))
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = _FROM_THE_NETWORK.sub("", console.export_svg(title="rapport demo"))
    path.write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), encoding="utf-8")


def sparkline(values: Sequence[float | None], width: int = 16) -> str:
    """The last `width` values as bars; "·" where there was nothing to measure."""
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None]
    if not known:
        return "·" * len(shown)
    top = min(100.0, max(known) + 2)
    low = min(min(known), max(0.0, top - _SPARK_SPAN))
    span = max(top - low, 1e-9)
    last = len(_BARS) - 1
    return "".join(
        "·" if value is None else _BARS[round(min(1.0, max(0.0, (value - low) / span)) * last)]
        for value in shown
    )


def state_style(state: str) -> str:
    """The colour of a state."""
    return _STATE_STYLE.get(state, "")


def cell(signal: Cell | None, *, brief: bool = False) -> Text:
    """Value and baseline (not when `brief`), coloured by how far it slipped; "–" when not measurable."""
    if signal is None or signal.value is None:
        return Text("–", style="dim")
    style, arrow = _judge(signal.value, signal.baseline)
    if signal.alert in ("firing", "pending"):  # an alert knows more than the two numbers
        style = state_style(signal.alert)
    text = Text(f"{signal.value:.0f}", style=style)
    if signal.baseline is not None and not brief:
        text.append(f" {arrow}{signal.baseline:.0f}", style="dim" if style in ("", "green") else style)
    return text


def health_text(health: float | None, lo: float | None, hi: float | None) -> Text:
    """Health with its interval."""
    if health is None:
        return Text("–", style="dim")
    text = Text(
        f"{health:.0f}", style="bold " + ("green" if health >= 50 else "yellow" if health >= 35 else "red")
    )
    if lo is not None and hi is not None:
        text.append(f" ({lo:.0f}–{hi:.0f})", style="dim")
    return text


def when(at: datetime | None) -> str:
    """Event time for people, in UTC."""
    return "–" if at is None else at.astimezone(UTC).strftime("%a %d %b %H:%M")


def _judge(value: float, baseline: float | None) -> tuple[str, str]:
    if baseline is None or baseline <= 0:
        return "", ""
    change = value / baseline - 1
    style = "bold red" if change <= _SLIPPED else "yellow" if change <= _SLIPPING else "green"
    return style, "▼" if change <= _SLIPPING else "▲" if change >= -_SLIPPING else "≈"


def _header(snapshot: Snapshot) -> RenderableType:
    rate = "–" if snapshot.events_per_s is None else f"{snapshot.events_per_s:,.0f}"
    items = [
        ("event time", when(snapshot.clock) + (" UTC" if snapshot.clock else "")),
        ("events/s", rate),
        ("read", f"{snapshot.read:,}"),
        ("lag", "–" if snapshot.lag is None else f"{snapshot.lag:,}"),
        ("rejected", f"{snapshot.rejected:,}"),
        *snapshot.extra.items(),
    ]
    text = Text.assemble(("rapport", "bold cyan"))
    for name, value in items:
        text.append(f"   {name} ", style="dim")
        loud = name == "rejected" and snapshot.rejected > 0
        text.append(safe(value, "bold yellow" if loud else "bold", 60))
    return Panel(text, box=box.ROUNDED, border_style="cyan", padding=(0, 1))


def _table(snapshot: Snapshot, most: int, narrow: bool) -> RenderableType:
    shown = [name for name in SIGNAL_HEADS if any(name in row.signals for row in snapshot.rows)]
    table = Table(
        box=box.SIMPLE_HEAD, expand=True, pad_edge=False, header_style="bold", collapse_padding=narrow
    )
    table.add_column("partnership", ratio=1, no_wrap=True, overflow="ellipsis", min_width=14)
    if not narrow:
        table.add_column("tier", no_wrap=True)
    table.add_column("health", no_wrap=True, justify="right")
    for name in shown:
        table.add_column(_brief(SIGNAL_HEADS[name], narrow), no_wrap=True, justify="right")
    bars = 8 if narrow else 16
    table.add_column("trend", no_wrap=True, min_width=bars)
    table.add_column("state", no_wrap=True, min_width=10)
    for row in snapshot.rows[:most]:
        table.add_row(
            safe(row.name, "bold" if row.state == "firing" else "", 60),
            *(() if narrow else (safe(row.tier, limit=8),)),
            health_text(row.health, *((None, None) if narrow else (row.lo, row.hi))),
            *(cell(row.signals.get(name), brief=narrow) for name in shown),
            Text(sparkline(row.spark, bars), style="cyan"),
            Text("● " + row.state, style=state_style(row.state)),
        )
    if len(snapshot.rows) > most:
        table.add_row(Text(f"… and {len(snapshot.rows) - most} more", style="dim"))
    if not snapshot.rows:
        table.add_row(Text("no readings yet", style="dim"))
    return table


def _brief(head: str, narrow: bool) -> str:
    return f"{head[:4]}." if narrow and len(head) > 5 else head


def _alerts(lines: Sequence[AlertLine], narrow: bool) -> RenderableType:
    if not lines:
        return Panel(
            Text("none so far", style="dim"),
            title="alerts",
            title_align="left",
            box=box.ROUNDED,
            border_style="dim",
        )
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, max_width=24, overflow="ellipsis")
    grid.add_column(ratio=1)
    stack: list[RenderableType] = []
    for line in lines:
        state = line.severity if line.state == "firing" and line.severity else line.state.replace("_", " ")
        head = (
            Text(when(line.at), style="dim"),
            Text(clean_state(state), style=state_style(line.state)),
            safe(line.partnership, "bold", 60),
        )
        if narrow:
            stack += [Text("  ").join(head), Text.assemble(safe(line.summary, limit=240))]
        else:
            grid.add_row(*head, safe(line.summary, limit=240))
    loud = any(line.state == "firing" for line in lines)
    return Panel(
        Group(*stack) if narrow else grid,
        title="alerts",
        title_align="left",
        box=box.ROUNDED,
        border_style="red" if loud else "dim",
    )


def clean_state(state: str) -> str:
    """A state's word for people; a critical alert says so."""
    return {"critical": "CRITICAL", "warning": "warning"}.get(state, state)
