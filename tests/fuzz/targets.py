"""What is fuzzed: each target takes bytes and says what became of them; anything raised is a finding."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pydantic import ValidationError

from processors.decode import Event, Rejected, decode
from processors.state.entries import DumpError, verified
from schemas import EngagementEvent
from schemas.routing import load_routing
from schemas.rules import RulesFile
from schemas.yamlfile import YamlError, load_yaml
from streams.errors import InputError
from streams.gateway.answers import Refusal
from streams.gateway.body import inflate
from streams.gateway.config import GatewayFile
from streams.gateway.intake import JSON, judge, split
from streams.sources.mapping import MappingSource
from streams.sources.mapping_model import Mapping
from streams.sources.memory import FileMemory
from tests.servers import REPO
from tests.streams.sources.cases import BY_NAME, CASES, FIXTURES, HEADERS, RECEIVED

AT_MS = int(RECEIVED.timestamp() * 1_000)


class FindingError(AssertionError):
    """Something that must not be: two judges disagree, or an error that nobody foresaw."""


@dataclass(frozen=True)
class Target:
    """`seeds`: inputs that are well-formed; `share`: of all inputs, in parts."""

    name: str
    run: Callable[[bytes], str]
    seeds: list[bytes]
    share: int


def decoder(data: bytes) -> str:
    """The fast path against the contract: both take it, or both refuse it."""
    try:
        fast: Event | None = decode(_key(data), data, AT_MS)
    except Rejected as found:
        if not found.errors:
            raise FindingError(f"rejected as {found.reason} without an error") from found
        fast, why = None, found.reason
    try:
        EngagementEvent.model_validate_json(data)
        slow = True
    except ValidationError:
        slow = False
    if fast is not None and not slow:
        raise FindingError("the decoder takes what the contract refuses")
    if fast is None and slow and why not in ("key", "clock", "too_large", "encoding", "not_json"):
        raise FindingError(f"the contract takes what the decoder refuses as {why}")
    return "taken" if fast is not None else why


def _key(data: bytes) -> bytes:
    found = re.search(rb'"influencer_id"\s*:\s*"([^"\\]*)"', data)
    return found[1] if found else b""


def gateway(data: bytes) -> str:
    """A body cut into events, each judged."""
    try:
        items, _ = split(data, JSON if data[:1] in b"[{" else "application/x-ndjson", 1_000)
    except Refusal as refusal:
        return str(refusal.status)
    good, bad = judge(items, 0, AT_MS, lambda _: None)
    if len(good) + len(bad) != len(items):
        raise FindingError("an event of the body got no verdict")
    return "taken" if good else "rejected"


def gzip_body(data: bytes) -> str:
    """A compressed body within its limit."""
    try:
        return "taken" if len(inflate(data, 1 << 20)) <= 1 << 20 else _beyond()
    except Refusal as refusal:
        return str(refusal.status)
    except ValueError:
        return "no gzip"
    except OverflowError:
        return "too large"


def _beyond() -> str:
    raise FindingError("more was inflated than is allowed")


def sources(data: bytes) -> str:
    """A payload to the source that its first byte picks; `unexpected` is an error that nobody foresaw."""
    case = CASES[data[0] % len(CASES)] if data else CASES[0]
    parsed = _open(case.name).parse(data[1:], RECEIVED, HEADERS)
    for reason in parsed.rejected:
        if reason.code == "unexpected":
            raise FindingError(f"{case.name}: {reason}")
    for event in parsed.events:
        try:
            EngagementEvent.model_validate(event)
        except ValidationError as error:
            raise FindingError(f"{case.name} makes an event that the contract refuses: {error}") from error
    return "events" if parsed.events else "rejected" if parsed.rejected else "left out"


def _open(name: str, held: dict[str, object] = {}):  # type: ignore[no-untyped-def]  # noqa: B006 - one of each
    if name not in held:
        held[name] = BY_NAME[name].open()
    return held[name]


def _yaml(model: type) -> Callable[[bytes], str]:
    def run(data: bytes) -> str:
        text = data.decode("utf-8", "replace")
        try:
            load_yaml(text, model, name="file")
        except YamlError as error:
            if not str(error) or not error.shown(text):
                raise FindingError("a mistake is not told") from error
            return "refused"
        return "taken"

    return run


def routing(data: bytes) -> str:
    """notify.yaml, with what holds between its parts."""
    try:
        load_routing(data.decode("utf-8", "replace"), name="notify.yaml")
    except YamlError:
        return "refused"
    return "taken"


def mapping(data: bytes) -> str:
    """A mapping file, and a payload through it where it is taken."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # of jmespath, about an old way to quote
        return _mapping(data)


