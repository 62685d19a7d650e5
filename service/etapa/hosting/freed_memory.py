"""What becomes of memory that was freed: a worker soon needs it again."""

import ctypes
import os
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of parameters in glibc's malloc.h."""
_KEPT: Final = 128 * 1024 * 1024
_LARGEST: Final = 32 * 1024 * 1024
"""glibc accepts no more."""
_DECIDED: Final = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
"""Variables with which those who run a worker decide themselves."""


def keep_freed_memory() -> bool:
    """Have the C library keep up to 128 MiB that were freed, instead of giving them back to the system. Returns whether it does.

    Each batch takes some 20 MiB and frees them. By itself, glibc gives large pieces back at once, and the system fills each page with
    zeros before it gives it out again. What a process takes at most stays the same. Other C libraries, such as musl, have no such setting.
    """
    if any(name in os.environ for name in _DECIDED):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    return mallopt is not None and bool(mallopt(_MMAP_THRESHOLD, _LARGEST)) and bool(mallopt(_TRIM_THRESHOLD, _KEPT))
