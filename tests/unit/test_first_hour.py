"""The first hour: with the commands of one page, a newcomer gets from an export to a table of stages without code."""

import re
from pathlib import Path

import pytest

from tests.support.console_page import ROOT, follow, reader_environment

PAGE = (ROOT / "docs" / "first-hour.md").read_text()
EXAMPLES = ROOT / "docs" / "examples"
MOST_COMMANDS = 10


def _part(title: str) -> str:
    (part,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(part)


@pytest.mark.parametrize(
    ("title", "export"),
    [
        ("From Google Analytics 4", "ga4.jsonl"),
        ("From a spreadsheet of Shopify's orders", "shopify-orders.csv"),
        ("From a spreadsheet of your own", "ventas.csv"),
    ],
)
def test_an_export_becomes_a_table_of_stages_in_at_most_ten_commands(tmp_path: Path, title: str, export: str) -> None:
    commands = follow(_part(title), tmp_path / "newcomer", reader_environment(tmp_path), (EXAMPLES / export,))
    assert 3 <= len(commands) <= MOST_COMMANDS
    assert all(command.startswith("etapa ") for command in commands), "no code, no other tools"
    assert any(command.startswith("etapa simulate") for command in commands)
    assert "median stay" in _part(title)
