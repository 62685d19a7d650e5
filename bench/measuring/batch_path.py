"""The worker's way with a batch, whole but for the servers: a partition task on a log and a view in memory."""

import asyncio
import time
from collections.abc import Sequence

from bench.measuring.fetched_log import FetchedLog
from bench.measuring.memory_ports import DictView, ListLog
from bench.workload.touchpoints import KeyAndValue
from etapa.contracts.incoming.input_format import decoder_within
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.hosting.system_clock import SystemClock
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.campaigns import in_order
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.partition import Partition
from etapa.journey.language.properties_read import properties_read
from etapa.stream.protocol.batch import encode
from etapa.stream.protocol.observer import NullObserver
from etapa.stream.protocol.records import Record
from etapa.stream.protocol.task_options import TaskOptions
from etapa.stream.protocol.tenures.announced import Announced
from etapa.stream.protocol.tenures.task import PartitionTask

BATCH = 1_000
"""Touchpoints after which what came of them is encoded, where that is measured by itself."""


def records_of(sent: Sequence[KeyAndValue]) -> list[Record]:
    """The same as one partition holds them."""
    return [Record(offset, 0, key, value) for offset, (key, value) in enumerate(sent)]


def through_task(program: Program, records: Sequence[Record], **options: int) -> float:
    """CPU seconds that a partition task takes to fetch, decode, judge, encode, commit and apply all of them.

    `options` replace those of `TaskOptions`.
    """
    return asyncio.run(_through_task(program, ListLog(records), **options))


def through_encode(program: Program, touchpoints: Sequence[Touchpoint]) -> float:
    """CPU seconds that it takes to encode the stage changes and states that come of them, batch by batch."""
    # Its result is the figure alone: what `asyncio.run` gives back is written out as text on the way, however long it is.
    return asyncio.run(_through_encode(program, touchpoints))


async def _through_encode(program: Program, touchpoints: Sequence[Touchpoint]) -> float:
    journey = program.journey
    partition = Partition(program, None)
    spent = 0.0
    for start in range(0, len(touchpoints), BATCH):
        batch = touchpoints[start : start + BATCH]
        for customer_id in partition.missing(each.customer_id for each in batch):
            partition.admit(customer_id, None)
        for touchpoint in batch:
            partition.take(touchpoint, touchpoint.at)
        work = partition.collect()
        started = time.process_time()
        Announced(journey.id, journey.version).add(in_order(work.changes, work.released))
        await encode(work.changed, journey.id, journey.version, BATCH, _no_pause)
        spent += time.process_time() - started
    return spent


async def _no_pause() -> None:
    pass


def through_task_from_batches(program: Program, sent: Sequence[KeyAndValue], **options: int) -> float:
    """The same, and to take apart the batches in which a broker sends the touchpoints."""
    return asyncio.run(_through_task(program, FetchedLog(sent), **options))


async def _through_task(program: Program, log: ListLog, **options: int) -> float:
    decoder = decoder_within(TouchpointLimits(), properties_read(program.journey))
    around = TaskOptions(group="bench", decoder=decoder, **options)  # type: ignore[arg-type]
    task = PartitionTask(0, program, log, DictView(), SystemClock(), NullObserver(), around)
    log.at_end = task.request_stop
    started = time.process_time()
    await task.run()
    return time.process_time() - started
