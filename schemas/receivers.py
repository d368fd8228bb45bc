"""Receivers as `notify.yaml` has them: one model a type, and the kinds of values in that file.

Durations are texts with units (30s, 5m, 1h30m) and become seconds; secrets are named (env:NAME), not written.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from schemas.common import Flag, Text

DAY: Final = 86_400.0
#: Of one try, s.
TIMEOUT_MAX: Final = 120.0
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": DAY, "w": 7 * DAY}
_PART: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d|w)")
_RATE: Final = re.compile(r"(\d{1,6})/(s|m|h|d)")
_ENV: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]{0,99})")


class Config(BaseModel):
    """Base of what people write: unlike a record, it knows all its fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        compact = value.strip()
        parts = list(_PART.finditer(compact))
        if parts and "".join(part[0] for part in parts) == compact:
            return sum(float(part[1]) * _UNITS[part[2]] for part in parts)
    elif isinstance(value, float):  # as a default, or from Python
        return value
    elif value == 0 and not isinstance(value, bool):
        return 0.0
    raise PydanticCustomError("duration", "should be a duration with its unit, like 30s, 5m or 1h30m")


class Rate(NamedTuple):
    """At most `most` deliveries in any `per_s` seconds."""

    most: int
    per_s: float


def _timeout(value: float) -> float:
    if not 0 < value <= TIMEOUT_MAX:
        raise PydanticCustomError(
            "timeout", "should be longer than 0s and not longer than {most}s", {"most": f"{TIMEOUT_MAX:g}"}
        )
    return value


def _rate(value: Any) -> Any:
    if isinstance(value, Rate):
        return value
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[1]) < 1:
        raise PydanticCustomError("rate", "should be a rate like 60/m (per s, m, h or d)")
    return Rate(int(found[1]), _UNITS[found[2]])


def _env_only(value: str) -> str:
    if not _ENV.fullmatch(value):
        raise PydanticCustomError(
            "secret", "is a secret: name the environment variable that holds it, as in env:RAPPORT_SECRET"
        )
    return value


def _url_or_env(value: str) -> str:
    # Refused here without saying what it was: the text may hold the very secret.
    if value.startswith("env:"):
        return _env_only(value)
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s]*", value) or len(value) > 2_000:
        raise PydanticCustomError("url", "should be like https://host/path, or env:NAME if it holds a secret")
    if "@" in re.split(r"[/?#]", value.split("://", 1)[1], maxsplit=1)[0]:
        raise PydanticCustomError(
            "url", "must not hold a user or password: use `headers` with env:NAME, or env:NAME for the whole"
        )
    return value


def _link(value: str) -> str:
    if not re.fullmatch(r"https?://[!#-;=?-\[\]_a-z{}~%]{1,2000}", value):
        raise PydanticCustomError(
            "link",
            "should be like https://host/path, with what to fill in like {place}",
            {"place": "{partnership_id}"},
        )
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value):
        raise PydanticCustomError(
            "name", "is no name: letters, digits, dot, - and _, at most 63, a letter or digit first"
        )
    return value


def _header(value: str) -> str:
    if not value.isprintable() or not value.isascii():
        raise PydanticCustomError("header", "must be printable ASCII on one line")
    return value


Duration = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=366 * DAY)]
RateLimit = Annotated[Rate, BeforeValidator(_rate)]
#: `env:NAME`.
Secret = Annotated[Text, AfterValidator(_env_only)]
#: An http(s) address without credentials, or `env:NAME`.
Url = Annotated[Text, AfterValidator(_url_or_env)]
#: An http(s) address with places in braces.
LinkUrl = Annotated[Text, AfterValidator(_link)]
Name = Annotated[Text, AfterValidator(_name)]
HeaderName = Annotated[Text, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")]
HeaderValue = Annotated[Text, Field(max_length=2_000), AfterValidator(_header)]
Tag = Annotated[Text, Field(pattern=r"^[\w.:-]{1,60}$")]


# -- receivers ----------------------------------------------------------------------------------------------


class _Receiver(Config):
    name: Name
    send_resolved: Flag = True
    """Whether it is told when an alert has ended."""
    rate_limit: RateLimit = Rate(60, 60.0)
    """At most so many deliveries: 60/m."""
    timeout: Annotated[Duration, AfterValidator(_timeout)] = 10.0
    """Of one delivery as a whole."""
    once_per_influencer: Flag = True
    """What concerns the influencer as such is told once, not once for each of their partnerships."""


class _Http(_Receiver):
    allow_private: Flag = False
    """Whether the target may lie on a private, loopback or link-local address."""
    allow_http: Flag = False
    """Whether plain http will do for a target that is not private."""
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """Sent along, e.g. Authorization: env:RAPPORT_HOOK_AUTH. A value may be env:NAME."""


class WebhookReceiver(_Http):
    """A POST, signed after Standard Webhooks."""

    type: Literal["webhook"]
    url: Url
    secrets: list[Secret] = Field(default_factory=list, max_length=4)
    """Newest first; each signs, so that a receiver may still check with the old one while it is changed."""
    body: Literal["notification", "alertmanager"] = "notification"


class AlertmanagerReceiver(_Http):
    """An Alertmanager, which then groups, silences and tells by its own file."""

    type: Literal["alertmanager"]
    url: Url
    """Without /api/v2/alerts."""
    resend: Annotated[Duration, Field(ge=1)] = 60.0
    """Firing alerts are sent again so often: Alertmanager forgets them when it restarts."""
    hold: Annotated[Duration, Field(ge=10)] = 5 * 3_600.0
    """How long Alertmanager holds an alert for firing after the last word from us; longer than the route's
    `repeat_interval`, so that a restart of the notifier resolves nothing."""
    labels: dict[Annotated[Text, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}$")], Text] = Field(
        default_factory=dict
    )
    """Put onto every alert."""


class AppriseReceiver(_Receiver):
    """Mail, Slack, Teams, Telegram and what else the library apprise speaks."""

    type: Literal["apprise"]
    url: Secret
    """env:NAME of apprise's address, e.g. mailtos://user:password@host?to=ann@example.com"""
    form: Literal["auto", "chat", "mail"] = "auto"
    """auto: long for mail addresses, short for others."""


class GrafanaReceiver(_Receiver):
    """An annotation in Grafana, a region from firing to resolved."""

    type: Literal["grafana"]
    url: Url | None = None
    """RAPPORT_GRAFANA_URL when absent."""
    token: Secret | None = None
    """RAPPORT_GRAFANA_TOKEN when absent."""
    tags: list[Tag] = Field(default=["rapport"], min_length=1, max_length=10)
    dashboard_uid: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = None
    """Only on this dashboard; else on every one that asks for the tags."""


class KafkaReceiver(_Receiver):
    """Notifications as records of a topic, keyed by the influencer."""

    type: Literal["kafka"]
    topic: Annotated[Text, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = "partnership.notifications.v1"
    """The installation's topic prefix is put before it."""


TYPES: Final = ("webhook", "alertmanager", "apprise", "grafana", "kafka")


def _of_a_type(value: Any) -> Any:
    # Said by ourselves: pydantic speaks of tags and discriminators.
    if isinstance(value, dict) and value.get("type") not in TYPES:
        raise PydanticCustomError(
            "receiver", "needs a `type` that is one of {types}", {"types": ", ".join(TYPES)}
        )
    return value


ReceiverConfig = Annotated[
    WebhookReceiver | AlertmanagerReceiver | AppriseReceiver | GrafanaReceiver | KafkaReceiver,
    Field(discriminator="type"),
    BeforeValidator(_of_a_type),
]
