"""What README.md shows is what happens: its files are written, its commands run, and their output is compared."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<file>\S+)(?P<more> continued)?)?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where `etapa` is this very tree, whichever environment runs the tests, and no setting comes from outside."""
    programs = tmp_path / "programs"
    programs.mkdir()
    command = programs / "etapa"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m etapa "$@"\n')
    command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")}
    return kept | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "service")}


def without_timings(text: str) -> str:
    return re.sub(r"\b\d+\.\d\ds\b", "0.00s", text)


def test_the_examples_run_and_print_what_they_show(tmp_path: Path, environment: dict[str, str]) -> None:
    """One test, since each block builds on those before it."""
    folder = tmp_path / "reader"
    folder.mkdir()
    commands = 0
    for block in BLOCK.finditer(README):
        if block["file"]:
            with (folder / block["file"]).open("a" if block["more"] else "w") as file:
                file.write(block["text"])
        elif block["language"] == "console":
            for example in COMMAND.finditer(block["text"]):
                ran = subprocess.run(
                    ["bash", "-c", example["command"]],
                    cwd=folder,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                assert without_timings(f"$ {example['command']}\n{ran.stdout}") == without_timings(example[0])
                commands += 1
    assert commands >= 5
