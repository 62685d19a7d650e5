"""A worker is started, restarted and stopped, with small processes in its place."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from etapa.supervise import supervised_worker
from etapa.supervise.supervised_worker import SupervisedWorker, WrongSettings

OBEYS = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up', flush=True); signal.pause()"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised_worker, "FIRST_PAUSE", 0.01)


def test_one_that_ends_is_started_again_and_all_end_when_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        restarted: list[int] = []
        worker = SupervisedWorker(3, [sys.executable, "-c", OBEYS], tmp_path / "3.sock", restarted.append)
        stopping = asyncio.Event()
        running = asyncio.create_task(worker.run(stopping))
        await until(lambda: worker.is_running)
        first = worker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: worker.is_running and worker.pid != first)
        assert restarted == [3]
        assert worker.starts == 2
        stopping.set()
        await asyncio.wait_for(running, 30)
        assert not worker.is_running

    asyncio.run(scenario())


def test_one_that_cannot_run_with_its_settings_is_not_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        worker = SupervisedWorker(1, [sys.executable, "-c", "raise SystemExit(2)"], tmp_path / "1.sock", lambda _: None)
        with pytest.raises(WrongSettings, match="worker 1 cannot run"):
            await asyncio.wait_for(worker.run(asyncio.Event()), 30)
        assert worker.starts == 1

    asyncio.run(scenario())


def test_one_whose_supervisor_is_cancelled_does_not_stay(tmp_path: Path) -> None:
    async def scenario() -> None:
        worker = SupervisedWorker(1, [sys.executable, "-c", OBEYS], tmp_path / "1.sock", lambda _: None)
        running = asyncio.create_task(worker.run(asyncio.Event()))
        await until(lambda: worker.is_running)
        pid = worker.pid
        assert pid is not None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(scenario())
