"""What counting takes of a batch: touchpoints and stage changes that were judged beforehand go into a ledger of their own."""

import time
from collections.abc import Callable, Sequence

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

    Each batch is entered into pages that are new.
    """
    customers: dict[str, Customer] = {}
    changes: list[StageChange] = []
    for touchpoint in touchpoints:
        touched = touch(program, customers.get(touchpoint.customer_id), touchpoint)
        customers[touchpoint.customer_id] = touched.customer
        changes += touched.changes
    judged = [
        (customer, each, program.kind_of(each.type), program.stages[customer.stage].number)
        for each in touchpoints
        for customer in [customers[each.customer_id]]
    ]
    now = max(each.at for each in touchpoints)
    tally = BatchTally()

    def spend() -> float:
        nonlocal tally
        started = time.process_time()
        for customer, touchpoint, kind, stage in judged:
            count_touchpoint(program, customer, touchpoint, kind, customer.stage, stage, tally)
        count_changes(tally, changes)
        enter(JourneyLedger(), tally, now)
        tally = BatchTally()
        return time.process_time() - started

    return spend