def _mapping(data: bytes) -> str:
    try:
        source = MappingSource(load_yaml(data.decode("utf-8", "replace"), Mapping, name="mapping"))
    except YamlError:
        return "refused"
    for payload in BY_NAME["reviews"].payloads():
        for reason in source.parse(payload, dt.datetime.now(dt.UTC)).rejected:
            if reason.code == "unexpected":
                raise FindingError(f"mapping: {reason}")
    return "taken"


class Files:
    """Targets that read files; `close` removes them."""

    def __init__(self) -> None:
        self._held = tempfile.TemporaryDirectory(prefix="fuzz-")
        self._path = Path(self._held.name) / "file"
        self._runner = asyncio.Runner()

    def cursor(self, data: bytes) -> str:
        """A cursor file of a following client."""
        self._path.write_bytes(data)
        try:
            return "none" if self._runner.run(FileMemory(self._path).cursor()) is None else "taken"
        except InputError:
            return "refused"

    def state(self, data: bytes) -> str:
        """A file of `rapport state export`."""
        self._path.write_bytes(data)
        try:
            verified(self._path)
        except DumpError:
            return "refused"
        return "taken"

    def close(self) -> None:
        """Leave nothing behind."""
        self._runner.close()
        self._held.cleanup()


def all_targets(files: Files) -> list[Target]:
    """Every target with its seeds."""
    import zlib

    from tests.faults.load import make

    events = [record[2] or b"" for record in make(400, 4, story=False, seed=5).records]
    events += [_event(case.name, event) for case in CASES for event in case.events()]
    payloads = [bytes([number]) + payload for number, case in enumerate(CASES) for payload in case.payloads()]
    bodies = [b"[" + b",".join(events[n : n + 3]) + b"]" for n in range(0, 60, 3)]
    bodies += [b"\n".join(events[n : n + 3]) for n in range(0, 60, 3)]
    packed = zlib.compressobj(wbits=31)
    gz = packed.compress(bodies[0] * 50) + packed.flush()
    rules = (REPO / "docs" / "rules.example.yaml").read_bytes()
    texts = {name: (REPO / "docs" / name).read_text() for name in ("alerts.md", "gateway.md", "sources.md")}
    older = (REPO / "tests" / "data" / "layout-1.state").read_bytes()
    return [
        Target("decoder", decoder, events, 40),
        Target("gateway", gateway, bodies, 15),
        Target("gzip", gzip_body, [gz], 5),
        Target("sources", sources, payloads, 25),
        Target("rules", _yaml(RulesFile), [rules, *_blocks(texts["alerts.md"])], 3),
        Target("notify.yaml", routing, _blocks(texts["alerts.md"]) or [rules], 3),
        Target("gateway.yaml", _yaml(GatewayFile), _blocks(texts["gateway.md"]) or [rules], 3),
        Target(
            "mapping", mapping, [(FIXTURES / "reviews.yaml").read_bytes(), *_blocks(texts["sources.md"])], 3
        ),
        Target("cursor", files.cursor, [b'{"cursor": 1725911162329308}', b'{"cursor":null}'], 2),
        Target("state", files.state, [older[:20_000], older[:1_000]], 1),
    ]


def _event(name: str, event: dict[str, object]) -> bytes:
    import json

    return json.dumps(event).encode()


def _blocks(text: str) -> list[bytes]:
    return [block.encode() for block in re.findall(r"^```ya?ml\n(.*?)^```", text, re.M | re.S)]


def rng_of(seed: int, name: str, number: int) -> Random:
    """The random source of one input: a finding is made again from these three."""
    return Random(f"{seed}/{name}/{number}")
