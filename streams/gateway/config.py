"""`gateway.yaml`: the webhooks that the gateway takes, each with its source and how its sender is recognised.

```yaml
webhooks:
- name: instagram-acme            # POST and GET /v1/webhooks/instagram-acme
  source: instagram
  secret: env:INSTAGRAM_APP_SECRET
  verify_token: env:INSTAGRAM_VERIFY_TOKEN
- name: shop
  mapping: shop.yaml              # beside this file
  secret: env:SHOP_SECRET
  signature: {header: X-Shop-Signature, prefix: "sha256="}
```

Without a file every built-in source has a webhook under its own name that asks for a token.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.common import Id, Text
from schemas.receivers import Config, HeaderName, Name, Secret
from schemas.yamlfile import YamlError, load_yaml
from streams.errors import InputError, SettingsError

#: Sources whose platform signs what it sends, and how.
SIGNED: Final = frozenset({"instagram", "linkedin", "youtube"})
_WEBHOOKS_MAX: Final = 200


class SignatureRule(Config):
    """An HMAC over the body, for a source of one's own."""

    header: HeaderName
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    prefix: Text = Field("", max_length=40)
    encoding: Literal["hex", "base64"] = "hex"


class Webhook(Config):
    """One address under /v1/webhooks/."""

    name: Name
    source: Text | None = None
    """A built-in source; or else `mapping`."""
    mapping: Path | None = None
    secret: Secret | None = None
    """What the sender signs with; without it a token is asked for."""
    verify_token: Secret | None = None
    """What a hub or Meta repeats when the webhook is set up."""
    signature: SignatureRule | None = None
    topics: Annotated[list[Text], Field(max_length=10_000)] = Field(default_factory=list)
    """youtube: beginnings of the topics that were subscribed to."""
    account: Id | None = None
    instance: Text = ""
    only: Literal["all", "partnered"] = "all"
    """partnered: only what concerns an influencer with a partnership is kept."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.source is None) == (self.mapping is None):
            raise PydanticCustomError("webhook", "needs either `source` or `mapping`")
        if self.signature is not None and self.secret is None:
            raise PydanticCustomError("webhook", "`signature` needs a `secret`")
        if self.secret is not None and self.signature is None and self.source not in SIGNED:
            raise PydanticCustomError(
                "webhook",
                "`secret` needs a `signature` that says where the sender puts it; {signed} have their own",
                {"signed": ", ".join(sorted(SIGNED))},
            )
        return self


class GatewayFile(Config):
    """The whole file."""

    webhooks: Annotated[list[Webhook], Field(max_length=_WEBHOOKS_MAX)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [hook.name for hook in self.webhooks]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise PydanticCustomError("webhook", "the name {name} is given twice", {"name": repr(twice)})
        return self


def read_config(path: Path | None) -> list[Webhook]:
    """The webhooks of a file, paths in it resolved; of no file: one for each built-in source.

    Raises InputError with the line of each mistake.
    """
    if path is None:
        from streams.sources import SOURCES

        return [Webhook(name=name, source=name) for name in SOURCES]
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is no UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    try:
        found = load_yaml(text, GatewayFile, name=path.name)
    except YamlError as error:
        # Without the lines themselves: a secret may have been written into one.
        raise InputError(str(error), hint="docs/gateway.md has a whole example") from None
    here = path.parent
    return [
        hook.model_copy(update={"mapping": here / hook.mapping}) if hook.mapping else hook
        for hook in found.webhooks
    ]


def secret_of(hook: Webhook, field: str) -> str | None:
    """What `env:NAME` of a field stands for. Raises SettingsError; the value itself is never told."""
    named: Any = getattr(hook, field)
    if named is None:
        return None
    value = os.environ.get(named.removeprefix("env:"), "").strip()
    if not value:
        raise SettingsError(
            [f"webhook {hook.name}: `{field}` names {named[4:]}, which is not in the environment"]
        )
    return value
