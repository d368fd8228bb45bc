"""`rapport rules check|show|diff|shadow|backtest`: when alerts are raised, and what other rules would do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, duration, settings_from

app = typer.Typer(
    name="rules", no_args_is_help=True, help="When alerts are raised; what other rules would do."
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="A rules file (YAML), see docs/rules.md.")]


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport rules check rules.yaml

[dim]$[/dim] rapport rules check rules.yaml --book partnerships.json    [dim]are they all there?[/dim]

[dim]$[/dim] rapport rules check rules.yaml --json | jq '.problems[]'

Exit code 2 where the file cannot be used; all its mistakes are told, with line and column."""
)
def check(
    file: File,
    book: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="Warn of brands and partnerships not in it."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check a rules file and tell every mistake with its place."""
    from schemas.rules import RulesFile
    from schemas.yamlfile import YamlError, load_yaml
    from streams.commands.output import print_json, say, warn
    from streams.rulefiles import read_text
    from streams.ruleview import counts, problem, strangers
    from streams.text import verbatim

    text = read_text(file)
    try:
        found = load_yaml(text, RulesFile, name=str(file))
    except YamlError as error:
        if json:
            print_json({"valid": False, "problems": [problem(one) for one in error.problems]})
        else:
            for line in error.shown(text).splitlines():
                typer.echo(verbatim(line), err=True)
        raise typer.Exit(2) from None
    said = counts(found)
    warnings = [] if book is None else strangers(found, book)
    if json:
        print_json({"valid": True, "problems": [], "warnings": warnings, **said})
        return
    for line in warnings:
        warn(line)
    say(f"{file}: {', '.join(f'{number} {what}' for what, number in said.items())}; all well")


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport rules show    [dim]the defaults, or what RAPPORT_RULES makes of them[/dim]

[dim]$[/dim] rapport rules show rules.yaml --tier nano

[dim]$[/dim] rapport rules show --partnership acme--ann    [dim]with its own rules, from Kafka[/dim]

[dim]$[/dim] rapport rules show --partnership acme--ann --book FILE    [dim]without servers[/dim]"""
)
def show(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A rules file; RAPPORT_RULES without one.")
    ] = None,
    partnership: Annotated[str | None, typer.Option(metavar="ID", help="What holds for it.")] = None,
    brand: Annotated[str | None, typer.Option(metavar="ID", help="What holds for a brand.")] = None,
    tier: Annotated[
        str | None, typer.Option(metavar="TIER", help="Size: nano, micro, mid, macro, mega.")
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="Find the partnership here, not in Kafka."
        ),
    ] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show the rules that hold, and where each value comes from."""
    from processors.rules.book import RuleBook
    from processors.rules.effective import effective, somebody
    from schemas.rules import TIERS
    from schemas.yamlfile import did_you_mean
    from streams import ruleview
    from streams.commands.output import out, print_json, run
    from streams.rulefiles import load_rules

    if tier is not None and tier not in TIERS:
        raise typer.BadParameter(f"unknown tier {tier[:40]!r}: {did_you_mean(tier, TIERS)}")
    settings = settings_from(broker, redis, namespace, config)
    path = file or settings.rules
    rules = RuleBook(None if path is None else load_rules(path))
    who = somebody(brand=brand) if brand is not None else somebody()
    if partnership is not None:
        who = run(ruleview.find(settings, partnership, book))
        if tier is None and book is None:
            tier = run(ruleview.tier_of(settings, partnership))
    found = effective(rules.rules(who, tier or "unknown"))
    if json:
        print_json(
            {"rules": ruleview.as_json(found), "tier": tier, "file": None if path is None else str(path)}
        )
        return
    out().print(ruleview.table(found, everything=partnership is not None or path is None))


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport rules diff rules.yaml new.yaml

[dim]$[/dim] rapport rules diff /dev/null rules.yaml    [dim]what a file changes of the defaults[/dim]"""
)
def diff(
    old: Annotated[Path, typer.Argument(metavar="A")],
    new: Annotated[Path, typer.Argument(metavar="B")],
    json: Json = False,
) -> None:
    """Show what holds otherwise under B than under A, scope by scope (exit code 0 either way)."""
    from msgspec import to_builtins

    from processors.rules.book import RuleBook
    from processors.rules.effective import differences
    from streams.commands.output import out, print_json, say
    from streams.rulefiles import load_rules
    from streams.ruleview import changes

    found = differences(RuleBook(load_rules(old)), RuleBook(load_rules(new)))
    if json:
        print_json({"changes": to_builtins(found)})
    elif not found:
        say("nothing holds otherwise")
    else:
        for line in changes(found):
            out().print(line, soft_wrap=True)


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] RAPPORT_SHADOW_RULES=new.yaml rapport worker    [dim]scores new.yaml beside the live rules[/dim]

