"""The core's input."""

from typing import Any, Final, Protocol, final

from mypy_extensions import mypyc_attr

from etapa.journey.localtime.zone import Zone
from etapa.journey.localtime.zones import UTC

_NOTHING: Final[dict[str, Any]] = {}
_UTC: Final[Zone] = UTC

SAME_AS: Final = "same_as"
"""The property of a link that holds the other id."""


class CustomerPlace(Protocol):
    """A customer's place in memory, which has its id. Reading it from there is put off until somebody asks."""

    @property
    def id(self) -> str:
        """The customer's id."""
        ...


@final
@mypyc_attr(acyclic=True)
class Touchpoint:
    """One thing a customer did. `at` is when it occurred, in microseconds since 1970. Immutable, contents included.

    `zone`: the customer's zone when it arrived, if the journey needs it.
    """

    __slots__ = ("_customer", "at", "channel", "id", "properties", "traits", "type", "when", "zone")

    def __init__(
        self,
        id: str,  # noqa: A002 - called so everywhere else
        customer_id: str | CustomerPlace,
        type: str,  # noqa: A002
        at: Any,
        channel: str | None = None,
        properties: dict[str, Any] = _NOTHING,
        traits: dict[str, Any] = _NOTHING,
        zone: Zone = _UTC,
    ) -> None:
        self.id: Final = id
        self._customer: Final = customer_id
        self.type: Final = type
        self.at: Final[int] = at
        self.when: Final[Any] = at
        """The same as an object, so that all who keep it share one: compiled code makes an object of a number each time it needs one."""
        self.channel: Final = channel
        self.properties: Final = properties
        self.traits: Final = traits
        self.zone: Final = zone

    @property
    def customer_id(self) -> str:
        """The id of the customer who did it."""
        customer = self._customer
        return customer if isinstance(customer, str) else customer.id

    def arriving_in(self, zone: Zone) -> "Touchpoint":
        """The same touchpoint, arriving in `zone`."""
        return Touchpoint(self.id, self._customer, self.type, self.when, self.channel, self.properties, self.traits, zone)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Touchpoint) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((self.customer_id, self.id))

    def __repr__(self) -> str:
        return f"Touchpoint{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return self.id, self.customer_id, self.type, self.at, self.channel, self.properties, self.traits
