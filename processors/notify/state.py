"""What the notifier keeps: alerts as last heard, groups with what was told, and their form in Redis."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

import msgspec

from schemas import Alert
from schemas.acts import labels as labels_of

RANK: Final = {"info": 1, "warning": 2, "critical": 3}
#: In `Group.told`: never told as firing, though its time had come; its end is told all the same.
OWED: Final = -1
#: Signals that are about the influencer as such, whoever the partner is: told once per receiver.
ABOUT_INFLUENCER: Final = frozenset({"authenticity", "interaction_quality", "connection"})

Concern = tuple[str, str, str, str]


class Path(msgspec.Struct, frozen=True):
    """A route to one receiver, as it holds for an alert. Times in seconds."""

    route: str  # names the route, and stays the same over restarts
    receiver: str
    group_by: tuple[str, ...] | None = ("partnership_id",)  # None: by all labels
    group_wait: float = 30.0
    group_interval: float = 300.0
    repeat_interval: float = 14_400.0
    send_resolved: bool = True
    once: bool = True  # what concerns the influencer as such is told once, not once for each partnership


class Held(msgspec.Struct):
    """One alert as last heard. `at`: epoch s of event time; `body`: its JSON, deflated."""

    alert_id: str
    transition_id: str
    state: str  # firing, no_data or resolved
    at: float
    labels: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, alert: Alert, value: bytes) -> Held:
        """From a record of the topic and its bytes."""
        return cls(
            alert.alert_id, alert.transition_id, alert.state, alert.at.timestamp(), labels_of(alert),
            zlib.compress(value, 1),
        )  # fmt: skip

    @property
    def rank(self) -> int:
        """Of its severity, 1 to 3."""
        return RANK.get(self.labels.get("severity", ""), 2)

    @property
    def partnership(self) -> str:
        return self.labels.get("partnership_id", "")

    @property
    def signal(self) -> str:
        return self.labels.get("signal", "")

    @property
    def concern(self) -> Concern | None:
        """What it is about where that is the influencer as such, else None."""
        influencer = self.labels.get("influencer_id")
        if influencer is None or self.signal not in ABOUT_INFLUENCER:
            return None
        return influencer, self.signal, self.labels.get("rule", ""), self.labels.get("subject", "")

    def alert(self) -> Alert:
        """The alert itself."""
        return Alert.model_validate_json(zlib.decompress(self.body))


class Group(msgspec.Struct):
    """Alerts that are told together to one receiver. Times: epoch s of the wall clock."""

    key: str
    path: Path
    labels: dict[str, str]
    next_at: float  # nothing is told before
    told_at: float = 0.0  # when something was told last
    repeats: int = 0
    told: dict[str, int] = msgspec.field(default_factory=dict)  # alert id -> rank told as firing, or OWED


def group_of(path: Path, labels: Mapping[str, str], partition: int) -> tuple[str, dict[str, str]]:
    """Key and labels of the group in which an alert is told.

    The notifier decides partition by partition. Where neither partnership nor influencer is grouped by, the
    group is that of one partition, and its key says so.
    """
    names = sorted(labels) if path.group_by is None else path.group_by
    chosen = {name: labels[name] for name in names if name in labels}
    inner = ",".join(
        f"{name}={msgspec.json.encode(value).decode()}" for name, value in sorted(chosen.items())
    )
    apart = "" if {"partnership_id", "influencer_id"} & chosen.keys() else f"#{partition}"
    return f"{path.route}/{path.receiver}:{{{inner}}}{apart}", chosen


_pack = msgspec.msgpack.Encoder().encode
_held = msgspec.msgpack.Decoder(Held).decode
_group = msgspec.msgpack.Decoder(Group).decode


def encode(item: Held | Group) -> bytes:
    """As msgpack."""
    return _pack(item)


def decode_held(data: bytes) -> Held:
    """Back from state. Raises msgspec.DecodeError or msgspec.ValidationError."""
    return _held(data)


def decode_group(data: bytes) -> Group:
    """Back from state. Raises msgspec.DecodeError or msgspec.ValidationError."""
    return _group(data)
