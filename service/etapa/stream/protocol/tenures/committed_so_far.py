"""What a partition's last mark says, from which its next batch goes on."""

from typing import Final

from etapa.contracts.stored.in_common import NOTHING_IN_COMMON
from etapa.contracts.stored.mark import Mark
from etapa.journey.engine.deny_list import Denial
from etapa.journey.localtime.zones import VERSION as ZONE_DATA
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.written_batch import WrittenBatch


class CommittedSoFar:
    """How far the partition has come, by its last mark or, before that, by the takeover."""

    def __init__(self, around: TaskContext, taken: TakenOver) -> None:
        mark, program = taken.mark, around.program
        self._around: Final = around
        self.topics: Final = taken.topics
        self.was_never_processed: Final = mark is None
        """When it was taken over."""
        self.next_offset = taken.next_offset
        self.stream_time = None if mark is None else mark.stream_time
        self._last_change = None if mark is None else mark.last_change
        self._replaced: Final = () if mark is None else mark.replaced
        common = NOTHING_IN_COMMON if mark is None else mark.in_common()
        self.common: Final = common.with_version(program.version, program.known, program.names)
        """What the states leave out."""
        self.denied: dict[bytes, Denial] = {}
        """The deny list, once it was read."""

    def mark_after(self, batch: WrittenBatch, stream_time: int | None) -> Mark:
        """The mark of the next batch."""
        journey = self._around.program.journey
        return Mark(
            group=self._around.options.group,
            partitions=self.topics.partitions,
            through=batch.accounted.through,
            stream_time=stream_time,
            journey=journey.id,
            version=journey.version,
            zones=ZONE_DATA,
            memories=dict(self.common.memories),
            names=self.common.names,
            begun=batch.accounted.begun,
            topics=dict(self.topics.ids),
            last_change=batch.last_change(self._last_change),
            replaced=self._replaced,
            moving=batch.moved.mark,
        )

    def go_on_from(self, mark: Mark, batch: WrittenBatch) -> None:
        """A batch was committed with this mark."""
        self.next_offset = mark.through + 1
        self.stream_time = mark.stream_time
        self._last_change = mark.last_change
        for digest, denial in batch.work.denied.items():
            if denial is None:
                self.denied.pop(digest, None)
            else:
                self.denied[digest] = denial
