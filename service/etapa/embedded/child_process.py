"""A program that ends with this process: started in its own process group, asked to stop, and killed by the system if we are killed first."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

_TAIL_BYTES = 4000

# Runs in the child before the program. From then on the system kills the child when the thread that started it ends, for
# whatever reason; `getppid` shows whether that has already happened. Only Linux has this. It runs in a separate interpreter
# because Popen's preexec_fn can deadlock in a process with threads, such as those of librdkafka.
_BIND_TO_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class ChildProcess:
    """A running program. Its output goes to an unnamed file; `said` returns the end of it."""

    def __init__(self, command: Sequence[str], *, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> None:
        """Start `command` (its first word is a path). Call this in a thread that lives as long as the program should run."""
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
                # Ctrl-C in the terminal reaches only us, so that we decide in which order the others stop.
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
        # pread, because the child writes at the file offset that it shares with us.
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
