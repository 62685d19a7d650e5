"""A customer who is carried over silently: its published changes go on from what it was before."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.classify import reschedule
from etapa.journey.engine.judging.program import Program
from etapa.journey.engine.judging.visits import stages_visited, visited_by


@final
@mypyc_attr(acyclic=True)
class BeforeSilence:
    """What of a customer is not changed by changes that nobody hears of."""

    __slots__ = ("outreach", "sequence", "stage", "visited", "way")

    def __init__(self, program: Program, customer: Customer) -> None:
        self.stage: Final = customer.stage
        self.sequence: Final = customer.sequence
        self.outreach: Final = customer.outreach
        self.way: Final = customer.way
        self.visited: Final = stages_visited(customer, program.stages_by_digest)
        """The stages where it has been, of those that the journey has."""

    def restore(self, program: Program, customer: Customer) -> None:
        """Unpublished changes take no numbers, trigger nothing and lead nobody along the ideal way or off it."""
        customer.sequence, customer.outreach, customer.way = self.sequence, self.outreach, self.way
        customer.visited = visited_by(program.stages, self.visited)
        reschedule(program, customer)
