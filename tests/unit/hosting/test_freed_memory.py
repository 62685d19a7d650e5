"""What a worker frees it keeps, where the C library can be told to."""

import os
import platform
import subprocess
import sys

import pytest

from etapa.hosting.freed_memory import keep_freed_memory

PIECE = 24 * 1024 * 1024
_PROGRAM = f"""
import resource
from etapa.hosting.freed_memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

kept = keep_freed_memory()
# Two at a time: the first piece alone would raise glibc's own threshold for the second.
for _ in range(3):
    before = faults()
    pieces = [bytearray({PIECE}) for _ in range(2)]
    for piece in pieces:
        piece[::4096] = b"x" * len(piece[::4096])
    taken = faults() - before
    del pieces, piece
print(kept, taken)
"""
PAGES = 2 * PIECE // 4096


def _run(**variables: str) -> tuple[str, int]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=True, env={**environment, **variables}
    )
    kept, taken = done.stdout.split()
    return kept, int(taken)


on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")


@on_glibc
def test_what_was_freed_is_not_fetched_again_page_by_page() -> None:
    kept, taken = _run()
    assert kept == "True"
    assert taken < PAGES // 10


@on_glibc
@pytest.mark.parametrize("variable", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_those_who_run_the_worker_may_decide_otherwise(variable: str) -> None:
    kept, taken = _run(**{variable: "131072"})
    assert kept == "False"
    assert taken >= PAGES // 2


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert not keep_freed_memory()
