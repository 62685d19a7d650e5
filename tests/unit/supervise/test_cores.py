"""How many cores may be used."""

import os
from pathlib import Path

import pytest

from etapa.supervise.cores import usable_cores


@pytest.mark.parametrize(
    ("quota", "cores"), [("250000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("6400000 100000", 8), ("", 8), ("100 0", 8)]
)
def test_a_containers_quota_counts_in_whole_cores(quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    limit = tmp_path / "cpu.max"
    limit.write_text(quota)
    assert usable_cores(limit) == cores


def test_without_a_container_it_is_what_the_system_lets_this_process_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert usable_cores(tmp_path / "none") == 2
