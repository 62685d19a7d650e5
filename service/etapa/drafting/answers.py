"""What must be known to write a first journey, and good guesses for what is not given."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from etapa.journey.units import DAY

CONVERSIONS: Final = (
    ("purchase", "order", "compra", "pedido", "checkout_completed", "transaction", "sale", "venta"),
    ("booking", "reserv", "payment", "paid", "pago", "subscri", "suscri", "renew"),
    ("signup", "sign_up", "register", "registr", "enrol", "install"),
)
"""Parts of names that suggest that a type makes somebody a customer, likeliest first."""
TROUBLE: Final = ("complain", "queja", "reclamo", "refund", "reembolso", "devol", "return", "cancel", "unsubscri", "dispute")
"""Parts of names that suggest trouble."""

MOST_NAMED: Final = 8
"""The most types of interest in a draft; more would only make it long."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that a draft is made from. Durations are in microseconds."""

    name: str
    conversion: str
    """The type of touchpoint that makes somebody a customer."""
    interest: tuple[str, ...] = ()
    """Types that show interest before that."""
    trouble: tuple[str, ...] = ()
    """Types that keep a customer from becoming a regular for a while."""
    regular_count: int = 3
    regular_within: int = 90 * DAY
    silent_after: int = 180 * DAY
    consent: str | None = None
    """The trait whose value `true` means that a customer may be contacted; None: no campaign is drafted."""


def conversion_among(types: tuple[str, ...]) -> str | None:
    """The type that probably makes somebody a customer; None if no name suggests it."""
    wanted = [name for name in types if not is_trouble(name)]
    for parts in CONVERSIONS:
        for part in parts:
            found = min((name for name in wanted if part in name.casefold()), key=len, default=None)
            if found is not None:
                return found
    return None


def is_trouble(name: str) -> bool:
    """Whether a type sounds like a complaint, a refund or a cancellation."""
    return any(part in name.casefold() for part in TROUBLE)


def journey_id(text: str) -> str:
    """An id made from any text: lower case, letters without accents, dashes; `my-journey` if nothing is left."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "my-journey"
