"""Tests a page of the documentation: writes its files, runs its commands, and compares their output with what the page shows."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<file>\S+)(?P<more> continued)?)?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)


def reader_environment(folder: Path) -> dict[str, str]:
    """An environment in which `etapa` is this source tree, and which takes no settings from outside."""
    programs = folder / "programs"
    programs.mkdir()
    command = programs / "etapa"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m etapa "$@"\n')
    command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")}
    return kept | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "service"), "COLUMNS": "80"}


def follow(text: str, folder: Path, environment: Mapping[str, str], files: tuple[Path, ...] = ()) -> list[str]:
    """Do everything on the page in `folder`, which already has `files`. Returns the commands; each printed what the page shows."""
    folder.mkdir()
    for file in files:
        shutil.copy(file, folder)
    commands = []
    for block in BLOCK.finditer(text):
        if block["file"]:
            with (folder / block["file"]).open("a" if block["more"] else "w") as opened:
                opened.write(block["text"])
        elif block["language"] == "console":
            for example in COMMAND.finditer(block["text"]):
                ran = subprocess.run(
                    ["bash", "-c", example["command"]],
                    cwd=folder,
                    env=dict(environment),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                assert without_timings(f"$ {example['command']}\n{ran.stdout}") == without_timings(example[0])
                commands.append(example["command"])
    return commands


def without_timings(text: str) -> str:
    """Remove durations, which differ from run to run."""
    return re.sub(r"\b\d+\.\d\ds\b", "0.00s", text)
