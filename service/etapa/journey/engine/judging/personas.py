"""A customer's persona: the first whose condition the customer's traits satisfy."""

from typing import Final

from etapa.journey.engine.conditions.condition import Condition
from etapa.journey.engine.conditions.trait import TraitCompares
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.outcomes import EvaluationFailed
from etapa.journey.language.matching.predicates import MISSING

_MOST_VALUES: Final = 1_000
"""Most values of a trait whose persona is kept, so that it is judged once."""


class CompiledPersona:
    """A compiled persona."""

    __slots__ = ("condition", "id")

    def __init__(self, persona_id: str, condition: Condition) -> None:
        self.id: Final = persona_id
        self.condition: Final = condition


class Personas:
    """All personas of a journey, in the order of the file. Their conditions look at traits only, so the answer holds until a trait changes."""

    __slots__ = ("_asked", "_by_value", "_personas", "ids")

    def __init__(self, personas: list[CompiledPersona]) -> None:
        self._personas: Final = personas
        leaves = [leaf for persona in personas for leaf in persona.condition.leaves()]
        # In another zone, a date may be another day.
        asked = {leaf.name if isinstance(leaf, TraitCompares) and leaf.whereabouts is None else None for leaf in leaves}
        self._asked: Final = asked.pop() if len(asked) == 1 else None
        """The only trait that conditions look at; none: there are several, or more than its value counts."""
        self._by_value: Final[dict[str | None, int]] = {}
        """Numbers of personas by the value of that trait, for the first values met; none: the trait is missing."""
        self.ids: Final[list[str | None]] = [None, *[persona.id for persona in personas]]
        """By number."""

    def of(self, customer: Customer) -> str | None:
        """The persona's id; none if no persona fits. Raises `EvaluationFailed`."""
        return self.ids[self.number_of(customer)]

    def number_of(self, customer: Customer) -> int:
        """The number of the persona, from 1; 0 if no persona fits. Raises `EvaluationFailed`."""
        if customer.persona_by is not self:
            customer.persona, customer.persona_by = self._first_of(customer), self
        return customer.persona

    def _first_of(self, customer: Customer) -> int:
        if self._asked is None:
            return self._judge(customer)
        value = customer.trait(self._asked, MISSING)
        if value is MISSING:
            value = None
        elif not isinstance(value, str):
            return self._judge(customer)
        number = self._by_value.get(value)
        if number is None:
            number = self._judge(customer)
            if len(self._by_value) < _MOST_VALUES:
                self._by_value[value] = number
        return number

    def _judge(self, customer: Customer) -> int:
        try:
            for number, persona in enumerate(self._personas, 1):
                if persona.condition.holds(customer, customer.clock, None):
                    return number
        except Exception as error:
            raise EvaluationFailed(customer.id, "its persona", error) from error
        return 0
