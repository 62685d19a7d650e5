"""What comes in from a partition of `touchpoints`: it is fetched and decoded, and where nothing comes, time goes on without it."""

from typing import Final

from etapa.stream.protocol.batch import Pause
from etapa.stream.protocol.intake import Intake
from etapa.stream.protocol.records_in_batches import Records
from etapa.stream.protocol.stream_time import QuietPace
from etapa.stream.protocol.takeover import InDoubt, TakenOver
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.step_times import StepTimes
from etapa.stream.protocol.waiting import NOTHING_WAITING, Waiting


class Inflow:
    """The touchpoints that a tenure reads, and how long none have come."""

    def __init__(self, around: TaskContext, taken: TakenOver, times: StepTimes, pause: Pause, *, in_rows: bool) -> None:
        """`in_rows`: see `Intake`."""
        self._around: Final = around
        self._times: Final = times
        self._pause: Final = pause
        begun = None if taken.mark is None else taken.mark.begun
        self.intake: Final = Intake(around.options.decoder, begun, taken.next_offset, in_rows=in_rows)
        self.pace = QuietPace(around.options.quiet_after, around.clock.monotonic())
        self._asked_at = 0, 0.0
        """When the log was last asked, by the wall clock and the monotonic one."""
        self.caught_up = False
        """Whether the log said then that nothing more was waiting."""
        self.nothing_before = 0
        """When the log was last asked, nothing was waiting before this offset; some offsets may hold no record."""

    async def read(self, next_offset: int, wait: float) -> Waiting:
        """Fetch the records that are there and decode them. Waits up to `wait` seconds for some. Raises `InDoubt` or `LogError`."""
        around, options = self._around, self._around.options
        self._times.begin_anew()
        records: Records = []
        if not self.intake.holds_more:
            # Touchpoints that arrive after this are unknown to us, so if nothing is there, time may advance to here and no further.
            self._asked_at = around.clock.now(), around.clock.monotonic()
            fetched = await around.log.fetch(options.max_records, options.max_bytes, wait)
            records = fetched.records
            self.caught_up = fetched.caught_up
            if not records and fetched.caught_up:
                self.nothing_before = fetched.end
                return NOTHING_WAITING
        started = around.clock.monotonic()
        self.pace.heard(started)
        if records and records[0].offset < next_offset:
            raise InDoubt("log_error", f"read offset {records[0].offset}, expected {next_offset} or later")
        if not records and not self.intake.holds_more:
            return NOTHING_WAITING
        earliest = around.program.journey.accept_from
        waiting = await self.intake.read(records, around.clock.now(), options.pause_every, self._pause, earliest, options.max_records)
        self._times.took("decode", started)
        return waiting

    def quiet_position(self, stream_time: int | None) -> int | None:
        """How far stream time may advance while nothing comes; none while there is no stream time at all."""
        return self.pace.position(stream_time, *self._asked_at)
