"""`rapport status`: totals, partnerships, one partnership in full, or an influencer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from schemas import Alert, Reading, SignalReading
    from streams.reader import InfluencerState, Reader
    from streams.settings import Settings

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport status    [dim]totals and all partnerships[/dim]

[dim]$[/dim] rapport status acme--ann    [dim]signals with their parts, alerts, lifetime counts[/dim]

[dim]$[/dim] rapport status --influencer bluesky:did:plc:xyz --json"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="status", epilog=EPILOG)(status)


def status(
    partnership: Annotated[
        str | None,
        typer.Argument(metavar="[PARTNERSHIP]", help="Only this one, in full.", show_default=False),
    ] = None,
    influencer: Annotated[
        str | None, typer.Option(metavar="ID", help="An influencer, with or without a partnership.")
    ] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show how partnerships stand: totals, windows, readings, lifetime counts."""
    from streams.commands.output import out, print_json, run

    if partnership and influencer:
        raise typer.BadParameter("give a partnership or --influencer, not both")
    settings = settings_from(broker, redis, namespace, config)
    if partnership is None and influencer is None:
        found, board = run(_all(settings))
        if json:
            print_json(found)
        else:
            out().print(board)
        return
    detail = run(_one(settings, partnership, influencer))
    if json:
        print_json(detail)
    else:
        for part in _describe(detail):
            out().print(part, soft_wrap=False)


async def _all(settings: Settings) -> tuple[dict[str, Any], Any]:
    from streams.board import render
    from streams.errors import RapportError
    from streams.reader import Reader, lag, sum_totals
    from streams.snapshot import Rate, take

    async with Reader(settings) as reader:
        fences = await reader.fences()
        try:
            log = await _log(settings, await reader.topic())
            behind: int | None = lag(
                fences, {n: e for n, (_, e) in log.items()}, {n: s for n, (s, _) in log.items()}
            )
            note = ""
        except RapportError as error:  # what Redis knows is worth showing without the broker
            log, behind, note = {}, None, f"lag unknown: {error}"
        ends = {number: end for number, (_, end) in log.items()} or None
        snapshot = await take(reader, Rate(), ends=ends, note=note)
        totals = sum_totals(fences)
        unpartnered = await reader.readings(unpartnered=True)
        document = {
            "totals": {name: getattr(totals, name) for name in type(totals).__slots__}
            | {"balanced": totals.balanced},
            "lag": behind,
            "event_clock": snapshot.clock,
            "partitions": [
                {"partition": f.partition, "next": f.next, "epoch": f.epoch, "read": f.totals.read}
                for f in fences
            ],
            "states": {row.name: row.state for row in snapshot.rows},
            "readings": await reader.readings(),
            "unpartnered": [r.influencer_id for r in unpartnered],
        }
        return document, render(snapshot)


async def _log(settings: Settings, topic: str) -> dict[int, tuple[int, int]]:
    from streams.consume import spans

    return {number: (span.start, span.end) for number, span in (await spans(settings, topic)).items()}


async def _one(settings: Settings, partnership: str | None, influencer: str | None) -> dict[str, Any]:
    from streams.errors import NotFoundError
    from streams.reader import Reader

    async with Reader(settings) as reader:
        if influencer is None:
            reading = await reader.reading(partnership or "")
            if reading is None:
                raise NotFoundError(
                    f"no reading of {partnership!r} yet",
                    hint="`rapport partnerships list` names all, `rapport status` those with readings",
                )
            state = await reader.influencer(reading.influencer_id)
            readings = [reading]
        else:
            state = await reader.influencer(influencer)
            readings = await _of_influencer(reader, influencer)
            if state is None and not readings:
                raise NotFoundError(f"nothing is known of the influencer {influencer!r}")
        names = {reading.partnership_id for reading in readings}
        sparks = await reader.sparks()
        return {
            "influencer": _influencer(state),
            "readings": readings,
            "alerts": [alert for alert in await reader.alerts() if alert.partnership_id in names],
            "spark": {name: sparks.get(name, []) for name in sorted(names)},
        }


