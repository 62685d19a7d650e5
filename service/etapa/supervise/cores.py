"""How many cores this process may use."""

import os
from pathlib import Path

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(limit: Path = _CONTAINER_LIMIT) -> int:
    """Whole cores, at least one: those that the system lets this process use, limited by its container's quota (`cpu.max` of cgroup v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, _, period = limit.read_text().partition(" ")
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        # No container, or a container without a quota ("max").
        return cores
