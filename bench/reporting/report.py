"""What a bench says: a table for people, and JSON with everything that is needed to judge it."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.servers.place import ROOT

PACKAGES = ("aiokafka", "faust-streaming", "quixstreams", "confluent-kafka", "redis", "hiredis", "msgspec")


class Table(NamedTuple):
    """Texts in columns; the first is a name, the others are figures."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_text(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        lines = []
        for row in (self.heads, *self.rows):
            name, *figures = row
            lines.append("  ".join([name.ljust(widths[0]), *(text.rjust(width) for text, width in zip(figures, widths[1:], strict=True))]))
        return "\n".join(lines)

    def as_markdown(self) -> str:
        rules = ["---", *["---:"] * (len(self.heads) - 1)]
        return "\n".join("| " + " | ".join(row) + " |" for row in (self.heads, rules, *self.rows))


def machine() -> dict[str, Any]:
    """The machine, the versions and the commit, and how busy the machine was before the bench began."""
    return {
        "commit": _told(["git", "rev-parse", "HEAD"]),
        # Results of other benches change nothing in what is measured.
        "uncommitted_changes": bool(_told(["git", "status", "--porcelain", "--", "service", "bench", ":(exclude)bench/results"])),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "redis_server": _told(["redis-server", "--version"]),
    }


def write_json(path: Path, about: Mapping[str, Any], settings: Mapping[str, Any], results: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    content = {"machine": about, "settings": settings, "results": msgspec.to_builtins(results)}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _told(command: list[str]) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
