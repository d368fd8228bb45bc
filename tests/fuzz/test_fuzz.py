"""A few seconds of `python -m tests.fuzz`: a seed that stays, and one that is new each time."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator

import pytest

from tests.fuzz.__main__ import _hang, fuzz
from tests.fuzz.targets import Files, FindingError, Target, all_targets
from tests.servers import REPO
from tests.streams.sources.cases import FIXTURES

_INPUTS = 6_000


@pytest.fixture
def files() -> Iterator[Files]:
    before = signal.signal(signal.SIGALRM, _hang)
    made = Files()
    yield made
    made.close()
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("seed", [1, None])
def test_bent_inputs_neither_crash_nor_hang_anything(files: Files, seed: int | None) -> None:
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    targets = all_targets(files)
    shares = sum(target.share for target in targets)
    for target in targets:
        found, story = fuzz(target, _INPUTS // 2 * target.share // shares, seed, say=False)
        assert not story, story
        assert len(found) > 1 or target.name in ("gzip", "state"), (
            f"{target.name} sees no difference: {found}"
        )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("mapping", b"source: x\nitems: 'row\"\\ud800\"s'\nacts: []\n"),
        ("mapping", (FIXTURES / "reviews.yaml").read_bytes().replace(b"/Berlin", b"/Ber" * 2_000)),
        ("cursor", b"[" * 100_000),
        ("state", b"(\xb5/\xfd"),
        ("sources", (REPO / "tests/data/fuzz-actor-in-brackets.json").read_bytes()),
    ],
)
def test_what_was_found_before_is_mended(files: Files, name: str, data: bytes) -> None:
    (target,) = (target for target in all_targets(files) if target.name == name)
    assert target.run(data) in ("refused", "rejected")


@pytest.mark.parametrize("what", ["raises", "hangs"])
def test_a_finding_is_told_with_what_makes_it_again(
    files: Files, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("tests.fuzz.__main__.HANGS_S", 0.2)
    monkeypatch.setattr("tests.fuzz.__main__._KEPT", tmp_path)

    def bad(data: bytes) -> str:
        while what == "hangs":
            pass
        raise FindingError("no")

    _, story = fuzz(Target("bad", bad, [b"seed"], 1), 5, 7, say=False)
    assert "input 0 of seed 7" in story and (tmp_path / "bad-7-0").exists()
