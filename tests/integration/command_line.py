"""Runs commands as separate processes, with settings from the environment."""

import os
import subprocess
import sys

from etapa.settings import Settings
from tests.integration.worker import environment_of


def said_by(settings: Settings, *command: str) -> tuple[int, str]:
    """The exit code of `etapa` with this command, and its stderr."""
    done = run_etapa(settings, *command)
    return done.returncode, done.stderr


def run_etapa(settings: Settings, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")}
    return subprocess.run(
        [sys.executable, "-m", "etapa", *command],
        env={**environment, **environment_of(settings)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
