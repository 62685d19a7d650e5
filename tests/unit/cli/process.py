"""Runs `etapa`: in this process, which is quick, or as a separate process, as a shell would."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from click.testing import CliRunner

from etapa.cli import main
from tests.servers.processes import heed_ctrl_c

SOURCE_ROOT = Path(__file__).parents[3] / "service"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process without any settings of Etapa, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")}
    return kept | {"PYTHONPATH": str(SOURCE_ROOT)} | dict(extra or {})


def etapa(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run it in this process, with no settings except `env`."""
    settings = {name: None for name in os.environ if name.startswith("ETAPA_")} | dict(env or {})
    done = CliRunner().invoke(main, arguments, input=stdin, env=settings, prog_name="etapa", catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout_bytes, done.stderr_bytes)


def etapa_process(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run it as a separate process, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "etapa", *arguments], input=stdin, env=environment(env), capture_output=True, timeout=60, check=False
    )


@contextlib.contextmanager
def started(*arguments: str, env: Mapping[str, str] | None = None, stdin: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """Start it and leave it running, for tests that interrupt it. It is ended in any case."""
    process = subprocess.Popen(
        [sys.executable, "-m", "etapa", *arguments],
        env=environment(env),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - one system call, and it takes no lock that a thread might hold
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
