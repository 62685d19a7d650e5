"""The place of a customer in memory: who is there, with which timer, and where the customers of some touchpoints are."""

from typing import Any, Final, Protocol, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.instant import LONG_AGO, NEVER
from etapa.journey.engine.nearness import AT_ONCE, IS_POSSIBLE, bring_near, learn_layout
from etapa.journey.engine.timers import CustomerTimer


@final
@mypyc_attr(acyclic=True)
class KeptCustomer(CustomerTimer):
    """A customer in memory, with its timer; `customer` is none while there is no state yet."""

    __slots__ = ("customer", "due_at", "is_here", "stage", "turn")

    def __init__(self, customer_id: str, customer: Customer | None) -> None:
        super().__init__(customer_id)
        self.customer = customer
        self.stage: str | None = None if customer is None else customer.stage
        """That of the customer when it was last collected or admitted, and `due_at` likewise: what is stored. None: nothing is."""
        self.due_at = NEVER if customer is None else customer.due_at
        self.turn = -1
        """The turn in which it last changed."""
        self.is_here = True
        """False once it is no longer in memory, or its place was given to another state of the customer."""

    def let_go(self) -> None:
        """It is in memory no longer. The timers may still know it for a time."""
        self.is_here = False
        self.customer = None
        self.cancel()


class LookedUp(Protocol):
    """Touchpoints that know how to look up their customers."""

    def look_up(self, customers: dict[str, Any], start: int, stop: int, /) -> tuple[list[Any], list[str]]:
        """What `customers` has for each of those from `start` to before `stop`, or None, and the ids for which it has nothing."""


@final
@mypyc_attr(acyclic=True)
class FoundCustomers:  # only compiled
    """Where the customers of a run of touchpoints are in the memory of one partition, `of`, so that nobody is looked up twice."""

    __slots__ = ("_asked", "of", "places")

    def __init__(self, of: object, places: list[KeptCustomer | None]) -> None:
        self.of: Final = of
        self.places: Final = places
        self._asked = LONG_AGO

    def place(self, position: int) -> KeptCustomer | None:
        """Where the customer of a touchpoint was; none if it was not there, or was not looked up."""
        return self.places[position] if position < len(self.places) else None

    def bring_near(self, start: int, stop: int) -> int:
        """Have the next customers from `start` on near by the time their touchpoints are taken. Returns where to ask for more, at most `stop`."""
        if not IS_POSSIBLE:
            return stop
        self._asked = bring_near(self.places, self._asked, start)
        return min(start + AT_ONCE, stop)


def learn_layout_of_places() -> bool:
    """Find out where places and customers keep what is brought near. Returns whether that is known now."""
    customer = Customer(
        version=0,
        stage="",
        due=None,
        entered_at=0,
        clock=0,
        first_at=0,
        sequence=0,
        recent=b"an example",
        traits={"an": [0, "example"]},
        id="an example",
    )
    return learn_layout(KeptCustomer(customer.id, customer), customer)


learn_layout_of_places()
