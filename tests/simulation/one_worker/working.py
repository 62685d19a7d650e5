"""Lets tests run one task and intervene."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from etapa.stream.protocol.task_options import TaskOptions
from tests.simulation.one_worker.alone import OPTIONS, Alone


def options(**changes: Any) -> TaskOptions:
    return msgspec.structs.replace(OPTIONS, **changes)


def while_working(alone: Alone, steps: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the steps while the worker runs; then stop it."""

    async def both() -> None:
        running = asyncio.create_task(alone.task.run())
        await alone.until(lambda: alone.task.ready)
        await steps()
        alone.task.request_stop()
        await running

    alone.run(both())
