"""What the parts of a partition task share."""

import msgspec

from etapa.journey.engine.judging.program import Program
from etapa.stream.protocol.observer import TaskObserver
from etapa.stream.protocol.ports import Clock, Log, Transfers, View
from etapa.stream.protocol.task_options import TaskOptions


class TaskContext(msgspec.Struct, frozen=True):
    """What a task is given when it is created."""

    partition: int
    program: Program
    log: Log
    view: View
    clock: Clock
    observer: TaskObserver
    options: TaskOptions
    transfers: Transfers | None = None
    """None where no customers move between partitions."""
