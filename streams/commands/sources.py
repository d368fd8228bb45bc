"""`rapport sources list|show|try`: where events come from, and what becomes of a payload."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from streams.sources import Options, Parsed, Source
    from streams.sources.inputs import Payload

app = typer.Typer(
    name="sources", no_args_is_help=True, help="Where events come from, and what becomes of them."
)

TRY_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport sources try frames.ndjson --source bluesky

[dim]$[/dim] rapport sources try webhook.json    [dim]the source is found by trying each[/dim]

[dim]$[/dim] rapport sources try reviews.csv --mapping reviews.yaml --json

Nothing is sent anywhere. .ndjson: a payload a line; .csv: one a row; .json: the document, or each item of a
list; .xml: the document; all may be gzipped, and - is standard input. A mapping file may be as small as

name: shop
rules:
- kind: comment
  id: "shop/{id}"
  at: created
  influencer: "shop:{owner}"
  actor: {id: "shop:{user}"}
  text: body"""
_SHOWN = 200


@app.command("list", epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport sources list --json")
def list_(
    markdown: Annotated[bool, typer.Option("--markdown", help="The tables of docs/sources.md.")] = False,
    json: Json = False,
) -> None:
    """Show the sources that are built in, and how well each tells what."""
    import sys

    from streams.commands.output import out, print_json
    from streams.sources import SOURCES
    from streams.sources.abilities import ASPECTS

    if markdown:
        from streams.sources.table import measurable, tells

        sys.stdout.write(f"{tells()}\n\n{measurable()}\n")
        return
    if json:
        print_json({"sources": [described(source()) for source in SOURCES.values()]})
        return
    from rich.table import Table

    table = Table("aspect", *SOURCES, box=None, pad_edge=False, header_style="bold")
    for aspect in ASPECTS:
        table.add_row(aspect, *(source.abilities[aspect].level for source in SOURCES.values()))
    out().print(table)


@app.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport sources show instagram")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A source, or a mapping file (.yaml).")],
    json: Json = False,
) -> None:
    """Show one source: delivery, identity, times, traps, and what cannot be measured from it alone."""
    from streams.commands.output import out, print_json

    source = _source(name, None) if not name.endswith((".yaml", ".yml")) else _source(None, Path(name))
    told = described(source)
    if json:
        print_json(told)
        return
    from rich.table import Table

    from streams.sources.abilities import ASPECTS
    from streams.text import safe

    console = out()
    console.print(safe(told["title"], "bold"))
    for label in ("delivery", "identity", "time"):
        console.print(safe(f"{label}: {told[label]}", limit=1_000))
    for note in told["notes"]:
        console.print(safe(f"- {note}", limit=1_000))
    table = Table("tells", "how", "", box=None, pad_edge=False, header_style="bold")
    for aspect, ability in source.abilities.items():
        table.add_row(ASPECTS[aspect], ability.level, safe(ability.why))
    console.print(table)
    if told["not_measurable"]:
        table = Table(
            "not measurable", "because it does not tell", box=None, pad_edge=False, header_style="bold"
        )
        for part, why in told["not_measurable"].items():
            table.add_row(part, safe(why, limit=400))
        console.print(table)


