"""`rapport gateway` and `rapport gateway tokens …`: events and webhooks over HTTP, and who may send them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from streams.commands.acting import By, people_of, when_of, who_from
from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] TOKEN=$(rapport gateway tokens create shop --source shop)

[dim]$[/dim] rapport gateway

[dim]$[/dim] curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/x-ndjson" \\
--data-binary @events.ndjson http://127.0.0.1:6069/v1/events

[dim]$[/dim] rapport gateway --webhooks gateway.yaml --check    [dim]is the file right?[/dim]

A 2xx is given after Kafka has acknowledged every event that it calls accepted; anything else may be sent
again, ids tell repeats. /openapi.json describes everything; /health/live, /health/ready and /metrics need no
token. Ctrl-C or SIGTERM: what was taken in is answered first. Put a proxy with TLS before it when others than
this machine shall reach it. docs/gateway.md has the webhooks, the limits and the guarantees."""

app = typer.Typer(
    name="gateway", invoke_without_command=True, epilog=_EPILOG,
    help="Take in events and platforms' webhooks over HTTP.",
)  # fmt: skip
tokens = typer.Typer(name="tokens", no_args_is_help=True, help="Who may send, and what.")
app.add_typer(tokens)


@app.callback()
def gateway(
    context: typer.Context,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="RAPPORT_GATEWAY_HOST.", rich_help_panel="Where")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="RAPPORT_GATEWAY_PORT.", rich_help_panel="Where")
    ] = None,
    webhooks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, exists=True, help="gateway.yaml (RAPPORT_GATEWAY_CONFIG)."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only look whether the webhooks can be used.")
    ] = False,
) -> None:
    """Take in events and platforms' webhooks over HTTP, and put them into engagement.events.v1."""
    if context.invoked_subcommand is not None:
        return
    from streams.commands.output import run, say, warn
    from streams.gateway.server import run_gateway

    settings = settings_from(broker, redis, namespace, config)
    changes: dict[str, Any] = {
        "gateway_host": host or settings.gateway_host, "gateway_port": port or settings.gateway_port,
        "gateway_config": webhooks or settings.gateway_config,
    }  # fmt: skip
    settings = settings.model_copy(update=changes)
    names = run(_webhooks(settings))
    if check:
        for line in names:
            say(line)
        return
    if settings.gateway_host not in ("127.0.0.1", "::1", "localhost"):
        warn("tokens travel in the clear: put a proxy with TLS before this address")
    say(f"http://{settings.gateway_host}:{settings.gateway_port}/v1/  (Ctrl-C stops it)")
    run_gateway(settings)


async def _webhooks(settings: Any) -> list[str]:
    """A line for each webhook. Raises InputError, SettingsError."""
    from streams.gateway.config import read_config
    from streams.gateway.hooks import Hook
    from streams.gateway.recall import Recall
    from streams.people_store import open_client

    client = open_client(settings)
    try:
        found = [
            Hook(one, Recall(client, settings.namespace, one.source or one.name))
            for one in read_config(settings.gateway_config)
        ]
    finally:
        await client.aclose()
    return [
        f"/v1/webhooks/{hook.name}: {hook.source.title}; {'signed' if hook.signed else 'asks for a token'}"
        for hook in found
    ]


@tokens.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport gateway tokens create shop --source shop

[dim]$[/dim] rapport gateway tokens create inbox --scope webhooks:write --source activitystreams

[dim]$[/dim] rapport gateway tokens create crm --brand acme --expires 365d    [dim]its influencers[/dim]"""
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; the audit shows it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="events:write, webhooks:write; default: both."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", metavar="NAME", help="Only events of this `source`, this webhook. Default: any."
        ),
    ] = None,
    influencer: Annotated[
        list[str] | None,
        typer.Option("--influencer", metavar="ID", help="Only about this one. Default: any."),
    ] = None,
    brand: Annotated[
        list[str] | None,
        typer.Option(
            "--brand", metavar="ID", help="Only about influencers with a partnership with this one."
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="Until when: 90d, 2027-01-01. Default: until revoked.")
    ] = None,
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a token. It is shown this once; only its hash is kept."""
    from streams.commands.output import run
    from streams.commands.token_output import say_made

    ends = when_of(expires, "--expires") if expires else None

    async def do() -> Any:
        from streams.gateway.tokens import SCOPES, SendTokens

        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await SendTokens(people.store).create(
                name, who_from(by), scopes=scope or SCOPES, sources=source or None,
                influencers=influencer or None, brands=brand or None, expires_at=ends,
            )  # fmt: skip

    secret, token = run(do())
    say_made(secret, token, json=json)


@tokens.command("list", epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport gateway tokens list --json")
def list_(
    redis: Redis = None, namespace: Namespace = None, config: Config = None, json: Json = False
) -> None:
    """Show tokens: whose, for what; never the token itself."""
    from streams.board import when
    from streams.commands.output import run
    from streams.commands.token_output import say_all

    async def read() -> Any:
        from streams.gateway.tokens import SendTokens

        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await SendTokens(people.store).all()

    def may(token: Any) -> str:
        bounds = [
            f"{what} {', '.join(names)}"
            for what, names in (
                ("sources", token.sources), ("influencers", token.influencers), ("brands", token.brands),
            )
            if names is not None
        ]  # fmt: skip
        ends = f"; until {when(token.expires_at)}" if token.expires_at else ""
        return f"{' '.join(token.scopes)}; {'; '.join(bounds) or 'anything'}{ends}"

    say_all(run(read()), may, "rapport gateway tokens", json=json)


@tokens.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport gateway tokens revoke shop")
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its name, or its id as `list` shows it.")],
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """End a token; gateways notice within ten seconds."""
    from streams.commands.output import run
    from streams.commands.token_output import say_revoked

    async def do() -> Any:
        from streams.gateway.tokens import SendTokens

        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await SendTokens(people.store).revoke(token, who_from(by))

    say_revoked(run(do()), json=json)
