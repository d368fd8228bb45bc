"""Every page on a defect upstream has its script, and those that need no server still show what they say."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.servers import REPO

_ROOM = REPO / "docs" / "upstream"
_SCRIPTS = sorted(path.stem for path in _ROOM.glob("*.py"))


def test_pages_scripts_and_the_list_belong_together() -> None:
    listed = re.findall(r"^\| \[([\w-]+)\]\(\1\.md\)", (_ROOM / "README.md").read_text(), re.MULTILINE)
    pages = {path.stem for path in _ROOM.glob("*.md")} - {"README"}
    assert set(listed) == pages == {name.replace("_", "-") for name in _SCRIPTS}


@pytest.mark.parametrize(
    "name", ["redis_cluster_exception", "redis_closed_meanwhile", "redis_uvloop_reset", "msgspec_unicode"]
)
def test_it_is_still_so(name: str) -> None:
    """Fails when a new version mends it: then our answer can go."""
    done = subprocess.run(
        [sys.executable, str(_ROOM / f"{name}.py")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    page = (_ROOM / f"{name.replace('_', '-')}.md").read_text()
    said = re.search(r"^```\n(.*?)\n```", page, re.MULTILINE | re.DOTALL)
    assert said is not None
    for told, wanted in zip(done.stdout.splitlines(), said[1].splitlines(), strict=True):
        assert told[:45] == wanted[:45]
