"""Shells complete commands and options, and there is a man page for every command."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from deploy.generator.man_pages import man_pages
from etapa.cli import COMMANDS
from tests.unit.cli.process import environment

PAGES = man_pages()


def completed(*words: str) -> list[str]:
    """The completions that bash gets for the last of these words."""
    told = {"_ETAPA_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("etapa", *words)), "COMP_CWORD": str(len(words))}
    command = [sys.executable, "-c", "from etapa.cli import main; main(prog_name='etapa')"]
    done = subprocess.run(command, env=environment(told), capture_output=True, text=True, timeout=60, check=False)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_given_its_script(shell: str) -> None:
    command = [sys.executable, "-c", "from etapa.cli import main; main(prog_name='etapa')"]
    done = subprocess.run(command, env=environment({"_ETAPA_COMPLETE": f"{shell}_source"}), capture_output=True, text=True, check=False)
    assert f"_ETAPA_COMPLETE={shell}_complete" in done.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)


def test_commands_subcommands_and_options_are_completed() -> None:
    assert completed("si") == ["simulate", "sizing"]
    assert completed("dead-letters", "") == ["list", "redrive", "show"]
    assert "--journey" in completed("run", "--j")


def test_completing_a_command_imports_none() -> None:
    told = {"_ETAPA_COMPLETE": "bash_complete", "COMP_WORDS": "etapa s", "COMP_CWORD": "1"}
    code = "import sys\nfrom etapa.cli import main\ntry:\n    main(prog_name='etapa')\nfinally:\n    "
    code += "sys.stderr.write(' '.join(name for name in sys.modules if name.startswith('etapa.commands.')))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(told), capture_output=True, text=True, check=False)
    imported = set(done.stderr.split())
    assert "plain,simulate" in done.stdout
    assert not imported & {f"etapa.commands.{entry.module}" for entry in COMMANDS.values()}


def test_every_command_has_a_page_of_its_own() -> None:
    assert {f"etapa-{name}.1" for name in COMMANDS} | {"etapa.1", "etapa-dead-letters-redrive.1"} <= PAGES.keys()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_says_what_help_says(name: str) -> None:
    page = PAGES[name]
    assert re.match(r'\.TH "ETAPA[A-Z -]*" "1" ', page)
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"):
        assert f".SH {heading}\n" in page
    assert r"\fB\-\-help\fP" in page
    assert "\b" not in page


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is in Debian's package groff")
def test_groff_has_nothing_to_say_about_the_pages() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z"],
        input="\n".join(PAGES.values()),
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
