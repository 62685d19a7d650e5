"""How long the steps of a batch take, by the monotonic clock."""

from collections.abc import Mapping
from typing import Final

from etapa.stream.protocol.observer import BatchStep, Beginning
from etapa.stream.protocol.ports import Clock


class StepTimes:
    """Those of the batch that is being made, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._seconds: dict[BatchStep, float] = {}
        self._began: dict[Beginning, float] = {}

    def begin_anew(self) -> None:
        """A fetch begins. Times of steps that led to no commit belong to no batch."""
        self._seconds, self._began = {}, {"fetch": self._clock.monotonic()}

    def took(self, step: BatchStep, started: float) -> float:
        """A step that began at `started` is over. Returns the time now."""
        now = self._clock.monotonic()
        self._began.setdefault(step, started)
        self._seconds[step] = self._seconds.get(step, 0.0) + now - started
        return now

    def take(self, committed: float) -> tuple[Mapping[BatchStep, float], Mapping[Beginning, float]]:
        """How long each step of a batch took, and how long before `committed` it first began. The next batch begins with none."""
        seconds, began = self._seconds, {step: committed - began for step, began in self._began.items()}
        self._seconds, self._began = {}, {}
        return seconds, began
