"""What counting takes of a batch: touchpoints and stage changes that were judged beforehand go into a ledger of their own."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import repeat

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.figures import count_changes, count_touchpoint
from etapa.journey.engine.judging.program import Program
from etapa.journey.ledger.ledger import JourneyLedger, enter
from etapa.journey.ledger.tally import BatchTally


def counting(program: Program, touchpoints: Sequence[Touchpoint]) -> Callable[[], float]:
    """Gives the CPU seconds that it takes to count all of them, in the stages where their customers ended, and their changes, as one batch.

    Each batch is entered into pages that are new. The calls from outside of compiled code, which the batch path does not make, do not count:
    what they take at least, without a tally, is subtracted.
    """
    customers: dict[str, Customer] = {}
    changes: list[StageChange] = []
    for touchpoint in touchpoints:
        judged = touch(program, customers.get(touchpoint.customer_id), touchpoint)
        customers[touchpoint.customer_id] = judged.customer
        changes += judged.changes
    touched = [customers[each.customer_id] for each in touchpoints]
    kinds = [program.kind_of(each.type) for each in touchpoints]
    stages = [each.stage for each in touched]
    numbers = [program.stages[stage].number for stage in stages]
    now = max(each.at for each in touchpoints)
    calls = float("inf")

    def count(tally: BatchTally | None) -> None:
        # A loop in C.
        deque(map(count_touchpoint, repeat(program), touched, touchpoints, kinds, stages, numbers, repeat(tally)), maxlen=0)

    def spend() -> float:
        nonlocal calls
        for _ in range(3):
            started = time.process_time()
            count(None)
            calls = min(calls, time.process_time() - started)
        started = time.process_time()
        tally = BatchTally()
        count(tally)
        count_changes(tally, changes)
        enter(JourneyLedger(), tally, now)
        return time.process_time() - started - calls

    return spend
