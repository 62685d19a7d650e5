"""One process is in reserve, and becomes whichever worker is to be started next."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from etapa.supervise import worker_processes
from etapa.supervise.worker_processes import WorkerPlace, WorkerProcesses

TELLS = """
import pathlib, sys
from etapa.supervise.worker_processes import assigned_place
pathlib.Path(sys.argv[1], f"{__import__('os').getpid()}.loaded").touch()
place = assigned_place()
pathlib.Path(place.socket).write_text(place.name)
sys.stdin.buffer.read()
"""


def place(number: int, folder: Path) -> WorkerPlace:
    return WorkerPlace(number, f"here-{number}", str(folder / f"{number}.told"))


def loaded(folder: Path) -> set[int]:
    """The processes that have loaded everything."""
    return {int(path.stem) for path in folder.glob("*.loaded")}


def is_told(one: WorkerPlace) -> bool:
    file = Path(one.socket)
    return file.exists() and file.read_text() == one.name


async def until_told(one: WorkerPlace) -> None:
    async with asyncio.timeout(30):
        while not is_told(one):
            await asyncio.sleep(0.01)


async def until_loaded(folder: Path, count: int) -> None:
    async with asyncio.timeout(30):
        while len(loaded(folder)) < count:
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_processes, "RESERVE_AFTER", 0.01)


def test_the_next_start_takes_the_process_that_is_loaded_and_the_one_after_has_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        processes = WorkerProcesses([sys.executable, "-c", TELLS, str(tmp_path)])
        first = await processes.start(place(1, tmp_path))
        await until_told(place(1, tmp_path))
        for number in (2, 3):
            await until_loaded(tmp_path, number)
            waiting = loaded(tmp_path)
            process = await processes.start(place(number, tmp_path))
            assert process.pid in waiting - {first.pid}
            await until_told(place(number, tmp_path))
            first.kill()
            await first.wait()
            first = process
        first.kill()
        await first.wait()
        await until_loaded(tmp_path, 4)
        [reserve] = loaded(tmp_path) - {first.pid} - {int(path) for path in gone(tmp_path)}
        await processes.stop()
        assert str(reserve) in gone(tmp_path)

    asyncio.run(scenario())


def test_one_in_reserve_that_has_ended_is_not_used(tmp_path: Path) -> None:
    async def scenario() -> None:
        processes = WorkerProcesses([sys.executable, "-c", TELLS, str(tmp_path)])
        first = await processes.start(place(1, tmp_path))
        await until_loaded(tmp_path, 2)
        reserve = processes._reserve
        assert reserve is not None
        reserve.kill()
        await reserve.wait()
        second = await processes.start(place(2, tmp_path))
        await until_told(place(2, tmp_path))
        assert second.pid != reserve.pid
        await processes.stop()
        for process in (first, second):
            process.kill()
            await process.wait()

    asyncio.run(scenario())


def test_one_whose_supervisor_ends_before_it_is_told_anything_ends_too(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TELLS, str(tmp_path)], input=b"", check=False, timeout=60)
    assert done.returncode == 0
    told = msgspec.json.encode(place(7, tmp_path)) + b"\n"
    done = subprocess.run([sys.executable, "-c", TELLS, str(tmp_path)], input=told, check=False, timeout=60)
    assert (done.returncode, Path(place(7, tmp_path).socket).read_text()) == (0, "here-7")


def gone(folder: Path) -> set[str]:
    """Of those that had loaded everything, the ones that are no more."""
    return {str(pid) for pid in loaded(folder) if not Path(f"/proc/{pid}").exists()}
