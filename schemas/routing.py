"""`notify.yaml`: who is told about which alerts, how, and how often. The words are Alertmanager's.

    routing = load_routing(Path("notify.yaml").read_text(), name="notify.yaml")
    for route in route_of(routing, labels(alert)): ...

A route inherits what it does not name from the one above it. An alert takes the first child that matches it,
and further ones after a child with `continue: true`; where no child matches, the route itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas.acts import LABELS, MATCHERS_MAX, Matcher
from schemas.common import Flag, Text
from schemas.receivers import Config, Duration, LinkUrl, Name, ReceiverConfig

DEPTH_MAX: Final = 8
ROUTES_MAX: Final = 1_000


def _matchers(value: Any) -> Any:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return value
    return [_matcher(item) if isinstance(item, str) else item for item in value]


def _matcher(text: str) -> Matcher:
    try:
        return Matcher.parse(text)
    except ValueError as error:
        errors = getattr(error, "errors", None)
        why = errors()[0]["msg"] if errors else str(error)
        raise PydanticCustomError("matcher", "{why}", {"why": why}) from None


def _labels(value: list[str]) -> list[str]:
    for name in value:
        if name not in LABELS and name != "...":
            raise PydanticCustomError(
                "label", "no alert has the label {name}: it may be {all}",
                {"name": repr(name[:60]), "all": ", ".join(LABELS)},
            )  # fmt: skip
    return value


Matchers = Annotated[list[Matcher], BeforeValidator(_matchers), Field(max_length=MATCHERS_MAX)]
GroupBy = Annotated[list[Text], AfterValidator(_labels)]


class Route(Config):
    """A node of the tree of routes; what is None comes from the one above it."""

    receiver: Name | None = None
    receivers: list[Name] | None = Field(default=None, min_length=1)
    """Several at once, in place of `receiver`."""
    matchers: Matchers = Field(default_factory=list)
    """All must match."""
    group_by: GroupBy | None = None
    """Labels; ["..."] for every alert by itself, [] for all in one. partnership_id unless said otherwise."""
    group_wait: Duration | None = None
    """How long a new group is gathered before it is told: 30s."""
    group_interval: Duration | None = None
    """Shortest time between two messages about one group: 5m."""
    repeat_interval: Duration | None = None
    """A group that goes on is told of again after: 4h."""
    continue_: Flag = Field(default=False, alias="continue")
    """Whether later routes beside this one are tried, too."""
    routes: list[Route] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.receiver is not None and self.receivers is not None:
            raise PydanticCustomError("route", "has both `receiver` and `receivers`: keep one")
        return self


class InhibitRule(Config):
    """While an alert that `source_matchers` match fires, those that `target_matchers` match are not sent, if
    all labels of `equal` are the same."""

    source_matchers: Matchers = Field(min_length=1)
    target_matchers: Matchers = Field(min_length=1)
    equal: GroupBy = Field(default_factory=list)


class Inhibit(Config):
    """Which alerts keep others silent."""

    builtin: Flag = True
    """A silent source its partnerships' alerts; authenticity fit and connection; a part the health."""
    rules: list[InhibitRule] = Field(default_factory=list, max_length=200)


class Links(Config):
    """Addresses that messages lead to; {partnership_id}, {influencer_id}, {brand_id}, {alert_id} are filled
    in. A link that is not set is not shown."""

    dashboard: LinkUrl | None = None
    partnership: LinkUrl | None = None


