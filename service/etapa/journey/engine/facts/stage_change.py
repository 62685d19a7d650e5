"""The core's output: a customer moved."""

from collections.abc import Sequence
from typing import Final, final

from mypy_extensions import mypyc_attr

from etapa.journey.engine.facts.changes import Cause, Clause, Offer
from etapa.journey.ledger.tables import Counted


@final
@mypyc_attr(acyclic=True)
class StageChange:
    """A customer moved. `at` and `dwell` (the time spent in the stage left) are in microseconds."""

    __slots__ = (
        *(
            "at",
            "because",
            "cause",
            "channel",
            "counts",
            "customer_id",
            "dwell",
            "is_first",
            "offers",
            "persona",
            "phase",
            "rule",
            "sequence",
            "source",
        ),
        *("rule_number", "to", "touchpoint_id"),
    )

    def __init__(
        self,
        *,
        customer_id: str,
        sequence: int,
        source: str | None,
        to: str,
        phase: str | None,
        at: int,
        cause: Cause,
        rule: str | None,
        because: Sequence[Clause],
        touchpoint_id: str | None,
        channel: str | None,
        dwell: int | None,
        offers: Sequence[Offer] = (),
        persona: str | None = None,
        counts: tuple[Counted, ...] = (),
        is_first: bool = False,
        rule_number: int = -1,
    ) -> None:
        self.customer_id: Final = customer_id
        self.sequence: Final = sequence
        self.source: Final = source
        """The stage left; none if the customer is new."""
        self.to: Final = to
        self.phase: Final = phase
        self.at: Final = at
        self.cause: Final = cause
        self.rule: Final = rule
        self.because: Final = because
        self.touchpoint_id: Final = touchpoint_id
        self.channel: Final = channel
        self.dwell: Final = dwell
        self.offers: Final = offers
        """The outcome for each campaign that the change fits, in the order of the file."""
        self.persona: Final = persona
        """The customer's persona at that time, for the ledger. Neither published nor compared, like the next three."""
        self.counts: Final = counts
        """What the ledger counts of it about the ideal way and the persona."""
        self.is_first: Final = is_first
        """Whether the customer had never been in `to`."""
        self.rule_number: Final = rule_number
        """The number of the rule among all rules under all stages, so that changes by the same rule are soon counted; -1 if it is not known."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StageChange) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((self.customer_id, self.sequence))

    def __repr__(self) -> str:
        return f"StageChange{self._fields()}"

    def _fields(self) -> tuple[object, ...]:
        return (
            *(self.customer_id, self.sequence, self.source, self.to, self.phase, self.at, self.cause, self.rule, list(self.because)),
            *(self.touchpoint_id, self.channel, self.dwell, list(self.offers)),
        )
