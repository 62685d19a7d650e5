"""Modules are loaded without a search for cycles, and what they made is not looked at again."""

import gc
import subprocess
import sys

import pytest

from etapa.hosting.garbage import without_collecting


def test_nothing_is_collected_in_the_block_nor_looked_at_after_it() -> None:
    frozen = gc.get_freeze_count()
    try:
        with without_collecting():
            assert not gc.isenabled()
            made: list[list[object]] = [[] for _ in range(1_000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= frozen + len(made)
        assert all(each is not made for each in gc.get_objects())
    finally:
        gc.unfreeze()


def test_a_collector_that_was_off_stays_off_and_one_that_was_on_is_on_after_an_error() -> None:
    try:
        with pytest.raises(ZeroDivisionError), without_collecting():
            _ = 1 / 0
        assert gc.isenabled()
        gc.disable()
        with without_collecting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_a_worker_is_loaded_without_collecting_and_without_what_only_sources_need() -> None:
    program = (
        "import gc, sys\n"
        "from etapa.cli import main\n"
        "before = gc.get_stats()\n"
        "main.get_command(None, 'run')\n"
        "assert [each['collections'] for each in gc.get_stats()] == [each['collections'] for each in before]\n"
        "import etapa.commands.terminal.worker_process\n"
        "print(*sorted(name for name in sys.modules if name.startswith('etapa.sources.language')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
