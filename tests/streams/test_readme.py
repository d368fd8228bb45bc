"""The README tells the truth about settings, commands and files."""

import re

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.settings_doc import markdown_table
from tests.servers import REPO

README = (REPO / "README.md").read_text(encoding="utf-8")


def test_the_table_of_settings_is_that_of_the_program() -> None:
    found = re.search(r"<!-- settings: begin [^\n]*-->\n(.*?)<!-- settings: end -->", README, re.DOTALL)
    assert found is not None
    assert found[1].strip() == markdown_table().strip(), "`rapport settings --markdown` gives the table"


def test_it_opens_with_the_two_commands() -> None:
    assert README.index("make demo") < README.index("make test") < 300


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (REPO / link).exists()


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^(?:\S+=\S+ )?rapport ((?:[a-z]+ ?){1,2})", README, re.M)))
)
def test_commands_are_there(command: str) -> None:
    words = command.split()
    groups = {"topics", "partnerships", "alerts", "rejected", "schemas", "dashboards"}
    known = words[:2] if words[0] in groups else words[:1]
    result = CliRunner().invoke(app, [*known, "--help"])
    assert result.exit_code == 0, result.output