class Routing(Config):
    """The file `notify.yaml`."""

    receivers: list[ReceiverConfig] = Field(min_length=1, max_length=200)
    route: Route
    inhibit: Inhibit = Inhibit()
    templates: Text | None = None
    """Directory with templates of one's own; relative to where the notifier runs."""
    links: Links = Links()

    @field_validator("receivers")
    @classmethod
    def _named_once(cls, receivers: list[ReceiverConfig]) -> list[ReceiverConfig]:
        names = [receiver.name for receiver in receivers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PydanticCustomError("receivers", "{name} is there twice", {"name": repr(twice[0])})
        return receivers

    @field_validator("route")
    @classmethod
    def _leads_somewhere(cls, root: Route, info: ValidationInfo) -> Route:
        if root.receiver is None and root.receivers is None:
            raise PydanticCustomError("route", "needs a `receiver`: the top route takes what no other does")
        if root.matchers or root.continue_:
            raise PydanticCustomError(
                "route", "the top route takes every alert: move `matchers` and `continue` to its `routes`"
            )
        if "receivers" not in info.data:
            return root  # they have mistakes of their own
        names = [receiver.name for receiver in info.data["receivers"]]
        for place, node in _walk(root):
            for name in node.receivers or ([node.receiver] if node.receiver else []):
                if name not in names:
                    raise PydanticCustomError(
                        "route", "{place}: there is no receiver {name}; there are {all}",
                        {"place": place, "name": repr(name), "all": ", ".join(names[:20])},
                    )  # fmt: skip
        return root


def _walk(root: Route) -> Iterator[tuple[str, Route]]:
    waiting: list[tuple[str, Route, int]] = [("route", root, 1)]
    count = 0
    while waiting:
        place, node, depth = waiting.pop()
        count += 1
        if depth > DEPTH_MAX or count > ROUTES_MAX:
            raise PydanticCustomError(
                "route", "routes are nested at most {depth} deep, and {count} in all",
                {"depth": DEPTH_MAX, "count": ROUTES_MAX},
            )  # fmt: skip
        yield place, node
        waiting += [(f"{place}.routes.{i}", child, depth + 1) for i, child in enumerate(node.routes)]


class ResolvedRoute(NamedTuple):
    """A route with all that it inherits. `key` names it stably as long as the file's tree is the same."""

    key: str
    receivers: tuple[str, ...]
    group_by: tuple[str, ...]
    group_wait: float
    group_interval: float
    repeat_interval: float

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels that an alert is grouped by, with those that it lacks as empty texts."""
        names = LABELS if "..." in self.group_by else self.group_by
        return {name: labels.get(name, "") for name in names}


DEFAULT_ROUTE: Final = ResolvedRoute("", (), ("partnership_id",), 30.0, 300.0, 4 * 3_600.0)


def route_of(routing: Routing, labels: Mapping[str, str]) -> list[ResolvedRoute]:
    """The routes that an alert with these labels takes, at least one, in the file's order."""
    return _matching(routing.route, labels, DEFAULT_ROUTE._replace(key="route"), "route")


def resolved_routes(routing: Routing) -> list[ResolvedRoute]:
    """Every route of the tree, the top one first."""

    def below(node: Route, above: ResolvedRoute, key: str) -> Iterator[ResolvedRoute]:
        here = _inherit(node, above, key)
        yield here
        for i, child in enumerate(node.routes):
            yield from below(child, here, f"{key}/{i}")

    return list(below(routing.route, DEFAULT_ROUTE, "route"))


def _inherit(node: Route, above: ResolvedRoute, key: str) -> ResolvedRoute:
    named = tuple(node.receivers or ()) or ((node.receiver,) if node.receiver else above.receivers)
    return ResolvedRoute(
        key,
        tuple(dict.fromkeys(named)),
        above.group_by if node.group_by is None else tuple(node.group_by),
        above.group_wait if node.group_wait is None else node.group_wait,
        above.group_interval if node.group_interval is None else node.group_interval,
        above.repeat_interval if node.repeat_interval is None else node.repeat_interval,
    )


def _matching(node: Route, labels: Mapping[str, str], above: ResolvedRoute, key: str) -> list[ResolvedRoute]:
    here = _inherit(node, above, key)
    found: list[ResolvedRoute] = []
    for i, child in enumerate(node.routes):
        if all(matcher.matches(labels) for matcher in child.matchers):
            found += _matching(child, labels, here, f"{key}/{i}")
            if not child.continue_:
                break
    return found or [here]


def load_routing(text: str, *, name: str = "notify.yaml") -> Routing:
    """The file's content.

    Raises:
        YamlError: with the line and the field of what is wrong.
    """
    from schemas.yamlfile import load_yaml

    return load_yaml(text, Routing, name=name)
