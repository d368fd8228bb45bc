"""Every dependency has its reason, is used, pinned, and of a licence that lets us ship."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata

from tests.servers import REPO

_PAGE = (REPO / "docs" / "dependencies.md").read_text()
_PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
_PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|0BSD|CC0|HPND|ZPL|Public Domain",
    re.I,
)
#: Used through another, or by name only: pytest's plugins, types, tools, the embedded servers.
_NOT_IMPORTED = {
    "mypy",
    "ruff",
    "pytest-asyncio",
    "pytest-timeout",
    "types-PyYAML",
    "types-psutil",
}


def name_of(line: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", line)
    assert found is not None, line
    return found[0]


def direct() -> set[str]:
    groups = [_PROJECT["dependencies"], *_PROJECT["optional-dependencies"].values()]
    return {name_of(line) for group in groups for line in group}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed() -> dict[str, metadata.Distribution]:
    """What is installed of our dependencies, and of theirs; what else lies in the environment is not ours."""
    found: dict[str, metadata.Distribution] = {}
    todo = sorted(direct())
    while todo:
        name = normal(todo.pop())
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # of another system, or another Python
        todo += [name_of(line) for line in found[name].requires or [] if "extra ==" not in line]
    return found


def licence(dist: metadata.Distribution) -> str:
    told = dist.metadata
    classified = [c for c in told.get_all("Classifier") or [] if c.startswith("License")]
    return " ".join(
        [told.get("License-Expression") or "", (told.get("License") or "")[:300], *classified]
    ).strip()


def test_each_has_its_reason_and_no_other_is_listed() -> None:
    rows = re.findall(r"^\| ([A-Za-z0-9._-]+) \|", _PAGE, re.M)
    listed = [name for name in rows if name not in ("package", "---")]
    assert sorted(listed) == sorted(direct())


def test_each_is_used() -> None:
    code = "\n".join(
        path.read_text() for room in ("streams", "processors", "schemas", "dashboards", "tests", "bench")
        for path in (REPO / room).rglob("*.py")
    )  # fmt: skip
    modules: dict[str, set[str]] = {}
    for module, names in metadata.packages_distributions().items():
        for name in names:
            modules.setdefault(normal(name), set()).add(module)
    for name in direct() - _NOT_IMPORTED:
        of = "|".join(map(re.escape, modules.get(normal(name), {name})))
        assert re.search(rf"^\s*(import|from) ({of})\b", code, re.M), f"nothing imports {name}"


def test_what_is_installed_is_what_is_pinned() -> None:
    lines = (REPO / "constraints.txt").read_text()
    pins = {normal(name): version for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lines, re.M)}
    assert f"({len(pins)} packages" in _PAGE
    for name, dist in needed().items():
        assert pins.get(name) == dist.version, (
            f"{name} {dist.version} is installed, pinned is {pins.get(name)}"
        )


def test_the_licences_let_us_ship() -> None:
    for name, dist in needed().items():
        found = licence(dist)
        assert _PERMISSIVE.search(found) or f"`{name}`" in _PAGE, f"{name}: {found or 'no licence'}"


def test_nothing_contradicts_another() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
