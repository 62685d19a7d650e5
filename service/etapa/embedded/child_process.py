"""A program that ends with us: started in a group of its own, asked to stop, and killed by the system if we are killed first."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

_TAIL_BYTES = 4000

# Runs in the child before the program does. The system then kills the child when the thread that started it ends, by
# whatever cause; `getppid` tells whether that happened already. Only Linux has this. A separate interpreter instead of
# Popen's preexec_fn, because that may deadlock in a process with threads, such as those of librdkafka.
_BIND_TO_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class ChildProcess:
    """A running program. What it says goes to a file without a name, of which `said` gives the end."""

    def __init__(self, command: Sequence[str], *, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> None:
        """Start `command` (its first word is a path). Call this in a thread that lives as long as the program should."""
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process; `stop` closes it)
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            self._process = subprocess.Popen(
                _bound(command),
                stdin=given,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                # Ctrl-C in the terminal reaches us alone: we decide in which order the others stop.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """The last few thousand bytes of what it printed."""
        descriptor = self._output.fileno()
        size = os.fstat(descriptor).st_size
        # pread, because the child writes at the offset that we share with it.
        return os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode(errors="replace").strip()

    def stop(self, patience: float) -> None:
        """Ask it to end, and kill it after `patience` seconds. Safe to call again."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._output.close()


def _bound(command: Sequence[str]) -> list[str]:
    if not sys.platform.startswith("linux"):
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _BIND_TO_PARENT, str(os.getpid()), *command]