@app.command("try", epilog=TRY_EPILOG)
def try_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Payloads as they came; - is standard input.")],
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="See `sources list`.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="FILE", exists=True, dir_okay=False, help="A mapping file."),
    ] = None,
    watch: Annotated[
        list[str] | None,
        typer.Option("--watch", metavar="ID", help="Only what concerns this account; repeatable."),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ID", help="The own account, where payloads do not name it."),
    ] = None,
    instance: Annotated[
        str, typer.Option("--instance", metavar="HOST", help="Server, where ids hold on one server only.")
    ] = "",
    received: Annotated[
        str | None, typer.Option("--received", metavar="TIME", help="When they came; now without.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what becomes of each payload: its events, or the reason why not. Nothing is sent."""
    from streams.commands.output import print_json
    from streams.errors import InputError
    from streams.sources.base import Options
    from streams.sources.inputs import read_payloads
    from streams.sources.times import moment

    if source and mapping:
        raise typer.BadParameter("give either --source or --mapping")
    at = moment(received) if received else dt.datetime.now(dt.UTC)
    if at is None:
        raise typer.BadParameter("--received should be like 2026-11-22T10:15:30Z")
    payloads = list(read_payloads(file))
    if not payloads:
        raise InputError(f"{file}: no payloads in it")

    def options() -> Options:
        return Options(frozenset(watch) if watch else None, account, instance)

    chosen = _source(source, mapping, options()) if source or mapping else _guessed(payloads, at, options)
    results = [(one.number, chosen.parse(one.body, at)) for one in payloads]
    if json:
        print_json(_document(chosen, results))
        return
    _table(chosen, results)


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport sources follow bluesky --url wss://jetstream.example/subscribe

[dim]$[/dim] RAPPORT_MASTODON_TOKEN=… rapport sources follow mastodon --account 23634
    --url wss://social.example/api/v1/streaming

Bluesky: the cursor and what may be deleted lie in Redis, so it goes on where it was after Ctrl-C or a
crash. What concerns an influencer with a partnership (ids like bluesky:did:plc:…) is kept; the book is
asked once a minute. Mastodon: the token is the influencer's (scopes read:statuses, read:notifications); their
id is then mastodon:HOST/ACCOUNT. What comes while nobody is connected Mastodon does not send again."""
)
def follow(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="bluesky or mastodon; others come as webhooks or polls.")
    ],
    url: Annotated[
        str,
        typer.Option(
            "--url",
            metavar="URL",
            envvar="RAPPORT_JETSTREAM_URL",
            help="Of a Jetstream server or streaming API.",
        ),
    ],
    cursor_file: Annotated[
        Path | None, typer.Option("--cursor-file", metavar="FILE", dir_okay=False, help="Instead of Redis.")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ID", help="Mastodon: the influencer's id on the server."),
    ] = None,
    instance: Annotated[
        str | None, typer.Option("--instance", metavar="HOST", help="Mastodon: if not the address's host.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65_535, help="Prometheus metrics on loopback.")
    ] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
) -> None:
    """Follow a source, and send what concerns the watched to Kafka, until Ctrl-C."""
    from streams import logs
    from streams.commands.output import run, say
    from streams.sources.live import follow_bluesky, follow_mastodon

    if name not in ("bluesky", "mastodon"):
        raise typer.BadParameter(f"{name}: only bluesky and mastodon have a client; see docs/sources.md")
    if name == "mastodon" and account is None:
        raise typer.BadParameter("mastodon: --account is needed, as a follow does not say whom")
    if name == "mastodon" and cursor_file is not None:
        raise typer.BadParameter("mastodon: --cursor-file is for bluesky; Mastodon has no cursor")
    settings = settings_from(broker, redis, namespace, config)
    logs.set_up(settings)
    if metrics_port is not None:
        from prometheus_client import start_http_server

        start_http_server(metrics_port, addr="127.0.0.1")
    say(f"following {name} at {url}; Ctrl-C ends it")
    if name == "mastodon":
        run(follow_mastodon(settings, url, account=account or "", instance=instance))
    else:
        run(follow_bluesky(settings, url, cursor_file=cursor_file))


def _source(name: str | None, mapping: Path | None, options: Options | None = None) -> Source:
    from streams.sources import open_source
    from streams.sources.mapping import load_mapping

    return load_mapping(mapping, options) if mapping is not None else open_source(name or "", options)


def _guessed(payloads: list[Payload], at: dt.datetime, options: Any) -> Source:
    """The source that makes most of the first payloads. Raises InputError if none makes anything of them."""
    from streams.commands.output import say
    from streams.errors import InputError
    from streams.sources import SOURCES

    def score(source: Source) -> tuple[int, int]:
        found = [source.parse(one.body, at) for one in payloads[:20]]
        return sum(len(one.events) for one in found), -sum(len(one.rejected) for one in found)

    scores = {name: score(source(options())) for name, source in SOURCES.items()}
    best = max(scores, key=lambda name: scores[name])
    if not scores[best][0]:
        raise InputError(
            "no source makes an event of these payloads",
            hint="name one with --source to see why, or give a --mapping",
        )
    say(f"taken as {best}: {SOURCES[best].title}; --source says otherwise")
    return SOURCES[best](options())


def described(source: Source) -> dict[str, Any]:
    return {
        "name": source.name, "title": source.title, "delivery": source.delivery, "identity": source.identity,
        "time": source.time, "notes": list(source.notes),
        "abilities": {name: {"level": one.level, "why": one.why} for name, one in source.abilities.items()},
        "not_measurable": source.not_measurable(),
    }  # fmt: skip


def _document(source: Source, results: list[tuple[int, Parsed]]) -> dict[str, Any]:
    return {
        "source": source.name, **_sums(results),
        "payloads": [
            {
                "number": number, "events": list(one.events), "forget": list(one.forget),
                "rejected": [{"code": r.code, "message": r.message, "field": r.path} for r in one.rejected],
                "left_out": [{"code": r.code, "message": r.message, "field": r.path} for r in one.left_out],
            }
            for number, one in results
        ],
    }  # fmt: skip


def _sums(results: list[tuple[int, Parsed]]) -> dict[str, int]:
    return {
        name: sum(len(getattr(one, name)) for _, one in results)
        for name in ("events", "rejected", "left_out", "forget")
    }


def _table(source: Source, results: list[tuple[int, Parsed]]) -> None:
    from rich.table import Table

    from streams.commands.output import out, say
    from streams.text import safe

    table = Table("#", "becomes", "when (UTC)", "influencer", "by", "about, or why not", box=None,
                  pad_edge=False,
                  header_style="bold")  # fmt: skip
    for number, one in results[:_SHOWN]:
        for event in one.events:
            about = event.get("text") or (event.get("target") or {}).get("id") or ""
            if event["kind"] == "counter":
                about = f"{event['metric']} {event['count']:,} {about}"
            op = "" if event["op"] == "create" else f" ({event['op']})"
            who = (event.get("actor") or {}).get("id", "–")
            table.add_row(
                str(number), event["kind"] + op, event["occurred_at"][:19].replace("T", " "),
                safe(event["influencer_id"], limit=40), safe(who, limit=40), safe(about, limit=60),
            )  # fmt: skip
        for reason in one.rejected:
            where = f" {reason.path}:" if reason.path else ""
            table.add_row(str(number), safe("rejected", "red"), "", "", "",
                          safe(f"{reason.code}:{where} {reason.message}", limit=160))  # fmt: skip
        for reason in one.left_out:
            table.add_row(str(number), safe("left out", "dim"), "", "", "", safe(str(reason), limit=160))
        for account in one.forget:
            table.add_row(str(number), "forget", "", "", safe(account, limit=40), "the account is gone")
    out().print(table)
    if len(results) > _SHOWN:
        say(f"the first {_SHOWN} of {len(results):,} payloads are shown; --json has all")
    sums, why = _sums(results), Counter(r.code for _, one in results for r in one.rejected)
    reasons = f" ({', '.join(f'{code} {n}' for code, n in sorted(why.items()))})" if why else ""
    say(
        f"{source.name}: {len(results):,} payloads, {sums['events']:,} events, "
        f"{sums['rejected']:,} rejected{reasons}, {sums['left_out']:,} left out"
    )
