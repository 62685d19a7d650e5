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
from etapa.supervise.worker_processes import WorkerPlace, WorkerProcesses

OBEYS = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up', flush=True); signal.pause()"


def place(number: int, folder: Path) -> WorkerPlace:
    return WorkerPlace(number, f"here-{number}", str(folder / f"{number}.sock"))


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
        worker = SupervisedWorker(place(3, tmp_path), WorkerProcesses([sys.executable, "-c", OBEYS]), restarted.append)
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


def test_one_that_ran_for_a_while_is_started_again_at_once_and_one_that_ends_soon_after_ever_longer_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def ends_of(steady_seconds: float) -> list[str]:
        monkeypatch.setattr(supervised_worker, "STEADY_SECONDS", steady_seconds)
        caplog.clear()
        worker = SupervisedWorker(place(1, tmp_path), WorkerProcesses([sys.executable, "-c", "raise SystemExit(1)"]), lambda _: None)
        stopping = asyncio.Event()
        running = asyncio.create_task(worker.run(stopping))
        await until(lambda: worker.starts == 4)
        stopping.set()
        await asyncio.wait_for(running, 30)
        return [record.getMessage().partition("is started again ")[2] for record in caplog.records if record.levelname == "ERROR"][:3]

    assert asyncio.run(ends_of(0)) == ["at once"] * 3
    assert asyncio.run(ends_of(1000)) == ["in 0.01 s", "in 0.02 s", "in 0.04 s"]


def test_one_that_cannot_run_with_its_settings_is_not_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        worker = SupervisedWorker(place(1, tmp_path), WorkerProcesses([sys.executable, "-c", "raise SystemExit(2)"]), lambda _: None)
        with pytest.raises(WrongSettings, match="worker 1 cannot run"):
            await asyncio.wait_for(worker.run(asyncio.Event()), 30)
        assert worker.starts == 1

    asyncio.run(scenario())


def test_one_whose_supervisor_is_cancelled_does_not_stay(tmp_path: Path) -> None:
    async def scenario() -> None:
        worker = SupervisedWorker(place(1, tmp_path), WorkerProcesses([sys.executable, "-c", OBEYS]), lambda _: None)
        running = asyncio.create_task(worker.run(asyncio.Event()))
        await until(lambda: worker.is_running)
        pid = worker.pid
        assert pid is not None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(scenario())
