"""The most memory that a process has had."""

from pathlib import Path


def peak_mebibytes(pid: int | str = "self") -> float:
    """Resident, as Linux counts it; 0 where there is no /proc. (`getrusage` also counts what whoever started the process had.)"""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
