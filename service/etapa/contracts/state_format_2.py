"""The layout of customer states before format 3, to read those that were written then. Nothing writes it any more.

A customer is written anew, in the present format, when a touchpoint or a timer next changes it, so states of this one may
lie in the topic for as long as there are customers who are gone.
"""

from typing import Any

import msgspec

from etapa.contracts.state_format_3 import flat
from etapa.journey.engine.customer import Change, Customer
from etapa.journey.engine.outreach import Outreach


class Format2(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=2):
    """The fields mean what those of `Customer` mean; `changes` are the last three, (to, at, rule), oldest first."""

    version: int
    id: str
    stage: str
    entered_at: int
    clock: int
    first_at: int
    due: int | None
    sequence: int
    recent: bytes = b""
    traits: dict[str, list[Any]] = {}
    memory: dict[str, list[Any]] = {}
    changes: list[Change] = []
    known: bytes = b""
    began: dict[str, tuple[int, int]] = {}
    outreach: Outreach | None = None

    def customer(self, customer_id: str) -> Customer:
        """The same customer as it is laid out now."""
        return Customer(
            self.version,
            self.stage,
            self.due,
            self.entered_at,
            self.clock,
            self.first_at,
            self.sequence,
            self.recent,
            flat(self.memory),
            self.changes[-1][2] if self.changes else None,
            self.changes[-2] if len(self.changes) > 1 else None,
            self.traits,
            self.outreach,
            self.began,
            self.known,
            customer_id,
        )


class StandingInFormat2(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=2):
    """The first fields of `Format2`."""

    version: int
    id: str
    stage: str
    entered_at: int
    clock: int
    first_at: int
    due: int | None
