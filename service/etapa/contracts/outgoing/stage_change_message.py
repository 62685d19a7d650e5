"""A stage change as published. Mirrors `schemas/stage-change.schema.json`."""

from collections.abc import Sequence

import msgspec

from etapa.contracts.rfc3339 import OffsetTime, microseconds_of
from etapa.journey.engine.facts.changes import Cause, Clause
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.units import SECOND


class StageChangeMessage(msgspec.Struct, frozen=True, gc=False, rename={"source": "from"}):
    """A stage change as published. `at` is in UTC, `dwell_seconds` is the time spent in the stage left."""

    id: str
    customer_id: str
    sequence: int
    source: str | None
    to: str
    phase: str | None
    at: OffsetTime
    cause: Cause
    rule: str | None
    because: Sequence[Clause]
    touchpoint_id: str | None
    channel: str | None
    dwell_seconds: float | None
    journey: str
    version: int

    def change(self) -> StageChange:
        """The core's stage change."""
        return StageChange(
            customer_id=self.customer_id,
            sequence=self.sequence,
            source=self.source,
            to=self.to,
            phase=self.phase,
            at=microseconds_of(self.at),
            cause=self.cause,
            rule=self.rule,
            because=self.because,
            touchpoint_id=self.touchpoint_id,
            channel=self.channel,
            dwell=None if self.dwell_seconds is None else _microseconds(self.dwell_seconds),
        )


def _microseconds(seconds: float) -> int:
    """Seconds as microseconds. Exact up to 272 years; beyond that a double does not hold every microsecond."""
    whole = int(seconds)
    return whole * SECOND + round((seconds - whole) * SECOND)