[dim]$[/dim] rapport rules shadow    [dim]alerts that only one of them raised, and delays[/dim]

[dim]$[/dim] rapport rules shadow --json | jq '.by_rule'"""
)
def shadow(
    partnership: Annotated[str | None, typer.Option(metavar="ID", help="Only of this partnership.")] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Compare alerts under the live rules with those under the shadow rules, of which nobody was told."""
    from processors.rules.compare import by_rule, episodes, pairs
    from streams.commands.output import out, print_json, run, say
    from streams.ruleview import comparison, read_compared

    lines = run(read_compared(settings_from(broker, redis, namespace, config)))
    found = [p for p in pairs(episodes(lines)) if partnership in (None, p.any.partnership)]
    since = min((str(line["at"]) for line in lines), default=None)
    if json:
        print_json({"since": since, "by_rule": by_rule(found), "alerts": [pair.row() for pair in found]})
        return
    if not lines:
        say("nothing to compare yet: does a worker run with RAPPORT_SHADOW_RULES?")
        return
    say(f"since {since}")
    for part in comparison(found, "live", "shadow"):
        out().print(part, soft_wrap=True)


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport generate --seed 1 --out build/1 && rapport rules backtest build/1 --rules new.yaml

[dim]$[/dim] rapport rules backtest build/1 --rules new.yaml --against rules.yaml --json | jq .by_rule

[dim]$[/dim] rapport rules backtest --from-topic --since 60d --rules new.yaml

A directory holds events.ndjson and partnerships.json; with truth.ndjson, recall and precision are told too.
Most detectors compare with a reference of 28 days: a shorter stretch shows little."""
)
def backtest(
    events: Annotated[
        Path | None, typer.Argument(metavar="[EVENTS_DIR]", help="As `rapport generate` writes it.")
    ] = None,
    rules: Annotated[Path | None, typer.Option("--rules", metavar="FILE", help="The rules to try.")] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE", help="The defaults without.")
    ] = None,
    from_topic: Annotated[
        bool, typer.Option("--from-topic", help="Take events and partnerships from Kafka.")
    ] = False,
    since: Annotated[str, typer.Option(metavar="AGE", help="With --from-topic: how far back.")] = "60d",
    broker: Broker = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Try rules on recorded events: which alerts would come, and which would not."""
    from processors.rules.book import RuleBook
    from streams import ruletest
    from streams.commands.output import print_json
    from streams.rulefiles import load_rules

    if rules is None:
        raise typer.BadParameter("--rules FILE says which rules are to be tried")
    if (events is None) is not from_topic:
        raise typer.BadParameter("give either EVENTS_DIR or --from-topic")
    new = RuleBook(load_rules(rules))
    old = None if against is None else RuleBook(load_rules(against))
    if events is not None:
        found = ruletest.of_directory(events, new, old)
    else:
        found = ruletest.of_topic(settings_from(broker, None, None, config), duration(since), new, old)
    if json:
        print_json(ruletest.document(found))
    else:
        ruletest.tell(found, "defaults" if against is None else against.name, rules.name)
