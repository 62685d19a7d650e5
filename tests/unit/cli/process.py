"""Runs `etapa` as a real process, as a shell would."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCE_ROOT = Path(__file__).parents[3] / "service"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process without any settings of Etapa, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ETAPA_")}
    return kept | {"PYTHONPATH": str(SOURCE_ROOT)} | dict(extra or {})


def etapa(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "etapa", *arguments], input=stdin, env=environment(env), capture_output=True, timeout=60, check=False
    )


@contextlib.contextmanager
def started(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Start it and leave it running, for tests that interrupt it. It is gone at the end in any case."""
    process = subprocess.Popen(
        [sys.executable, "-m", "etapa", *arguments],
        env=environment(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
