"""What README.md shows really happens."""

from pathlib import Path

from tests.support.console_page import ROOT, follow, reader_environment


def test_the_examples_run_and_print_what_they_show(tmp_path: Path) -> None:
    """One test, since each block builds on the previous ones."""
    commands = follow((ROOT / "README.md").read_text(), tmp_path / "reader", reader_environment(tmp_path))
    assert len(commands) >= 5
