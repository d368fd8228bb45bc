"""What the commands of both kinds of token say: the gateway's, and the API's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from streams.commands.output import out, print_json, say
from streams.text import safe


def say_made(secret: str, token: Any, *, json: bool) -> None:
    """The secret alone on stdout, so that `TOKEN=$(… create …)` works; with `json` all about it."""
    if json:
        print_json({"token": secret, **token.shown()})
        return
    sys.stdout.write(secret + "\n")
    say("keep it well: it is not shown again")


def say_all(found: Sequence[Any], may: Callable[[Any], str], command: str, *, json: bool) -> None:
    """A line per token; `may` tells what it may, and `command` is the group in which one is made."""
    if json:
        print_json({"tokens": [token.shown() for token in found]})
        return
    if not found:
        say(f"no tokens yet; `{command} create` makes one")
    for token in found:
        out().print(safe(f"{token.token_id}  {token.name}: {may(token)}", limit=1_000), soft_wrap=True)


def say_revoked(token: Any, *, json: bool) -> None:
    """That the token is valid no more."""
    if json:
        print_json({"revoked": token.shown()})
    else:
        say(f"{token.name} ({token.token_id}) is valid no more")