async def _of_influencer(reader: Reader, influencer: str) -> list[Reading]:
    from streams.reader import NONE_PREFIX

    found = [reading for reading in await reader.readings() if reading.influencer_id == influencer]
    alone = await reader.reading(NONE_PREFIX + influencer)
    return found or ([alone] if alone else [])


def _influencer(state: InfluencerState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {
        "influencer_id": state.influencer_id,
        "partition": state.partition,
        "followers": state.followers,
        "lifetime": dict(state.lifetime),
        **state.facts,
    }


def _describe(detail: dict[str, Any]) -> Iterator[Any]:
    from rich.text import Text

    from streams.text import safe

    if detail["influencer"]:
        facts = detail["influencer"]
        followers = "unknown" if facts["followers"] is None else f"{facts['followers']:,}"
        counts = "  ".join(f"{name} {count:,}" for name, count in facts["lifetime"].items() if count)
        yield Text.assemble(
            safe(facts["influencer_id"], "bold"), f"   followers {followers}   partition {facts['partition']}"
        )
        yield Text.assemble(("lifetime  ", "dim"), counts or "nothing counted yet")
    for reading in detail["readings"]:
        yield _heading(reading, detail)
        yield _signals(reading)
    for alert in detail["alerts"]:
        yield _alert(alert)


def _heading(reading: Reading, detail: dict[str, Any]) -> Any:
    from rich.text import Text

    from streams.board import health_text, sparkline, state_style, when
    from streams.snapshot import state_of
    from streams.text import safe

    alerts = [alert for alert in detail["alerts"] if alert.partnership_id == reading.partnership_id]
    state = state_of(reading, alerts)
    bars = sparkline([value for _, value in detail["spark"].get(reading.partnership_id, [])], 40)
    health = reading.health
    return Text.assemble(
        "\n",
        safe(reading.partnership_id, "bold"),
        "   ",
        safe(reading.tier or "size unknown"),
        "   health ",
        health_text(health.value, health.lo, health.hi),
        "   ",
        ("● " + state, state_style(state)),
        (f"   at {when(reading.at)} UTC{' (provisional)' if reading.provisional else ''}", "dim"),
        "\n",
        (bars, "cyan"),
    )


def _signals(reading: Reading) -> Any:
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("signal", "value", "95 %", "baseline", "n", "window"):
        table.add_column(head, no_wrap=True)
    why: list[Any] = []  # in lines of their own: a column of the table would be too narrow for sentences
    for name, signal in reading.signals.items():
        _signal_rows(table, why, name, signal, 0)
    return Group(table, *why)


def _signal_rows(table: Any, why: list[Any], name: str, signal: SignalReading, depth: int) -> None:
    from rich.text import Text

    from streams.text import safe

    def number(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f}" if depth == 0 or abs(value) >= 10 else f"{value:.3g}"

    interval = "" if signal.lo is None or signal.hi is None else f"{number(signal.lo)}–{number(signal.hi)}"
    table.add_row(
        safe(("· " * depth) + name.replace("_", " "), "" if depth == 0 else "dim"),
        number(signal.value if signal.measurable else None),
        interval,
        number(signal.baseline),
        f"{signal.n:,.0f}",
        safe(signal.window or ""),
    )
    if signal.why:
        line = f"{name.replace('_', ' ')} is not measurable: {signal.why}"
        why.append(Text.assemble(safe(line, "dim", 400)))
    if depth < 3:
        for part, inner in signal.parts.items():
            _signal_rows(table, why, part, inner, depth + 1)


def _alert(alert: Alert) -> Any:
    from rich.text import Text

    from streams.board import state_style, when
    from streams.text import safe

    return Text.assemble(
        "\n",
        (alert.state.replace("_", " "), state_style(alert.state)),
        "  ",
        (when(alert.at), "dim"),
        "  ",
        safe(alert.summary, limit=400),
    )
