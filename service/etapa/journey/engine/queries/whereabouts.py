"""The zone in which a customer is, as far as the journey can tell."""

from typing import Any, Final

from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.language.matching.type_checks import TypeCheck
from etapa.journey.language.model import CustomerZone
from etapa.journey.localtime.zone import Zone
from etapa.journey.localtime.zones import UTC, zone_called


class Whereabouts:
    """Where the customers of a journey are: all in one zone, or each in the zone that a trait names at the moment."""

    __slots__ = ("_elsewhere", "_trait")

    def __init__(self, zone: CustomerZone) -> None:
        self._trait: Final = zone.trait
        self._elsewhere: Final = zone_called(zone.otherwise) or UTC

    def of(self, customer: Customer) -> Zone:
        """The customer's zone. An unknown name counts as missing."""
        if self._trait is None:
            return self._elsewhere
        return zone_called(customer.trait(self._trait, None)) or self._elsewhere

    def traits(self) -> tuple[str, ...]:
        """The trait that names the zone, if there is one."""
        return () if self._trait is None else (self._trait,)


class ZoneWatch(Watch):
    """Counts values that are no zone's name."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(TypeCheck([], None))

    def look(self, value: Any) -> None:
        if value is not None and zone_called(value) is None:
            self.number += 1
