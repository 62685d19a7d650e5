"""Trying a touchpoint on a copy of its customer, to find out whether taking it would raise."""

from typing import Final, final

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import catch_up, touch_some
from etapa.journey.engine.judging.program import Program


@final
class Rehearsal:
    """What `take` would do to one customer, tried on a copy. Takes several times as long as `take`."""

    __slots__ = ("_at_once", "_by", "_customer", "_program", "_touchpoint")

    def __init__(self, program: Program, customer: Customer | None, touchpoint: Touchpoint, by: int, at_once: int) -> None:
        self._program: Final = program
        self._customer = customer
        self._touchpoint: Final = touchpoint
        self._by: Final = by
        self._at_once: Final = at_once

    def go_on(self) -> bool:
        """Rehearse a portion. Returns false while there is more. Raises `EvaluationFailed` if taking the touchpoint would."""
        customer = self._customer
        if customer is not None:
            caught_up = catch_up(self._program, customer, self._by, self._at_once)
            if caught_up.cut:
                return False
        touched = touch_some(self._program, customer, self._touchpoint, self._at_once)
        self._customer = touched.customer
        return not touched.cut
