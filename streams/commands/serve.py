"""`rapport serve` and `rapport tokens create|list|revoke`: the HTTP API, and who may use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.acting import By, people_of, when_of, who_from
from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from collections.abc import Generator

    from streams.settings import Settings

_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport serve

[dim]$[/dim] curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:6068/api/v1/alerts

The board is the page at /: sign in there with a token that has partnerships:read and alerts:read (and
alerts:write, silences:write to act), or open http://127.0.0.1:6068/#token=TOKEN; see docs/board.md.

`rapport tokens create` makes a token. /api/v1/openapi.json describes everything; /api/v1/health and /metrics
need no token. Put a proxy with TLS before it when others than this machine shall reach it."""

app = typer.Typer(name="tokens", no_args_is_help=True, help="Who may use the HTTP API, and for what.")


def register(main: typer.Typer) -> None:
    """Adds the command and the group."""
    main.command(epilog=_EPILOG)(serve)
    main.add_typer(app)


def serve(
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="RAPPORT_SERVE_HOST.", rich_help_panel="Where")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="RAPPORT_SERVE_PORT.", rich_help_panel="Where")
    ] = None,
) -> None:
    """Serve the board at / and the HTTP API: partnerships, alerts, people's acts, digest."""
    import uvloop

    from streams.commands.output import run, say, warn

    settings = settings_from(broker, redis, namespace, config)
    changes = {"serve_host": host or settings.serve_host, "serve_port": port or settings.serve_port}
    settings = settings.model_copy(update=changes)
    if settings.serve_host not in ("127.0.0.1", "::1", "localhost"):
        warn("tokens travel in the clear: put a proxy with TLS before this address")
    where = f"http://{settings.serve_host}:{settings.serve_port}/"
    say(f"{where} is the board, {where}api/v1/ the API (Ctrl-C stops it)")
    run(_serve(settings), loop=uvloop.new_event_loop)


async def _serve(settings: Settings) -> None:
    import contextlib
    import gc

    import uvicorn

    from streams.errors import RapportError
    from streams.logs import set_up
    from streams.serve.app import build_app, open_served
    from streams.signals import asked_to_stop

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield  # uvicorn's own raises the signal again once all is done

    set_up(settings)
    async with open_served(settings) as served:
        server = Server(
            uvicorn.Config(
                build_app(served), host=settings.serve_host, port=settings.serve_port, log_config=None,
                access_log=False, server_header=False, date_header=True, proxy_headers=False, lifespan="off",
                timeout_keep_alive=15, limit_concurrency=200, timeout_graceful_shutdown=5, ws="none",
                h11_max_incomplete_event_size=32_768,
            )
        )  # fmt: skip
        gc.freeze()  # what is imported and built stays: no need to look at it between two answers
        gc.set_threshold(20_000, 20, 50)

        def end() -> None:
            server.should_exit = True
            served.feed.closing.set()

        try:
            with asked_to_stop(end):
                await server.serve()
        except SystemExit:  # how uvicorn says that it could not bind
            raise RapportError(
                f"cannot listen on {settings.serve_host}:{settings.serve_port}",
                hint="is another process there? --port takes another one",
            ) from None


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport tokens create 'Ann' --scope alerts:read --scope alerts:write --brand acme

[dim]$[/dim] rapport tokens create grafana --scope alerts:read --expires 90d --json | jq -r .token"""
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; the audit shows it.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What it may: alerts:read, alerts:write, silences:read, silences:write, audit:read, "
            "digest:read, partnerships:read, partnerships:write. May be given several times.",
        ),
    ],
    brand: Annotated[
        list[str] | None, typer.Option("--brand", metavar="ID", help="Only for these; default: all brands.")
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
        from streams.serve.tokens import Tokens

        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await Tokens(people.store).create(
                name, scope, who_from(by), brands=brand or None, expires_at=ends
            )

    secret, token = run(do())
    say_made(secret, token, json=json)


@app.command("list", epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport tokens list --json")
def list_(
    redis: Redis = None, namespace: Namespace = None, config: Config = None, json: Json = False
) -> None:
    """Show tokens: whose, for what, which brands; never the token itself."""
    from streams.board import when
    from streams.commands.output import run
    from streams.commands.token_output import say_all

    async def read() -> Any:
        from streams.serve.tokens import Tokens

        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await Tokens(people.store).all()

    def may(token: Any) -> str:
        brands = "all brands" if token.brands is None else ", ".join(token.brands)
        ends = f", until {when(token.expires_at)}" if token.expires_at else ""
        return f"{' '.join(token.scopes)}; {brands}{ends}"

    say_all(run(read()), may, "rapport tokens", json=json)


@app.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport tokens revoke Ann")
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its name, or its id as `list` shows it.")],
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """End a token at once."""
    from streams.commands.output import run
    from streams.commands.token_output import say_revoked

    async def do() -> Any:
        from streams.serve.tokens import Tokens

        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await Tokens(people.store).revoke(token, who_from(by))

    say_revoked(run(do()), json=json)
