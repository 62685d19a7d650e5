"""What a worker's coroutines run on: uvloop's event loop where there is one, which is everywhere but on Windows.

It does the same as asyncio's own for less CPU: reading and writing are done in C, straight from and to the sockets.
"""

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

_T = TypeVar("_T")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes an event loop."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop
    make: Callable[[], asyncio.AbstractEventLoop] = import_module("etapa.hosting.uvloop_loop").Loop
    return make


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run to the end, as `asyncio.run`."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)
